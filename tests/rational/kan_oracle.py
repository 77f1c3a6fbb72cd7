"""Kolmogorov-Arnold layers written out in float64 torch, otherwise than longtail has them: splines
by the recursive definition, polynomials by their monomial coefficients, all of phi in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.polynomial import chebyshev, hermite, legendre
from torch import Tensor

INPUTS = 37  # more than a chunk, and no multiple of any vector


def spline(x: Tensor, knots: Tensor, j: int, degree: int) -> Tensor:
    """B_j,degree(x) by the textbook recursion; x [..., in], knots [in, J]."""
    t = knots.unbind(1)
    if degree == 0:
        return ((t[j] <= x) & (x < t[j + 1])).to(x.dtype)
    left = (x - t[j]) / (t[j + degree] - t[j]) * spline(x, knots, j, degree - 1)
    right = (t[j + degree + 1] - x) / (t[j + degree + 1] - t[j + 1])
    return left + right * spline(x, knots, j + 1, degree - 1)


def bspline(x: Tensor, knots: Tensor, degree: int) -> Tensor:
    knots = knots.expand(x.shape[-1], -1)
    count = knots.shape[1] - degree - 1
    return torch.stack([spline(x, knots, j, degree) for j in range(count)], -1)


def series(to_monomials: Callable[..., np.ndarray]) -> Callable[[Tensor, int], Tensor]:
    def phi(x: Tensor, degree: int) -> Tensor:
        powers = torch.stack([x**p for p in range(degree + 1)], -1)
        columns = []
        for k in range(degree + 1):
            coefficients = to_monomials([0] * k + [1])
            columns.append(powers[..., : k + 1] @ torch.tensor(coefficients, dtype=x.dtype))
        return torch.stack(columns, -1)

    return phi


def gaussian(x: Tensor, centres: Tensor, width: Tensor) -> Tensor:
    return torch.exp(-((x[..., None] - centres) ** 2) / width**2)


def rswaf(x: Tensor, centres: Tensor, width: Tensor) -> Tensor:
    return 1 / torch.cosh((x[..., None] - centres) / width) ** 2


def relu_window(x: Tensor, start: Tensor, end: Tensor) -> Tensor:
    inside = (x[..., None] - start).clamp(min=0) * (end - x[..., None]).clamp(min=0)
    return 16 * inside**2 / (end - start) ** 4


def fourier(x: Tensor, degree: int) -> Tensor:
    turns = [torch.exp(1j * k * x) for k in range(1, degree + 1)]
    return torch.stack([*(t.real for t in turns), *(t.imag for t in turns)], -1)


def hat_layer(x: Tensor, weight: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Edge by edge."""
    u = (x[..., None, :] - shift) / scale
    psi = (
        2
        / (math.sqrt(3) * math.pi**0.25)
        * (torch.exp(-(u**2) / 2) - u**2 * torch.exp(-(u**2) / 2))
    )
    return (psi * weight[..., 0]).sum(-1)


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


class Kind(NamedTuple):
    """One way to call kan_basis.

    Attributes:
        kind: its name.
        keywords: of longtail, but for tensors.
        tensors: names and makers of tensors, each of (generator) in float64.
        keyword: how the tensors become keywords.
        phi: of (x, *tensors) in torch.
        functions: K.
        scale: elements of x are drawn from [-scale, scale].
    """

    kind: str
    keywords: dict[str, object]
    tensors: tuple[Callable[[torch.Generator], Tensor], ...]
    keyword: Callable[..., dict[str, object]]
    phi: Callable[..., Tensor]
    functions: int
    scale: float = 1.5


def uniform(low: float, high: float, *shape: int) -> Callable[[torch.Generator], Tensor]:
    return lambda g: torch.rand(shape, generator=g, dtype=torch.float64) * (high - low) + low


def ascending(*shape: int) -> Callable[[torch.Generator], Tensor]:
    return lambda g: torch.cumsum(uniform(0.1, 0.4, *shape)(g), -1) - 1.5


