"""``python -m attention.this_cache_level``: codes and attention on the CPU level that
LONGTAIL_CPU_LEVEL names, beside the oracle."""

from __future__ import annotations

import torch

from attention import test_cache_formats as formats
from attention import test_decode as decode
from longtail import _native

torch.set_num_threads(1)
print(_native.cpu_level())
for bits, k_format in decode.KINDS:
    for shape in decode.SHAPES[1:7]:
        decode.test_decode(bits, k_format, shape)
    decode.test_extremes_of_codes(k_format, bits)
    decode.test_many_queries_with_a_mask(bits, k_format, True)
for k_format in decode.FORMATS:
    decode.test_large_and_small_magnitudes(k_format)
for dtype in decode.DTYPES:
    decode.test_dtypes(dtype, dtype)
    for bits in (4, 8):
        formats.test_codes_bit_for_bit(bits, 72, 32, dtype)
