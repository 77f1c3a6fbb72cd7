"""Where the accuracy contract is measured: grids A to G, the zero strip and the region borders.

Every grid is log-uniform with a fixed seed; each function below takes a generator and a count and
returns the orders and arguments as two float64 arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Points = tuple[Array, Array]

# Where the kernels change method (csrc/bessel/methods.h): circles w = sqrt(v^2 + x^2), and lines.
BORDER_RADII = (1.5, 3.0, 6.0, 12.5, 13.0, 25.0, 60.0, 150.0)
BORDER_ARGUMENTS = (0.25, 1.0)
BORDER_ORDERS = (0.5,)

HARD_POINTS = Path(__file__).parent / "golden/hard_points.txt"

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
    v = np.where(rng.random(n) < 0.7, _log_uniform(rng, 1e-10, 1e8, n), rng.uniform(0, 1e-6, n))
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
    arguments: Sequence[float] = BORDER_ARGUMENTS,
    orders: Sequence[float] = BORDER_ORDERS,
) -> Points:
    """Both sides of every region border, as close as a relative 1e-12; half-integers; and both
    neighbours of integers at a distance of 1e-9."""
    angle = np.arctan(_log_uniform(rng, 1e-4, 1e4, n))
    beside = 1 + rng.choice([-1.0, 1.0], n) * _log_uniform(rng, 1e-12, 0.05, n)
    free = _log_uniform(rng, 1e-3, 1e3, n)
    half = rng.integers(0, 60, n) + 0.5
    near = np.abs(rng.integers(0, 40, n) + 1e-9 * rng.choice([-1.0, 1.0], n))
    kinds: list[Points] = [
        *((w * beside * np.sin(angle), w * beside * np.cos(angle)) for w in radii),
        *((free, x * beside) for x in arguments),
        *((v * beside, free) for v in orders),
        (half, free),
        (near, np.minimum(free, 100)),
    ]
    kind = np.arange(n) % len(kinds)
    return (
        np.choose(kind, [v for v, _ in kinds]),
        np.choose(kind, [x for _, x in kinds]),
    )


def hard_points() -> list[tuple[float, float]]:
    """The worst points that searches found (tools/search_errors.py)."""
    rows = HARD_POINTS.read_text().split("\n") if HARD_POINTS.exists() else []
    return [(float(v), float(x)) for v, x in (row.split() for row in rows if row)]


def hard(rng: np.random.Generator, n: int) -> Points:
    """Those points and, within 1% of them, others."""
    v, x = np.array(hard_points()).T
    row = np.arange(n) % len(v)
    spread = np.where(np.arange(n) < len(v), 0, 0.01)
    return v[row] * (1 + spread * rng.uniform(-1, 1, n)), x[row] * (
        1 + spread * rng.uniform(-1, 1, n)
    )


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
if hard_points():  # the committed tables hold this grid as soon as a search has found any
    GRIDS["hard"] = hard


def points(grid: str, n: int, seed: int) -> Points:
    """n points of one grid; the same seed gives the same points."""
    rng = np.random.default_rng([seed, list(GRIDS).index(grid)])
    return GRIDS[grid](rng, n)


def inputs(function: str, grid: str, n: int, seed: int) -> Points:
    """The two arguments of any of the functions at n points of one grid.

    log 0F1(; b; z) sits at v = b or b - 1 and x = 2 sqrt z; matern(nu, r) at v = nu, x = s where
    it does not underflow, elsewhere at an r up to 25.
    """
    v, x = points(grid, n, seed)
    rng = np.random.default_rng([seed, len(GRIDS), list(GRIDS).index(grid)])
    if function == "log_hyp0f1":
        b = np.where(rng.random(n) < 0.5, v + 1, np.maximum(v, 1e-10))
        return b, (np.clip(x, 1e-150, 1e150) / 2) ** 2
    if function == "matern":
        nu = np.maximum(v, 1e-10)
        short = np.minimum(x, 600 * rng.random(n)) / np.sqrt(2 * nu)
        return nu, np.where(short < 25, short, _log_uniform(rng, 1e-3, 25, n))
    return v, x


def narrow_inputs(function: str, grid: str, n: int, seed: int, dtype: str) -> Points:
    """About n points of one grid that `dtype` (float32, bfloat16, float16) represents exactly."""
    first, second = (to_dtype(each, dtype) for each in inputs(function, grid, 2 * n, seed))
    usable = np.isfinite(first) & np.isfinite(second) & (second > 0)
    if function in ("log_hyp0f1", "matern"):
        usable &= first > 0
    return first[usable][:n], second[usable][:n]


# Significant bits, exponent of the smallest normal number and the largest finite number.
FORMATS = {
    "float64": (53, -1022, float(np.finfo(np.float64).max)),
    "float32": (24, -126, float(np.finfo(np.float32).max)),
    "bfloat16": (8, -126, (2 - 2.0**-7) * 2.0**127),
    "float16": (11, -14, 65504.0),
}


def to_dtype(values: Array, dtype: str) -> Array:
    """Rounded to `dtype`, as float64. Once: torch's own conversion to 16 bits rounds twice."""
    if dtype == "float64":
        return values
    bits, smallest, largest = FORMATS[dtype]
    finite = np.where(np.isfinite(values), values, 0.0)
    exponent = np.maximum(np.frexp(finite)[1] - 1, smallest)
    quantum = np.ldexp(1.0, exponent - (bits - 1))
    rounded = np.rint(finite / quantum) * quantum
    rounded = np.where(np.abs(rounded) > largest, np.copysign(np.inf, rounded), rounded)
    return np.where(np.isfinite(values), rounded, values)
