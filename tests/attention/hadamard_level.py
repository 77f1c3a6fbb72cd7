"""``python -m attention.hadamard_level``: the values on the CPU level that LONGTAIL_CPU_LEVEL
names, against float64, and their digest, which is the same on every level."""

from __future__ import annotations

import hashlib

import torch

import longtail
from attention.test_hadamard import DTYPES, SIZES, sample, test_values
from longtail import _native

print(_native.cpu_level())
digest = hashlib.sha256()
for n in SIZES:
    for dtype in DTYPES:
        for transpose in (False, True):
            test_values(n, dtype, transpose)
        y = longtail.hadamard_transform(sample(5, n, dtype=dtype), 0.3)
        digest.update(y.view(torch.uint8).numpy().tobytes())
EXPECTED = "db54b841974e799401cb7d1e1590eff23f772a36d0c7b76b03763b4c72fb0209"
assert digest.hexdigest() == EXPECTED, digest.hexdigest()
