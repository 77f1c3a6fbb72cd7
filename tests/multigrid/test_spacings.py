"""poisson_solve between sides of all kinds where spacings are far apart: cycles to the tolerance,
and the residual by SciPy's matrices.

u holds modes that are constant along the closely spaced axes and large: as large as the reciprocal
of their eigenvalue. Rounding them to float64 leaves a residual, which no solution has less of; the
tolerances below are above it (``held``)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from longtail.multigrid import ConvergenceError, poisson_solve
from multigrid import grid_oracle as oracle

MOST = 20  # cycles


def check(
    sizes: Sequence[int], spacings: Sequence[float], sides: Sequence[oracle.Pair], cell: bool
) -> None:
    """To what float64 holds, and at most 1e-8 where that is less."""
    f = oracle.right_side(sizes, sides, cell)
    tol = max(1e-8, held(sizes, spacings, sides))
    result = poisson_solve(
        f,
        tuple(spacings),
        boundary=tuple(sides),
        grid="cell" if cell else "vertex",
        dims=len(sizes),
        tol=tol,
        max_iterations=MOST,
    )
    matrix = oracle.poisson_matrix(sizes, spacings, sides, cell)
    volumes = oracle.volumes_of(sizes, sides, cell).ravel()
    left = f.numpy().ravel() - matrix @ result.solution.numpy().ravel() / volumes
    # The oracle's own sums round too.
    assert np.linalg.norm(left) <= 2 * tol * np.linalg.norm(f.numpy())


def held(sizes: Sequence[int], spacings: Sequence[float], sides: Sequence[oracle.Pair]) -> float:
    """A relative residual of random numbers that float64 can hold: some roundings of the slowest
    mode's share, times the largest eigenvalue."""
    # Halves of waves along an axis.
    waves = {
        ("dirichlet", "dirichlet"): 1.0,
        ("neumann", "neumann"): 1.0,
        ("periodic", "periodic"): 2.0,
    }
    rates = [
        (np.pi * waves.get(pair, 0.5) / (n * h)) ** 2
        for n, h, pair in zip(sizes, spacings, sides, strict=True)
    ]
    fixed = sum(rate for rate, pair in zip(rates, sides, strict=True) if "dirichlet" in pair)
    slowest = (fixed or min(rates)) * min(spacings) ** 2
    return float(16 * 2.0**-53 / (slowest * np.sqrt(np.prod(sizes))))


@pytest.mark.parametrize("cell", [False, True], ids=["vertex", "cell"])
@pytest.mark.parametrize("ratio", [10, 100, 1e4], ids=str)
def test_two_axes(ratio: float, cell: bool) -> None:
    for sides in itertools.product(oracle.PAIRS, repeat=2):
        check((17, 14), (1.0, ratio), sides, cell)
        check((14, 17), (3 * ratio, 3.0), sides, cell)


@pytest.mark.parametrize("cell", [False, True], ids=["vertex", "cell"])
@pytest.mark.parametrize("first", oracle.PAIRS, ids="-".join)
def test_three_axes(first: oracle.Pair, cell: bool) -> None:
    orders = itertools.cycle(
        [
            *itertools.permutations((1.0, 100.0, 1e4)),
            *set(itertools.permutations((1.0, 100.0, 100.0))),
            *set(itertools.permutations((1.0, 1.0, 100.0))),
        ]
    )
    for second, third in itertools.product(oracle.PAIRS, repeat=2):
        check((9, 8, 11), next(orders), (first, second, third), cell)


@pytest.mark.parametrize("cell", [False, True], ids=["vertex", "cell"])
@pytest.mark.parametrize("kind", ["neumann", "periodic"])
def test_sizes(kind: str, cell: bool) -> None:
    """An axis that is strongly coupled becomes one point, whatever its size was."""
    pair = (kind, kind)
    for n in (2, 3, 4, 5, 7, 9, 16, 17, 23, 31, 32, 33, 34, 47, 65, 67, 129):
        if kind == "periodic" and n == 2:
            continue  # the oracle's two neighbours are one
        for ratio in (8.0, 300.0):
            check((n, 33), (1.0, ratio), (pair, pair), cell)
            check((33, n), (ratio, 1.0), (("dirichlet", "neumann"), pair), cell)


@pytest.mark.parametrize("spacings", [(1, 100, 100), (1, 1, 100), (1, 100, 1e4)], ids=str)
@pytest.mark.parametrize("cell", [False, True], ids=["vertex", "cell"])
def test_cubes_between_neumann_sides(cell: bool, spacings: tuple[float, ...]) -> None:
    check((31, 31, 31), spacings, [("neumann", "neumann")] * 3, cell)


def test_beyond_float64() -> None:
    """What float64 cannot hold raises, or warns, and is as near as it can be."""
    sides = [("neumann", "neumann")] * 2
    f = oracle.right_side((127, 127), sides, False)
    with pytest.raises(ConvergenceError, match="poisson_solve"):
        poisson_solve(f, (1.0, 1e4), boundary="neumann", tol=1e-8)
    with pytest.warns(RuntimeWarning, match="did not converge"):
        result = poisson_solve(f, (1.0, 1e4), boundary="neumann", tol=1e-8, on_fail="warn")
    assert result.solution.isfinite().all()
    assert result.residual <= 1e-6
    transformed = poisson_solve(
        f, (1.0, 1e4), boundary="neumann", method="dst", on_fail="warn", tol=1e-3
    )
    # The condition is 6e11.
    largest = transformed.solution.abs().max()
    assert (result.solution - transformed.solution).abs().max() <= 1e-4 * largest


def test_other_dtypes_and_starts() -> None:
    """float32, and a start, where cycles are in float64; a batch is as its items are, bit for
    bit."""
    sides = [("neumann", "neumann"), ("periodic", "periodic")]
    f = oracle.right_side((20, 24), sides, True)
    options = {"boundary": tuple(sides), "grid": "cell"}
    exact = poisson_solve(f, (1.0, 2e3), **options, tol=1e-9)
    rounded = poisson_solve(f.float(), (1.0, 2e3), **options)
    assert rounded.converged and rounded.solution.dtype == torch.float32
    error = (rounded.solution.double() - exact.solution).norm() / exact.solution.norm()
    assert error < 1e-3
    again = poisson_solve(f, (1.0, 2e3), **options, tol=1e-9, initial=exact.solution)
    assert again.iterations == 0
    both = poisson_solve(torch.stack([2 * f, f]), (1.0, 2e3), **options, tol=1e-9)
    assert torch.equal(both.solution[1], exact.solution)
