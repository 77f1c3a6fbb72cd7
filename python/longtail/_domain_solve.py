"""Conjugate gradients on rows that lie on several processes, and their adjoint.

The recursion is that of csrc/multigrid/diffusion.cpp: vectors in float64, the cycle in float32.
Sums are of my rows, then over processes in their order, so that all of them go the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from longtail._domain_cycle import DomainCycle
from longtail._domain_plan import DomainPlan, split_axis
from longtail._domain_rows import Halo, largest, summed, widen
from longtail._grid_ops import apply_faces, differences
from longtail._grid_plan import GridPlan
from longtail._multigrid_arguments import Limits
from longtail._scaling import as_power_of_two


@dataclass(frozen=True)
class Domain:
    """A box in slabs, and how long to look for a solution.

    Attributes:
        plan: with one level in slabs at least.
        dims: axes of the box.
        points: of the whole box.
        singular: constants are in the null space.
        limits: of the search.
        scale: residuals are measured times these, ``[my rows, ...]``; None: as they are.
    """

    plan: DomainPlan
    dims: int
    points: int
    singular: bool
    limits: Limits
    scale: Tensor | None

    @property
    def group(self) -> Any:
        """The processes."""
        return self.plan.coarse_cut.group

    def over_points(self, values: Tensor) -> Tensor:
        """Sums over the box of each item of ``[batch, my rows, ...]``."""
        return summed(values.flatten(1).sum(1), self.group)

    def column(self, numbers: Tensor) -> Tensor:
        """Numbers of the items of a batch, for their points."""
        return numbers.reshape(-1, *[1] * self.dims)

    def without_mean(self, values: Tensor) -> Tensor:
        """Less their mean over the box, if constants are in the null space."""
        if not self.singular:
            return values
        return values - self.column(self.over_points(values) / self.points)


class _Operator:
    """A u of my rows, with one row of each neighbour."""

    def __init__(self, domain: Domain, faces: list[Tensor]) -> None:
        slab = domain.plan.slabs[0]
        self._cut = slab.cut
        self._halos = tuple(Halo(min(1, halo.before), min(1, halo.behind)) for halo in slab.halos)
        self._mine = self._halos[self._cut.rank]
        skipped = slab.halo.before - self._mine.before
        rows = self._cut.rows + sum(self._mine)
        self._faces = [
            each.narrow(1, skipped, rows + (axis == 0)).contiguous()
            for axis, each in enumerate(faces)
        ]
        self._plan = _with_rows(slab.plan, rows)

    def __call__(self, u: Tensor) -> Tensor:
        around = widen(u, self._cut, self._halos)
        result = apply_faces(around, self._faces, self._plan)
        return result.narrow(1, self._mine.before, self._cut.rows)


def _with_rows(plan: GridPlan, rows: int) -> GridPlan:
    sizes = list(plan.sizes)
    sizes[split_axis(plan)] = rows
    return replace(plan, sizes=(sizes[0], sizes[1], sizes[2]))


class _System:
    """A x = f for a batch, in units of the largest of each f, so that no square is out of range."""

    def __init__(self, domain: Domain, faces: list[Tensor], f: Tensor) -> None:
        self.domain = domain
        self.apply = _Operator(domain, faces)
        self.unit = as_power_of_two(largest(f, domain.group))
        self.f = domain.without_mean(f / self.unit)
        self.whole = self._norm(self.f)

    def _norm(self, r: Tensor) -> Tensor:
        scale = self.domain.scale
        scaled = r if scale is None else r * scale
        return self.domain.over_points(scaled * scaled).sqrt()

    def residual(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """f - A x and its relative norm, for x in these units."""
        r = self.f - self.apply(x)
        relative = self._norm(r) / self.whole
        return r, torch.where(self.whole == 0, self.whole, relative)


class _Search(_System):
    """Conjugate gradients; each item of the batch ends by itself."""

    def __init__(self, domain: Domain, faces: list[Tensor], f: Tensor) -> None:
        super().__init__(domain, faces, f)
        self.cycle = DomainCycle(domain.plan, faces, domain.singular)

    def _preconditioned(self, r: Tensor, norm: Tensor) -> Tensor:
        """r fits float32 by its norm."""
        unit = self.domain.column(torch.where(norm > 0, norm, 1.0))
        return unit * self.cycle((r / unit).to(torch.float32)).to(torch.float64)

    def run(self, initial: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Solution, iterations and relative residual."""
        domain, limits = self.domain, self.domain.limits
        column = domain.column
        x, p = torch.zeros_like(self.f), torch.zeros_like(self.f)
        r, residual = self.f, torch.where(self.whole == 0, self.whole, self.whole / self.whole)
        if initial is not None:
            x = domain.without_mean(initial / self.unit)
            near = self.residual(x)[1]
            usable = (self.whole > 0) & (near <= 1)  # else 0 is nearer, or that is no number
            x = torch.where(column(usable), x, 0.0)
            r, residual = self.residual(x)
        iterations = torch.zeros_like(self.whole, dtype=torch.int64)
        rho = torch.ones_like(self.whole)
        fresh, stuck = torch.ones_like(self.whole, dtype=torch.bool), self.whole < 0
        while True:
            active = (residual > limits.tolerance) & (iterations < limits.iterations) & ~stuck
            if not bool(active.any()):
                break
            z = self._preconditioned(r, residual * self.whole)
            product = domain.over_points(z * r)
            p = z + column(torch.where(fresh, 0.0, product / rho)) * p
            rho = product
            q = self.apply(p)
            curvature = domain.over_points(p * q)
            stuck = stuck | active & ~(curvature > 0)
            alpha = column(torch.where(curvature > 0, rho / curvature, 0.0))
            moving = column(active)
            x = torch.where(moving, x + alpha * p, x)
            r = torch.where(moving, r - alpha * q, r)
            residual = torch.where(active, self._norm(r) / self.whole, residual)
            iterations = iterations + active
            fresh = active & ((residual <= limits.tolerance) | stuck)
            if bool(fresh.any()):  # what recursion says may differ from what is
                true_r, true_residual = self.residual(x)
                r = torch.where(column(fresh), true_r, r)
                residual = torch.where(fresh, true_residual, residual)
        x = domain.without_mean(x)
        return x * self.unit, iterations, self.residual(x)[1]


