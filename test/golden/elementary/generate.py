"""Writes ops.json and ops.safetensors beside this file: values and gradients of PyTorch, in float64 from
operands that are exactly float32, then rounded to float32. Made with PyTorch 1.13 (Debian 12: python3-torch).

    /usr/bin/python3 test/golden/elementary/generate.py
"""
import json
import math
import pathlib
import struct

import numpy as np
import torch

torch.manual_seed(7)
folder = pathlib.Path(__file__).parent
tensors, cases = {}, []


def keep(value):
    name = f"t{len(tensors)}"
    tensors[name] = value
    return name


def exact(values, dtype=torch.float64):
    """Operands: float32 numbers, in the dtype that is computed in."""
    return torch.as_tensor(values, dtype=torch.float32).to(dtype)


def case(op, f, *inputs, differentiable=True, tags=None, rtol=4e-6, atol=1e-6):
    leaves = [x.clone().requires_grad_(differentiable and x.is_floating_point()) for x in inputs]
    output = f(*leaves)
    row = {
        "id": f"{op}.{sum(c['op'] == op for c in cases)}",
        "op": op,
        "attrs": {},
        "inputs": [keep(x) for x in inputs],
        "output": keep(output.detach()),
        "cotangent": None,
        "grads": [None for _ in inputs],
        "rtol": rtol,
        "atol": atol,
    }
    if differentiable:
        cotangent = exact(torch.randn(output.shape))
        (output * cotangent).sum().backward()
        row["cotangent"] = keep(cotangent)
        row["grads"] = [keep(x.grad) for x in leaves]
    if tags:
        row["tags"] = tags
    cases.append(row)


shape = (5, 7)
normal = lambda scale=1.0: exact(torch.randn(shape) * scale)
between = lambda low, high: exact(torch.rand(shape) * (high - low) + low)
special = exact([0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, 1e-7, -1e-7, 8388609.0, 1e30, math.inf, -math.inf])
halves = exact([i / 2 for i in range(-9, 10)])
whole = lambda low, high: torch.randint(low, high, shape, dtype=torch.int64)

for op, f in [("round", torch.round), ("ceil", torch.ceil), ("sign", torch.sign)]:
    for x in (normal(3), special, halves):
        case(op, f, x, differentiable=False)

for op, f, near, far in [
    ("tan", torch.tan, between(-1.4, 1.4), normal(20)),
    ("asin", torch.asin, between(-0.99, 0.99), between(-1e-3, 1e-3)),
    ("acos", torch.acos, between(-0.99, 0.99), between(-1e-3, 1e-3)),
    ("atan", torch.atan, normal(), normal(1000)),
    ("sinh", torch.sinh, normal(), normal(1e-3)),
    ("cosh", torch.cosh, normal(), normal(1e-3)),
    ("asinh", torch.asinh, normal(), normal(1e6)),
    ("acosh", torch.acosh, between(1.05, 4), between(4, 1e6)),
    ("atanh", torch.atanh, between(-0.99, 0.99), between(-1e-3, 1e-3)),
]:
    case(op, f, near)
    # Steep places magnify what the rounding of the operand is worth there.
    case(op, f, far, rtol=2e-5, atol=2e-5 if op == "tan" else 1e-6)

case("sinh", torch.sinh, exact([88.9, -88.9, 80.0, -80.0]), differentiable=False)
case("cosh", torch.cosh, exact([88.9, -88.9, 80.0, -80.0]), differentiable=False)
case("asinh", torch.asinh, exact([1e30, -1e30, 3e38]), tags=["big"])
case("acosh", torch.acosh, exact([1e30, 3e38]), tags=["big"])

case("atan2", torch.atan2, normal(), normal())
case("atan2", torch.atan2, exact(torch.randn(5, 1)), exact(torch.randn(7)))
axes = exact([0.0, -0.0, 1.0, -1.0, math.inf, -math.inf])
y, x = torch.meshgrid(axes, axes, indexing="ij")
case("atan2", torch.atan2, y, x, differentiable=False, tags=["nonfinite"])

steps = exact(torch.rand(shape) + 0.5) * exact(torch.where(torch.rand(shape) > 0.5, 1.0, -1.0))
case("remainder", torch.remainder, normal(5), steps)
case("remainder", torch.remainder, normal(5), exact(torch.rand(7) + 0.5))
case("remainder", torch.remainder, exact([5.3, 1e30, -1e30, 7.0, -7.0]), exact([0.1, 3.0, 7.0, 2.0, 2.0]), differentiable=False)
case("floor_divide", torch.floor_divide, normal(5), steps, differentiable=False)
edge = exact([7.0, -7.0, 1.0, -1.0, 0.0, 5.0, -5.0, 1e30]), exact([2.0, 2.0, 0.0, math.inf, 0.0, -math.inf, -math.inf, 3.0])
case("floor_divide", torch.floor_divide, *edge, differentiable=False, tags=["nonfinite"])
divisors = torch.where(torch.rand(shape) > 0.5, 1, -1) * whole(1, 1000)
for op, f in [("remainder", torch.remainder), ("floor_divide", torch.floor_divide)]:
    case(op, f, whole(-(2**31), 2**31), divisors, differentiable=False)

manifest = {
    "format": "dit-oracle/ops/1",
    "set": "elementary",
    "tensors_file": "ops.safetensors",
    "made_with": f"PyTorch {torch.__version__}",
    "compare": "|got - want| <= atol + rtol |want|",
    "cases": cases,
}
(folder / "ops.json").write_text(json.dumps(manifest, indent=1) + "\n")

header, blobs, at = {}, [], 0
for wide in (torch.int64, torch.float64):
    for name, value in tensors.items():
        if value.dtype != wide:
            continue
        array = value.numpy() if wide == torch.int64 else value.numpy().astype(np.float32)
        bytes_ = np.ascontiguousarray(array).tobytes()
        dtype = "I64" if wide == torch.int64 else "F32"
        header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [at, at + len(bytes_)]}
        blobs.append(bytes_)
        at += len(bytes_)
text = json.dumps(header)
text += " " * (-len(text) % 8)
(folder / "ops.safetensors").write_bytes(struct.pack("<Q", len(text)) + text.encode() + b"".join(blobs))
print(len(cases), "cases")
