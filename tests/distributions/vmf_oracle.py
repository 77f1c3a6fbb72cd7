"""Exact numbers for the tests: functions of the concentration by python-flint (Arb), the
distribution function of mu.x by mpmath, neither with anything from longtail."""

from __future__ import annotations

import functools

import mpmath
import numpy as np
from flint import arb, ctx

_BITS = 400


def _bessel(v: float, k: float) -> arb:
    ctx.prec = _BITS
    return arb(k).bessel_i(arb(v))


@functools.cache
def log_hyp(p: int, k: float) -> float:
    """log 0F1(; p/2; k^2/4)."""
    return float(_log_hyp(p, k))


def _log_hyp(p: int, k: float) -> arb:
    ctx.prec = _BITS
    if k == 0:
        return arb(0)
    v = arb(p) / 2 - 1
    return arb(k).bessel_i(v).log() + (v + 1).lgamma() - v * (arb(k) / 2).log()


@functools.cache
def psi(p: int, k: float) -> float:
    """k - log 0F1(; p/2; k^2/4)."""
    return float(arb(k) - _log_hyp(p, k))


def _length(p: int, k: float) -> arb:
    if k == 0:
        return arb(0)
    return _bessel(0.5 * p, k) / _bessel(0.5 * p - 1, k)


@functools.cache
def mean_length(p: int, k: float) -> float:
    """A = I_(p/2)(k) / I_(p/2-1)(k)."""
    return float(_length(p, k))


@functools.cache
def mean_versine(p: int, k: float) -> float:
    """1 - A."""
    return float(1 - _length(p, k))


@functools.cache
def slope(p: int, k: float) -> float:
    """A' = 1 - A^2 - (p - 1) A / k, in digits enough for its cancellation."""
    if k == 0:
        return 1 / p
    length = _length(p, k)
    return float(1 - length * length - (p - 1) * length / arb(k))


def log_area(p: int) -> float:
    """log of the area of the unit sphere in R^p."""
    return float(_log_area(p))


def _log_area(p: int) -> arb:
    ctx.prec = _BITS
    return arb(2).log() + arb(p) / 2 * arb.pi().log() - (arb(p) / 2).lgamma()


def _mpf(x: arb) -> mpmath.mpf:
    return mpmath.mpf(x.str(40, radius=False))


def log_density_at(p: int, k: float, versine: float) -> float:
    """The log density at a point whose cosine with the mean direction is 1 - versine."""
    return float(arb(k) * (1 - arb(versine)) - _log_hyp(p, k) - _log_area(p))


def entropy(p: int, k: float) -> float:
    """log S + log H - k A."""
    return float(_log_area(p) + _log_hyp(p, k) - arb(k) * _length(p, k))


def divergence(p: int, k1: float, k2: float, versine: float) -> float:
    """KL(vMF(k1) || vMF(k2)) of mean directions whose cosine is 1 - versine."""
    ctx.prec = _BITS
    away = arb(k1) - arb(k2) * (1 - arb(versine))
    return float(_length(p, k1) * away - _log_hyp(p, k1) + _log_hyp(p, k2))


def distribution_function(p: int, k: object, versine: object) -> mpmath.mpf:
    """P(1 - mu.x >= versine) by quadrature in the angle, to 20 digits. Takes mpf too."""
    with mpmath.workdps(30):
        k, angle = mpmath.mpf(k), mpmath.acos(1 - mpmath.mpf(versine))
        # The bulk of the angle: mode and width of k cos + (p - 2) log sin.
        peak = mpmath.acos(2 * k / (p - 2 + mpmath.hypot(p - 2, 2 * k)))
        bend = (p - 2) / mpmath.sin(peak) ** 2 if p > 2 else 0
        width = 1 / mpmath.sqrt(k * mpmath.cos(peak) + bend + mpmath.mpf("0.1"))

        def log_density(a: mpmath.mpf) -> mpmath.mpf:
            return k * mpmath.cos(a) + ((p - 2) * mpmath.log(mpmath.sin(a)) if p > 2 else 0)

        top = log_density(peak)

        def density(a: mpmath.mpf) -> mpmath.mpf:
            return mpmath.exp(log_density(a) - top)

        # Whole range, or 14 widths: beyond, the density is below exp(-98).
        near = [peak + j * width for j in range(-14, 15, 2)]
        ends = max(near[0], mpmath.mpf(0)), min(near[-1], +mpmath.pi)
        cuts = sorted({*ends, angle, *(a for a in near if ends[0] < a < ends[1])})

        def integral(points: list[mpmath.mpf]) -> mpmath.mpf:
            return mpmath.quad(density, points, method="gauss-legendre", maxdegree=4)

        below = integral([a for a in cuts if a >= angle])
        return below / (below + integral([a for a in cuts if a <= angle]))


def gradient_of_draw(p: int, k: float, versine: float) -> float:
    """d(1 - t)/dk = -(dF/dk) / f: a central difference of the exact F over the exact density."""
    with mpmath.workdps(30):
        k0, k, s = k, mpmath.mpf(k), mpmath.mpf(versine)
        dk = mpmath.mpf(10) ** -9 * max(k, 1)
        in_k = distribution_function(p, k + dk, s) - distribution_function(p, k - dk, s)
        # f(t) = exp(k t) (1 - t^2)^((p-3)/2) S_(p-2) / (S_(p-1) H); F falls with the versine.
        # The area of the sphere in R^1, two points, is 2.
        normaliser = arb(k0) - _log_hyp(p, k0) + _log_area(p - 1) - _log_area(p)
        log_density = _mpf(normaliser) - k * s + mpmath.mpf(p - 3) / 2 * mpmath.log(s * (2 - s))
        return float(in_k / (2 * dk) / mpmath.exp(log_density))


def cdf_on_grid(p: int, k: float):
    """P(mu.x <= t) as a fast function of arrays, to 1e-6: for tests of goodness of fit."""
    mean, deviation = mean_length(p, k), slope(p, k) ** 0.5
    # Cut where the density is below exp(-40) or the sphere ends.
    low, high = max(-1.0, mean - 40 * deviation), min(1.0, mean + 14 * deviation)
    angle = np.linspace(np.arccos(high), np.arccos(low), 400_001)
    with np.errstate(divide="ignore"):
        log_density = k * (np.cos(angle) - high)
        if p > 2:
            log_density = log_density + (p - 2) * np.log(np.sin(angle))
    density = np.exp(log_density - log_density.max())
    mass = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    # mass grows with the angle, that is from t = high down.
    return lambda t: 1 - np.interp(np.arccos(np.clip(t, -1, 1)), angle, mass / mass[-1])
