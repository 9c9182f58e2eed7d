"""The state of a training, its step, and how both are shared by several processes."""

import contextlib
import json
import math
import os
import time

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from checkpoint import read_state, take, write_state
from conditions import trained_branch
from data import Data, Order, read_config
from flow_map import FlowMapObjective
from model import Dit
from objective import LossHistory, Objective
from optimizer import average_decay, learning_rate, make_optimizer, shapes_of, update_average
from problem import Problem
from threefry import key_of_tensor, split_key, tensor_of_key

START, CHECKPOINT, LOG = "state.safetensors", "checkpoint.safetensors", "log.jsonl"

# What the names of the weights begin with that a training starts from and does not change.
BASE = "base."

# Steps whose losses are read at once, since reading waits for the device.
READ_EVERY = 10


class Processes:
    """The processes that share each batch; one, unless torchrun started several."""

    def __init__(self, device):
        self.rank, self.count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        if device == "cuda":
            device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
            torch.cuda.set_device(device)
        self.device = torch.device(device)
        if self.count > 1:
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    def mean(self, values):
        """The mean over all processes: float32 [n] to [n]"""
        if self.count > 1:
            distributed.all_reduce(values)
        return values / self.count

    def gather(self, values):
        """The values of all processes, one behind the other: [b, ...] to [B, ...]"""
        if self.count == 1:
            return values
        parts = [torch.empty_like(values) for _ in range(self.count)]
        distributed.all_gather(parts, values)
        return torch.cat(parts)


class Training:
    """A training that goes on from a saved state in the folder of an export."""

    def __init__(self, folder, processes, steps=None, accumulate=None):
        self.folder, self.processes = folder, processes
        self.config = read_config(folder)
        if steps is not None:
            self.config["steps"] = steps
        self.accumulate = accumulate or self.config.get("accumulate", 1)
        self.local = self.config["batch"] // processes.count
        self.check_sizes()
        self.data = Data(folder, self.config["model"])
        self.order = Order(self.data.count, self.config["batch"], self.config["seed"])
        self.read(self.newest())
        if self.step > self.config["steps"]:
            raise Problem(
                f"{self.newest()} has taken {self.step} steps, more than {self.config['steps']}. Give --steps {self.step} or more."
            )

    def check_sizes(self):
        """Raises a Problem unless processes and micro-batches divide the batch."""
        batch, count = self.config["batch"], self.processes.count
        if batch % count != 0 or self.local % self.accumulate != 0:
            raise Problem(
                f"the batch of {batch} is no multiple of {count} processes with {self.accumulate} micro-batches each."
            )

    def path(self, name):
        """A file of the folder."""
        return os.path.join(self.folder, name)

    def newest(self):
        """The state to go on from: the checkpoint, or the state that was exported."""
        return self.path(CHECKPOINT if os.path.exists(self.path(CHECKPOINT)) else START)

    def read(self, path):
        """Makes the model and all that belongs to its training from a saved state."""
        device = self.processes.device
        tensors, self.metadata = read_state(path)
        self.step = int(self.metadata["step"])
        self.make_model(tensors, path)
        shapes = shapes_of(self.trained.state_dict())
        self.trained.load_state_dict(take(tensors, "training.model.", shapes, path))
        self.parameters = dict(self.trained.named_parameters())
        decays = [self.config["optimizer"]["emaDecay"], *self.config["optimizer"].get("emaDecays", [])]
        names = ["training.average.", *(f"training.averages.{i}." for i in range(len(decays) - 1))]
        averages = [take(tensors, name, shapes, path) for name in names]
        # Only the first process keeps averages, and writes them.
        self.averages = [
            (name, decay, {key: value.to(device) for key, value in average.items()})
            for name, decay, average in zip(names, decays, averages)
            if self.processes.rank == 0
        ]
        self.optimizer = make_optimizer(self.parameters, self.config["optimizer"])
        self.optimizer.read(tensors, "training.optimizer.", self.step, path)
        self.key = key_of_tensor(tensors.pop("training.key"))
        self.history = None
        if "training.history.losses" in tensors:
            parts = (tensors.pop(f"training.history.{name}").to(device) for name in ("losses", "counts"))
            self.history = LossHistory(*parts)
        unknown = [name for name in tensors if name.startswith("training.")]
        if unknown:
            raise Problem(
                f"{path} holds {unknown[0]}, which this training has not. Is config.json another one?"
            )
        # The autoencoder and the model of another run are not trained here. They go with the state.
        self.others = tensors
        several = self.processes.count > 1
        self.model = DistributedDataParallel(self.module, broadcast_buffers=False) if several else self.module

    def make_model(self, tensors, path):
        """Makes the model, what of it is trained, and the objective, with the weights of the run that it starts from."""
        config, device = self.config, self.processes.device
        self.module = Dit(config["model"]).to(device)
        self.module.recomputed = config.get("checkpoint", 0)
        self.trained, scale = self.module, config["latentScale"]
        if config["diffusion"]["objective"] == "mean-flow":
            teacher = Dit(config["model"]).to(device).requires_grad_(False)
            teacher.load_state_dict(take(dict(tensors), BASE, shapes_of(teacher.state_dict()), path))
            self.objective = FlowMapObjective(config, scale, teacher)
            return
        self.objective = Objective(config, scale)
        branch = trained_branch(config)
        if branch is not None:
            self.trained = self.module.conditions[branch["name"]]
            self.module.requires_grad_(False)
            self.trained.requires_grad_(True)
            own = f"conditions.{branch['name']}."
            shapes = shapes_of(self.module.state_dict())
            rest = {name: shape for name, shape in shapes.items() if not name.startswith(own)}
            self.module.load_state_dict(take(dict(tensors), BASE, rest, path), strict=False)

    def tensors(self):
        """All that a state holds, by name."""
        result = {f"training.model.{name}": value for name, value in self.trained.state_dict().items()}
        for prefix, _, average in self.averages:
            result.update({prefix + name: value for name, value in average.items()})
        result.update(self.optimizer.tensors("training.optimizer.", self.step))
        result["training.key"] = tensor_of_key(self.key)
        if self.history is not None:
            result["training.history.losses"] = self.history.losses
            result["training.history.counts"] = self.history.counts.to(torch.int32)
        return {**result, **self.others}

    def save(self, log_bytes):
        """Writes the checkpoint. Only the first process does."""
        metadata = {name: value for name, value in self.metadata.items() if name != "sha256"}
        metadata.update(step=str(self.step), log=str(log_bytes), config=json.dumps(self.config))
        write_state(self.path(CHECKPOINT), self.tensors(), metadata)

    def draw(self, key):
        """What this process draws of the next batch."""
        device, rank = self.processes.device, self.processes.rank
        indices, epoch = self.order.at(self.step)
        rows = torch.arange(rank * self.local, (rank + 1) * self.local, device=device)
        samples = lambda places: self.data.gather(indices[places.cpu().numpy()], epoch, device)  # noqa: E731
        return self.objective.draw(key, rows, samples, self.history)

    def backward(self, drawn):
        """The mean loss of what this process drew, whose gradients are averaged over all: a tensor []."""
        parts = torch.arange(self.local, device=self.processes.device).chunk(self.accumulate)
        total, plain = 0.0, []
        for i, part in enumerate(parts):
            waits = self.processes.count > 1 and i + 1 < len(parts)
            with self.model.no_sync() if waits else contextlib.nullcontext():
                own = drawn.part(part)
                losses = self.objective.losses(self.model, own)
                plain.append(losses.detach())
                weighed = losses if own.weights is None else losses * own.weights
                loss = weighed.mean() / len(parts)
                loss.backward()
            total = total + loss.detach()
        if self.history is not None:
            self.history.record(*map(self.processes.gather, (drawn.bins, torch.cat(plain))))
        return total

    def take_step(self):
        """One step of the training: the loss of this process and the norm of the gradient, tensors [] each."""
        settings, count = self.config["optimizer"], self.config["steps"]
        self.key, loss_key = split_key(self.key)
        self.module.zero_grad(set_to_none=True)
        loss = self.backward(self.draw(loss_key))
        norm = torch.nn.utils.clip_grad_norm_(self.parameters.values(), settings["clipNorm"])
        self.optimizer.take_step(learning_rate(settings, self.step, count))
        for _, decay, average in self.averages:
            update_average(average, self.parameters, average_decay(self.step, decay))
        self.step += 1
        return loss, norm.detach()


