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

import argparse
import importlib
import os
import sys
from pathlib import Path

WARM = {"MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TRIM_THRESHOLD_": str(1 << 36)}
if __name__ == "__main__" and any(os.environ.get(k) != v for k, v in WARM.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **WARM})

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit import environment, records  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.report import Bar, show, show_bars  # noqa: E402

PARTS = ("prefill", "decode", "hadamard", "ntk")
THREADS = (1, 2)


def main() -> int:
    """Measures, prints, stores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--name", default="local", help="of the results file")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="small shapes")
    parser.add_argument("--bars", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts alone")
    options = parser.parse_args()
    rows: list[Record] = []
    bars: list[Bar] = []
    for part in options.only or PARTS:
        module = importlib.import_module(f"bench.peers._attention_{part}")
        mine = module.measure(THREADS, options.repeats, options.quick)
        show(mine, min(row.median for row in mine))
        bars += module.bars(mine)
        rows += mine
    met = show_bars(bars)
    path = records.RESULTS / f"attention-cpu-{options.name}.jsonl"
    records.write(path, environment.environment(("numpy", "torch")), rows)
    print(f"stored in {path.relative_to(ROOT)}")
    return 0 if met or not options.bars else 1


if __name__ == "__main__":
    sys.exit(main())
