"""A V(1,1)-cycle beside the bytes that it has to move. Part of bench/peers/multigrid.py.

Words are numbers of the cycle's dtype, read and written, a point of the finest grid. In two
dimensions all coarser grids together have a third of its points. A word's time is that of a copy
of a float32 array of the grid, in this run, with as many threads: in cache where the grid is.
Beside a time stands how often that of the floor goes into it, and of the words that ours moves, as
its stages stand in csrc/multigrid.

`cycle Poisson`: red-black Gauss-Seidel, full weighting. Ours is what one more iteration of
poisson_solve takes: the cycle in float32 and around it a residual and a correction in float64;
torch's Jacobi cycles need twice as many for the same. `cycle Darcy`: what a preconditioner of
conjugate gradients takes, a cycle of operators that follow the coefficient.
"""

from __future__ import annotations

import importlib.util
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit.bars import Bar  # noqa: E402
from bench.kit.memory import give_back  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402
from bench.peers import _multigrid_eager as eager  # noqa: E402
from bench.peers._multigrid_problems import Problem, flow  # noqa: E402
from longtail.multigrid import (  # noqa: E402
    MultigridSolver,
    diffusion_stencil,
    poisson_solve,
    poisson_stencil,
    v_cycle,
)

POISSON, DARCY = "cycle Poisson", "cycle Darcy"
COPY = "copy"
ITERATION = "poisson_solve, an iteration"
CYCLE = "v_cycle, float64"
APPLIED, APPLIED_NARROW = "precondition, float64", "precondition, float32"
EAGER, EAGER_NARROW, EAGER_CONV = "torch slices", "torch slices, float32", "torch conv2d"
PYAMG = "PyAMG's cycle"
SIZES, QUICK_SIZES = (255, 511, 1023, 2047, 4095), (127, 255)
DARCY_SIZES, QUICK_DARCY_SIZES = (255, 511, 1023), (127,)
#: Largest grids of those who are slow.
MOST_CONV, MOST_PYAMG = 1023, 511
#: Points that the iterations of poisson_solve beyond the first pass over, so that noise is small
#: beside them; and the least of those.
POINTS, LEAST = 4_000_000, 4


def of_all_levels(finest: float, coarser: float | None = None) -> float:
    """Words a finest point, of words a point of the finest grid and of the others."""
    return finest + (finest if coarser is None else coarser) / 3


# Fused row pipelines: [red, black, residual, restriction] reads u and f and writes u and a quarter;
# [prolongation, red, black] reads a quarter, u and f and writes u.
FLOOR = of_all_levels(3.25 + 3.25)
# csrc/multigrid/cycle.cpp, whose passes follow each other through the cache: down, red from 0,
# black, residual and restriction read f and write u and a quarter; up, as the floor.
PASSES = of_all_levels(2.25 + 3.25)
# poisson.cpp, behind the last of them: correction and residual read u and f, two words each, and
# write u and one.
AROUND = (2 + 2) + (2 + 1)
# The same pipelines where coefficients are read too: two weights and a reciprocal at finest points
# (four and one at coarser ones) and eight shares of each coarse point, in either; u begins as 0.
DARCY_FLOOR = of_all_levels(
    (1 + 3 + 2 + 1.25) + (2 + 3 + 2 + 1.25), (1 + 5 + 3.25) + (2 + 5 + 3.25)
)
# stencil_passes.cpp: the same, and the diagonal for the residual.
DARCY_PASSES = DARCY_FLOOR + of_all_levels(1)
# Into the workspace and back.
APPLY = 2 + 2


class Cycle(NamedTuple):
    """``seconds()``, the words of the floor and, of ours, those moved; all of so many bytes."""

    seconds: Callable[[], float]
    floor: float
    moved: float | None
    bytes: int


