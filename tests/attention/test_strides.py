"""Shapes, strides and dtypes that hypothesis draws: every function of the family reads any view."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies

from attention.hadamard_kit import SPECS as HADAMARD
from attention.ntk_ops import SPECS as NTK
from attention.ops import SPECS as QUANTISED
from kit import OpSpec
from kit.layouts import draw_view
from kit.tensors import same_bits

ALL = (*QUANTISED, *NTK, *HADAMARD)


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: f"{spec.name}-{'-'.join(spec.arguments)}")
def test_any_view(spec: OpSpec) -> None:
    """The bits of contiguous tensors, in a contiguous result."""

    @hypothesis.settings(deadline=None, derandomize=True, max_examples=25, database=None)
    @hypothesis.given(strategies.data())
    def check(data: strategies.DataObject) -> None:
        shape = data.draw(strategies.lists(strategies.integers(0, 3), min_size=1, max_size=3))
        inputs = spec.inputs(shape, data.draw(strategies.sampled_from(spec.dtypes)))
        result = spec.function(*(draw_view(data, tensor) for tensor in inputs))
        assert result.is_contiguous()
        assert same_bits(result, spec.function(*inputs))

    check()
