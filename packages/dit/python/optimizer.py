"""AdamW and Muon, the learning rate of each step, and moving averages, with the numbers of a configuration."""

import math
import re

import torch

from checkpoint import take, take_scalar

# The moments of AdamW, and what torch calls them.
MOMENTS = {"mean": "exp_avg", "variance": "exp_avg_sq"}

# The root mean square of an update of AdamW, which an update of Muon gets too.
UPDATE_SIZE = 0.2


class AdamW:
    """AdamW over parameters by name, with its state as Tessera keeps it.

    Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
    """

    def __init__(self, parameters, config):
        self.parameters, self.betas = parameters, config["betas"]
        groups = {}
        for name, parameter in parameters.items():
            groups.setdefault(decay_of(config, name, parameter), []).append(parameter)
        settings = [{"params": each, "weight_decay": decay} for decay, each in groups.items()]
        self.optimizer = torch.optim.AdamW(
            settings, lr=config["learningRate"], betas=tuple(self.betas), eps=1e-8
        )

    def take_step(self, rate):
        """Updates the parameters by their gradients."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()

    def read(self, tensors, prefix, step, path):
        """Takes the moments after some steps out of the tensors of a saved state."""
        moments = {
            kept: take(tensors, f"{prefix}{name}.", shapes_of(self.parameters), path)
            for name, kept in MOMENTS.items()
        }
        for name in ("step", *(f"correction.{name}" for name in MOMENTS)):
            take_scalar(tensors, prefix + name, path)
        for name, parameter in self.parameters.items():
            own = {kept: values[name].to(parameter.device) for kept, values in moments.items()}
            self.optimizer.state[parameter] = {"step": torch.tensor(float(step)), **own}

    def tensors(self, prefix, step):
        """The tensors of the state after some steps, by name."""
        result = {f"{prefix}step": torch.tensor(step, dtype=torch.int32)}
        for beta, (name, kept) in zip(self.betas, MOMENTS.items()):
            correction = torch.tensor(1 - beta**step, dtype=torch.float32)
            result[f"{prefix}correction.{name}"] = correction
            for path, parameter in self.parameters.items():
                result[f"{prefix}{name}.{path}"] = self.optimizer.state[parameter][kept]
        return result


class Muon:
    """Muon for the matrices of the blocks, AdamW for everything else.

        m <- momentum m + g
        p <- p - rate (0.2 sqrt(max(R, C)) orthogonalize(g + momentum m) + decay p)

    Sources: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the factor, which makes an
    update of R rows and C columns as large as one of AdamW: Liu et al. 2025, "Muon is scalable for LLM training",
    equation 4.
    """

    def __init__(self, parameters, config):
        counts = {name: matrices_of(name, parameter) for name, parameter in parameters.items()}
        self.own = {name: parameter for name, parameter in parameters.items() if counts[name] > 0}
        self.rest = AdamW({name: each for name, each in parameters.items() if counts[name] == 0}, config)
        self.config, self.counts, self.momentum = config, counts, {}

    @torch.no_grad()
    def take_step(self, rate):
        """Updates the parameters by their gradients."""
        share = self.config.get("momentum", 0.95)
        for name, parameter in self.own.items():
            kept = self.momentum[name].mul_(share).add_(parameter.grad)
            parts = (kept * share + parameter.grad).chunk(self.counts[name])
            size = UPDATE_SIZE * math.sqrt(max(parts[0].shape))
            change = torch.cat([orthogonalize(part) for part in parts]) * size
            parameter.sub_(rate * (change + decay_of(self.config, name, parameter) * parameter))
        self.rest.take_step(rate)

    def read(self, tensors, prefix, step, path):
        """Takes the momentum and the state of AdamW after some steps out of the tensors of a saved state."""
        momentum = take(tensors, f"{prefix}momentum.", shapes_of(self.own), path)
        self.momentum = {name: value.to(self.own[name].device) for name, value in momentum.items()}
        take_scalar(tensors, f"{prefix}step", path)
        self.rest.read(tensors, f"{prefix}rest.", step, path)

    def tensors(self, prefix, step):
        """The tensors of the state after some steps, by name."""
        momentum = {f"{prefix}momentum.{name}": value for name, value in self.momentum.items()}
        own = {f"{prefix}step": torch.tensor(step, dtype=torch.int32), **momentum}
        return {**own, **self.rest.tensors(f"{prefix}rest.", step)}


def make_optimizer(parameters, config):
    """The optimizer that a configuration names, over parameters by name."""
    return {"adamw": AdamW, "muon": Muon}[config.get("name", "adamw")](parameters, config)


def decay_of(config, name, parameter):
    """The weight decay of a parameter. The setting `decayed: matrices` leaves out norms, biases and embeddings."""
    is_matrix = parameter.dim() >= 2 and "embedding" not in name
    return config["weightDecay"] if is_matrix or config.get("decayed", "all") == "all" else 0.0


def shapes_of(tensors):
    """The shapes of tensors by name."""
    return {name: tensor.shape for name, tensor in tensors.items()}


def matrices_of(name, parameter):
    """How many matrices are stacked in a parameter for Muon, one below the other; 0 leaves it to AdamW.

    Muon takes the weights of the blocks. Queries, keys and values are matrices of their own, as are the vectors of a
    modulation.
    """
    if parameter.dim() != 2 or not re.search(r"(^|\.)blocks\.\d+\.", name):
        return 0
    rows, columns = parameter.shape
    if name.endswith(".qkv.weight"):
        return 3
    if name.endswith((".kv.weight", ".w12.weight")):
        return 2
    return rows // columns if ".adaLN_modulation." in name and rows % columns == 0 else 1


def orthogonalize(matrix):
    """Roughly the nearest matrix with orthogonal rows or columns: [R, C] to [R, C]. Zeros stay zeros.

    Five Newton-Schulz iterations of degree 5, with the coefficients of Jordan et al. 2024.
    """
    a, b, c = 3.4445, -4.775, 2.0315
    norm = torch.linalg.vector_norm(matrix)
    x = matrix / torch.where(norm == 0, torch.ones_like(norm), norm)
    # x @ x.T is as small as it can be if x lies flat.
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = x.T if is_tall else x
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if is_tall else x


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
