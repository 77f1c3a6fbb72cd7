"""Prints records beside the floor."""

from __future__ import annotations

from collections.abc import Sequence

from .records import Record


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
