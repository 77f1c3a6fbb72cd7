"""hadamard_transform beside the product x @ H, eager butterflies and torch.compile of them, over a
copy of x as the floor. Part of bench/peers/attention.py.

Memory must be warm, or page faults are all one sees: MALLOC_MMAP_THRESHOLD_=4294967296
MALLOC_TRIM_THRESHOLD_=68719476736.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402

ELEMENTS = 1 << 22
SIZES = (128, 4096)
FLOOR = "x.clone()"
#: Our time over that of a copy, at most, on one thread.
MOST = 1.3

Transform = Callable[[Tensor], Tensor]


def butterflies(x: Tensor) -> Tensor:
    """The transform in log2 n passes of torch operations."""
    n = x.shape[-1]
    y, half = x, 1
    while half < n:
        low, high = y.unflatten(-1, (-1, 2, half)).unbind(-2)
        y = torch.stack([low + high, low - high], -2).flatten(-3)
        half *= 2
    return y * n**-0.5


def product(h: Tensor, x: Tensor) -> Tensor:
    """By the matrix, which is symmetric."""
    return x @ h


def ours(x: Tensor) -> Tensor:
    """The fused transform."""
    return longtail.hadamard_transform(x, x.shape[-1] ** -0.5)


def transforms(n: int) -> dict[str, Transform]:
    """By provider; the floor is none."""
    h = butterflies(torch.eye(n))
    return {
        "longtail": ours,
        "x @ H": partial(product, h),
        "eager butterflies": butterflies,
        "torch.compile": torch.compile(butterflies, dynamic=False),
        FLOOR: torch.clone,
    }


def errors(transform: Transform, x: Tensor) -> tuple[float, float]:
    """Largest and median error over the largest element, against float64, on some of the rows."""
    some = x[: max(1, (1 << 16) // x.shape[-1])]
    exact = butterflies(some.double())
    # The whole of x, as a compiled function has its shape.
    error = (transform(x)[: len(some)].double() - exact).abs() / exact.abs().max()
    return float(error.max()), float(error.median())


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Both sizes at every number of threads."""
    elements = ELEMENTS // 16 if quick else ELEMENTS
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        for n in SIZES:
            torch._dynamo.reset()
            x = torch.randn(elements // n, n, generator=torch.Generator().manual_seed(0))
            calls = transforms(n)
            providers = [
                Provider(name, timed(partial(call, x)), elements, count)
                for name, call in calls.items()
            ]
            for timing in interleave(providers, repeats):
                name = timing.provider.name
                of_y = None if name == FLOOR else errors(calls[name], x)
                record = timing.record("attention", "hadamard_transform", f"d={n}", of_y)
                record.dtype = "float32"
                result.append(record)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """One thread: no more than 1.3 copies, and faster than every rival."""
    mine = {
        (row.case, row.provider): row.median
        for row in rows
        if row.kernel == "hadamard_transform" and row.threads == 1
    }
    result = []
    for (case, provider), median in mine.items():
        fused = mine[case, "longtail"]
        if provider == FLOOR:
            name = f"hadamard_transform {case}, ours over {FLOOR}, 1 thr"
            result.append(Bar(name, fused / median, MOST, at_most=True))
        elif provider != "longtail":
            name = f"hadamard_transform {case}, {provider} over ours, 1 thr"
            result.append(Bar(name, median / fused, 1.0))
    return result
