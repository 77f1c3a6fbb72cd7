"""long_conv beside torch's and SciPy's real transforms, with a copy of u and the peak rate of
multiply-adds as floors, and the memory of a call. Part of bench/peers/longconv.py.

Rows of torch stand there twice: with memory that malloc keeps, as all others, and in a process
whose malloc is as users have it, where ours stands again as well.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit.bars import Bar  # noqa: E402
from bench.kit.memory import give_back  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, Timing, interleave, timed  # noqa: E402
from bench.peers._longconv_apart import peak_megabytes, seconds_by_default  # noqa: E402
from bench.peers._longconv_calls import (  # noqa: E402
    BATCH,
    BOTH,
    FORWARD,
    HEADS,
    HELD,
    OURS,
    TORCH,
    by_rfft,
    calls,
    drawn,
)

LENGTHS = (1024, 4096, 16384, 65536)
QUICK = (1024, 4096)
DEFAULT = ", default malloc"
COPY, FMA = "copy of u", "FMA peak"
MEMORY = 1.02  # of what has to be there: the rest is a row for each thread
CHANNELS, SIDE = 256, 32  # of the images whose convolution tells the rate of multiply-adds


def operations(length: int) -> float:
    """Of a causal convolution at least: for each row one complex transform of its length there and
    one back, 5 N log2 N each, and the product."""
    return BATCH * HEADS * length * (10 * math.log2(length) + 6)


def at_fma_peak(length: int) -> Callable[[], float]:
    """Seconds of that many operations at the rate of torch's 3 x 3 convolution of images, which
    comes to the peak where its matrix product does not: on AMD that stays with AVX2."""
    images = torch.randn(1, CHANNELS, SIDE, SIDE)
    weight = torch.randn(CHANNELS, CHANNELS, 3, 3)
    share = operations(length) / (2 * 9 * CHANNELS**2 * SIDE**2)

    def seconds() -> float:
        start = time.perf_counter()
        with torch.no_grad():
            functional.conv2d(images, weight, padding=1)
        return (time.perf_counter() - start) * share

    return seconds


def error(y: Tensor, u: Tensor, k: Tensor) -> tuple[float, float]:
    """Largest and median over the largest element, of the first rows."""
    exact = by_rfft(u[:1, :4].double(), k[:4].double())
    difference = (y[:1, :4].double() - exact).abs() / exact.abs().max()
    return float(difference.max()), float(difference.median())


def race(kernel: str, length: int, threads: int, repeats: int) -> list[Timing]:
    """All providers of a pass, those in their own process last."""
    u, k = drawn(length)
    providers = [
        Provider(name, timed(call), u.numel(), threads)
        for name, call in calls(kernel, u, k, threads).items()
    ]
    if kernel == FORWARD:
        copy = timed(partial(torch.empty_like(u).copy_, u))
        providers.append(Provider(COPY, copy, u.numel(), threads))
        providers.append(Provider(FMA, at_fma_peak(length), u.numel(), threads))
    timings = interleave(providers, repeats)
    give_back()
    apart = seconds_by_default(kernel, length, threads, max(2, repeats // 3))
    for name, samples in apart.items():
        nobody = Provider(name + DEFAULT, lambda: 0.0, u.numel(), threads)
        timings.append(Timing(nobody, [1e9 * each / u.numel() for each in samples]))
    return timings


def measure_length(length: int, threads: int, repeats: int, memory: bool) -> list[Record]:
    """Everybody at one length; peak memory once."""
    u, k = drawn(length)
    records = []
    for kernel in (FORWARD, BOTH):
        known = calls(kernel, u, k, threads)
        for timing in race(kernel, length, threads, repeats):
            name = timing.provider.name
            compared = kernel == FORWARD and name in known
            errors = error(known[name](), u, k) if compared else None
            row = timing.record("longconv", kernel, f"L {length}", errors)
            row.dtype = "float32"
            row.extra["milliseconds"] = row.median * row.elements * 1e-6
            if memory and name in known:
                row.extra["peak_megabytes"] = peak_megabytes(kernel, length, threads, name)
            records.append(row)
        give_back()
    return records


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Every length at every number of threads."""
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        for length in QUICK if quick else LENGTHS:
            few = repeats if length < 65536 else max(3, repeats // 3)
            result += measure_length(length, count, few, memory=count == threads[0])
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """Of longconv.md: times the rivals', one thread over two, and memory."""

    def of(kernel: str, length: int, threads: int, provider: str) -> Record:
        wanted = (kernel, f"L {length}", threads, provider)
        return next(r for r in rows if (r.kernel, r.case, r.threads, r.provider) == wanted)

    def time(kernel: str, length: int, threads: int, provider: str) -> float:
        return float(of(kernel, length, threads, provider).extra["milliseconds"])

    result = []
    lengths = [int(case.split()[1]) for case in dict.fromkeys(row.case for row in rows)]
    for n in lengths:
        mine = time(FORWARD, n, 1, HELD)
        result.append(
            Bar(f"long_conv L {n}: torch tuned over held", time(FORWARD, n, 1, TORCH) / mine, 3)
        )
        if 4096 <= n <= 16384:
            default = time(FORWARD, n, 1, TORCH + DEFAULT)
            result.append(Bar(f"long_conv L {n}: torch default over held", default / mine, 10))
        inside = time(FORWARD, n, 1, OURS) / mine
        result.append(Bar(f"long_conv L {n}: spectrum inside over held", inside, 1.4, at_most=True))
        gain = time(BOTH, n, 1, TORCH) / time(BOTH, n, 1, OURS)
        result.append(Bar(f"long_conv L {n}: both passes, torch over ours", gain, 3))
        y = 4 * BATCH * HEADS * n / 2**20  # the spectrum: n complex numbers a head
        for provider, needed in ((HELD, y), (OURS, y + 2 * y / BATCH)):
            memory = of(FORWARD, n, 1, provider).extra["peak_megabytes"] / needed
            name = "y" if provider == HELD else "y and the spectrum"
            result.append(Bar(f"long_conv L {n}: memory over {name}", memory, MEMORY, at_most=True))
        if any(row.threads == 2 for row in rows):
            faster = mine / time(FORWARD, n, 2, HELD)
            result.append(
                Bar(f"long_conv L {n}: one thread over two", faster, 1.5 if n <= 1024 else 1.7)
            )
    return result
