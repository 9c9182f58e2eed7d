"""Writes files of torch.save, of all the kinds that weights come in, into the folder that is named."""

import argparse
import sys
from pathlib import Path

import torch

folder = Path(sys.argv[1])


def save(name, value, **options):
    torch.save(value, folder / f"{name}.pt", **options)


# A run's weights, read as anyone would, and written by torch itself.
state = torch.load(folder / "run.pt", weights_only=True)["ema"]
torch.save({"ema": state}, folder / "again.pt")
torch.save(state, folder / "bare.pt")

linear = torch.nn.Linear(2, 3)
linear.weight.data = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
linear.bias.data = torch.tensor([0.5, 0.25, -1.0])
weights = linear.state_dict()
optimizer = torch.optim.AdamW(linear.parameters(), lr=0.0)
linear(torch.ones(1, 2)).sum().backward()
optimizer.step()

save("state", weights)
save("protocol-4", weights, pickle_protocol=4)
save("parameters", dict(linear.named_parameters()))
arguments = argparse.Namespace(lr=1e-4, name="x", large=2**40, nothing=None, flag=True)
save(
    "official",
    {"model": {}, "ema": weights, "opt": optimizer.state_dict(), "args": arguments},
)
save("model", {"model": weights, "epoch": 3})
for name in ("half", "bfloat16", "double"):
    save(name, {"ema": {key: getattr(value, name)() for key, value in weights.items()}})

# Views: [[1, 2], [3, 4], [5, 6]] and [0.5, 0.25, -1] out of larger storages.
whole = torch.tensor([[0, 1, 3, 5], [0, 2, 4, 6]], dtype=torch.float32)
tail = torch.tensor([9, 0.5, 9, 0.25, 9, -1, 9])
save("views", {"weight": whole[:, 1:].t(), "bias": tail[1::2]})

# What is refused.
save("object", linear)
save("list", [1, 2])
save("other", {"weight": weights["weight"], "bias": weights["bias"], "step": 3})
save("expanded", {"weight": torch.zeros(1).expand(3, 2), "bias": weights["bias"]})
save("shapes", {"weight": weights["weight"].t(), "bias": weights["bias"]})
save("infinite", {"weight": weights["weight"] / 0, "bias": weights["bias"]})
save("old", weights, _use_new_zipfile_serialization=False)
