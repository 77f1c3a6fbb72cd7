"""``python -m kit.this_level MODULE``: checks the ops of MODULE.SPECS on the CPU level that
LONGTAIL_CPU_LEVEL names."""

from __future__ import annotations

import importlib
import sys

import torch

from kit.layouts import LayoutChecks, check_values
from kit.spec import Gradient, OpSpec


def check(spec: OpSpec) -> None:
    checks = LayoutChecks()
    for dtype in spec.dtypes:
        inputs = spec.inputs((40,), dtype)
        check_values(spec, inputs, spec.function(*inputs))
        checks.test_edges(spec, dtype, "cpu")
    if spec.elementwise:
        checks.test_position(spec, torch.float64)
    if spec.gradient is Gradient.EXACT_TWICE:
        torch.autograd.gradcheck(spec.function, spec.smooth_inputs((7,)))


def main(module: str) -> None:
    from longtail import _native

    print(_native.cpu_level())
    for spec in importlib.import_module(module).SPECS:
        check(spec)


if __name__ == "__main__":
    main(sys.argv[1])
