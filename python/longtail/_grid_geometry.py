"""What a box of points or cells is: sizes, spacings, sides; and what lies on its sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from longtail._dtensor import beside

SIDES = ("dirichlet", "neumann", "periodic")


@dataclass(frozen=True)
class Geometry:
    """A box of two or three axes, outermost first.

    Attributes:
        sizes: unknowns along each axis.
        spacings: distance between neighbours along each.
        sides: kinds of the left and the right side of each, of ``SIDES``.
        cell: unknowns at centres of cells, else at vertices.
    """

    sizes: tuple[int, ...]
    spacings: tuple[float, ...]
    sides: tuple[tuple[str, str], ...]
    cell: bool

    @property
    def singular(self) -> bool:
        """Whether constants are in the null space of -Laplace."""
        return all("dirichlet" not in pair for pair in self.sides)

    def periodic(self, axis: int) -> bool:
        """Whether the two ends of an axis are one."""
        return self.sides[axis][0] == "periodic"

    def volumes(self, like: Tensor) -> Tensor | None:
        """Of each unknown in units of a cell, float64; None if all are 1."""
        if self.cell or not any("neumann" in pair for pair in self.sides):
            return None
        result = torch.ones([], dtype=torch.float64, device=like.device)
        for size, pair in zip(self.sizes, self.sides, strict=True):
            along = torch.ones(size, dtype=torch.float64, device=like.device)
            for end, side in ((0, pair[0]), (-1, pair[1])):
                if side == "neumann":
                    along[end] *= 0.5
            result = result.unsqueeze(-1) * along
        return beside(result, like)


def geometry_of(
    name: str,
    f: Tensor,
    spacing: Any,
    boundary: Any,
    grid: Any,
    dims: Any,
    argument: str = "f",
) -> Geometry:
    """The last axes of f with what the caller, who calls it ``argument``, says of them."""
    if grid not in ("vertex", "cell"):
        raise ValueError(f"{name}: grid: got {grid!r}, expected 'vertex' or 'cell'")
    dims = number_of_axes(name, spacing, boundary, dims)
    if f.dim() < dims:
        raise ValueError(
            f"{name}: {argument} has shape {list(f.shape)}, expected {dims} axes or more"
        )
    sizes = tuple(f.shape[-dims:])
    if 0 in sizes:
        raise ValueError(
            f"{name}: {argument} has shape {list(f.shape)}, expected at least one point"
        )
    sides = _sides(name, boundary, dims)
    for size, pair in zip(sizes, sides, strict=True):
        if grid == "vertex" and pair == ("neumann", "neumann") and size == 1:
            raise ValueError(
                f"{name}: {argument} has shape {list(f.shape)}: vertices between two "
                "Neumann sides are at least two"
            )
    return Geometry(sizes, _spacings(name, spacing, sizes, sides, grid), sides, grid == "cell")


def number_of_axes(name: str, spacing: Any, boundary: Any, dims: Any) -> int:
    """Two, unless something is given for each of three."""
    counts = {
        "dims": dims,
        "spacing": len(spacing) if isinstance(spacing, Sequence) else None,
        "boundary": (
            len(boundary)
            if isinstance(boundary, Sequence) and not isinstance(boundary, str)
            else None
        ),
    }
    given = {what: count for what, count in counts.items() if count is not None}
    if len(set(given.values())) > 1:
        raise ValueError(f"{name}: {given} do not agree on the number of axes")
    count: Any = next(iter(given.values()), 2)
    if count not in (2, 3):
        what = next(iter(given))
        raise ValueError(f"{name}: {what} is for {count} axes, expected 2 or 3")
    return int(count)


def _sides(name: str, boundary: Any, dims: int) -> tuple[tuple[str, str], ...]:
    expected = "expected one of {SIDES}, for each axis one, or (left, right) for each axis"
    expected = expected.replace("{SIDES}", str(SIDES))
    per_axis = [boundary] * dims if isinstance(boundary, str) else boundary
    if not isinstance(per_axis, Sequence):
        raise TypeError(f"{name}: boundary: got {type(boundary).__name__}, {expected}")
    result = []
    for each in per_axis:
        pair = (each, each) if isinstance(each, str) else tuple(each)
        if len(pair) != 2 or any(side not in SIDES for side in pair):
            raise ValueError(f"{name}: boundary: got {boundary!r}, {expected}")
        if pair.count("periodic") == 1:
            raise ValueError(f"{name}: boundary: got {pair!r}, periodic is so on both sides")
        result.append(pair)
    return tuple(result)


def _spacings(
    name: str, spacing: Any, sizes: tuple[int, ...], sides: tuple[tuple[str, str], ...], grid: str
) -> tuple[float, ...]:
    if spacing is None:  # the unit box
        return tuple(
            1 / max(1, _intervals(size, pair, grid))
            for size, pair in zip(sizes, sides, strict=True)
        )
    values = list(spacing) if isinstance(spacing, Sequence) else [spacing] * len(sizes)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(
                f"{name}: spacing must be a number, one for each axis or None, got {spacing!r}"
            )
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name}: spacing: got {spacing!r}, expected positive numbers")
    return tuple(float(value) for value in values)


def _intervals(size: int, pair: tuple[str, str], grid: str) -> int:
    if grid == "cell" or pair[0] == "periodic":
        return size
    return size - 1 + pair.count("dirichlet")


def boundary_terms(name: str, geometry: Geometry, values: Any, like: Tensor) -> list[Any]:
    """``(axis, end, value)`` of every side with a value; end 0 or 1.

    A value is a number or a tensor that broadcasts to the side (of f, without that axis).
    """
    if values is None:
        return []
    dims = len(geometry.sizes)
    if isinstance(values, (int, float, Tensor)) and not isinstance(values, bool):
        values = [(values, values)] * dims
    if not isinstance(values, Sequence) or len(values) != dims:
        raise ValueError(
            f"{name}: boundary_values: got {values!r}, expected a number, or (left, right) for each"
            f" of {dims} axes"
        )
    result = []
    for axis, pair in enumerate(values):
        if pair is None:
            continue
        if isinstance(pair, (int, float, Tensor)):
            pair = (pair, pair)
        for end, value in enumerate(pair):
            if value is None:
                continue
            if geometry.periodic(axis):
                if isinstance(values, list) and not isinstance(value, Tensor):
                    continue  # one number for all sides: a periodic axis has none
                raise ValueError(f"{name}: boundary_values: axis {axis} is periodic, has no sides")
            result.append((axis, end, _side_value(name, geometry, axis, value, like)))
    return result


def _side_value(name: str, geometry: Geometry, axis: int, value: Any, like: Tensor) -> Tensor:
    if not isinstance(value, Tensor):
        value = torch.tensor(float(value), dtype=torch.float64, device=like.device)
        return beside(value, like)
    batch = like.shape[: like.dim() - len(geometry.sizes)]
    side = [size for i, size in enumerate(geometry.sizes) if i != axis]
    try:
        torch.broadcast_shapes(value.shape, [*batch, *side])
    except RuntimeError:
        raise ValueError(
            f"{name}: boundary_values: of axis {axis} shape {list(value.shape)}, expected one that "
            f"broadcasts to {[*batch, *side]}"
        ) from None
    return beside(value.to(torch.float64), like)
