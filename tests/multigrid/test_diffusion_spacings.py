"""diffusion_solve and MultigridSolver between sides of all kinds where spacings are far apart, by
the residual of SciPy's matrices."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from longtail._grid_geometry import Geometry
from longtail._rounding import cycle_dtype
from longtail.multigrid import MultigridSolver, diffusion_solve, diffusion_stencil
from multigrid import grid_oracle as oracle

F = torch.float64
MOST = 30  # iterations


def layers(sizes: Sequence[int], contrast: float) -> Tensor:
    """Two phases, which cross all axes."""
    index = np.indices(sizes)
    odd = sum(index[i] * (2 + i) // n for i, n in enumerate(sizes)) % 2
    return torch.from_numpy(np.where(odd == 1, contrast, 1.0))


def check(
    sizes: Sequence[int],
    spacings: Sequence[float],
    sides: Sequence[oracle.Pair],
    cell: bool,
    contrast: float,
) -> None:
    """To 1e-8, or where rounding the solution leaves more, to that."""
    a, f = layers(sizes, contrast), oracle.right_side(sizes, sides, cell)
    options: dict[str, Any] = {
        "boundary": tuple(sides),
        "grid": "cell" if cell else "vertex",
        "dims": len(sizes),
    }
    matrix = oracle.diffusion_matrix(a.numpy(), spacings, sides, cell)
    right = (f * torch.from_numpy(oracle.volumes_of(sizes, sides, cell))).numpy().ravel()

    def left(u: Tensor) -> tuple[float, float]:
        flat = u.numpy().ravel()
        held = 2.0**-53 * np.linalg.norm(abs(matrix) @ abs(flat))
        return np.linalg.norm(right - matrix @ flat), held

    how = {"max_iterations": MOST, "on_fail": "warn"}
    solved = [diffusion_solve(a, f, tuple(spacings), **options, **how).solution]
    op = diffusion_stencil(a, tuple(spacings), **options)
    solved.append(MultigridSolver(op, **how)(op.right_hand_side(f)).solution)
    for u in solved:
        residual, held = left(u)
        assert residual <= max(1.1e-8 * np.linalg.norm(right), 6 * held)


@pytest.mark.filterwarnings("ignore:.*did not converge")  # what float64 does not hold
@pytest.mark.parametrize("cell", [False, True], ids=["vertex", "cell"])
@pytest.mark.parametrize("ratio", [30.0, 1000.0, 1e4], ids=str)
def test_two_axes(ratio: float, cell: bool) -> None:
    contrasts = itertools.cycle([1.0, 4.0, 1000.0])
    for sides in itertools.product(oracle.PAIRS, repeat=2):
        check((12, 9), (1.0, ratio), sides, cell, next(contrasts))
        check((9, 12), (3 * ratio, 3.0), sides, cell, next(contrasts))


@pytest.mark.filterwarnings("ignore:.*did not converge")
@pytest.mark.parametrize("cell", [False, True], ids=["vertex", "cell"])
@pytest.mark.parametrize("first", oracle.PAIRS, ids="-".join)
def test_three_axes(first: oracle.Pair, cell: bool) -> None:
    orders = itertools.cycle(
        [*itertools.permutations((1.0, 100.0, 1e4)), (1.0, 1.0, 300.0), (1.0, 300.0, 300.0)]
    )
    for second, third in itertools.product(oracle.PAIRS, repeat=2):
        check((4, 3, 5), next(orders), (first, second, third), cell, 100.0)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 9, 31, 32])
def test_rings(n: int) -> None:
    """A strongly coupled ring becomes one point, whatever its size was: no coarse grid between
    unlike spacings would help the rest."""
    ring, closed = ("periodic", "periodic"), ("neumann", "neumann")
    for sides in ((ring, closed), (ring, ring), (ring, ("dirichlet", "dirichlet"))):
        a = layers((n, 33), 4.0)
        f = oracle.right_side((n, 33), sides, True)
        found = diffusion_solve(a, f, (1.0, 40.0), boundary=sides, max_iterations=14)
        assert found.converged


def test_precision() -> None:
    """Cycles are in float64 where spacings are far apart and no side holds the closer axis."""

    def of(n: int, ratio: float, *kinds: str) -> torch.dtype:
        sides = tuple((kind, kind) for kind in kinds)
        return cycle_dtype(Geometry((n, n), (1.0, ratio), sides, True))

    for n in (16, 64, 1024, 1 << 17):
        assert of(n, 1.0, "neumann", "neumann") == torch.float32
        assert of(n, 1e4, "dirichlet", "neumann") == torch.float32
    assert of(64, 30.0, "neumann", "neumann") == torch.float32
    assert of(64, 1000.0, "neumann", "neumann") == F
    assert of(64, 1000.0, "periodic", "dirichlet") == F
    assert of(64, 1000.0, "dirichlet", "dirichlet") == torch.float32


def test_gradients_and_batches() -> None:
    """In float64, with levels that are made once: gradients, float32 results, a batch's bits."""
    sides = (("neumann", "neumann"), ("periodic", "periodic"))
    options: dict[str, Any] = {"boundary": sides}
    a = layers((8, 9), 10.0)
    f = oracle.right_side((8, 9), sides, True)
    alone = diffusion_solve(a, f, (1.0, 2e3), **options).solution
    both = diffusion_solve(torch.stack([2 * a, a]), f, (1.0, 2e3), **options).solution
    assert torch.equal(both[1], alone)
    rounded = diffusion_solve(a.float(), f.float(), (1.0, 2e3), boundary=sides)
    assert rounded.converged and rounded.solution.dtype == torch.float32
    weights = oracle.right_side((8, 9), sides, True).flip(0)
    log_a = a.log().requires_grad_()

    def of(value: Tensor) -> Tensor:
        return (diffusion_solve(value.exp(), f, (1.0, 2e3), **options).solution * weights).sum()

    (gradient,) = torch.autograd.grad(of(log_a), log_a)
    direction = torch.randn(8, 9, generator=torch.Generator().manual_seed(5), dtype=F)
    step = 1e-3
    with torch.no_grad():
        moved = (of(log_a + step * direction) - of(log_a - step * direction)) / (2 * step)
    assert abs(moved - (gradient * direction).sum()) <= 1e-3 * abs(moved)
