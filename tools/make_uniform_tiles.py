"""Writes csrc/bessel/uniform_tiles.h: Chebyshev fits of the Debye factor U, 1 < w < 60.

    U_I = I_v(x) e^-phi sqrt(2 pi w)
    U_K = K_v(x) e^phi sqrt(2 w/pi)       phi = w - v asinh(v/x)

over r = 1/w and an angle q. For w >= 25 q = (v/w)^2, as in the Debye polynomials. Below, I is not
even in v and takes q = v/w; K is even but behaves as x^(2v) near x = 0 and takes q = x/w.
Interpolation at Chebyshev nodes with 40 digits, coefficients below 2^-57 dropped, then monomials in
variables scaled to [-1, 1].

    python tools/make_uniform_tiles.py > csrc/bessel/uniform_tiles.h      (needs mpmath, a minute)
"""

import mpmath as mp

# kind, w from, w to, lower end of q (x > 1 in the lower tiles of K)
TILES = [
    ("i", 25.0, 60.0, 0.0),
    ("i", 12.5, 25.0, 0.0),
    ("i", 6.0, 12.5, 0.0),
    ("k", 25.0, 60.0, 0.0),
    ("k", 12.5, 25.0, 0.0),
    ("k", 6.0, 12.5, 0.0),
    ("k", 3.0, 6.0, 0.16),
    ("k", 1.5, 3.0, 0.33),
    ("k", 1.0, 1.5, 0.66),
]
NODES_R, NODES_Q = 20, 30
DROP = mp.mpf(2) ** -57
EVEN_FROM = 25

HEADER = """#pragma once
// Written by tools/make_uniform_tiles.py: do not edit.
//
// U_I and U_K of debye.h as polynomials in r = 1/w (outer) and an angle q (inner), both scaled to
// [-1, 1]; q = (v/w)^2 in tile 0, below it v/w for I and x/w for K. Absolute error below 2^-54.

#include "core/jet.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

template <char Kind, int Tile>
struct UniformTile;
"""


def factor(kind: str, v: mp.mpf, x: mp.mpf, w: mp.mpf) -> mp.mpf:
    """U at one point; at x = 0 its limit, where e^phi x^-v is 2^-v v^-v e^v."""
    if x == 0:
        log_gamma = mp.loggamma(v + 1) + v - v * mp.log(v)
        if kind == "i":
            return mp.exp(-log_gamma) * mp.sqrt(2 * mp.pi * v)
        return mp.exp(log_gamma) / mp.sqrt(2 * mp.pi * v)
    phi = w - v * mp.asinh(v / x)
    if kind == "i":
        return mp.besseli(v, x) * mp.exp(-phi) * mp.sqrt(2 * mp.pi * w)
    return mp.besselk(v, x) * mp.exp(phi) * mp.sqrt(2 * w / mp.pi)


def nodes(count: int) -> list:
    return [mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]


def chebyshev_coefficients(values: list) -> list:
    """Coefficients of the interpolant through `values` at nodes(len(values))."""
    n = len(values)
    result = []
    for a in range(n):
        terms = (values[k] * mp.cos(a * mp.pi * (2 * k + 1) / (2 * n)) for k in range(n))
        result.append(mp.fsum(terms) * (1 if a == 0 else 2) / n)
    return result


def trimmed(coefficients: list) -> list:
    while coefficients and abs(coefficients[-1]) < DROP:
        coefficients = coefficients[:-1]
    return coefficients


def monomials(coefficients: list) -> list:
    """Chebyshev to monomial coefficients by T_{k+1} = 2 x T_k - T_{k-1}."""
    n = len(coefficients)
    result = [mp.mpf(0)] * n
    previous, current = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    for k in range(n):
        row = previous if k == 0 else current
        for power, c in enumerate(row):
            result[power] += coefficients[k] * c
        if k >= 1:
            following = [mp.mpf(0)] + [2 * c for c in current]
            for power, c in enumerate(previous):
                following[power] -= c
            previous, current = current, following
    return result


def fit(kind: str, w0: float, w1: float, q0: float) -> list[list]:
    """Rows of monomial coefficients in q, one row per power of s."""
    r0, r1 = 1 / mp.mpf(w1), 1 / mp.mpf(w0)
    columns = []
    for q_node in nodes(NODES_Q):
        q = (mp.mpf(q0) + 1) / 2 + (1 - mp.mpf(q0)) / 2 * q_node
        if w0 >= EVEN_FROM:
            t, sine = mp.sqrt(q), mp.sqrt(1 - q)
        else:
            other = mp.sqrt((1 - q) * (1 + q))
            t, sine = (q, other) if kind == "i" else (other, q)
        values = []
        for s_node in nodes(NODES_R):
            w = 1 / ((r0 + r1) / 2 + (r1 - r0) / 2 * s_node)
            values.append(factor(kind, w * t, w * sine, w))
        columns.append(chebyshev_coefficients(values))
    rows = [
        trimmed(chebyshev_coefficients([column[a] for column in columns])) for a in range(NODES_R)
    ]
    while not rows[-1]:
        rows.pop()
    assert len(rows) < NODES_R and max(map(len, rows)) < NODES_Q, "more nodes needed"
    width = max(map(len, rows))
    padded = [row + [mp.mpf(0)] * (width - len(row)) for row in rows]
    by_column = [monomials([row[b] for row in padded]) for b in range(width)]
    # Row a keeps the length of the longest Chebyshev row that reaches it (rows a and above).
    result = []
    for a in range(len(rows)):
        length = max(len(rows[i]) for i in range(a, len(rows)))
        result.append(monomials([by_column[b][a] for b in range(length)]))
    return result


def print_tile(index: int, kind: str, w0: float, w1: float, q0: float) -> None:
    rows = fit(kind, w0, w1, q0)
    r0, r1 = 1 / mp.mpf(w1), 1 / mp.mpf(w0)
    center, scale = (r0 + r1) / (r1 - r0), 2 / (r1 - r0)
    q_center, q_scale = (1 + mp.mpf(q0)) / (1 - mp.mpf(q0)), 2 / (1 - mp.mpf(q0))
    print(f"/// {w0:g} <= w <= {w1:g}: {sum(map(len, rows))} coefficients.")
    print(f"template <>\nstruct UniformTile<'{kind}', {index}> {{")
    print("  template <Real T>\n  LONGTAIL_INLINE static T factor(T r, T angle) {")
    print(f"    const T s = fma(r, T({float(scale)!r}), T({float(-center)!r}));")
    print(f"    const T q = fma(angle, T({float(q_scale)!r}), T({float(-q_center)!r}));")
    for a in range(len(rows) - 1, -1, -1):
        numbers = [float(c).hex() for c in rows[a]]
        lines = ["q"]
        for number in numbers:
            if len(lines[-1]) + len(number) + 2 > 84:
                lines.append(number)
            else:
                lines[-1] += ", " + number
        call = "horner(" + (",\n                  ").join(lines) + ")"
        if a == len(rows) - 1:
            print(f"    T u = {call};")
        else:
            print(f"    u = fma(u, s, {call});")
    print("    return u;\n  }\n};\n")


def main() -> None:
    mp.mp.dps = 40
    print(HEADER)
    count = {"i": 0, "k": 0}
    for kind, w0, w1, q0 in TILES:
        print_tile(count[kind], kind, w0, w1, q0)
        count[kind] += 1
    print("}  // namespace LONGTAIL_LEVEL\n}  // namespace longtail::bessel")


if __name__ == "__main__":
    main()
