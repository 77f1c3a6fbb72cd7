"""Bad input to the log-Bessel functions. ``pytest tests/bessel -k bad_input -s`` prints a table."""

from __future__ import annotations

import math

import torch

from bessel.ops import SPECS
from kit import BadInput, Gives
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
    for first, second in [
        *(edge for edge, value in spec.edges.items() if math.isnan(value)),
    ]
]

CASES = _CALLS + _ELEMENTS


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_table_is_long_enough() -> None:
    assert len(CASES) >= 60
