"""MultigridSolver: a setup that is used again."""

from __future__ import annotations

import copy
import pickle
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
    poisson_stencil,
)
from multigrid import grid_oracle as oracle

BOUNDARIES = (
    "dirichlet",
    "neumann",
    "periodic",
    ("periodic", "dirichlet"),
    (("dirichlet", "neumann"), "neumann"),
)


def two_phases(*sizes: int, ratio: float = 4.0) -> Tensor:
    """Half of the cells, in patches."""
    g = torch.Generator().manual_seed(0)
    rough = torch.randn(1, 1, *sizes, dtype=torch.float64, generator=g)
    smooth = torch.nn.functional.avg_pool2d(rough, 9, 1, 4)[0, 0]
    return 1 + (ratio - 1) * (smooth > 0).double()


def right_hand_sides(*shape: int) -> Tensor:
    """Of mean 0."""
    g = torch.Generator().manual_seed(1)
    f = torch.randn(*shape, dtype=torch.float64, generator=g)
    return f - f.mean((-1, -2), keepdim=True)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("grid", ["vertex", "cell"])
def test_solves(boundary: Any, grid: str) -> None:
    """op(u) = f to the tolerance, which is the true residual; by a sparse factorization too."""
    op = diffusion_stencil(two_phases(20, 33), boundary=boundary, grid=grid)
    f = right_hand_sides(2, 20, 33)
    result = MultigridSolver(op, tol=1e-10)(f)
    rest = (f - op(result.solution)).flatten(1).norm(dim=1) / f.flatten(1).norm(dim=1)
    assert torch.allclose(result.residual, rest, rtol=1e-3, atol=1e-14)
    assert result.converged.all()
    assert result.iterations.max() <= 14
    assert same_bits(result.residual, result.residual_returned)
    sides = op.geometry.sides
    matrix = oracle.diffusion_matrix(
        op.coefficient.numpy(), op.geometry.spacings, sides, grid == "cell"
    ).tolil()
    for k in range(2):
        right = f[k].numpy().ravel().copy()
        if op.singular:  # u[0] = 0, and the mean by volume at the end
            matrix[0, :] = 0
            matrix[0, 0] = 1
            right[0] = 0
        exact = sla.spsolve(matrix.tocsc(), right)
        if op.singular:
            volumes = oracle.volumes_of((20, 33), sides, grid == "cell").ravel()
            exact -= (volumes * exact).sum() / volumes.sum()
        error = np.abs(result.solution[k].numpy().ravel() - exact).max()
        assert error < 1e-8 * np.abs(exact).max()


def test_is_diffusion_solve() -> None:
    """Bit for bit, with values on sides, at vertices."""
    a, f = two_phases(33, 40), right_hand_sides(3, 33, 40)
    sides = [(1.0, 2.0), (0.5, None)]
    boundary = (("dirichlet", "neumann"), "neumann")
    expected = diffusion_solve(a, f, boundary=boundary, boundary_values=sides, grid="vertex")
    op = diffusion_stencil(a, boundary=boundary, grid="vertex")
    got = MultigridSolver(op)(op.right_hand_side(f, sides))
    for one, other in zip(got, expected, strict=True):
        assert torch.equal(one, other)


def test_poisson() -> None:
    """The operator of poisson_solve."""
    f = right_hand_sides(40, 33)
    op = poisson_stencil((40, 33), boundary="neumann")
    assert op.volumes is not None
    f = f - (f * op.volumes).sum() / op.volumes.sum()
    got = MultigridSolver(op, tol=1e-11)(op.right_hand_side(f)).solution
    expected = poisson_solve(f, boundary="neumann", tol=1e-11).solution
    assert torch.allclose(got, expected, atol=1e-9 * float(expected.abs().max()))


def test_copies() -> None:
    """Pickled, deep-copied and moved: the same bits."""
    solver = MultigridSolver(diffusion_stencil(two_phases(30, 31)))
    f = right_hand_sides(30, 31)
    expected = solver(f).solution
    for other in (
        pickle.loads(pickle.dumps(solver)),
        copy.deepcopy(solver),
        copy.copy(solver),
        solver.to("cpu"),
    ):
        assert same_bits(other(f).solution, expected)
        assert same_bits(other.precondition(f), solver.precondition(f))
    assert "MultigridSolver(GridOperator(30 x 31" in repr(solver)


def test_batches() -> None:
    """Of coefficients and right-hand sides: each by itself."""
    a = torch.stack([two_phases(20, 21, ratio=r) for r in (2.0, 5.0, 9.0)])
    f = right_hand_sides(2, 3, 20, 21)
    solver = MultigridSolver(diffusion_stencil(a))
    result = solver(f)
    assert result.iterations.shape == (2, 3)
    for k in range(3):
        one = MultigridSolver(diffusion_stencil(a[k]))
        for j in range(2):
            assert same_bits(result.solution[j, k], one(f[j, k]).solution)
            assert same_bits(solver.precondition(f)[j, k], one.precondition(f[j, k]))


