"""Writes csrc/bessel/quadrature_nodes.h: the trapezoid nodes of the integral of K, in closed form.

python tools/make_quadrature_nodes.py > csrc/bessel/quadrature_nodes.h      (needs mpmath)
"""

from mpmath import cosh, exp, mp, mpf, sinh

# (step, nodes right of the peak, nodes left of it); the first step serves w < 6, then 13, then 25.
# Counts reach the point where the integrand is below 2^-60 of its peak for every x >= 1/4, v <= w.
TIERS = [("0.1875", 34, 47), ("0.140625", 22, 54), ("0.1171875", 20, 41)]

HEADER = """#pragma once
// Written by tools/make_quadrature_nodes.py: do not edit.
//
// Three grids s = j * step. Node j holds cosh s - 1, then sinh s - s for the right side or
// exp(-s) - 1 + s for the left.

#include "core/simd.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

template <Scalar S>
struct QuadratureNode {
  S rise;
  S skew;
};

template <int Tier>
struct QuadratureGrid;
"""


def table(name: str, nodes: list) -> None:
    print("  template <Scalar S>")
    print(f"  LONGTAIL_INLINE static QuadratureNode<S> {name}(int j) {{")
    print(f"    static constexpr QuadratureNode<S> table[{len(nodes)}] = {{")
    for rise, skew in nodes:
        print(f"        {{{float(rise).hex()}, {float(skew).hex()}}},")
    print("    };\n    return table[j - 1];\n  }")


def main() -> None:
    mp.prec = 200
    print(HEADER)
    for tier, (step, right, left) in enumerate(TIERS):
        h = mpf(step)
        assert float(h) == h, "an exact step keeps the nodes exact"
        print(f"template <>\nstruct QuadratureGrid<{tier}> {{")
        print(f"  static constexpr double step = {float(h).hex()};")
        print(f"  static constexpr int right_count = {right}, left_count = {left};")
        grid = [j * h for j in range(1, max(right, left) + 1)]
        table("right", [(cosh(s) - 1, sinh(s) - s) for s in grid[:right]])
        table("left", [(cosh(s) - 1, exp(-s) - 1 + s) for s in grid[:left]])
        print("};\n")
    print("}  // namespace LONGTAIL_LEVEL\n}  // namespace longtail::bessel")


if __name__ == "__main__":
    main()
