"""Blocks -> HTML, one by one."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence

from longtail.report.model import Audio, Block, Fact, Figure, Figures, Note, Table, Text

_NUMBER = re.compile(r"^[-+±<>~]?\s?[\d.]+|^(nan|inf|-inf|—)$")


def inline(text: str) -> str:
    """Escape `text`, then set `code` and **strong**."""
    escaped = html.escape(text, quote=False)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped)


def block(given: Block) -> str:
    """One block."""
    match given:
        case Text(text):
            return f"<p>{inline(text)}</p>"
        case Note(text):
            return f'<p class="note">{inline(text)}</p>'
        case Table():
            return table(given)
        case Figure():
            return figure(given)
        case Figures(figures):
            return f'<div class="figures">{"".join(figure(each) for each in figures)}</div>'
        case Audio():
            return audio(given)
    raise TypeError(f"block: got {type(given).__name__}, expected a member of report.model.Block")


def facts(given: Sequence[Fact]) -> str:
    """A grid of large numbers."""
    tiles = "".join(
        f"<div><dt>{inline(fact.label)}</dt><dd>{inline(fact.value)}</dd></div>" for fact in given
    )
    return f'<dl class="facts">{tiles}</dl>'


def figure(given: Figure) -> str:
    """A picture with its caption, and its words for those who cannot see it."""
    label = html.escape(given.alt)
    return (
        f'<figure><div class="picture" role="img" aria-label="{label}">{given.markup}</div>'
        f"<figcaption>{inline(given.caption)}</figcaption></figure>"
    )


def audio(given: Audio) -> str:
    """A sound with what plays it."""
    content = base64.b64encode(given.wav).decode()
    label = html.escape(given.caption)
    return (
        f'<figure><audio controls preload="metadata" aria-label="{label}" '
        f'src="data:audio/wav;base64,{content}"></audio>'
        f"<figcaption>{inline(given.caption)}</figcaption></figure>"
    )


def table(given: Table) -> str:
    """A table; one of more than two columns is folded on a phone (style.css)."""
    numeric = [all(_NUMBER.match(row[i]) for row in given.rows) for i in range(len(given.columns))]

    def right(i: int) -> str:
        return ' class="number"' if numeric[i] else ""

    def cell(i: int, text: str) -> str:
        # The name of the column is shown beside the cell where the table is folded (style.css).
        column = html.escape(given.columns[i])
        return f'<td data-column="{column}"{right(i)}>{inline(text)}</td>'

    head = "".join(f"<th{right(i)}>{inline(name)}</th>" for i, name in enumerate(given.columns))
    body = "".join(
        "<tr>" + "".join(cell(i, text) for i, text in enumerate(row)) + "</tr>"
        for row in given.rows
    )
    caption = f"<caption>{inline(given.caption)}</caption>" if given.caption else ""
    folds = ' class="wide"' if len(given.columns) > 2 else ""
    return (
        f'<div class="table"><table{folds}>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
