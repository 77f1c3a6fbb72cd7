"""Part 1: what one activation costs, forward and backward: learnt, and as others have it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

import longtail
from longtail.demos import Finding, Stage, measuring
from longtail.demos.measuring import Bar
from longtail.report import Fact, Figure, Table, Text
from longtail.report import figures as draw

SEED = 0
CHANNELS, GROUPS = 768, 8
#: Rows and rounds: whole, quick.
WHOLE, QUICK = (4096, 9), (1024, 5)

OURS, TORCH, GELU = "longtail.rational", "the same in torch", "GELU"

Function = Callable[[Tensor, Tensor, Tensor], Tensor]


class Problem(NamedTuple):
    """x [n, CHANNELS], the coefficients of GELU, and a gradient of the result."""

    x: Tensor
    numerator: Tensor
    denominator: Tensor
    grad: Tensor

    def gradients(self, function: Function, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """Of x and both sets of coefficients."""
        tensors = [each.detach().to(dtype).requires_grad_() for each in self[:3]]
        wanted = [each for each in tensors if function is not gelu or each is tensors[0]]
        return list(torch.autograd.grad(function(*tensors), wanted, self.grad.to(dtype)))


def problem(rows: int) -> Problem:
    """The same at every call."""
    generator = torch.Generator().manual_seed(SEED)
    x, grad = (torch.randn(rows, CHANNELS, generator=generator) for _ in range(2))
    numerator, denominator = (each.to(torch.float32) for each in longtail.fit_rational("gelu"))
    return Problem(x, numerator, denominator.expand(GROUPS, -1).clone(), grad)


def in_torch(x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """P(x) / (1 + |b_1 x| + ... + |b_n x^n|) by Horner's rule, as one would write it."""
    grouped = x.unflatten(-1, (len(denominator), -1))
    size = grouped.abs()
    above = torch.zeros_like(grouped)
    for a in numerator.flip(1).unbind(1):
        above = above * grouped + a[:, None]
    below = torch.zeros_like(grouped)
    for b in denominator.abs().flip(1).unbind(1):
        below = (below + b[:, None]) * size
    return (above / (1 + below)).flatten(-2)


def gelu(x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """Which has no coefficients."""
    del numerator, denominator
    return functional.gelu(x)


FUNCTIONS: dict[str, Function] = {OURS: longtail.rational, TORCH: in_torch, GELU: gelu}


def run(stage: Stage) -> Finding:
    """Take turns at the same rows, and compare times and gradients."""
    rows, rounds = QUICK if stage.quick else WHOLE
    given = problem(rows)
    with measuring.one_thread(), stage.console.step("one activation", rounds) as step:
        ns = times(given, rounds, step.advance)
        off = error(given)
        step.note(", ".join(f"{name} {each:.2f} ns" for name, each in ns.items()))
    return Finding(
        today=[Fact(f"{ns[TORCH]:.1f} ns", "a number through a learnt activation in torch")],
        ours=[Fact(f"{ns[OURS]:.1f} ns", f"a number through the same; GELU takes {ns[GELU]:.1f}")],
        pictures=[_bars(ns)],
        bars=[Bar("gradient's error, millionths of the largest", off, 1, at_most=True)],
        details=[
            Text(
                f"`longtail.rational` on {rows} rows of {CHANNELS} channels in float32: a "
                "polynomial of degree 5 over one of degree 4 that is at least 1, with coefficients "
                f"for {GROUPS} groups of channels. Beside it the same by Horner's rule in torch "
                "operations, and GELU. Forward, and backward to the input and the coefficients."
            ),
            Table(
                ("Activation", "ns a number", "In GELU's"),
                [(f"`{name}`", f"{x:.2f}", f"{x / ns[GELU]:.2f}") for name, x in ns.items()],
                f"Medians of {rounds} rounds in which all take turns, CPU time of one thread.",
            ),
        ],
    )


def times(given: Problem, rounds: int, on_round: Callable[[], None]) -> dict[str, float]:
    """Nanoseconds a number of each, medians after a round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in FUNCTIONS}
    for function in FUNCTIONS.values():
        given.gradients(function)
    for _ in range(rounds):
        for name, function in FUNCTIONS.items():
            start = measuring.clock()
            given.gradients(function)
            seconds[name].append(measuring.clock() - start)
        on_round()
    return {name: 1e9 * statistics.median(x) / given.x.numel() for name, x in seconds.items()}


def error(given: Problem) -> float:
    """Our gradient of x from that in float64, over its largest element, in millionths."""
    found = given.gradients(longtail.rational)[0]
    expected = given.gradients(in_torch, torch.float64)[0]
    return 1e6 * float((found - expected).abs().max() / expected.abs().max())


def _bars(ns: dict[str, float]) -> Figure:
    names = list(ns)[::-1]
    colours = [draw.OURS if name == OURS else draw.RIVAL for name in names]
    with draw.drawing(5.4, 2.2) as drawn:
        drawn.ax.barh(names, [ns[name] for name in names], color=colours)
        drawn.ax.set_xlabel("ns a number, forward and backward, one thread")
        drawn.ax.grid(axis="y", visible=False)
    return drawn.figure(
        "What an activation costs: learnt by longtail, the same formula in torch, and GELU, which "
        "learns nothing.",
        f"Three bars: longtail {ns[OURS]:.1f}, torch {ns[TORCH]:.1f}, GELU {ns[GELU]:.1f} ns.",
    )
