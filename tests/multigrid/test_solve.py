"""poisson_solve and diffusion_solve beside SciPy's sparse factorization in float64: every kind of
side, the smallest grids, numbers of any size, and problems that have no solution."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import scipy.sparse.linalg as sla
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from kit.tensors import same_bits
from longtail.multigrid import (
    ConvergenceError,
    MultigridSolver,
    diffusion_solve,
    diffusion_stencil,
    poisson_solve,
)
from multigrid import grid_oracle as oracle

F = torch.float64
SIDES = tuple(itertools.product(oracle.PAIRS, oracle.PAIRS))
FEW = (SIDES[0], SIDES[6], SIDES[13], SIDES[18], SIDES[24])


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F)


def exact(matrix: Any, f: Any, volumes: Any, singular: bool) -> Any:
    """The solution of ``matrix u = volumes f``, of the mean 0 by volume if singular."""
    right = (volumes * f).ravel()
    matrix = matrix.tolil()
    if singular:
        matrix[0, :] = 0
        matrix[0, 0] = 1
        right[0] = 0
    u = np.atleast_1d(sla.spsolve(matrix.tocsc(), right))
    if singular:
        u -= (volumes.ravel() * u).sum() / volumes.sum()
    return u.reshape(f.shape)


def check(sizes: Sequence[int], sides: Any, cell: bool, dtype: torch.dtype, diffuse: bool) -> None:
    """Error of the solution beside the exact one, and the residual beside what is returned."""
    singular = all("dirichlet" not in pair for pair in sides)
    spacings = oracle.spacings_of(sizes, sides, cell)
    volumes = oracle.volumes_of(sizes, sides, cell)
    a = 0.5 + noise(*sizes, seed=1).abs() if diffuse else torch.ones(*sizes, dtype=F)
    a, f = a.to(dtype), noise(2, *sizes)
    if singular:
        weights = torch.from_numpy(volumes)
        f = f - (f * weights).sum(tuple(range(1, f.dim())), keepdim=True) / weights.sum()
    f = f.to(dtype)
    options: dict[str, Any] = {
        "boundary": sides, "grid": "cell" if cell else "vertex", "dims": len(sizes),
        "tol": 1e-12 if dtype == F else 1e-6,
    }  # fmt: skip
    result = diffusion_solve(a, f, **options) if diffuse else poisson_solve(f, **options)
    matrix = oracle.diffusion_matrix(a.double().numpy(), spacings, sides, cell)
    for k in range(2):
        expected = exact(matrix, f[k].double().numpy(), volumes, singular)
        error = np.abs(result.solution[k].double().numpy() - expected).max()
        # What the tolerance leaves, times the condition of these small matrices.
        assert error <= (1e-9 if dtype == F else 2e-4) * np.abs(expected).max()
    assert result.converged.all() and result.solution.is_contiguous()
    assert result.solution.dtype == dtype


@pytest.mark.parametrize("dtype", [F, torch.float32], ids=str)
@pytest.mark.parametrize("cell", [False, True], ids=["vertex", "cell"])
@pytest.mark.parametrize("diffuse", [False, True], ids=["poisson", "diffusion"])
def test_all_sides(diffuse: bool, cell: bool, dtype: torch.dtype) -> None:
    """Two axes."""
    for sides in SIDES:
        check((6, 9), sides, cell, dtype, diffuse)


@pytest.mark.parametrize("cell", [False, True], ids=["vertex", "cell"])
@pytest.mark.parametrize("diffuse", [False, True], ids=["poisson", "diffusion"])
def test_three_axes(diffuse: bool, cell: bool) -> None:
    for first, (second, third) in zip(oracle.PAIRS, FEW, strict=True):
        check((4, 5, 6), (first, second, third), cell, F, diffuse)


@pytest.mark.parametrize("sizes", [(1, 1), (2, 2), (1, 2), (1, 33), (33, 1), (1, 1, 5), (2, 2, 2)])
@pytest.mark.parametrize("diffuse", [False, True], ids=["poisson", "diffusion"])
def test_small_grids(diffuse: bool, sizes: tuple[int, ...]) -> None:
    for cell, pair in itertools.product((False, True), oracle.PAIRS):
        if not cell and pair == ("neumann", "neumann") and 1 in sizes:
            continue  # has no cell between its ends: a ValueError
        if pair == ("periodic", "periodic") and min(sizes) < 3:
            continue  # both neighbours are one point: below
        if all(n == 1 for n in sizes) and pair == ("neumann", "neumann"):
            continue  # f is 0
        check(sizes, (pair,) * len(sizes), cell, F, diffuse)


@pytest.mark.parametrize("n", [1, 2])
def test_small_periodic_axes(n: int) -> None:
    """One point is its own neighbour; of two each is so on both sides of the other: their mean and
    their difference are problems of one axis."""
    f = noise(n, 9)
    u = poisson_solve(f, 1.0, boundary=("periodic", "dirichlet"), tol=1e-12).solution
    along = oracle.second_difference(9, 1.0, ("dirichlet", "dirichlet"), False).toarray()
    mean = np.linalg.solve(along, f.mean(0).numpy())
    assert np.abs(u.mean(0).numpy() - mean).max() < 1e-9
    if n == 2:
        apart = np.linalg.solve(along + 4 * np.eye(9), (f[0] - f[1]).numpy())
        assert np.abs((u[0] - u[1]).numpy() - apart).max() < 1e-9


@pytest.mark.parametrize("sizes", [(65, 65), (129, 7), (63, 34), (17, 9, 13)])
def test_odd_rings(sizes: tuple[int, ...]) -> None:
    """Axes that close and are odd, also on all coarse grids, take no more iterations than others:
    16 and more where points beside a seam have values of their own side only."""
    torch.manual_seed(0)
    a = torch.where(torch.rand(sizes) < 0.5, 4.0, 1.0).double()
    f = noise(*sizes)
    f = f - f.mean()
    result = diffusion_solve(a, f - f.mean(), 1.0, boundary="periodic", dims=len(sizes))
    assert int(result.iterations) <= 10


SCALES = {F: (1e-300, 1e-200, 1e200, 1e300), torch.float32: (1e-30, 1e30)}


@pytest.mark.parametrize("dtype", SCALES, ids=str)
def test_right_hand_sides_of_any_size(dtype: torch.dtype) -> None:
    """Side by side in a batch: each as it would be without."""
    f = noise(1, 17, 18).to(dtype)
    a = 0.5 + noise(17, 18, seed=1).abs().to(dtype)
    powers = torch.tensor([2.0 ** round(math.log2(s)) for s in (1.0, *SCALES[dtype])], dtype=F)
    scaled = (f.double() * powers[:, None, None]).to(dtype)
    solver = MultigridSolver(diffusion_stencil(a))
    for solve in (
        poisson_solve,
        lambda f: poisson_solve(f, method="dst"),
        lambda f: diffusion_solve(a, f),
        solver,
    ):
        result = solve(scaled)
        assert result.converged.all()
        for k, power in enumerate(powers):
            expected = (result.solution[0].double() * power).to(dtype)
            torch.testing.assert_close(result.solution[k], expected, rtol=1e-5, atol=0)
            torch.testing.assert_close(result.residual[k], result.residual[0], rtol=0.2, atol=1e-14)


@pytest.mark.parametrize("dtype", SCALES, ids=str)
def test_coefficients_of_any_size(dtype: torch.dtype) -> None:
    f, a = noise(17, 18).to(dtype), 0.5 + noise(17, 18, seed=1).abs().to(dtype)
    expected = diffusion_solve(a, f).solution.double()
    for scale in SCALES[dtype]:
        power = 2.0 ** round(math.log2(scale))
        solver = MultigridSolver(diffusion_stencil(a * power))
        r = solver.precondition(f)
        once = MultigridSolver(diffusion_stencil(a)).precondition(f)
        torch.testing.assert_close(r.double() * power, once.double(), rtol=1e-5, atol=0)
        for solve in (lambda f, power=power: diffusion_solve(a * power, f), solver):
            result = solve(f)
            assert result.converged.all()
            torch.testing.assert_close(
                result.solution.double() * power, expected, rtol=1e-5, atol=0
            )


def test_the_smallest_numbers() -> None:
    """Subnormal ones: what is returned is 0 or nearly so, and what is said of it is true."""
    for scale in (5e-324, 1e-310):
        f = torch.full((9, 9), scale, dtype=F)
        for result in (poisson_solve(f), poisson_solve(f, method="dst")):
            assert result.converged and result.solution.isfinite().all()
        assert diffusion_solve(torch.ones(9, 9, dtype=F), f).converged


def test_overflow_stays_in_its_item() -> None:
    """A solution that float32 cannot hold, before others in the same call."""
    f = torch.ones(3, 9, 9)
    expected = poisson_solve(f, 10.0)
    f[0] = 3e38
    result = poisson_solve(f, 10.0)
    assert result.solution[0].isinf().any() and not result.residual_returned[0] <= 1
    for one, other in zip(result, expected, strict=True):
        assert torch.equal(one[1:], other[1:])


def test_large_contrast() -> None:
    """Phases as large as the box; where the float32 of a cycle does not do it raises, never nan."""
    a = torch.ones(65, 63, dtype=F)
    for ratio in (1e3, 1e8, 1e12):
        a[:20] = ratio
        result = diffusion_solve(a, noise(65, 63))
        assert result.iterations <= 10 and result.residual <= 1e-8
    a[:20] = 1e60
    with pytest.raises(ConvergenceError, match="diffusion_solve.*relative residual 1.00e"):
        diffusion_solve(a, noise(65, 63))
    with pytest.warns(RuntimeWarning, match="did not converge"):
        result = diffusion_solve(a, noise(65, 63), on_fail="warn")
    assert result.solution.isfinite().all() and not result.converged


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
@pytest.mark.parametrize("grid", ["vertex", "cell"])
def test_no_solution(grid: str, boundary: str) -> None:
    """Where nothing can flow out: one item is enough, and one of nan does not hide it."""
    a, f = torch.ones(9, 9, dtype=F), torch.zeros(3, 9, 9, dtype=F)
    f[0], f[1] = 1, math.nan
    options: dict[str, Any] = {"grid": grid, "boundary": boundary}
    op = diffusion_stencil(a, **options)
    for call in (
        lambda: poisson_solve(f, **options),
        lambda: poisson_solve(f, method="dst", **options),
        lambda: diffusion_solve(a, f, **options),
        lambda: MultigridSolver(op)(f),
    ):
        with pytest.raises(ValueError, match="has a mean of 1.00e"):
            call()


@pytest.mark.parametrize("start", [1e200, math.nan, math.inf], ids=str)
def test_a_bad_start_is_not_used(start: float) -> None:
    """Nor one that is worse than 0."""
    f = noise(2, 17, 18)
    initial = torch.full_like(f, start)
    a = torch.ones(17, 18, dtype=F)
    for solve in (poisson_solve, lambda f, **o: diffusion_solve(a, f, **o)):
        expected = solve(f)
        result = solve(f, initial=initial)
        assert torch.equal(result.iterations, expected.iterations)
        torch.testing.assert_close(result.solution, expected.solution, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("grid", ["vertex", "cell"])
def test_gradients_in_boundary_values(grid: str) -> None:
    """Of sides of either kind, and of the coefficient and f along with them."""
    boundary = (("dirichlet", "neumann"), ("neumann", "dirichlet"))

    def poisson(f: Tensor, *ends: Tensor) -> Tensor:
        sides = [(ends[0], ends[1]), (ends[2], ends[3])]
        return poisson_solve(
            f, boundary=boundary, boundary_values=sides, grid=grid, tol=1e-13
        ).solution

    def diffusion(a: Tensor, f: Tensor, *ends: Tensor) -> Tensor:
        sides = [(ends[0], ends[1]), (ends[2], ends[3])]
        return diffusion_solve(
            a, f, boundary=boundary, boundary_values=sides, grid=grid, tol=1e-13
        ).solution

    f, a = noise(2, 3, 4).requires_grad_(), (0.5 + noise(3, 4).abs()).requires_grad_()
    ends = [noise(n, seed=n).requires_grad_() for n in (4, 4, 3, 3)]
    for call, leaves in ((poisson, (f, *ends)), (diffusion, (a, f, *ends))):
        assert gradcheck(call, leaves, check_forward_ad=True, atol=1e-6)
        assert gradgradcheck(call, leaves, fast_mode=True)


def test_batches_broadcast() -> None:
    """Of a and f: each pair by itself, bit for bit, though each a has a size of its own."""
    a = (
        0.5
        + noise(3, 1, 9, 12).abs() * torch.tensor([1e-3, 1.0, 1e3], dtype=F)[:, None, None, None]
    )
    f = noise(2, 9, 12)
    result = diffusion_solve(a, f)
    assert result.solution.shape == (3, 2, 9, 12) and result.iterations.shape == (3, 2)
    for i, j in itertools.product(range(3), range(2)):
        assert same_bits(result.solution[i, j], diffusion_solve(a[i, 0], f[j]).solution)
