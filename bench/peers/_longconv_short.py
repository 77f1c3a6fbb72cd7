"""short_conv and its step beside torch's conv1d and torch.compile, with a copy of u as the floor.
Part of bench/peers/longconv.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402

BATCH, HEADS, LENGTH, QUICK_LENGTH = 8, 256, 4096, 512
WIDTHS = (4, 64)
OURS, EAGER, COMPILED, FLOOR = "longtail", "torch conv1d", "torch.compile", "copy of u"
FORWARD, SILU = "short_conv", "short_conv silu"
BOTH, STEP = "short_conv forward and backward", "short_conv_step"
#: Milliseconds of the forward pass at most, on one thread.
MOST = {4: 3.0, 64: 30.0}

Convolution = Callable[[Tensor, Tensor], Tensor]


def by_conv1d(u: Tensor, w: Tensor) -> Tensor:
    """A group for each channel; what lies behind the row is cut off."""
    heads, width = w.shape
    y = functional.conv1d(u, w.unsqueeze(1), padding=width - 1, groups=heads)
    return y[..., : u.shape[-1]]


def by_conv1d_and_silu(u: Tensor, w: Tensor) -> Tensor:
    """Two operations."""
    return functional.silu(by_conv1d(u, w))


def ours(u: Tensor, w: Tensor) -> Tensor:
    """The fused convolution."""
    y = longtail.short_conv(u, w)
    assert isinstance(y, Tensor)
    return y


def ours_and_silu(u: Tensor, w: Tensor) -> Tensor:
    """With its activation."""
    y = longtail.short_conv(u, w, activation="silu")
    assert isinstance(y, Tensor)
    return y


def both(function: Convolution, u: Tensor, w: Tensor) -> Tensor:
    """With the gradients of u and w; gives that of u."""
    leaves = [u.detach().requires_grad_(), w.detach().requires_grad_()]
    return torch.autograd.grad(function(*leaves), leaves, u)[0]


def torch_step(u_t: Tensor, state: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """One step in torch operations."""
    x = torch.cat([state, u_t.unsqueeze(-1)], -1)
    return functional.silu((x * w).sum(-1)), x[..., 1:]


def error(y: Tensor, exact: Tensor) -> tuple[float, float]:
    """Largest and median over the largest element."""
    difference = (y.double() - exact).abs() / exact.abs().max()
    return float(difference.max()), float(difference.median())


def calls_of(kernel: str, u: Tensor, w: Tensor) -> dict[str, Callable[[], Any]]:
    """By provider."""
    if kernel == STEP:
        u_t, state = u[..., 0].contiguous(), u[..., 1 : w.shape[1]].contiguous()
        mine = partial(longtail.short_conv_step, activation="silu")
        return {
            OURS: partial(mine, u_t, state, w),
            EAGER: partial(torch_step, u_t, state, w),
            COMPILED: partial(torch.compile(torch_step, dynamic=False), u_t, state, w),
        }
    fused, apart = (ours_and_silu, by_conv1d_and_silu) if kernel == SILU else (ours, by_conv1d)
    if kernel == BOTH:
        return {OURS: partial(both, fused, u, w), EAGER: partial(both, apart, u, w)}
    return {
        OURS: partial(fused, u, w),
        EAGER: partial(apart, u, w),
        COMPILED: partial(torch.compile(apart, dynamic=False), u, w),
        FLOOR: partial(torch.empty_like(u).copy_, u),
    }


def measure_width(width: int, length: int, threads: int, repeats: int) -> list[Record]:
    """Everybody at one number of taps."""
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(BATCH, HEADS, length, generator=generator)
    w = torch.randn(HEADS, width, generator=generator) / width**0.5
    exact = {FORWARD: by_conv1d(u[:1].double(), w.double())}
    exact[SILU] = functional.silu(exact[FORWARD])
    records = []
    for kernel in (FORWARD, SILU, BOTH, STEP):
        torch._dynamo.reset()
        calls = calls_of(kernel, u, w)
        elements = BATCH * HEADS if kernel == STEP else u.numel()
        providers = [Provider(name, timed(call), elements, threads) for name, call in calls.items()]
        for timing in interleave(providers, repeats * 20 if kernel == STEP else repeats):
            name = timing.provider.name
            known = kernel in exact and name != FLOOR
            errors = error(calls[name]()[:1], exact[kernel]) if known else None
            row = timing.record("longconv", kernel, f"W {width}", errors)
            row.dtype = "float32"
            row.extra["milliseconds"] = row.median * row.elements * 1e-6
            row.extra["length"] = 1 if kernel == STEP else length
            records.append(row)
    return records


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Every number of taps at every number of threads."""
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        for width in WIDTHS:
            result += measure_width(width, QUICK_LENGTH if quick else LENGTH, count, repeats)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """Of longconv.md at its shape on one thread; and rows and steps faster than torch's."""

    def time(kernel: str, width: int, provider: str) -> float:
        wanted = (kernel, f"W {width}", 1, provider)
        found = (r for r in rows if (r.kernel, r.case, r.threads, r.provider) == wanted)
        return float(next(found).extra["milliseconds"])

    full = any(row.extra["length"] == LENGTH for row in rows)
    result = []
    for width in WIDTHS:
        if full:
            mine = time(FORWARD, width, OURS)
            result.append(
                Bar(f"short_conv W {width}: milliseconds", mine, MOST[width], at_most=True)
            )
        for kernel in (FORWARD, SILU, BOTH, STEP):
            gain = time(kernel, width, EAGER) / time(kernel, width, OURS)
            result.append(Bar(f"{kernel} W {width}: torch over ours", gain, 1.0))
    return result
