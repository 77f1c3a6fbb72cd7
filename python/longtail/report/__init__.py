"""One self-contained HTML file with pictures: what `longtail demo` leaves.

A report is data (`model`): sections that tell a problem in the same five beats, made of facts,
figures, tables and text. `page` turns it into HTML, its `blocks` one by one, with the style sheet
and every picture inside, so that the file can be mailed; `figures` draws with matplotlib;
`manifest` says what each section took. Families only build the data.
"""

from longtail.report.model import (
    Audio,
    Block,
    Detail,
    Fact,
    Figure,
    Figures,
    Note,
    Report,
    Seconds,
    Section,
    Table,
    Text,
    Verdict,
)
from longtail.report.page import render, write

__all__ = [
    "Audio",
    "Block",
    "Detail",
    "Fact",
    "Figure",
    "Figures",
    "Note",
    "Report",
    "Seconds",
    "Section",
    "Table",
    "Text",
    "Verdict",
    "render",
    "write",
]
