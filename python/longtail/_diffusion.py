"""-div(a grad) on a box: faces, right-hand sides, the adjoint."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail._autograd import Gradient, Saved, differentiable, is_plain_call
from longtail._dtensor import beside, register_rules_for
from longtail._grid_geometry import Geometry
from longtail._grid_ops import differences, hierarchy_of
from longtail._grid_plan import plan_of
from longtail._multigrid_arguments import Limits, has_values
from longtail._poisson import Found, add_to_side
from longtail._rounding import cycle_dtype
from longtail._scaling import power_of_two


def check_coefficient(name: str, a: Tensor, f: Tensor, geometry: Geometry) -> None:
    """Like f, and positive."""
    for what in ("dtype", "device"):
        got, expected = getattr(a, what), getattr(f, what)
        if got != expected:
            raise (TypeError if what == "dtype" else ValueError)(
                f"{name}: a has {what} {got}, expected that of f, {expected}"
            )
    dims = len(geometry.sizes)
    if a.shape[-dims:] != f.shape[-dims:] or a.dim() < dims:
        raise ValueError(
            f"{name}: a has shape {list(a.shape)}, expected [..., "
            f"{', '.join(map(str, geometry.sizes))}] as f"
        )
    try:
        torch.broadcast_shapes(a.shape, f.shape)
    except RuntimeError:
        raise ValueError(
            f"{name}: a has shape {list(a.shape)} and f {list(f.shape)}: batches do not broadcast"
        ) from None
    if a.numel() == 0 or not has_values(a):
        return
    least = a.detach().amin().item()
    if least <= 0:
        raise ValueError(f"{name}: a: the smallest value is {least}, expected positive numbers")


def _across(geometry: Geometry, axis: int, like: Tensor) -> Tensor | None:
    """Areas of faces across an axis in units of those inside: halves along Neumann sides of
    vertices. Without the axis itself."""
    sides = [pair for i, pair in enumerate(geometry.sides) if i != axis]
    sizes = tuple(size for i, size in enumerate(geometry.sizes) if i != axis)
    spacings = tuple(h for i, h in enumerate(geometry.spacings) if i != axis)
    return Geometry(sizes, spacings, tuple(sides), geometry.cell).volumes(like)


def _half_harmonic_mean(a: Tensor, b: Tensor) -> Tensor:
    """Of numbers whose product may be too large or too small."""
    return a * (b / (a + b))


def face_weights(a: Tensor, geometry: Geometry) -> list[Tensor]:
    """For each axis the weights ``[..., n + 1, ...]`` that csrc/multigrid/diffusion.h takes: the
    operator times the volumes of the unknowns, so that it is symmetric."""
    result = []
    dims = len(geometry.sizes)
    for axis, h in enumerate(geometry.spacings):
        dim = axis - dims
        n = geometry.sizes[axis]
        # Of twice a over h^2, so that no pass over all faces is left to do that.
        twice = a * (2 / h**2)
        inner = _half_harmonic_mean(twice.narrow(dim, 0, n - 1), twice.narrow(dim, 1, n - 1))
        first, last = twice.narrow(dim, 0, 1), twice.narrow(dim, n - 1, 1)
        if geometry.periodic(axis):
            seam = _half_harmonic_mean(first, last)
            ends = [seam, seam]
        else:
            # The value at a side is half a cell away, or a whole step of vertices.
            factor = 1 if geometry.cell else 0.5
            ends = [
                factor * each if side == "dirichlet" else torch.zeros_like(each)
                for each, side in zip((first, last), geometry.sides[axis], strict=True)
            ]
        faces = torch.cat([ends[0], inner, ends[1]], dim)
        areas = _across(geometry, axis, a)
        result.append(faces if areas is None else faces * areas.unsqueeze(dim))
    return result


def with_boundary(f: Tensor, a: Tensor, geometry: Geometry, terms: list[Any]) -> Tensor:
    """f and what values on the sides add to it."""
    dims = len(geometry.sizes)
    for axis, end, value in terms:
        h = geometry.spacings[axis]
        dim = axis - dims
        if geometry.sides[axis][end] == "dirichlet":
            # (From the front: DTensor's gradient of select is wrong at a negative dim, torch 2.13.)
            near = a.select(a.dim() + dim, 0 if end == 0 else geometry.sizes[axis] - 1)
            amount = value * near * ((2 if geometry.cell else 1) / h**2)
        else:
            amount = value * ((1 if geometry.cell else 2) / h)
        f = add_to_side(f, geometry, axis, end, amount)
    return f


def _apply(faces: list[Tensor], u: Tensor, geometry: Geometry) -> Tensor:
    """A u, in torch operations."""
    result = torch.zeros_like(u)
    for axis, of_axis in enumerate(faces):
        dim = axis - len(faces)
        flow = of_axis * differences(u, geometry.periodic(axis), dim)
        if geometry.periodic(axis):
            inner = flow.narrow(dim, 0, u.shape[dim])
            result = result + inner - inner.roll(-1, dim)
        else:
            n = u.shape[dim]
            result = result + flow.narrow(dim, 0, n) - flow.narrow(dim, 1, n)
    return result


def _forward(*inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
    *faces, f, initial, hierarchy, geometry, limits = inputs
    register_rules_for(f, *faces)
    missing = 3 - len(faces)
    none = f.new_empty([0])
    spacings = [1.0] * missing + list(geometry.spacings)
    periodic = sum(1 << (axis + missing) for axis in range(len(faces)) if geometry.periodic(axis))
    with torch._C._AutoDispatchBelowAutograd():
        result: tuple[Tensor, Tensor, Tensor] = torch.ops.longtail.diffusion_solve(
            *[none] * missing,
            *faces,
            f,
            initial,
            hierarchy,
            *spacings,
            periodic,
            limits.tolerance,
            limits.iterations,
        )
    return result


def _inverse(
    faces: list[Tensor], g: Tensor, hierarchy: Tensor, geometry: Geometry, limits: Limits
) -> Tensor:
    none = g.new_empty([0])
    result: Tensor = _SOLVE[len(faces)](*faces, g, none, hierarchy, geometry, limits)[0]
    return result


def _backward(saved: Saved, grad: Gradient, *rest: Gradient) -> list[Gradient]:
    *faces, f, _, hierarchy, geometry, limits = saved.inputs
    if grad is None:
        return [None] * len(saved.inputs)
    # A is symmetric. d(A u) of a face is d weight times the difference across it.
    adjoint = _inverse(faces, grad, hierarchy, geometry, limits)
    result: list[Gradient] = [None] * len(faces)
    if any(saved.needs[: len(faces)]):
        u = _inverse(faces, f, hierarchy, geometry, limits)
        for axis, of_axis in enumerate(faces):
            dim = axis - len(faces)
            product = -differences(u, geometry.periodic(axis), dim) * differences(
                adjoint, geometry.periodic(axis), dim
            )
            result[axis] = product.sum_to_size(of_axis.shape)
    return [*result, adjoint, None, None, None, None]


def _jvp(saved: Saved, *tangents: Gradient) -> Any:
    *faces, f, _, hierarchy, geometry, limits = saved.inputs
    right = tangents[len(faces)]
    moved = [
        torch.zeros_like(each) if tangent is None else tangent
        for each, tangent in zip(faces, tangents, strict=False)
    ]
    if any(tangent is not None for tangent in tangents[: len(faces)]):
        u = _inverse(faces, f, hierarchy, geometry, limits)
        change = _apply(moved, u, geometry)
        right = -change if right is None else right - change
    if right is None:
        return None, None, None
    still = right.new_zeros(right.shape[:1])  # not None: see _poisson
    return _inverse(faces, right, hierarchy, geometry, limits), None, still


_SOLVE: dict[int, Any] = {
    dims: differentiable("diffusion_solve", _forward, _backward, _jvp) for dims in (2, 3)
}


def solve(
    a: Tensor, f: Tensor, initial: Tensor | None, geometry: Geometry, limits: Limits
) -> Found:
    """Of what lies at points: f times volumes is the right-hand side of the symmetric system. The
    cycles may be float32: coefficients of any size fit as multiples of the largest."""
    unit = power_of_two(a, len(geometry.sizes))
    faces = face_weights(a / unit, geometry)
    volumes = geometry.volumes(f)
    right = f.to(torch.float64) / unit
    right = right if volumes is None else right * volumes
    return solve_symmetric(faces, right, initial, geometry, limits, f.dtype)


def systems_of(tensors: list[Tensor], batch: torch.Size, axes: list[int]) -> list[Tensor]:
    """``[systems, ...]`` of tensors ``[..., so many axes]`` whose batch broadcasts to ``batch``
    but for ones in front: one system if all have the same, else one each."""
    result = []
    for each, count in zip(tensors, axes, strict=True):
        while each.dim() > len(batch) + count and each.shape[0] == 1:
            each = each[0]
        own = each.shape[each.dim() - count :]
        one = all(size == 1 for size in each.shape[: each.dim() - count])
        rows = each if one else each.expand(*batch, *own)
        result.append(rows.reshape(1 if one else -1, *own))
    return result


def solve_symmetric(
    faces: list[Tensor],
    right: Tensor,
    initial: Tensor | None,
    geometry: Geometry,
    limits: Limits,
    dtype: torch.dtype,
    hierarchy: Tensor | None = None,
) -> Found:
    """``hierarchy [..., numbers]``: of ``cycle_dtype``, of the same faces."""
    dims = len(geometry.sizes)
    shape, batch = right.shape, right.shape[: right.dim() - dims]
    # Contiguous, or sums of torch's would have other bits for other strides.
    rows = beside(right, *faces).reshape(-1, *geometry.sizes).contiguous()
    systems = [beside(each, rows).contiguous() for each in systems_of(faces, batch, [dims] * dims)]
    cycles = cycle_dtype(geometry)
    if hierarchy is not None:
        packed = beside(systems_of([hierarchy], batch, [1])[0], rows)
    elif is_plain_call([*systems, rows]):
        packed = rows.new_empty([0], dtype=cycles)
    else:  # made once for the solve and those of its gradients
        packed = hierarchy_of(systems, plan_of(geometry), cycles, False)
    start = rows.new_empty([0])
    if initial is not None:
        start = initial.detach().to(torch.float64).reshape(rows.shape)
    solution, iterations, residual = _SOLVE[dims](*systems, rows, start, packed, geometry, limits)
    volumes = geometry.volumes(right)
    if geometry.singular and volumes is not None:  # the op's mean is not by volume
        mean = (solution * volumes).flatten(1).sum(1) / volumes.sum()
        solution = solution - mean.reshape(-1, *[1] * dims)
    rounded = solution.to(dtype)
    returned = residual
    if dtype != torch.float64:
        with torch.no_grad():
            returned = _relative_residual(systems, rounded.detach(), rows.detach(), geometry)
    return (
        rounded.reshape(shape),
        iterations.reshape(batch),
        residual.reshape(batch),
        returned.reshape(batch),
    )


def _relative_residual(faces: list[Tensor], u: Tensor, right: Tensor, geometry: Geometry) -> Tensor:
    dims = tuple(range(1, 1 + len(faces)))
    if geometry.singular:
        right = right - right.mean(dims, keepdim=True)
    rest = right - _apply(faces, u.to(torch.float64), geometry)
    norms = [torch.linalg.vector_norm(each, dim=dims) for each in (rest, right)]
    return torch.where(norms[1] == 0, 0.0, norms[0] / norms[1])
