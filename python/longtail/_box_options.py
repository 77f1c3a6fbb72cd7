"""The keywords that every solve on a box takes, in one process and over several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from longtail._grid_geometry import Geometry, boundary_terms, geometry_of
from longtail._multigrid_arguments import Limits, limits_of
from longtail._solve_result import check_on_fail


@dataclass(frozen=True)
class BoxOptions:
    """As callers give them. Each is checked by what is made of it, in whose errors ``name`` is that
    of the function."""

    spacing: Any
    boundary: Any
    boundary_values: Any
    grid: Any
    tol: Any
    max_iterations: Any
    on_fail: Any
    dims: Any

    def check_on_fail(self, name: str) -> None:
        check_on_fail(name, self.on_fail)

    def geometry(self, name: str, f: Tensor) -> Geometry:
        """Of the last axes of f."""
        return geometry_of(name, f, self.spacing, self.boundary, self.grid, self.dims)

    def limits(self, name: str, dtype: torch.dtype) -> Limits:
        """Of problems in that dtype."""
        return limits_of(name, self.tol, self.max_iterations, dtype)

    def terms(self, name: str, geometry: Geometry, f: Tensor) -> list[Any]:
        """What its sides give to f."""
        return boundary_terms(name, geometry, self.boundary_values, f)
