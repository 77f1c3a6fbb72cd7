"""Bad input to the log-Bessel functions. ``pytest tests/bessel -k bad_input -s`` prints a table."""

from __future__ import annotations

import math

import torch
from torch.func import grad

import longtail
from bessel.ops import SPECS
from kit import BadInput, Gives, Raises
from kit.bad_input import binary_cases, check, parametrize

_CALLS = [case for spec in SPECS for case in binary_cases(spec.function, *spec.arguments)]

# Element values are never an error: that would need a look at the data, a device synchronisation.
_ELEMENTS = [
    BadInput(
        f"{spec.name}({first}, {second})",
        lambda spec=spec, first=first, second=second: spec.function(
            torch.tensor([first, 1.0, first], dtype=torch.float64)[::2], second
        ),
        Gives(math.nan),
    )
    for spec in SPECS
    for (first, second), value in spec.edges.items()
    if math.isnan(value)
]

# The raw ops, called past the public functions. All that C++ refuses is a ValueError.
_RAW = torch.ops.longtail.log_bessel_i
_DERIVATIVE = torch.ops.longtail.log_bessel_i_derivative
_X = torch.ones(3)


def _write(out: torch.Tensor) -> None:
    _RAW.out(_X, _X, out=out)


def _third_derivative() -> torch.Tensor:
    order = torch.tensor(1.0)
    return grad(grad(grad(lambda x: longtail.log_bessel_i(order, x))))(order)


_DEEPER = [
    BadInput(f"torch.ops.longtail.{label}", call, Raises(error, *words))
    for label, call, error, *words in [
        ("log_bessel_i(float32, float64)", lambda: _RAW(_X, _X.double()), ValueError, "x", "Float"),
        ("log_bessel_i([3], [2])", lambda: _RAW(_X, _X[:2]), ValueError, "[2]", "[3]"),
        ("log_bessel_i(int, int)", lambda: _RAW(_X.int(), _X.int()), ValueError, "v", "Int"),
        ("log_bessel_i(cpu, meta)", lambda: _RAW(_X, _X.to("meta")), ValueError, "cpu", "meta"),
        ("log_bessel_i(tensor, number)", lambda: _RAW(_X, 1.0), RuntimeError, "'x'", "float"),
        ("log_bessel_i.out(out=[2])", lambda: _write(_X[:2]), ValueError, "out", "[2]", "[3]"),
        ("log_bessel_i.out(out=int)", lambda: _write(_X.int()), ValueError, "out", "Int"),
        (
            *("log_bessel_i.out(out=expanded)", lambda: _write(torch.ones(1).expand(3))),
            *(ValueError, "out", "share memory"),
        ),
        *(
            (
                f"log_bessel_i_derivative(orders {i}, {j})",
                *(lambda i=i, j=j: _DERIVATIVE(_X, _X, i, j), ValueError, f"({i}, {j})"),
            )
            for i, j in [(0, 0), (3, 0), (-1, 2), (2**40, 0)]
        ),
    ]
]
_DEEPER.append(
    BadInput(
        "the third derivative of log_bessel_i",
        _third_derivative,
        Raises(NotImplementedError, "log_bessel_i", "order 3", "3 in x", "highest order is 2"),
    )
)

CASES = _CALLS + _ELEMENTS + _DEEPER


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
