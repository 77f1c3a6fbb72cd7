"""``distributed.poisson_solve`` and ``diffusion_solve``: boxes whose rows lie on several processes.

Conjugate gradients on the whole box, preconditioned by the V-cycle of one process: its fine levels
in slabs, its coarse ones on every process. Source of the method: Briggs, Henson and McCormick, "A
Multigrid Tutorial", 2000; of gathering thin levels: Chow, Falgout, Hu, Tuminaro and Yang, "A survey
of parallelization techniques for multigrid solvers", 2006.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from longtail import _diffusion, _poisson
from longtail._box_options import BoxOptions
from longtail._domain_plan import DomainPlan, domain_plan
from longtail._domain_rows import gathered, largest, moved, summed, widen
from longtail._domain_slab import (
    Slab,
    asked_of_any,
    check_whole_mean,
    rows_of,
    slab_of,
)
from longtail._domain_solve import Domain, relative_residual, solve
from longtail._grid_geometry import Geometry
from longtail._multigrid_arguments import finished
from longtail._scaling import as_power_of_two
from longtail._solve_result import SolveResult


def poisson_solve(
    f: Tensor,
    spacing: Any = None,
    *,
    boundary: Any = "dirichlet",
    boundary_values: Any = None,
    grid: str = "vertex",
    tol: float | None = None,
    max_iterations: int = 100,
    initial: Tensor | None = None,
    on_fail: str = "raise",
    dims: int | None = None,
    group: Any = None,
) -> SolveResult:
    """``longtail.multigrid.poisson_solve`` of a box of which each process has some rows, in the
    order of ranks.

    The box is cut along its first axis (H of ``[..., H, W]``, D of ``[..., D, H, W]``). All
    processes must call it, and ``backward`` of what it gives. Slabs may have any number of rows, 0
    too: rows move to an even cut for the solve, and back. Conjugate gradients with the V-cycle of
    one process, whose levels lie in slabs while each of those has five rows and the level 2049
    points, and then on every process whole; so the number of iterations does not depend on that of
    processes: 7 to 9 to 1e-8. A box that is too thin for its processes, or of odd size along a
    periodic first axis, is solved by each process whole.

    Args:
        f: this process's rows, ``[..., h, W]`` or ``[..., d, H, W]``, float64 or float32; on CPUs.
        spacing: as of ``longtail.multigrid.poisson_solve``; None: the whole box is the unit box.
        boundary: as there; the two sides of the first axis are those of the whole box.
        boundary_values: as there, tensors for this process's rows; those of the first axis count
            where its first and last rows are.
        grid: as there.
        tol: as there.
        max_iterations: of conjugate gradients.
        initial: where to start, like f; on all processes or on none.
        on_fail: as there.
        dims: as there.
        group: a process group of ``torch.distributed``; None: all processes.

    Returns:
        ``SolveResult``: this process's rows of the solution; all else of the whole problem, the
        same on all processes and from run to run.

    Gradients: in f and boundary values by one more solve, also twice; those of the sum of what all
    processes call ``backward`` of. If one process asks for a gradient all compute it.

    Raises:
        RuntimeError: torch.distributed is not initialised.
        NotImplementedError: rows on another device than a CPU.
        TypeError, ValueError, ConvergenceError: as ``longtail.multigrid.poisson_solve``, on all
            processes.
    """
    options = BoxOptions(
        spacing, boundary, boundary_values, grid, tol, max_iterations, on_fail, dims
    )
    return _solved("distributed.poisson_solve", None, f, initial, options, group)


def diffusion_solve(
    a: Tensor,
    f: Tensor,
    spacing: Any = None,
    *,
    boundary: Any = "dirichlet",
    boundary_values: Any = None,
    grid: str = "cell",
    tol: float | None = None,
    max_iterations: int = 200,
    initial: Tensor | None = None,
    on_fail: str = "raise",
    dims: int | None = None,
    group: Any = None,
) -> SolveResult:
    """``longtail.multigrid.diffusion_solve`` of a box of which each process has some rows, in the
    order of ranks.

    How, and which processes hold what: as ``distributed.poisson_solve``. Iterates are those of one
    process but for rounding, and as many.

    Args:
        a: this process's rows of the coefficient, as f; batches of a and f broadcast.
        f: as of ``distributed.poisson_solve``.
        spacing: as there.
        boundary: as there.
        boundary_values: as there; of a Neumann side ``a du/dn``.
        grid: a and u at centres of cells, or at vertices.
        tol: as there.
        max_iterations: of conjugate gradients.
        initial: as there.
        on_fail: as there.
        dims: as there.
        group: as there.

    Returns:
        As ``distributed.poisson_solve``.

    Gradients: in a, f and boundary values, as there.

    Raises:
        RuntimeError: torch.distributed is not initialised.
        NotImplementedError: rows on another device than a CPU.
        TypeError, ValueError, ConvergenceError: as ``longtail.multigrid.diffusion_solve``, on all
            processes.
    """
    options = BoxOptions(
        spacing, boundary, boundary_values, grid, tol, max_iterations, on_fail, dims
    )
    if a is None:
        raise TypeError("distributed.diffusion_solve: a must be a Tensor, got NoneType")
    return _solved("distributed.diffusion_solve", a, f, initial, options, group)


class _Rows(NamedTuple):
    """``[batch, rows, ...]`` under the solver's cut; a of one or of each, None for -Laplace."""

    a: Tensor | None
    f: Tensor
    initial: Tensor | None


