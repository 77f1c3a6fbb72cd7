"""recycling_order: permutations that make neighbours alike."""

from __future__ import annotations

import pytest
import torch

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from longtail.krylov import recycling_order
from multigrid.krylov_problems import randn


def length(points: torch.Tensor, order: torch.Tensor) -> float:
    """Of the path through the points."""
    return float((points[order][1:] - points[order][:-1]).flatten(1).norm(dim=-1).sum())


@pytest.mark.parametrize("method", ["nearest", "sort"])
def test_one_parameter_is_sorted(method: str) -> None:
    x = randn(50)
    walked = x[recycling_order(x, method=method)]
    assert (walked.diff() >= 0).all() or (walked.diff() <= 0).all()


@pytest.mark.parametrize("method", ["nearest", "sort"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128, torch.float16], ids=str)
def test_fields(method: str, dtype: torch.dtype) -> None:
    """A permutation along which fields change less; the same again."""
    a, b = randn(2, 12, 13)
    t = torch.rand(40, 1, 1, generator=torch.Generator().manual_seed(0))
    fields = (torch.cos(3 * t) * a + torch.sin(3 * t) * b).to(dtype)
    order = recycling_order(fields, method=method)
    assert order.dtype == torch.int64 and sorted(order.tolist()) == list(range(40))
    wide = fields.to(torch.complex128)
    assert length(wide, order) < 0.2 * length(wide, torch.arange(40))
    assert torch.equal(order, recycling_order(fields, method=method))


def test_nearest_is_greedy_and_ties_go_to_the_lower_index() -> None:
    points = torch.tensor([[0.0, 0], [1, 0], [0, 1], [5, 0], [5, 0]])
    assert recycling_order(points).tolist() == [3, 4, 1, 0, 2]
    assert recycling_order(torch.zeros(4)).tolist() == [0, 1, 2, 3]
    assert recycling_order(torch.zeros(4), method="sort").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("shape", [(0,), (1,), (0, 3), (4, 0), (1, 2, 2)])
def test_few(shape: tuple[int, ...]) -> None:
    assert recycling_order(torch.ones(shape)).tolist() == list(range(shape[0]))


@parametrize(
    [
        BadInput("list", lambda: recycling_order([1.0]), Raises(TypeError, "parameters", "list")),
        BadInput("[]", lambda: recycling_order(torch.ones(())), Raises(ValueError, "[N, ...]")),
        BadInput(
            "nan",
            lambda: recycling_order(torch.full((3,), torch.nan)),
            Raises(ValueError, "parameters", "not finite"),
        ),
        BadInput(
            "method",
            lambda: recycling_order(torch.ones(3), method="random"),
            Raises(ValueError, "method", "'random'", "nearest"),
        ),
    ]
)
def test_bad_input(case: BadInput) -> None:
    check(case)
