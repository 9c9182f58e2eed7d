"""The loss of a flow map, which learns steps of any length from a trained flow, the teacher.

Sources: Lee et al. 2025, "Decoupled MeanFlow"; Geng et al. 2025, "Mean flows for one-step generative modeling".
"""

import torch
from torch.autograd import forward_ad

from conditions import null_of
from objective import Objective, mean_of_samples
from threefry import bernoulli, split_key

# The guidance of the teacher, and the share of steps without length, where a configuration names none.
GUIDANCE = 2
INSTANT_SHARE = 0.25

# The mean squared error that counts half.
HALF_WEIGHT = 0.01


class FlowMapObjective(Objective):
    """The objective of a flow map."""

    def __init__(self, config, latent_scale, teacher):
        super().__init__(config, latent_scale)
        self.teacher = teacher

    def times(self, key, rows, history):
        """Where steps begin and end, float32 [b] each, by name."""
        first_key, second_key, instant_key = split_key(key, 3)
        first, second = self.timesteps(first_key, rows), self.timesteps(second_key, rows)
        t = torch.maximum(first, second)
        instant = bernoulli(instant_key, self.diffusion.get("instantShare", INSTANT_SHARE), rows)
        return {"t": t, "ends": torch.where(instant, t, torch.minimum(first, second))}

    def losses(self, model, drawn):
        """log(1 + mse / 0.01) of the average velocity against the one that its derivative asks for: [b]"""
        process, t, ends = self.process, drawn.t, drawn.ends
        x = process.noisy(drawn.start, t, drawn.eps)
        told, end, values = process.told(t), process.told(ends), drawn.values
        velocity = self.velocity(x, told, values)
        # By itself, since blocks that are computed again in a backward pass have no forward derivatives.
        with torch.no_grad(), forward_ad.dual_level():
            moving = forward_ad.make_dual(x, velocity)
            time = forward_ad.make_dual(told, process.told(torch.ones_like(t)))
            change = forward_ad.unpack_dual(model(moving, time, values, end)).tangent
        target = velocity - change * (t - ends).view(-1, 1, 1, 1)
        return (mean_of_samples((model(x, told, values, end) - target).square()) / HALF_WEIGHT + 1).log()

    @torch.no_grad()
    def velocity(self, x, t, values):
        """The velocity of the teacher under guidance by all conditions together: [b, C, H, W]"""
        scale, conditions = self.diffusion.get("guidance", GUIDANCE), self.model.get("conditions", [])
        if scale == 1 or self.model["numClasses"] + len(conditions) == 0:
            return self.teacher(x, t, values)
        nulls = {"label": self.model["numClasses"], **{each["name"]: null_of(each) for each in conditions}}
        both = {
            name: torch.cat([torch.full_like(value, nulls[name]), value]) for name, value in values.items()
        }
        without, asked = self.teacher(torch.cat([x, x]), torch.cat([t, t]), both).chunk(2)
        return without + scale * (asked - without)
