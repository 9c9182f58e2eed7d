"""Computes what DiTTransformer2DModel of diffusers computes, from its names and facts, for a folder and inputs."""

import json
import math
import struct
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

folder, inputs = Path(sys.argv[1]) / "transformer", json.loads(Path(sys.argv[2]).read_text())
config = json.loads((folder / "config.json").read_text())
heads, head_dim = config["num_attention_heads"], config["attention_head_dim"]
patch, depth, eps = config["patch_size"], config["num_layers"], config["norm_eps"]
dim, side = heads * head_dim, config["sample_size"] // patch


def read_safetensors(path):
    """Tensors of float32 by name."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + at for at in entry["data_offsets"])
        flat = torch.frombuffer(bytearray(data[start:end]), dtype=torch.float32)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


weights = read_safetensors(folder / "diffusion_pytorch_model.safetensors")


def linear(name, x):
    return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def frequencies(t, shift):
    """[B, 256]: cosines, then sines; `shift` is downscale_freq_shift. In float32 angles of 1000 round to 1e-4."""
    exponent = -math.log(10000) * torch.arange(128, dtype=torch.float64) / (128 - shift)
    angles = t[:, None].double() * torch.exp(exponent)[None]
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1).float()


def positions():
    """[T, D]: the sines and cosines of the column, then of the row."""
    omega = 1 / 10000 ** (torch.arange(dim // 4, dtype=torch.float64) / (dim / 4))
    grid = torch.arange(side, dtype=torch.float64)
    axis = torch.cat([torch.sin(grid[:, None] * omega), torch.cos(grid[:, None] * omega)], dim=1)
    column, row = axis.repeat(side, 1), axis.repeat_interleave(side, dim=0)
    return torch.cat([column, row], dim=1).float()


def conditioning(block, t, y, shift):
    name = f"transformer_blocks.{block}.norm1.emb"
    hidden = F.silu(linear(f"{name}.timestep_embedder.linear_1", frequencies(t, shift)))
    table = weights[f"{name}.class_embedder.embedding_table.weight"]
    return linear(f"{name}.timestep_embedder.linear_2", hidden) + table[y]


def normalized(x, epsilon):
    return F.layer_norm(x, (dim,), eps=epsilon)


def attention(name, x):
    batch, tokens, _ = x.shape
    q, k, v = (
        linear(f"{name}.{part}", x).reshape(batch, tokens, heads, head_dim).transpose(1, 2)
        for part in ("to_q", "to_k", "to_v")
    )
    shares = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(head_dim), dim=-1)
    return linear(f"{name}.to_out.0", (shares @ v).transpose(1, 2).reshape(x.shape))


def gelu(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def forward(x, t, y, shift):
    tokens = F.conv2d(x, weights["pos_embed.proj.weight"], weights["pos_embed.proj.bias"], stride=patch)
    h = tokens.flatten(2).transpose(1, 2) + positions()
    for block in range(depth):
        name = f"transformer_blocks.{block}"
        c = F.silu(conditioning(block, t, y, shift))
        parts = linear(f"{name}.norm1.linear", c)[:, None].chunk(6, dim=-1)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = parts
        h = h + gate_a * attention(f"{name}.attn1", normalized(h, 1e-6) * (1 + scale_a) + shift_a)
        hidden = linear(f"{name}.ff.net.0.proj", normalized(h, eps) * (1 + scale_m) + shift_m)
        h = h + gate_m * linear(f"{name}.ff.net.2", gelu(hidden))
    shift_f, scale_f = linear("proj_out_1", F.silu(conditioning(0, t, y, shift)))[:, None].chunk(2, dim=-1)
    h = linear("proj_out_2", normalized(h, 1e-6) * (1 + scale_f) + shift_f)
    h = h.reshape(len(x), side, side, patch, patch, config["out_channels"])
    return torch.einsum("nhwpqc->nchpwq", h).reshape(len(x), -1, side * patch, side * patch)


x = torch.tensor(inputs["x"])
t, y = torch.tensor(inputs["t"]), torch.tensor(inputs["y"])
print(json.dumps({str(shift): forward(x, t, y, shift).tolist() for shift in (0, 1)}))
