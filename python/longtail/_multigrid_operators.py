"""The raw operators of the multigrid family and their fakes; see ``_operators``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from longtail._grid_plan import GridPlan, places_of


def multigrid_operators() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    """Every operator: its public function, itself, its fake."""
    namespace = torch.ops.longtail
    yield "multigrid.poisson_solve", namespace.poisson_solve.default, _poisson
    yield "multigrid.diffusion_solve", namespace.diffusion_solve.default, _diffusion
    yield "data.darcy_dataset", namespace.diffusion_side_by_side.default, _side_by_side
    hierarchy = namespace.diffusion_hierarchy.default
    yield "multigrid.MultigridSolver", hierarchy, _hierarchy
    yield "distributed.diffusion_solve", namespace.stencil_hierarchy.default, _of_entries
    yield "multigrid.diffusion_stencil", namespace.diffusion_apply.default, _applied
    yield "multigrid.diffusion_stencil", namespace.grid_apply.default, _like_values
    yield "multigrid.smooth", namespace.grid_smooth.default, _like_right
    yield "multigrid.v_cycle", namespace.grid_cycle.default, _like_right
    yield "multigrid.restrict", namespace.grid_restrict.default, _restricted
    yield "multigrid.prolong", namespace.grid_prolong.default, _prolonged


def _poisson(f: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    batch = f.shape[:1]
    wide = f.new_empty(batch, dtype=torch.float64)
    return f.new_empty(f.shape), f.new_empty(batch, dtype=torch.int64), wide, wide.clone()


def _diffusion(planes: Tensor, rows: Tensor, points: Tensor, f: Tensor, *rest: Any) -> Any:
    return _poisson(f)[:3]


def _side_by_side(a: Tensor, f: Tensor, *rest: Any) -> Any:
    return _poisson(a)[:3]


def _plan(sizes: tuple[int, ...], spacings: tuple[float, ...], periodic: int) -> GridPlan:
    planes, rows, points = sizes
    wraps = (bool(periodic & 1), bool(periodic & 2), bool(periodic & 4))
    first, second, third = spacings
    flat = planes == 0
    sizes = (1 if flat else planes, rows, points)
    return GridPlan(flat, sizes, wraps, (first, second, third), not periodic & 8)


def _hierarchy(planes: Tensor, rows: Tensor, points: Tensor, *rest: Any) -> Tensor:
    *spacings, periodic, narrow = rest
    dtype = torch.float32 if narrow else torch.float64
    deep = 0 if points.dim() == 3 else points.shape[1]
    sizes = (deep, points.shape[-2], points.shape[-1] - 1)
    numbers = places_of(_plan(sizes, tuple(spacings), periodic), dtype).numbers
    return points.new_empty([points.shape[0], numbers], dtype=dtype)


def _of_entries(entries: Tensor, *rest: Any) -> Tensor:
    *spacings, periodic, _, narrow = rest
    dtype = torch.float32 if narrow else torch.float64
    planes, rows, points = (0, *entries.shape[2:]) if entries.dim() == 4 else entries.shape[2:]
    plan = _plan((planes, rows, points), tuple(spacings), periodic + 8)
    return entries.new_empty([entries.shape[0], places_of(plan, dtype).numbers], dtype=dtype)


def _applied(planes: Tensor, rows: Tensor, points: Tensor, u: Tensor, periodic: int) -> Tensor:
    return u.new_empty(u.shape)


def _like_values(hierarchy: Tensor, values: Tensor, *grid: Any) -> Tensor:
    return values.new_empty(values.shape)


def _like_right(hierarchy: Tensor, u: Tensor, f: Tensor, *rest: Any) -> Tensor:
    return f.new_empty(f.shape)


def _of_level(values: Tensor, grid: tuple[Any, ...], coarser: int) -> Tensor:
    *sizes_and_spacings, periodic, level = grid
    plan = _plan(tuple(sizes_and_spacings[:3]), tuple(sizes_and_spacings[3:]), periodic)
    return values.new_empty([values.shape[0], *plan.levels()[level + coarser].shape])


def _restricted(hierarchy: Tensor, r: Tensor, *grid: Any) -> Tensor:
    return _of_level(r, grid, 1)


def _prolonged(hierarchy: Tensor, e: Tensor, *grid: Any) -> Tensor:
    return _of_level(e, grid, 0)
