"""Kolmogorov-Arnold bases as torch operations in float64: what the kernels have no op for.

Formulas: csrc/rational/kan_math.h. Here the functions of all elements are in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor

from longtail._kan_kinds import ACTIVATIONS, COMBINATIONS, KINDS

_ACTIVATE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
_COMBINE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "quad1": lambda a, b: (a * b) ** 2,
    "quad2": lambda a, b: a * b + a * a + b * b,
    "sum": lambda a, b: a + b,
    "prod": lambda a, b: a * b,
    "sum_prod": lambda a, b: a + b + a * b,
    "cubic1": lambda a, b: (a + b) * (a * a + b * b),
    "cubic2": lambda a, b: (a * b) ** 3,
}


def splines(x: Tensor, knots: Tensor, degree: int) -> Tensor:
    """Cox and de Boor's recurrence, x ``[..., in, 1]``, knots ``[1 or in, J]``."""
    basis = ((knots[:, :-1] <= x) & (x < knots[:, 1:])).to(x.dtype)
    inside = torch.maximum(torch.minimum(x, knots[:, -1:]), knots[:, :1])
    for p in range(1, degree + 1):
        width = knots[:, p:] - knots[:, :-p]
        inverse = torch.where(width > 0, 1 / width, torch.zeros_like(width))
        left = (inside - knots[:, : -p - 1]) * inverse[:, :-1] * basis[..., :-1]
        right = (knots[:, p + 1 :] - inside) * inverse[:, 1:] * basis[..., 1:]
        basis = left + right
    return basis


def polynomials(x: Tensor, kind: str, degree: int) -> Tensor:
    """p_0 ... p_degree by their three-term recurrence."""
    values = [torch.ones_like(x)]
    before = torch.zeros_like(x)
    for k in range(degree):
        if kind == "chebyshev":
            a, c = (1.0 if k == 0 else 2.0), 1.0
        elif kind == "legendre":
            a, c = (2 * k + 1) / (k + 1), k / (k + 1)
        else:
            a, c = 2.0, 2.0 * k
        values.append(a * x * values[-1] - c * before)
        before = values[-2]
    return torch.cat(values, -1)


def windows(x: Tensor, starts: Tensor, ends: Tensor, variant: int) -> Tensor:
    """ReLU-KAN's windows (variant 0) or AF-KAN's."""
    if variant == 0:
        scale = 4 / (ends - starts) ** 2
        return (scale * torch.relu(x - starts) * torch.relu(ends - x)) ** 2
    activation, combination = divmod(variant - 1, len(COMBINATIONS))
    activate = _ACTIVATE[ACTIVATIONS[activation]]
    return _COMBINE[COMBINATIONS[combination]](activate(x - starts), activate(ends - x))


def basis_value(
    x: Tensor, first: Tensor, second: Tensor, kind: int, degree: int, variant: int
) -> Tensor:
    """phi ``[..., in, K]``."""
    name = KINDS[kind]
    wide, one, two = x.double().unsqueeze(-1), first.double(), second.double()
    if name == "bspline":
        phi = splines(wide, one, degree)
    elif name == "gaussian_rbf":
        phi = torch.exp(-(((wide - one) / two) ** 2))
    elif name == "rswaf":
        phi = 1 - torch.tanh((wide - one) / two) ** 2
    elif name == "relu_window":
        phi = windows(wide, one, two, variant)
    elif name == "fourier":
        angles = wide * torch.arange(1, degree + 1, dtype=wide.dtype, device=wide.device)
        phi = torch.cat([torch.cos(angles), torch.sin(angles)], -1)
    else:
        phi = polynomials(wide, name, degree)
    return phi.to(x.dtype)


def linear_value(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    first: Tensor,
    second: Tensor,
    kind: int,
    degree: int,
    variant: int,
    base: bool,
) -> Tensor:
    """bias_o + sum over i, k of weight[o, i, k] phi_k(x_i); with base silu(x_i) is the last."""
    wide = x.double()
    phi = basis_value(wide, first, second, kind, degree, variant)
    if base:
        phi = torch.cat([phi, functional.silu(wide).unsqueeze(-1)], -1)
    return _layer(torch.einsum("...ik,oik->...o", phi, weight.double()), bias, x.dtype)


def hat_value(x: Tensor, weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """bias_o + sum over i of weight[o, i] psi((x_i - shift[o, i]) / scale[o, i])."""
    u = (x.double().unsqueeze(-2) - shift.double()) / scale.double()
    norm = 2 / (math.sqrt(3) * math.pi**0.25)
    hat = norm * (1 - u * u) * torch.exp(-u * u / 2)
    return _layer((weight.double() * hat).sum(-1), bias, x.dtype)


def _layer(product: Tensor, bias: Tensor, dtype: torch.dtype) -> Tensor:
    return (product + bias.double() if bias.numel() else product).to(dtype)
