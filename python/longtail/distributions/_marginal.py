"""Draw t = mu.x of von Mises-Fisher: the rejection sampler in the envelope's own coordinate.

The density of t is f(t) ~ (1 - t^2)^((p-3)/2) exp(k t). Ulrich's envelope, corrected by Wood,
maps d in (-1, 1), one coordinate of a uniform point on the sphere in R^p, to t by the Moebius
map that sends 0 to x0:

    x0 = 2k / (m + h),  1 - x0 = 2m / (2k + m + h),  h = sqrt(4k^2 + m^2),  m = p - 1
    1 - t = (1 - x0) (1 - d) / (1 + y),   y = x0 d.

Wood's test k t + m log(1 - x0 t) - c >= log u then becomes, all large terms cancelled by hand,

    m (y / (1 + y) - log(1 + y)) >= log u:

nothing of size k is left, so k = 1e8 is drawn as well as k = 1. At least 0.65 of the proposals
pass, whatever p and k. [G. Ulrich, Appl. Statist. 33 (1984) 158; A. Wood, Comm. Statist. Simul.
Comput. 23 (1994) 157]
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

# A proposal fails with probability below 0.35, so 200 rounds fail with 1e-91.
_MAX_ROUNDS = 200


class Envelope(NamedTuple):
    """The Moebius map d -> t of one p and many k; every field has the shape of k."""

    m: int
    x0: Tensor
    versine: Tensor  # 1 - x0, to full accuracy

    @classmethod
    def of(cls, p: int, k: Tensor) -> Envelope:
        """Return the map for the sphere in R^p and concentrations k (float64, finite)."""
        m = p - 1
        h = torch.hypot(2 * k, torch.full_like(k, m))
        return cls(m, 2 * k / (m + h), 2 * m / (2 * k + (m + h)))

    def to_versine(self, d: Tensor) -> Tensor:
        """Return 1 - t of the coordinate d."""
        return self.versine * (1 - d) / (1 + self.x0 * d)

    def to_coordinate(self, versine: Tensor) -> Tensor:
        """Return the coordinate d of 1 - t."""
        return (self.versine - versine) / (self.versine + self.x0 * versine)


def draw_versine(p: int, k: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return one draw of 1 - t for every element of k; nan where k is negative, inf or nan.

    p: dimension of the space, at least 2. k: float64. The draws are float64 in [0, 2].
    """
    valid = (k >= 0) & k.isfinite()
    k = torch.where(valid, k, 0.0)
    draws = _draw_on_sphere(k, generator) if p == 3 else _draw_by_rejection(p, k, generator)
    return torch.where(valid, draws, math.nan)


def _draw_on_sphere(k: Tensor, generator: torch.Generator | None) -> Tensor:
    """p = 3: t is a truncated exponential; 1 - t = -log(1 - u (1 - exp(-2k))) / k."""
    # u in (0, 1]: with u = 0 the first factor of the sample would be the mode exactly.
    u = 1 - torch.rand(k.shape, dtype=k.dtype, device=k.device, generator=generator)
    k_safe = torch.where(k > 0, k, 1.0)
    drawn = -torch.log1p(u * torch.expm1(-2 * k_safe)) / k_safe
    return torch.where(k > 0, drawn, 2 * u).clamp_max(2.0)


def _draw_by_rejection(p: int, k: Tensor, generator: torch.Generator | None) -> Tensor:
    shape = k.shape
    envelope = Envelope.of(p, k.reshape(-1))
    drawn, accepted = _propose(envelope.m, envelope.x0, generator)
    for _ in range(_MAX_ROUNDS):
        pending = (~accepted).nonzero().squeeze(-1)
        if pending.numel() == 0:
            return envelope.to_versine(drawn).clamp_(0.0, 2.0).reshape(shape)
        again, passed = _propose(envelope.m, envelope.x0[pending], generator)
        drawn[pending] = again
        accepted[pending] = passed
    raise RuntimeError(f"no draw accepted in {_MAX_ROUNDS} rounds: the random generator is broken")


def _propose(m: int, x0: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Return d, uniform on the sphere in one coordinate, and whether Wood's test accepts it."""
    shape, dtype, device = x0.shape, x0.dtype, x0.device
    if m == 1:
        d = torch.cos(math.pi * torch.rand(shape, dtype=dtype, device=device, generator=generator))
    else:
        # A normal over the norm of m + 1 normals, whose other m squares add up to twice a gamma
        # variate.
        z = torch.randn(shape, dtype=dtype, device=device, generator=generator)
        rest = torch._standard_gamma(torch.full_like(x0, 0.5 * m), generator=generator)
        d = z / torch.sqrt(z * z + 2 * rest)
    u = torch.rand(shape, dtype=dtype, device=device, generator=generator)
    y = x0 * d
    return d, m * (y / (1 + y) - torch.log1p(y)) >= torch.log(u)
