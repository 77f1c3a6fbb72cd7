"""Quantised attention beside what users of torch have today.

    python bench/peers/attention.py [--name NAME] [--repeats N] [--quick] [--bars] [--only PART]

Parts: `prefill` (many queries; torch's SDPA in float32 and bfloat16), `decode` (one query against a
cache of 8k to 128k tokens; SDPA in its best formulation and in the one that transformers uses),
`hadamard` (over a copy), `ntk` (ntk_attention and pattention beside eager and torch.compile). All
providers of a case on the same inputs, taking turns, at one and at two threads. Memory is warm:
glibc is told to keep what is freed (the script starts itself again with those settings). Errors are
against float64, over the largest element. Stores records in
bench/results/attention-cpu-<name>.jsonl.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit import parts  # noqa: E402

PARTS = ("prefill", "decode", "hadamard", "ntk")

if __name__ == "__main__":
    sys.exit(parts.run("attention", __doc__, PARTS, ("numpy", "torch")))
