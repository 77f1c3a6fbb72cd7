"""cg and pcg beside SciPy's and direct solves."""

from __future__ import annotations

import math

import pytest
import scipy.sparse.linalg as scipy_linalg
import torch
from torch import Tensor, nn

from longtail.krylov import ConvergenceError, SolveResult, cg, pcg
from multigrid.krylov_problems import (
    as_torch,
    definite,
    laplace,
    randn,
    relative_residual,
)

TOL = {torch.float64: 1e-8, torch.float32: 1e-4, torch.complex128: 1e-8, torch.complex64: 1e-4}


def scipy_iterations(matrix: object, b: Tensor, **options: object) -> int:
    seen = []
    _, info = scipy_linalg.cg(matrix, b.numpy(), rtol=1e-8, callback=seen.append, **options)
    assert info == 0
    return len(seen)


@pytest.mark.parametrize("n", [7, 16, 31])
def test_iterations_are_scipys(n: int) -> None:
    """Within 2, for each of a batch."""
    matrix, b = laplace(n), randn(4, n * n)
    result = cg(as_torch(matrix), b)
    for i in range(4):
        assert abs(int(result.iterations[i]) - scipy_iterations(matrix, b[i])) <= 2


def test_preconditioned_iterations_are_scipys() -> None:
    matrix = laplace(16)
    matrix.data *= 1.0
    scale = torch.linspace(1, 30, 256, dtype=torch.float64)
    stretched = matrix.multiply(scale[:, None].numpy()).multiply(scale[None].numpy()).tocsr()
    b, inverse = randn(256), 1 / torch.from_numpy(stretched.diagonal())
    result = pcg(as_torch(stretched), b, lambda r: r * inverse)
    jacobi = scipy_linalg.LinearOperator((256, 256), lambda r: r * inverse.numpy())
    assert abs(int(result.iterations) - scipy_iterations(stretched, b, M=jacobi)) <= 2
    assert result.iterations < cg(as_torch(stretched), b).iterations / 2


@pytest.mark.parametrize("dtype", TOL, ids=str)
@pytest.mark.parametrize("n", [1, 5, 63, 193])
def test_dense(dtype: torch.dtype, n: int) -> None:
    """Values, and the residuals that the result claims."""
    A, b = definite(n, dtype=dtype), randn(2, 3, n, dtype=dtype)
    result = cg(A, b)
    assert isinstance(result, SolveResult) and result.solution.dtype == dtype
    assert result.converged.all() and result.residual.dtype == torch.float64
    assert (result.residual <= TOL[dtype]).all()
    returned = relative_residual(A, result.solution, b)
    assert torch.allclose(result.residual_returned, returned, rtol=1e-2, atol=1e-15)
    exact = torch.linalg.solve(A, b.unsqueeze(-1)).squeeze(-1)
    assert (result.solution - exact).norm() <= 5 * TOL[dtype] * exact.norm()


def test_float32_with_a_small_tolerance() -> None:
    """Refinement in float64: the iterate has 1e-10, what is returned what float32 can hold."""
    A, b = definite(65, dtype=torch.float32), randn(3, 65, dtype=torch.float32)
    result = cg(A, b, tol=1e-10)
    assert result.converged.all() and (result.residual <= 1e-10).all()
    assert (result.residual_returned > 1e-9).all() and (result.residual_returned < 1e-6).all()


def test_a_float32_callable_is_refined_as_far_as_it_allows() -> None:
    """One that takes float64 too, and one with float32 weights that does not."""
    weight = definite(33, dtype=torch.float32)
    layer = nn.Linear(33, 33, bias=False).requires_grad_(False)
    layer.weight.copy_(weight)
    b = randn(33, dtype=torch.float32)
    free = cg(lambda x: 2 * x + torch.roll(x, 1, -1) / 2 + torch.roll(x, -1, -1) / 2, b, tol=1e-10)
    assert free.residual <= 1e-10
    assert cg(layer, b).residual <= 1e-4
    assert cg(layer, b, tol=1e-6).residual_returned < 2e-6


def test_each_item_stops_by_itself() -> None:
    """Its iterations and its bits are those of a call alone."""
    A = torch.stack([definite(40, seed=i) + 40 * i * torch.eye(40).double() for i in range(3)])
    b = randn(3, 40)
    together = cg(lambda x: (A * x.unsqueeze(-2)).sum(-1), b)
    assert len(set(together.iterations.tolist())) == 3
    for i in range(3):
        alone = cg(lambda x, i=i: (A[i] * x.unsqueeze(-2)).sum(-1), b[i])
        for name, value in alone._asdict().items():
            assert torch.equal(value, getattr(together, name)[i]), name
    assert torch.allclose(cg(A, b).solution, together.solution, rtol=1e-7)


class Stencil:
    """What the three protocols call."""

    def _times(self, x: Tensor) -> Tensor:
        assert x.dim() >= 2
        padded = nn.functional.pad(x, (1, 1, 1, 1))
        around = padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]
        return 5 * x - around - padded[..., :-2, 1:-1] - padded[..., 2:, 1:-1]


class ByCall(Stencil):
    def __call__(self, x: Tensor) -> Tensor:
        return self._times(x)


class ByApply(Stencil):
    def apply(self, x: Tensor) -> Tensor:
        return self._times(x)


class ByMatmul(Stencil):
    def __matmul__(self, x: Tensor) -> Tensor:
        return self._times(x)


