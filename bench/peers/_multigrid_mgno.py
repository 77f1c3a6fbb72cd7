"""A training step of MgNO beside plain torch in both layouts and torch.compile. Part of
bench/peers/multigrid.py. torch.compile, which compiles longer than it runs, in the first case on
one thread only.

The released Darcy configuration (24 channels, 6 levels, 4 layers: 572,661 parameters), the same
weights for all; whoever is called takes turns with the others, so that ratios of medians hold on a
noisy machine. Beside times stand the bytes that autograd keeps for the backward pass and the error
of the result over its largest element, against float64.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit.bars import Bar  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402
from longtail.nn import MgNO  # noqa: E402

FORWARD, BOTH = "MgNO forward", "MgNO forward and backward"
OURS, RECOMPUTE = "longtail", "longtail, recompute"
PLAIN, LAST, COMPILED = "torch", "torch, channels_last", "torch.compile"
CASES = ((8, 64), (4, 128))
QUICK = ((4, 32),)
LEVELS = 6


class PlainCycle(nn.Module):
    """The V-cycle as one writes it in torch."""

    def __init__(self, f: int, u: int) -> None:
        super().__init__()

        def conv(into: int, out: int, stride: int = 1) -> nn.Conv2d:
            return nn.Conv2d(into, out, 3, stride, 1, bias=False)

        extra = [LEVELS - 1]  # the coarsest smooths twice
        self.first = conv(f, u)
        self.A = nn.ModuleList(conv(u, f) for _ in [*range(1, LEVELS), *extra])
        self.S = nn.ModuleList(conv(f, u) for _ in [*range(1, LEVELS), *extra])
        self.Pi = nn.ModuleList(conv(u, u, 2) for _ in range(1, LEVELS))
        self.R = nn.ModuleList(conv(f, f, 2) for _ in range(1, LEVELS))
        self.T = nn.ModuleList(
            nn.ConvTranspose2d(u, u, 4, 2, 1, bias=False) for _ in range(1, LEVELS)
        )

    def forward(self, f: Tensor) -> Tensor:
        u = self.first(f)
        kept = []
        for level in range(1, LEVELS):
            kept.append(u)
            u, f = self.Pi[level - 1](u), self.R[level - 1](f)
            u = u + self.S[level - 1](f - self.A[level - 1](u))
        u = u + self.S[-1](f - self.A[-1](u))
        for fine, transfer in zip(reversed(kept), reversed(self.T), strict=True):
            u = fine + transfer(u)
        return u


class PlainMgNO(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cycles = nn.ModuleList(PlainCycle(24 if i else 1, 24) for i in range(4))
        self.linear = nn.ModuleList(nn.Conv2d(24 if i else 1, 24, 1) for i in range(4))
        self.last = nn.Conv2d(24, 1, 1, bias=False)

    def forward(self, u: Tensor) -> Tensor:
        for cycle, linear in zip(self.cycles, self.linear, strict=True):
            u = functional.gelu(cycle(u) + linear(u))
        return self.last(u)

    @torch.no_grad()
    def take(self, ours: MgNO) -> None:
        """The weights of ours."""
        for cycle, linear, layer in zip(self.cycles, self.linear, ours.layers, strict=True):
            theirs = layer.cycle
            linear.load_state_dict(layer.linear.state_dict())
            cycle.first.weight.copy_(theirs.before[0][0].S.weight)
            smoothers = [step for steps in list(theirs.before)[1:] for step in steps]
            for k, step in enumerate(smoothers):
                cycle.A[k].weight.copy_(step.A.weight)
                cycle.S[k].weight.copy_(step.S.weight)
            for k, (down, up) in enumerate(zip(theirs.down, theirs.up, strict=True)):
                cycle.Pi[k].weight.copy_(down.Pi.weight)
                cycle.R[k].weight.copy_(down.R.weight)
                cycle.T[k].weight.copy_(up.weight)
        self.last.weight.copy_(ours.last.weight)


@torch.no_grad()
def forward(model: nn.Module, x: Tensor) -> Tensor:
    return model(x)


def both(model: nn.Module, x: Tensor) -> None:
    model.zero_grad()
    model(x).square().mean().backward()


def saved_bytes(model: nn.Module, x: Tensor) -> int:
    """What autograd keeps, weights and x apart; each memory once."""
    own = {p.untyped_storage().data_ptr() for p in (*model.parameters(), x)}
    kept: dict[int, int] = {}
    held: list[Tensor] = []

    def pack(t: Tensor) -> Tensor:
        memory = t.untyped_storage()
        if memory.data_ptr() not in own:
            kept[memory.data_ptr()] = memory.nbytes()
            held.append(t)
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        model(x)
    return sum(kept.values())


def error(result: Tensor, exact: Tensor) -> tuple[float, float]:
    """Largest and median over the largest element."""
    difference = (result.double() - exact).abs() / exact.abs().max()
    return float(difference.max()), float(difference.median())


def models(compiled: bool) -> dict[str, nn.Module]:
    """Everybody with the same weights."""
    torch.manual_seed(0)
    ours = MgNO.from_config("darcy")
    again = MgNO.from_config("darcy", recompute=True)
    again.load_state_dict(ours.state_dict())
    plain, last = PlainMgNO(), PlainMgNO()
    plain.take(ours)
    last.take(ours)
    last.to(memory_format=torch.channels_last)
    result: dict[str, nn.Module] = {OURS: ours, RECOMPUTE: again, PLAIN: plain, LAST: last}
    if compiled:
        result[COMPILED] = torch.compile(last)
    return result


def measure_case(batch: int, size: int, threads: int, repeats: int, compiled: bool) -> list[Record]:
    everybody = models(compiled)
    ours = everybody[OURS]
    assert isinstance(ours, MgNO)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, 1, size, size, generator=generator)
    reference = PlainMgNO()
    reference.take(ours)
    exact = forward(reference.double(), x.double())
    records = []
    for kernel, function in ((FORWARD, forward), (BOTH, both)):
        calls: dict[str, Callable[[], Any]] = {
            name: partial(function, model, x)
            for name, model in everybody.items()
            if name != RECOMPUTE or kernel == BOTH
        }
        providers = [Provider(n, timed(call), x.numel(), threads) for n, call in calls.items()]
        for timing in interleave(providers, repeats):
            name = timing.provider.name
            errors = error(forward(everybody[name], x), exact)
            row = timing.record("multigrid", kernel, f"{batch} x {size}^2", errors)
            row.dtype = "float32"
            row.extra["milliseconds"] = row.median * row.elements * 1e-6
            if kernel == BOTH and name != COMPILED:
                row.extra["saved_bytes"] = saved_bytes(everybody[name], x)
            kept = row.extra.get("saved_bytes")
            row.extra["note"] = f"{row.extra['milliseconds']:.1f} ms" + (
                "" if kept is None else f", keeps {kept / 1e6:.1f} MB"
            )
            records.append(row)
    return records


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Every case at every number of threads."""
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        for batch, size in QUICK if quick else CASES:
            compiled = (count, batch, size) == (threads[0], *CASES[0])
            result += measure_case(batch, size, count, repeats, compiled)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """Of multigrid.md, one thread: 1.3 times channels_last, forward and backward."""
    found = {(r.kernel, r.case, r.provider): r for r in rows if r.threads == 1}
    result = []
    for batch, size in CASES:
        case = f"{batch} x {size}^2"
        pair = [found.get((BOTH, case, name)) for name in (LAST, OURS)]
        if pair[0] is not None and pair[1] is not None:
            ratio = pair[0].median / pair[1].median
            result.append(Bar(f"MgNO step {case}, channels_last over ours", ratio, 1.3))
    return result
