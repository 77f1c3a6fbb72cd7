"""Hierarchies of operators that reach all neighbours: those that diffusion_hierarchy makes from
such a level on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from longtail._domain_cycle import _next_entries
from longtail._grid_ops import Method, Where, iterate
from longtail.multigrid import diffusion_stencil

RAW = torch.ops.longtail
CASES: list[tuple[tuple[int, ...], Any]] = [
    ((45, 63), "dirichlet"),
    ((40, 31), (("neumann", "dirichlet"), "periodic")),
    ((33, 64), "neumann"),
    ((12, 15, 18), "dirichlet"),
    ((13, 12, 11), ("periodic", "neumann", "periodic")),
]


@pytest.mark.parametrize("narrow", [False, True], ids=["float64", "float32"])
@pytest.mark.parametrize(("sizes", "boundary"), CASES, ids=str)
def test_from_the_second_level(sizes: tuple[int, ...], boundary: Any, narrow: bool) -> None:
    """The same cycle to the bit: nothing but the entries says what comes behind them."""
    g = torch.Generator().manual_seed(0)
    a = torch.exp(2 * torch.randn(2, *sizes, generator=g, dtype=torch.float64))
    op = diffusion_stencil(a, boundary=boundary, dims=len(sizes), grid="cell")
    dtype = torch.float32 if narrow else torch.float64
    entries = _next_entries(op.hierarchy(torch.float64), op.plan).transpose(1, 2)
    coarse = replace(op.plan.levels()[1], finest=False)
    bits = coarse.periodic_bits - 8
    hierarchy = RAW.stencil_hierarchy(entries, *coarse.spacings, bits, op.singular, narrow)
    f = torch.randn(2, *coarse.shape, generator=g, dtype=dtype)
    if op.singular:
        f = f - f.flatten(1).mean(1).reshape(-1, *[1] * len(sizes))
    method = Method("rbgs", 1, 1, 1.0, False, True)
    whole = op.hierarchy(dtype)
    expected = iterate(whole, None, f, method, Where(op.plan, 1))
    result = iterate(hierarchy, None, f, method, Where(coarse, 0))
    assert torch.equal(result, expected)
    assert float(expected.abs().max()) > 0


def test_ends_are_not_read() -> None:
    """Weights to points that there are none of may be anything: an end that was cut has them."""
    entries = torch.rand(1, 5, 9, 12, dtype=torch.float64)
    entries[:, 4] = 9
    more = entries.clone()
    more[:, :3, 0] = 1e9  # to the row before
    more[:, 0, :, 0] = more[:, 3, :, 0] = 1e9  # to the point before
    more[:, 2, :, -1] = 1e9  # to the row before and the point behind
    results = [RAW.stencil_hierarchy(e, 1.0, 1.0, 1.0, 0, False, False) for e in (entries, more)]
    assert torch.equal(*results)


def test_operator() -> None:
    """Fakes, strides, a mapped batch, and what it refuses."""
    entries = torch.rand(3, 4, 5, 7, 8, dtype=torch.float64)
    entries[:, :, 4] = 9
    arguments = (1.0, 1.0, 0.5, 4, False, True)
    strided = entries[0].transpose(-1, -2).contiguous().transpose(-1, -2)
    expected = RAW.stencil_hierarchy(entries[0], *arguments)
    assert torch.equal(RAW.stencil_hierarchy(strided, *arguments), expected)
    torch.library.opcheck(RAW.stencil_hierarchy.default, (entries[0], *arguments))
    mapped = torch.vmap(lambda e: RAW.stencil_hierarchy(e, *arguments))(entries)
    assert torch.equal(mapped[0], expected)
    assert RAW.stencil_hierarchy(entries[0, :0], *arguments).shape == (0, expected.shape[1])
    for wrong in (entries[0].float(), entries[0, :, :4], entries):
        with pytest.raises(ValueError, match="stencil_hierarchy"):
            RAW.stencil_hierarchy(wrong, *arguments)
    with pytest.raises(ValueError, match="periodic"):
        RAW.stencil_hierarchy(entries[0], 1.0, 1.0, 1.0, 8, False, True)
