"""The reparametrised gradient of t = mu.x in the concentration k.

A draw t holds its probability F(t; k) fixed while k moves, so dt/dk = -(dF/dk) / f(t), F the
distribution function and f the density of t. Since df/dk = (t - A) f,

    dt/dk = int_t^1 (s - A) f(s)/f(t) ds = int_{-1}^t (A - s) f(s)/f(t) ds,

and on the side of t away from the mean A the integrand is positive: no cancellation. Only a
ratio of densities appears, so no normaliser either. The integral is taken in the angle phi,
d = sin(phi), of the sampler's coordinate d (see _marginal.py), where the density is

    rho(phi) ~ cos(phi)^(m-1) exp(m (y/(1+y) - log(1+y))),   y = x0 sin(phi),  m = p - 1:

smooth to both ends for every p >= 2, at its mode at phi = 0, and of width 1/sqrt(m) whatever k.
A Gauss-Legendre rule over the part of the range that is above exp(-40) of rho(phi) does it.
[M. Figurnov, S. Mohamed, A. Mnih, Implicit reparameterization gradients, NeurIPS 2018]
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from longtail.distributions._marginal import Envelope
from longtail.distributions._normaliser import mean_length, mean_versine

_NODES = 40
# The range ends where the density has fallen by exp(-40): beyond float64's rounding.
_FALL = 40.0
# Samples per block: 2^13 x 40 nodes x 8 bytes = 2.6 MB a temporary, inside the L2 cache.
_BLOCK = 1 << 13


@functools.cache
def _rule() -> tuple[list[float], list[float]]:
    """Return the Gauss-Legendre nodes and weights on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return ((nodes + 1) / 2).tolist(), (weights / 2).tolist()


def versine_slope(p: int, k: Tensor, versine: Tensor) -> Tensor:
    """Return d(1 - t)/dk <= 0 at fixed probability, for draws 1 - t at concentration k.

    k and versine are float64, and k broadcasts to the shape of versine. Relative error below
    1e-11 for p from 2 to 1e5 and k from 0 to 1e8, growing in the far tails as rounding of 1 - t
    does.
    """
    # How far the mean lies below x0, which stands in for it in the map.
    envelope = Envelope.of(p, k)
    near_1 = mean_versine(p, k) - envelope.versine
    shift = torch.where(k < p, envelope.x0 - mean_length(p, k), near_1)

    shape = versine.shape
    k, shift = (a.expand(shape).reshape(-1) for a in (k, shift))
    versine = versine.reshape(-1)
    out = torch.empty_like(k)
    for start in range(0, k.numel(), _BLOCK):
        part = slice(start, start + _BLOCK)
        out[part] = -_slope(Envelope.of(p, k[part]), versine[part], shift[part])
    return out.reshape(shape)


def _slope(envelope: Envelope, versine: Tensor, shift: Tensor) -> Tensor:
    """Return dt/dk; shift is x0 - A. All of shape [n]."""
    m, x0, x0_versine = envelope
    spread = x0_versine * (1 + x0)
    # Keep off the very ends, where cos(phi) = 0: the gradient there is 0 all the same.
    d = envelope.to_coordinate(versine).clamp(-1 + 2**-50, 1 - 2**-50)
    cos = torch.sqrt((1 - d) * (1 + d))
    one_y = 1 + x0 * d
    # t - x0 = spread d / (1 + y), so t - A = that + shift.
    up = torch.where(spread * d / one_y + shift >= 0, 1.0, -1.0)
    width = _width(m, d, cos, up)

    nodes, weights = _rule()
    fraction = torch.tensor(nodes, dtype=d.dtype, device=d.device)
    weight = torch.tensor(weights, dtype=d.dtype, device=d.device)
    d, cos, one_y, up, spread, shift, x0 = (
        a.unsqueeze(-1) for a in (d, cos, one_y, up, spread, shift, x0)
    )
    half = torch.sin((0.5 * width).unsqueeze(-1) * fraction)  # [n, nodes]
    sin_h, cos_drop = 2 * half * torch.sqrt(1 - half * half), 2 * half * half
    # Differences from the start point by the addition theorems, exact for small steps h.
    d_step = up * cos * sin_h - d * cos_drop
    growth = x0 * d_step / one_y
    one_y_node = (one_y + x0 * d_step).clamp_min(1e-30)
    fall = (cos_drop + up * d / cos * sin_h).clamp_max(1 - 2**-53)
    # cos^m and (1+y)^-m under one log; cos^(m-1) asks to divide by one cosine ratio again.
    log_ratio = m * (torch.log1p(-(fall + growth) / (1 + growth)) + growth / one_y_node)
    density = torch.exp(log_ratio) / (1 - fall)
    centred = spread * (d + d_step) / one_y_node + shift
    integral = width * ((up * centred * density) @ weight)
    return (spread / one_y.square() * cos).squeeze(-1) * integral


def _width(m: int, d: Tensor, cos: Tensor, up: Tensor) -> Tensor:
    """Return how far phi must move in direction up for the density to fall by exp(-_FALL).

    From the factor cos^(m-1) alone, whose log is concave with slope -(m-1) tan and curvature
    at least m-1; the other factor falls away from phi = 0 too. At most to the end of the range.
    """
    outward = up * d
    to_mode = torch.asin((-outward).clamp_min(0.0))
    slope = (m - 1) * outward.clamp_min(0.0) / cos
    fall = 2 * _FALL / (slope + torch.sqrt(slope * slope + 2 * _FALL * (m - 1)))
    return torch.minimum(to_mode + fall, torch.acos(outward.clamp(-1.0, 1.0)))