def test_float32_and_initial() -> None:
    """float32 in and out, with the residual of what is returned; a good start costs nothing."""
    op = diffusion_stencil(two_phases(30, 31).float())
    f = right_hand_sides(30, 31).float()
    result = MultigridSolver(op, tol=1e-6)(f)
    assert result.solution.dtype == torch.float32
    assert result.residual < 1e-6 < 10 * result.residual_returned
    again = MultigridSolver(op)(f, initial=result.solution)
    assert again.iterations == 0
    assert same_bits(again.solution, result.solution)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_scipy(dtype: torch.dtype) -> None:
    """As SciPy's preconditioner, and the operator as its matrix."""
    op = diffusion_stencil(two_phases(63, 64).to(dtype))
    solver = MultigridSolver(op)
    matrix = oracle.diffusion_matrix(
        two_phases(63, 64).numpy(), op.geometry.spacings, op.geometry.sides, True
    )
    f = right_hand_sides(63, 64).numpy().ravel()
    count = []
    for a in (matrix, op.as_linear_operator()):
        x, info = sla.cg(a, f, rtol=1e-6, M=solver.as_linear_operator(), callback=count.append)
        assert info == 0
        assert np.linalg.norm(f - matrix @ x) < 2e-5 * np.linalg.norm(f)
    assert len(count) < 20  # of both together
    with pytest.raises(ValueError, match="batch"):
        MultigridSolver(diffusion_stencil(torch.ones(2, 9, 9))).as_linear_operator()


@pytest.mark.parametrize("boundary", ["dirichlet", "neumann", "periodic"])
def test_precondition(boundary: str) -> None:
    """Symmetric and positive but for rounding, of any scale."""
    op = diffusion_stencil(two_phases(8, 9), boundary=boundary)
    solver = MultigridSolver(op)
    matrix = oracle.matrix_of(solver.precondition, (8, 9))
    assert np.abs(matrix - matrix.T).max() < 1e-5 * np.abs(matrix).max()
    assert np.linalg.eigvalsh((matrix + matrix.T) / 2)[0] > 0
    r = right_hand_sides(8, 9)
    for factor in (2.0**-300, 2.0**300):
        assert same_bits(solver.precondition(factor * r), factor * solver.precondition(r))
    zero = torch.zeros(8, 9, dtype=torch.float64)
    assert same_bits(solver.precondition(zero), zero)


def test_gradients() -> None:
    """In f and in the coefficient, twice, in forward mode; of the preconditioner in r."""
    a = (1 + right_hand_sides(4, 5).abs()).requires_grad_()
    f = right_hand_sides(2, 4, 5).requires_grad_()

    def function(a: Tensor, f: Tensor) -> Tensor:
        return MultigridSolver(diffusion_stencil(a), tol=1e-13)(f).solution

    assert gradcheck(function, (a, f), check_forward_ad=True)
    assert gradgradcheck(function, (a, f))
    solver = MultigridSolver(diffusion_stencil(a.detach(), grid="vertex"))
    r = right_hand_sides(4, 5).requires_grad_()
    g = right_hand_sides(4, 5).flip(0)
    (got,) = torch.autograd.grad(solver.precondition(r), r, g)
    assert torch.allclose(got, solver.precondition(g), rtol=1e-4, atol=1e-7)


def test_transforms() -> None:
    """vmap over right-hand sides, compile as one graph."""
    solver = MultigridSolver(diffusion_stencil(two_phases(20, 21)))
    f = right_hand_sides(3, 20, 21)

    def solve(f: Tensor) -> Tensor:
        return solver(f).solution

    expected = solve(f)
    assert same_bits(torch.func.vmap(solve)(f), expected)
    compiled = torch.compile(solve, fullgraph=True, backend="aot_eager")
    assert same_bits(compiled(f), expected)


def test_failures() -> None:
    """What cannot be."""
    op = diffusion_stencil(two_phases(40, 40))
    f = right_hand_sides(40, 40)
    with pytest.raises(ConvergenceError, match="did not converge in 1 iterations"):
        MultigridSolver(op, max_iterations=1)(f)
    with pytest.warns(RuntimeWarning, match="did not converge"):
        MultigridSolver(op, max_iterations=1, on_fail="warn")(f)
    with pytest.raises(ValueError, match="expected the finest"):
        MultigridSolver(op.levels[1])
    with pytest.raises(TypeError, match="op must be a GridOperator"):
        wrong: Any = abs
        MultigridSolver(wrong)
    with pytest.raises(ValueError, match="tol"):
        MultigridSolver(op, tol=2.0)
    with pytest.raises(ValueError, match="mean"):
        MultigridSolver(diffusion_stencil(two_phases(9, 9), boundary="neumann"))(f[:9, :9] + 5)
    with pytest.raises(ValueError, match="shape"):
        MultigridSolver(op)(f[:9])
