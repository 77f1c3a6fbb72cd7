"""poisson_solve(method="dst") beside multigrid and SciPy's transforms."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.fft
import torch
from torch import Tensor

from longtail import _axis_waves, _fast_poisson
from longtail._axis_waves import Sines
from longtail._grid_geometry import geometry_of
from longtail.multigrid import ConvergenceError, poisson_solve

SIDES = (
    ("dirichlet", "dirichlet"),
    ("neumann", "neumann"),
    ("dirichlet", "neumann"),
    ("neumann", "dirichlet"),
    ("periodic", "periodic"),
)
MIXED = (("dirichlet", "neumann"), "periodic")


def noise(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def compatible(f: Tensor, boundary: Any, grid: str, dims: int) -> tuple[Tensor, Tensor]:
    """f of the mean 0 where it must be, and the volumes."""
    geometry = geometry_of("test", f, None, boundary, grid, dims)
    volumes = geometry.volumes(f)
    if volumes is None:
        volumes = torch.ones(geometry.sizes, dtype=torch.float64)
    if geometry.singular:
        over = tuple(range(-dims, 0))
        f = f - (f * volumes).sum(over, keepdim=True) / volumes.sum()
    return f, volumes


@pytest.fixture(params=["products", "fourier"])
def short_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both ways of a short axis."""
    if request.param == "fourier":
        monkeypatch.setattr(_axis_waves, "_LONGEST_PRODUCT", 0)
    _axis_waves._kept.cache_clear()
    yield
    _axis_waves._kept.cache_clear()


@pytest.mark.usefixtures("short_rows")
@pytest.mark.parametrize("grid", ["vertex", "cell"])
@pytest.mark.parametrize("shape", [(2, 13, 10), (2, 5, 6, 7)])
def test_as_multigrid_for_all_sides(shape: tuple[int, ...], grid: str) -> None:
    dims = len(shape) - 1
    spacing = [0.1, 0.25, 0.2][:dims]
    for sides in itertools.product(SIDES, repeat=dims):
        f, volumes = compatible(noise(*shape), sides, grid, dims)
        options: dict[str, Any] = {"boundary": sides, "grid": grid, "dims": dims}
        ours = poisson_solve(f, spacing, method="dst", tol=1e-12, **options)
        other = poisson_solve(f, spacing, tol=1e-11, **options).solution
        assert (ours.solution - other).norm() < 1e-8 * other.norm(), sides
        assert ours.residual.max() < 1e-12 and ours.converged.all()
        assert torch.equal(ours.iterations, torch.zeros(2, dtype=torch.int64))
        if all("dirichlet" not in pair for pair in sides):
            mean = (ours.solution * volumes).flatten(1).sum(1) / volumes.sum()
            assert mean.abs().max() < 1e-12 * ours.solution.abs().max()


@pytest.mark.usefixtures("short_rows")
@pytest.mark.parametrize("sizes", [(63, 127), (64, 65), (7, 8, 9), (1, 5), (1, 1)])
def test_as_scipy(sizes: tuple[int, ...]) -> None:
    f = noise(*sizes)
    eigenvalues = np.zeros(())
    for n in sizes:
        one = (2 * (n + 1) * np.sin(np.arange(1, n + 1) * math.pi / (2 * n + 2))) ** 2
        eigenvalues = eigenvalues[..., None] + one
    expected = scipy.fft.idstn(scipy.fft.dstn(f.numpy(), type=1) / eigenvalues, type=1)
    u = poisson_solve(f, method="dst", dims=len(sizes)).solution.numpy()
    assert np.abs(u - expected).max() < 1e-14 * np.abs(expected).max() * max(sizes)


