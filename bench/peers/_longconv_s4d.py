"""Diagonal state spaces beside what torch offers: the kernel, whole rows, a step. Part of
bench/peers/longconv.py; as a script, prints a table:

    python bench/peers/_longconv_s4d.py [--quick] [--repeats N] [--threads N]

Rivals: the kernel as state-space models have it in torch, a Vandermonde matrix of complex64 times
the coefficients; rows by that kernel, given, and torch's rfft; a step in torch operations on
coefficients that are discretised anew, as ours are, and on those that are not. Floors: a copy of
the kernel, of u, and of the states.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.parts import run_alone  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402

BATCH, HEADS, LENGTH = 8, 256, 4096
STATES = (2, 8, 32)
KERNEL, ROWS, STEP = "s4d_kernel", "s4d", "s4d_step"
OURS, NAIVE, COPY = "longtail", "torch, Vandermonde", "copy"
RECURRENT, CONV, CHUNKED = "longtail, recurrent", "longtail, conv", "longtail, chunked"
AUTO, RFFT = "longtail, auto", "torch rfft, kernel given"
TORCH, READY = "torch", "torch, discretised before"
BAR_STATES = 32


def system(states: int, length: int) -> dict[str, Tensor]:
    """S4D-Lin."""
    g = torch.Generator().manual_seed(0)
    rate = torch.complex(torch.tensor(-0.5), math.pi * torch.arange(states, dtype=torch.float32))
    pairs = torch.randn(HEADS, states, 2, generator=g)
    return {
        "u": torch.randn(BATCH, HEADS, length, generator=g),
        "dt": torch.exp(math.log(1e-3) + math.log(100) * torch.rand(HEADS, generator=g)),
        "A": rate.expand(HEADS, states).contiguous(),
        "B": torch.ones(HEADS, states, dtype=torch.complex64),
        "C": torch.view_as_complex(pairs),
    }


def discrete(dt: Tensor, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """As S4D's reference does it."""
    a = torch.exp(dt.unsqueeze(-1) * A)
    return a, B * (a - 1) / A


def naive_kernel(dt: Tensor, A: Tensor, B: Tensor, C: Tensor, length: int) -> Tensor:
    """The whole Vandermonde matrix."""
    z = dt.unsqueeze(-1) * A
    powers = torch.exp(z.unsqueeze(-1) * torch.arange(length, device=z.device))
    weights = C * discrete(dt, A, B)[1]
    return 2 * torch.einsum("hs,hsl->hl", weights, powers).real


def by_rfft(u: Tensor, k: Tensor) -> Tensor:
    """The convolution alone."""
    size = 2 * u.shape[-1]
    return torch.fft.irfft(torch.fft.rfft(u, size) * torch.fft.rfft(k, size), size)[
        ..., : u.shape[-1]
    ]


def naive_step(u: Tensor, state: Tensor, a: Tensor, b: Tensor, C: Tensor) -> tuple[Tensor, Tensor]:
    """One step of discrete coefficients."""
    state = a * state + b * u.unsqueeze(-1)
    return 2 * (C * state).sum(-1).real, state


def naive_whole_step(
    u: Tensor, state: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor
) -> tuple[Tensor, Tensor]:
    """The same of continuous ones."""
    return naive_step(u, state, *discrete(dt, A, B), C)


def error(result: Tensor, exact: Tensor) -> tuple[float, float]:
    """Largest and median over the largest element."""
    difference = (result.double() - exact).abs() / exact.abs().max()
    return float(difference.max()), float(difference.median())