@pytest.mark.parametrize("kind", [ByCall, ByApply, ByMatmul])
def test_grids(kind: type[Stencil]) -> None:
    """dims=2: an image is a vector; batch and layout as they come."""
    b = randn(9, 2, 13).permute(1, 2, 0)
    result = cg(kind(), b, dims=2)
    assert result.solution.shape == b.shape and result.iterations.shape == (2,)
    assert result.solution.is_contiguous()
    assert torch.allclose(kind()._times(result.solution), b, atol=1e-6)
    matrix = as_torch(laplace(9))
    square = cg(matrix, b[..., :9, :].contiguous().view(2, 9, 9), dims=2)
    assert square.converged.all()


def test_layouts_give_the_same_bits() -> None:
    A, b = definite(17), randn(4, 17)
    expected = cg(A, b).solution
    shifted = randn(4 * 17 + 1)[1:].view(4, 17).copy_(b)
    wide = randn(4, 34)[:, ::2].copy_(b)
    for other in (b.t().contiguous().t(), shifted, wide):
        assert torch.equal(cg(A, other).solution, expected)
    one = cg(A, b[:1].expand(3, 17))
    assert torch.equal(one.solution[0], one.solution[2])


def test_threads_and_repeats_give_the_same_bits() -> None:
    b = randn(300, 301)

    def solve() -> SolveResult:
        return cg(ByCall(), b, dims=2)

    expected = solve().solution
    assert torch.equal(solve().solution, expected)
    torch.set_num_threads(2)
    assert torch.equal(solve().solution, expected)


def test_warm_start() -> None:
    A, b = definite(50), randn(2, 50)
    found = cg(A, b)
    again = cg(A, b, initial=found.solution)
    assert again.iterations.tolist() == [0, 0] and torch.equal(again.solution, found.solution)
    near = cg(A, b, initial=found.solution * (1 + 1e-4))
    assert (near.iterations < found.iterations).all() and near.converged.all()


def test_zero_and_extreme_right_hand_sides() -> None:
    """0 gives 0 whatever the start; squares neither vanish nor overflow."""
    A, b = definite(20), randn(20)
    both = torch.stack([torch.zeros_like(b), b, b * 1e-200, b * 1e200])
    result = cg(A, both, initial=torch.ones_like(both))
    assert result.converged.all() and (result.solution[0] == 0).all()
    assert result.residual[0] == 0 and result.iterations[0] == 0
    for row, factor in ((2, 1e200), (3, 1e-200)):
        assert torch.allclose(result.solution[row] * factor, result.solution[1], rtol=1e-6)


def test_values_that_are_not_finite_stay_in_their_item() -> None:
    A, b = definite(20), randn(3, 20)
    bad = b.clone()
    bad[0, 3], bad[2, 0] = math.nan, math.inf
    result = cg(A, bad)
    assert result.converged.tolist() == [False, True, False]
    assert result.solution[0].isnan().all() and result.residual[0].isnan()
    assert torch.equal(result.solution[1], cg(A, torch.stack([b[1]] * 3)).solution[1])


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0,), (0, 0)])
def test_empty(shape: tuple[int, ...]) -> None:
    result = cg(definite(max(1, shape[-1]))[: shape[-1], : shape[-1]], randn(*shape))
    assert result.solution.shape == shape and result.iterations.shape == shape[:-1]
    assert result.converged.all()


def test_failures_say_why() -> None:
    """Each names its reason; with on_fail="warn" the result says which items."""
    spread = torch.diag(torch.logspace(0, 8, 60, dtype=torch.float64))
    with pytest.raises(ConvergenceError, match=r"cg: 1 of 1 .* after 5 .* ran out of iterations"):
        cg(spread, randn(60), max_iterations=5)
    indefinite = torch.diag(torch.linspace(-1, 1, 60, dtype=torch.float64))
    with pytest.raises(ConvergenceError, match="not positive definite .negative curvature"):
        cg(indefinite, randn(60))
    with pytest.raises(ConvergenceError, match=r"not symmetric .* use gcrodr"):
        cg(definite(30) + 40 * randn(30, 30).triu(1), randn(30))
    with pytest.raises(ConvergenceError, match="preconditioner is not positive definite"):
        pcg(definite(30), randn(30), lambda r: -r)
    with pytest.raises(ConvergenceError, match=r"batch item \[1\].* values that are not finite"):
        broken = torch.stack([definite(30), definite(30) * math.nan])
        cg(broken, randn(2, 30))
    mixed = torch.stack([definite(30), -definite(30)])
    with pytest.warns(RuntimeWarning, match=r"1 of 2 .* \(batch item \[1\]\)"):
        result = cg(mixed, randn(2, 30), on_fail="warn")
    assert result.converged.tolist() == [True, False] and result.residual[1] == 1


def test_arguments_stay_as_they_were() -> None:
    A, b, start = definite(12), randn(2, 12), randn(2, 12, seed=5)
    copies = [each.clone() for each in (A, b, start)]
    cg(A, b, initial=start)
    assert all(map(torch.equal, copies, (A, b, start)))


def test_a_float32_preconditioner_in_float64() -> None:
    A, b = definite(40), randn(40)
    M = torch.linalg.inv(A).float()
    result = pcg(A, b, M)
    assert result.converged and result.iterations <= 3
    assert pcg(A, b, M.to_sparse_csr()).iterations == result.iterations
    assert pcg(A, b, lambda r: M @ r.float()).iterations == result.iterations


def test_progress_and_autocast() -> None:
    seen: list[tuple[int, int, str]] = []
    cg(definite(30), randn(30), progress=lambda *step: seen.append(step))
    assert seen and seen[-1][1] == 300 and "residual" in seen[-1][2]
    with torch.autocast("cpu", torch.bfloat16):
        A, b = definite(30, dtype=torch.float32), randn(30).bfloat16()
        result = cg(A, b)
    assert result.solution.dtype == torch.float32 and result.residual_returned <= 2e-4
