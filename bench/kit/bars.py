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


#: Bars by family.
Found = Mapping[str, Sequence[Bar]]


def show_bars(bars: Sequence[Bar]) -> bool:
    """The bars, each met or missed; whether all are met."""
    width = max((len(bar.name) for bar in bars), default=0)
    for bar in bars:
        verdict = "met" if bar.met else "MISSED"
        print(f"{bar.name:{width}} {bar.value:9.4g}   bar {bar.limit}{bar.note}: {verdict}")
    return all(bar.met for bar in bars)


def show_all(found: Found) -> bool:
    """Every family's under its name, then how many are met; whether all are."""
    for family, bars in found.items():
        print(f"\n{family}")
        show_bars(bars)
    every = [bar for bars in found.values() for bar in bars]
    missed = sum(not bar.met for bar in every)
    print(f"\n{len(every)} bars: {len(every) - missed} met, {missed} missed")
    return not missed


def table(found: Found, others: Mapping[str, Found] | None = None) -> str:
    """Markdown: a row a family, the missed ones in words; how many the other processors meet."""
    others = others or {}
    heads = "".join(f" on {name} |" for name in others)
    lines = [
        f"| family | bars met |{heads} missed: reached (asked for) |",
        f"| --- | ---: |{' ---: |' * len(others)} --- |",
    ]
    for family, bars in found.items():
        missed = [f"{bar.name}: {bar.value:.3g} ({bar.limit})" for bar in bars if not bar.met]
        met = "".join(f" {_met(each.get(family, []))} |" for each in others.values())
        lines.append(f"| {family} | {_met(bars)} |{met} {'; '.join(missed) or '-'} |")
    return "\n".join(lines)


def _met(bars: Sequence[Bar]) -> str:
    return f"{sum(bar.met for bar in bars)} of {len(bars)}" if bars else "-"


def main(arguments: Sequence[str] | None = None) -> int:
    """What the script exits with."""
    from . import records

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", help="of the results; default: those that README shows")
    options = parser.parse_args(arguments)
    found = records.all_bars(options.name)
    if not found:
        print(f"no results are stored under {options.name!r}", file=sys.stderr)
        return 2
    return 0 if show_all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
