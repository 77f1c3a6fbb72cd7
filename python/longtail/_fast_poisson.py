"""-Laplace u = f by the transforms that make each axis's second difference diagonal.

Vertices: sines of type I between Dirichlet sides, cosines of type I between Neumann sides, types
III and II where they differ. Cells: types II and III, and IV where the sides differ. Periodic axes:
FFT.

The waves of all axes but the first are laid in front of that, so that it comes last: there it is
transformed, divided by the eigenvalues and taken back at once. On the CPU this goes in pieces that
stay in the cache; whole arrays are read or written six times.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from longtail._autograd import Gradient, Saved, differentiable
from longtail._axis_waves import Transform, transform_of
from longtail._grid_geometry import Geometry
from longtail._scaling import power_of_two

#: Numbers of a piece, about, and its rows at least: columns of 64 bytes are written.
_PIECE, _PLANES = 131072, 8

Found = tuple[Tensor, Tensor, Tensor, Tensor]


def solve(f: Tensor, geometry: Geometry) -> Found:
    """In float64: solution in the dtype of f, 0 iterations, residual, that of what is returned.

    The mean of f is taken out, and that of u is 0, where no side is Dirichlet.
    """
    found: Found = _solve(f, geometry)
    return found


def _forward(f: Tensor, geometry: Geometry) -> Found:
    dims = len(geometry.sizes)
    batch = f.shape[: f.dim() - dims]
    iterations = torch.zeros(batch, dtype=torch.int64, device=f.device)
    if f.numel() == 0:
        residual = torch.zeros(batch, dtype=torch.float64, device=f.device)
        return f.clone(), iterations, residual, residual.clone()
    shape, sizes = f.shape, geometry.sizes
    f = f.reshape(-1, *sizes)
    unit = power_of_two(f.to(torch.float64), dims)
    solution = _by_eigenvalues(f, unit, geometry)
    mean = _mean(f / unit, geometry) if geometry.singular else None
    residual = _relative_residual(solution, f, unit, mean, geometry)
    rounded = solution.mul_(unit).to(f.dtype)
    if f.dtype == torch.float64:
        returned = residual.clone()
    else:
        returned = _relative_residual(rounded.to(torch.float64) / unit, f, unit, mean, geometry)
    return rounded.reshape(shape), iterations, residual.reshape(batch), returned.reshape(batch)


def _inverse(g: Tensor, geometry: Geometry) -> Tensor:
    return solve(g, geometry)[0]


def _backward(saved: Saved, grad: Gradient, *rest: Gradient) -> list[Gradient]:
    geometry = saved.inputs[1]
    if grad is None:
        return [None, None]
    # V A is symmetric, V the volumes: the adjoint of A^-1 is V A^-1 V^-1.
    volumes = geometry.volumes(grad)
    if volumes is None:
        return [_inverse(grad, geometry), None]
    volumes = volumes.to(grad.dtype)
    return [volumes * _inverse(grad / volumes, geometry), None]


def _jvp(saved: Saved, tangent: Gradient, *rest: Gradient) -> Any:
    geometry = saved.inputs[1]
    if tangent is None:
        return None, None, None, None
    # Zeros, not None: torch 2.13 takes a None behind that of an output of integers for a tangent.
    batch = tangent.shape[: tangent.dim() - len(geometry.sizes)]
    still = tangent.new_zeros(batch, dtype=torch.float64)
    return _inverse(tangent, geometry), None, still, still.clone()


_solve: Any = differentiable("poisson_solve", _forward, _backward, _jvp, linear=True)


def _by_eigenvalues(f: Tensor, unit: Tensor, geometry: Geometry) -> Tensor:
    """A^-1 (f / unit) for f [batch, sizes]: a new tensor, contiguous."""
    sizes = geometry.sizes
    transforms = [
        transform_of(sides, geometry.cell, n, h, f.device, _runs_now(f))
        for n, h, sides in zip(sizes, geometry.spacings, geometry.sides, strict=True)
    ]
    scale = math.prod(transform.factor for transform in transforms)
    values = [transform.eigenvalues * scale for transform in transforms]
    others = torch.zeros(1, dtype=torch.float64, device=f.device)
    for value in values[1:]:  # the waves of the last axis are the outermost
        others = (value[:, None] + others).flatten()
    x = _to_the_front(f, unit, transforms[1:])
    _there_and_back(x, transforms[0], others, values[0], geometry.singular)
    return _from_the_front(x, f, transforms[1:])


def _to_the_front(f: Tensor, unit: Tensor, transforms: list[Transform]) -> Tensor:
    """Of f / unit [batch, n, ...] the waves of all axes but the first: [batch, waves, n]."""
    waves = math.prod(transform.eigenvalues.numel() for transform in transforms)
    result = f.new_empty((f.shape[0], waves, f.shape[1]), dtype=torch.float64)
    for items, planes in _pieces(f.flatten(2)):
        x = transforms[-1].there(f[items, planes] / unit[items])
        for transform in transforms[-2::-1]:
            x = transform.there(x.mT.clone(memory_format=torch.contiguous_format))
        result[items, :, planes].copy_(x.flatten(2).mT)
    return result


def _from_the_front(waves: Tensor, f: Tensor, transforms: list[Transform]) -> Tensor:
    """The way back, to the shape of f."""
    result = torch.empty_like(f, dtype=torch.float64, memory_format=torch.contiguous_format)
    sizes = [transform.eigenvalues.numel() for transform in reversed(transforms)]
    for items, planes in _pieces(f.flatten(2)):
        x = waves[items, :, planes].mT.clone(memory_format=torch.contiguous_format)
        x = x.unflatten(-1, sizes)
        for transform, n in zip(transforms[:-1], f.shape[2:-1], strict=True):
            x = transform.back(x, x.new_empty(*x.shape[:-1], n))
            x = x.mT.clone(memory_format=torch.contiguous_format)
        transforms[-1].back(x, result[items, planes])
    return result


def _there_and_back(
    x: Tensor, transform: Transform, others: Tensor, own: Tensor, singular: bool
) -> None:
    """In x divide the waves of each row by the eigenvalues of the other axes and its own."""
    for items, rows in _pieces(x):
        waves = transform.there(x[items, rows])
        divisor = others[rows, None] + own
        if singular:  # that of constants is 0: they become 0
            divisor = divisor.where(divisor != 0, math.inf)
        waves /= divisor
        transform.back(waves, x[items, rows])


def _runs_now(x: Tensor) -> bool:
    """Whether operations on x run as they are called, and are not recorded or mapped."""
    return type(x) is Tensor and not torch._C._are_functorch_transforms_active()


def _pieces(x: Tensor) -> Iterator[tuple[slice, slice]]:
    """Of x [batch, rows, n]: ranges of items and of rows, on the CPU of about _PIECE numbers.

    All of it where operations are recorded and not run, and on a GPU, where calls are what costs.
    """
    batch, rows, n = x.shape
    if x.device.type != "cpu" or not _runs_now(x):
        yield slice(None), slice(None)
        return
    step = max(_PLANES, _PIECE // n)
    many = max(1, step // rows)
    for item in range(0, batch, many):
        for row in range(0, rows, step):
            yield slice(item, item + many), slice(row, row + step)


def _mean(x: Tensor, geometry: Geometry) -> Tensor:
    dims = tuple(range(-len(geometry.sizes), 0))
    volumes = geometry.volumes(x)
    if volumes is None:
        return x.mean(dims, keepdim=True)
    return (x * volumes).sum(dims, keepdim=True) / volumes.sum()


def _relative_residual(
    u: Tensor, f: Tensor, unit: Tensor, mean: Tensor | None, geometry: Geometry
) -> Tensor:
    """Of u [batch, sizes] as a solution for f / unit, less its mean."""
    dims = tuple(range(1, f.dim()))
    squares = [u.new_zeros(u.shape[0]), u.new_zeros(u.shape[0])]
    for items, planes in _pieces(f.flatten(2)):
        right = f[items, planes] / unit[items]
        if mean is not None:
            right -= mean[items]
        squares[0][items] += torch.linalg.vector_norm(right, dim=dims) ** 2
        _subtract_product(right, u[items], planes, geometry)
        squares[1][items] += torch.linalg.vector_norm(right, dim=dims) ** 2
    return torch.where(squares[0] == 0, 0.0, (squares[1] / squares[0]).sqrt())


def _subtract_product(right: Tensor, u: Tensor, planes: slice, geometry: Geometry) -> None:
    """Add Laplace u, of which right has the given planes of the first axis."""
    own = u[:, planes]
    right.sub_(own, alpha=sum(2 / h**2 for h in geometry.spacings))
    for axis, (n, h) in enumerate(zip(geometry.sizes, geometry.spacings, strict=True)):
        dim = axis + 1
        one = 1 / h**2
        first, last, _ = planes.indices(n) if axis == 0 else (0, n, 1)
        there = u if axis == 0 else own
        below, above = max(first, 1), min(last, n - 1)
        if last > below:
            part = right.narrow(dim, below - first, last - below)
            part.add_(there.narrow(dim, below - 1, last - below), alpha=one)
        if above > first:
            part = right.narrow(dim, 0, above - first)
            part.add_(there.narrow(dim, first + 1, above - first), alpha=one)
        for end, side in enumerate(geometry.sides[axis]):
            here, opposite = (0, n - 1) if end == 0 else (n - 1, 0)
            if not first <= here < last:
                continue
            at = right.select(dim, here - first)
            if side == "periodic":
                at.add_(there.select(dim, opposite), alpha=one)
            elif geometry.cell:
                at.sub_(there.select(dim, here), alpha=one if side == "dirichlet" else -one)
            elif side == "neumann" and n > 1:  # the mirrored point
                at.add_(there.select(dim, 1 if end == 0 else n - 2), alpha=one)
