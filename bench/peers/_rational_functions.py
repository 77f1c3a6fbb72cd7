"""The rivals of the rational family in torch operations, and tensors to call them with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

import longtail
from bench.kit.runner import timed

GROUPS = 8
SEED = 0

Function = Callable[[Tensor, Tensor, Tensor], Tensor]


class Problem(NamedTuple):
    """x with two parameter tensors, and a gradient of the result."""

    x: Tensor
    first: Tensor
    second: Tensor
    grad: Tensor

    def tracked(self, dtype: torch.dtype | None = None) -> list[Tensor]:
        """x and the parameters, to be differentiated."""
        return [each.to(dtype or each.dtype, copy=True).requires_grad_() for each in self[:3]]

    def gradients(self, function: Function, dtype: torch.dtype | None = None) -> list[Tensor]:
        """All three gradients."""
        tensors = self.tracked(dtype)
        return list(torch.autograd.grad(function(*tensors), tensors, self.grad.to(tensors[0])))


def rational_problem(shape: Sequence[int]) -> Problem:
    """GELU's coefficients: one numerator, 8 denominators."""
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(tuple(shape), generator=generator)
    numerator, denominator = (each.float() for each in longtail.fit_rational("gelu"))
    grad = torch.randn(tuple(shape), generator=generator)
    return Problem(x, numerator, denominator.expand(GROUPS, -1).clone(), grad)


def norm_problem(rows: int, columns: int) -> Problem:
    """Weights that differ, so that no term hides another."""
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(rows, columns, generator=generator)
    grad = torch.randn(rows, columns, generator=generator)
    return Problem(x, torch.tensor([0.2, 0.3, 0.5]), torch.tensor([0.1]), grad)


def _rows(coefficients: Tensor, x: Tensor) -> list[Tensor]:
    """Coefficients as [groups, 1] columns beside x of [..., groups, channels a group]."""
    return [each.unsqueeze(-1) for each in coefficients.expand(x.shape[-2], -1).unbind(1)]


def eager(x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """Version A by Horner's rule, as a careful user of torch writes it."""
    grouped = x.unflatten(-1, (GROUPS, -1))
    p = torch.zeros_like(grouped)
    for a in reversed(_rows(numerator, grouped)):
        p = p * grouped + a
    size, q = grouped.abs(), torch.zeros_like(grouped)
    for b in reversed(_rows(denominator, grouped)):
        q = (q + b.abs()) * size
    return (p / (1 + q)).flatten(-2)


def reference(x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """KAT's own path for the CPU, re-expressed: every power of x on its own."""
    grouped = x.unflatten(-1, (GROUPS, -1))
    powers = [grouped**k for k in range(1, numerator.shape[1])]
    columns = _rows(numerator, grouped)
    p = columns[0] + sum(a * each for a, each in zip(columns[1:], powers, strict=True))
    q = sum(
        b.abs() * each.abs() for b, each in zip(_rows(denominator, grouped), powers, strict=False)
    )
    return (p / (1 + q)).flatten(-2)


def eager_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """poly_norm as a user of torch writes it."""

    def normalised(u: Tensor) -> Tensor:
        return u * torch.rsqrt(u.square().mean(-1, keepdim=True) + 1e-6)

    w = weight.unbind()
    return w[0] * normalised(x * x * x) + w[1] * normalised(x * x) + w[2] * normalised(x) + bias


def on_threads(threads: int, call: Callable[[], object]) -> Callable[[], float]:
    """Timed at a number of threads."""

    def run() -> None:
        torch.set_num_threads(threads)
        call()

    return timed(run)


def relative(got: Tensor, exact: Tensor) -> tuple[float, float]:
    """Largest and median error over the largest element."""
    error = (got.double() - exact).abs() / exact.abs().max()
    return float(error.max()), float(error.median())
