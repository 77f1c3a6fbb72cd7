"""What demos of several families measure with: one thread, its CPU seconds, and bars that were set
beforehand."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import NamedTuple

import torch

from longtail.report.model import Verdict

#: All that is timed has one thread; what else the machine does shall not count.
clock = time.process_time


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

    def verdict(self) -> Verdict:
        """For a report."""
        asked = f"{'≤' if self.at_most else '≥'} {self.bar:g}"
        return Verdict(self.what, f"{self.value:.3f}", asked, self.met)

    def __str__(self) -> str:
        """In a line."""
        what, reached, asked, met = dataclasses.astuple(self.verdict())
        return f"{what}  {reached}  {asked}  {'met' if met else 'MISSED'}"
