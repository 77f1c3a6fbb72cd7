"""Prints every fitted coefficient of csrc/core: ``python tools/fit_coefficients.py [name ...]``.

Each fit names the function, the interval and the weight, and prints log2 of the largest error of
the formula it serves before and after its coefficients are rounded.
"""

from __future__ import annotations

import sys

import mpmath as mp
from minimax import Function, chebyshev_points, evaluate, polynomial, rational, round_to

mp.mp.prec = 500
HALF = mp.mpf(1) / 2
LN2 = mp.log(2) / 2 * mp.mpf("1.0001")
SQUARE = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0002")


def literal(value: mp.mpf, bits: int) -> str:
    """A C++ hexadecimal literal."""
    text = float(value).hex()
    mantissa, exponent = text.split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{int(exponent)}" + ("f" if bits == 24 else "")


def show(name: str, coefficients: list[mp.mpf], bits: int) -> None:
    print(f"  {name}:", ", ".join(literal(round_to(c, bits), bits) for c in coefficients))


def fit_polynomial(
    name: str, f: Function, weight: Function, low: float, high: float, degree: int, bits: int
) -> None:
    fit, error = polynomial(f, weight, low, high, degree)
    short = [round_to(c, bits) for c in fit]
    grid = [x for x in chebyshev_points(low, high, 1000) if abs(x) > mp.mpf(10) ** -9]
    rounded = max(abs(weight(x) * (evaluate(short, x) - f(x))) for x in grid)
    print(f"{name}, {bits} bits: 2^{mp.nstr(mp.log(error, 2), 5)}", end="")
    print(f", rounded 2^{mp.nstr(mp.log(rounded, 2), 5)}")
    show("c", short, bits)


def fit_rational(name: str, f: Function, top: int, bottom: int, bits: int) -> None:
    """A Stieltjes function of t = 1/w^2 on w >= 1/2, to small relative error."""
    points = [x**2 for x in chebyshev_points(0, 2, 110)]
    numerator, denominator, error = rational(f, lambda _, y: 1 / y, points, top, bottom)
    print(f"{name}, {bits} bits: 2^{mp.nstr(mp.log(error, 2), 5)}")
    show("N", numerator, bits)
    show("D", denominator, bits)


def series_near_zero(f: Function, term: Function) -> Function:
    """f, replaced below 1e-12 by the sum of term(0), term(1) x, ..."""

    def guarded(x: mp.mpf) -> mp.mpf:
        if abs(x) > mp.mpf(10) ** -12:
            return f(x)
        return evaluate([term(k) for k in range(8)], x)

    return guarded


def exp_family() -> None:
    tail = series_near_zero(
        lambda r: (mp.exp(r) - 1 - r - r * r / 2) / r**3, lambda k: 1 / mp.factorial(k + 3)
    )
    for degree, bits in ((9, 53), (4, 24)):
        fit_polynomial(
            "(e^r - 1 - r - r^2/2)/r^3", tail, lambda r: r**3 * mp.exp(-r), -LN2, LN2, degree, bits
        )


