"""The layers of a Diffusion Transformer: norms, attention, MLPs, and what timesteps become."""

import math

import numpy
import torch
from torch import nn
from torch.nn import functional

NORM_EPS = 1e-6
FREQUENCIES = 256
MAX_PERIOD = 10_000
COARSE_BITS = 12


class RMSNorm(nn.Module):
    """x / sqrt(mean(x**2) + eps), with a learned scale if it is affine: [..., D] to [..., D].

    Source: Zhang & Sennrich 2019, "Root mean square layer normalization", equation 4.
    """

    def __init__(self, width, affine):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width)) if affine else None

    def forward(self, x):
        """[..., D] to [..., D]"""
        y = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + NORM_EPS)
        return y if self.weight is None else y * self.weight


def layer_norm(width, affine):
    """The layer norm of all designs: [..., D] to [..., D]."""
    return nn.LayerNorm(width, eps=NORM_EPS, elementwise_affine=affine)


def attend(q, k, v, mask=None):
    """softmax(q k^T / sqrt(E)) v: [B, N, T, E], [B, N, S, E] and [B, N, S, E] to [B, N, T, E].

    mask: bool, broadcast to [B, N, T, S]; true where a key is seen.
    """
    if hasattr(functional, "scaled_dot_product_attention"):
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


