"""Conjugate gradients (Hestenes and Stiefel 1952), a batch of problems side by side."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from longtail._krylov_system import Correction, Flaw, Method, Watch
from longtail._krylov_vectors import norm, real_dot


class _State(NamedTuple):
    """Of all problems: correction, residual, direction and ``r^H M r``."""

    x: Tensor
    r: Tensor
    p: Tensor
    rho: Tensor


class ConjugateGradients(Method):
    """Every problem stops by itself: its step is 0 from then on.

    Products with A and M: one an iteration, and one of M at the start.
    """

    def correct(self, r: Tensor, target: Tensor, watch: Watch) -> Correction:
        """Steps until each problem with a residual above ``target`` is there, or failed."""
        system = self.system
        active = norm(r) > target
        iterations = torch.zeros_like(active, dtype=torch.int64)
        flaw = torch.zeros_like(iterations)
        z = system.precondition(r)
        state = _State(torch.zeros_like(r), r, system.rounded(z), real_dot(r, z))
        while watch.go_on(active):
            ap = system.product(state.p)
            curvature = real_dot(state.p, ap)
            flaw = _found(flaw, active & ~(state.rho > 0), Flaw.PRECONDITIONER)
            flaw = _found(flaw, active & ~(curvature > 0), Flaw.CURVATURE)
            active = active & (flaw == 0)
            alpha = torch.where(active, state.rho / curvature, 0.0)
            x, r = state.x + alpha * state.p, state.r - alpha * ap
            iterations = iterations + active
            size = norm(r)
            active = active & (size > target)
            watch.step(size)
            state = self._next(x, r, state, active)
        return Correction(state.x, iterations, flaw)

    def _next(self, x: Tensor, r: Tensor, last: _State, active: Tensor) -> _State:
        """The next direction; 0 where a problem is done, so that nothing grows there."""
        z = self.system.precondition(r)
        rho = real_dot(r, z)
        p = torch.where(active, z + (rho / last.rho) * last.p, 0.0)
        return _State(x, r, self.system.rounded(p), rho)


def _found(flaw: Tensor, where: Tensor, kind: Flaw) -> Tensor:
    """The first flaw of each problem."""
    return torch.where(where & (flaw == 0), int(kind), flaw)
