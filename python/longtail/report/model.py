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
    """One number worth reading before the details: the value, and what it is."""

    value: str
    label: str


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


Block = Text | Note | Table | Figure | Figures | Audio


@dataclasses.dataclass(frozen=True)
class Detail:
    """How something was measured, folded away until it is asked for."""

    title: str
    blocks: Sequence[Block]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A bar that was set beforehand: of what, what was reached, what was asked."""

    what: str
    reached: str
    asked: str
    met: bool


@dataclasses.dataclass(frozen=True)
class Seconds:
    """What a section took: by the clock, of all cores together, and by the clock at most."""

    wall: float
    cpu: float
    budget: float


@dataclasses.dataclass(frozen=True)
class Section:
    """A problem that a user has. All sections are told in the same five beats: the problem, what
    today's tools give, what longtail gives, pictures, and what was met or missed.

    Attributes:
        name: a word for links and manifests.
        title, problem: in a few words, and in a few sentences.
        today, ours: numbers; the first of each stand in the summary of the report.
        pictures: that show it.
        verdicts: on bars that were set beforehand.
        notes: what was left out.
        details: how it was measured.
    """

    name: str
    title: str
    problem: str
    today: Sequence[Fact]
    ours: Sequence[Fact]
    pictures: Sequence[Figure | Audio] = ()
    verdicts: Sequence[Verdict] = ()
    notes: Sequence[Note] = ()
    details: Sequence[Detail] = ()
    seconds: Seconds | None = None

    @property
    def met(self) -> int:
        """How many bars were."""
        return sum(verdict.met for verdict in self.verdicts)

    @property
    def missed(self) -> int:
        """How many bars were."""
        return len(self.verdicts) - self.met


@dataclasses.dataclass(frozen=True)
class Report:
    """A whole page. `environment` is shown last: (name, value) pairs."""

    title: str
    summary: str
    sections: Sequence[Section]
    environment: Sequence[tuple[str, str]] = ()
