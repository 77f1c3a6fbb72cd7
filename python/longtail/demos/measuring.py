"""What demos of several families measure with: one thread, and bars that were set beforehand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Networks this small gain nothing from a second thread, and times vary less."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Bar(NamedTuple):
    """A number set beforehand that a result must reach, or with `at_most` stay below."""

    what: str
    value: float
    bar: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether it does."""
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def row(self) -> tuple[str, str, str, str]:
        """As cells of a table: what, the value, the bar, the verdict."""
        sign = "≤" if self.at_most else "≥"
        return (
            self.what,
            f"{self.value:.3f}",
            f"{sign} {self.bar:g}",
            "met" if self.met else "MISSED",
        )
