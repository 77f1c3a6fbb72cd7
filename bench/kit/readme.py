"""Draws the plots and writes the tables of the README from the committed results.

    python -m bench.kit.readme [--check]

Between `<!-- bench:FAMILY -->` and `<!-- /bench -->` stands the table of the newest
bench/results/FAMILY-cpu*.jsonl. No number is copied by hand; --check fails if the README differs.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import plots, records, relative, solvers
from .environment import ROOT
from .records import Record

IMAGES = ROOT / "docs/images"
_BLOCK = re.compile(r"(<!-- bench:(\w+) -->\n).*?(<!-- /bench -->)", re.DOTALL)


def table(environment: dict[str, Any], rows: Sequence[Record]) -> str:
    """A Markdown table: a row a task, ns an element and the largest error of each provider."""
    rows = [row for row in rows if row.max_error is not None]
    providers = list(dict.fromkeys((row.provider, row.threads) for row in rows))
    found = {(row.kernel, row.case, row.provider, row.threads): row for row in rows}
    heads = [f"{name} ({threads} thr.)" for name, threads in providers]
    lines = [
        "| function | points | " + " | ".join(heads) + " |",
        "| --- | --- |" + " ---: |" * len(providers),
    ]
    for kernel, case in dict.fromkeys((row.kernel, row.case) for row in rows):
        cells = [_cell(found.get((kernel, case, *provider))) for provider in providers]
        lines.append(f"| `{kernel}` | {case} | " + " | ".join(cells) + " |")
    versions = ", ".join(f"{k} {v}" for k, v in environment["versions"].items() if v != "absent")
    lines += [
        "",
        f"ns an element, median (largest error in eps max(1, abs result)); {environment['cpu']}, "
        f"{environment['cores']} cores; {versions}; commit {environment['commit']}, "
        f"{environment['date']}.",
    ]
    return "\n".join(lines)


#: Families that do not measure errors in eps of the result have a table of their own.
TABLES = {
    "attention": relative.by_part,
    "longconv": relative.by_part,
    "multigrid": solvers.table,
    "rational": relative.table,
}
#: Which records of such a family the picture shows, where all would be too many.
PICTURED: dict[str, Callable[[Record], bool]] = {
    "attention": lambda row: row.threads == 1 and row.kernel == "prefill",
    "longconv": lambda row: (
        row.threads == 1
        and row.kernel == "long_conv"
        and row.provider not in ("FMA peak", "longtail, default malloc")
    ),
    "multigrid": lambda row: (
        row.threads == 1
        and row.kernel == "solve"
        and row.provider
        not in (
            "longtail, MultigridSolver",
            "torch slices, float32 cycles",
            "torch conv2d",
            "PyAMG, aggregation",
        )
    ),
}


def _cell(row: Record | None) -> str:
    if row is None or row.max_error is None:
        return "-"
    error = f"{row.max_error:.2g}" if row.max_error < 1e4 else f"{row.max_error:.0e}"
    return f"{row.median:.3g} ({error})"


def block(family: str) -> str:
    """What stands between a family's markers; draws its picture on the way."""
    path = records.newest(family)
    if path is None:
        raise FileNotFoundError(f"bench/results has no {family}-cpu*.jsonl")
    environment, rows = records.read(path)
    compared = [row for row in rows if row.max_error is not None and row.case.startswith("grid")]
    if family in TABLES:
        shown = PICTURED.get(family, lambda row: True)
        compared = [row for row in rows if row.repeats and shown(row)]
    picture = plots.bars(
        compared,
        IMAGES / f"bench_{family}.svg",
        f"{family}, {compared[0].dtype}, {environment['cpu']}",
        environment.get("floor_ns"),
    )
    link = f"![{family}: time of each provider]({picture.relative_to(ROOT)})"
    return f"{TABLES.get(family, table)(environment, rows)}\n\n{link}\n"


def fill(text: str) -> str:
    """The text with every marked block made anew."""
    return _BLOCK.sub(lambda found: found[1] + block(found[2]) + found[3], text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes README.md; with --check compares only (1: they differ)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="do not write, fail on a difference")
    parser.add_argument("--file", type=Path, default=ROOT / "README.md")
    options = parser.parse_args(arguments)
    before = options.file.read_text()
    after = fill(before)
    if options.check:
        return int(before != after)
    options.file.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