@pytest.mark.parametrize("grid", ["vertex", "cell"])
@pytest.mark.parametrize("shape", [(5, 13, 10), (1, 37, 9), (2, 5, 6, 7)])
def test_pieces_of_any_size(
    shape: tuple[int, ...], grid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dims = len(shape) - 1
    for sides in itertools.product(SIDES, repeat=dims):
        f, _ = compatible(noise(*shape), sides, grid, dims)
        options: dict[str, Any] = {"boundary": sides, "grid": grid, "dims": dims, "method": "dst"}
        whole = poisson_solve(f, **options)
        with monkeypatch.context() as small:
            small.setattr(_fast_poisson, "_PIECE", 8)
            small.setattr(_fast_poisson, "_PLANES", 3)
            parts = poisson_solve(f, **options)
        largest = whole.solution.abs().max()
        assert (parts.solution - whole.solution).abs().max() < 1e-14 * largest, sides
        assert parts.residual.max() < 1e-13, sides
        call = functools.partial(poisson_solve, **options)
        mapped = torch.vmap(lambda each, call=call: call(each).solution)(torch.stack((f, 2 * f)))
        assert (mapped[1] / 2 - whole.solution).abs().max() < 1e-14 * largest, sides


@pytest.mark.parametrize("n", [1, 2, 3, 4, 63, 64, 65, 127, 193, 421])
def test_sines_as_scipy(n: int) -> None:
    x = noise(3, n)
    sines = Sines(n, 1.0, x.device)
    before = x.clone()
    waves = sines.there(x)
    used = sines.eigenvalues.isfinite()
    order = sines.eigenvalues[used].argsort()
    expected = torch.from_numpy(scipy.fft.dst(x.numpy(), type=1)) / 2
    assert torch.equal(x, before) and int(used.sum()) == n
    assert (waves[:, used][:, order].abs() - expected.abs()).abs().max() < 1e-12
    waves[:, ~used] = 0
    back = sines.back(waves, torch.empty_like(x)) / sines.factor
    assert (back - x).abs().max() < 1e-15 * (n + 10)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
def test_sizes_whose_squares_leave_the_range(size: float) -> None:
    f = noise(2, 9, 12)
    plain = poisson_solve(f, method="dst")
    result = poisson_solve(f * size, method="dst")
    largest = plain.solution.abs().max()
    assert (result.solution / size - plain.solution).abs().max() < 1e-14 * largest
    assert result.residual.max() < 1e-13


def test_second_order_towards_the_exact_solution() -> None:
    errors = []
    for n in (15, 31):
        x = (torch.arange(n, dtype=torch.float64) + 1) / (n + 1)
        exact = torch.outer(torch.exp(x), torch.cos(2 * x))
        values = [
            (torch.cos(2 * x), math.e * torch.cos(2 * x)),
            (torch.exp(x), torch.exp(x) * math.cos(2)),
        ]
        u = poisson_solve(3 * exact, boundary_values=values, method="dst").solution
        errors.append(float((u - exact).abs().max()))
    assert 3.8 < errors[0] / errors[1] < 4.2


def test_float32() -> None:
    f = noise(2, 65, 63).float()
    result = poisson_solve(f, method="dst")
    assert result.solution.dtype == torch.float32
    assert result.residual.max() < 1e-12
    assert result.residual_returned.min() > 1e-9 and result.residual_returned.max() < 1e-2
    wide = poisson_solve(f.double(), method="dst").solution
    assert torch.equal(result.solution, wide.float())


def test_a_tolerance_that_rounding_does_not_reach_raises() -> None:
    with pytest.raises(ConvergenceError, match="did not converge"):
        poisson_solve(noise(65, 65), method="dst", tol=1e-17)


def test_a_mean_where_there_is_none() -> None:
    with pytest.raises(ValueError, match="mean"):
        poisson_solve(torch.ones(8, 8), boundary="neumann", method="dst")


def test_layouts_empty_and_not_finite() -> None:
    f = noise(5, 12, 9)
    plain = poisson_solve(f, method="dst").solution
    within = torch.zeros(5, 13, 9, dtype=torch.float64)
    within[:, 1:] = f
    for view in (f.mT.contiguous().mT, within[:, 1:]):
        u = poisson_solve(view, method="dst").solution
        assert u.is_contiguous() and torch.allclose(u, plain, rtol=1e-13)
    wide = poisson_solve(f[:1].expand(3, 12, 9), method="dst").solution
    assert wide.is_contiguous()
    empty = poisson_solve(noise(0, 4, 4), method="dst")
    assert empty.solution.shape == (0, 4, 4) and empty.residual.shape == (0,)
    zero = poisson_solve(torch.zeros(4, 4), method="dst")
    assert not zero.solution.any() and zero.residual == 0 and zero.converged
    f[1, 2, 3] = math.nan
    result = poisson_solve(f, method="dst", on_fail="warn")
    assert result.solution[1].isnan().all() and not result.converged[1]
    assert torch.allclose(result.solution[[0, 2, 3, 4]], plain[[0, 2, 3, 4]], rtol=1e-13)


@pytest.mark.parametrize("grid", ["vertex", "cell"])
@pytest.mark.parametrize("boundary", ["dirichlet", "neumann", MIXED])
def test_derivatives(boundary: Any, grid: str) -> None:
    def call(f: Tensor) -> Tensor:
        f = compatible(f, boundary, grid, 2)[0]
        return poisson_solve(f, boundary=boundary, grid=grid, method="dst", dims=2).solution

    f = noise(2, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(call, f, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, f)
    rows = noise(3, 4, 5)
    assert torch.allclose(torch.vmap(call)(rows), call(rows), rtol=1e-12)


def test_derivative_in_boundary_values() -> None:
    def call(left: Tensor, right: Tensor) -> Tensor:
        f = torch.ones(4, 5, dtype=torch.float64)
        values = [(left, None), (None, right)]
        return poisson_solve(f, boundary_values=values, method="dst").solution

    inputs = (noise(5).requires_grad_(), noise(4, seed=1).requires_grad_())
    assert torch.autograd.gradcheck(call, inputs)


def test_compiles_whole(fresh_dynamo: None) -> None:
    def call(f: Tensor) -> Tensor:
        return poisson_solve(f, boundary=MIXED, method="dst").solution

    f = noise(2, 6, 5)
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(f), call(f), rtol=1e-13)
