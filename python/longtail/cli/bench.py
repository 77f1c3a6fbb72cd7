"""`longtail bench`: run the side-by-side benchmarks of a checkout.

The benchmarks live in the repository (bench/peers/<family>.py), not in the wheel: they need the
rivals of bench/peers/requirements.txt, and what they write belongs beside the source.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys

PEERS = pathlib.Path("bench/peers")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `longtail bench`."""
    parser.add_argument("family", nargs="?", metavar="FAMILY", help="which family to measure")
    parser.add_argument("--all", action="store_true", help="every family that has a benchmark")
    parser.add_argument("--quick", action="store_true", help="small sizes, for a first look")
    parser.add_argument(
        "--bars", action="store_true", help="fail where a speed promised in docs/ is not reached"
    )


def run(args: argparse.Namespace) -> int:
    """Run the benchmarks asked for; the first status that is not 0, 2 for a bad request."""
    root = checkout()
    if root is None:
        print(
            "longtail bench runs from a checkout, and none was found at or above the current "
            f"folder: clone the repository, then there run: python {PEERS}/FAMILY.py"
        )
        return 2
    families = sorted(path.stem for path in (root / PEERS).glob("[a-z]*.py"))
    if bool(args.family) == args.all:
        print(f"longtail bench: name one family ({', '.join(families)}) or --all")
        return 2
    if args.family and args.family not in families:
        print(f"FAMILY: got {args.family!r}, expected one of {', '.join(families)}")
        return 2
    options = [f"--{name}" for name in ("quick", "bars") if getattr(args, name)]
    for family in families if args.all else [args.family]:
        command = [sys.executable, str(PEERS / f"{family}.py"), *options]
        status = subprocess.run(command, cwd=root, env={**os.environ}).returncode
        if status != 0:
            return status
    return 0


def checkout() -> pathlib.Path | None:
    """The nearest folder at or above the current one that holds the benchmarks."""
    here = pathlib.Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / PEERS).is_dir()), None)
