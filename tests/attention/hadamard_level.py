"""``python -m attention.hadamard_level``: the values on the CPU level that LONGTAIL_CPU_LEVEL
names, against float64, and their digest, which is the same on every level."""

from __future__ import annotations

import hashlib

import torch

import longtail
from attention.test_hadamard import DTYPES, SIZES, test_values
from longtail import _native

print(_native.cpu_level())
digest = hashlib.sha256()
generator = torch.Generator().manual_seed(7)
for n in SIZES:
    for dtype in DTYPES:
        for transpose in (False, True):
            test_values(n, dtype, transpose)
        whole = torch.randint(-(1 << 20), 1 << 20, (5, n), generator=generator)
        y = longtail.hadamard_transform((whole / 2.0**18).to(dtype), 0.3)
        digest.update(y.view(torch.uint8).numpy().tobytes())
EXPECTED = "5bc0876d9ee60698db6d98abafece1d3dcf4c8498dc0ebf4b5dbfd98f4fb794d"
assert digest.hexdigest() == EXPECTED, digest.hexdigest()