def an_iteration(f: torch.Tensor) -> float:
    """Seconds of one more: solves of one and of several, setup and copies left out."""
    more = max(LEAST, POINTS // f.numel())
    taken = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is not to converge
        for count in (1, 1 + more):
            start = time.perf_counter()
            poisson_solve(f, tol=1e-15, max_iterations=count, on_fail="warn")
            taken.append(time.perf_counter() - start)
    return (taken[1] - taken[0]) / more


def in_torch(method: eager.Slices, f: torch.Tensor) -> Callable[[], float]:
    u = eager.framed(torch.zeros_like(f))
    return timed(partial(method.cycle, u, f, 1 / (f.shape[0] + 1)))


def of_poisson(n: int) -> dict[str, Cycle]:
    f = torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    op = poisson_stencil((n, n))
    u, narrow = torch.zeros_like(f), f.to(torch.float32)
    found = {
        ITERATION: Cycle(partial(an_iteration, f), FLOOR, PASSES + AROUND, 4),
        CYCLE: Cycle(timed(partial(v_cycle, u, f, op)), FLOOR, None, 8),
        EAGER: Cycle(in_torch(eager.Slices((1, 1)), f), FLOOR, None, 8),
        EAGER_NARROW: Cycle(in_torch(eager.Slices((1, 1)), narrow), FLOOR, None, 4),
    }
    if n <= MOST_CONV:
        method = eager.Convolutions(torch.float64, (1, 1))
        found[EAGER_CONV] = Cycle(in_torch(method, f), FLOOR, None, 8)
    return found


def pyamg_cycle(problem: Problem) -> Any:
    """One of PyAMG's, from 0."""
    import pyamg

    levels = pyamg.ruge_stuben_solver(problem.matrix)
    return partial(levels.aspreconditioner(cycle="V").matvec, problem.right)


def of_darcy(n: int) -> dict[str, Cycle]:
    problem = flow(n)
    assert problem.a is not None
    r = torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    wide = MultigridSolver(diffusion_stencil(problem.a))
    narrow = MultigridSolver(diffusion_stencil(problem.a.to(torch.float32)))
    apply = timed(partial(narrow.precondition, r.to(torch.float32)))
    found = {
        APPLIED_NARROW: Cycle(apply, DARCY_FLOOR, DARCY_PASSES + APPLY, 4),
        APPLIED: Cycle(timed(partial(wide.precondition, r)), DARCY_FLOOR, None, 4),
    }
    if n <= MOST_PYAMG and importlib.util.find_spec("pyamg"):
        found[PYAMG] = Cycle(timed(pyamg_cycle(problem)), DARCY_FLOOR, None, 8)
    return found


def copy(n: int) -> Callable[[], float]:
    """Two words a point."""
    source = torch.ones(n, n)
    return timed(partial(torch.empty_like(source).copy_, source))


def measure_size(
    kernel: str, n: int, cycles: dict[str, Cycle], threads: int, repeats: int
) -> list[Record]:
    """All at one size, with the copy, taking turns."""
    everybody = {COPY: copy(n), **{name: each.seconds for name, each in cycles.items()}}
    if threads > 1:
        everybody.pop(PYAMG, None)
    providers = [Provider(name, seconds, n * n, threads) for name, seconds in everybody.items()]
    rows = [
        timing.record("multigrid", kernel, f"{n}^2") for timing in interleave(providers, repeats)
    ]
    compare(rows, cycles)
    return rows


def compare(rows: list[Record], cycles: dict[str, Cycle]) -> None:
    """Sets the times of a size beside that of its copy."""
    of_byte = next(row.median for row in rows if row.provider == COPY) / (2 * 4)
    for row in rows:
        row.extra["milliseconds"] = row.median * row.elements * 1e-6
        row.extra["note"] = f"{row.extra['milliseconds']:.2f} ms"
        if row.provider == COPY:
            row.extra["note"] += f", {1 / of_byte:.1f} GB/s"
            continue
        cycle = cycles[row.provider]
        row.extra["floor_words"] = cycle.floor
        row.extra["times_floor"] = row.median / (cycle.floor * cycle.bytes * of_byte)
        row.extra["note"] += f", {row.extra['times_floor']:.1f} times the floor"
        if cycle.moved is not None:
            row.extra["moved_words"] = cycle.moved
            row.extra["times_moved"] = row.median / (cycle.moved * cycle.bytes * of_byte)
            row.extra["note"] += f", {row.extra['times_moved']:.1f} of its {cycle.moved:.1f} words"


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Every size at every number of threads."""
    result: list[Record] = []
    kinds = (
        (POISSON, of_poisson, QUICK_SIZES if quick else SIZES),
        (DARCY, of_darcy, QUICK_DARCY_SIZES if quick else DARCY_SIZES),
    )
    with torch.no_grad():
        for kernel, make, sizes in kinds:
            for n in sizes:
                cycles = make(n)
                for count in threads:
                    torch.set_num_threads(count)
                    result += measure_size(kernel, n, cycles, count, repeats)
                give_back()
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """None of multigrid.md: what a solve takes has them."""
    return []
