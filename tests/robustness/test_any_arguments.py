"""Arguments that nobody would write, for every public function but those of multigrid, whose
failures have yet to be looked at (docs/robustness.md)."""

from __future__ import annotations

import pytest
from torch import nn

from kit.any_arguments import check_any_arguments
from kit.calls import Call
from robustness.census import CALLS

#: Whose numbers in float64 are no reference: codes of rounded numbers are others.
NO_REFERENCE = ("quantized_attention", "QuantizedKVCache")
#: Modules hand their input on to torch's layers, whose errors are torch's.
FUNCTIONS = [
    pytest.param(call, name, id=f"{family}-{name}")
    for family, calls in CALLS.items()
    for name, call in calls.items()
    if family != "multigrid" and not isinstance(call.function, nn.Module)
]


@pytest.mark.parametrize(("call", "name"), FUNCTIONS)
def test_any_arguments(call: Call, name: str) -> None:
    check_any_arguments(call, 30, compares=not name.startswith(NO_REFERENCE))


@pytest.mark.full
@pytest.mark.parametrize(("call", "name"), FUNCTIONS)
def test_any_arguments_often(call: Call, name: str) -> None:
    check_any_arguments(call, 2000, compares=not name.startswith(NO_REFERENCE))
