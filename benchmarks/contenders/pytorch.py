"""PyTorch, eager or compiled: the process of this contender, spoken to as in messages.ts.

Started as `python3 pytorch.py THREADS (cpu|cuda) (eager|compile)`, since the thread counts of OpenMP and
BLAS have to be in the environment before the import. On CUDA all arithmetic is float32 (no TF32), as
everyone else's, and a run has ended when the device says so. With `compile`, torch.compile makes one function
of an operation or a model, backward included, and AdamW is PyTorch's fused one.
"""

import json
import math
import os
import resource
import sys
import sysconfig
import time

THREADS = int(sys.argv[1])
DEVICE = sys.argv[2]
COMPILES = sys.argv[3] == "compile"
os.environ["OMP_NUM_THREADS"] = str(THREADS)
os.environ["OPENBLAS_NUM_THREADS"] = str(THREADS)

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    torch = None


class Cannot(Exception):
    """This contender cannot do the work."""


def read_arrays(folder, name):
    """The arrays that the coordinator wrote, as tensors by name."""
    with open(os.path.join(folder, name + ".json"), encoding="utf-8") as file:
        entries = json.load(file)
    path = os.path.join(folder, name + ".bin")
    data = torch.from_file(path, size=os.path.getsize(path) // 4, dtype=torch.float32)
    arrays = {}
    for entry in entries:
        size = math.prod(entry["shape"])
        part = data[entry["offset"] : entry["offset"] + size].clone()
        arrays[entry["name"]] = part.reshape(entry["shape"]).to(DEVICE)
    return arrays


def magnitude(x):
    """The cube root of the mean of |x| cubed."""
    return x.detach().double().abs().pow(3).mean().item() ** (1 / 3)


def compiled(function):
    """The function or model, compiled where that is asked for; its first call compiles."""
    return torch.compile(function) if COMPILES else function


def attention(q, k, v):
    """Scaled dot-product attention in its plain form."""
    return ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(-1) @ v


def build_model(width, depth, heads):
    """The Diffusion Transformer (adaLN-Zero) under the official names."""

    def mlp(inputs, hidden, outputs):
        block = nn.Module()
        block.fc1 = nn.Linear(inputs, hidden)
        block.fc2 = nn.Linear(hidden, outputs)
        return block

    def norm(x, shift, scale):
        return F.layer_norm(x, (width,), eps=1e-6) * (1 + scale) + shift

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn = nn.Module()
            self.attn.qkv = nn.Linear(width, 3 * width)
            self.attn.proj = nn.Linear(width, width)
            self.mlp = mlp(width, 4 * width, width)
            self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

        def forward(self, x, c):
            batch, tokens, _ = x.shape
            modulation = self.adaLN_modulation(c).unsqueeze(1).chunk(6, 2)
            shift1, scale1, gate1, shift2, scale2, gate2 = modulation
            qkv = self.attn.qkv(norm(x, shift1, scale1))
            q, k, v = qkv.reshape(batch, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
            attended = attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width)
            x = x + gate1 * self.attn.proj(attended)
            hidden = F.gelu(self.mlp.fc1(norm(x, shift2, scale2)), approximate="tanh")
            return x + gate2 * self.mlp.fc2(hidden)

    def positions():
        quarter = width // 4
        omega = 1 / 10000 ** (torch.arange(quarter, dtype=torch.float64) / quarter)

        def one(place):
            angles = place[:, None] * omega[None]
            return torch.cat([angles.sin(), angles.cos()], 1)

        grid = torch.arange(7, dtype=torch.float64)
        rows, columns = torch.meshgrid(grid, grid, indexing="ij")
        return torch.cat([one(columns.reshape(-1)), one(rows.reshape(-1))], 1).float()[None]

    class DiT(nn.Module):
        def __init__(self):
            super().__init__()
            self.x_embedder = nn.Module()
            self.x_embedder.proj = nn.Conv2d(4, width, 2, 2)
            self.t_embedder = nn.Module()
            self.t_embedder.mlp = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
            self.y_embedder = nn.Module()
            self.y_embedder.embedding_table = nn.Embedding(11, width)
            self.blocks = nn.ModuleList([Block() for _ in range(depth)])
            self.final_layer = nn.Module()
            self.final_layer.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
            self.final_layer.linear = nn.Linear(width, 16)
            frequencies = torch.exp(-math.log(10000) * torch.arange(128).float() / 128)
            self.register_buffer("positions", positions(), persistent=False)
            self.register_buffer("frequencies", frequencies, persistent=False)

        def forward(self, x, t, y):
            batch = x.shape[0]
            proj = self.x_embedder.proj
            # The convolution of patches as the matrix product that it is, which is faster here.
            patches = x.reshape(batch, 4, 7, 2, 7, 2).permute(0, 2, 4, 1, 3, 5).reshape(batch, 49, 16)
            h = F.linear(patches, proj.weight.reshape(width, 16), proj.bias) + self.positions
            angles = t[:, None] * self.frequencies[None]
            features = torch.cat([angles.cos(), angles.sin()], 1)
            c = self.t_embedder.mlp(features) + self.y_embedder.embedding_table(y)
            for block in self.blocks:
                h = block(h, c)
            shift, scale = self.final_layer.adaLN_modulation(c).unsqueeze(1).chunk(2, 2)
            decoded = self.final_layer.linear(norm(h, shift, scale))
            return decoded.reshape(batch, 7, 7, 2, 2, 4).permute(0, 5, 1, 3, 2, 4).reshape(batch, 4, 14, 14)

    return DiT()


MODELS = {"tiny": (128, 6, 4), "s": (384, 12, 6)}


def operation_task(work, arrays):
    """One operation, with its gradients if asked for."""
    cotangent = arrays.pop("cotangent", None)
    operands = list(arrays.values())
    functions = {
        "matmul": lambda a, b: a @ b,
        "matmulTransposed": lambda a, b: a.t() @ b,
        "attention": attention,
        "conv2d": lambda x, weight: F.conv2d(x, weight, stride=work["stride"], padding=1),
        "gelu": lambda x: F.gelu(x, approximate="tanh"),
        "geluErf": F.gelu,
        "layerNorm": lambda x: F.layer_norm(x, x.shape[-1:], eps=1e-6),
        "softmax": lambda x: x.softmax(-1),
        "sum": lambda x: x.sum(0),
        "add": lambda a, b: a + b,
    }
    function = compiled(functions[work["operation"]])

    def compute():
        if not work["gradient"]:
            with torch.no_grad():
                return [function(*operands)]
        leaves = [x.requires_grad_() for x in operands]
        value = function(*leaves)
        return [value, *torch.autograd.grad(value, leaves, cotangent)]

    return compute, lambda: [magnitude(x) for x in compute()]


def load_model(work, arrays):
    """The model with its weights, and the batch."""
    batch = {name: arrays.pop(name) for name in ("x", "noise", "t", "y")}
    batch["y"] = batch["y"].long()
    model = build_model(*MODELS[work["model"]]).to(DEVICE)
    model.load_state_dict(arrays)
    return compiled(model), batch


def step_task(work, arrays):
    """One training step: forward, mean squared error, backward, AdamW."""
    model, batch = load_model(work, arrays)
    options = {"fused": True} if COMPILES else {}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, **options)
    losses = []

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss = ((model(batch["x"], batch["t"], batch["y"]) - batch["noise"]) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    return run, lambda: losses[:3]


def denoise_task(work, arrays):
    """50 denoising steps."""
    model, batch = load_model(work, arrays)

    def run():
        with torch.no_grad():
            z = batch["x"]
            for i in range(50):
                t = torch.full((z.shape[0],), float(20 * (49 - i)), device=DEVICE)
                z = 1.001 * (z - 0.02 * model(z, t, batch["y"])) + 0.01 * batch["noise"]
            return z

    return run, lambda: [magnitude(run())]


def prepare(work, arrays):
    """The function that does the work once, and the one that gives the check values."""
    tasks = {"operation": operation_task, "denoise": denoise_task, "step": step_task, "start": step_task}
    if work["kind"] not in tasks:
        raise Cannot("the peak is a loop of its own")
    return tasks[work["kind"]](work, arrays)


def blas_name():
    """The BLAS within torch, or which build of which BLAS it has loaded, as far as the system tells."""
    if "BLAS_INFO=mkl" in torch.__config__.show():
        return "mkl"
    try:
        with open("/proc/self/maps", encoding="utf-8") as file:
            paths = {line.split()[-1] for line in file if "blas" in line.rsplit("/", 1)[-1]}
    except OSError:
        return "unknown"
    builds = sorted({build for path in paths for build in ("openmp", "pthread", "serial") if build in path})
    return " ".join(["openblas" if any("openblas" in path for path in paths) else "blas", *builds])


def peak_memory_mb():
    """As in memory.ts."""
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            kilobytes = next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
    except OSError:
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kilobytes / 1024)