def _solved(
    name: str, a: Tensor | None, f: Tensor, initial: Tensor | None, options: BoxOptions, group: Any
) -> SolveResult:
    slab = slab_of(name, a, f, initial, options, group)
    dims = len(slab.geometry.sizes)
    f = f.expand(*slab.batch, *f.shape[f.dim() - dims :])
    if a is None:
        right = _poisson.with_boundary(f, slab.own, slab.terms)
    else:
        right = _diffusion.with_boundary(f, a.to(torch.float64), slab.own, slab.terms)
    check_whole_mean(name, right, slab)
    a, asked = asked_of_any([a, right], group)
    right = right if asked is None else asked
    plan = domain_plan(slab.geometry, slab.cut.rank, slab.cut.count, group)
    new = plan.slabs[0].cut if plan.slabs else slab.cut

    def rows_for_solver(x: Tensor | None) -> Tensor | None:
        """``[batch, rows, ...]`` where the solver wants them; one where all of a batch are one."""
        if x is None:
            return None
        own, batch = x.shape[x.dim() - dims :], x.shape[: x.dim() - dims]
        if batch.numel() != 1:
            x, batch = x.expand(*slab.batch, *own), slab.batch
        return moved(x.reshape(batch.numel(), *own), slab.cut, new)

    given = [rows_for_solver(each) for each in (a, right, initial)]
    assert given[1] is not None
    rows = _Rows(given[0], given[1].expand(slab.batch.numel(), *given[1].shape[1:]), given[2])
    method = _in_slabs if plan.slabs else _whole
    solution, *numbers = method(rows, slab, plan)
    mine = moved(solution, new, slab.cut).reshape(right.shape).contiguous()
    found = (mine, *(each.reshape(slab.batch) for each in numbers))
    return finished(name, found, slab.limits, options.on_fail)


def _whole(rows: _Rows, slab: Slab, plan: DomainPlan) -> _poisson.Found:
    """Each process solves all of it, and keeps its rows."""
    assert not plan.slabs
    cut = slab.cut
    f = gathered(rows.f, cut)
    start = None if rows.initial is None else gathered(rows.initial, cut)
    if rows.a is None:
        found = _poisson.by_cycles(f, start, slab.geometry, slab.limits)
    else:
        a = gathered(rows.a, cut).to(torch.float64)
        found = _diffusion.solve(a, f, start, slab.geometry, slab.limits)
    return found[0].narrow(1, cut.start, cut.rows), *found[1:]


def _in_slabs(rows: _Rows, slab: Slab, plan: DomainPlan) -> _poisson.Found:
    geometry, finest = slab.geometry, plan.slabs[0]
    cut, halo = finest.cut, finest.halo
    stop = cut.start + cut.rows
    around = rows_of(geometry, cut.start - halo.before, stop + halo.behind)
    right = rows.f.to(torch.float64)
    if rows.a is None:
        a = right.new_ones([1, *around.sizes])
    else:  # as multiples of the largest: cycles are float32
        a = rows.a.to(torch.float64)
        unit = as_power_of_two(largest(a, cut.group))
        a, right = widen(a / unit, cut, finest.halos), right / unit
    faces = _diffusion.face_weights(a, around)
    points = torch.Size(geometry.sizes).numel()
    volumes = rows_of(geometry, cut.start, stop).volumes(rows.f)
    weights = torch.ones([], dtype=torch.float64) if volumes is None else volumes
    volume = _volume_of(geometry)

    def without_mean(x: Tensor) -> Tensor:
        """By volume."""
        mean = summed((x * weights).flatten(1).sum(1), cut.group) / volume
        return x - mean.reshape(-1, *[1] * len(geometry.sizes))

    if geometry.singular and rows.a is None:
        right = without_mean(right)
    right = right * weights
    # The residual of -Laplace u = f is that of f itself.
    scale = 1 / weights if rows.a is None and volumes is not None else None
    domain = Domain(plan, len(geometry.sizes), points, geometry.singular, slab.limits, scale)
    start = None if rows.initial is None else rows.initial.to(torch.float64)
    solution, iterations, residual = solve(right, start, domain, *faces)
    if geometry.singular and volumes is not None:
        solution = without_mean(solution)
    rounded = solution.to(rows.f.dtype)
    returned = residual
    if rounded.dtype != torch.float64:
        fixed = [each.detach() for each in (rounded, right, *faces)]
        returned = relative_residual(fixed[0], fixed[1], domain, fixed[2:])
    return rounded, iterations, residual, returned


def _volume_of(geometry: Geometry) -> float:
    """Of the whole box, in units of a cell."""
    result = 1.0
    for size, pair in zip(geometry.sizes, geometry.sides, strict=True):
        result *= size - (0 if geometry.cell else 0.5 * pair.count("neumann"))
    return result


__all__ = ["diffusion_solve", "poisson_solve"]
