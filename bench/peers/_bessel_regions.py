"""Ours by region of the method map of csrc/bessel/methods.h: ns an element in each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SEED = 78
SPAN = (1e-2, 1e5)
BOTH = ("log_bessel_i", "log_bessel_k")

Rule = Callable[[Array, Array, Array], NDArray[np.bool_]]

# Name, functions and rule on (v, x, w) of the regions, for values.
REGIONS: dict[str, tuple[tuple[str, ...], Rule]] = {
    "series, v < 1/2": (("log_bessel_i",), lambda v, x, w: (w < 6) & (v < 0.5)),
    "series": (("log_bessel_i",), lambda v, x, w: (w < 6) & (v >= 0.5)),
    "Temme": (("log_bessel_k",), lambda v, x, w: (w < 6) & (x <= 1)),
    "fits, w < 6": (("log_bessel_k",), lambda v, x, w: (w < 6) & (x > 1)),
    "fits, w < 25": (BOTH, lambda v, x, w: (w >= 6) & (w < 25)),
    "fit, w < 60": (BOTH, lambda v, x, w: (w >= 25) & (w < 60) & ~near_zero(v, x)),
    "Debye, w < 150": (BOTH, lambda v, x, w: (w >= 60) & (w < 150) & ~near_zero(v, x)),
    "Debye, w >= 150": (BOTH, lambda v, x, w: (w >= 150) & ~near_zero(v, x)),
    "zero strip": (BOTH, lambda v, x, w: (w >= 25) & in_strip(v, x)),
}


def near_zero(v: Array, x: Array) -> NDArray[np.bool_]:
    """Where log I and log K may be so small beside w that double-double is needed."""
    return np.abs(_leading(v, x)) < 0.4 * np.hypot(v, x)


def in_strip(v: Array, x: Array) -> NDArray[np.bool_]:
    """Where they certainly are."""
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
        v, x = (np.exp(rng.uniform(*np.log(SPAN), 4 * n)) for _ in range(2))
        inside = rule(v, x, np.hypot(v, x))
        kept_v.append(v[inside])
        kept_x.append(x[inside])
    return np.concatenate(kept_v)[:n], np.concatenate(kept_x)[:n]
