"""The blocks of each design, and how timestep and label reach them.

Source: Peebles & Xie 2023, "Scalable diffusion models with transformers", section 3.2.
"""

import torch
from torch import nn

from layers import (
    CrossAttention,
    Mlp,
    RMSNorm,
    RotaryAttention,
    SelfAttention,
    SwiGlu,
    layer_norm,
    modulate,
    modulation,
    sides,
)


class ContextAttention(nn.Module):
    """A residual branch from patches to the tokens of conditions.

    Source: Chen et al. 2023, "PixArt-alpha", section 2.3.
    """

    def __init__(self, width, heads):
        super().__init__()
        self.norm = layer_norm(width, True)
        self.attn = CrossAttention(width, heads)

    def forward(self, x, context):
        """[B, T, D] to [B, T, D]; context: tokens [B, S, D] and mask [B, S]"""
        tokens, mask = context
        return x + self.attn(self.norm(x), tokens, mask[:, None, None])


class Block(nn.Module):
    """What all designs share: sizes out of the configuration, and the branch to the tokens of conditions."""

    def __init__(self, config):
        super().__init__()
        self.width, self.heads = config["hiddenSize"], config["numHeads"]
        self.hidden = int(self.width * config["mlpRatio"])
        self.context = ContextAttention(self.width, self.heads) if has_context(config) else None

    def hear(self, x, context):
        """[B, T, D] to [B, T, D]"""
        return x if self.context is None else self.context(x, context)


class AdaLnBlock(Block):
    """Scale and shift of the norms come from the condition."""

    def __init__(self, config):
        super().__init__(config)
        self.norm1 = layer_norm(self.width, False)
        self.attn = SelfAttention(self.width, self.heads)
        self.norm2 = layer_norm(self.width, False)
        self.mlp = Mlp(self.width, self.hidden)
        self.adaLN_modulation = modulation(self.width, 4)

    def forward(self, x, condition, context):
        """[B, T, D] and condition [B, D] to [B, T, D]"""
        shift1, scale1, shift2, scale2 = self.adaLN_modulation(condition).chunk(4, -1)
        x = self.hear(x + self.attn(modulate(self.norm1(x), shift1, scale1)), context)
        return x + self.mlp(modulate(self.norm2(x), shift2, scale2))


class GatedBlock(Block):
    """Scale, shift and a gate for each branch come from the condition. A subclass makes norms, attn and mlp."""

    def forward(self, x, condition, context):
        """[B, T, D] and condition [B, D] to [B, T, D]"""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(condition).chunk(6, -1)
        attended = self.attn(modulate(self.norm1(x), shift1, scale1))
        x = self.hear(x + gate1.unsqueeze(1) * attended, context)
        return x + gate2.unsqueeze(1) * self.mlp(modulate(self.norm2(x), shift2, scale2))


class AdaLnZeroBlock(GatedBlock):
    """The block of the official models, whose gates start at zero."""

    def __init__(self, config):
        super().__init__(config)
        self.norm1 = layer_norm(self.width, False)
        self.attn = SelfAttention(self.width, self.heads)
        self.norm2 = layer_norm(self.width, False)
        self.mlp = Mlp(self.width, self.hidden)
        self.adaLN_modulation = modulation(self.width, 6)


class ModernBlock(GatedBlock):
    """adaLN-Zero with RMS norms, rotary positions and SwiGLU (Yao et al. 2025, LightningDiT, section 4)."""

    def __init__(self, config):
        super().__init__(config)
        self.norm1 = RMSNorm(self.width, False)
        self.attn = RotaryAttention(self.width, self.heads, patch_grid(config), config.get("qkNorm", False))
        self.norm2 = RMSNorm(self.width, False)
        self.mlp = SwiGlu(self.width, self.hidden)
        self.adaLN_modulation = modulation(self.width, 6)


class CrossAttentionBlock(Block):
    """Patches attend to timestep and label as a second sequence."""

    def __init__(self, config):
        super().__init__(config)
        self.norm1 = layer_norm(self.width, True)
        self.attn = SelfAttention(self.width, self.heads)
        self.norm2 = layer_norm(self.width, True)
        self.cross_attn = CrossAttention(self.width, self.heads)
        self.norm3 = layer_norm(self.width, True)
        self.mlp = Mlp(self.width, self.hidden)

    def forward(self, x, condition, context):
        """[B, T, D] and condition [B, 2, D] to [B, T, D]"""
        x = x + self.attn(self.norm1(x))
        x = self.hear(x + self.cross_attn(self.norm2(x), condition), context)
        return x + self.mlp(self.norm3(x))


class InContextBlock(nn.Module):
    """Timestep, label and the tokens of conditions are tokens beside the patches."""

    def __init__(self, config):
        super().__init__()
        width = config["hiddenSize"]
        self.norm1 = layer_norm(width, True)
        self.attn = SelfAttention(width, config["numHeads"])
        self.norm2 = layer_norm(width, True)
        self.mlp = Mlp(width, int(width * config["mlpRatio"]))
        self.context_gate = nn.Parameter(torch.zeros(width)) if has_context(config) else None

    def forward(self, x, condition, context):
        """[B, 2 + T, D] to the same, or with S tokens of conditions [B, 2 + T + S, D] to the same"""
        normed = self.norm1(x)
        if self.context_gate is None:
            x = x + self.attn(normed)
        else:
            x = x + self.attend_with_context(normed, context[1])
        return x + self.mlp(self.norm2(x))

    def attend_with_context(self, normed, mask):
        """Patches attend as without conditions, plus a gate times their attention to the tokens of conditions.

        [B, 2 + T + S, D] and mask bool [B, S] to [B, 2 + T + S, D]. The tokens of conditions attend to all tokens.
        """
        length = mask.shape[1]
        own, context = normed.split([normed.shape[1] - length, length], 1)
        visible = mask[:, None, None]
        everything = torch.cat([visible.new_ones(*visible.shape[:3], own.shape[1]), visible], 3)
        heard = self.attn.attend_to(own, context, visible) * self.context_gate
        to_all = self.attn.attend_to(context, normed, everything)
        return torch.cat([self.attn(own) + heard, to_all], 1)


BLOCKS = {
    "in-context": InContextBlock,
    "cross-attention": CrossAttentionBlock,
    "adaln": AdaLnBlock,
    "adaln-zero": AdaLnZeroBlock,
    "modern": ModernBlock,
}

# Designs whose blocks hear timestep and label as two tokens; those of the others hear their sum.
SEQUENCES = ("in-context", "cross-attention")


def patch_grid(config):
    """Rows and columns of patches."""
    return tuple(side // config["patchSize"] for side in sides(config["inputSize"]))


def has_context(config):
    """Whether conditions offer tokens to the blocks."""
    return any(condition["kind"] == "text" for condition in config.get("conditions", ()))
