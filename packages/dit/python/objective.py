"""What a step draws, and the loss of that: timesteps, noise, dropped conditions, and errors of predictions.

All draws are keyed by the place of a sample in the whole batch, see threefry.py.
"""

import math
from dataclasses import dataclass
from typing import Optional

import torch

from conditions import null_of
from process import process_of
from threefry import bernoulli, normal, random_int, split_key, uniform

# Losses that are kept of each timestep, and the share of draws that stays uniform, for loss-second-moment.
KEPT = 10
UNIFORM = 0.001


@dataclass
class Drawn:
    """What is drawn for some samples of a batch."""

    # [b, C, H, W]
    start: torch.Tensor
    eps: torch.Tensor
    # int64 [b], or for a flow times float32 [b].
    t: torch.Tensor
    # The values of the conditions by name, [b, ...].
    values: dict
    # float32 [b], and int64 [b], the timesteps whose losses are remembered: for timesteps drawn by their losses.
    weights: Optional[torch.Tensor] = None
    bins: Optional[torch.Tensor] = None
    # The times float32 [b] at which the steps of a flow map end.
    ends: Optional[torch.Tensor] = None
    # The velocity of another sample, [b, C, H, W], for the contrastive term of a flow.
    others: Optional[torch.Tensor] = None

    def part(self, rows):
        """The same of some of the samples."""
        return Drawn(
            self.start[rows],
            self.eps[rows],
            self.t[rows],
            {name: values[rows] for name, values in self.values.items()},
            None if self.weights is None else self.weights[rows],
            None if self.bins is None else self.bins[rows],
            None if self.ends is None else self.ends[rows],
            None if self.others is None else self.others[rows],
        )


class Objective:
    """The objective of a run: what it draws for a batch, and the losses."""

    def __init__(self, config, latent_scale):
        self.process = process_of(config)
        self.diffusion = config["diffusion"]
        self.model = config["model"]
        self.batch = config["batch"]
        self.latent_scale = latent_scale

    def draw(self, key, rows, samples, history=None):
        """Draws all random numbers of some samples: a Drawn.

        key: that of the step. rows: int64 [b], their places in the batch. samples: a function from places to latents
        and conditions, see data.py. history: of losses, for timesteps that are drawn by them.
        """
        latent_key, time_key, noise_key, drop_key = split_key(key, 4)
        found = samples(rows)
        start = self.latents(latent_key, rows, found)
        eps = self.noise(noise_key, rows, start.shape)
        times = self.times(time_key, rows, history)
        others = None
        if self.diffusion.get("contrastive", 0) > 0:
            before = (rows - 1) % self.batch
            other = self.latents(latent_key, before, samples(before))
            others = self.noise(noise_key, before, start.shape) - other
        values = self.dropped(drop_key, rows, found["values"])
        return Drawn(start, eps, values=values, others=others, **times)

    def latents(self, key, rows, found):
        """Latents of unit variance, drawn from their posteriors: [b, C, H, W]"""
        mean = found["mean"]
        if "log_variance" in found:
            mean = mean + (found["log_variance"] * 0.5).exp() * self.noise(key, rows, mean.shape)
        return mean * self.latent_scale

    def noise(self, key, rows, shape):
        """Standard normal noise of samples: int64 [b] and [b, C, H, W] to float32 [b, C, H, W]."""
        size = shape[1:].numel()
        counters = rows[:, None] * size + torch.arange(size, device=rows.device)
        return normal(key, counters, self.batch * size).view(-1, *shape[1:])

    def times(self, key, rows, history):
        """Timesteps of samples, and their weights and bins, if there are some: int64 [b] to [b] each, by name."""
        if self.diffusion.get("timestepSampling") != "loss-second-moment":
            return {"t": self.timesteps(key, rows)}
        bin_key, within_key = split_key(key)
        bins, weights = history.draw(bin_key, rows)
        flow, count = self.process.predicts == "flow", self.process.timesteps
        t = (bins + uniform(within_key, rows)) / count if flow else bins
        return {"t": t, "weights": weights, "bins": bins}

    def timesteps(self, key, rows):
        """Timesteps of samples, however large their losses: int64 [b] to [b]."""
        sampling, shift = self.diffusion.get("timestepSampling", "uniform"), self.diffusion.get("shift", 1)
        count, flow = self.process.timesteps, self.process.predicts == "flow"
        if not flow and sampling == "uniform" and shift == 1:
            return random_int(key, rows, count)
        if sampling == "uniform":
            share = uniform(key, rows)
        else:
            share = normal(key, rows, self.batch).sigmoid()
        share = shift * share / (1 + (shift - 1) * share) if shift != 1 else share
        return share if flow else (share * count).floor().clamp(max=count - 1).to(torch.int64)

    def dropped(self, key, rows, values):
        """The values with nulls where they are dropped: by name [b, ...] to [b, ...]."""
        conditions = self.model.get("conditions", [])
        classes, probability = self.model["numClasses"], self.model["classDropoutProb"]
        labels = values["label"]
        if not conditions and classes > 0:
            label_key, joint = key, None
        else:
            label_key, joint_key, *keys = split_key(key, 2 + len(conditions))
            joint_probability = self.model.get("jointDropoutProb", 0)
            joint = bernoulli(joint_key, joint_probability, rows) if joint_probability > 0 else None
        if probability > 0:
            labels = torch.where(bernoulli(label_key, probability, rows), classes, labels)
        result = {"label": labels if joint is None else torch.where(joint, classes, labels)}
        for i, condition in enumerate(conditions):
            own = bernoulli(keys[i], condition["dropoutProb"], rows)
            mask = own if joint is None else own | joint
            value = values[condition["name"]]
            null = torch.full_like(value, null_of(condition))
            result[condition["name"]] = torch.where(mask.view(-1, *[1] * (value.dim() - 1)), null, value)
        return result

    def losses(self, model, drawn):
        """The loss of each sample without the weights of its timestep's chance: [b]"""
        process, start, t, eps = self.process, drawn.start, drawn.t, drawn.eps
        noisy = process.noisy(start, t, eps)
        output = model(noisy, process.told(t), drawn.values)
        spread = None
        if process.learn_sigma:
            output, spread = output.chunk(2, 1)
        losses = mean_of_samples((process.target(start, t, eps) - output).square())
        contrastive = self.diffusion.get("contrastive", 0)
        if contrastive > 0:
            losses = losses - contrastive * mean_of_samples((output - drawn.others).square())
        if self.diffusion.get("weighting", "none") == "min-snr":
            losses = losses * process.min_snr_weights(t, self.diffusion.get("gamma", 5))
        if spread is not None:
            compat = self.diffusion.get("compat", "official")
            losses = losses + bound_term(process, output.detach(), spread, start, noisy, t, compat)
        return losses


