"""AdamW, the learning rate of each step, and moving averages, with the numbers of a configuration."""

import math

import torch


def decays(name, parameter):
    """Whether the setting `decayed: matrices` decays a parameter: norms, biases and embeddings are left out."""
    return parameter.dim() >= 2 and "embedding" not in name


def make_adamw(named_parameters, config):
    """AdamW over the parameters by name: Loshchilov & Hutter 2019, algorithm 2."""
    decay, chosen = config["weightDecay"], config.get("decayed", "all")
    groups = {True: [], False: []}
    for name, parameter in named_parameters.items():
        groups[chosen == "all" or decays(name, parameter)].append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "weight_decay": decay if decayed else 0.0}
            for decayed, parameters in groups.items()
            if parameters
        ],
        lr=config["learningRate"],
        betas=tuple(config["betas"]),
        eps=1e-8,
    )


def learning_rate(config, step, total):
    """The rate of a step, counted from 0, of a training of `total` steps."""
    peak, schedule = config["learningRate"], config.get("schedule", "cosine")
    floor = peak * config["finalLrFraction"]
    warmup = min(config["warmupSteps"], total - 1)
    if step < warmup:
        return (step + 1) / warmup * peak
    if schedule == "cosine":
        share = math.sin(math.pi / 2 * max(total - step, 0) / (total - warmup)) ** 2
    else:
        falling = {
            "constant": 0,
            "linear": total - warmup,
            "trapezoid": math.floor(config.get("decayFraction", 0.2) * total),
        }[schedule]
        share = 1 if falling == 0 else min(max((total - step) / falling, 0), 1)
    return floor * (1 - share) + peak * share


def average_decay(step, largest):
    """The decay of a moving average at a step, counted from 0: young averages follow quickly."""
    return min(largest, (1 + step) / (10 + step))


@torch.no_grad()
def update_average(average, parameters, decay):
    """average <- decay average + (1 - decay) parameters, tensor by tensor."""
    for name, value in parameters.items():
        average[name].lerp_(value, 1 - decay)
