"""Prints records beside the floor, and bars as met or missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .records import Record


class Bar(NamedTuple):
    """A number that a run must reach, or stay below with `at_most`."""

    name: str
    value: float
    bar: float
    at_most: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.bar if self.at_most else self.value >= self.bar


def show(rows: Sequence[Record], floor: float) -> None:
    """The records as a table; `floor` in nanoseconds an element. A record's note stands last."""
    a, b, c = (max(8, *map(len, column)) for column in zip(*map(_names, rows), strict=True))
    print(
        f"{'kernel':{a}} {'case':{b}} {'provider':{c}} {'thr':>3} {'ns/element (p20 .. p80)':>31} "
        f"{'x floor':>8} {'max E1':>9} {'median':>7}"
    )
    for row in rows:
        spread = f"{row.median:.2f} ({row.p20:.2f} .. {row.p80:.2f})"
        error = "" if row.max_error is None else f"{row.max_error:9.3g} {row.median_error:7.2g}"
        note = f"  {row.extra['note']}" if "note" in row.extra else ""
        print(
            f"{row.kernel:{a}} {row.case:{b}} {row.provider:{c}} {row.threads:3} {spread:>31} "
            f"{row.median / floor:8.1f} {error:17}{note}".rstrip()
        )


def _names(row: Record) -> tuple[str, str, str]:
    return row.kernel, row.case, row.provider


def show_bars(bars: Sequence[Bar]) -> bool:
    """The bars, each met or missed; whether all are met."""
    for bar in bars:
        sign = "<=" if bar.at_most else ">="
        verdict = "met" if bar.met else "MISSED"
        print(f"{bar.name:38} {bar.value:8.2f}   bar {sign} {bar.bar:g}{bar.note}: {verdict}")
    return all(bar.met for bar in bars)
