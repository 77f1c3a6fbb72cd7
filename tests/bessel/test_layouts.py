"""Values, dtypes, layouts, shapes, threads and CPU levels of the log-Bessel functions."""

import pytest
import torch

from bessel.ops import SPECS
from kit import LayoutChecks, LevelChecks
from kit.layouts import same_bits


class TestLayouts(LayoutChecks):
    specs = SPECS


class TestLevels(LevelChecks):
    specs_in = "bessel.ops"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("orders", [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2)], ids=str)
@pytest.mark.parametrize("name", [spec.name for spec in SPECS])
def test_derivatives_do_not_know_their_neighbours(
    name: str, orders: tuple[int, int], dtype: torch.dtype
) -> None:
    """Sums end where all elements of a vector have settled, not later for one than alone."""
    derivative = getattr(torch.ops.longtail, f"{name}_derivative")
    first = torch.tensor([0.0, 1e-12, 1e-5, 0.3, 0.5, 1.0, 7.5, 24.0, 60.0], dtype=dtype)
    second = torch.logspace(-4, 3, 24, dtype=dtype)
    # Along the second argument, then along the first.
    for a, b in (first[:, None], second), (first, second[:, None]):
        together = derivative(*torch.broadcast_tensors(a, b), *orders)
        a, b = torch.broadcast_tensors(a, b)
        for k in range(together.numel()):
            alone = derivative(a.flatten()[k], b.flatten()[k], *orders)
            assert same_bits(alone, together.flatten()[k]), (a.flatten()[k], b.flatten()[k])
