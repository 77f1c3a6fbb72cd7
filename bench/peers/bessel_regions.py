"""Ours by region of the method map of csrc/bessel/methods.h: ns an element in each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEED = 78
ORDERS_AND_ARGUMENTS = (1e-2, 1e5)

Rule = Callable[[Array, Array, Array], NDArray[np.bool_]]
REGIONS: dict[str, tuple[str, Rule]] = {
    "series, v < 1/2": ("log_bessel_i", lambda v, x, w: (w < 25) & (v < 0.5)),
    "series": ("log_bessel_i", lambda v, x, w: (w < 25) & (v >= 0.5)),
    "Temme": ("log_bessel_k", lambda v, x, w: (w < 25) & (x <= 1)),
    "trapezoid, w < 6": ("log_bessel_k", lambda v, x, w: (w < 6) & (x > 1)),
    "trapezoid, w < 13": ("log_bessel_k", lambda v, x, w: (w >= 6) & (w < 13) & (x > 1)),
    "trapezoid, w < 25": ("log_bessel_k", lambda v, x, w: (w >= 13) & (w < 25) & (x > 1)),
    "Debye, w < 60": ("both", lambda v, x, w: (w >= 25) & (w < 60) & ~near_zero(v, x)),
    "Debye, w < 300": ("both", lambda v, x, w: (w >= 60) & (w < 300) & ~near_zero(v, x)),
    "Debye, w < 4000": ("both", lambda v, x, w: (w >= 300) & (w < 4000) & ~near_zero(v, x)),
    "Debye, w >= 4000": ("both", lambda v, x, w: (w >= 4000) & ~near_zero(v, x)),
    "zero strip": ("both", lambda v, x, w: (w >= 25) & deep_in_strip(v, x)),
}


def near_zero(v: Array, x: Array) -> NDArray[np.bool_]:
    """Where log I and log K may be small beside w, so that double-double is needed: |L| < w/4."""
    return np.abs(_leading(v, x)) < 0.4 * np.hypot(v, x)


def deep_in_strip(v: Array, x: Array) -> NDArray[np.bool_]:
    return np.abs(_leading(v, x)) < 0.15 * np.hypot(v, x)


def _leading(v: Array, x: Array) -> Array:
    """log I to leading order: w - v asinh(v/x)."""
    return np.hypot(v, x) - v * np.arcsinh(v / x)


def region_points(rule: Rule, n: int) -> tuple[Array, Array]:
    """n log-uniform points of one region."""
    rng = np.random.default_rng(SEED)
    kept_v: list[Array] = []
    kept_x: list[Array] = []
    while sum(map(len, kept_v)) < n:
        v, x = (np.exp(rng.uniform(np.log(1e-2), np.log(1e5), 4 * n)) for _ in range(2))
        inside = rule(v, x, np.hypot(v, x))
        kept_v.append(v[inside])
        kept_x.append(x[inside])
    return np.concatenate(kept_v)[:n], np.concatenate(kept_x)[:n]
