"""Where the accuracy contract is measured: grids A to G, the zero strip and the region borders.

Every grid is log-uniform with a fixed seed; each function below takes a generator and a count and
returns the orders and arguments as two float64 arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Points = tuple[Array, Array]

# Where the kernels change method: circles w = sqrt(v^2 + x^2) and lines x = constant.
BORDER_RADII = (25.0, 60.0, 300.0, 3000.0)
BORDER_LINES = (1.0,)

# log I and log K cross zero near x = ZERO_SLOPE v.
ZERO_SLOPE = 0.6627434193491816


def _log_uniform(rng: np.random.Generator, low: float, high: float, n: int) -> Array:
    return np.exp(rng.uniform(np.log(low), np.log(high), n))


def grid_a(rng: np.random.Generator, n: int) -> Points:
    """Small orders and arguments."""
    return _log_uniform(rng, 1e-3, 20, n), _log_uniform(rng, 1e-3, 50, n)


def grid_b(rng: np.random.Generator, n: int) -> Points:
    """Middle orders."""
    return _log_uniform(rng, 1, 200, n), _log_uniform(rng, 1e-2, 700, n)


def grid_c(rng: np.random.Generator, n: int) -> Points:
    """Large orders."""
    return _log_uniform(rng, 200, 1e5, n), _log_uniform(rng, 1, 1e6, n)


def grid_d(rng: np.random.Generator, n: int) -> Points:
    """Orders of von Mises-Fisher densities in p = 64 .. 32768 dimensions."""
    p = np.floor(_log_uniform(rng, 64, 32769, n))
    return p / 2 - 1, p * _log_uniform(rng, 0.01, 50, n)


def grid_e(rng: np.random.Generator, n: int) -> Points:
    """Arguments far above the order."""
    v = _log_uniform(rng, 1e-2, 1e6, n)
    return v, v * _log_uniform(rng, 10, 1e6, n)


def grid_f(rng: np.random.Generator, n: int) -> Points:
    """The orders 0, 1/2 and 1."""
    return rng.choice([0.0, 0.5, 1.0], n), _log_uniform(rng, 1e-8, 1e12, n)


def grid_g(rng: np.random.Generator, n: int) -> Points:
    """Extremes: orders to 1e8 and next to 0, arguments from 1e-300 to 1e300."""
    v = np.where(
        rng.random(n) < 0.7, _log_uniform(rng, 1e-10, 1e8, n), rng.uniform(0, 1e-6, n)
    )
    far = _log_uniform(rng, 1e-300, 1e300, n)
    near = _log_uniform(rng, 1e-12, 1e12, n)
    return v, np.where(rng.random(n) < 0.4, far, near)


def zero_strip(rng: np.random.Generator, n: int) -> Points:
    """Around x = 0.66274 v, from wide to next to it on both sides, where log I and log K cross
    zero."""
    v = _log_uniform(rng, 0.3, 1e8, n)
    offset = rng.choice([-1.0, 1.0], n) * _log_uniform(rng, 1e-9, 0.5, n)
    return v, ZERO_SLOPE * v * (1 + offset)


def borders(
    rng: np.random.Generator,
    n: int,
    radii: Sequence[float] = BORDER_RADII,
    lines: Sequence[float] = BORDER_LINES,
) -> Points:
    """Both sides of every region border, as close as a relative 1e-12, and half-integers and
    neighbours of integers."""
    kinds = [*(("circle", radius) for radius in radii), *(("line", x) for x in lines)]
    side = rng.choice([-1.0, 1.0], n) * _log_uniform(rng, 1e-12, 0.05, n)
    steep = _log_uniform(rng, 1e-4, 1e4, n)
    v, x = np.empty(n), np.empty(n)
    for index, (kind, size) in enumerate(kinds):
        own = slice(index, n, len(kinds) + 2)
        if kind == "circle":
            radius = size * (1 + side[own])
            x[own] = radius / np.hypot(1, steep[own])
            v[own] = x[own] * steep[own]
        else:
            v[own] = _log_uniform(rng, 1e-3, 1e3, len(v[own]))
            x[own] = size * (1 + side[own])
    half, near = (slice(len(kinds) + i, n, len(kinds) + 2) for i in range(2))
    v[half] = rng.integers(0, 60, len(v[half])) + 0.5
    x[half] = _log_uniform(rng, 1e-2, 1e3, len(v[half]))
    v[near] = np.abs(rng.integers(0, 40, len(v[near])) + 1e-9 * rng.choice([-1.0, 1.0]))
    x[near] = _log_uniform(rng, 1e-3, 100, len(v[near]))
    return v, x


GRIDS: dict[str, Callable[[np.random.Generator, int], Points]] = {
    "A": grid_a,
    "B": grid_b,
    "C": grid_c,
    "D": grid_d,
    "E": grid_e,
    "F": grid_f,
    "G": grid_g,
    "strip": zero_strip,
    "borders": borders,
}


def points(grid: str, n: int, seed: int) -> Points:
    """n points of one grid; the same seed gives the same points."""
    rng = np.random.default_rng([seed, list(GRIDS).index(grid)])
    return GRIDS[grid](rng, n)
