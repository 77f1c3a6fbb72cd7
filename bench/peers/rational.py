"""Group rationals, poly_norm and kan_linear beside eager torch, torch.compile and the reference's
own path for the CPU.

    python bench/peers/rational.py [--name NAME] [--repeats N] [--quick] [--bars]

The rational on x of [64, 196, 768] float32 with 8 groups, poly_norm on the same and on 4M elements
in rows of 1k to 64k, kan_linear on 4096 rows with 256 inputs and outputs. All providers on the same
inputs, taking turns, at one and at two threads. Memory is warm: glibc is told to keep what is freed
(the script starts itself again with those settings), as a fresh 38 MB tensor costs more in page
faults than the kernel takes. The floor is a copy of x for the forward pass, and for forward and
backward the bytes they must move at the same rate: x, y, then grad, x, dx. Errors (of the value, of
dx) are against float64, over the largest element. `saved` is what waits for the backward pass, in
sizes of x. Last come the memory of kan_linear and the errors of coefficient gradients. Stores
records in bench/results/rational-cpu-<name>.jsonl.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402
from bench.kit import environment  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.parts import finish, parser_of, restart_warm  # noqa: E402
from bench.kit.passes import show_peaks  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.report import show  # noqa: E402
from bench.peers import _kan_linear as kan_linear  # noqa: E402
from bench.peers import _rational_gradients as gradients  # noqa: E402
from bench.peers import _rational_timing as timing  # noqa: E402
from bench.peers._rational_functions import (  # noqa: E402
    eager,
    eager_norm,
    norm_problem,
    rational_problem,
    reference,
)

SHAPE = (64, 196, 768)
COLUMNS = (SHAPE[-1], 1 << 10, 1 << 12, 1 << 14, 1 << 16)
NORM_ELEMENTS = 1 << 22
THREADS = (1, 2)
# Time over the copy floor, forward; over the floor of bytes moved, forward and backward.
FORWARD, BOTH = 1.15, 1.3
# Bytes moved by forward and backward over those of a copy: 5 tensors to 2.
TENSORS = 2.5
RATIONAL = "version A, (5, 4)"


def measure(options: argparse.Namespace) -> list[Record]:
    """Both functions at one and two threads, then coefficient gradients."""
    problem = rational_problem((4, *SHAPE[1:]) if options.quick else SHAPE)
    rivals = {"eager": eager, "reference CPU path": reference}
    columns = COLUMNS[:: len(COLUMNS) - 1] if options.quick else COLUMNS
    elements = NORM_ELEMENTS >> 4 if options.quick else NORM_ELEMENTS
    result: list[Record] = []
    for threads in THREADS:
        result += timing.measure(
            ("rational", RATIONAL),
            *(problem, longtail.rational, eager, rivals, threads, options.repeats),
        )
        for n in columns:
            rows = problem.x.shape[:2].numel() if n == SHAPE[-1] else elements // n
            result += timing.measure(
                ("poly_norm", case_of(n)),
                *(norm_problem(rows, n), longtail.poly_norm, eager_norm),
                *({"eager": eager_norm}, threads, options.repeats),
            )
    result += kan_linear.measure(THREADS, options.repeats, options.quick)
    return [*result, *gradients.measure(problem)]


def case_of(columns: int) -> str:
    """As the records name it."""
    return f"rows of {columns}"


def bars(rows: list[Record]) -> list[Bar]:
    """Those of the design."""
    found = {(row.kernel, row.case, row.provider, row.threads): row.median for row in rows}
    cases = dict.fromkeys(row.case for row in rows if row.kernel.startswith("poly_norm"))
    result: list[Bar] = []
    for threads in THREADS:
        label = f"{threads} thread" + "s" * (threads > 1)

        def value(name: str, threads: int = threads) -> float:
            return found["rational forward", RATIONAL, name, threads]

        def both(name: str, case: str, of: str = "rational", threads: int = threads) -> float:
            return found[f"{of} forward+backward", case, name, threads]

        floor, ours = value(timing.FLOOR), both(timing.OURS, RATIONAL)
        compiled, plain = (both(name, RATIONAL) / ours for name in (timing.COMPILED, "eager"))
        result += [
            Bar(
                f"rational forward over a copy, {label}",
                value(timing.INTO) / floor,
                FORWARD,
                at_most=True,
            ),
            Bar(
                f"rational, both passes over their floor, {label}",
                ours / (TENSORS * floor),
                BOTH,
                at_most=True,
            ),
            Bar(f"rational, torch.compile over ours, {label}", compiled, 8 if threads > 1 else 4),
            Bar(f"rational, eager over ours, {label}", plain, 1 if threads > 1 else 28),
        ]
        for case in cases:
            ratio = both(timing.COMPILED, case, "poly_norm") / both(timing.OURS, case, "poly_norm")
            result.append(
                Bar(
                    f"poly_norm, {case}, torch.compile over ours, {label}",
                    ratio,
                    3 if threads > 1 else 2,
                )
            )
    return [*result, *_saved(rows), *kan_linear.bars(rows)]


def _saved(rows: list[Record]) -> list[Bar]:
    """One input's worth of memory, and what there is beside x is parameters."""
    ours = [row for row in rows if row.provider == timing.OURS and "saved" in row.extra]
    return [
        Bar(
            "rational, kept for backward in sizes of x",
            max(r.extra["saved"] for r in ours),
            1.01,
            at_most=True,
        )
    ]


def main() -> int:
    """Measures, prints, stores."""
    restart_warm()
    options = parser_of(__doc__, "4 images instead of 64").parse_args()
    block = environment.environment(("numpy", "torch"))
    rows = measure(options)
    timed = [row for row in rows if row.repeats]
    show(timed, next(row.median for row in rows if row.provider == timing.FLOOR))
    show_peaks(timed)
    gradients.show([row for row in rows if not row.repeats])
    return finish("rational", options, block, rows, bars(rows))


if __name__ == "__main__":
    sys.exit(main())
