"""The raw operators of the multigrid family and their fakes; see ``_operators``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


def multigrid_operators() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    """Every operator: its public function, itself, its fake."""
    namespace = torch.ops.longtail
    yield "multigrid.poisson_solve", namespace.poisson_solve.default, _poisson
    yield "multigrid.diffusion_solve", namespace.diffusion_solve.default, _diffusion


def _poisson(f: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    batch = f.shape[:1]
    wide = f.new_empty(batch, dtype=torch.float64)
    return f.new_empty(f.shape), f.new_empty(batch, dtype=torch.int64), wide, wide.clone()


def _diffusion(planes: Tensor, rows: Tensor, points: Tensor, f: Tensor, *rest: Any) -> Any:
    return _poisson(f)[:3]
