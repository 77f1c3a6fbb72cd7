"""Conjugate gradients (Hestenes and Stiefel 1952), a batch of problems side by side."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail._krylov_system import Correction, Flaw, Method, Watch
from longtail._krylov_vectors import norm, real_dot


class ConjugateGradients(Method):
    """Every problem stops by itself: its step is 0 from then on.

    Products with A and M: one an iteration, and one of M at the start. A call of torch costs more
    than the arithmetic on a small grid, so there are few: numbers of problems change in place,
    and flaws are looked for one by one only where there may be some.
    """

    def correct(self, r: Tensor, target: Tensor, watch: Watch) -> Correction:
        """Steps until each problem with a residual above ``target`` is there, or failed."""
        system = self.system
        active = norm(r) > target
        iterations = torch.zeros_like(active, dtype=torch.int64)
        flaw, zero = torch.zeros_like(iterations), torch.zeros_like(target)
        x, z = torch.zeros_like(r), system.precondition(r)
        p, rho = system.rounded(z), real_dot(r, z)
        while watch.go_on(active):
            ap = system.product(p)
            curvature = real_dot(p, ap)
            good = torch.minimum(rho, curvature) > zero
            if r.is_cuda or bool((active > good).any()):
                flaw = _found(flaw, active & ~(rho > 0), Flaw.PRECONDITIONER)
                flaw = _found(flaw, active & ~(curvature > 0), Flaw.CURVATURE)
                active &= good
            alpha = torch.where(active, rho / curvature, zero)
            x.addcmul_(alpha, p)
            r = torch.addcmul(r, alpha, ap, value=-1)  # not in place: p or z may be r
            iterations += active
            square = real_dot(r, r)
            size = square.sqrt()
            active &= size > target
            watch.step(size)
            z = system.precondition(r)
            following = square if z is r else real_dot(r, z)
            # The next direction; 0 where a problem is done, so that nothing grows there.
            p = torch.where(active, torch.addcmul(z, following / rho, p), zero)
            p, rho = system.rounded(p), following
        return Correction(x, iterations, flaw)


def _found(flaw: Tensor, where: Tensor, kind: Flaw) -> Tensor:
    """The first flaw of each problem."""
    return torch.where(where & (flaw == 0), int(kind), flaw)
