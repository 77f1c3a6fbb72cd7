"""More numbers than 32 bits count: the last problem is what it is in a call of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kit.tensors import same_bits
from longtail.multigrid import poisson_solve, poisson_stencil, prolong, restrict, smooth, v_cycle

pytestmark = pytest.mark.full
SIDE = 1024
ITEMS = (1 << 11) + 3
OPS = torch.ops.longtail


def _need(gigabytes: int) -> None:
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) >> 20
    if free < gigabytes:
        pytest.skip(f"needs {gigabytes} GB of memory, {free} are there")


def _fields(*sizes: int) -> Tensor:
    """0, which is solved at once and takes no memory before it is written, but for the last."""
    f = torch.zeros(ITEMS, *sizes)
    f[-1] = torch.randn(sizes, generator=torch.Generator().manual_seed(0))
    assert f.numel() > 1 << 31
    return f


def _same_last(result: Tensor, f: Tensor, call: Callable[[Tensor], Tensor]) -> None:
    assert not result[0].any() and not result[-2].any()
    assert same_bits(result[-1:], call(f[-1:]))


def test_poisson_solve() -> None:
    _need(12)
    f = _fields(SIDE, SIDE)

    def call(f: Tensor) -> Tensor:
        result = poisson_solve(f)
        assert result.converged.all()
        return result.solution

    _same_last(call(f), f, call)


def test_levels() -> None:
    """A, a smoother, a cycle and both transfers."""
    _need(20)
    op = poisson_stencil((SIDE, SIDE), dtype=torch.float32)
    f = _fields(SIDE, SIDE)
    for call in (
        op,
        lambda f: restrict(f, op),
        lambda f: smooth(None, f, op),
        lambda f: v_cycle(None, f, op),
    ):
        _same_last(call(f), f, call)
    del f
    e = torch.zeros(ITEMS, *op.levels[1].sizes)
    e[-1] = 1
    _same_last(prolong(e, op), e, lambda e: prolong(e, op))


def test_convolutions() -> None:
    """And to the next coarser grid and back."""
    _need(20)
    x, none = _fields(SIDE, SIDE, 1), torch.empty(0)
    g = torch.Generator().manual_seed(1)
    w, w4 = torch.randn(1, 1, 3, 3, generator=g), torch.randn(1, 1, 4, 4, generator=g)
    for call in (
        lambda x: OPS.grid_conv(x, w, none, none, False),
        lambda x: OPS.grid_down(x, w4),
    ):
        _same_last(call(x), x, call)
    del x
    coarse = torch.zeros(ITEMS, SIDE // 2, SIDE // 2, 1)
    coarse[-1] = 1
    up = lambda x: OPS.grid_up(x, w4, none, none, SIDE, SIDE)  # noqa: E731
    _same_last(up(coarse), coarse, up)
