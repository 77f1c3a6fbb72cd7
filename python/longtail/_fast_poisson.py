"""-Laplace u = f by the transforms that make each axis's second difference diagonal.

Vertices: sines of type I between Dirichlet sides, cosines of type I between Neumann sides, types
III and II where they differ. Cells: types II and III, and IV where the sides differ. Periodic axes:
FFT.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from longtail._cosine_transforms import INVERSE, dct, dst, period
from longtail._dtensor import beside
from longtail._grid_geometry import Geometry
from longtail._scaling import power_of_two

#: (sides, cell) of an axis -> kind and type of its transform, first frequency.
_TRANSFORMS = {
    (("dirichlet", "dirichlet"), False): ("dst", 1, 1.0),
    (("neumann", "neumann"), False): ("dct", 1, 0.0),
    (("dirichlet", "neumann"), False): ("dst", 3, 0.5),
    (("neumann", "dirichlet"), False): ("dct", 3, 0.5),
    (("dirichlet", "dirichlet"), True): ("dst", 2, 1.0),
    (("neumann", "neumann"), True): ("dct", 2, 0.0),
    (("dirichlet", "neumann"), True): ("dst", 4, 0.5),
    (("neumann", "dirichlet"), True): ("dct", 4, 0.5),
}


@dataclass(frozen=True)
class _Axis:
    """The transform of an axis that is not periodic."""

    kind: str
    type: int
    first: float
    size: int

    @property
    def factor(self) -> int:
        """What there and back multiply by."""
        return period(self.kind, self.type, self.size)

    def there(self, x: Tensor, dim: int) -> Tensor:
        return (dct if self.kind == "dct" else dst)(x, self.type, dim)

    def back(self, x: Tensor, dim: int) -> Tensor:
        return (dct if self.kind == "dct" else dst)(x, INVERSE[self.type], dim)

    def eigenvalues(self, h: float, device: torch.device) -> Tensor:
        k = torch.arange(self.size, dtype=torch.float64, device=device) + self.first
        return (torch.sin(k * (math.pi / self.factor)) * (2 / h)) ** 2


def solve(f: Tensor, geometry: Geometry) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """In float64: solution in the dtype of f, 0 iterations, residual, that of what is returned.

    The mean of f is taken out, and that of u is 0, where no side is Dirichlet. A function of torch
    operations: derivatives are torch's.
    """
    dims = len(geometry.sizes)
    batch = f.shape[: f.dim() - dims]
    iterations = torch.zeros(batch, dtype=torch.int64, device=f.device)
    if f.numel() == 0:
        residual = torch.zeros(batch, dtype=torch.float64, device=f.device)
        return f.clone(), iterations, residual, residual.clone()
    unit = power_of_two(f.to(torch.float64), dims)
    right = f.to(torch.float64) / unit
    solution = _by_eigenvalues(right, geometry)
    rounded = (solution * unit).to(f.dtype)
    with torch.no_grad():
        right = right.detach()
        if geometry.singular:
            right = right - _mean(right, geometry)
        residual = _relative_residual(solution.detach(), right, geometry)
        returned = residual
        if f.dtype != torch.float64:
            returned = _relative_residual(
                rounded.detach().to(torch.float64) / unit, right, geometry
            )
    # An expanded or transposed f must not show in the strides of what is returned.
    return rounded.contiguous(), iterations, residual, returned.clone()


def _by_eigenvalues(x: Tensor, geometry: Geometry) -> Tensor:
    dims = len(geometry.sizes)
    periodic = [axis - dims for axis in range(dims) if geometry.periodic(axis)]
    others: dict[int, _Axis] = {}
    for axis, (size, sides) in enumerate(zip(geometry.sizes, geometry.sides, strict=True)):
        if not geometry.periodic(axis):
            others[axis - dims] = _Axis(*_TRANSFORMS[sides, geometry.cell], size)

    # The last axis comes first, while it is the one of stride 1.
    for dim in sorted(others, reverse=True):
        x = others[dim].there(x, dim)
    if periodic:
        x = torch.fft.rfftn(x, dim=periodic)
    x = x / _divisor(x, geometry, periodic, others)
    if periodic:
        x = torch.fft.irfftn(x, s=[geometry.sizes[dim] for dim in periodic], dim=periodic)
    for dim in sorted(others):
        x = others[dim].back(x, dim)
    return x


def _divisor(
    x: Tensor, geometry: Geometry, periodic: list[int], others: dict[int, _Axis]
) -> Tensor:
    """Eigenvalues times the factors of the transforms; infinite for constants if they have 0."""
    result = torch.zeros([], dtype=torch.float64, device=x.device)
    scale = 1
    for dim in range(-len(geometry.sizes), 0):
        h = geometry.spacings[dim]
        if dim in others:
            values = others[dim].eigenvalues(h, x.device)
            scale *= others[dim].factor
        else:
            # Of the last periodic axis rfftn keeps the first half.
            size = geometry.sizes[dim]
            count = size // 2 + 1 if dim == periodic[-1] else size
            k = torch.arange(count, dtype=torch.float64, device=x.device)
            values = (torch.sin(k * (math.pi / size)) * (2 / h)) ** 2
        result = result.unsqueeze(-1) + values
    result = result * scale
    if geometry.singular:
        result[(0,) * result.dim()] = math.inf
    return beside(result, x)


def _mean(x: Tensor, geometry: Geometry) -> Tensor:
    dims = tuple(range(-len(geometry.sizes), 0))
    volumes = geometry.volumes(x)
    if volumes is None:
        return x.mean(dims, keepdim=True)
    return (x * volumes).sum(dims, keepdim=True) / volumes.sum()


def _apply(u: Tensor, geometry: Geometry) -> Tensor:
    """-Laplace u."""
    result = torch.zeros_like(u)
    for axis, (n, h) in enumerate(zip(geometry.sizes, geometry.spacings, strict=True)):
        dim = axis - len(geometry.sizes)
        one = 1 / h**2
        result.add_(u, alpha=2 * one)
        if n > 1:
            result.narrow(dim, 1, n - 1).sub_(u.narrow(dim, 0, n - 1), alpha=one)
            result.narrow(dim, 0, n - 1).sub_(u.narrow(dim, 1, n - 1), alpha=one)
        for end, side in enumerate(geometry.sides[axis]):
            here, opposite = (0, n - 1) if end == 0 else (n - 1, 0)
            at = result.select(dim, here)
            if side == "periodic":
                at.sub_(u.select(dim, opposite), alpha=one)
            elif geometry.cell:
                at.add_(u.select(dim, here), alpha=one if side == "dirichlet" else -one)
            elif side == "neumann" and n > 1:  # the mirrored point
                at.sub_(u.select(dim, 1 if end == 0 else n - 2), alpha=one)
    return result


def _relative_residual(u: Tensor, right: Tensor, geometry: Geometry) -> Tensor:
    dims = tuple(range(-len(geometry.sizes), 0))
    rest = _apply(u, geometry).neg_().add_(right)
    norm = torch.linalg.vector_norm(right, dim=dims)
    return torch.where(norm == 0, 0.0, torch.linalg.vector_norm(rest, dim=dims) / norm)
