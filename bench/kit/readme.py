"""Draws the plots and writes the tables of README.md and docs/results.md from committed results.

    python -m bench.kit.readme [--check]

Between `<!-- bench:FAMILY -->` and `<!-- /bench -->` stands the table of the newest
bench/results/FAMILY-cpu*.jsonl; `summary` is one over all families, `bars` what was met and missed.
No number is copied by hand; --check fails if a file differs.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import bars, plots, records, relative, solvers, summary
from .environment import ROOT
from .records import Record

IMAGES = ROOT / "docs/images"
FILES = (ROOT / "README.md", ROOT / "docs/results.md")
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


def _elsewhere() -> dict[str, bars.Found]:
    """By processor, but that of README."""
    return {cpu: records.all_bars(name) for name, cpu in records.other_machines().items()}


#: Tables that are of no family.
WHOLE: dict[str, Callable[[], str]] = {
    "bars": lambda: bars.table(records.all_bars(), _elsewhere()),
    "elsewhere": lambda: "\n\n".join(
        f"{cpu}:\n\n{bars.table(found)}" for cpu, found in _elsewhere().items()
    ),
    "summary": summary.table,
}


def block(name: str, folder: Path) -> str:
    """What stands between the markers of a name, in a file of that folder; draws a family's picture
    on the way."""
    if name in WHOLE:
        return f"{WHOLE[name]()}\n"
    path = records.shown(name)
    if path is None:
        raise FileNotFoundError(f"bench/results has no {name}-cpu*.jsonl")
    environment, rows = records.read(path)
    compared = [row for row in rows if row.max_error is not None and row.case.startswith("grid")]
    if name in TABLES:
        shown = PICTURED.get(name, lambda row: True)
        compared = [row for row in rows if row.repeats and shown(row)]
    picture = plots.bars(
        compared,
        IMAGES / f"bench_{name}.svg",
        f"{name}, {compared[0].dtype}, {environment['cpu']}",
        environment.get("floor_ns"),
    )
    link = f"![{name}: time of each provider]({picture.relative_to(folder)})"
    return f"{TABLES.get(name, table)(environment, rows)}\n\n{link}\n"


def fill(text: str, folder: Path) -> str:
    """The text of a file in that folder with every marked block made anew."""
    return _BLOCK.sub(lambda found: found[1] + block(found[2], folder) + found[3], text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the files; with --check compares only (1: one differs)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="do not write, fail on a difference")
    parser.add_argument("--file", type=Path, action="append", help="instead of those")
    options = parser.parse_args(arguments)
    differs = False
    for file in options.file or FILES:
        before = file.read_text()
        after = fill(before, file.parent)
        differs |= before != after
        if not options.check:
            file.write_text(after)
    return int(options.check and differs)


if __name__ == "__main__":
    sys.exit(main())
