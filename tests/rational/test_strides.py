"""Shapes, strides and dtypes that hypothesis draws: every function of the family reads any view."""

from __future__ import annotations

import pytest

from kit import OpSpec
from kit.layouts import check_any_view
from rational.kan_ops import KAN_SPECS
from rational.ops import POLY_SPECS, SPECS

ALL = (*SPECS, *POLY_SPECS, *KAN_SPECS)


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: f"{spec.name}-{'-'.join(spec.arguments)}")
def test_any_view(spec: OpSpec) -> None:
    """The bits of contiguous tensors, in a contiguous result."""
    check_any_view(spec, longest=6, dims=4, examples=40)
