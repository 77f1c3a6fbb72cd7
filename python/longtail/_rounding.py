"""Where cycles in float32 are too coarse for a box: csrc/multigrid/rounding.h says why.

It decides for ``poisson_solve`` inside of its kernel; here it is Python, as the levels of
``diffusion_solve`` are a tensor of that dtype, which Dynamo sees. tests/multigrid/test_rounding.py
holds this one to the eigenvalues, tests/cpp/test_multigrid_open_sides.level.cpp the other.
"""

from __future__ import annotations

import math

import torch

from longtail._grid_geometry import Geometry

#: How much of a residual of random numbers a cycle in float32 may leave by rounding.
_MOST_LEFT = 0.1
_EPSILON = 2.0**-24


def cycle_dtype(geometry: Geometry) -> torch.dtype:
    """What the cycles of ``diffusion_solve`` compute in. Of the box alone, as if a were 1
    everywhere: so it is the same for all items of a batch, in graphs and for gradients."""
    return torch.float64 if _left(geometry) > _MOST_LEFT else torch.float32


def _left(geometry: Geometry) -> float:
    """The rounding error of the slowest mode in a residual of random numbers, of which that mode is
    one part in the root of the number of points."""
    slowest = _slowest(geometry) * min(geometry.spacings) ** 2
    share = 1 / math.sqrt(math.prod(geometry.sizes))
    return share * 4 / slowest * _EPSILON


def _slowest(geometry: Geometry) -> float:
    """The smallest eigenvalue of -Laplace but 0, nearly."""
    held, free = 0.0, math.inf
    for size, spacing, (left, right) in zip(
        geometry.sizes, geometry.spacings, geometry.sides, strict=True
    ):
        # Halves of waves along the axis.
        waves = 2.0 if left == "periodic" else 1.0 if left == right else 0.5
        rate = (waves * math.pi / (size * spacing)) ** 2
        if "dirichlet" in (left, right):
            held += rate
        elif size > 1:
            free = min(free, rate)
    return held or free
