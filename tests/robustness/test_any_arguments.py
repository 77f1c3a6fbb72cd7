"""Arguments that nobody would write, for every public function."""

from __future__ import annotations

import pytest
from torch import nn

from kit.any_arguments import check_any_arguments
from kit.calls import Call
from robustness.census import CALLS

#: Whose numbers in float64 are no reference: codes of rounded numbers are others, solvers end at
#: the tolerance of their dtype, and grid_conv, grid_down and grid_up have float32 alone.
CODES = ("quantized_attention", "QuantizedKVCache")
SOLVERS = ("poisson_solve", "diffusion_solve", "MultigridSolver", "cg", "minres", "gcrodr")
NO_REFERENCE = (*CODES, *SOLVERS, "grid_")
#: No public functions, but what is below them: their callers have checked.
INNER = ("side by side", "stencil_hierarchy")
#: Modules hand their input on to torch's layers, whose errors are torch's.
FUNCTIONS = [
    pytest.param(call, name, id=f"{family}-{name}")
    for family, calls in CALLS.items()
    for name, call in calls.items()
    if name not in INNER and not isinstance(call.function, nn.Module)
]


@pytest.mark.parametrize(("call", "name"), FUNCTIONS)
def test_any_arguments(call: Call, name: str) -> None:
    check_any_arguments(call, 30, compares=not name.startswith(NO_REFERENCE))


@pytest.mark.full
@pytest.mark.parametrize(("call", "name"), FUNCTIONS)
def test_any_arguments_often(call: Call, name: str) -> None:
    check_any_arguments(call, 2000, compares=not name.startswith(NO_REFERENCE))
