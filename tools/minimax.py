"""Minimax polynomials and rational functions in high precision, by mpmath.

The coefficients in csrc/core come from here; ``fit_coefficients.py`` lists the fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import mpmath as mp

Function = Callable[[mp.mpf], mp.mpf]
Weight = Callable[[mp.mpf, mp.mpf], mp.mpf]


def round_to(value: mp.mpf, bits: int) -> mp.mpf:
    """Nearest number with ``bits`` bits of mantissa (53: double, 24: float)."""
    with mp.workprec(bits):
        return +value


def evaluate(coefficients: Sequence[mp.mpf], x: mp.mpf) -> mp.mpf:
    """Value of c[0] + c[1] x + ..."""
    return mp.polyval(list(reversed(coefficients)), x)


def chebyshev_points(low: float, high: float, count: int) -> list[mp.mpf]:
    """Points of (low, high), denser towards both ends."""
    middle, radius = (mp.mpf(low) + high) / 2, (mp.mpf(high) - low) / 2
    return [middle - radius * mp.cos(mp.pi * (i + mp.mpf(1) / 2) / count) for i in range(count)]


def _alternation(
    error: Function, low: mp.mpf, high: mp.mpf, reference: Sequence[mp.mpf]
) -> list[mp.mpf]:
    """One extremum of the error between each two sign changes around the reference points."""
    edges = [low]
    for left, right in pairwise(reference):
        a, b, sign = left, right, mp.sign(error(left))
        for _ in range(40):
            middle = (a + b) / 2
            a, b = (middle, b) if mp.sign(error(middle)) == sign else (a, middle)
        edges.append((a + b) / 2)
    edges.append(high)
    points = []
    for left, right in pairwise(edges):
        grid = [left + (right - left) * i / 24 for i in range(25)]
        best = max(grid, key=lambda x: abs(error(x)))
        step = (right - left) / 24
        for _ in range(12):
            step /= 3
            near = [min(max(best + k * step, left), right) for k in (-2, -1, 0, 1, 2)]
            best = max(near, key=lambda x: abs(error(x)))
        points.append(best)
    return points


def polynomial(
    f: Function, weight: Function, low: float, high: float, degree: int
) -> tuple[list[mp.mpf], mp.mpf]:
    """Coefficients that minimise max |weight (p - f)| on [low, high], and that maximum.

    The exchange algorithm of Remez. ``weight`` may vanish at the origin.
    """
    lower, upper = mp.mpf(low), mp.mpf(high)
    nudge = (upper - lower) / 10**4  # off the origin, where a weight may vanish
    reference = chebyshev_points(low, high, degree + 2)
    for _ in range(30):
        reference = [x if abs(x) > nudge else x + nudge for x in reference]
        rows = [
            [x**k for k in range(degree + 1)] + [(-1) ** i / abs(weight(x))]
            for i, x in enumerate(reference)
        ]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([f(x) for x in reference]))
        fit = [solution[k] for k in range(degree + 1)]

        def error(x: mp.mpf, fit: list[mp.mpf] = fit) -> mp.mpf:
            return abs(weight(x)) * (evaluate(fit, x) - f(x))

        reference = _alternation(error, lower, upper, reference)
        sizes = [abs(error(x)) for x in reference]
        if max(sizes) < min(sizes) * mp.mpf("1.01"):
            break
    return fit, max(sizes)


def rational(
    f: Function,
    weight: Weight,
    points: Sequence[mp.mpf],
    top: int,
    bottom: int,
    iterations: int = 24,
) -> tuple[list[mp.mpf], list[mp.mpf], mp.mpf]:
    """N and D (D(0) = 1) of degrees top and bottom, nearly minimax, and the largest weighted error.

    Least squares of weight(x, f) (N - f D) / D_before (Sanathanan, Koerner 1963), reweighted by
    the error (Lawson 1961) so that it levels out. Slower to settle than an exchange, but it cannot
    lose its way, and for Stieltjes functions it finds the positive coefficients that exist.
    """
    values = [f(x) for x in points]
    weights = [abs(weight(x, y)) for x, y in zip(points, values)]
    lawson = [mp.mpf(1)] * len(points)
    before = [mp.mpf(1)] * len(points)
    best: tuple[list[mp.mpf], list[mp.mpf], mp.mpf] | None = None
    for step in range(iterations):
        rows, right = [], []
        for x, y, w, lam, d in zip(points, values, weights, lawson, before):
            factor = mp.sqrt(lam) * w / d
            row = [x**k for k in range(top + 1)] + [-y * x**k for k in range(1, bottom + 1)]
            rows.append([factor * entry for entry in row])
            right.append(factor * y)
        matrix = mp.matrix(rows)
        solution = mp.lu_solve(matrix.T * matrix, matrix.T * mp.matrix(right))
        numerator = [solution[k] for k in range(top + 1)]
        denominator = [mp.mpf(1)] + [solution[top + k] for k in range(1, bottom + 1)]
        before = [evaluate(denominator, x) for x in points]
        errors = [
            w * abs(evaluate(numerator, x) / d - y)
            for x, y, w, d in zip(points, values, weights, before)
        ]
        if best is None or max(errors) < best[2]:
            best = (numerator, denominator, max(errors))
        if step > 5:  # the denominator has settled
            lawson = [lam * e for lam, e in zip(lawson, errors)]
            mean = sum(lawson) / len(lawson)
            lawson = [lam / mean for lam in lawson]
    assert best is not None
    return best
