"""Progress of long work: ``progress=False``, ``True`` or a callable, everywhere the same."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

# Called as ``report(done, total, note)`` each time a step is finished.
Report = Callable[[int, int, str], None]

_SECONDS_BETWEEN_LINES = 1.0


@contextmanager
def progress_report(progress: bool | Report, description: str) -> Iterator[Report]:
    """Give the work inside a function ``report(done, total, note)`` to call after each step.

    Args:
        progress: False shows nothing; True shows a bar if rich is installed, else a line of plain
            text a second, on standard error; a callable gets each call as it is.
        description: what the work is, for the display.

    Raises:
        TypeError: ``progress`` is neither a bool nor callable.
    """
    if progress is False:
        yield _say_nothing
    elif progress is not True:
        if not callable(progress):
            raise TypeError(
                f"progress must be False, True or a callable, got {type(progress).__name__}"
            )
        yield progress
    else:
        try:
            import rich.progress
        except ImportError:
            yield _plain_text(description, sys.stderr)
            return
        with rich.progress.Progress(
            *rich.progress.Progress.get_default_columns(),
            rich.progress.TextColumn("{task.fields[note]}"),
            console=rich.console.Console(stderr=True),
        ) as bar:
            task = bar.add_task(description, total=None, note="")

            def report(done: int, total: int, note: str = "") -> None:
                bar.update(task, completed=done, total=total, note=note)

            yield report


def _say_nothing(done: int, total: int, note: str = "") -> None:
    pass


def _plain_text(description: str, stream: TextIO) -> Report:
    """Lines like ``fitting: 12/100 loss 0.31``, at most one a second, the last one always."""
    last_line = 0.0

    def report(done: int, total: int, note: str = "") -> None:
        nonlocal last_line
        now = time.monotonic()
        if done >= total or now - last_line >= _SECONDS_BETWEEN_LINES:
            last_line = now
            print(f"{description}: {done}/{total} {note}".rstrip(), file=stream, flush=True)

    return report
