"""Numbers that were set before the work began, met or missed: printed after a run and stored with
its records.

    python -m bench.kit.bars [--name NAME]

prints those of all results that were stored under that name (default: the committed ones) and
exits with 1 if one is missed. docs/missed-bars.md says of each missed one why.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Bar(NamedTuple):
    """A number that a run must reach, or stay below with `at_most`; the name says the rival."""

    name: str
    value: float
    bar: float
    at_most: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether it does; a nan does not."""
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    @property
    def limit(self) -> str:
        """What was asked for."""
        return f"{'<=' if self.at_most else '>='} {self.bar:.4g}"


def show_bars(bars: Sequence[Bar]) -> bool:
    """The bars, each met or missed; whether all are met."""
    width = max((len(bar.name) for bar in bars), default=0)
    for bar in bars:
        verdict = "met" if bar.met else "MISSED"
        print(f"{bar.name:{width}} {bar.value:9.4g}   bar {bar.limit}{bar.note}: {verdict}")
    return all(bar.met for bar in bars)


def show_all(found: Mapping[str, Sequence[Bar]]) -> bool:
    """Every family's under its name, then how many are met; whether all are."""
    for family, bars in found.items():
        print(f"\n{family}")
        show_bars(bars)
    every = [bar for bars in found.values() for bar in bars]
    missed = sum(not bar.met for bar in every)
    print(f"\n{len(every)} bars: {len(every) - missed} met, {missed} missed")
    return not missed


def table(found: Mapping[str, Sequence[Bar]]) -> str:
    """Markdown for the README: a row a family, the missed ones in words."""
    lines = ["| family | bars met | missed: reached (asked for) |", "| --- | ---: | --- |"]
    for family, bars in found.items():
        missed = [f"{bar.name}: {bar.value:.3g} ({bar.limit})" for bar in bars if not bar.met]
        met = f"{len(bars) - len(missed)} of {len(bars)}"
        lines.append(f"| {family} | {met} | {'; '.join(missed) or '-'} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """What the script exits with."""
    from . import records

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", help="of the results; default: the newest committed ones")
    options = parser.parse_args(arguments)
    found = records.all_bars(options.name)
    if not found:
        print(f"no results are stored under {options.name!r}", file=sys.stderr)
        return 2
    return 0 if show_all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
