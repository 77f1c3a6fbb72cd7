"""Elliptic equations on boxes by multigrid: matrix-free, batched, differentiable.

Sources: Briggs, Henson and McCormick, "A Multigrid Tutorial", 2000; Dendy, "Black box multigrid",
Journal of Computational Physics 48, 1982.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail import _diffusion, _grid_shardings, _poisson  # noqa: F401  (declares them)
from longtail._box_options import BoxOptions
from longtail._grid_methods import full_multigrid, prolong, residual, restrict, smooth, v_cycle
from longtail._grid_operator import GridOperator, diffusion_stencil, poisson_stencil
from longtail._multigrid_arguments import (
    check_field,
    check_initial,
    check_method,
    finished,
    out_of_autocast,
)
from longtail._multigrid_solver import MultigridSolver
from longtail._solve_result import ConvergenceError, SolveResult

__all__ = [
    "ConvergenceError",
    "GridOperator",
    "MultigridSolver",
    "SolveResult",
    "diffusion_solve",
    "diffusion_stencil",
    "full_multigrid",
    "poisson_solve",
    "poisson_stencil",
    "prolong",
    "residual",
    "restrict",
    "smooth",
    "v_cycle",
]


def poisson_solve(
    f: Tensor,
    spacing: Any = None,
    *,
    boundary: Any = "dirichlet",
    boundary_values: Any = None,
    grid: str = "vertex",
    method: str = "multigrid",
    tol: float | None = None,
    max_iterations: int = 100,
    initial: Tensor | None = None,
    on_fail: str = "raise",
    dims: int | None = None,
) -> SolveResult:
    """Solves ``-Laplace u = f`` on a box, for each item of a batch.

    The usual second differences, ``(2 u[i] - u[i - 1] - u[i + 1]) / h^2`` along each axis. V-cycles
    with one over-relaxed sweep of red-black Gauss-Seidel down and one up, in float32, correct an
    iterate that is kept in float64; any size converges alike. Axes of unlike spacing become coarser
    one after the other. Beside a closely spaced axis between Neumann or periodic sides u has slow
    modes that may be so large, from ratios of 1000 on, that float32 rounds all others away: on CPUs
    cycles are in float64 there. Near 10000 float64 itself leaves a residual of 1e-8 to 4e-7.

    What a cycle leaves of a residual at last, at most: 0.06 (2-D vertex, Dirichlet), 0.11 (2-D
    vertex, Neumann), 0.12 (2-D vertex, periodic), 0.16 (2-D cell, Dirichlet), 0.13 (2-D cell,
    Neumann), 0.14 (2-D cell, periodic), 0.1 (3-D vertex, Dirichlet), 0.17 (3-D vertex, Neumann),
    0.12 (3-D cell, Dirichlet), 0.13 (3-D cell, Neumann). Whatever the spacings: 0.14 (2-D), 0.18
    (3-D). Largest error beside the discrete solution, over its largest value, with the default
    tolerances and a random f: 4e-8 (poisson_solve, float64), 3e-4 (poisson_solve, float32). A
    smooth f: 8e-9 (poisson_solve, float64), 4e-5 (poisson_solve, float32). Sizes to 1023, in three
    dimensions to 127 (docs/families/multigrid-convergence.md).

    Args:
        f: ``[..., H, W]``, or ``[..., D, H, W]`` if ``dims``, ``spacing`` or ``boundary`` says so;
            float64 or float32.
        spacing: a number, one for each axis, or None: the unit box. Between vertices next to a
            Dirichlet side that is 1 / (n + 1), as they are inside points only; a Neumann side holds
            its boundary points; periodic axes and cells 1 / n.
        boundary: ``"dirichlet"`` (u is given), ``"neumann"`` (the outward derivative is given) or
            ``"periodic"``; one for all axes, one for each, or (left, right) for each.
        boundary_values: a number for all sides, or (left, right) for each axis, of numbers, None
            for 0, or tensors that broadcast to the side.
        grid: unknowns at vertices or, ``"cell"``, at centres of cells.
        method: ``"multigrid"``, or ``"dst"``: by sine, cosine and Fourier transforms. Without a
            tolerance or iterations, and hard to beat on one CPU thread where sizes plus one (or
            sizes) have small prime factors.
        tol: for ``||f - A u|| / ||f||``; None is 1e-8 for float64 and 1e-4 for float32.
        max_iterations: V-cycles.
        initial: where to start, of the shape and dtype of f, if that is nearer than 0; None: 0.
        on_fail: ``"raise"`` a ConvergenceError or ``"warn"`` where the tolerance is not reached.
        dims: 2 or 3, where nothing else says it.

    Returns:
        ``SolveResult(solution, iterations, residual, residual_returned, converged)``: the solution
        in the shape and dtype of f; the rest one for each item of the batch. ``residual`` is that
        of the float64 iterate, ``residual_returned`` that of what is returned.

    Where no side is Dirichlet the solution is known up to a constant and f must have the mean 0 (by
    volume; with what the boundary values add): u has the mean 0.

    Gradients: of the solution in f, boundary values and nothing else, by one more solve; to any
    order, and in forward mode. They are as exact as the tolerance; with 1e-13 directional
    derivatives agree with differences to 1e-8 (poisson_solve, f). ``initial`` gets none.

    An item of the batch with a value that is not finite gets a solution and residuals of nan, and
    nothing is raised. Under autocast half precision becomes float32.

    Raises:
        TypeError: a dtype that is not float64 or float32, or does not fit.
        ValueError: a wrong shape, name or number, or an f of another mean where it must be 0.
        ConvergenceError: see ``on_fail``.
    """
    name = "poisson_solve"
    options = BoxOptions(
        spacing, boundary, boundary_values, grid, tol, max_iterations, on_fail, dims
    )
    f, initial = out_of_autocast(f), out_of_autocast(initial)
    check_field(name, "f", f)
    options.check_on_fail(name)
    check_method(name, method, ("multigrid", "dst"))
    geometry = options.geometry(name, f)
    limits = options.limits(name, f.dtype)
    check_initial(name, initial, f)
    terms = options.terms(name, geometry, f)
    right = _poisson.with_boundary(f, geometry, terms)
    if geometry.singular:
        _poisson.check_mean(name, right, geometry)
    solve = _poisson.by_transforms if method == "dst" else _poisson.by_cycles
    return finished(name, solve(right, initial, geometry, limits), limits, on_fail)


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
) -> SolveResult:
    """Solves ``-div(a grad u) = f`` on a box, for each item of a batch.

    The finite volumes of porous media: what flows between neighbours is their difference times the
    harmonic mean of a, over the distance. Conjugate gradients in float64, preconditioned by a
    V-cycle in float32 whose transfer and coarse operators follow the coefficient ("black box"
    multigrid). Beside an axis whose spacing is hundreds of times smaller, between Neumann or
    periodic sides, the cycle is in float64; from ratios of 1000 on rounding the solution itself may
    leave a residual of 1e-8 to 1e-6.

    Iterations to 1e-8 for the two phases of ``darcy_dataset``, at sizes 63 to 1023, at most: 12
    (contrast 4), 14 (contrast 40), 16 (contrast 400), 20 (contrast 1000), 12 (other sides, contrast
    4), 12 (odd periodic, contrast 4). Coarse grids cannot show patterns of single cells: drawn one
    by one they take 14 (contrast 4), 32 (contrast 40), 80 (contrast 400), 130 (contrast 1000).

    Args:
        a: the coefficient, positive, ``[..., H, W]`` or ``[..., D, H, W]`` where f has its values;
            float64 or float32, as f.
        f: as of ``poisson_solve``; batches of a and f broadcast. One a for all f is set up once.
        spacing: as of ``poisson_solve``.
        boundary: as of ``poisson_solve``.
        boundary_values: as of ``poisson_solve``; of a Neumann side ``a du/dn``, what flows in.
        grid: a and u at centres of cells, or at vertices.
        tol: as of ``poisson_solve``.
        max_iterations: of conjugate gradients.
        initial: as of ``poisson_solve``.
        on_fail: as of ``poisson_solve``.
        dims: as of ``poisson_solve``.

    Returns:
        As ``poisson_solve``.

    Gradients: of the solution in a, f and boundary values by one more solve, to any order, and in
    forward mode; as exact as the tolerance. With 1e-13 directional derivatives agree with
    differences to 1e-8 (diffusion_solve, f), 1e-8 (diffusion_solve, a).

    Raises:
        TypeError: a dtype that is not float64 or float32, or does not fit.
        ValueError: a wrong shape, name or number, an a that is not positive, or an f of another
            mean where it must be 0.
        ConvergenceError: see ``on_fail``.
    """
    name = "diffusion_solve"
    options = BoxOptions(
        spacing, boundary, boundary_values, grid, tol, max_iterations, on_fail, dims
    )
    a, f, initial = out_of_autocast(a), out_of_autocast(f), out_of_autocast(initial)
    check_field(name, "a", a)
    check_field(name, "f", f)
    options.check_on_fail(name)
    geometry = options.geometry(name, f)
    _diffusion.check_coefficient(name, a, f, geometry)
    limits = options.limits(name, f.dtype)
    batch = torch.broadcast_shapes(f.shape, a.shape)
    f = f.expand(batch)
    check_initial(name, initial, f)
    terms = options.terms(name, geometry, f)
    wide = a.to(torch.float64)
    right = _diffusion.with_boundary(f, wide, geometry, terms)
    if geometry.singular:
        _poisson.check_mean(name, right, geometry)
    found = _diffusion.solve(wide, right, initial, geometry, limits)
    return finished(name, found, limits, on_fail)
