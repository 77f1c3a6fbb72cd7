"""Writes python/longtail/_rational_tables.py: rational fits of the usual activations on [-3, 3].

python tools/make_rational_tables.py > python/longtail/_rational_tables.py      (a minute)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from longtail._rational_fit import fit, variance_gain

Array = NDArray[np.float64]

_ERF = np.vectorize(math.erf)


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + _ERF(x / math.sqrt(2)))


def _silu(x: Array) -> Array:
    return x / (1 + np.exp(-x))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda x: x,
    "silu": _silu,
    "gelu": _gelu,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "geglu": lambda x: x * _gelu(x),
    "swishglu": lambda x: x * _silu(x),
}
INTERVAL = (-3.0, 3.0)


def _numbers(values: Array) -> str:
    return "(" + ", ".join(repr(float(f"{value:.10g}")) for value in values) + ",)"


def main() -> None:
    print('"""Written by tools/make_rational_tables.py: do not edit.')
    print()
    print("Coefficients of versions A and B, orders (5, 4), fitted on [-3, 3]: a_0 ... a_5 and")
    print('b_1 ... b_4. Behind each its largest error there."""')
    print()
    print("TABLES: dict[str, dict[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {")
    for name, function in FUNCTIONS.items():
        print(f'    "{name}": {{')
        for version in "AB":
            if name == "identity":
                a, b, error = np.eye(6)[1], np.zeros(4), 0.0
            else:
                a, b, error = fit(function, version, INTERVAL, 5, 4, starts=12)
            print(f'        "{version}": (  # {error:.1e}')
            print(f"            {_numbers(a)},\n            {_numbers(b)},\n        ),")
        print("    },")
    print("}\n")
    print("#: 1/E[F(z)^2] of the function itself for standard normal z: keeps the variance of a")
    print("#: layer behind it.")
    print("VARIANCE_GAIN = {")
    for name, function in FUNCTIONS.items():
        print(f'    "{name}": {variance_gain(function)!r},')
    print("}")


if __name__ == "__main__":
    main()
