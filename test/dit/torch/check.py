"""What the tests ask of exported folders, many in one process.

check.py PROGRAMS JOBS: PROGRAMS is the folder with train.py; JOBS a file of JSON, a list of [job, folder, options].
Jobs: "gradients" writes loss and gradients of the next step into gradients.safetensors; "train" runs train.py with the
options. Prints a line for each job: its exit code.
"""

import json
import os
import sys

sys.path.insert(0, sys.argv[1])

import torch  # noqa: E402

import train  # noqa: E402
from checkpoint import write_state  # noqa: E402
from threefry import split_key  # noqa: E402
from training import Processes, Training  # noqa: E402

torch.set_num_threads(1)


def gradients(folder):
    """Writes what the next step computes: the loss, the gradients, and all that is drawn."""
    training = Training(folder, Processes("cpu"))

    drawn = training.draw(split_key(training.key)[1])
    loss = training.backward(drawn)
    result = {f"gradient.{name}": value.grad for name, value in training.parameters.items()}
    result.update({"loss": loss, "t": drawn.t.to(torch.float32), "eps": drawn.eps, "start": drawn.start})
    result.update({f"value.{name}": value.to(torch.float32) for name, value in drawn.values.items()})
    write_state(os.path.join(folder, "gradients.safetensors"), result, {})
    return 0


with open(sys.argv[2], encoding="utf-8") as file:
    jobs = json.load(file)
for job, folder, options in jobs:
    code = gradients(folder) if job == "gradients" else train.main(["--folder", folder, *options])
    print("exit code", code, flush=True)
