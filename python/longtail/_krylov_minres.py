"""Minimal residuals (Paige and Saunders 1975), a batch of problems side by side."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail._krylov_system import Correction, Flaw, Method, Watch
from longtail._krylov_vectors import norm, real_dot

#: A Lanczos vector of this length, against what it was made of, is rounding: there are no more.
_NOTHING = 1e-14


def _over(x: Tensor, y: Tensor) -> Tensor:
    """x / y, 0 where y is."""
    return torch.where(y == 0, 0.0, x / torch.where(y == 0, 1.0, y))


class MinimalResiduals(Method):
    """Lanczos vectors are made orthonormal in M; rotations turn their tridiagonal matrix upper.

    With M the norm that falls in every step is that of M, not the one that is asked for; so the
    residual itself is carried along (one vector more), and its 2-norm decides.
    """

    def correct(self, r: Tensor, target: Tensor, watch: Watch) -> Correction:
        """Steps until each problem with a residual above ``target`` is there, or failed."""
        system = self.system
        active = norm(r) > target
        iterations = torch.zeros_like(active, dtype=torch.int64)
        flaw = torch.zeros_like(iterations)
        zero = torch.zeros_like(real_dot(r, r))
        x = w = w_before = v_before = torch.zeros_like(r)
        residual, v = r, r  # v: the newest Lanczos vector, not yet divided by beta
        z = system.precondition(v)
        beta, flaw = _length(v, z, active, flaw)
        phi, d_bar, epsilon, beta_before = beta, zero, zero, zero
        cos, sin = zero - 1, zero
        active = active & (flaw == 0)
        while watch.go_on(active):
            q = system.rounded(_over(z, beta))
            y = system.product(q) - _over(beta, beta_before) * v_before
            alpha = real_dot(q, y)
            v_before, v = v, y - _over(alpha, beta) * v
            z = system.precondition(v)
            beta_before = beta
            beta, flaw = _length(v, z, active, flaw)

            epsilon_before = epsilon
            delta, g_bar = cos * d_bar + sin * alpha, sin * d_bar - cos * alpha
            epsilon, d_bar = sin * beta, -cos * beta
            gamma = torch.hypot(g_bar, beta)
            cos, sin = _over(g_bar, gamma), _over(beta, gamma)
            # 0: A is singular and this direction lies in its null space.
            flaw = torch.where(active & (gamma == 0) & (flaw == 0), int(Flaw.BREAKDOWN), flaw)
            step, phi = cos * phi, sin * phi

            direction = _over(q - epsilon_before * w_before - delta * w, gamma)
            w_before, w = w, direction
            moves = active & (flaw == 0)
            x = torch.where(moves, x + step * w, x)
            next_residual = sin.square() * residual - (phi * cos) * _over(v, beta)
            residual = torch.where(moves, next_residual, residual)
            iterations = iterations + moves
            size = norm(residual)
            active = moves & (size > target)
            exhausted = beta <= _NOTHING * torch.hypot(alpha, beta_before)
            flaw = torch.where(active & exhausted, int(Flaw.BREAKDOWN), flaw)
            active = active & ~exhausted
            watch.step(size)
        return Correction(x, iterations, flaw)


def _length(v: Tensor, z: Tensor, active: Tensor, flaw: Tensor) -> tuple[Tensor, Tensor]:
    """``||v||`` in M, and M's flaw where the square of it is negative."""
    square = real_dot(v, z)
    bad = active & ~(square >= 0) & (flaw == 0)
    return square.clamp_min(0).sqrt(), torch.where(bad, int(Flaw.PRECONDITIONER), flaw)
