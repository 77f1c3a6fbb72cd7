"""Least-squares and nearly minimax fits of the safe rational function to any function."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NODES = 512
STARTS = 4
STEPS = 200
REWEIGHTINGS = 16
SMOOTHINGS = 20
CHECKED = 8193


def _value_and_jacobian(
    parameters: Array, x: Array, version: str, m: int
) -> tuple[Array, Array, Array]:
    """F, dF/d(a, b), and Q."""
    a, b = parameters[: m + 1], parameters[m + 1 :]
    powers = x[:, None] ** np.arange(m + 1)
    j: Array = np.arange(1, len(b) + 1, dtype=np.float64)
    basis: Array
    if version == "A":
        basis = np.abs(x)[:, None] ** j * np.where(b < 0, -1.0, 1.0)
    else:
        basis = x[:, None] ** j
        basis = basis * np.where(basis @ b < 0, -1.0, 1.0)[:, None]
    q = 1 + basis @ b
    y = powers @ a / q
    return y, np.hstack([powers, -basis * y[:, None]]) / q[:, None], q


def _levenberg_marquardt(
    start: Array, x: Array, target: Array, weight: Array, version: str, m: int
) -> tuple[float, Array]:
    """Smallest weighted sum of squares near ``start`` (Marquardt 1963)."""
    parameters, damping = start, 1e-2
    y, jacobian, _ = _value_and_jacobian(parameters, x, version, m)
    residual = weight * (target - y)
    loss = float(residual @ residual)
    for _ in range(STEPS):
        weighted = jacobian * weight[:, None]
        normal = weighted.T @ weighted
        scale = np.diag(normal) + 1e-12
        step = np.linalg.solve(normal + damping * np.diag(scale), weighted.T @ residual)
        tried, tried_jacobian, _ = _value_and_jacobian(parameters + step, x, version, m)
        tried_residual = weight * (target - tried)
        tried_loss = float(tried_residual @ tried_residual)
        if tried_loss < loss:
            done = loss - tried_loss < 1e-12 * loss
            parameters, jacobian = parameters + step, tried_jacobian
            residual, loss, damping = tried_residual, tried_loss, max(damping / 5, 1e-12)
            if done:
                break
        else:
            damping *= 4
            if damping > 1e12:
                break
    return loss, parameters


def _even_denominator(x: Array, target: Array, m: int, n: int) -> Array:
    """b of a denominator 1 + b_2 x^2 + b_4 x^4 + ... from linear least squares, each weighted by
    the denominator before (Sanathanan, Koerner 1963). It has no pole and is the same in both
    versions; every usual activation is near one of these, also on intervals where random starts go
    astray."""
    j = np.arange(2, n + 1, 2)
    powers = x[:, None] ** np.arange(m + 1)
    even = x[:, None] ** j
    b, q = np.zeros(len(j)), np.ones_like(x)
    for _ in range(SMOOTHINGS):
        matrix = np.hstack([powers, -target[:, None] * even]) / q[:, None]
        scale = np.linalg.norm(matrix, axis=0) + 1e-300
        solution = np.linalg.lstsq(matrix / scale, target / q, rcond=1e-14)[0] / scale
        b = np.maximum(solution[m + 1 :], 0)
        q = 1 + even @ b
    whole = np.zeros(n)
    whole[j - 1] = b
    return whole


def _best_near(b: Array, x: Array, target: Array, version: str, m: int) -> tuple[float, Array]:
    """Smallest largest error that Lawson's reweighting finds from the denominator ``b``: the weight
    of each node grows with the error there."""
    powers = x[:, None] ** np.arange(m + 1)
    q = _value_and_jacobian(np.concatenate([np.zeros(m + 1), b]), x, version, m)[2]
    a = np.linalg.lstsq(powers / q[:, None], target, rcond=None)[0]
    parameters = np.concatenate([a, b])
    best_error, best = np.inf, parameters
    weight = np.ones_like(x)
    for _ in range(REWEIGHTINGS):
        _, parameters = _levenberg_marquardt(parameters, x, target, weight, version, m)
        error = np.abs(target - _value_and_jacobian(parameters, x, version, m)[0])
        if error.max() < best_error:
            best_error, best = float(error.max()), parameters
        if error.max() == 0:
            break
        weight = weight * np.sqrt(0.1 + error / error.max())
        weight /= weight.max()
    return best_error, best


def fit(
    function: Callable[[Array], Array],
    version: str,
    interval: tuple[float, float],
    m: int,
    n: int,
    starts: int = STARTS,
) -> tuple[Array, Array, float]:
    """Coefficients (a, b) and the largest error on the interval.

    Least squares from several starts, then Lawson's reweighting towards the smallest largest error.
    """
    low, high = interval
    nodes = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    x = (low + high) / 2 + (high - low) / 2 * nodes
    target = np.asarray(function(x), dtype=np.float64)
    rng = np.random.default_rng(0)
    even = _even_denominator(x, target, m, n)
    denominators = [even, np.zeros(n)]
    denominators += [rng.uniform(0, 1, n) / 4 ** np.arange(n) for _ in range(starts - 2)]
    if version == "A":
        # Version B has no corner at b = 0 where the search gets caught; what it finds for a
        # function like these has a denominator that is nearly even, so nearly of version A too.
        smooth = _best_near(even, x, target, "B", m)[1][m + 1 :]
        denominators.append(np.maximum(smooth, 0))
    best_error, best = min(
        (_best_near(b, x, target, version, m) for b in denominators), key=lambda found: found[0]
    )
    b = best[m + 1 :]
    everywhere = np.linspace(low, high, CHECKED)
    error = function(everywhere) - _value_and_jacobian(best, everywhere, version, m)[0]
    largest = max(best_error, float(np.abs(error).max()))
    return best[: m + 1], np.abs(b) if version == "A" else b, largest


def variance_gain(function: Callable[[Array], Array]) -> float:
    """1/E[F(z)^2] for standard normal z, by the trapezoidal rule, which converges fast here."""
    z = np.linspace(-12, 12, 20_001)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return float(1 / np.sum(function(z) ** 2 * density * (z[1] - z[0])))


def values(x: Array, a: Array, b: Array, version: str) -> Array:
    """F(x) for one row of coefficients."""
    return _value_and_jacobian(np.concatenate([a, b]), x, version, len(a) - 1)[0]
