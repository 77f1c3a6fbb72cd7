"""The group rational as torch operations in float64: what its kernels have no op for.

Forward mode and second derivatives are rare beside training; they are taken of these formulas,
which torch differentiates as often as asked. Formulas and conventions: csrc/rational/point.h.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Grouped(NamedTuple):
    """Arguments side by side: x as [..., groups, channels a group], coefficients as [groups, 1]."""

    x: Tensor
    a: list[Tensor]
    b: list[Tensor]


def _columns(coefficients: Tensor, groups: int) -> list[Tensor]:
    repeats = groups // coefficients.shape[0]
    rows = coefficients.double().repeat_interleave(repeats, dim=0)
    return [column.unsqueeze(-1) for column in rows.unbind(1)]


def _group(x: Tensor, groups: int, dim: int) -> Tensor:
    return x.double().movedim(dim, -1).unflatten(-1, (groups, -1))


def _ungroup(x: Tensor, like: Tensor, dim: int) -> Tensor:
    return x.flatten(-2).movedim(-1, dim).to(like.dtype)


def _grouped(x: Tensor, numerator: Tensor, denominator: Tensor, dim: int) -> Grouped:
    groups = math.lcm(numerator.shape[0], denominator.shape[0])
    return Grouped(
        _group(x, groups, dim), _columns(numerator, groups), _columns(denominator, groups)
    )


def _sign(value: Tensor) -> Tensor:
    """+1 or -1, +1 at 0, without a gradient."""
    return torch.where(value.detach() < 0, -1.0, 1.0).to(value.dtype)


def _polynomial(coefficients: list[Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Value and derivative by Horner's rule."""
    value, slope = coefficients[-1].expand_as(x), torch.zeros_like(x)
    for coefficient in reversed(coefficients[:-1]):
        slope = slope * x + value
        value = value * x + coefficient
    return value, slope


class _Parts(NamedTuple):
    """P and Q with their slopes, and what stands before x^j in dQ/db_j."""

    p: Tensor
    p_slope: Tensor
    q: Tensor
    q_slope: Tensor
    z: Tensor  # |x| in version A
    inner_sign: Tensor
    b_signs: list[Tensor]


def _parts(at: Grouped, version: int) -> _Parts:
    x = at.x
    if version == 0:
        z, outer = x.abs(), x.sign()
        signs = [_sign(each) for each in at.b]
        b = [each * sign for each, sign in zip(at.b, signs, strict=True)]
    else:
        z, outer = x, torch.ones_like(x)
        signs = [torch.ones_like(each) for each in at.b]
        b = at.b
    inner, inner_slope = _polynomial([torch.zeros_like(b[0]), *b], z)
    inner_sign = torch.ones_like(x) if version == 0 else _sign(inner)
    p, p_slope = _polynomial(at.a, x)
    return _Parts(
        p, p_slope, 1 + inner_sign * inner, outer * inner_sign * inner_slope, z, inner_sign, signs
    )


def value(x: Tensor, numerator: Tensor, denominator: Tensor, version: int, dim: int) -> Tensor:
    """F(x), in the dtype of x."""
    parts = _parts(_grouped(x, numerator, denominator, dim), version)
    return _ungroup(parts.p / parts.q, x, dim)


def gradient(
    grad: Tensor, x: Tensor, numerator: Tensor, denominator: Tensor, version: int, dim: int
) -> tuple[Tensor, Tensor, Tensor]:
    """What the op ``rational_backward`` gives, differentiable once more."""
    at = _grouped(x, numerator, denominator, dim)
    parts = _parts(at, version)
    y = parts.p / parts.q
    t = _group(grad, at.x.shape[-2], dim) / parts.q
    dx = (parts.p_slope - y * parts.q_slope) * t
    inner = t * y * parts.inner_sign
    d_numerator = [_sum(t * at.x**i) for i in range(len(at.a))]
    d_denominator = [
        -sign.squeeze(-1) * _sum(inner * parts.z ** (j + 1)) for j, sign in enumerate(parts.b_signs)
    ]
    return (
        _ungroup(dx, x, dim),
        _collect(d_numerator, numerator),
        _collect(d_denominator, denominator),
    )


def _sum(values: Tensor) -> Tensor:
    """Over everything but the groups."""
    return values.sum(-1).flatten(0, -2).sum(0) if values.dim() > 2 else values.sum(-1)


def _collect(columns: list[Tensor], like: Tensor) -> Tensor:
    """Sums of [groups] into the rows that share them."""
    return torch.stack(columns, -1).unflatten(0, (like.shape[0], -1)).sum(1).to(like.dtype)
