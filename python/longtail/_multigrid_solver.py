"""A solver whose setup is kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail import _diffusion, _poisson
from longtail._dtensor import beside
from longtail._grid_operator import GridOperator, linear_operator
from longtail._grid_ops import Method, Where, iterate
from longtail._multigrid_arguments import (
    check_initial,
    finished,
    limits_of,
    out_of_autocast,
)
from longtail._rounding import cycle_dtype
from longtail._scaling import power_of_two
from longtail._solve_result import SolveResult, check_on_fail

_SYMMETRIC = Method("rbgs", 1, 1, 1.0, False, True)


class MultigridSolver:
    """Solves ``op(u) = f`` for many f: what depends on the operator alone is made once.

    Conjugate gradients in float64 with a V-cycle in float32 or, as ``diffusion_solve``, in float64.
    All it holds are tensors: it can be copied, pickled and shared between threads.

    Args:
        op: the finest operator of ``poisson_stencil`` or ``diffusion_stencil``. It is symmetric, A
            times volumes: ``op.right_hand_side(f)`` is the f of -div(a grad u) = f, with values on
            the sides.
        tol: for ``||f - op(u)|| / ||f||``; None is 1e-8 for float64 and 1e-4 for float32.
        max_iterations: of conjugate gradients.
        on_fail: ``"raise"`` a ConvergenceError or ``"warn"`` where the tolerance is not reached.

    Gradients: of a solution in f and in the coefficient of op, by one more solve, which is set up
    already; to any order, and in forward mode.

    Raises:
        TypeError: an op that is none.
        ValueError: a coarse op, a wrong number or word.
    """

    def __init__(
        self,
        op: GridOperator,
        *,
        tol: float | None = None,
        max_iterations: int = 200,
        on_fail: str = "raise",
    ) -> None:
        name = "MultigridSolver"
        if not isinstance(op, GridOperator):
            raise TypeError(
                f"{name}: op must be a GridOperator (poisson_stencil, diffusion_stencil), got "
                f"{type(op).__name__}"
            )
        if op.level != 0:
            raise ValueError(f"{name}: op is of level {op.level}, expected the finest")
        check_on_fail(name, on_fail)
        self.op = op
        self.limits = limits_of(name, tol, max_iterations, op.dtype)
        self.on_fail = on_fail
        # Coefficients of any size fit float32 as multiples of the largest.
        self.unit = power_of_two(op.coefficient, len(op.sizes))
        self.faces = [each / self.unit for each in op.faces]
        self.hierarchy = op.hierarchy_of(self.faces, cycle_dtype(op.geometry), strict=False)

    def __repr__(self) -> str:
        return f"MultigridSolver({self.op!r}, tol={self.limits.tolerance:g})"

    def __call__(self, f: Tensor, initial: Tensor | None = None) -> SolveResult:
        """The solution of ``op(u) = f``.

        Args:
            f: ``[..., sizes of op]`` in its dtype; batches of f and op broadcast.
            initial: where to start, like f; None: 0.

        Returns:
            As ``poisson_solve``.
        """
        name, op = "MultigridSolver", self.op
        f, initial = out_of_autocast(f), out_of_autocast(initial)
        op.check(name, "f", f)
        batch, _, _ = op.arranged(name, {"f": f})
        f = f.expand(*batch, *op.sizes)
        check_initial(name, initial, f)
        if op.singular:
            volumes = op.volumes
            _poisson.check_mean(name, f if volumes is None else f / volumes, op.geometry)
        right = f.to(torch.float64) / self.unit
        found = _diffusion.solve_symmetric(
            self.faces, right, initial, op.geometry, self.limits, f.dtype, self.hierarchy
        )
        return finished(name, found, self.limits, self.on_fail)

    def precondition(self, r: Tensor) -> Tensor:
        """One symmetric V(1,1)-cycle from 0, in the solver's precision: an approximation to the
        inverse of op, for ``longtail.krylov.pcg`` and its like. Symmetric and positive definite but
        for rounding.

        Args:
            r: ``[..., sizes of op]`` in its dtype.

        Returns:
            A new tensor like r. Gradients in r.
        """
        name, op = "precondition", self.op
        r = out_of_autocast(r)
        batch, (rows,), systems = op.arranged(name, {"r": r})
        packed = _diffusion.systems_of([self.hierarchy.detach()], systems, [1])[0]
        packed = beside(packed, rows)
        where = Where(op.plan, 0)
        # Numbers of any size fit float32 by the largest of them.
        size = power_of_two(rows, rows.dim() - 1)
        cycled = iterate(packed, None, (rows / size).to(packed.dtype), _SYMMETRIC, where)
        result = (size * cycled.to(op.dtype)).reshape(*batch, *op.sizes)
        return (result / self.unit).to(op.dtype)

    def as_linear_operator(self) -> Any:
        """``precondition`` as a ``scipy.sparse.linalg.LinearOperator`` on flat vectors: the M of
        SciPy's ``cg``."""
        return linear_operator("as_linear_operator", self.op, self.precondition)

    def to(self, device: Any) -> MultigridSolver:
        """The same on another device."""
        copy = MultigridSolver.__new__(MultigridSolver)
        copy.op, copy.limits, copy.on_fail = self.op.to(device), self.limits, self.on_fail
        copy.unit = self.unit.to(device)
        copy.faces = [each.to(device) for each in self.faces]
        copy.hierarchy = self.hierarchy.to(device)
        return copy
