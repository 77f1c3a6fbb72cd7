"""The ``longtail`` command: ``longtail doctor | demo | bench``.

Each command is a module beside this one with ``add_arguments(parser)`` and ``run(args) -> int``
(the exit status); only the one asked for is imported.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from .._version import __version__

#: Commands and what ``longtail --help`` says about them.
COMMANDS = {
    "doctor": "what is installed and in use, and what is wrong",
    "demo": "the main jobs on real data, with a report at the end",
    "bench": "speed and accuracy beside the best rivals",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status (2: not understood)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="longtail", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"longtail {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = arguments[0] if arguments and arguments[0] in COMMANDS else None
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            module = importlib.import_module(f"{__name__}.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    args = parser.parse_args(arguments)
    try:
        status: int = args.run(args)
    except KeyboardInterrupt:
        print("longtail: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        sys.stderr.close()
        return 0
    return status