def hyperbolic_family() -> None:
    sinh_rest = series_near_zero(
        lambda z: (mp.sinh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, lambda k: 1 / mp.factorial(2 * k + 3)
    )
    cosh_rest = series_near_zero(
        lambda z: (mp.cosh(mp.sqrt(z)) - 1) / z, lambda k: 1 / mp.factorial(2 * k + 2)
    )
    for degree, bits in ((4, 53), (2, 24)):
        fit_polynomial(
            "(sinh(r)/r - 1)/z, z = r^2", sinh_rest, lambda z: z, 0, LN2**2, degree, bits
        )
    for degree, bits in ((4, 53), (2, 24)):
        fit_polynomial("(cosh(r) - 1)/z, z = r^2", cosh_rest, lambda z: z, 0, LN2**2, degree, bits)


def log_family() -> None:
    tail = series_near_zero(
        lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z,
        lambda k: mp.mpf(2) / (2 * k + 3),
    )
    for degree, bits in ((6, 53), (2, 24)):
        name = "(2 atanh(s)/s - 2)/z, z = s^2"
        fit_polynomial(name, tail, lambda z: z / 2, 0, SQUARE, degree, bits)


def log_dd_tail() -> None:
    def tail(z: mp.mpf) -> mp.mpf:
        return mp.fsum(z**k / (2 * k + 13) for k in range(80))

    name = "(atanh(s)/s - six terms)/z^6, z = s^2"
    fit_polynomial(name, tail, lambda z: z**6, 0, SQUARE, 7, 53)


def gamma_remainder() -> None:
    """w R, w^2 R', w^3 R'' with R = lgamma(w + 1/2) - w (log w - 1) - log(2 pi)/2."""

    def bernoulli(k: int) -> mp.mpf:
        return mp.bernpoly(2 * k + 2, HALF)

    def value(t: mp.mpf) -> mp.mpf:
        w = 1 / mp.sqrt(t)
        return w * (mp.loggamma(w + HALF) - w * (mp.log(w) - 1) - mp.log(2 * mp.pi) / 2)

    def slope(t: mp.mpf) -> mp.mpf:
        w = 1 / mp.sqrt(t)
        return w**2 * (mp.psi(0, w + HALF) - mp.log(w))

    def curvature(t: mp.mpf) -> mp.mpf:
        w = 1 / mp.sqrt(t)
        return w**3 * (mp.psi(1, w + HALF) - 1 / w)

    cases = (
        ("w R", value, lambda k: bernoulli(k) / ((2 * k + 2) * (2 * k + 1)), (11, 12, 4, 4)),
        ("w^2 R'", slope, lambda k: -bernoulli(k) / (2 * k + 2), (12, 12, 4, 5)),
        ("w^3 R''", curvature, lambda k: bernoulli(k), (12, 12, 5, 5)),
    )
    for name, f, term, (top, bottom, top_single, bottom_single) in cases:
        guarded = series_near_zero(f, term)
        fit_rational(name, guarded, top, bottom, 53)
        fit_rational(name, guarded, top_single, bottom_single, 24)


def stirling() -> None:
    def series(t: mp.mpf) -> mp.mpf:
        v = 1 / mp.sqrt(t)
        return v * (mp.loggamma(v + 1) - (v + HALF) * mp.log(v) + v - mp.log(2 * mp.pi) / 2)

    def term(k: int) -> mp.mpf:
        return mp.bernoulli(2 * k + 2) / ((2 * k + 2) * (2 * k + 1))

    for degree, bits in ((6, 53), (2, 24)):
        f = series_near_zero(series, term)
        fit_polynomial("v delta(v), t = 1/v^2", f, lambda t: mp.mpf(12), 0, 1 / 64, degree, bits)


def reciprocal_gamma() -> None:
    print("Taylor coefficients of 1/Gamma(1 + mu), high and low")
    for k, c in enumerate(mp.taylor(lambda mu: mp.rgamma(1 + mu), 0, 25)):
        high = round_to(c, 53)
        print(f"  {k}: {literal(high, 53)}, {literal(round_to(c - high, 53), 53)}")


def erfc_family() -> None:
    def scaled(t: mp.mpf) -> mp.mpf:
        """(x + 1/2) e^(x^2) erfc(x) at t = (x - 3) / (x + 3)."""
        x = 3 * (1 + t) / (1 - t) if t < 1 else mp.inf
        if x > 1000:
            u = 1 / (2 * x * x)
            return (1 + 1 / (2 * x)) * (1 - u + 3 * u**2 - 15 * u**3 + 105 * u**4) / mp.sqrt(mp.pi)
        return (x + HALF) * mp.exp(x * x) * mp.erfc(x)

    for degree, bits in ((22, 53), (10, 24)):
        name = "(x + 1/2) e^(x^2) erfc(x), t = (x - 3)/(x + 3)"
        fit_polynomial(name, scaled, lambda t: 1 / scaled(t), -1, 1, degree, bits)


FITS = {
    fit.__name__: fit
    for fit in (
        exp_family,
        erfc_family,
        hyperbolic_family,
        log_family,
        log_dd_tail,
        gamma_remainder,
        stirling,
        reciprocal_gamma,
    )
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or FITS:
        FITS[chosen]()