def split_heads(x, heads):
    """[B, T, D] to [B, N, T, E] with D = N * E"""
    batch, tokens, width = x.shape
    return x.view(batch, tokens, heads, width // heads).transpose(1, 2)


def join_heads(x):
    """[B, N, T, E] to [B, T, D]"""
    return x.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Multi-head self-attention with queries, keys and values in one layer."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x, mask=None):
        """[B, T, D] to [B, T, D]; mask: bool [B, 1, 1, T]"""
        q, k, v = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        return self.proj(join_heads(attend(q, k, v, mask)))

    def attend_to(self, x, context, mask):
        """From x to other tokens, by the same weights: [B, T, D] and [B, S, D] to [B, T, D]; mask: bool [B, 1, 1, S]"""
        width = x.shape[-1]
        weight, bias = self.qkv.weight, self.qkv.bias
        q = functional.linear(x, weight[:width], bias[:width])
        k, v = functional.linear(context, weight[width:], bias[width:]).chunk(2, -1)
        heads = (split_heads(part, self.heads) for part in (q, k, v))
        return self.proj(join_heads(attend(*heads, mask)))


class CrossAttention(nn.Module):
    """Multi-head attention from tokens to a context."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x, context, mask=None):
        """[B, T, D] and [B, S, D] to [B, T, D]; mask: bool [B, 1, 1, S]"""
        parts = (self.q(x), *self.kv(context).chunk(2, -1))
        return self.proj(join_heads(attend(*(split_heads(part, self.heads) for part in parts), mask)))


class RotaryAttention(nn.Module):
    """Self-attention whose queries and keys are turned by their places on a grid of patches.

    Sources: Su et al. 2021, "RoFormer", equations 16 and 34; Heo et al. 2024, "Rotary position embedding for vision
    transformer", section 3.2, for two axes and the base 100.
    """

    BASE = 100

    def __init__(self, width, heads, grid, qk_norm):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.q_norm = RMSNorm(width // heads, True) if qk_norm else None
        self.k_norm = RMSNorm(width // heads, True) if qk_norm else None
        self.proj = nn.Linear(width, width)
        angles = self.angles(grid, width // heads)
        self.register_buffer("cos", torch.tensor(numpy.cos(angles), dtype=torch.float32), persistent=False)
        self.register_buffer("sin", torch.tensor(numpy.sin(angles), dtype=torch.float32), persistent=False)

    def angles(self, grid, head_width):
        """The angle of each pair at each place: float64 [T, E / 2]. The first half turns by the row."""
        quarter = head_width // 4
        places = numpy.stack(numpy.divmod(numpy.arange(grid[0] * grid[1]), grid[1]))  # [2, T]
        frequencies = self.BASE ** (-numpy.arange(quarter) / quarter)  # [E / 4]
        return numpy.concatenate([place[:, None] * frequencies for place in places], axis=1)

    def rotate(self, x):
        """Element j of a head and element j + E / 2 are a pair: [B, N, T, E] to [B, N, T, E]."""
        a, b = x.chunk(2, -1)
        return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], -1)

    def forward(self, x):
        """[B, T, D] to [B, T, D]"""
        q, k, v = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        if self.q_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        return self.proj(join_heads(attend(self.rotate(q), self.rotate(k), v)))


class Mlp(nn.Module):
    """Linear, the tanh approximation of GELU, linear: [..., D] to [..., D]."""

    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        """[..., D] to [..., D] through [..., F]"""
        return self.fc2(functional.gelu(self.fc1(x), approximate="tanh"))


class SwiGlu(nn.Module):
    """w3(SiLU(w1 x) * w2 x), with w1 and w2 in one layer: [..., D] to [..., D].

    Source: Shazeer 2020, "GLU variants improve Transformer", equation 6. The width inside is two thirds of that of the
    MLP that this one stands for, rounded up to a multiple of 8.
    """

    def __init__(self, width, hidden):
        super().__init__()
        inner = math.ceil(2 * hidden / 3 / 8) * 8
        self.w12 = nn.Linear(width, 2 * inner)
        self.w3 = nn.Linear(inner, width)

    def forward(self, x):
        """[..., D] to [..., D]"""
        gate, value = self.w12(x).chunk(2, -1)
        return self.w3(functional.silu(gate) * value)


def modulation(width, count):
    """The layers from a condition to `count` vectors: [B, D] to [B, count * D]."""
    return nn.Sequential(nn.SiLU(), nn.Linear(width, count * width))


def modulate(x, shift, scale):
    """x * (1 + scale) + shift: [B, T, D], [B, D] and [B, D] to [B, T, D]"""
    return x * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class NumberEmbedding(nn.Module):
    """Cosines and sines of a number at 128 frequencies: [B] to float32 [B, 256].

    A frequency is two floats whose sum has its float64 value, so that angles of large numbers lose nothing.
    """

    def __init__(self):
        super().__init__()
        half = FREQUENCIES // 2
        exact = numpy.exp(-math.log(MAX_PERIOD) * numpy.arange(half) / half)
        unit = 2.0 ** (numpy.floor(numpy.log2(exact)) + 1 - COARSE_BITS)
        coarse = numpy.floor(exact / unit + 0.5) * unit
        for name, values in (("frequency", exact), ("coarse", coarse), ("rest", exact - coarse)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)

    def forward(self, numbers):
        """[B] to [B, 256]"""
        time = numbers.to(torch.float32).unsqueeze(1)
        whole = time.floor()
        a = whole * self.coarse
        b = whole * self.rest + (time - whole) * self.frequency
        cos = a.cos() * b.cos() - a.sin() * b.sin()
        sin = a.sin() * b.cos() + a.cos() * b.sin()
        return torch.cat([cos, sin], 1)


class NumberEmbedder(nn.Module):
    """A number, such as a timestep, as a vector: [B] to [B, D]."""

    def __init__(self, width):
        super().__init__()
        self.embedding = NumberEmbedding()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, numbers):
        """[B] to [B, D]"""
        return self.mlp(self.embedding(numbers))


class LabelEmbedder(nn.Module):
    """A table of vectors, a row for each class and for the null: int64 [B] to [B, D]."""

    def __init__(self, rows, width):
        super().__init__()
        self.embedding_table = nn.Embedding(rows, width)

    def forward(self, labels):
        """int64 [B] to [B, D]"""
        return self.embedding_table(labels)


def patchify(images, size):
    """Row by row, the channel fastest: [B, C, H, W] to [B, T, P * P * C]."""
    batch, channels, height, width = images.shape
    x = images.reshape(batch, channels, height // size, size, width // size, size)
    return x.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, size * size * channels)


def unpatchify(tokens, size, grid):
    """The inverse of patchify: [B, T, P * P * C] to [B, C, rows * P, columns * P]."""
    rows, columns = grid
    x = tokens.reshape(tokens.shape[0], rows, columns, size, size, -1)
    return x.permute(0, 5, 1, 3, 2, 4).reshape(tokens.shape[0], -1, rows * size, columns * size)


def sides(size):
    """Height and width of a size, which may be one number."""
    return (size, size) if isinstance(size, int) else tuple(size)
