"""How much a cycle leaves of a residual, at last.

The residual r is replaced by r - A c, c being one cycle for A c = r from 0, and scaled to norm 1
again and again: a power iteration with the linear map of a cycle, which no rounding stops. A is
that of tools/multigrid_oracle.py. The factor is the geometric mean of the last cycles.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

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


def factor(
    method: str,
    sizes: tuple[int, ...],
    boundary: tuple[Side, ...],
    cell: bool,
    seed: int,
    spacings: tuple[float, ...] | None = None,
) -> float:
    """Of one cycle, at last."""
    oracle = FluxOracle(np.ones(sizes), boundary, cell, spacings)
    cycle = cycle_of(method, oracle, boundary)
    r = np.random.default_rng(seed).standard_normal(sizes)
    logarithms = []
    for _ in range(CYCLES):
        r = oracle.without_mean(r)
        r /= np.linalg.norm(r)
        r = r - oracle(cycle(r))
        logarithms.append(math.log(np.linalg.norm(r)))
    return math.exp(sum(logarithms[-COUNTED:]) / COUNTED)


def kind_of(dims: int, cell: bool, boundary: str) -> str:
    """As the contract names it."""
    return f"{dims}-D {'cell' if cell else 'vertex'}, {boundary}"


def on_boxes(dims: int, sizes: tuple[int, ...], powers: tuple[int, ...], seed: int) -> Any:
    """Factors by size, and how far they are apart."""
    for method in METHODS:
        table = f"{dims}-D {method}"
        for name, pair in BOUNDARIES.items():
            if dims == 3 and name == "periodic":
                continue
            for cell in (False, True):
                kind = kind_of(dims, cell, name)
                column = f"{'cell' if cell else 'vertex'}, {name}"
                found = {}
                for n in sizes:
                    boundary = (pair[0],) * (dims - 1) + (pair[1],)
                    found[n] = factor(method, (n,) * dims, boundary, cell, seed)
                    yield Entry(table, str(n), column, found[n], seed, method, kind)
                for row, chosen in (("2^k - 1", powers), ("all", sizes)):
                    of = [found[n] for n in chosen]
                    promise = f"{method}, spread over {row}" if dims == 2 else ""
                    yield Entry(
                        table,
                        f"largest - smallest, {row}",
                        column,
                        max(of) - min(of),
                        seed,
                        promise if name == "Dirichlet" else "",
                        kind,
                    )


def stretched(ratios: tuple[float, ...], seed: int) -> Iterator[Entry]:
    """Factors by ratio of spacings; between cubes one axis or two are stretched."""
    shapes = {
        "vertex": ((127, 127), False, 1),
        "cell": ((127, 127), True, 1),
        "vertex, three axes, one long": ((31, 31, 31), False, 1),
        "vertex, three axes, two long": ((31, 31, 31), False, 2),
    }
    for method in ("poisson_solve", "v_cycle V(1,1)"):
        for name, (sizes, cell, count) in shapes.items():
            for ratio in ratios:
                dims = len(sizes)
                spacings = (ratio,) * count + (1.0,) * (dims - count)
                got = factor(method, sizes, ("dirichlet",) * dims, cell, seed, spacings)
                promise = f"{method}, spacings"
                row = f"{ratio:g}"
                case = "3-D" if dims == 3 else "2-D"
                yield Entry("spacings", row, f"{method}: {name}", got, seed, promise, case)


def factors(sizes: Sizes, seed: int) -> Iterator[Entry]:
    """All of this file."""
    yield from on_boxes(2, sizes.squares, sizes.powers, seed)
    yield from on_boxes(3, sizes.cubes, tuple(n for n in sizes.cubes if n & (n + 1) == 0), seed)
    yield from stretched(sizes.ratios, seed)
