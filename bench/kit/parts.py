"""The main program of a family's benchmark, and of one of its parts."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from . import environment, records
from .bars import Bar, show_bars
from .records import Record
from .report import show

#: glibc keeps what is freed: fresh memory costs more than most kernels (page faults).
WARM = {"MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TRIM_THRESHOLD_": str(1 << 36)}
THREADS = (1, 2)


def restart_warm() -> None:
    """Starts the script again with those settings, unless it has them."""
    if any(os.environ.get(k) != v for k, v in WARM.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **WARM})


def parser_of(about: str | None, quick: str) -> argparse.ArgumentParser:
    """What a family's benchmark is asked for; ``quick`` says what --quick leaves out."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--name", default=records.LOCAL, help="of the results file")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--bars", action="store_true", help="exit with 1 if a bar is missed")
    return parser


def finish(
    family: str,
    options: argparse.Namespace,
    block: dict[str, Any],
    rows: Sequence[Record],
    bars: Sequence[Bar],
) -> int:
    """Prints the bars, stores them with the records; what the script exits with.

    ``block`` is the environment, taken before the measurements: it has the machine's load.
    """
    met = show_bars(bars)
    path = records.path_of(family, options.name)
    records.write(path, block, rows, bars)
    print(f"stored in {path.relative_to(environment.ROOT)}")
    return 0 if met or not options.bars else 1


def run(family: str, about: str, parts: Sequence[str], versions: Sequence[str]) -> int:
    """Measures, prints, stores.

    Args:
        family: of the records, and of bench/peers/_<family>_<part>.py, each with
            measure(threads, repeats, quick) and bars(rows).
        about: the script's docstring.
        parts: in their order.
        versions: packages that the results name.
    """
    restart_warm()
    parser = parser_of(about, "small shapes, 3 repeats unless said")
    parser.add_argument("--only", choices=parts, action="append", help="these parts alone")
    parser.set_defaults(repeats=None)
    options = parser.parse_args()
    repeats = options.repeats or (3 if options.quick else 9)
    block = environment.environment(tuple(versions))
    rows: list[Record] = []
    bars: list[Bar] = []
    for part in options.only or parts:
        module = importlib.import_module(f"bench.peers._{family}_{part}")
        mine = module.measure(THREADS, repeats, options.quick)
        show(mine, min(row.median for row in mine))
        bars += module.bars(mine)
        rows += mine
    return finish(family, options, block, rows, bars)


def run_alone(
    measure: Callable[[tuple[int, ...], int, bool], list[Record]],
    show: Callable[[list[Record]], None],
    bars: Callable[[list[Record]], list[Bar]],
) -> None:
    """One part as a script: its own table and its bars, at one number of threads."""
    restart_warm()
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    rows = measure((options.threads,), options.repeats, options.quick)
    show(rows)
    show_bars(bars(rows))
