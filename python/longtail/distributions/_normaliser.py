"""The functions of the concentration k in which everything about von Mises-Fisher is said.

On the sphere in R^p, v = p/2 - 1 and H(k) = 0F1(; p/2; k^2/4) = E[exp(k t)] for t one
coordinate of a uniform point. The density of von Mises-Fisher is exp(k mu.x) / (S_(p-1) H(k)):
no v ln k appears, the large term that cancels between k^v and I_v(k) in the textbook form.

Near the mode even k t and log H are large against what remains, so the code works with the
versine s = 1 - t, and

    psi(k) = k - log H(k) = -log E[exp(-k s)],    psi' = 1 - A,    A = I_(v+1)(k) / I_v(k).

All take an integer p and a float64 tensor k >= 0, and are differentiable in k. [DLMF 10.25,
10.39.9; K. Mardia, P. Jupp, Directional Statistics (2000), section 9.3]
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from longtail._autograd import Saved, differentiable
from longtail.bessel import bessel_i_ratio, log_bessel_ie, log_hyp0f1

Function = Callable[[int, Tensor], Tensor]


def _is_large(p: int, k: Tensor) -> Tensor:
    """Return where k is so large that I_v(k) exp(-k) says more about 1 - A than A does.

    There v log k, the largest term of psi from the scaled Bessel function, is below the k of
    k - log H, so that it also rounds less.
    """
    v = 0.5 * p - 1
    return (k > 4) & (k > v * torch.log(k.clamp_min(4)))


def _ladder(name: str, value: Function, slope: Function) -> Function:
    """Return the function `value` of (p, k), whose derivative in k is the function `slope`."""

    def backward(saved: Saved, grad: Tensor) -> tuple[None, Tensor]:
        return None, grad * slope(*saved.inputs)

    def jvp(saved: Saved, _: None, tangent: Tensor) -> Tensor:
        return tangent * slope(*saved.inputs)

    return differentiable(name, value, backward, jvp)


def _derivative(name: str, p: int, k: Tensor, order: int) -> Tensor:
    """Return a derivative in x = k of the Bessel op `name`, at order v = p/2 - 1."""
    v = torch.full_like(k, 0.5 * p - 1)
    derivative: Tensor = getattr(torch.ops.longtail, name + "_derivative")(v, k, 0, order)
    return derivative


def _log_hyp(p: int, k: Tensor) -> Tensor:
    # |k| keeps the sign of k, so that a concentration below 0 gives nan.
    return log_hyp0f1(0.5 * p, 0.25 * k * k.abs())


def _psi(p: int, k: Tensor) -> Tensor:
    v = 0.5 * p - 1
    large = _is_large(p, k)
    k_large = torch.where(large, k, 4.0)
    k_small = torch.where(large, 0.0, k)
    scaled = v * torch.log(0.5 * k_large) - math.lgamma(v + 1) - log_bessel_ie(v, k_large)
    return torch.where(large, scaled, k_small - _log_hyp(p, k_small))


def _mean_versine(p: int, k: Tensor) -> Tensor:
    v = 0.5 * p - 1
    large = _is_large(p, k)
    k_large = torch.where(large, k, 4.0)
    scaled = v / k_large - _derivative("log_bessel_ie", p, k_large, 1)
    return torch.where(large, scaled, 1 - mean_length(p, k))


def mean_length(p: int, k: Tensor) -> Tensor:
    """Return A(k) = E[mu.x] = I_(p/2)(k) / I_(p/2-1)(k)."""
    return bessel_i_ratio(0.5 * p - 1, k)


mean_length_slope = _ladder(
    "mean_length_slope",
    lambda p, k: _derivative("bessel_i_ratio", p, k, 1),
    lambda p, k: _derivative("bessel_i_ratio", p, k, 2),
)
"""A'(k) = Var[mu.x], without the cancellation in 1 - A^2 - (p - 1) A / k. Differentiable once."""

mean_versine = _ladder("mean_versine", _mean_versine, lambda p, k: -mean_length_slope(p, k))
"""1 - A(k), to full relative accuracy also where A rounds to 1."""

log_hyp = _ladder("log_hyp", _log_hyp, mean_length)
"""log H(k), the log of the normaliser relative to the uniform distribution."""

psi = _ladder("psi", _psi, mean_versine)
"""psi(k) = k - log H(k), without the cancellation of the two at large k."""


def mean_length_over_k(p: int, k: Tensor) -> Tensor:
    """Return A(k) / k, which is 1/p at k = 0: the variance across the mean direction."""
    zero = k == 0
    k_safe = torch.where(zero, 1.0, k)
    return torch.where(zero, 1.0 / p, mean_length(p, k_safe) / k_safe)
