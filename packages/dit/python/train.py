"""Goes on with a training that Tessera began, in one process or, under torchrun, in several.

    torchrun --nproc_per_node 8 train.py --steps 400000

Every process takes its part of each batch. The numbers that are drawn are those that Tessera would draw, whatever the
number of processes. `tessera import checkpoint.safetensors --out RUN` makes a run of Tessera of what is saved.
"""

import argparse
import ctypes
import os
import signal
import sys
import time

import torch
from torch import distributed

from problem import Problem
from training import CHECKPOINT, Log, Processes, Training

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# Exit code after bad input.
BAD_INPUT = 2

# An option of the system call prctl: the signal at the death of the process above.
PR_SET_PDEATHSIG = 1


def whole(text):
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return int(text)


def options(arguments):
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--folder", default=os.path.dirname(os.path.abspath(__file__)), help="that of the export"
    )
    parser.add_argument("--steps", type=whole, help="all steps, those taken already included (config.json)")
    parser.add_argument("--stop-after", type=whole, help="end after this step, to go on later")
    parser.add_argument(
        "--save-every", type=whole, default=1000, help="steps from one checkpoint to the next (1000)"
    )
    parser.add_argument(
        "--log-every", type=whole, help="steps from one row of log.jsonl to the next (config.json, 1)"
    )
    parser.add_argument(
        "--accumulate", type=whole, help="micro-batches of a step in each process (config.json, 1)"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], help="cuda, if it is there")
    return parser.parse_args(arguments)


def lock(folder):
    """Keeps a second training out of the folder for as long as the file stays open."""
    file = open(os.path.join(folder, ".lock"), "a")
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Problem(
                f"another training is at work in {folder}. Wait for it, or stop it first."
            ) from None
    return file


def end_with_torchrun():
    """Ends this process when the torchrun that started it is killed, where the system can (Linux)."""
    if "TORCHELASTIC_RUN_ID" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def train(training, chosen):
    """Takes the steps that are left, and saves on the way and at the end."""
    processes, total = training.processes, training.config["steps"]
    log = Log(training, chosen.log_every or training.config.get("logEvery", 1))
    last = min(total, chosen.stop_after or total)
    say(processes, f"step {training.step} of {total}, {processes.count} processes on {processes.device.type}")
    told = time.monotonic()
    while training.step < last:
        loss, norm = training.take_step()
        log.add(loss, norm)
        if training.step % chosen.save_every == 0 or training.step == last:
            log_bytes = log.flush()
            if processes.rank == 0:
                training.save(log_bytes)
        if time.monotonic() - told > 10 or training.step == last:
            told = time.monotonic()
            say(processes, f"step {training.step} of {total}, loss {loss.item():.4f}")


def say(processes, text):
    """Prints a line, once for all processes."""
    if processes.rank == 0:
        print(text, flush=True)


def main(arguments):
    """Trains, and gives the exit code."""
    chosen = options(arguments)
    device = chosen.device or ("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.allow_tf32 = False
    end_with_torchrun()
    try:
        processes = Processes(device)
        held = lock(chosen.folder) if processes.rank == 0 else None
        training = Training(chosen.folder, processes, chosen.steps, chosen.accumulate)
        train(training, chosen)
        say(processes, f"{training.path(CHECKPOINT)} holds step {training.step}")
        if held is not None:
            held.close()
    except Problem as problem:
        if int(os.environ.get("RANK", 0)) == 0:
            print(f"train.py: {problem}", file=sys.stderr)
        return BAD_INPUT
    finally:
        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