def absence():
    """Why nothing can be measured here, or None."""
    if torch is None:
        return "this Python has no torch"
    if DEVICE == "cuda" and not torch.cuda.is_available():
        return "the torch of this Python has no CUDA"
    if COMPILES and not hasattr(torch, "compile"):
        return "torch " + torch.__version__ + " has no torch.compile"
    return None


def set_up_compiler(folder):
    """Lets torch.compile link with this torch, and keep what it compiles for the length of the run."""
    # The linker looks in LIBDIR first, where a system may have a torch of its own, without vector functions.
    sysconfig.get_config_vars()["LIBDIR"] = os.path.join(os.path.dirname(torch.__file__), "lib")
    # In this process, for which the line above holds.
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(folder, "compiled-by-torch-" + torch.__version__)


def compile_now(run):
    """Runs a work once, which compiles it. Says what is missing for that, or gives None."""
    try:
        run()
    except Exception as error:  # whatever a compiler may say
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return "torch.compile does not work here: " + " ".join([type(error).__name__, *lines[:1]])
    return None


def vectors():
    """The vector instructions that torch.compile writes."""
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    return str(pick_vec_isa() or "none")


def versions():
    """What the numbers depend on."""
    build = "as " + torch.__version__ + " on Python " + sys.version.split()[0]
    if DEVICE == "cuda":
        device = {"device of pytorch": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
        return {"pytorch": build, **device}
    blas = {"pytorch": build + " with " + blas_name()}
    return {**blas, "vectors of pytorch-compile": vectors()} if COMPILES else blas


def settle():
    """Waits until what was started is done."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def main():
    run = check = None
    for line in sys.stdin:
        request = json.loads(line)
        reply = {"id": request["id"]}
        if request["type"] == "open" and absence() is not None:
            reply.update(versions={}, absent=absence())
        elif request["type"] == "open":
            torch.set_num_threads(THREADS)
            torch.backends.cuda.matmul.allow_tf32 = False
            torch.backends.cudnn.allow_tf32 = False
            if COMPILES:
                set_up_compiler(request["folder"])
            reply["versions"] = versions()
            try:
                arrays = read_arrays(request["folder"], request["work"]["name"])
                run, check = prepare(request["work"], arrays)
                failure = compile_now(run) if COMPILES and request["work"]["kind"] != "start" else None
                if failure is not None:
                    reply["absent"] = failure
            except Cannot as error:
                reply["cannot"] = str(error)
        elif request["type"] == "run":
            settle()
            start = time.perf_counter()
            for _ in range(request["count"]):
                run()
                settle()
            reply["ms"] = (time.perf_counter() - start) * 1000 / request["count"]
        else:
            memory = peak_memory_mb()
            reply.update(check=check(), rssMB=memory)
        print(json.dumps(reply), flush=True)
        if request["type"] == "finish":
            break


main()
