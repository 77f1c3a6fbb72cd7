"""Random fields and solved equations; that a sample is a function of its seed and index."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.fft
import torch
from threadpoolctl import threadpool_limits

import longtail
from longtail._helmholtz import DirectSolver
from longtail._random_fields import random_numbers
from longtail.data import (
    GaussianRandomField,
    HelmholtzOperator,
    darcy_dataset,
    helmholtz_dataset,
)
from longtail.krylov import gcrodr

BOUNDARIES = ("neumann", "dirichlet", "periodic")


def wave_numbers(boundary: str, n: int) -> Any:
    if boundary == "periodic":
        return 2 * np.pi * np.fft.fftfreq(n, 1 / n)
    return np.pi * (np.arange(n) + (boundary == "dirichlet"))


def eigenfunctions(boundary: str, n: int) -> Any:
    """[points, modes], orthonormal times sqrt(n)."""
    x = (np.arange(n) + 0.5) / n
    phase = x[:, None] * wave_numbers(boundary, n)
    values = np.cos(phase) if boundary == "neumann" else np.sin(phase)
    return values * np.sqrt(n) / np.linalg.norm(values, axis=0)


@pytest.mark.parametrize("s", [16, 33])
def test_the_recipe_of_the_fourier_neural_operator(s: int) -> None:
    alpha, tau = 2.0, 3.0
    k = np.arange(s)
    coefficient = tau ** (alpha - 1) * (np.pi**2 * (k[:, None] ** 2 + k**2) + tau**2) ** (
        -alpha / 2
    )
    modes = s * coefficient * random_numbers(5, 7).standard_normal((s, s))
    modes[0, 0] = 0
    expected = scipy.fft.idctn(modes, type=2, norm="ortho")
    g = GaussianRandomField(s).sample(1, seed=5, first=7)[0]
    assert np.abs(g.numpy() - expected).max() < 1e-14


@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
@pytest.mark.parametrize("size", [(9,), (6, 7), (4, 5, 3)])
def test_the_sum_over_eigenfunctions(size: tuple[int, ...], boundary: str) -> None:
    field = GaussianRandomField(size, alpha=1.7, tau=2.5, sigma=0.8, boundary=boundary)
    xi = random_numbers(1, 2).standard_normal(size)
    waves = np.meshgrid(*(wave_numbers(boundary, n) for n in size), indexing="ij")
    modes = 0.8 * (sum(each**2 for each in waves) + 2.5**2) ** (-1.7 / 2) * xi
    if boundary == "neumann":
        modes[(0,) * len(size)] = 0
    for axis, n in enumerate(size):
        modes = np.moveaxis(np.tensordot(eigenfunctions(boundary, n), modes, (1, axis)), 0, axis)
    g = field.sample(1, seed=1, first=2)[0].numpy()
    assert np.abs(g - modes).max() < 1e-13
    assert repr(field).startswith("GaussianRandomField(")


@pytest.mark.parametrize("size", [(9,), (6, 7), (4, 5, 3)])
def test_periodic_is_white_noise_through_a_filter(size: tuple[int, ...]) -> None:
    field = GaussianRandomField(size, alpha=1.7, tau=2.5, sigma=0.8, boundary="periodic")
    xi = random_numbers(1, 2).standard_normal(size)
    waves = np.meshgrid(*(wave_numbers("periodic", n) for n in size), indexing="ij")
    gain = 0.8 * (sum(each**2 for each in waves) + 2.5**2) ** (-1.7 / 2)
    gain[(0,) * len(size)] = 0
    expected = scipy.fft.ifftn(scipy.fft.fftn(xi) * gain).real * math.sqrt(math.prod(size))
    g = field.sample(1, seed=1, first=2)[0].numpy()
    assert np.abs(g - expected).max() < 1e-13
    moved = field.of_noise(torch.from_numpy(np.roll(xi, 2, 0)))
    assert np.abs(moved.numpy() - np.roll(expected, 2, 0)).max() < 1e-13


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_statistics(boundary: str) -> None:
    field = GaussianRandomField(12, boundary=boundary)
    g = field.sample(4000)
    deviation = float(g.square().mean().sqrt())
    assert abs(deviation / field.standard_deviation - 1) < 0.03
    assert g.mean((0,)).abs().max() < 0.1 * field.standard_deviation
    if boundary != "dirichlet":
        assert g.mean((1, 2)).abs().max() < 1e-14


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_field_has_the_same_bits_wherever_it_is_made(boundary: str) -> None:
    for size in ((64, 64), (63, 17), (200, 300), (5,), (6, 5, 4)):
        field = GaussianRandomField(size, boundary=boundary)
        many = field.sample(11, seed=3, first=4)
        for i in (0, 5, 10):
            assert torch.equal(field.sample(1, seed=3, first=4 + i)[0], many[i])
        for threads in (2, 1):
            torch.set_num_threads(threads)
            with threadpool_limits(threads, user_api="blas"):
                assert torch.equal(field.sample(11, seed=3, first=4), many)
        assert not torch.equal(field.sample(1, seed=4, first=4)[0], many[0])
    into = torch.empty(2, *field.size, dtype=torch.float64)
    assert field.sample(2, seed=3, first=4, out=into) is into and torch.equal(into, many[:2])
    narrow = GaussianRandomField(size, boundary=boundary, dtype=torch.float32)
    assert torch.equal(narrow.sample(2, seed=3, first=4), many[:2].float())


def test_every_seed_and_index_is_another_sample() -> None:
    field = GaussianRandomField(4)
    most = 2**64 - 1
    keys = [(0, 0), (0, most - 1), (most, 0), (most - 1, 0), (2**63, 7), (2**63 + 1, 7)]
    samples = [field.sample(1, seed=seed, first=first) for seed, first in keys]
    for a, b in itertools.combinations(samples, 2):
        assert not torch.equal(a, b)
    expected = np.stack([random_numbers(most, 2**63 + i).standard_normal((4, 4)) for i in range(3)])
    drawn = field.sample(3, seed=most, first=2**63)
    assert torch.equal(drawn, field.of_noise(torch.from_numpy(expected)))


def stiffness(a: Any, spacing: tuple[float, ...]) -> Any:
    """The finite volumes of -div(a grad) as a dense matrix, a loop over faces."""
    matrix = np.zeros((a.size, a.size))
    number = np.arange(a.size).reshape(a.shape)
    for axis, h in enumerate(spacing):
        for place in itertools.product(*map(range, a.shape)):
            i = number[place]
            for step in (-1, 1):
                other = list(place)
                other[axis] += step
                if 0 <= other[axis] < a.shape[axis]:
                    beyond = a[tuple(other)]
                    weight = 2 * a[place] * beyond / (a[place] + beyond) / h**2
                    matrix[i, number[tuple(other)]] -= weight
                else:
                    weight = 2 * a[place] / h**2
                matrix[i, i] += weight
    return matrix


@pytest.mark.parametrize("size", [8, (7, 11), (4, 5, 6)])
def test_darcy(size: Any) -> None:
    data = darcy_dataset(3, size, 6.0, 2, low=0.5, dtype=torch.float64, f=2.0, alpha=1.5, tau=4.0)
    sizes = tuple(data.a.shape[1:])
    g = GaussianRandomField(size, alpha=1.5, tau=4.0).sample(3, seed=2)
    assert torch.equal(data.a, torch.where(g >= 0, 3.0, 0.5).double())
    for a, u in zip(data.a.numpy(), data.u.numpy()):
        expected = np.linalg.solve(stiffness(a, tuple(1 / n for n in sizes)), np.full(a.size, 2.0))
        assert np.abs(u.ravel() - expected).max() < 1e-7 * expected.max()


def test_darcy_with_a_source_of_the_grid() -> None:
    f = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    data = darcy_dataset(2, (6, 5), f=f, dtype=torch.float64, tol=1e-12)
    assert set(data.a.flatten().tolist()) == {3.0, 12.0}
    for a, u in zip(data.a.numpy(), data.u.numpy()):
        rest = stiffness(a, (1 / 6, 1 / 5)) @ u.ravel() - f.double().numpy().ravel()
        assert np.abs(rest).max() < 1e-10
    narrow = darcy_dataset(2, (6, 5), f=f, tol=1e-12)
    assert narrow.u.dtype == torch.float32 and torch.equal(narrow.u, data.u.float())


def test_the_default_tolerance_is_below_the_rounding_of_float32() -> None:
    exact = darcy_dataset(2, 48, 50.0, dtype=torch.float64, tol=1e-11).u
    narrow = darcy_dataset(2, 48, 50.0, dtype=torch.float32).u
    assert (narrow - exact).abs().max() < 6e-8 * exact.max()
    assert (narrow - exact).abs().max() > 1e-9 * exact.max()


DATASETS: dict[str, Callable[..., Any]] = {
    "darcy": lambda n, **more: darcy_dataset(n, 33, seed=5, **more),
    "helmholtz": lambda n, **more: helmholtz_dataset(n, (33, 40), 12.0, seed=5, **more),
}


@pytest.mark.parametrize("name", DATASETS)
def test_a_sample_has_the_same_bits_wherever_it_is_made(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = DATASETS[name]
    whole = make(9)
    later = make(4, first=5)
    torch.set_num_threads(2)
    again = make(9)
    monkeypatch.setattr("longtail._data_generate._POINTS_AT_ONCE", 3000)  # batches of 2
    seen: list[Any] = []
    batched = make(9, progress=lambda *call: seen.append(call))
    for i, tensor in enumerate(whole):
        assert torch.equal(later[i], tensor[5:])
        assert torch.equal(again[i], tensor)
        assert torch.equal(batched[i], tensor)
    assert [call[0] for call in seen] == [2, 4, 6, 8, 9]
    assert {call[1] for call in seen} == {9}
    assert all(each.shape[0] == 0 for each in make(0))


def helmholtz_matrix(a: Any, k: float, spacing: tuple[float, float]) -> Any:
    """Dense, a loop over faces; beyond a side is what its condition says."""
    matrix = np.zeros((a.size, a.size), dtype=complex)
    number = np.arange(a.size).reshape(a.shape)
    for place in itertools.product(*map(range, a.shape)):
        i = number[place]
        matrix[i, i] -= k**2 * a[place]
        for axis, step in itertools.product((0, 1), (-1, 1)):
            h = spacing[axis]
            other = list(place)
            other[axis] += step
            matrix[i, i] += 1 / h**2
            if 0 <= other[axis] < a.shape[axis]:
                matrix[i, number[tuple(other)]] -= 1 / h**2
            else:  # (beyond - u) / h = i w (beyond + u) / 2
                wave = 0.5j * k * math.sqrt(a[place]) * h
                matrix[i, i] -= (1 + wave) / (1 - wave) / h**2
    return matrix


@pytest.mark.parametrize("sizes", [(5, 7), (1, 4), (9, 9)])
def test_the_helmholtz_operator(sizes: tuple[int, int]) -> None:
    a = torch.rand(2, *sizes, dtype=torch.float64) + 0.5
    u = torch.randn(2, *sizes, dtype=torch.complex128)
    operator = HelmholtzOperator(a, 3.0, (0.2, 0.1))
    for i in range(2):
        dense = helmholtz_matrix(a[i].numpy(), 3.0, (0.2, 0.1))
        scale = np.abs(dense).max()
        applied = operator(u)[i].numpy().ravel()
        assert np.abs(dense @ u[i].numpy().ravel() - applied).max() < 1e-13 * scale
        sparse = HelmholtzOperator(a[i], 3.0, (0.2, 0.1)).sparse()
        assert sparse.layout == torch.sparse_csr
        assert np.abs(sparse.to_dense().numpy() - dense).max() < 1e-14 * scale
    u.requires_grad_()
    assert torch.autograd.gradcheck(operator, u)


def test_helmholtz() -> None:
    data = helmholtz_dataset(3, (12, 14), 6.0, 4, contrast=0.4, dtype=torch.complex128)
    field = GaussianRandomField((12, 14))
    g = field.sample(3, seed=4) / field.standard_deviation
    assert torch.allclose(data.a, (1 + 0.4 * torch.tanh(g)) ** -2, rtol=1e-14)
    for a, f, u in zip(*data):
        dense = helmholtz_matrix(a.numpy(), 6.0, (1 / 12, 1 / 14))
        expected = np.linalg.solve(dense, f.numpy().ravel().astype(complex))
        assert np.abs(u.numpy().ravel() - expected).max() < 1e-10 * np.abs(expected).max()
        top = (f == f.max()).nonzero()[0] + 0.5
        assert 0.2 < top[0] / 12 < 0.8 and 0.2 < top[1] / 14 < 0.8
    assert len({tuple(f.flatten().tolist()) for f in data.f}) == 3
    narrow = helmholtz_dataset(3, (12, 14), 6.0, 4, contrast=0.4)
    assert narrow.a.dtype == torch.float32 and torch.equal(narrow.u, data.u.to(torch.complex64))
    given = helmholtz_dataset(2, (12, 14), 6.0, 4, contrast=0.4, f=data.f[2])
    assert torch.equal(given.f[0], narrow.f[2])


def test_helmholtz_is_of_second_order() -> None:
    """X(x) X(y) with a quadratic X that fulfils both conditions is the exact solution."""
    k = 3.0
    b = -1j * k
    c = (2j * k + k**2) / (2 - 1j * k)
    errors = []
    for n in (20, 40):
        x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
        X = 1 + b * x + c * x**2
        exact = torch.outer(X, X)
        bent = 2 * c * torch.ones_like(X)
        f = -torch.outer(bent, X) - torch.outer(X, bent) - k**2 * exact
        one = torch.ones(n, n, dtype=torch.float64)
        u, residual = DirectSolver((n, n), k, 1e-10)(one, f)
        assert residual < 1e-10
        errors.append(float((u - exact).abs().max()))
    assert 3.7 < errors[0] / errors[1] < 4.3


def test_the_direct_solver_reports_the_true_residual() -> None:
    a = torch.ones(30, 20, dtype=torch.float64)
    f = torch.randn(30, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    u, residual = DirectSolver((30, 20), 9.0, 1e-8)(a, f)
    rest = HelmholtzOperator(a, 9.0)(u) - f
    assert residual < 1e-12
    assert abs(float(rest.norm() / f.norm()) - residual) < 1e-13
    with pytest.raises(longtail.multigrid.ConvergenceError, match="of a direct solve"):
        DirectSolver((30, 20), 9.0, 1e-18)(a, f)
    zero, none = DirectSolver((30, 20), 9.0, 1e-8)(a, torch.zeros_like(f))
    assert none == 0 and not zero.any()


def test_the_operator_goes_to_krylov_methods() -> None:
    a = helmholtz_dataset(1, 16, 8.0, dtype=torch.complex128).a[0]
    f = torch.zeros(16, 16, dtype=torch.complex128)
    f[5, 7] = 1
    found, _ = gcrodr(HelmholtzOperator(a, 8.0), f, dims=2, restart=40)
    u, _ = DirectSolver((16, 16), 8.0, 1e-8)(a, f)
    assert found.converged
    assert (found.solution - u).norm() < 1e-6 * u.norm()


def test_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    with pytest.raises(ImportError, match=r"pip install 'longtail\[data\]'"):
        helmholtz_dataset(1, 8, 2.0)
