"""The CUDA solvers of poisson_solve and diffusion_solve beside the CPU's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kit.cuda_graphs import captured
from kit.tensors import cuda_problem, same_bits
from longtail.multigrid import SolveResult, diffusion_solve, poisson_solve

pytestmark = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")

DIRICHLET, NEUMANN, PERIODIC = "dirichlet", "neumann", "periodic"
SIZES = ((1, 1), (31, 31), (127, 90), (128, 257), (1, 300), (600, 601), (15, 16, 17), (65, 40, 33))
BOUNDARIES: tuple[Any, ...] = (
    DIRICHLET,
    NEUMANN,
    PERIODIC,
    (PERIODIC, DIRICHLET),
    ((DIRICHLET, NEUMANN), NEUMANN),
    ((NEUMANN, DIRICHLET), PERIODIC),
)


def right_hand_side(sizes: tuple[int, ...], batch: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, *sizes, generator=generator, dtype=torch.float64)


def coefficient(sizes: tuple[int, ...], contrast: float, batch: int = 1) -> Tensor:
    """Blocks of 4 cells of two phases."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand(batch, *((n + 3) // 4 for n in sizes), generator=generator)
    for dim, n in enumerate(sizes, 1):
        coarse = coarse.repeat_interleave(4, dim).narrow(dim, 0, n)
    return 1 + (contrast - 1) * (coarse > 0.5).double()


def agree(got: SolveResult, expected: SolveResult, tolerance: float) -> None:
    """The solution to rounding, the iterations to one."""
    assert all(each.is_cuda for each in got) and bool(got.converged.all())
    exact = expected.solution.double()
    error = (got.solution.cpu().double() - exact).norm() / exact.norm()
    assert error <= tolerance, float(error)
    assert int((got.iterations.cpu() - expected.iterations).abs().max()) <= 1


def with_mean_zero(f: Tensor, boundary: Any, grid: str, sizes: tuple[int, ...]) -> Tensor:
    """f as it must be where no side is Dirichlet."""
    from longtail._grid_geometry import geometry_of

    geometry = geometry_of("test", f, None, boundary, grid, len(sizes))
    if not geometry.singular:
        return f
    volumes = geometry.volumes(f)
    volumes = torch.ones(sizes, dtype=torch.float64) if volumes is None else volumes
    dims = tuple(range(-len(sizes), 0))
    return f - (f * volumes).sum(dims, keepdim=True) / volumes.sum()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_cuda_poisson_sizes(dtype: torch.dtype, sizes: tuple[int, ...]) -> None:
    """And the same bits again."""
    f = right_hand_side(sizes, 3).to(dtype)
    f[1] = 0
    dims = len(sizes)
    expected, got = poisson_solve(f, dims=dims), poisson_solve(f.cuda(), dims=dims)
    agree(got, expected, 1e-8 if dtype == torch.float64 else 2e-4)
    assert int(got.iterations[1]) == 0 and not got.solution[1].any()
    assert same_bits(got.solution, poisson_solve(f.cuda(), dims=dims).solution)


@pytest.mark.parametrize("grid", ["vertex", "cell"])
@pytest.mark.parametrize("boundary", BOUNDARIES, ids=str)
@pytest.mark.parametrize("sizes", [(64, 50), (133, 141)], ids=str)
def test_cuda_boundaries(sizes: tuple[int, ...], boundary: Any, grid: str) -> None:
    f = with_mean_zero(right_hand_side(sizes, 2), boundary, grid, sizes)
    given = {"boundary": boundary, "grid": grid, "dims": 2}
    agree(poisson_solve(f.cuda(), **given), poisson_solve(f, **given), 1e-7)
    a = coefficient(sizes, 10)
    expected = diffusion_solve(a, f, **given)
    agree(diffusion_solve(a.cuda(), f.cuda(), **given), expected, 1e-7)


