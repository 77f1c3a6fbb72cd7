"""Geometric multigrid as one writes it in torch: damped Jacobi, full weighting, linear
interpolation, once by slices and once by convolutions.

Slices reuse what they allocate and pass over memory as seldom as torch's operations allow: eight
passes a sweep. Red and black points by slices of step 2 need fewer cycles (8) and more time.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

OMEGA = 0.8  # of Jacobi
COARSEST = 3
SWEEPS = 20  # there
#: On the way down and up: of (1, 1), (2, 1) and (2, 2) the fastest to 1e-8.
BEST = (2, 1)


def framed(values: Tensor) -> Tensor:
    """With a frame of zeros, the boundary."""
    return functional.pad(values, (1, 1) * values.dim())


def inner(u: Tensor) -> Tensor:
    return u[(slice(1, -1),) * u.dim()]


def along(values: Tensor, axis: int, begin: int, end: int | None, step: int) -> Tensor:
    """A slice of one axis."""
    place = [slice(None)] * values.dim()
    place[axis] = slice(begin, end, step)
    return values[tuple(place)]


class Slices:
    """-Laplace on [n, n] or [n, n, n], n = 2^k - 1. u has a frame."""

    def __init__(self, sweeps: tuple[int, int] = BEST) -> None:
        self.before, self.after = sweeps

    def neighbours(self, u: Tensor) -> Tensor:
        """Their sum."""
        total: Tensor | None = None
        for axis in range(u.dim()):
            for side in (slice(None, -2), slice(2, None)):
                place = [slice(1, -1)] * u.dim()
                place[axis] = side
                values = u[tuple(place)]
                if total is None:
                    total = values.clone()
                else:
                    total += values
        assert total is not None
        return total

    def residual(self, u: Tensor, f: Tensor, h: float) -> Tensor:
        rest = self.neighbours(u)
        rest.sub_(inner(u), alpha=2 * u.dim())
        return torch.add(f, rest, alpha=h**-2)

    def smooth(self, u: Tensor, f: Tensor, h: float) -> None:
        around = self.neighbours(u)
        around.add_(f, alpha=h**2)
        inner(u).mul_(1 - OMEGA).add_(around, alpha=OMEGA / (2 * u.dim()))

    def restrict(self, r: Tensor) -> Tensor:
        for axis in range(r.dim()):
            left, right = along(r, axis, 0, -2, 2), along(r, axis, 2, None, 2)
            middle = along(r, axis, 1, None, 2)
            r = (left + right).add_(middle, alpha=2)
        return r.mul_(0.25 ** r.dim())

    def prolong_and_add(self, e: Tensor, u: Tensor) -> None:
        """e with its frame."""
        for axis in range(e.dim()):
            n = e.shape[axis] - 2
            shape = list(e.shape)
            shape[axis] = 2 * n + 1
            fine = e.new_empty(shape)
            between = along(fine, axis, 0, None, 2)
            torch.add(e.narrow(axis, 0, n + 1), e.narrow(axis, 1, n + 1), out=between)
            between.mul_(0.5)
            along(fine, axis, 1, None, 2).copy_(e.narrow(axis, 1, n))
            e = fine
        inner(u).add_(e)

    def cycle(self, u: Tensor, f: Tensor, h: float) -> None:
        """u becomes better."""
        if f.shape[0] <= COARSEST:
            for _ in range(SWEEPS):
                self.smooth(u, f, h)
            return
        for _ in range(self.before):
            self.smooth(u, f, h)
        coarse = self.restrict(self.residual(u, f, h))
        e = coarse.new_zeros([n + 2 for n in coarse.shape])
        self.cycle(e, coarse, 2 * h)
        self.prolong_and_add(e, u)
        for _ in range(self.after):
            self.smooth(u, f, h)


class Convolutions(Slices):
    """The same in two dimensions by conv2d, the boundary by its padding."""

    def __init__(self, dtype: torch.dtype, sweeps: tuple[int, int] = BEST) -> None:
        super().__init__(sweeps)
        self.cross = torch.tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=dtype)[None, None]
        tent = torch.tensor([0.5, 1, 0.5], dtype=dtype)
        self.tent = torch.outer(tent, tent)[None, None]

    def neighbours(self, u: Tensor) -> Tensor:
        return functional.conv2d(u[None, None], self.cross)[0, 0]

    def restrict(self, r: Tensor) -> Tensor:
        return functional.conv2d(r[None, None], self.tent, stride=2)[0, 0].mul_(0.25)

    def prolong_and_add(self, e: Tensor, u: Tensor) -> None:
        values = inner(e)[None, None]
        inner(u).add_(functional.conv_transpose2d(values, self.tent, stride=2)[0, 0])


def solve(method: Slices, f: Tensor, tol: float, dtype: torch.dtype) -> tuple[Tensor, int]:
    """u and the number of cycles, each for the residual, in this dtype; u is float64."""
    h = 1 / (f.shape[0] + 1)
    u, rest, cycles = framed(torch.zeros_like(f)), f, 0
    size = f.norm().item()
    error = math.inf
    while error > tol and cycles < 100:
        unit = rest.abs().max().item()
        e = torch.zeros_like(u, dtype=dtype)
        method.cycle(e, (rest / unit).to(dtype), h)
        u.add_(e, alpha=unit)
        rest = Slices.residual(method, u, f, h)
        error, cycles = rest.norm().item() / size, cycles + 1
    return inner(u), cycles
