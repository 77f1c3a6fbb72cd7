"""Taps of diagonal state spaces at any l, no digit of the phase lost: angles are reduced in turns,
as integers of 128 bits."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import torch
from torch import Tensor

_BITS = 128
_WORD = 1 << 64


def _turns(dt: float, rate: float) -> tuple[int, float]:
    """The turn that a step makes, dt rate / 2 pi modulo 1: its first 64 bits, and the rest."""
    with mpmath.workprec(2 * _BITS + 64):
        whole = int(mpmath.nint(mpmath.mpf(Fraction(dt).numerator) / Fraction(dt).denominator
                                * mpmath.mpf(rate) / (2 * mpmath.pi) * 2**_BITS))  # fmt: skip
    high, low = divmod(whole % (1 << _BITS), _WORD)
    return high, low / _WORD


def _angles(dt: float, rate: float, at: np.ndarray) -> np.ndarray:
    """l dt rate for all l, in radians around 0, to an eps of float64."""
    high, low = _turns(dt, rate)
    steps = at.astype(np.uint64)
    with np.errstate(over="ignore"):
        first = (steps * np.uint64(high)).view(np.int64)  # modulo a turn, from -1/2 on
    return 2 * np.pi * (first.astype(np.float64) + at * low) / _WORD


def _drive(dt: float, a: complex) -> complex:
    """(e^z - 1) / A, z = dt A."""
    with mpmath.workprec(_BITS):
        rate = mpmath.mpc(a)
        return complex(mpmath.expm1(dt * rate) / rate) if a else complex(dt)


def exact_kernel(dt: Tensor, A: Tensor, B: Tensor, C: Tensor, at: Tensor) -> Tensor:
    """``2 Re sum_n C[n] b[n] a[n]^l`` in float64 for the l of ``at``, zero-order hold; C [H, S]."""
    rows = []
    steps = at.numpy()
    for h in range(A.shape[0]):
        step = float(dt[h])
        row = np.zeros(len(steps))
        for n in range(A.shape[1]):
            rate = complex(A[h, n])
            weight = 2 * complex(C[h, n]) * complex(B[h, n]) * _drive(step, rate)
            angle = _angles(step, rate.imag, steps)
            fading = np.exp(steps * (step * rate.real))
            row += fading * (weight.real * np.cos(angle) - weight.imag * np.sin(angle))
        rows.append(torch.from_numpy(row))
    return torch.stack(rows)
