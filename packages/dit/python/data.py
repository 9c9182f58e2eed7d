"""The latents and conditions of a run, and the order in which a training sees them."""

import json
import os

import numpy
import torch

from conditions import NO_PIXEL
from masks import training_mask
from problem import Problem
from scramble import scramble

# The condition whose masks are others in each epoch.
INPAINT = "inpaint"


def epoch_order(count, seed, epoch):
    """The order of the samples in an epoch, a Fisher-Yates shuffle of hashes: int64 [count]."""
    stream = scramble(scramble(seed ^ 0x9E3779B9) + epoch)
    places = numpy.arange(count, dtype=numpy.uint64)
    hashes = scramble(numpy.uint64(stream) ^ scramble(places)).astype(numpy.float64)
    others = (
        numpy.floor(hashes * (places + numpy.uint64(1)).astype(numpy.float64) / 2**32)
        .astype(numpy.int64)
        .tolist()
    )
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        order[i], order[others[i]] = order[others[i]], order[i]
    return numpy.array(order)


class Order:
    """Which samples each step sees. Every epoch is a new shuffle, cut into whole batches."""

    def __init__(self, count, batch, seed):
        if batch > count:
            raise Problem(
                f"a batch of {batch} cannot be drawn from {count} latents. Set batch in config.json."
            )
        self.count, self.batch, self.seed = count, batch, seed
        self.steps_per_epoch = count // batch
        self.epoch, self.order = -1, None

    def at(self, step):
        """The samples of a step, counted from 0: int64 [batch]; and the epoch."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self.epoch:
            self.epoch, self.order = epoch, epoch_order(self.count, self.seed, epoch)
        return self.order[place * self.batch : (place + 1) * self.batch], epoch


class Data:
    """The arrays of an exported run, [N, ...] each, which stay on the disk."""

    def __init__(self, folder, model):
        self.mean = self.load(folder, "latents.npy")
        log_variance = os.path.join(folder, "log-variances.npy")
        self.log_variance = self.load(folder, "log-variances.npy") if os.path.exists(log_variance) else None
        self.count = len(self.mean)
        names = [condition["name"] for condition in model.get("conditions", [])]
        self.values = {name: self.load(folder, f"condition-{name}.npy") for name in names}
        self.values["label"] = self.load(folder, "labels.npy")

    def load(self, folder, name):
        """Opens an array. Raises a Problem if it is missing, damaged, or has another number of rows."""
        path = os.path.join(folder, name)
        try:
            array = numpy.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise Problem(f"{path} cannot be read: {error}. Export the run again.") from None
        if hasattr(self, "mean") and len(array) != len(self.mean):
            raise Problem(
                f"{path} has {len(array)} rows, latents.npy {len(self.mean)}. Export the run again."
            )
        return array

    def gather(self, indices, epoch, device):
        """The latents and the values of conditions of some samples: int64 [b] to tensors [b, ...]."""
        rows = lambda array: torch.from_numpy(numpy.array(array[indices])).to(device)  # noqa: E731
        found = {
            "mean": rows(self.mean),
            "values": {name: rows(array) for name, array in self.values.items()},
        }
        if INPAINT in found["values"]:
            known = found["values"][INPAINT]
            masks = [training_mask(known.shape[-1], int(image), epoch) for image in indices]
            known[torch.from_numpy(numpy.stack(masks)).to(device)[:, None].expand_as(known)] = NO_PIXEL
        for name, values in found["values"].items():
            found["values"][name] = values.to(torch.int64) if values.dtype == torch.int32 else values
        if self.log_variance is not None:
            found["log_variance"] = rows(self.log_variance)
        return found


def read_config(folder):
    """The configuration of an exported run, with its text unchanged in meaning."""
    path = os.path.join(folder, "config.json")
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise Problem(f"{path} cannot be read: {error}") from None
