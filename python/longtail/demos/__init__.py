"""What `longtail demo` shows: one module a family, each a problem that a user has.

A family's module has TITLE, PROBLEM, BUDGET (seconds on two idle cores; a pair: whole, quick) and
PARTS. A part is a title and a function from a `Stage` to what it found; it raises
`data.MissingDataError` when a package with its data is not there, and the demo goes on with the
next part. `sections` makes one section of the report of all parts of a family.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from longtail.demos.console import Console
from longtail.demos.measuring import Bar
from longtail.report.model import Audio, Block, Fact, Figure, Note

#: Family -> module with its parts, imported only when it is asked for.
FAMILIES = {
    "bessel": "longtail.demos.bessel",
    "rational": "longtail.demos.rational",
    "attention": "longtail.demos.attention",
    "longconv": "longtail.demos.longconv",
    "multigrid": "longtail.demos.multigrid",
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """What a part is given: whether to be quick, and where to say what it does."""

    quick: bool
    console: Console


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a part found, in the beats of the report (`report.Section`).

    Attributes:
        today, ours: numbers of today's tools and of longtail; the summary shows the first part's.
        pictures: those that say it at a glance; all others belong to the details.
        bars: numbers that were set beforehand.
        notes: what was left out.
        details: how it was measured.
    """

    today: Sequence[Fact]
    ours: Sequence[Fact]
    pictures: Sequence[Figure | Audio]
    bars: Sequence[Bar] = ()
    notes: Sequence[Note] = ()
    details: Sequence[Block] = ()


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece of a section, and the function that computes it."""

    title: str
    run: Callable[[Stage], Finding]
