"""Many small problems in lanes of vectors: right, each by itself, and what they cannot do."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from longtail import _darcy
from longtail.data import darcy_dataset
from longtail.multigrid import ConvergenceError, diffusion_solve

MOST = 60


def solved(a: torch.Tensor, f: torch.Tensor, tol: float = 1e-8) -> Any:
    rows, points = f.shape
    return torch.ops.longtail.diffusion_side_by_side(a, f, 1 / rows, 1 / points, tol, MOST)


def coefficients(n: int, rows: int, points: int, contrast: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows * points)
    coarse = torch.rand(n, 1, 5, 5, generator=generator, dtype=torch.float64)
    smooth = torch.nn.functional.interpolate(coarse, (rows, points), mode="bilinear")
    return 1 + (contrast - 1) * (smooth[:, 0] > 0.5).double()


SIZES = [(1, 1), (1, 2), (2, 2), (3, 2), (5, 5), (6, 5), (7, 8), (15, 16), (33, 32), (63, 65)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("contrast", [1.0, 4.0, 1000.0])
def test_solutions(size: tuple[int, int], contrast: float) -> None:
    a = coefficients(5, *size, contrast)
    f = torch.randn(size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    u, iterations, residual = solved(a, f, 1e-9)
    assert residual.max() <= 1e-9
    assert iterations.min() >= 1 and iterations.max() <= 16
    reference = diffusion_solve(a, f, tol=1e-12, dims=2).solution
    # A residual counts more, the smoother it is; by the worst, 1 / (2 pi^2), times that of f.
    bound = 1e-9 * f.norm() / 16 + 1e-13 * reference.abs().max()
    assert (u - reference).flatten(1).norm(dim=1).max() <= bound
    again = diffusion_solve(a, f.expand_as(a), initial=u, tol=0.5, dims=2)
    assert not again.iterations.any()
    assert torch.allclose(again.residual, residual, rtol=1e-3, atol=1e-14)


def test_a_problem_does_not_see_those_beside_it() -> None:
    easy, hard = coefficients(20, 33, 33, 2.0), coefficients(20, 33, 33, 1e4)
    f = torch.ones(33, 33, dtype=torch.float64)
    mixed = torch.where(torch.arange(20).view(-1, 1, 1) % 3 == 0, hard, easy)
    together = solved(mixed, f)
    assert len(together[1].unique()) > 1  # some stop while others go on
    for i in range(20):
        for found, alone in zip(together, solved(mixed[i : i + 1], f)):
            assert torch.equal(found[i], alone[0])
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    torch.set_num_threads(2)
    shuffled = solved(mixed[order], f)
    torch.set_num_threads(1)
    assert all(torch.equal(a[order], b) for a, b in zip(together, shuffled))


@pytest.mark.parametrize("unit", [1e-250, 1e-30, 1e30, 1e250])
def test_units_of_f_do_not_matter(unit: float) -> None:
    a = coefficients(3, 20, 20, 4.0)
    f = torch.ones(20, 20, dtype=torch.float64)
    u, _, residual = solved(a, f * unit)
    assert residual.max() <= 1e-8
    assert torch.allclose(u / unit, solved(a, f)[0], rtol=1e-12, atol=0)


def test_nothing_to_solve() -> None:
    a = coefficients(3, 20, 20, 4.0)
    f = torch.zeros(20, 20, dtype=torch.float64)
    u, iterations, residual = solved(a, f)
    assert not u.any() and not iterations.any() and not residual.any()
    assert [each.shape[0] for each in solved(a[:0], f)] == [0, 0, 0]


def test_layouts() -> None:
    a = coefficients(6, 20, 21, 4.0)
    f = torch.randn(21, 20, dtype=torch.float64).T
    expected = solved(a, f.contiguous())[0]
    wide = torch.zeros(6, 40, 21, dtype=torch.float64)
    wide[:, ::2] = a
    assert torch.equal(solved(wide[:, ::2], f)[0], expected)
    assert torch.equal(solved(a.transpose(0, 2).contiguous().transpose(0, 2), f)[0], expected)


def test_what_lanes_do_not_solve_is_solved_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    sure = darcy_dataset(4, 24, dtype=torch.float64, tol=1e-11)
    monkeypatch.setattr(_darcy, "_MOST_ITERATIONS", 3)
    slow = darcy_dataset(4, 24, dtype=torch.float64, tol=1e-11)
    assert not torch.equal(sure.u, slow.u)
    assert (sure.u - slow.u).abs().max() < 1e-10 * sure.u.max()
    with pytest.raises(ConvergenceError):
        darcy_dataset(1, 24, dtype=torch.float64, tol=1e-18)


def test_what_it_refuses() -> None:
    a = coefficients(2, 20, 20, 4.0)
    f = torch.ones(20, 20, dtype=torch.float64)
    op = torch.ops.longtail.diffusion_side_by_side
    for bad, word in (
        ((a.float(), f.float(), 0.1, 0.1, 1e-8, 9), "float64"),
        ((a[0], f, 0.1, 0.1, 1e-8, 9), "batch"),
        ((a, f[:4], 0.1, 0.1, 1e-8, 9), "of a"),
        ((a, f, 0.1, 0.5, 1e-8, 9), "similar"),
        ((a, f, -0.1, -0.1, 1e-8, 9), "positive"),
        ((a, f, 0.1, 0.1, -1.0, 9), "tolerance"),
        ((a, f, 0.1, 0.1, 1e-8, -1), "max_iterations"),
        ((a[:, :5], f[:5], 0.1, 0.1, 1e-8, 9), "similar sizes"),
    ):
        with pytest.raises(ValueError, match=word):
            op(*bad)
