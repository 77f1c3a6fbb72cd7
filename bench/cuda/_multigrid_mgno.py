"""CUDA times of a step of MgNO. Part of bench/cuda/multigrid.py.

Nanoseconds by CUDA events of the forward pass and of forward and backward of the released Darcy
configuration, the same weights for all: ours, from a CUDA graph too, plain torch in both layouts
and compiled. Printed beside them: how many kernels a step launches. Plain torch's convolutions use
TF32 where torch allows that, as it does unless told otherwise; ours are float32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from bench.kit.cuda import by_events
from bench.kit.records import Record
from bench.kit.runner import Provider, interleave
from bench.peers._multigrid_mgno import (
    BOTH,
    COMPILED,
    FORWARD,
    LAST,
    OURS,
    PLAIN,
    PlainMgNO,
    both,
    forward,
)
from longtail.nn import MgNO

CASES = ((8, 64), (4, 128), (1, 256))
GRAPH = "longtail, CUDA graph"


def everybody() -> dict[str, nn.Module]:
    """The same weights."""
    torch.manual_seed(0)
    ours = MgNO.from_config("darcy", device="cuda")
    plain, last = PlainMgNO().cuda(), PlainMgNO().cuda()
    plain.take(ours)
    last.take(ours)
    last.to(memory_format=torch.channels_last)
    return {OURS: ours, PLAIN: plain, LAST: last, COMPILED: torch.compile(last)}


def launches(call: Callable[[], object]) -> int:
    """Kernels of a call."""
    call()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        call()
        torch.cuda.synchronize()
    kernels = [e for e in seen.events() if e.device_type == DeviceType.CUDA]
    return sum(not event.name.startswith("Mem") for event in kernels)


def ignoring(call: Callable[[], object], _: int) -> None:
    """A call that takes no argument, where one is given."""
    call()


def measure_mgno(
    repeats: int, captured: Callable[[Callable[[], object]], Callable[[], object]]
) -> list[Record]:
    """Every case; a line each."""
    records = []
    models = everybody()
    for batch, size in CASES:
        x: Tensor = torch.randn(batch, 1, size, size, device="cuda")
        for kernel, function in ((FORWARD, forward), (BOTH, both)):
            calls: dict[str, Callable[[], object]] = {
                name: partial(function, model, x) for name, model in models.items()
            }
            counts = {name: launches(call) for name, call in calls.items()}
            calls[GRAPH] = captured(calls[OURS])
            counts[GRAPH] = counts[OURS]
            providers = [
                Provider(name, by_events(partial(ignoring, call)), 1)
                for name, call in calls.items()
            ]
            rows = [
                timing.record("multigrid-cuda", kernel, f"{batch} x {size}^2")
                for timing in interleave(providers, repeats)
            ]
            for row in rows:
                row.extra["launches"] = counts[row.provider]
            shown = "   ".join(
                f"{r.provider} {r.median / 1e3:.0f} ({counts[r.provider]} kernels)" for r in rows
            )
            print(f"{kernel} {batch} x {size}^2, microseconds: {shown}")
            records += rows
    return records


def run_mgno_small() -> None:
    """Every kernel once: levels in blocks and outside, odd sizes, all options."""
    for size in ((33, 40), (1, 5), (16, 16)):
        for channels, residual in ((24, False), (3, True), (64, False)):
            steps = ((1, 1), (2, 0), (1, 0))
            model = MgNO(2, 1, channels, 2, steps, restrict_residual=residual, device="cuda")
            both(model, torch.randn(2, 2, *size, device="cuda"))
            u = model.layers[0].cycle(torch.randn(1, 2, *size, device="cuda"))
            (first,) = torch.autograd.grad(
                u.square().sum(), model.layers[0].cycle.up[0].weight, create_graph=True
            )
            first.square().sum().backward()
