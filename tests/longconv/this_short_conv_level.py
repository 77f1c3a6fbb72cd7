"""``python -m longconv.this_short_conv_level``: values and gradients on the CPU level that
LONGTAIL_CPU_LEVEL names, beside torch's conv1d in float64."""

from __future__ import annotations

import torch

from kit.twins import DTYPES
from longconv import test_short_conv
from longtail import _native

torch.set_num_threads(1)  # small tensors, see conftest.py
print(_native.cpu_level())
for dtype in DTYPES:
    for case in test_short_conv.CASES:
        test_short_conv.both(case, dtype)
    test_short_conv.test_streaming_gives_the_same_bits(dtype)
test_short_conv.test_activation_everywhere(torch.float32)
