"""The group rational on DTensors: batches and groups are sharded, and no data moves."""

from __future__ import annotations

import pytest
import torch

import longtail
from kit.distributed import without_moving
from rational.ops import coefficients


@pytest.mark.parametrize("sharded", ["batch", "tokens", "groups", "groups, one numerator"])
def test_no_collectives(sharded: str, fake_processes: int) -> None:
    """Values and gradients stay where they are, counted."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    by_group = sharded.startswith("groups")
    rows = (1 if sharded.endswith("numerator") else 8, 8) if by_group else (2, 8)
    x = torch.randn(8, 4, 24, dtype=torch.float64)
    a, b = coefficients(torch.Generator().manual_seed(1), groups=rows)
    place = Shard({"batch": 0, "tokens": 1}.get(sharded, 2))
    kept = [Shard(0) if by_group and each.shape[0] > 1 else Replicate() for each in (a, b)]
    result, gradients = without_moving(longtail.rational, (x, a, b), (place, *kept))
    assert list(result.placements) == list(gradients[0].placements) == [place]
    for gradient, at in zip(gradients[1:], kept, strict=True):
        assert list(gradient.placements) == [at if by_group and at == Shard(0) else Partial()]
