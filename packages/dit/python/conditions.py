"""What a model hears beside timestep and label: texts, numbers, further labels, and maps over the image.

A condition is called with its values and gives a Contribution. Where a model has no condition of a kind, nothing of it
is computed.
"""

from dataclasses import dataclass
from typing import Optional

import torch
from torch import nn

from blocks import BLOCKS
from layers import LabelEmbedder, Mlp, NumberEmbedder, SelfAttention, patchify, sides

# Texts: bytes, then the token behind the last one, then the known words.
PADDING = 256

# The nulls of numbers and of maps.
NO_SCALAR = -1e30
NO_PIXEL = -1.0


@dataclass
class Branch:
    """Blocks beside those of a model."""

    # [B, T, D], added to the patches that go in.
    patches: torch.Tensor
    # bool [B], for which samples the branch says something.
    heard: torch.Tensor
    # The blocks, and a layer behind each, whose output is added behind the block of the model.
    blocks: nn.ModuleList
    outputs: nn.ModuleList


@dataclass
class Contribution:
    """What conditions give to a model."""

    # [B, D], added to the embedding of the timestep.
    vector: Optional[torch.Tensor] = None
    # [B, S, D], tokens for the blocks, and bool [B, S], which of them say something.
    tokens: Optional[torch.Tensor] = None
    mask: Optional[torch.Tensor] = None
    # [B, T, D], added to the patches.
    patches: Optional[torch.Tensor] = None
    branches: tuple = ()


class LabelCondition(LabelEmbedder):
    """A further class label, int64 [B]. Its null is one more class."""

    def __init__(self, config, model):
        super().__init__(config["classes"] + 1, model["hiddenSize"])

    def forward(self, values):
        """int64 [B] to a vector [B, D]"""
        return Contribution(vector=super().forward(values))


class ScalarCondition(NumberEmbedder):
    """A number in a range, float32 [B], embedded as a timestep is."""

    POSITIONS = 1000

    def __init__(self, config, model):
        super().__init__(model["hiddenSize"])
        self.null_vector = nn.Parameter(torch.zeros(model["hiddenSize"]))
        self.range = config["range"]

    def forward(self, values):
        """float32 [B] to a vector [B, D]"""
        low, high = self.range
        known = (values > NO_SCALAR / 2).unsqueeze(1)
        position = (values.clamp(low, high) - low) * (self.POSITIONS / (high - low))
        return Contribution(vector=torch.where(known, super().forward(position), self.null_vector))


class TextBlock(nn.Module):
    """A pre-norm block of the encoder of texts."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, 4 * width)

    def forward(self, tokens, mask):
        """[B, S, W] to [B, S, W]; mask: bool [B, 1, 1, S]"""
        x = tokens + self.attn(self.norm1(tokens), mask)
        return x + self.mlp(self.norm2(x))


class TextCondition(nn.Module):
    """A text of at most S tokens, int64 [B, S], read by a transformer encoder that is trained along."""

    def __init__(self, config, model):
        super().__init__()
        width = config["width"]
        vocabulary = PADDING + 1 + len(config.get("words", ()))
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Parameter(torch.zeros(config["length"], width))
        self.blocks = nn.ModuleList(TextBlock(width, config["heads"]) for _ in range(config["depth"]))
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, model["hiddenSize"])
        self.pool = nn.Linear(width, model["hiddenSize"])

    def forward(self, values):
        """int64 [B, S] to a vector [B, D] and tokens [B, S, D]"""
        mask = (values != PADDING) | (torch.arange(values.shape[1], device=values.device) == 0)
        visible = mask[:, None, None]
        tokens = self.token_embedding(values) + self.position_embedding
        for block in self.blocks:
            tokens = block(tokens, visible)
        text = self.norm(tokens)
        weights = mask.to(text.dtype).unsqueeze(2)
        mean = (text * weights).sum(1) / weights.sum(1)
        return Contribution(vector=self.pool(mean), tokens=self.project(text), mask=mask)


class MapCondition(nn.Module):
    """A map over the image, float32 [B, Cm, M, M]: further channels of the latent. Unknown pixels are below 0."""

    def __init__(self, config, model):
        super().__init__()
        self.patch_size = model["patchSize"] * sides(config["size"])[0] // sides(model["inputSize"])[0]
        width = 2 * config["channels"] * self.patch_size**2
        self.columns = nn.Linear(width, model["hiddenSize"], bias=False)

    def forward(self, values):
        """float32 [B, Cm, M, M] to patches [B, T, D]"""
        known = values >= 0
        channels = torch.cat([torch.where(known, values, 0.0), known.to(values.dtype)], 1)
        return Contribution(patches=self.columns(patchify(channels, self.patch_size)))


class ControlCondition(MapCondition):
    """A map over the image that a branch of blocks reads: a ControlNet.

    Sources: Zhang et al. 2023, "Adding conditional control to text-to-image diffusion models", section 3.1; Chen et
    al. 2024, "PixArt-delta", section 5.
    """

    def __init__(self, config, model):
        super().__init__(config, model)
        width, count = model["hiddenSize"], config["blocks"]
        self.blocks = nn.ModuleList(BLOCKS[model["design"]](model) for _ in range(count))
        self.outputs = nn.ModuleList(nn.Linear(width, width) for _ in range(count))

    def forward(self, values):
        """float32 [B, Cm, M, M] to a branch that is silent where nothing of a map is known"""
        heard = (values >= 0).flatten(1).any(1)
        patches = super().forward(values).patches
        return Contribution(branches=(Branch(patches, heard, self.blocks, self.outputs),))


KINDS = {
    "label": LabelCondition,
    "scalar": ScalarCondition,
    "text": TextCondition,
    "map": MapCondition,
    "control": ControlCondition,
}


class Conditions(nn.Module):
    """The conditions of a model by name. A name may be any, so they are kept as modules without attributes."""

    def __init__(self, model):
        super().__init__()
        for config in model.get("conditions", ()):
            self._modules[config["name"]] = KINDS[config["kind"]](config, model)

    def __getitem__(self, name):
        return self._modules[name]

    def forward(self, values):
        """The values of a batch by name to one Contribution: vectors and patches added, tokens one behind the other."""
        total = Contribution()
        for name, condition in self._modules.items():
            own = condition(values[name])
            total = Contribution(
                vector=plus(total.vector, own.vector),
                tokens=behind(total.tokens, own.tokens),
                mask=behind(total.mask, own.mask),
                patches=plus(total.patches, own.patches),
                branches=total.branches + own.branches,
            )
        return total


def plus(a, b):
    """The sum of two tensors of one shape, either of which may be missing."""
    return b if a is None else a if b is None else a + b


def behind(a, b):
    """[B, S, ...] and [B, R, ...] to [B, S + R, ...], either of which may be missing."""
    return b if a is None else a if b is None else torch.cat([a, b], 1)


def trained_branch(config):
    """The ControlNet that a run trains on a model that stays as it is: its last condition, if that is one; or None."""
    conditions = config["model"].get("conditions", [])
    if config["diffusion"]["objective"] == "mean-flow" or not conditions:
        return None
    return conditions[-1] if conditions[-1]["kind"] == "control" else None


def null_of(config):
    """The element that the null of a condition is filled with."""
    return {
        "label": config.get("classes"),
        "scalar": NO_SCALAR,
        "text": PADDING,
        "map": NO_PIXEL,
        "control": NO_PIXEL,
    }[config["kind"]]
