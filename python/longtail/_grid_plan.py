"""How the levels of a grid operator lie in the tensor that ``diffusion_hierarchy`` makes.

The same as csrc/multigrid/stencil_plan.cpp, which fills and reads it: all follows from sizes,
spacings and which axes are periodic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from longtail._grid_geometry import Geometry

_FEW_POINTS = 32
_SIMILAR_SPACING = 1.25
_ALIGNMENT = 64  # bytes

#: Offsets (plane, row, point) as numbers in memory order; the centre is 13.
CENTRE = 13
_CROSS = (4, 10, 12)
_FULL = tuple(range(CENTRE))


@dataclass(frozen=True)
class GridPlan:
    """A grid of three axes, one plane thick if ``flat``.

    Attributes:
        flat: no neighbours across the first axis.
        sizes: unknowns along each axis.
        periodic: whether its two ends are one.
        spacings: tell which axes are strongly coupled.
        finest: the operator is a cross; all coarser ones reach all neighbours.
    """

    flat: bool
    sizes: tuple[int, int, int]
    periodic: tuple[bool, bool, bool]
    spacings: tuple[float, float, float]
    finest: bool = True

    @property
    def dims(self) -> int:
        """Axes that callers see."""
        return 2 if self.flat else 3

    @property
    def shape(self) -> tuple[int, ...]:
        """Of values."""
        return self.sizes[1:] if self.flat else self.sizes

    @property
    def points(self) -> int:
        """Unknowns."""
        return self.sizes[0] * self.sizes[1] * self.sizes[2]

    @property
    def before(self) -> tuple[int, ...]:
        """Offsets to neighbours earlier in memory."""
        offsets = _CROSS if self.finest else _FULL
        return tuple(each for each in offsets if not self.flat or each >= 9)

    @property
    def periodic_bits(self) -> int:
        """As the raw ops take it; a fourth bit where the finest operator is full."""
        bits = sum(1 << axis for axis, wraps in enumerate(self.periodic) if wraps)
        return bits if self.finest else bits + 8

    def halved(self) -> tuple[bool, ...] | None:
        """Which axes become coarser; None if the grid is small enough, or none can."""
        possible = [n >= 2 and not (self.flat and axis == 0) for axis, n in enumerate(self.sizes)]
        if self.points <= _FEW_POINTS or not any(possible):
            return None
        smallest = min(h for h, can in zip(self.spacings, possible, strict=True) if can)
        return tuple(
            can and h <= _SIMILAR_SPACING * smallest
            for h, can in zip(self.spacings, possible, strict=True)
        )

    def coarser(self) -> GridPlan | None:
        """The next level."""
        halved = self.halved()
        if halved is None:
            return None
        n, h = self.sizes, self.spacings
        # Of an odd ring one point more: csrc/multigrid/stencil_view.h.
        half = tuple((n[i] + self.periodic[i] * (n[i] % 2)) // 2 for i in range(3))
        sizes = tuple(half[i] if halved[i] else n[i] for i in range(3))
        spacings = tuple(2 * h[i] if halved[i] else h[i] for i in range(3))
        return GridPlan(self.flat, _three(sizes), self.periodic, _three(spacings), False)

    def levels(self) -> list[GridPlan]:
        """All, this one first."""
        result: list[GridPlan] = []
        level: GridPlan | None = self
        while level is not None:
            result.append(level)
            level = level.coarser()
        return result


def _three(values: tuple[Any, ...]) -> Any:
    first, second, third = values
    return first, second, third


def plan_of(geometry: Geometry) -> GridPlan:
    """Of a box."""
    missing = 3 - len(geometry.sizes)
    return GridPlan(
        missing == 1,
        _three((1,) * missing + tuple(geometry.sizes)),
        _three((False,) * missing + tuple(map(geometry.periodic, range(len(geometry.sizes))))),
        _three((1.0,) * missing + tuple(geometry.spacings)),
    )


@dataclass(frozen=True)
class Layout:
    """One array of a level: strides of planes and rows, and how much of the tensor it takes.

    Attributes:
        row_stride: numbers from one row to the next.
        plane_stride: from one plane to the next.
        numbers: of the array with its ghosts.
        origin: of point (0, 0, 0) in it.
    """

    row_stride: int
    plane_stride: int
    numbers: int
    origin: int

    def step(self, offset: int) -> int:
        """From a point to its neighbour."""
        plane, row, point = offset // 9 - 1, offset // 3 % 3 - 1, offset % 3 - 1
        return plane * self.plane_stride + row * self.row_stride + point


def layout_of(plan: GridPlan, dtype: torch.dtype) -> Layout:
    """With ghosts all around, rows on the start of vectors."""
    unit = _ALIGNMENT // dtype.itemsize
    row = (plan.sizes[2] + unit - 1) // unit * unit + unit
    plane = (plan.sizes[1] + 2) * row
    planes = 1 if plan.flat else plan.sizes[0] + 2
    return Layout(row, plane, planes * plane + 3 * unit, (0 if plan.flat else plane) + row + unit)


@dataclass(frozen=True)
class Places:
    """Where the arrays of each level begin: points (0, 0, 0), offset by offset.

    Attributes:
        weights: for each level those of its ``before`` offsets, then of the centre.
        bounds: for each level its bound on eigenvalues.
        numbers: of the whole tensor.
    """

    weights: tuple[dict[int, int], ...]
    bounds: tuple[int, ...]
    numbers: int


def places_of(plan: GridPlan, dtype: torch.dtype) -> Places:
    """Of a hierarchy of this dtype."""
    unit = _ALIGNMENT // dtype.itemsize
    size = 0
    weights, bounds = [], []
    levels = plan.levels()
    for level, coarse in zip(levels, [*levels[1:], None], strict=True):
        layout = layout_of(level, dtype)
        of_level = {}
        for offset in (*level.before, CENTRE):
            of_level[offset] = size + layout.origin
            size += layout.numbers
        size += layout.numbers  # reciprocals
        weights.append(of_level)
        bounds.append(size)
        size += unit
        if coarse is not None:
            shares = 3 ** sum(level.halved() or ()) - 1
            size += shares * layout_of(coarse, dtype).numbers
    inverse = levels[-1].points ** 2
    size += (inverse + unit - 1) // unit * unit
    return Places(tuple(weights), tuple(bounds), size)
