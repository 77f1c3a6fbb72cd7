"""-Laplace on a box: right-hand sides, the adjoint, and two ways to solve."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from longtail._autograd import Gradient, Saved, differentiable
from longtail._dtensor import beside, by_batches, is_dtensor, register_rules_for
from longtail._grid_geometry import SIDES, Geometry
from longtail._multigrid_arguments import Limits, has_values

Found = tuple[Tensor, Tensor, Tensor, Tensor]


def with_boundary(f: Tensor, geometry: Geometry, terms: list[Any]) -> Tensor:
    """f and what values on the sides add to it, each to the unknowns next to its side."""
    for axis, end, value in terms:
        h = geometry.spacings[axis]
        dirichlet = geometry.sides[axis][end] == "dirichlet"
        if dirichlet:
            factor = (2 if geometry.cell else 1) / h**2
        else:
            factor = (1 if geometry.cell else 2) / h
        f = add_to_side(f, geometry, axis, end, value * factor)
    return f


def add_to_side(f: Tensor, geometry: Geometry, axis: int, end: int, amount: Tensor) -> Tensor:
    """``amount`` broadcasts to the side of f, without that axis."""
    dim = axis - len(geometry.sizes)
    size = geometry.sizes[axis]
    where = torch.zeros(size, dtype=torch.float64, device=f.device)
    where[0 if end == 0 else size - 1] = 1
    where = where.reshape([size] + [1] * (-dim - 1))
    if amount.dim() >= -dim - 1 and amount.dim() > 0:
        amount = amount.unsqueeze(dim) if amount.dim() >= -dim - 1 else amount
    return (f.to(torch.float64) + beside(where, f) * amount).to(f.dtype)


def check_mean(name: str, f: Tensor, geometry: Geometry) -> None:
    """Without a Dirichlet side nothing can flow out, so nothing may come in."""
    if f.numel() == 0 or not has_values(f):
        return
    dims = tuple(range(-len(geometry.sizes), 0))
    with torch.no_grad():
        weighted = f.detach().to(torch.float64)
        volumes = geometry.volumes(f)
        weighted = weighted if volumes is None else weighted * volumes
        refuse_mean(name, weighted.sum(dims), weighted.abs().sum(dims), f.dtype)


def refuse_mean(name: str, total: Tensor, size: Tensor, dtype: torch.dtype) -> None:
    """For sums of f and of its size over a box: the former must be 0 to half the digits."""
    allowed = math.sqrt(torch.finfo(dtype).eps)
    share = total.abs() / size.clamp_min(torch.finfo(torch.float64).tiny)
    worst = share.nan_to_num(0.0).max().item()  # an item of nan is nobody else's excuse
    if worst > allowed:
        raise ValueError(
            f"{name}: f has a mean of {worst:.2e} times its mean size (by volume, with what "
            f"boundary_values add), expected 0: without a Dirichlet side there is no solution"
        )


def _sides_code(pair: tuple[str, str]) -> int:
    return 3 * SIDES.index(pair[0]) + SIDES.index(pair[1])


def _raw(f: Tensor, initial: Tensor, geometry: Geometry, limits: Limits) -> Found:
    """Of f [batch, ...]."""
    missing = 3 - len(geometry.sizes)
    spacings = [1.0] * missing + list(geometry.spacings)
    sides = [4] * missing + [_sides_code(pair) for pair in geometry.sides]
    result: Found = torch.ops.longtail.poisson_solve(
        f, initial, *spacings, *sides, geometry.cell, limits.tolerance, limits.iterations
    )
    return result


def _forward(f: Tensor, initial: Tensor, geometry: Geometry, limits: Limits) -> Found:
    register_rules_for(f)
    with torch._C._AutoDispatchBelowAutograd():
        return _raw(f, initial, geometry, limits)


def _inverse(g: Tensor, geometry: Geometry, limits: Limits) -> Tensor:
    """A^-1 g, differentiable."""
    return _solve(g, g.new_empty([0]), geometry, limits)[0]


def _backward(saved: Saved, grad: Gradient, *rest: Gradient) -> list[Gradient]:
    _, _, geometry, limits = saved.inputs
    if grad is None or not saved.needs[0]:
        return [None] * 4
    # V A is symmetric, V the volumes: the adjoint of A^-1 is V A^-1 V^-1.
    volumes = geometry.volumes(grad)
    if volumes is None:
        return [_inverse(grad, geometry, limits), None, None, None]
    volumes = volumes.to(grad.dtype)
    return [volumes * _inverse(grad / volumes, geometry, limits), None, None, None]


def _jvp(saved: Saved, tangent: Gradient, *rest: Gradient) -> Any:
    _, _, geometry, limits = saved.inputs
    if tangent is None:
        return None, None, None, None
    # Zeros, not None: torch 2.13 takes a None behind that of an output of integers for a tangent.
    still = tangent.new_zeros(tangent.shape[:1], dtype=torch.float64)
    return _inverse(tangent, geometry, limits), None, still, still.clone()


_solve: Any = differentiable("poisson_solve", _forward, _backward, _jvp, linear=True)


def by_cycles(f: Tensor, initial: Tensor | None, geometry: Geometry, limits: Limits) -> Found:
    """V-cycles."""
    shape, dims = f.shape, len(geometry.sizes)
    batch = shape[: f.dim() - dims]
    rows = f.reshape(-1, *geometry.sizes)
    start = f.new_empty([0]) if initial is None else initial.detach().reshape(rows.shape)
    solution, *rest = _solve(rows, start, geometry, limits)
    iterations, residual, returned = (each.reshape(batch) for each in rest)
    return solution.reshape(shape), iterations, residual, returned


def by_transforms(f: Tensor, initial: Tensor | None, geometry: Geometry, limits: Limits) -> Found:
    """Along each axis the eigenvectors of its second difference: sines, cosines, waves."""
    from longtail import _fast_poisson

    if is_dtensor(f):  # whose own rules gather what is transformed
        return by_batches(lambda each: _fast_poisson.solve(each, geometry), f, len(geometry.sizes))
    return _fast_poisson.solve(f, geometry)
