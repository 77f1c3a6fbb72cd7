"""Searches for the worst points of each function with far more points than the tests use.

    python tools/search_errors.py [--seed N] [--points 40000] [--functions ...] [--write]

Prints the largest part of the contract that an error takes up, in each box. --write keeps the worst
points in tests/bessel/golden/hard_points.txt, around which the grid "hard" of the tests lies.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]

from bessel import grids, metrics, oracle, tables  # noqa: E402
from bessel.compute import Job, evaluate  # noqa: E402

Array = NDArray[np.float64]
Box = Callable[[np.random.Generator, int], tuple[Array, Array]]

KEPT_OF_A_BOX = 8


def log_uniform(rng: np.random.Generator, low: float, high: float, n: int) -> Array:
    """n numbers from low to high, uniform in their logarithm."""
    return np.exp(rng.uniform(np.log(low), np.log(high), n))


def box(v: tuple[float, float], x: tuple[float, float]) -> Box:
    """Uniform in v, log-uniform in x."""
    return lambda rng, n: (rng.uniform(*v, n), log_uniform(rng, *x, n))


def ray(v: tuple[float, float], slope: tuple[float, float]) -> Box:
    """Log-uniform in v, x = slope * v."""

    def points(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        orders = log_uniform(rng, *v, n)
        return orders, orders * rng.uniform(*slope, n)

    return points


BOXES: dict[str, Box] = {
    "v < 2, x < 1": box((0, 2), (0.01, 1)),
    "v < 6, x < 6": box((0, 6), (0.01, 6)),
    "v < 60, x < 60": box((0, 60), (0.01, 60)),
    "zero strip": ray((1, 3000), (0.3, 1.2)),
    "zero strip, far": ray((3000, 1e8), (0.3, 1.2)),
}


def part_of_contract(function: str, v: Array, x: Array) -> Array:
    """Errors in float64 against Arb, over what csrc/bessel/contract.json allows."""
    values = [
        oracle.split(oracle.value(function, a, b))
        for a, b in zip(v.tolist(), x.tolist(), strict=True)
    ]
    table = tables.Table(np.full(len(v), ""), v, x, *np.array(values).T)
    error = metrics.errors(evaluate(Job(function, (0, 0), "float64", v, x)), table)
    point = metrics.point_of(function, table)
    bounds = metrics.bounds(function, (0, 0))
    bounds.pop("median_E1", None)
    parts = [metrics.measure(m, error, table.hi, point) / bound for m, bound in bounds.items()]
    return np.max(parts, axis=0)


def main() -> None:
    """Searches every box for every function and prints the worst point of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--points", type=int, default=40_000, help="points of each box")
    parser.add_argument("--functions", nargs="+", default=oracle.FUNCTIONS)
    parser.add_argument("--write", action="store_true", help="keep the worst points")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    worst: set[tuple[float, float]] = set(grids.hard_points())
    for function in options.functions:
        for name, points in BOXES.items():
            v, x = points(rng, options.points)
            if function == "log_hyp0f1":
                v, x = v + 0.01, x * x / 4
            if function == "matern":
                v, x = v + 0.01, np.minimum(x / np.sqrt(2 * v + 0.02), 25)
            part = part_of_contract(function, v, x)
            order = np.argsort(-part)[:KEPT_OF_A_BOX]
            top = int(order[0])
            print(f"{function:14} {name:16} {part[top]:5.2f} of the contract, {(part > 1).sum()} "
                  f"above, at ({float(v[top])!r}, {float(x[top])!r})", flush=True)  # fmt: skip
            if function not in ("log_hyp0f1", "matern"):
                worst |= {(float(v[k]), float(x[k])) for k in order}
    if options.write:
        lines = [f"{v!r} {x!r}\n" for v, x in sorted(worst)]
        grids.HARD_POINTS.write_text("".join(lines))


if __name__ == "__main__":
    main()