def wide(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """In double precision."""
    return {n: t.to(torch.complex128) if t.is_complex() else t.double() for n, t in tensors.items()}


def race(
    kernel: str,
    case: str,
    calls: dict[str, Callable[[], Any]],
    elements: int,
    exact: Tensor,
    threads: int,
    repeats: int,
) -> list[Record]:
    """All providers of a case, taking turns."""
    providers = []
    for name, call in calls.items():
        few = max(2, repeats // 3) if name == NAIVE else None
        providers.append(Provider(name, timed(call), elements, threads, few))
    records = []
    for timing in interleave(providers, repeats):
        name = timing.provider.name
        result = calls[name]()
        result = result[0] if isinstance(result, tuple) else result
        errors = None if name == COPY else error(result, exact)
        row = timing.record("longconv", kernel, case, errors)
        row.dtype = "float32"
        row.extra["milliseconds"] = row.median * row.elements * 1e-6
        records.append(row)
    return records


def measure_states(states: int, length: int, threads: int, repeats: int) -> list[Record]:
    """The kernel, rows and a step of so many states."""
    of = system(states, length)
    u = of.pop("u")
    case = f"{states} states, L {length}"
    k = longtail.s4d_kernel(**of, L=length)
    exact_k = naive_kernel(**wide(of), length=length)
    target = torch.empty_like(k)
    records = race(
        KERNEL,
        case,
        {
            OURS: partial(longtail.s4d_kernel, **of, L=length),
            NAIVE: partial(naive_kernel, **of, length=length),
            COPY: partial(target.copy_, k),
        },
        *(k.numel(), exact_k, threads, repeats),
    )
    modes = {RECURRENT: "recurrent", CONV: "conv", CHUNKED: "chunked", AUTO: "auto"}
    target = torch.empty_like(u)
    calls: dict[str, Callable[[], Any]] = {
        name: partial(longtail.s4d, u, **of, mode=mode) for name, mode in modes.items()
    }
    calls |= {RFFT: partial(by_rfft, u, k), COPY: partial(target.copy_, u)}
    exact = by_rfft(u.double(), exact_k)
    records += race(ROWS, case, calls, u.numel(), exact, threads, repeats)
    now, state = u[:1, :, 0].contiguous(), torch.zeros(1, HEADS, states, dtype=torch.complex64)
    a, b = discrete(of["dt"], of["A"], of["B"])
    held = torch.empty_like(state)
    steps: dict[str, Callable[[], Any]] = {
        OURS: partial(longtail.s4d_step, now, state, **of),
        TORCH: partial(naive_whole_step, now, state, **of),
        READY: partial(naive_step, now, state, a, b, of["C"]),
        COPY: partial(held.copy_, state),
    }
    inputs = wide({"u": now, "state": state, **of})
    exact = naive_whole_step(**inputs)[0]
    records += race(STEP, f"{states} states", steps, HEADS, exact, threads, 20 * repeats)
    return records


@torch.no_grad()
def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Every number of states at every number of threads."""
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        for states in STATES:
            result += measure_states(states, LENGTH // 4 if quick else LENGTH, count, repeats)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """Of longconv.md, one thread: at most 10 and 22 milliseconds."""
    case = f"{BAR_STATES} states, L {LENGTH}"

    def time(kernel: str, provider: str, where: str = case) -> float:
        wanted = (kernel, where, provider, 1)
        found = (r for r in rows if (r.kernel, r.case, r.provider, r.threads) == wanted)
        return float(next(found).extra["milliseconds"])

    if not any(row.case == case and row.threads == 1 for row in rows):
        return []
    step = f"{BAR_STATES} states"
    faster = time(STEP, TORCH, step) / time(STEP, OURS, step)
    return [
        Bar("s4d_kernel, milliseconds", time(KERNEL, OURS), 10, at_most=True),
        Bar("s4d recurrent, milliseconds", time(ROWS, RECURRENT), 22, at_most=True),
        Bar("s4d auto, torch rfft over ours", time(ROWS, RFFT) / time(ROWS, AUTO), 3),
        Bar("s4d_step, torch over ours", faster, 1),
    ]


def show(rows: list[Record]) -> None:
    """A line a record."""
    for r in rows:
        at_worst = "" if r.max_error is None else f"  error {r.max_error:.1e}"
        print(
            f"{r.kernel:10} {r.case:18} {r.provider:26} {r.threads} thr "
            f"{r.extra['milliseconds']:9.3f} ms{at_worst}"
        )


if __name__ == "__main__":
    run_alone(measure, show, bars)
