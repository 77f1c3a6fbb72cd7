"""PolyNorm and PolyReLU as torch operations in float64: what their kernels have no op for.

Formulas: csrc/rational/poly_math.h.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _cubic(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    cube, square, linear = weight.double().reshape(3).unbind(0)
    return cube, square, linear, bias.double().reshape(())


def _normalised(u: Tensor, eps: float) -> Tensor:
    return u * torch.rsqrt((u * u).mean(-1, keepdim=True) + eps)


def norm_value(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """w_0 N(x^3) + w_1 N(x^2) + w_2 N(x) + b."""
    cube, square, linear, constant = _cubic(weight, bias)
    wide = x.double()
    powers = [_normalised(wide**p, eps) for p in (3, 2, 1)]
    y = cube * powers[0] + square * powers[1] + linear * powers[2] + constant
    return y.to(x.dtype)


def norm_gradient(
    grad: Tensor, x: Tensor, weight: Tensor, bias: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """What the op ``poly_norm_backward`` gives."""
    coefficients = _cubic(weight, bias)[:3]
    g, wide = grad.double(), x.double()
    dx, d_weight = torch.zeros_like(wide), []
    for coefficient, p in zip(coefficients, (3, 2, 1), strict=True):
        u = wide**p
        r = torch.rsqrt((u * u).mean(-1, keepdim=True) + eps)
        mean = (g * u).mean(-1, keepdim=True)
        dx = dx + coefficient * p * wide ** (p - 1) * (r * g - u * r**3 * mean)
        d_weight.append((g * u * r).sum())
    return (
        dx.to(x.dtype),
        torch.stack(d_weight).reshape(weight.shape).to(weight.dtype),
        g.sum().reshape(bias.shape).to(bias.dtype),
    )


def relu_value(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """w_0 p^3 + w_1 p^2 + w_2 p + b, p = relu(x)."""
    cube, square, linear, constant = _cubic(weight, bias)
    p = x.double().relu()
    return (((cube * p + square) * p + linear) * p + constant).to(x.dtype)


def relu_gradient(
    grad: Tensor, x: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What the op ``poly_relu_backward`` gives."""
    cube, square, linear, _ = _cubic(weight, bias)
    g, p = grad.double(), x.double().relu()
    slope = (3 * cube * p + 2 * square) * p + linear
    dx = torch.where(x > 0, g * slope, torch.zeros_like(g))
    d_weight = torch.stack([(g * p**k).sum() for k in (3, 2, 1)])
    return (
        dx.to(x.dtype),
        d_weight.reshape(weight.shape).to(weight.dtype),
        g.sum().reshape(bias.shape).to(bias.dtype),
    )
