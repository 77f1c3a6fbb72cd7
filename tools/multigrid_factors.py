"""How much a cycle leaves of a residual, at last.

The residual r is replaced by r - A c, c being one cycle for A c = r from 0, and scaled to norm 1
again and again: a power iteration with the linear map of a cycle, which no rounding stops. A is
that of tools/multigrid_oracle.py. The factor is the geometric mean of the last cycles.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from multigrid_entries import Entry, Sizes
from multigrid_oracle import FluxOracle, Pair

from longtail.multigrid import poisson_solve, poisson_stencil, v_cycle

Side = str | Pair
CYCLES, COUNTED = 16, 5

MIXED: tuple[Side, Side] = (("dirichlet", "neumann"), "neumann")
#: Of two axes; a third is as the first.
BOUNDARIES: dict[str, tuple[Side, Side]] = {
    "Dirichlet": ("dirichlet", "dirichlet"),
    "Neumann": ("neumann", "neumann"),
    "mixed": MIXED,
    "periodic": ("periodic", "periodic"),
}
#: Our two multigrids, and the sweeps that the second can do: a table each.
METHODS: dict[str, dict[str, int] | None] = {
    "poisson_solve": None,
    "v_cycle V(1,1)": {},
    "v_cycle V(2,1)": {"pre": 2},
}

Cycle = Callable[[Any], Any]


def cycle_of(method: str, oracle: FluxOracle, boundary: Any) -> Cycle:
    """c of r."""
    grid = "cell" if oracle.cell else "vertex"
    options = METHODS[method]
    if options is None:

        def by_solve(r: Any) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # one cycle is not enough
                result = poisson_solve(
                    torch.from_numpy(r),
                    oracle.spacings,
                    boundary=boundary,
                    grid=grid,
                    max_iterations=1,
                    tol=1e-15,
                    on_fail="warn",
                )
            assert int(result.iterations) == 1
            return result.solution.numpy()

        return by_solve
    op = poisson_stencil(oracle.sizes, oracle.spacings, boundary=boundary, grid=grid)
    volumes = torch.from_numpy(oracle.volumes)
    return lambda r: v_cycle(None, torch.from_numpy(r) * volumes, op, **options).numpy()


class Factor(NamedTuple):
    """Of one cycle, at last; and cycles until 1e-8 with their mean, None where there were more."""

    last: float
    cycles: int | None
    mean: float | None


def factor(
    method: str,
    sizes: tuple[int, ...],
    boundary: tuple[Side, ...],
    cell: bool,
    seed: int,
    spacings: tuple[float, ...] | None = None,
) -> Factor:
    """From a random residual on."""
    oracle = FluxOracle(np.ones(sizes), boundary, cell, spacings)
    cycle = cycle_of(method, oracle, boundary)
    r = oracle.without_mean(np.random.default_rng(seed).standard_normal(sizes))
    r /= np.linalg.norm(r)
    logarithms: list[float] = []
    needed = None
    for k in range(1, CYCLES + 1):
        r = oracle.without_mean(r - oracle(cycle(r)))
        norm = np.linalg.norm(r)
        r /= norm
        logarithms.append(math.log(norm))
        if needed is None and sum(logarithms) <= math.log(1e-8):
            needed = k
    last = math.exp(sum(logarithms[-COUNTED:]) / COUNTED)
    mean = None if needed is None else math.exp(sum(logarithms[:needed]) / needed)
    return Factor(last, needed, mean)


def kind_of(dims: int, cell: bool, boundary: str) -> str:
    """As tables name it."""
    return f"{dims}-D {'cell' if cell else 'vertex'}, {boundary}"


def on_boxes(
    dims: int, sizes: tuple[int, ...], powers: tuple[int, ...], seed: int
) -> Iterator[Entry]:
    """Factors by size, and how far they are apart."""
    for method in METHODS:
        for name, pair in BOUNDARIES.items():
            if dims == 3 and name == "periodic":
                continue
            for cell in (False, True):
                yield from of_sides(Row(method, dims, name, pair, cell, seed), sizes, powers)


class Row(NamedTuple):
    """What the factors of one column have in common."""

    method: str
    dims: int
    boundary: str
    pair: tuple[Side, Side]
    cell: bool
    seed: int

    def entry(
        self, table: str, row: str, value: float, promise: str = "", odd: bool = False
    ) -> Entry:
        """In the column of this boundary."""
        kind = kind_of(self.dims, self.cell, self.boundary)
        column = kind.split(" ", 1)[1]
        # One Neumann side or all: the contract has one limit.
        case = kind.replace("mixed", "Neumann").replace(
            "periodic", "odd periodic" if odd else "periodic"
        )
        return Entry(f"{self.dims}-D {table}", row, column, value, self.seed, promise, case)


def of_sides(of: Row, sizes: tuple[int, ...], powers: tuple[int, ...]) -> Iterator[Entry]:
    """One column: all sizes, and spreads. Axes that close have sizes of their own as well."""
    method, dirichlet, closed = of.method, of.boundary == "Dirichlet", of.boundary == "periodic"
    boundary = (of.pair[0],) * (of.dims - 1) + (of.pair[1],)
    more = tuple(n + 1 for n in powers) if closed else ()
    found = {}
    for n in sorted(sizes + more):
        got = factor(method, (n,) * of.dims, boundary, of.cell, of.seed)
        found[n] = got.last
        # Grids of odd periodic ones, coarse ones too, have seams, where colours have neighbours of
        # their own: the contract has limits with and without.
        odd = closed and method != "poisson_solve" and n not in more
        yield of.entry(method, str(n), got.last, method, odd)
        if got.cycles is not None and got.mean is not None and method == "poisson_solve":
            yield of.entry("cycles", str(n), got.cycles)
            yield of.entry("mean", str(n), got.mean, f"{method}, in a solve" if dirichlet else "")
    for row, chosen in (("2^k - 1", powers), ("all", sizes)):
        spread = max(found[n] for n in chosen) - min(found[n] for n in chosen)
        promise = f"{method}, spread, {row}" if dirichlet else ""
        yield of.entry(method, f"spread, {row}", spread, promise)


def stretched(ratios: tuple[float, ...], seed: int) -> Iterator[Entry]:
    """Factors by ratio of spacings; between cubes one axis or two are stretched."""
    shapes = {
        "vertex": ((127, 127), False, 1, "dirichlet"),
        "cell": ((127, 127), True, 1, "dirichlet"),
        "vertex, three axes, one long": ((31, 31, 31), False, 1, "dirichlet"),
        "vertex, three axes, two long": ((31, 31, 31), False, 2, "dirichlet"),
        "vertex, Neumann": ((127, 127), False, 1, "neumann"),
        "cell, Neumann": ((127, 127), True, 1, "neumann"),
    }
    for method in ("poisson_solve", "v_cycle V(1,1)"):
        for name, (sizes, cell, count, side) in shapes.items():
            if side == "neumann" and method != "poisson_solve":
                continue
            for ratio in ratios:
                dims = len(sizes)
                spacings = (ratio,) * count + (1.0,) * (dims - count)
                got = factor(method, sizes, (side,) * dims, cell, seed, spacings).last
                promise = f"{method}, spacings"
                row = f"{ratio:g}"
                case = "3-D" if dims == 3 else "2-D"
                yield Entry("spacings", row, f"{method}: {name}", got, seed, promise, case)


def factors(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """All of this file."""
    yield from on_boxes(2, sizes.squares, sizes.powers, seed)
    yield from on_boxes(3, sizes.cubes, tuple(n for n in sizes.cubes if n & (n + 1) == 0), seed)
    yield from stretched(sizes.ratios, seed)
