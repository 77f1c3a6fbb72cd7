"""What a report is made of: plain data, no HTML and no drawing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph. `code` and **strong** are marked up as in Markdown; the rest is literal."""

    text: str


@dataclasses.dataclass(frozen=True)
class Note:
    """A remark that must not be overlooked: something skipped, a warning that was raised."""

    text: str


@dataclasses.dataclass(frozen=True)
class Fact:
    """One number worth reading before the details: the value, what it is, and whose."""

    value: str
    label: str
    rival: bool = False


@dataclasses.dataclass(frozen=True)
class Facts:
    """A row of large numbers."""

    facts: Sequence[Fact]


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells of text; a column whose cells all start like numbers is set flush right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def __post_init__(self) -> None:
        """Refuse rows that do not fit the columns."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"rows: got {len(row)} cells, expected {len(self.columns)}")


@dataclasses.dataclass(frozen=True)
class Figure:
    """A picture as a complete <svg> or <img> element, its caption, and words for those who
    cannot see it."""

    markup: str
    caption: str
    alt: str


@dataclasses.dataclass(frozen=True)
class Figures:
    """Pictures side by side where the window is wide enough, one below another where not."""

    figures: Sequence[Figure]


@dataclasses.dataclass(frozen=True)
class Audio:
    """A sound to be played: the bytes of a WAV file, and what is heard."""

    wav: bytes
    caption: str


Block = Text | Note | Facts | Table | Figure | Figures | Audio


@dataclasses.dataclass(frozen=True)
class Section:
    """One part of the report; `seconds` is what it took to compute."""

    title: str
    blocks: Sequence[Block]
    seconds: float | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """A whole page. `environment` is shown last: (name, value) pairs."""

    title: str
    summary: str
    sections: Sequence[Section]
    environment: Sequence[tuple[str, str]] = ()
