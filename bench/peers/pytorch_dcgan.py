#!/usr/bin/env python3
"""The article's training step in PyTorch, for a machine with a GPU: what catgan's step is measured against.

    python3 bench/peers/pytorch_dcgan.py --json         every precision and mode, 128x128, base 64, batch 64
    python3 bench/peers/pytorch_dcgan.py --check        ten steps against test/fixtures/dcgan_article.safetensors
    python3 bench/peers/pytorch_dcgan.py --device cpu --steps 2 --size 16 --base 4 --batch 4

The networks, losses and order of a step are those of src/nn/dcgan.ts and src/train/trainer.ts. Two things are left as
PyTorch has them: Adam's epsilon is added to the corrected sqrt(v), and the running statistics take the unbiased variance.
Only PyTorch is needed; the table goes to the terminal, with --json also a file into bench/results/.
"""

import argparse
import datetime
import json
import pathlib
import platform
import re
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    sys.exit("pytorch_dcgan.py needs PyTorch: pip install torch")

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLOPE = 0.2
KERNEL = 5
SMOOTHING = 0.1
# Parameters of the article's two networks, at 128x128 with 64 channels and 100 latent numbers.
ARTICLE_COUNTS = {"G": 24_034_819, "D": 17_484_161}

PRECISIONS = ["fp32", "tf32", "bf16"]
# Each mode adds to the one before.
MODES = ["eager", "benchmark", "channels_last", "compile"]


def start_side(size):
    return 8 if size == 128 else 4


def batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-5, momentum=0.01)


class SameConv(nn.Conv2d):
    """TensorFlow's SAME. At stride 2 and an even size that is 1 before and 2 after, which PyTorch's convolution does
    not know: the picture is padded first. `symmetric` instead pads 2 and 2 inside of the convolution: as many flops and
    no copy, but the picture moved by a pixel.
    """

    def __init__(self, inputs, outputs, stride, padding):
        self.pad_first = stride == 2 and padding == "same"
        super().__init__(inputs, outputs, KERNEL, stride, padding=0 if self.pad_first else 2)

    def forward(self, x):
        return super().forward(F.pad(x, (1, 2, 1, 2)) if self.pad_first else x)


class SameTransposed(nn.ConvTranspose2d):
    """The gradient of `SameConv`: at stride 2, 1 is cut off before and 2 after; `symmetric`: 2 before and 1 after."""

    def __init__(self, inputs, outputs, stride, padding):
        self.cut = stride == 2 and padding == "same"
        shape = {"padding": 1} if self.cut else {"padding": 2, "output_padding": stride - 1}
        super().__init__(inputs, outputs, KERNEL, stride, **shape)

    def forward(self, x):
        y = super().forward(x)
        return y[:, :, :-1, :-1] if self.cut else y


