"""Shapes, strides and dtypes that hypothesis draws: every function of the family reads any view."""

from __future__ import annotations

import pytest

from attention.hadamard_kit import SPECS as HADAMARD
from attention.ntk_ops import SPECS as NTK
from attention.ops import SPECS as QUANTISED
from kit import OpSpec
from kit.layouts import check_any_view

ALL = (*QUANTISED, *NTK, *HADAMARD)


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: f"{spec.name}-{'-'.join(spec.arguments)}")
def test_any_view(spec: OpSpec) -> None:
    """The bits of contiguous tensors, in a contiguous result."""
    check_any_view(spec, longest=3, dims=3, examples=25)
