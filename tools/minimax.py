"""Minimax polynomials and rational functions in high precision (the Remez exchange).

The coefficients in csrc/core/*.h come from here; ``fit_coefficients.py`` lists the fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mpmath as mp

Function = Callable[[mp.mpf], mp.mpf]


def round_to(value: mp.mpf, bits: int) -> mp.mpf:
    """Nearest number with ``bits`` bits of mantissa (53: double, 24: float)."""
    with mp.workprec(bits):
        return +value


def evaluate(coefficients: Sequence[mp.mpf], x: mp.mpf) -> mp.mpf:
    """Value of c[0] + c[1] x + ..."""
    return mp.polyval(list(reversed(coefficients)), x)


def _chebyshev_points(low: mp.mpf, high: mp.mpf, count: int) -> list[mp.mpf]:
    middle, radius = (low + high) / 2, (high - low) / 2
    return [middle - radius * mp.cos(mp.pi * (i + mp.mpf(1) / 2) / count) for i in range(count)]


def _alternation(
    error: Function, low: mp.mpf, high: mp.mpf, reference: Sequence[mp.mpf]
) -> list[mp.mpf]:
    """One extremum of the error between each two sign changes around the reference points."""
    edges = [low]
    for left, right in zip(reference, reference[1:]):
        a, b, sign = left, right, mp.sign(error(left))
        for _ in range(40):
            middle = (a + b) / 2
            a, b = (middle, b) if mp.sign(error(middle)) == sign else (a, middle)
        edges.append((a + b) / 2)
    edges.append(high)
    points = []
    for left, right in zip(edges, edges[1:]):
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
    """Coefficients that minimise max |weight (p - f)| on [low, high], and that maximum."""
    numerator, _, error = rational(f, weight, low, high, degree, 0)
    return numerator, error


def rational(
    f: Function, weight: Function, low: float, high: float, top: int, bottom: int
) -> tuple[list[mp.mpf], list[mp.mpf], mp.mpf]:
    """Minimax N / D with degrees (top, bottom), D(0) = 1, and the largest weighted error.

    Each exchange step solves N(x_i) - f_i (D(x_i) - 1) + (-1)^i E D(x_i) / w_i = f_i, where the E
    in front of D comes from the step before.
    """
    lower, upper = mp.mpf(low), mp.mpf(high)
    nudge = (upper - lower) / 10**4  # off the origin, where a weight may vanish
    unknowns = top + bottom + 1
    reference = _chebyshev_points(lower, upper, unknowns + 1)
    level = mp.mpf(0)
    for _ in range(30):
        reference = [x if abs(x) > nudge else x + nudge for x in reference]
        values = [f(x) for x in reference]
        weights = [abs(weight(x)) for x in reference]
        for _ in range(1 if bottom == 0 else 8):
            rows = []
            for i, x in enumerate(reference):
                signed = (-1) ** i / weights[i]
                target = values[i] - signed * level
                row = [x**k for k in range(top + 1)]
                row += [-target * x**k for k in range(1, bottom + 1)]
                rows.append(row + [signed])
            solution = mp.lu_solve(mp.matrix(rows), mp.matrix(values))
            level = solution[unknowns]
        numerator = [solution[k] for k in range(top + 1)]
        denominator = [mp.mpf(1)] + [solution[top + k] for k in range(1, bottom + 1)]

        def error(x: mp.mpf) -> mp.mpf:
            return abs(weight(x)) * (evaluate(numerator, x) / evaluate(denominator, x) - f(x))

        reference = _alternation(error, lower, upper, reference)
        sizes = [abs(error(x)) for x in reference]
        if max(sizes) < min(sizes) * mp.mpf("1.01"):
            break
    return numerator, denominator, max(sizes)


def rounded(
    coefficients: Sequence[mp.mpf], f: Function, weight: Function, low: float, high: float, bits: int
) -> tuple[list[mp.mpf], mp.mpf]:
    """The polynomial with each coefficient rounded to ``bits`` bits, and its largest error."""
    short = [round_to(c, bits) for c in coefficients]
    lower, upper = mp.mpf(low), mp.mpf(high)
    grid = [lower + (upper - lower) * i / 2000 for i in range(2001)]
    return short, max(abs(weight(x) * (evaluate(short, x) - f(x))) for x in grid)
