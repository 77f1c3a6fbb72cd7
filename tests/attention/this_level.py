"""``python -m attention.this_level``: codes, values and varlen on the CPU level that
LONGTAIL_CPU_LEVEL names, beside the float64 emulation."""

from __future__ import annotations

import torch

from attention import test_prefill, test_sinks
from attention.cases import SHAPES, VARIANTS, draw
from attention.cases import check as check_values
from attention.emulation import Variant
from longtail import _native

torch.set_num_threads(1)  # small tensors, see conftest.py
print(_native.cpu_level())
for variant in VARIANTS:
    for shape in SHAPES:
        test_prefill.test_codes_are_the_emulations(variant, shape)
        check_values(draw(shape), variant, "bottom_right")
    test_prefill.test_what_is_no_number_shows(float("nan"), variant)
for dtype in test_prefill.DTYPES[1:]:
    test_prefill.test_half_precision(dtype, Variant("q8k4", "k", True))
for causal in test_sinks.CAUSAL:
    test_sinks.test_values(Variant("int8", "none"), causal)
test_sinks.test_dtypes_and_value_channels(torch.bfloat16, 17)
test_sinks.test_one_loud_value()
test_sinks.test_rows_that_see_sinks_only()
test_prefill.test_all_codes_extreme()
test_prefill.test_tiny_and_huge()
test_prefill.test_rows_that_see_nothing()
test_prefill.test_later_tokens_and_causality("int8")
test_prefill.test_varlen_is_each_sequence_by_itself(Variant("int4", "qk"))