KINDS = {
    "bspline": Kind(
        "bspline", {}, (ascending(1, 12),), lambda t: {"grid": t}, lambda x, t: bspline(x, t, 3), 8
    ),
    "bspline, own knots, degree 2": Kind(
        "bspline",
        {"degree": 2},
        (ascending(INPUTS, 9),),
        lambda t: {"grid": t},
        lambda x, t: bspline(x, t, 2),
        6,
    ),
    "gaussian_rbf": Kind(
        "gaussian_rbf",
        {},
        (uniform(-1, 1, 1, 6), uniform(0.3, 1.0, 1, 6)),
        lambda c, w: {"grid": c, "params": w},
        gaussian,
        6,
    ),
    "gaussian_rbf, own centres": Kind(
        "gaussian_rbf",
        {},
        (uniform(-1, 1, INPUTS, 13), uniform(0.3, 1.0, INPUTS, 13)),
        lambda c, w: {"grid": c, "params": w},
        gaussian,
        13,
    ),
    "rswaf": Kind(
        "rswaf",
        {},
        (uniform(-1, 1, 1, 7), uniform(0.3, 1.0, 1, 7)),
        lambda c, w: {"grid": c, "params": w},
        rswaf,
        7,
    ),
    "chebyshev": Kind(
        "chebyshev", {"degree": 5}, (), dict, lambda x: series(chebyshev.cheb2poly)(x, 5), 6, 1.0
    ),
    "legendre": Kind(
        "legendre", {"degree": 4}, (), dict, lambda x: series(legendre.leg2poly)(x, 4), 5, 1.0
    ),
    "hermite": Kind(
        "hermite", {"degree": 3}, (), dict, lambda x: series(hermite.herm2poly)(x, 3), 4, 1.0
    ),
    "relu_window": Kind(
        "relu_window",
        {},
        (uniform(-1.2, -0.2, 1, 5), uniform(0.2, 1.2, 1, 5)),
        lambda s, e: {"params": (s, e)},
        relu_window,
        5,
    ),
    "fourier": Kind("fourier", {"degree": 4}, (), dict, lambda x: fourier(x, 4), 8, 3.0),
}

_ACTIVATIONS = {
    "relu": lambda x: x.clamp(min=0),
    "silu": silu,
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "tanh": torch.tanh,
}
_COMBINATIONS = {
    "quad1": lambda a, b: a**2 * b**2,
    "quad2": lambda a, b: a * b + a**2 + b**2,
    "sum": lambda a, b: a + b,
    "prod": lambda a, b: a * b,
    "sum_prod": lambda a, b: (1 + a) * (1 + b) - 1,
    "cubic1": lambda a, b: a**3 + a * b**2 + a**2 * b + b**3,
    "cubic2": lambda a, b: a**3 * b**3,
}


def _af_window(activation: str, combination: str) -> Kind:
    def phi(x: Tensor, start: Tensor, end: Tensor) -> Tensor:
        bend = _ACTIVATIONS[activation]
        return _COMBINATIONS[combination](bend(x[..., None] - start), bend(end - x[..., None]))

    return Kind(
        "relu_window",
        {},
        (uniform(-1.2, -0.2, INPUTS, 5), uniform(0.2, 1.2, INPUTS, 5)),
        lambda s, e: {"params": (s, e, activation, combination)},
        phi,
        5,
    )


for _activation in _ACTIVATIONS:
    for _combination in _COMBINATIONS:
        KINDS[f"{_activation} {_combination}"] = _af_window(_activation, _combination)


class Layer(NamedTuple):
    """x, weight, bias, base_weight and a kind's own tensors, float64."""

    x: Tensor
    weight: Tensor
    bias: Tensor
    base_weight: Tensor
    own: tuple[Tensor, ...]


def layer(kind: Kind, rows: tuple[int, ...], outputs: int, seed: int = 0) -> Layer:
    g = torch.Generator().manual_seed(seed)
    return Layer(
        uniform(-kind.scale, kind.scale, *rows, INPUTS)(g),
        torch.randn(outputs, INPUTS, kind.functions, generator=g, dtype=torch.float64),
        torch.randn(outputs, generator=g, dtype=torch.float64),
        torch.randn(outputs, INPUTS, generator=g, dtype=torch.float64),
        tuple(make(g) for make in kind.tensors),
    )


def twin(kind: Kind, given: Layer) -> Tensor:
    """y of the whole layer."""
    y = torch.einsum("...ik,oik->...o", kind.phi(given.x, *given.own), given.weight)
    return y + silu(given.x) @ given.base_weight.T + given.bias
