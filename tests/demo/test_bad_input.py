"""What the ``longtail`` command answers to wrong arguments."""

from __future__ import annotations

import contextlib
import io

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from longtail.cli import main


class CommandError(Exception):
    """A command that did not end with status 0, and what it printed."""


def _run(*arguments: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            status = main(list(arguments))
        except SystemExit as stop:
            status = stop.code
    if status:
        text = " ".join(printed.getvalue().split())
        raise CommandError(f"status {status}: {text}")


def _case(arguments: str, *words: str) -> BadInput:
    return BadInput(
        f"longtail {arguments}".strip(),
        lambda: _run(*arguments.split()),
        Raises(CommandError, "status 2", *words),
    )


CASES = [
    _case("", "COMMAND"),
    _case("nonsense", "COMMAND", "nonsense", "doctor", "demo", "bench"),
    _case("doctor extra", "extra"),
    _case("doctor --loud", "--loud"),
    _case("demo --only nonsense", "nonsense", "bessel"),
    _case("demo --out", "--out"),
    _case("demo --unknown", "--unknown"),
    _case("bench", "one family", "--all", "bessel"),
    _case("bench nonsense", "FAMILY", "nonsense", "bessel"),
    _case("bench bessel --all", "one family", "--all"),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
