"""The Diffusion Transformer, with the names of the official checkpoints.

Source: Peebles & Xie 2023, "Scalable diffusion models with transformers", section 3. `Dit(config)` takes the part
`model` of a config.json.
"""

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from blocks import BLOCKS, SEQUENCES, patch_grid
from conditions import Conditions, plus
from layers import LabelEmbedder, NumberEmbedder, layer_norm, modulate, modulation, unpatchify

# Tokens of timestep and label, which stand before the patches in the design in-context.
CONDITION_TOKENS = 2


class FinalLayer(nn.Module):
    """Tokens to the pixels of their patches: [B, T, D] and condition [B, D] to [B, T, P * P * C]."""

    def __init__(self, width, features, adaptive):
        super().__init__()
        self.norm_final = layer_norm(width, not adaptive)
        self.linear = nn.Linear(width, features)
        self.adaLN_modulation = modulation(width, 2) if adaptive else None

    def forward(self, x, condition):
        """[B, T, D] to [B, T, P * P * C]"""
        x = self.norm_final(x)
        if self.adaLN_modulation is not None:
            x = modulate(x, *self.adaLN_modulation(condition).chunk(2, -1))
        return self.linear(x)


class PatchEmbed(nn.Module):
    """Patches as tokens, by a convolution: [B, C, H, W] to [B, T, D]."""

    def __init__(self, channels, width, size):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel_size=size, stride=size)

    def forward(self, x):
        """[B, C, H, W] to [B, T, D]"""
        return self.proj(x).flatten(2).transpose(1, 2)


class Dit(nn.Module):
    """The model of a configuration. Weights are loaded by load_state_dict; they have no start of their own here."""

    def __init__(self, config):
        super().__init__()
        width, size = config["hiddenSize"], config["patchSize"]
        self.grid, self.patch_size, self.design = patch_grid(config), size, config["design"]
        channels = config["inChannels"]
        outputs = 2 * channels if config["learnSigma"] else channels
        self.register_buffer("pos_embed", torch.zeros(1, self.grid[0] * self.grid[1], width))
        self.x_embedder = PatchEmbed(channels, width, size)
        self.t_embedder = NumberEmbedder(width)
        self.y_embedder = LabelEmbedder(label_rows(config), width)
        self.conditions = Conditions(config)
        self.blocks = nn.ModuleList(BLOCKS[self.design](config) for _ in range(config["depth"]))
        self.final_layer = FinalLayer(width, size * size * outputs, self.design not in SEQUENCES)
        # The last blocks of a flow map, which hear the end of a step.
        self.decoder_depth = config.get("decoderDepth", 0)
        # Blocks, from the first, that are computed again in the backward pass.
        self.recomputed = 0

    def forward(self, x, t, values, end=None):
        """[B, C, H, W], timesteps [B] and the values of the conditions by name to [B, C or 2C, H, W].

        end: the timesteps [B] at which the steps of a flow map end.
        """
        heard = self.conditions(values)
        label = self.y_embedder(values["label"])
        condition_at = lambda time: self.condition(
            plus(self.t_embedder(time), heard.vector), label
        )  # noqa: E731
        begin = condition_at(t)
        decoding = begin if end is None else condition_at(end)
        turn = len(self.blocks) - (0 if end is None else self.decoder_depth)
        placed = plus(self.x_embedder(x), heard.patches) + self.pos_embed
        context = None if heard.tokens is None else (heard.tokens, heard.mask)
        tokens = self.enter(placed, begin, context)
        beside = [self.enter(placed + branch.patches, begin, context) for branch in heard.branches]
        for i, block in enumerate(self.blocks):
            if i == turn:
                tokens, *beside = [self.turn(each, decoding - begin) for each in (tokens, *beside)]
            condition = begin if i < turn else decoding
            tokens = self.through(i, block, tokens, condition, context)
            for n, branch in enumerate(heard.branches):
                if i < len(branch.blocks):
                    beside[n] = self.through(i, branch.blocks[i], beside[n], condition, context)
                    said = branch.outputs[i](beside[n])
                    tokens = tokens + torch.where(branch.heard[:, None, None], said, 0.0)
        if self.design == "in-context":
            tokens = tokens[:, CONDITION_TOKENS : CONDITION_TOKENS + placed.shape[1]]
        return unpatchify(self.final_layer(tokens, decoding), self.patch_size, self.grid)

    def condition(self, timestep, label):
        """What the blocks are told of timestep and label, [B, D] each: their sum, or [B, 2, D]"""
        return torch.stack([timestep, label], 1) if self.design in SEQUENCES else timestep + label

    def enter(self, tokens, condition, context):
        """Tokens of patches to those of the first block: [B, T, D] to [B, T, D], in-context to [B, 2 + T + S, D]"""
        if self.design != "in-context":
            return tokens
        return torch.cat([condition, tokens, *([] if context is None else [context[0]])], 1)

    def turn(self, tokens, change):
        """Tells tokens of another timestep, where it is among them. change: of the condition, [B, 2, D]"""
        if self.design != "in-context":
            return tokens
        return tokens + functional.pad(change, (0, 0, 0, tokens.shape[1] - CONDITION_TOKENS))

    def through(self, i, block, tokens, condition, context):
        """The i-th block of the model or of a branch: [B, T, D] to [B, T, D]"""
        if i < self.recomputed and torch.is_grad_enabled():
            return checkpoint(block, tokens, condition, context, use_reentrant=False)
        return block(tokens, condition, context)


def label_rows(config):
    """Rows of the table of labels: the classes, and the null where labels are dropped or there are none."""
    classes = config["numClasses"]
    return classes + (1 if config["classDropoutProb"] > 0 or classes == 0 else 0)
