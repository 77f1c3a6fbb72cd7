"""Writes csrc/bessel/debye_coefficients.h: the Debye polynomials in exact rationals, rounded once.

u_k(t) of DLMF 10.41.9 is t^k times a polynomial p_k in t^2; with t = v/w, w^2 = v^2 + x^2, the term
u_k(t)/v^k of the expansion is p_k(v^2/w^2) / w^k, which stays finite at v = 0.

    python tools/make_debye_coefficients.py > csrc/bessel/debye_coefficients.h
"""

from fractions import Fraction

TERMS = 24

HEADER = """#pragma once
// Written by tools/make_debye_coefficients.py: do not edit.
//
// Row k holds p_k, lowest degree first: u_k(t) = t^k p_k(t^2) (DLMF 10.41.9), k + 1 numbers.

#include "core/simd.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

inline constexpr int kDebyeTerms = %d;

/// Coefficient j of p_k, 0 <= j <= k. A table inside a function is one that CUDA code can index.
template <Scalar S>
LONGTAIL_INLINE S debye_coefficient(int k, int j) {
  static constexpr S table[%d] = {"""


def debye_polynomials(terms: int) -> list[list[Fraction]]:
    """Coefficients of p_0 ... p_{terms-1}; u_{k+1} by its recurrence, powers of t in a dict."""
    u = {0: Fraction(1)}
    result = []
    for k in range(terms):
        result.append([u.get(k + 2 * j, Fraction(0)) for j in range(k + 1)])
        following: dict[int, Fraction] = {}

        def add(power: int, value: Fraction, target: dict[int, Fraction] = following) -> None:
            target[power] = target.get(power, Fraction(0)) + value

        for power, c in u.items():
            add(power + 1, c * power / 2 + c / (8 * (power + 1)))
            add(power + 3, -c * power / 2 - 5 * c / (8 * (power + 3)))
        u = following
    return result


def main() -> None:
    rows = debye_polynomials(TERMS)
    print(HEADER % (TERMS, sum(len(row) for row in rows)))
    for k, row in enumerate(rows):
        print(f"      // p_{k}")
        for start in range(0, len(row), 3):
            print("      " + " ".join(f"{float(c).hex()}," for c in row[start : start + 3]))
    print("  };\n  return table[k * (k + 1) / 2 + j];\n}\n")
    print("}  // namespace LONGTAIL_LEVEL\n}  // namespace longtail::bessel")


if __name__ == "__main__":
    main()
