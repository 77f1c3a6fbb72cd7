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
#: What is measured beside speed, under a name of its own.
ACCURACY = pathlib.Path("bench/accuracy/promises.py")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `longtail bench`."""
    parser.add_argument(
        "family", nargs="?", metavar="FAMILY", help="which family to measure, or accuracy"
    )
    parser.add_argument(
        "--all", action="store_true", help="every family that has a benchmark, and accuracy"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, for a first look")
    parser.add_argument(
        "--bars",
        action="store_true",
        help="fail where a number promised in docs/ is not reached; with --all list them all",
    )
    parser.add_argument(
        "--name", help="of the files in bench/results (default: local, which git ignores)"
    )


def run(args: argparse.Namespace) -> int:
    """Run what was asked for: the status of one, 1 if any of all failed, 2 if not understood."""
    root = checkout()
    if root is None:
        print(
            "longtail bench runs from a checkout, and none was found at or above the current "
            f"folder: clone the repository, then there run: python {PEERS}/FAMILY.py"
        )
        return 2
    scripts = {path.stem: PEERS / path.name for path in sorted((root / PEERS).glob("[a-z]*.py"))}
    scripts["accuracy"] = ACCURACY
    if bool(args.family) == args.all:
        print(f"longtail bench: name one family ({', '.join(scripts)}) or --all")
        return 2
    if args.family and args.family not in scripts:
        print(f"FAMILY: got {args.family!r}, expected one of {', '.join(scripts)}")
        return 2
    options = [f"--{name}" for name in ("quick", "bars") if getattr(args, name)]
    options += [f"--name={args.name}"] if args.name else []
    if not args.all:
        return python(root, str(scripts[args.family]), *options)
    # A family that misses a bar does not keep the others from being measured.
    failed = [name for name, script in scripts.items() if python(root, str(script), *options)]
    if args.bars:
        python(root, "-m", "bench.kit.bars", f"--name={args.name or 'local'}")
    if failed:
        print(f"longtail bench: failed, or missed a bar: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def python(root: pathlib.Path, *arguments: str) -> int:
    """The exit status of this Python, run in the checkout."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=root, env={**os.environ}).returncode


def checkout() -> pathlib.Path | None:
    """The nearest folder at or above the current one that holds the benchmarks."""
    here = pathlib.Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / PEERS).is_dir()), None)
