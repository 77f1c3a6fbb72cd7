"""What `longtail demo` shows: one module a family, each a list of parts.

A family's module has TITLE, SUMMARY, BUDGET (seconds; a pair: full, quick) and PARTS. A part is
a title and a function from a `Stage` to blocks of the report; it raises `data.MissingDataError`
when a package with its data is not there, and the demo goes on with the next part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from longtail.demos.console import Console
from longtail.report.model import Block

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
class Part:
    """One section of the report, and the function that computes it."""

    title: str
    run: Callable[[Stage], Sequence[Block]]