@pytest.mark.parametrize("contrast", [1.0, 4.0, 1000.0])
@pytest.mark.parametrize("sizes", SIZES[1:], ids=str)
def test_cuda_diffusion(sizes: tuple[int, ...], contrast: float) -> None:
    """One coefficient for all problems, and one each; from an initial value too."""
    f, dims = right_hand_side(sizes, 3), len(sizes)
    for a in (coefficient(sizes, contrast), coefficient(sizes, contrast, 3)):
        expected = diffusion_solve(a, f, dims=dims)
        got = diffusion_solve(a.cuda(), f.cuda(), dims=dims)
        agree(got, expected, 1e-6)
        again = diffusion_solve(a.cuda(), f.cuda(), dims=dims)
        assert same_bits(got.solution, again.solution)
        near = diffusion_solve(a.cuda(), f.cuda(), dims=dims, initial=got.solution)
        assert int(near.iterations.max()) <= 1


def test_cuda_batches_of_small_problems() -> None:
    """More problems than a grid has rows; each as if it were alone."""
    f = right_hand_side((7, 9), 70_000).float().cuda()
    got = poisson_solve(f, dims=2)
    alone = poisson_solve(f[69_999:], dims=2)
    assert bool(got.converged.all()) and same_bits(got.solution[69_999:], alone.solution)


def test_cuda_gradients() -> None:
    f, a = right_hand_side((20, 21), 2), coefficient((20, 21), 4)

    def gradients(device: str) -> tuple[Tensor, ...]:
        leaves = [each.to(device).requires_grad_() for each in (a, f)]
        solution = diffusion_solve(leaves[0], leaves[1], dims=2, tol=1e-11).solution
        return torch.autograd.grad(solution.square().sum(), leaves)

    for got, exact in zip(gradients("cuda"), gradients("cpu"), strict=True):
        assert float((got.cpu() - exact).norm() / exact.norm()) <= 1e-8


def test_cuda_streams() -> None:
    """On the caller's stream, behind what it has been given."""
    f = right_hand_side((300, 300), 2).cuda()
    expected = poisson_solve(f).solution
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        torch.cuda._sleep(10_000_000)
        late = poisson_solve(f * 1).solution
    side.synchronize()
    assert same_bits(late, expected)


@pytest.mark.parametrize("sizes", [(63, 63), (511, 500), (33, 34, 35)], ids=str)
def test_cuda_graphs(sizes: tuple[int, ...]) -> None:
    """The raw ops with a tolerance of 0 ask the device nothing, so that a graph can hold them."""
    f, other = right_hand_side(sizes, 2).cuda(), right_hand_side(sizes, 2, seed=2).cuda()
    none, missing = f.new_empty(0), 3 - len(sizes)
    faces = [torch.rand(1, *sizes, device="cuda", dtype=torch.float64) + 1 for _ in sizes]
    for dim, face in enumerate(faces, 1):
        faces[dim - 1] = torch.cat([face, face.narrow(dim, 0, 1)], dim)
    steps = [1.0] * 3

    def solve() -> tuple[Tensor, Tensor]:
        poisson = torch.ops.longtail.poisson_solve(f, none, *steps, 4, 0, 0, False, 0.0, 5)
        diffusion = torch.ops.longtail.diffusion_solve(
            *[none] * missing, *faces, f, none, none.float(), *steps, 0, 0.0, 5
        )
        return poisson[0], diffusion[0]

    graph, held = captured(solve)
    f.copy_(other)
    graph.replay()
    assert all(map(same_bits, held, solve()))


def test_cuda_of_nothing_and_of_nan() -> None:
    assert poisson_solve(torch.empty(0, 5, 5, device="cuda")).solution.shape == (0, 5, 5)
    f = right_hand_side((30, 30), 2).cuda()
    f[0, 3, 3] = float("nan")
    with pytest.warns(UserWarning):
        got = poisson_solve(f, on_fail="warn")
    assert bool(got.residual[0].isnan()) and bool(got.converged[1])
