"""Times the parts of a step of an exported training in one process, and asks DistributedDataParallel for its buckets.

    phases.py FOLDER STEPS

Prints JSON: seconds of forward pass, backward pass and the rest, medians of the steps; bytes of each parameter in the
order of the backward pass; bytes of the buckets that are reduced at once.
"""

import json
import os
import statistics
import sys
import tempfile
import time

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

folder, steps = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, folder)
from training import Processes, Training  # noqa: E402


def timed(times, function):
    """A function that notes how long each call took."""

    def call(*arguments, **options):
        begin = time.perf_counter()
        result = function(*arguments, **options)
        times.append(time.perf_counter() - begin)
        return result

    return call


def time_steps(training):
    """The medians of all steps but the first: seconds of forward pass, backward pass and the rest."""
    whole, losses, backward = [], [], []
    plain = torch.Tensor.backward
    torch.Tensor.backward = timed(backward, plain)
    training.backward = timed(losses, training.backward)
    step = timed(whole, training.take_step)
    for _ in range(steps + 1):
        step()
    torch.Tensor.backward = plain
    rows = list(zip(whole, losses, backward))[1:]
    return {
        "forward": statistics.median(loss - back for _, loss, back in rows),
        "backward": statistics.median(back for _, _, back in rows),
        "rest": statistics.median(all_of_it - loss for all_of_it, loss, _ in rows),
    }


def buckets_of(training):
    """Bytes of the buckets of DistributedDataParallel, after it has seen the order of the gradients."""
    with tempfile.TemporaryDirectory() as place:
        distributed.init_process_group("gloo", init_method=f"file://{place}/store", rank=0, world_size=1)
        training.model = DistributedDataParallel(training.module, broadcast_buffers=False)
        for _ in range(3):
            training.take_step()
        found = training.model._get_ddp_logging_data()["rebuilt_bucket_sizes"]
        distributed.destroy_process_group()
    return [int(size) for size in found.split(",")]


torch.set_num_threads(1)
training = Training(folder, Processes("cpu"))
trained = [parameter for parameter in training.module.parameters() if parameter.requires_grad]
print(
    json.dumps(
        {
            **time_steps(training),
            "parameters": [4 * parameter.numel() for parameter in reversed(trained)],
            "buckets": buckets_of(training),
            "torch": torch.__version__,
        }
    )
)