class _Solve(torch.autograd.Function):
    """Of right-hand sides ``[batch, my rows, ...]``, where to start, the domain and the faces of my
    rows with the halo."""

    @staticmethod
    def forward(
        ctx: Any, f: Tensor, initial: Tensor | None, domain: Domain, *faces: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, iterations, residual = _Search(domain, list(faces), f).run(initial)
        ctx.domain = domain
        ctx.save_for_backward(x, *faces)
        ctx.mark_non_differentiable(iterations, residual)
        return x, iterations, residual

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        x, *faces = ctx.saved_tensors
        domain = ctx.domain
        # A is symmetric.
        adjoint = solve(grads[0], None, domain, *faces)[0]
        result: list[Tensor | None] = [None] * len(faces)
        if any(ctx.needs_input_grad[3:]):
            slab = domain.plan.slabs[0]
            u = widen(x, slab.cut, slab.halos)
            # Mine are the rows of A that I own: a face between two slabs gets its other part from
            # the other process.
            pad = [0, 0] * (domain.dims - 1) + list(slab.halo)
            own = torch.nn.functional.pad(adjoint, pad)
            for axis, of_axis in enumerate(faces):
                dim = axis - len(faces)
                wraps = slab.plan.periodic[3 + dim]
                product = -differences(u, wraps, dim) * differences(own, wraps, dim)
                result[axis] = product.sum_to_size(of_axis.shape)
        return adjoint, None, None, *result


#: ``solve(f, initial, domain, *faces)``: f and faces float64; initial may be None.
solve: Callable[..., tuple[Tensor, Tensor, Tensor]] = _Solve.apply


def relative_residual(u: Tensor, f: Tensor, domain: Domain, faces: list[Tensor]) -> Tensor:
    """Of each item of a batch of some u."""
    with torch.no_grad():
        system = _System(domain, faces, f)
        return system.residual(u.to(torch.float64) / system.unit)[1]
