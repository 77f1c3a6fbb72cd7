"""long_conv beside torch's and SciPy's real transforms, with a copy of u as the floor. Part of
bench/peers/longconv.py; as a script, prints seconds of torch under the malloc of its caller:

    python bench/peers/_longconv_rows.py LENGTH THREADS REPEATS
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import scipy.fft
import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402
from bench.kit.parts import WARM  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.report import Bar  # noqa: E402
from bench.kit.runner import Provider, Timing, interleave, timed  # noqa: E402

BATCH, HEADS = 8, 256
LENGTHS = (1024, 4096, 16384, 65536)
QUICK = (1024, 4096)
HELD, OURS = "longtail, spectrum held", "longtail"
TORCH, DEFAULT, SCIPY, FLOOR = "torch rfft", "torch rfft, default malloc", "SciPy rfft", "copy of u"
FORWARD, BOTH = "long_conv", "long_conv forward and backward"


def drawn(length: int) -> tuple[Tensor, Tensor]:
    """u and k."""
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(BATCH, HEADS, length, generator=generator)
    return u, torch.randn(HEADS, length, generator=generator) / length**0.5


def by_rfft(u: Tensor, k: Tensor) -> Tensor:
    """What state-space models do in torch."""
    size = 2 * u.shape[-1]
    product = torch.fft.rfft(u, size) * torch.fft.rfft(k, size)
    return torch.fft.irfft(product, size)[..., : u.shape[-1]]


def by_scipy(u: Tensor, k: Tensor, workers: int) -> Tensor:
    """The same in NumPy's arrays, several threads by SciPy's own means."""
    size = 2 * u.shape[-1]
    transform = partial(scipy.fft.rfft, n=size, workers=workers)
    product = transform(u.numpy()) * transform(k.numpy())
    return torch.from_numpy(scipy.fft.irfft(product, size, workers=workers)[..., : u.shape[-1]])


def both(function: Callable[[Tensor, Tensor], Tensor], u: Tensor, k: Tensor) -> Tensor:
    """With the gradients of u and k; gives that of u."""
    leaves = [u.detach().requires_grad_(), k.detach().requires_grad_()]
    y = function(*leaves)
    return torch.autograd.grad(y, leaves, u)[0]


def ours(u: Tensor, k: Tensor) -> Tensor:
    """The spectrum taken inside."""
    y = longtail.long_conv(u, k)
    assert isinstance(y, Tensor)
    return y


def held(kernel: longtail.LongKernel, u: Tensor) -> Tensor:
    """The spectrum taken before."""
    y = longtail.long_conv(u, kernel)
    assert isinstance(y, Tensor)
    return y


def seconds_by_default(length: int, threads: int, repeats: int) -> list[float]:
    """Of torch in a process whose malloc is as users have it."""
    plain = {name: value for name, value in os.environ.items() if name not in WARM}
    command = [sys.executable, __file__, *map(str, (length, threads, repeats))]
    found = subprocess.run(command, env=plain, check=True, capture_output=True, text=True)
    return [float(line) for line in found.stdout.split()]


def error(y: Tensor, u: Tensor, k: Tensor) -> tuple[float, float]:
    """Largest and median over the largest element, of the first rows."""
    exact = by_rfft(u[:1, :4].double(), k[:4].double())
    difference = (y[:1, :4].double() - exact).abs() / exact.abs().max()
    return float(difference.max()), float(difference.median())


def measure_length(length: int, threads: int, repeats: int) -> list[Record]:
    """Everybody at one length."""
    u, k = drawn(length)
    kernel, target = longtail.LongKernel(k), torch.empty_like(u)
    forward: dict[str, Callable[[], Tensor]] = {
        HELD: partial(held, kernel, u),
        OURS: partial(ours, u, k),
        TORCH: partial(by_rfft, u, k),
        SCIPY: partial(by_scipy, u, k, threads),
        FLOOR: partial(target.copy_, u),
    }
    backward: dict[str, Callable[[], Tensor]] = {
        OURS: partial(both, ours, u, k),
        TORCH: partial(both, by_rfft, u, k),
    }
    records = []
    for kernel_name, calls in ((FORWARD, forward), (BOTH, backward)):
        errors = {
            name: error(call(), u, k)
            for name, call in calls.items()
            if kernel_name == FORWARD and name != FLOOR
        }
        providers = [Provider(n, timed(call), u.numel(), threads) for n, call in calls.items()]
        timings = interleave(providers, repeats)
        if kernel_name == FORWARD:
            nobody = Provider(DEFAULT, lambda: 0.0, u.numel(), threads)
            samples = seconds_by_default(length, threads, max(2, repeats // 3))
            timings.append(Timing(nobody, [1e9 * each / u.numel() for each in samples]))
        for timing in timings:
            name = timing.provider.name
            row = timing.record("longconv", kernel_name, f"L {length}", errors.get(name))
            row.dtype = "float32"
            row.extra["milliseconds"] = row.median * row.elements * 1e-6
            records.append(row)
    return records


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Every length at every number of threads."""
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        for length in QUICK if quick else LENGTHS:
            few = repeats if length < 65536 else max(3, repeats // 3)
            result += measure_length(length, count, few)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """Of longconv.md: times the rivals', one thread over two, and the floor for comparison."""

    def time(kernel: str, length: int, threads: int, provider: str) -> float:
        wanted = (kernel, f"L {length}", threads, provider)
        found = (r for r in rows if (r.kernel, r.case, r.threads, r.provider) == wanted)
        return float(next(found).extra["milliseconds"])

    result = []
    lengths = [int(case.split()[1]) for case in dict.fromkeys(row.case for row in rows)]
    for n in lengths:
        mine = time(FORWARD, n, 1, HELD)
        result.append(Bar(f"L {n}: torch tuned over held", time(FORWARD, n, 1, TORCH) / mine, 3))
        if 4096 <= n <= 16384:
            default = time(FORWARD, n, 1, DEFAULT)
            result.append(Bar(f"L {n}: torch default over held", default / mine, 10))
        inside = time(FORWARD, n, 1, OURS) / mine
        result.append(Bar(f"L {n}: spectrum inside over held", inside, 1.4, at_most=True))
        gain = time(BOTH, n, 1, TORCH) / time(BOTH, n, 1, OURS)
        result.append(Bar(f"L {n}: both passes, torch over ours", gain, 3))
        if any(row.threads == 2 for row in rows):
            faster = mine / time(FORWARD, n, 2, HELD)
            result.append(Bar(f"L {n}: one thread over two", faster, 1.5 if n <= 1024 else 1.7))
    return result


def main() -> None:
    """Seconds of torch's forward pass, a line each."""
    length, threads, repeats = map(int, sys.argv[1:])
    torch.set_num_threads(threads)
    u, k = drawn(length)
    by_rfft(u, k)
    for _ in range(repeats):
        start = time.perf_counter()
        by_rfft(u, k)
        print(time.perf_counter() - start)


if __name__ == "__main__":
    main()
