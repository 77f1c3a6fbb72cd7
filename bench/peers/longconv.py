"""Long convolutions beside what users of torch have today.

    python bench/peers/longconv.py [--name NAME] [--repeats N] [--quick] [--bars] [--only PART]

Parts: `rows` (long_conv, forward and with its gradients; torch's rfft, SciPy's, a copy, the
peak rate of multiply-adds; the memory that a call needs beyond its inputs),
`short` (short_conv and its step; torch's conv1d and torch.compile, a copy), `s4d` (diagonal state
spaces: kernel, rows, step; torch's Vandermonde matrix and rfft, a copy). All
providers of a case on the same inputs, taking turns, at one and at two threads. Memory is warm:
glibc is told to keep what is freed (the script starts itself again with those settings); times
under the default, which faults in every fresh page, stand beside them. Errors are against float64,
over the largest element. Stores records in bench/results/longconv-cpu-<name>.jsonl.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit import parts  # noqa: E402

PARTS = ("rows", "short", "s4d")

if __name__ == "__main__":
    sys.exit(parts.run("longconv", __doc__, PARTS, ("numpy", "scipy", "torch")))