def mean_of_samples(x):
    """[B, ...] to [B]"""
    return x.flatten(1).mean(1)


def bound_term(process, prediction, spread, start, noisy, t, compat):
    """One term of the variational bound, in bits: [B, C, H, W] and t [B] to [B].

    spread: where the logarithm of the variance lies between its bounds, from -1 to 1. At t = 0 the term is the
    likelihood of `start`, taken for pixels of 8 bits (compat "official") or for real numbers ("fixed").

    Sources: Ho et al. 2020, equation 5; Nichol & Dhariwal 2021, equations 4 to 7 and 15.
    """
    low, high = process.at("log_posterior", t), process.at("log_beta", t)
    share = (spread + 1) * 0.5
    log_variance = share * high + (1 - share) * low
    of_noisy = process.at("weight_of_noisy", t) * noisy
    truth = process.at("weight_of_start", t) * start + of_noisy
    mean = process.at("weight_of_start", t) * process.start_of(prediction, noisy, t) + of_noisy
    gap = log_variance - low
    divergence = (gap - 1 + (-gap).exp() + (truth - mean).square() * (-log_variance).exp()) * 0.5
    likelihood = pixel_likelihood if compat == "official" else density
    first = -mean_of_samples(likelihood(start, mean, log_variance * 0.5))
    return torch.where(t == 0, first, mean_of_samples(divergence)) * math.log2(math.e)


def density(x, mean, log_scale):
    """Logarithm of the density of a Gaussian: [...] to [...]"""
    squares = ((x - mean) * (-log_scale).exp()).square()
    return (squares + math.log(2 * math.pi)) * -0.5 - log_scale


def pixel_likelihood(x, mean, log_scale):
    """Logarithm of the mass of the bin of a pixel in [-1, 1]: [...] to [...]. Ho et al. 2020, equation 13.

    The mass is sigmoid(p) sigmoid(-q) (1 - exp(q - p)) for the logits p and q of the edges of the bin. Their distance
    is computed from the width of the bin, so that nothing cancels.
    """
    slope, cubic = 2 * math.sqrt(2 / math.pi), 0.044715
    centered, inverse = x - mean, (-log_scale).exp()
    upper, lower = inverse * (centered + 1 / 255), inverse * (centered - 1 / 255)
    below = (upper * (upper.square() * cubic + 1) * slope).sigmoid()
    above = (-(lower * (lower.square() * cubic + 1) * slope)).sigmoid()
    steepness = (upper.square() + upper * lower + lower.square()) * cubic + 1
    distance = inverse * steepness * (2 / 255 * slope)
    inside = below * above * (distance * 0.5).tanh() * ((-distance).exp() + 1)
    mass = torch.where(x < -0.999, below, torch.where(x > 0.999, above, inside))
    return mass.clamp(min=1e-12).log()


class LossHistory:
    """The last losses of each timestep: float32 [T, 10], and how many each has had: int64 [T].

    Source: Nichol & Dhariwal 2021, section 3.3.
    """

    def __init__(self, losses, counts):
        self.losses, self.counts = losses, counts.to(torch.int64)

    def draw(self, key, rows):
        """Timesteps in proportion to the size of their losses, and weights: int64 [b] to int64 [b], float32 [b]."""
        count = len(self.counts)
        size = self.losses.square().mean(1).sqrt()
        chances = torch.full_like(size, 1 / count)
        if bool((self.counts >= KEPT).all()):
            chances = size / size.sum() * (1 - UNIFORM) + UNIFORM / count
        ends = chances.cumsum(0)
        t = (ends[None] <= (uniform(key, rows) * ends[-1])[:, None]).sum(1).clamp(max=count - 1)
        return t, 1 / (chances[t] * count)

    def record(self, t, losses):
        """Takes over the losses of a whole batch in its order: int64 [B], float32 [B]."""
        for at, loss in zip(t.tolist(), losses.tolist()):
            self.losses[at, int(self.counts[at]) % KEPT] = loss
            self.counts[at] += 1
