"""gcrodr beside SciPy's gmres and gcrotmk, cold and along a sequence."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as scipy_linalg
import torch

from longtail.krylov import ConvergenceError, Recycle, gcrodr, recycling_order
from multigrid.krylov_problems import (
    Counted,
    as_torch,
    every_dtype,
    helmholtz,
    laplace,
    products_by_scipy,
    products_of_sequence,
    randn,
    regular,
    relative_residual,
    whirl,
)

MEMORY = {"restart": 30, "recycle_size": 10}  # 41 vectors, as GMRES(40)


@every_dtype
@pytest.mark.parametrize("n", [1, 2, 11, 65, 193])
@pytest.mark.parametrize("sizes", [(5, 2), (30, 10), (7, 0)], ids=str)
def test_values(n: int, dtype: torch.dtype, tol: float, sizes: tuple[int, int]) -> None:
    A, b = regular(n, dtype=dtype), randn(2, n, dtype=dtype)
    result, recycle = gcrodr(A, b, restart=sizes[0], recycle_size=sizes[1])
    assert result.converged.all() and (result.residual <= tol).all()
    assert torch.allclose(
        result.residual_returned, relative_residual(A, result.solution, b), rtol=1e-2, atol=1e-14
    )
    exact = torch.linalg.solve(A, b.mT).mT
    assert (result.solution - exact).norm() <= 10 * tol * exact.norm()
    again, _ = gcrodr(A, b, recycle=recycle, restart=sizes[0], recycle_size=sizes[1])
    assert again.converged.all()


@pytest.mark.parametrize("restart", [10, 40])
def test_without_recycling_it_is_gmres(restart: int) -> None:
    """Products of restarted GMRES within 2 for each cycle."""
    matrix, b = whirl(15, 40.0), randn(225)
    theirs = Counted(matrix)
    seen: list[float] = []
    scipy_linalg.gmres(
        theirs.for_scipy(),
        b.numpy(),
        rtol=1e-8,
        restart=restart,
        callback=seen.append,
        callback_type="pr_norm",
    )
    ours, _ = gcrodr(as_torch(matrix), b, restart=restart, recycle_size=0)
    assert abs(int(ours.iterations) - len(seen)) <= 2


def test_residuals_of_a_cycle_are_gmress() -> None:
    """The residual after j steps is the smallest of the Krylov space."""
    A, b = regular(30), randn(30)
    for steps in (1, 4, 9):
        with pytest.warns(RuntimeWarning):
            found = gcrodr(A, b, max_iterations=steps, restart=20, on_fail="warn")[0]
        space = [b]
        for _ in range(steps - 1):
            space.append(A @ space[-1])
        images = A @ torch.linalg.qr(torch.stack(space, -1)).Q
        best = (b - images @ torch.linalg.lstsq(images, b.unsqueeze(-1)).solution[:, 0]).norm()
        assert torch.allclose(found.residual, best / b.norm(), rtol=1e-6)


def sequence(kind: str) -> tuple[list[sp.csr_array], torch.Tensor, torch.Tensor]:
    """24 systems in random order, their parameters, and a right-hand side."""
    g = np.random.default_rng(0)
    if kind == "helmholtz":
        parameters = g.uniform(8, 16, 24)
        return (
            [helmholtz(31, k) for k in parameters],
            torch.from_numpy(parameters),
            randn(31 * 31, dtype=torch.complex128),
        )
    parameters = g.uniform(50, 300, 24)
    return [whirl(23, v) for v in parameters], torch.from_numpy(parameters), randn(23 * 23)


@pytest.mark.parametrize("kind", ["helmholtz", "whirl"])
def test_recycling_saves_products(kind: str) -> None:
    """In order < as they come < cold < restarted GMRES with the same memory; and < GCROT(m, k)."""
    matrices, parameters, b = sequence(kind)
    order = recycling_order(parameters).tolist()
    cold = products_of_sequence(matrices, b, recycled=False, **MEMORY)
    recycled = products_of_sequence(matrices, b, recycled=True, **MEMORY)
    in_order = products_of_sequence([matrices[i] for i in order], b, recycled=True, **MEMORY)
    few = slice(2, 4)  # SciPy is slow
    gmres = products_by_scipy(matrices[few], b, scipy_linalg.gmres, restart=40, maxiter=1000)
    gcrot = products_by_scipy(matrices[few], b, scipy_linalg.gcrotmk, m=20, k=10, maxiter=2000)
    assert sum(in_order) < sum(recycled) < 0.8 * sum(cold)
    assert sum(cold[few]) < sum(gmres) / 2 and sum(recycled[few]) < sum(gcrot)


def test_recycled_space() -> None:
    """Of full rank; it goes along with its problem, and is refused elsewhere."""
    matrix, b = as_torch(whirl(15, 100.0)), randn(2, 15, 15)
    recycle = gcrodr(matrix, b, dims=2, restart=20, recycle_size=6)[1]
    assert isinstance(recycle, Recycle) and recycle.space.shape == (2, 6, 15, 15)
    assert recycle.nbytes == 2 * 6 * 225 * 8
    assert (torch.linalg.matrix_rank(recycle.space.flatten(2)) == 6).all()
    one = gcrodr(matrix, b[0], dims=2, restart=20, recycle_size=6)[1]
    shared = gcrodr(matrix, b, dims=2, recycle=one, restart=20, recycle_size=6)[0]
    assert shared.converged.all()
    fewer = gcrodr(matrix, b, dims=2, recycle=one, restart=20, recycle_size=3)[1]
    assert fewer.space.shape[1] == 3
    kept = gcrodr(matrix, torch.zeros_like(b), dims=2, recycle=recycle)[1]
    assert torch.equal(kept.space, recycle.space)


def test_what_a_found_in_one_cycle_solves_the_next_at_once() -> None:
    """A space that is invariant: 12 eigenvectors."""
    A = torch.diag(torch.cat([torch.logspace(-4, -1, 8), torch.ones(92)]).double())
    b = randn(100)
    _, recycle = gcrodr(A, b, restart=20, recycle_size=8)
    result, _ = gcrodr(A, b.flip(-1), restart=20, recycle_size=8, recycle=recycle)
    assert result.iterations <= 8 + 2


def test_preconditioner_and_initial() -> None:
    matrix, b = whirl(20, 150.0), randn(400)
    lower = scipy_linalg.spilu(matrix.tocsc(), drop_tol=1e-2)

    def ilu(r: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(lower.solve(r.numpy()))

    A = as_torch(matrix)
    plain, _ = gcrodr(A, b)
    result, recycle = gcrodr(A, b, preconditioner=ilu)
    assert result.converged and result.iterations < plain.iterations / 4
    assert gcrodr(A, b, preconditioner=ilu, recycle=recycle)[0].converged
    warm, _ = gcrodr(A, b, initial=result.solution)
    assert warm.iterations == 0 and torch.equal(warm.solution, result.solution)


def test_each_item_stops_by_itself() -> None:
    A = torch.stack([regular(30), 10 * torch.eye(30) + regular(30, seed=3), torch.eye(30)])
    b = randn(3, 30)
    together, _ = gcrodr(A, b, restart=10, recycle_size=3)
    assert together.iterations[2] == 1
    for i in range(3):
        alone, _ = gcrodr(A[i], b[i], restart=10, recycle_size=3)
        assert alone.iterations == together.iterations[i]
        assert torch.allclose(alone.solution, together.solution[i], rtol=1e-10)


def test_repeats_and_threads_give_the_same_bits() -> None:
    b = randn(130, 131)

    def solve() -> torch.Tensor:
        result, recycle = gcrodr(
            lambda x: 3 * x - x.roll(1, -1) + x.roll(1, -2) / 2,
            b,
            dims=2,
            recycle_size=4,
            restart=9,
        )
        return torch.cat([result.solution.unsqueeze(0), recycle.space])

    expected = solve()
    assert torch.equal(solve(), expected)
    torch.set_num_threads(2)
    assert torch.equal(solve(), expected)


def test_failures_say_why() -> None:
    shift = torch.eye(30, dtype=torch.float64).roll(1, 0)  # GMRES(m) does nothing for m < 30
    start = torch.eye(30, dtype=torch.float64)[0]
    with pytest.raises(ConvergenceError, match="gcrodr: .*no longer falls"):
        gcrodr(shift, start, restart=10, recycle_size=0)
    assert gcrodr(shift, start, restart=30, recycle_size=0)[0].iterations == 30
    with pytest.raises(ConvergenceError, match="singular"):
        gcrodr(torch.zeros(4, 4, dtype=torch.float64), randn(4))
    with pytest.raises(ConvergenceError, match="ran out of iterations"):
        gcrodr(as_torch(laplace(15)), randn(225), max_iterations=20)
    with pytest.raises(ConvergenceError, match="not finite"):
        gcrodr(lambda x: x * torch.nan, randn(4))


def test_nan_zero_and_empty() -> None:
    b = randn(3, 10)
    b[0, 0], b[1] = torch.nan, 0
    result, _ = gcrodr(regular(10), b)
    assert result.converged.tolist() == [False, True, True]
    assert (result.solution[1] == 0).all() and result.solution[0].isnan().all()
    empty, recycle = gcrodr(regular(10), b[:0])
    assert empty.solution.shape == (0, 10) and recycle.space.shape == (0, 0, 10)
