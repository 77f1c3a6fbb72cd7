"""One self-contained HTML file with pictures: what `longtail demo` and `longtail bench` leave.

A report is data (`model`): sections made of text, facts, tables and figures. `page` turns it
into HTML with the style sheet and every picture inside, so that the file can be mailed;
`figures` draws with matplotlib. Families only build the data.
"""

from longtail.report.model import (
    Audio,
    Block,
    Fact,
    Facts,
    Figure,
    Figures,
    Note,
    Report,
    Section,
    Table,
    Text,
)
from longtail.report.page import render, write

__all__ = [
    "Audio",
    "Block",
    "Fact",
    "Facts",
    "Figure",
    "Figures",
    "Note",
    "Report",
    "Section",
    "Table",
    "Text",
    "render",
    "write",
]
