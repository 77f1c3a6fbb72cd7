"""``python -m longconv.this_level``: values and gradients on the CPU level that LONGTAIL_CPU_LEVEL
names, beside sums in float64."""

from __future__ import annotations

import torch

from kit.twins import DTYPES
from longconv import test_long_conv
from longtail import _native

torch.set_num_threads(1)  # small tensors, see conftest.py
print(_native.cpu_level())
for dtype in DTYPES:
    for case in test_long_conv.CASES:
        test_long_conv.both(case, dtype)
for taps in (1, 100, 4099):
    test_long_conv.test_blocks_and_whole_rows(4099, taps)
test_long_conv.test_a_million_numbers(1 << 17)
test_long_conv.test_streaming(torch.float32, [137] * 7 + [41])
test_long_conv.test_long_kernel(state=True)
