"""minres beside SciPy's, on systems with eigenvalues of both signs."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as scipy_linalg
import torch

from longtail.krylov import ConvergenceError, cg, minres
from multigrid.krylov_problems import (
    as_torch,
    definite,
    every_dtype,
    laplace,
    randn,
    relative_residual,
)


def indefinite(n: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    """Half of the eigenvalues are negative."""
    vectors = torch.linalg.qr(torch.randn(n, n, dtype=dtype)).Q
    sizes = torch.linspace(1, 6, n, dtype=torch.float64)
    signs = torch.where(torch.arange(n) % 2 == 0, 1.0, -1.0)
    return (vectors * (sizes * signs).to(dtype)) @ vectors.mH


def scipy_iterations(matrix: sp.csr_array, b: np.ndarray, **options: object) -> int:
    """Until the 2-norm of the residual is 1e-8 (SciPy itself stops by another norm)."""
    step, found = count(1), []

    def look(x: np.ndarray) -> None:
        i = next(step)
        if not found and np.linalg.norm(b - matrix @ x) <= 1e-8 * np.linalg.norm(b):
            found.append(i)

    scipy_linalg.minres(matrix, b, rtol=1e-14, callback=look, maxiter=5000, **options)
    return found[0]


@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_iterations_are_scipys(shift: float) -> None:
    matrix = (laplace(15) - shift * sp.eye_array(225)).tocsr()
    b = randn(3, 225)
    result = minres(as_torch(matrix), b)
    assert result.converged.all()
    for i in range(3):
        assert abs(int(result.iterations[i]) - scipy_iterations(matrix, b[i].numpy())) <= 2


def test_preconditioned_iterations_are_scipys() -> None:
    scale = np.linspace(1, 20, 225)
    matrix = (laplace(15) - 200 * sp.eye_array(225)).multiply(scale[:, None]).multiply(scale[None])
    matrix, b = matrix.tocsr(), randn(225)
    inverse = 1 / torch.from_numpy(np.abs(matrix.diagonal()))
    result = minres(as_torch(matrix), b, preconditioner=lambda r: r * inverse)
    jacobi = scipy_linalg.LinearOperator((225, 225), lambda r: r * inverse.numpy())
    assert abs(int(result.iterations) - scipy_iterations(matrix, b.numpy(), M=jacobi)) <= 2
    assert result.iterations < minres(as_torch(matrix), b).iterations


@every_dtype
@pytest.mark.parametrize("n", [1, 2, 63, 129])
def test_indefinite(n: int, dtype: torch.dtype, tol: float) -> None:
    A, b = indefinite(n, dtype), randn(2, n, dtype=dtype)
    result = minres(A, b)
    assert result.converged.all() and (result.residual <= tol).all()
    assert torch.allclose(
        result.residual_returned, relative_residual(A, result.solution, b), rtol=1e-2, atol=1e-14
    )
    exact = torch.linalg.solve(A, b.mT).mT
    assert (result.solution - exact).norm() <= 10 * tol * exact.norm()


def test_float32_is_refined() -> None:
    A, b = indefinite(63, torch.float32), randn(63, dtype=torch.float32)
    A = (A + A.mT) / 2
    assert minres(A, b, tol=1e-9).residual <= 1e-9


def test_each_item_stops_by_itself() -> None:
    A = torch.stack([indefinite(30), definite(30), torch.eye(30).double()])
    b = randn(3, 30)
    together = minres(lambda x: (A * x.unsqueeze(-2)).sum(-1), b)
    assert together.iterations[2] == 1 and len(set(together.iterations.tolist())) == 3
    for i in range(3):
        alone = minres(lambda x, i=i: (A[i] * x.unsqueeze(-2)).sum(-1), b[i])
        assert torch.equal(alone.solution, together.solution[i])


def test_singular_but_consistent() -> None:
    """A periodic Laplacian and a right-hand side of mean 0."""
    b = randn(2, 40)
    b -= b.mean(-1, keepdim=True)
    result = minres(lambda x: 2 * x - x.roll(1, -1) - x.roll(-1, -1), b)
    assert result.converged.all() and result.solution.mean(-1).abs().max() < 1e-8


def test_failures_say_why() -> None:
    with pytest.raises(ConvergenceError, match="cg: .*use minres"):
        cg(indefinite(40), randn(40))
    with pytest.raises(ConvergenceError, match=r"minres: .*not symmetric .*use gcrodr"):
        minres(definite(40) + 40 * randn(40, 40).triu(1), randn(40))
    with pytest.raises(ConvergenceError, match="preconditioner is not positive definite"):
        minres(definite(30), randn(30), preconditioner=lambda r: -r)
    with pytest.raises(ConvergenceError, match="singular|rounding"):
        minres(torch.diag(torch.tensor([1.0, 2.0, 0.0]).double()), torch.ones(3).double())


def test_nan_zero_and_empty() -> None:
    A, b = indefinite(10), randn(3, 10)
    b[0, 0], b[1] = torch.nan, 0
    result = minres(A, b)
    assert result.converged.tolist() == [False, True, True]
    assert (result.solution[1] == 0).all() and result.solution[0].isnan().all()
    assert minres(A, b[:0]).solution.shape == (0, 10)