class Generator(nn.Module):
    def __init__(self, size, base, z, padding):
        super().__init__()
        self.side = start_side(size)
        doublings = (size // self.side).bit_length() - 1
        channels = base << doublings
        self.dense = nn.Linear(z, self.side**2 * channels)
        self.up = nn.ModuleList()
        self.norm = nn.ModuleList()
        for _ in range(doublings):
            self.up.append(SameTransposed(channels, channels // 2, 2, padding))
            self.norm.append(batch_norm(channels // 2))
            channels //= 2
        self.rgb = SameTransposed(channels, 3, 1, padding)

    def forward(self, z):
        x = F.leaky_relu(self.dense(z), SLOPE).view(z.shape[0], -1, self.side, self.side)
        for up, norm in zip(self.up, self.norm):
            x = F.leaky_relu(norm(up(x)), SLOPE)
        return torch.tanh(self.rgb(x))


class Discriminator(nn.Module):
    def __init__(self, size, base, padding):
        super().__init__()
        side = start_side(size)
        strides = [2] * ((size // side).bit_length() - 1)
        if size == 128:
            strides.insert(-1, 1)
        self.conv = nn.ModuleList()
        self.norm = nn.ModuleList()
        channels = 3
        for i, stride in enumerate(strides):
            outputs = base << i
            self.conv.append(SameConv(channels, outputs, stride, padding))
            self.norm.append(batch_norm(outputs) if i > 0 else nn.Identity())
            channels = outputs
        self.logit = nn.Linear(side**2 * channels, 1)

    def forward(self, x):
        for conv, norm in zip(self.conv, self.norm):
            x = F.leaky_relu(norm(conv(x)), SLOPE)
        return self.logit(x.flatten(1))


def initialise(network):
    """The article's start; only the times of a layer's numbers matter here, but they must stay finite."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.trunc_normal_(module.weight, std=0.02, a=-0.04, b=0.04)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


class Trainer:
    """Both networks and what a step needs. Rates and betas are the article's unless given."""

    def __init__(self, g, d, device, precision="fp32", compiled=False, rates=(5e-5, 2e-4), smoothing=SMOOTHING):
        fused = {"fused": True} if device.type == "cuda" else {}
        self.d_adam = torch.optim.Adam(d.parameters(), lr=rates[0], betas=(0.5, 0.999), **fused)
        self.g_adam = torch.optim.Adam(g.parameters(), lr=rates[1], betas=(0.5, 0.999), **fused)
        self.d_parameters = list(d.parameters())
        self.g, self.d = (torch.compile(g), torch.compile(d)) if compiled else (g, d)
        self.smoothing = smoothing
        self.autocast = lambda: torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")

    @staticmethod
    def cross_entropy(logits, target):
        return F.binary_cross_entropy_with_logits(logits.float(), torch.full_like(logits, target, dtype=torch.float32))

    def step(self, z, real):
        """D on real and fake, each by its own batch statistics; then G, whose forward pass is not repeated."""
        with self.autocast():
            fake = self.g(z)
            d_loss = self.cross_entropy(self.d(real), 1 - self.smoothing) + self.cross_entropy(self.d(fake.detach()), 0)
        self.d_adam.zero_grad(set_to_none=True)
        d_loss.backward()
        self.d_adam.step()

        # Nobody wants the gradients of D's parameters here.
        for parameter in self.d_parameters:
            parameter.requires_grad_(False)
        with self.autocast():
            g_loss = self.cross_entropy(self.d(fake), 1)
        self.g_adam.zero_grad(set_to_none=True)
        g_loss.backward()
        self.g_adam.step()
        for parameter in self.d_parameters:
            parameter.requires_grad_(True)
        return d_loss.detach(), g_loss.detach()


def allow_tf32(allowed):
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def measure(options, device, precision, mode):
    """Times of single steps in milliseconds, and what the step held of memory."""
    rank = MODES.index(mode)
    allow_tf32(precision == "tf32")
    torch.backends.cudnn.benchmark = rank >= MODES.index("benchmark")
    layout = torch.channels_last if rank >= MODES.index("channels_last") else torch.contiguous_format
    torch._dynamo.reset()
    torch.manual_seed(1)
    g = Generator(options.size, options.base, options.z, options.padding)
    d = Discriminator(options.size, options.base, options.padding)
    for network in (g, d):
        initialise(network)
        network.to(device=device, memory_format=layout)
    trainer = Trainer(g, d, device, precision, compiled=mode == "compile")
    real = torch.rand(options.batch, 3, options.size, options.size, device=device).mul_(2).sub_(1)
    real = real.contiguous(memory_format=layout)

    def step():
        z = torch.rand(options.batch, options.z, device=device).mul_(2).sub_(1)
        return trainer.step(z, real)

    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
    for _ in range(options.warmup):
        step()
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(options.steps + 1)]
        marks[0].record()
        for mark in marks[1:]:
            losses = step()
            mark.record()
        torch.cuda.synchronize()
        times = [before.elapsed_time(after) for before, after in zip(marks, marks[1:])]
        peak = torch.cuda.max_memory_allocated()
    else:
        times = []
        for _ in range(options.steps):
            began = time.perf_counter()
            losses = step()
            times.append(1000 * (time.perf_counter() - began))
        peak = None
    losses = [loss.item() for loss in losses]
    if not all(map(lambda loss: abs(loss) < 100, losses)):
        raise RuntimeError(f"{precision}, {mode}: the losses are {losses}: what was timed is not training")
    return {
        "precision": precision,
        "mode": mode,
        "milliseconds": {
            "median": statistics.median(times),
            "min": min(times),
            "max": max(times),
            "values": times,
        },
        "peakBytes": peak,
        "lastLosses": losses,
    }


def nominal_flops(options):
    """Of one step, taps on the padding included, as catgan counts. G: three passes, its first layer two. D in its own
    step: three passes on 2N pictures, its first layer two; in G's: two on N.
    """
    side = start_side(options.size)
    doublings = (options.size // side).bit_length() - 1
    channels = options.base << doublings
    g = 2 * options.z * side**2 * channels
    h, taps = side, KERNEL**2
    for _ in range(doublings):
        g += 3 * h * h * taps * channels * (channels // 2)
        h, channels = 2 * h, channels // 2
    g += 3 * h * h * taps * channels * 3
    strides = [2] * doublings
    if options.size == 128:
        strides.insert(-1, 1)
    d, inputs, h = 0, 3, options.size
    for i, stride in enumerate(strides):
        outputs = options.base << i
        h //= stride
        layer = h * h * taps * inputs * outputs
        d += layer * (2 * (3 if i > 0 else 2) + 2)
        inputs = outputs
    d += 8 * h * h * inputs
    return 2 * options.batch * (g + d)


# ---- the check against the fixture ----


def read_safetensors(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        first, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(bytearray(data[first:end]), dtype=torch.float32).reshape(entry["shape"])
    return tensors, metadata


def load(network, tensors, prefix, side):
    """Fills a network with the fixture's start. Its filters are [R,S,in,out] and, of transposed convolutions, [R,S,out,in]:
    both are [3,2,0,1] of PyTorch's. Its dense layers count over NHWC.
    """
    state = {}
    for name, tensor in tensors.items():
        match = re.fullmatch(rf"start\.{prefix}\.([a-z]+)(\d*)\.(\w+)", name)
        if not match:
            continue
        layer, number, part = match.groups()
        if tensor.dim() == 4:
            tensor = tensor.permute(3, 2, 0, 1)
        elif layer == "dense":
            tensor = tensor.reshape(-1, side, side, tensor.shape[-1] // side**2).permute(0, 3, 1, 2)
            tensor = tensor.reshape(tensor.shape[0], -1).T.squeeze(1)
        elif layer == "logit" and part == "weight":
            tensor = tensor.reshape(side, side, -1).permute(2, 0, 1).reshape(1, -1)
        module, part = {"gamma": ("norm", "weight"), "beta": ("norm", "bias")}.get(part, (layer, part))
        place = f".{int(number) - 1}" if number else ""
        state[f"{module}{place}.{part}"] = tensor.contiguous()
    missing, unexpected = network.load_state_dict(state, strict=False)
    missing = [name for name in missing if not re.search(r"running_|num_batches", name)]
    if missing or unexpected:
        raise RuntimeError(f"the fixture does not fit the network: missing {missing}, unexpected {unexpected}")


def check(device):
    """Ten steps from the fixture's start must come to its losses."""
    tensors, metadata = read_safetensors(ROOT / "test/fixtures/dcgan_article.safetensors")
    config, indices, d_losses, g_losses = (json.loads(metadata[key]) for key in ("config", "indices", "dLoss", "gLoss"))
    allow_tf32(False)
    g = Generator(config["size"], config["base"], config["z"], "same")
    d = Discriminator(config["size"], config["baseD"], "same")
    side = start_side(config["size"])
    load(g, tensors, "g", side)
    load(d, tensors, "d", side)
    rates = (config["lrD"], config["lrG"])
    trainer = Trainer(g.to(device), d.to(device), device, rates=rates, smoothing=config["smoothing"])
    reals = tensors["reals"].permute(0, 3, 1, 2).contiguous().to(device)
    worst = 0
    for step, (d_expected, g_expected) in enumerate(zip(d_losses, g_losses)):
        d_loss, g_loss = trainer.step(tensors["z"][step].to(device), reals[indices[step]])
        worst = max(worst, abs(d_loss.item() - d_expected), abs(g_loss.item() - g_expected))
    print(f"{len(d_losses)} steps of the fixture: losses at most {worst:.1e} away, 1e-4 allowed")
    if not worst <= 1e-4:
        sys.exit("the networks here are not catgan's")


# ---- the command ----


def number(minimum):
    def parse(text):
        value = int(text)
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{text}: expected at least {minimum}")
        return value

    return parse


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=128, choices=[16, 32, 64, 128])
    parser.add_argument("--base", type=number(1), default=64, help="channels of G's last and of D's first layer")
    parser.add_argument("--batch", type=number(1), default=64)
    parser.add_argument("--z", type=number(1), default=100)
    parser.add_argument("--steps", type=number(1), default=30, help="measured steps")
    parser.add_argument("--warmup", type=number(1), default=10, help="steps before, which compile and choose kernels")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--mode", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--padding", choices=["same", "symmetric"], default="same", help="symmetric: see SameConv")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--check", action="store_true", help="only compare with the fixture")
    parser.add_argument("--json", action="store_true", help="also write bench/results/pytorch-<device>.json")
    return parser.parse_args()


def device_name(device):
    return torch.cuda.get_device_name() if device.type == "cuda" else f"CPU {platform.machine()}"


def main():
    options = parse_options()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("this PyTorch sees no CUDA device: run it where there is one, or with --device cpu and a small --size")
    device = torch.device(options.device)
    if options.check:
        return check(device)
    g = Generator(options.size, options.base, options.z, options.padding)
    d = Discriminator(options.size, options.base, options.padding)
    counts = {"G": count(g), "D": count(d)}
    if (options.size, options.base, options.z) == (128, 64, 100):
        assert counts == ARTICLE_COUNTS, f"the networks have {counts} parameters, the article's have {ARTICLE_COUNTS}"
    flops = nominal_flops(options)
    print(f"{device_name(device)}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}")
    print(f"{options.size}x{options.size}, base {options.base}, batch {options.batch}, {options.padding} padding, ", end="")
    print(f"{flops / 1e9:.4g} GFLOP a step")
    print(f"{'precision':10}{'mode':15}{'ms':>9}{'min–max':>17}{'TFLOP/s':>9}{'peak MiB':>10}")
    results = []
    for precision in options.precision:
        for mode in options.mode:
            if device.type == "cpu" and precision == "tf32":
                continue
            try:
                result = measure(options, device, precision, mode)
            except Exception as error:  # One mode that fails (no compiler, say) must not cost the others.
                results.append({"precision": precision, "mode": mode, "error": str(error).split("\n")[0]})
                print(f"{precision:10}{mode:15}failed: {results[-1]['error']}"[:80])
                continue
            results.append(result)
            times = result["milliseconds"]
            spread = f"{times['min']:.4g}–{times['max']:.4g}"
            peak = "–" if result["peakBytes"] is None else f"{result['peakBytes'] / 2**20:.0f}"
            rate = flops / times["median"] / 1e9
            print(f"{precision:10}{mode:15}{times['median']:9.4g}{spread:>17}{rate:9.3g}{peak:>10}", flush=True)
    if options.json:
        write(options, device, counts, flops, results)
    if any("error" in result for result in results):
        sys.exit(1)


def write(options, device, counts, flops, results):
    slug = re.sub(r"[^a-z0-9]+", "-", device_name(device).lower()).strip("-")
    path = ROOT / "bench" / "results" / f"pytorch-{slug}.json"
    path.parent.mkdir(exist_ok=True)
    report = {
        "date": datetime.date.today().isoformat(),
        "command": " ".join(["python3 bench/peers/pytorch_dcgan.py", *sys.argv[1:]]),
        "device": device_name(device),
        "versions": {
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "python": platform.python_version(),
        },
        "configuration": {key: getattr(options, key) for key in ("size", "base", "batch", "z", "padding")},
        "parameters": counts,
        "flops": flops,
        "measured": {"steps": options.steps, "warmup": options.warmup},
        "results": results,
    }
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
