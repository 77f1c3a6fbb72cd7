"""What the demo says while it works: rich bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any, Protocol, TextIO


class Step(Protocol):
    """One bar: move it, and say what it is at."""

    def advance(self, amount: int = 1) -> None:
        """Count `amount` pieces of work as done."""

    def note(self, text: str) -> None:
        """Show `text` beside the bar."""


class Console(Protocol):
    """Where a demo reports what it does."""

    def say(self, text: str) -> None:
        """Print one line."""

    def step(self, title: str, total: int | None = None) -> contextlib.AbstractContextManager[Step]:
        """A bar for `total` pieces of work (None: how many is not known)."""
        raise NotImplementedError


class _PlainStep:
    def __init__(self) -> None:
        self.last = ""

    def advance(self, amount: int = 1) -> None:
        del amount

    def note(self, text: str) -> None:
        self.last = text


class PlainConsole:
    """One line for each finished step: fit for logs."""

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream if stream is not None else sys.stdout

    def say(self, text: str) -> None:
        """Print one line."""
        print(text, file=self.stream, flush=True)

    @contextlib.contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """Print `title` with its time and last note when it is over."""
        del total
        start, step = time.perf_counter(), _PlainStep()
        yield step
        note = f", {step.last}" if step.last else ""
        self.say(f"  {title}: {time.perf_counter() - start:.1f} s{note}")


class _RichStep:
    def __init__(self, progress: Any, task: Any):
        self.progress, self.task = progress, task

    def advance(self, amount: int = 1) -> None:
        self.progress.advance(self.task, amount)

    def note(self, text: str) -> None:
        self.progress.update(self.task, note=text)


class RichConsole:
    """Bars that move, with the time each step took."""

    def __init__(self) -> None:
        from rich.console import Console as Terminal

        self.terminal = Terminal(highlight=False)

    def say(self, text: str) -> None:
        """Print one line."""
        self.terminal.print(text, markup=False)

    @contextlib.contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """Draw a bar that moves with its pieces of work, and keep it when it is over."""
        from rich import progress

        columns = (
            progress.TextColumn("  {task.description}"),
            progress.BarColumn(bar_width=24),
            progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[note]}", style="dim"),
        )
        with progress.Progress(*columns, console=self.terminal) as bars:
            task = bars.add_task(f"{title:<34}", total=total, note="")
            yield _RichStep(bars, task)
            done = total if total is not None else 1
            bars.update(task, total=done, completed=done)


def console() -> Console:
    """The console for where standard output goes."""
    if sys.stdout.isatty():
        with contextlib.suppress(ImportError):
            return RichConsole()
    return PlainConsole()