class Log:
    """The log of a run, a row of JSON for each step, written by the first process."""

    def __init__(self, training, every):
        self.training, self.every = training, every
        self.waiting, self.since = [], time.monotonic()
        self.path = training.path(LOG)
        if training.processes.rank == 0:
            with open(self.path, "ab") as file:
                file.truncate(min(os.path.getsize(self.path), int(training.metadata["log"])))

    def add(self, loss, norm):
        """Takes the numbers of one step; reads and writes some at once."""
        self.waiting.append((self.training.step, loss, norm))
        if len(self.waiting) == READ_EVERY:
            self.flush()

    def flush(self):
        """Reads what waits, in all processes together, and writes it. Gives the bytes of the log."""
        training, processes = self.training, self.training.processes
        if self.waiting:
            steps, losses, norms = zip(*self.waiting)
            losses = processes.mean(torch.stack(losses)).tolist()
            seconds = max(time.monotonic() - self.since, 1e-6)
            speed = len(steps) * training.config["batch"] / seconds
            rows = list(zip(steps, losses, torch.stack(norms).tolist()))
            for step, loss, norm in rows:
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    raise Problem(
                        f"step {step} has the loss {loss} and a gradient of norm {norm}: the training has diverged. Lower optimizer.learningRate in config.json, and go on from the checkpoint."
                    )
            self.waiting, self.since = [], time.monotonic()
            if processes.rank == 0:
                self.write(rows, speed)
        return os.path.getsize(self.path) if processes.rank == 0 else 0

    def write(self, rows, speed):
        """Appends some rows."""
        total = self.training.config["steps"]
        with open(self.path, "a", encoding="utf-8") as file:
            for step, loss, norm in rows:
                if step % self.every == 0 or step in (1, total):
                    row = {
                        "stage": "diffusion",
                        "step": step,
                        "loss": loss,
                        "gradNorm": norm,
                        "imagesPerSecond": speed,
                    }
                    file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
