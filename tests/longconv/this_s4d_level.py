"""``python -m longconv.this_s4d_level``: s4d on the CPU level that LONGTAIL_CPU_LEVEL names."""

from __future__ import annotations

import torch

from longconv import test_s4d as tests
from longconv import test_s4d_gradient as gradients
from longtail import _native

print(_native.cpu_level())
for dtype in tests.DTYPES:
    tests.test_modes(dtype, "recurrent", 2)
    for method in ("zoh", "bilinear"):
        tests.test_steps(dtype, method, None)
for dtype in (torch.float64, torch.float32):
    tests.test_modes(dtype, "conv", None)
    tests.test_kernel(dtype, "zoh", 3)
for dtype in (torch.float64, torch.float32):
    gradients.test_recurrence(dtype, True)
tests.test_slow_steps()
tests.test_far_rates()
tests.test_nan_stays_where_it_is()
tests.test_streaming("recurrent")
