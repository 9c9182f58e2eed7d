"""Saved states as Tessera writes them: one safetensors file with tensors, the place in the run, and a checksum.

The format of safetensors: the length of a header as u64, the header as JSON with dtype, shape and offsets of each
tensor, and then the elements. In a saved state the header begins with the SHA-256 of the whole file, computed with 64
zeros in its place.
"""

import hashlib
import json
import os
import struct

import numpy
import torch

from problem import Problem

OPENING = b'{"__metadata__":{"sha256":"'
SEAL_AT = 8 + len(OPENING)
NO_SEAL = "0" * 64
FORMAT = {"format": "tessera-state", "version": "1"}
DTYPES = {"F32": numpy.dtype("<f4"), "I32": numpy.dtype("<i4")}
NAMES = {torch.float32: "F32", torch.int32: "I32"}
LONGEST_HEADER = 2**27


def read_state(path):
    """The tensors by name and the metadata of a saved state.

    The tensors are copies. Raises a Problem that names file and offset if the file is damaged, or is none.
    """
    try:
        data = numpy.memmap(path, dtype=numpy.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise Problem(f"{path} cannot be read: {error}. Is it a saved state?") from None
    if len(data) < SEAL_AT + len(NO_SEAL) or bytes(data[8:SEAL_AT]) != OPENING:
        raise Problem(f"{path} is no saved state of Tessera: at offset 8 it does not begin as one.")
    seal = bytes(data[SEAL_AT : SEAL_AT + len(NO_SEAL)])
    if seal != seal_of([data[:SEAL_AT], data[SEAL_AT + len(NO_SEAL) :]]):
        raise Problem(
            f"{path} is damaged: the checksum at offset {SEAL_AT} is that of other {len(data)} bytes."
        )
    length = struct.unpack("<Q", bytes(data[:8]))[0]
    if length > min(LONGEST_HEADER, len(data) - 8):
        raise Problem(f"{path} is damaged: at offset 0 its header has {length} bytes, the file {len(data)}.")
    header = json.loads(bytes(data[8 : 8 + length]))
    metadata = header.pop("__metadata__")
    if any(metadata.get(name) != value for name, value in FORMAT.items()):
        found = f"{metadata.get('format')} {metadata.get('version')}"
        raise Problem(
            f"{path} has the format {found}, expected tessera-state 1. Use the train.py of that export."
        )
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        dtype = DTYPES.get(entry["dtype"])
        if dtype is None or end - begin != 4 * int(numpy.prod(entry["shape"])):
            raise Problem(
                f"{path} is damaged: the tensor {name} at offset {begin} is {entry['dtype']}{entry['shape']}."
            )
        values = numpy.frombuffer(data[begin:end].tobytes(), dtype=dtype).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors, metadata


def seal_of(parts):
    """The SHA-256 of two parts of a file with zeros between them, in hexadecimal digits."""
    digest = hashlib.sha256(parts[0])
    digest.update(NO_SEAL.encode())
    digest.update(parts[1])
    return digest.hexdigest().encode()


def write_state(path, tensors, metadata):
    """Writes a saved state so that it appears whole or not at all: under another name, flushed, then renamed.

    tensors: float32 and int32 by name. metadata: texts by name.
    """
    header, offset = {"__metadata__": {"sha256": NO_SEAL, **metadata}}, 0
    arrays = {
        name: numpy.ascontiguousarray(tensor.detach().cpu().numpy()) for name, tensor in tensors.items()
    }
    for name, tensor in tensors.items():
        size = arrays[name].nbytes
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    begin = struct.pack("<Q", len(text)) + text
    digest = hashlib.sha256(begin)
    for array in arrays.values():
        digest.update(array.tobytes())
    sealed = begin[:SEAL_AT] + digest.hexdigest().encode() + begin[SEAL_AT + len(NO_SEAL) :]
    temporary = f"{path}.tmp"
    with open(temporary, "wb") as file:
        file.write(sealed)
        for array in arrays.values():
            file.write(array.tobytes())
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    flush_folder(os.path.dirname(path) or ".")


def flush_folder(path):
    """Flushes the names in a folder to the disk, where the system can."""
    try:
        folder = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(folder)
    except OSError:
        pass
    finally:
        os.close(folder)


def take(tensors, prefix, expected, path):
    """Removes the tensors whose names begin with a prefix, and gives them by the rest of their names.

    expected: shapes by the rest of the names. Raises a Problem that lists what is missing, unexpected or of other
    dtypes and shapes.
    """
    found = {name[len(prefix) :]: tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}
    problems = listed("missing", [name for name in expected if name not in found])
    problems += listed("unexpected", [name for name in found if name not in expected])
    odd = [
        f"{name} is {NAMES[value.dtype]}{list(value.shape)}, not F32{list(expected[name])}"
        for name, value in found.items()
        if name in expected and (value.dtype != torch.float32 or value.shape != expected[name])
    ]
    problems += listed("different", odd)
    if problems:
        raise Problem(f"{path}: {prefix}* do not fit the model of config.json. {' '.join(problems)}")
    return found


def take_scalar(tensors, name, path):
    """Removes a tensor [] by name, and gives it. Raises a Problem if it is missing."""
    if name not in tensors:
        raise Problem(f"{path}: {name} is missing, which the optimizer of config.json keeps.")
    return tensors.pop(name)


def listed(what, names, shown=8):
    """One sentence about some names, in a list; an empty list without names."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return [f"{len(names)} {what}: {', '.join(names[:shown])}{more}."] if names else []
