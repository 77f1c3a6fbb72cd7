"""Report -> one HTML file with nothing outside it."""

from __future__ import annotations

import base64
import html
import importlib.resources
import pathlib
import re

from longtail.report.model import (
    Audio,
    Block,
    Facts,
    Figure,
    Figures,
    Note,
    Report,
    Section,
    Table,
    Text,
)

_NUMBER = re.compile(r"^[-+±<>~]?\s?[\d.]+|^(nan|inf|-inf|—)$")


def write(report: Report, folder: pathlib.Path) -> pathlib.Path:
    """Write `folder`/index.html, making the folder; returns the absolute path of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "index.html"
    target.write_text(render(report), encoding="utf-8")
    return target.resolve()


def render(report: Report) -> str:
    """The report as one HTML document."""
    style = importlib.resources.files("longtail.report").joinpath("style.css").read_text("utf-8")
    entries = "".join(
        f'<li><a href="#{_slug(section.title)}">{inline(section.title)}</a></li>'
        for section in report.sections
    )
    sections = "".join(_section(section) for section in report.sections)
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(report.title)}</title><style>{style}</style></head>\n"
        f"<body><header><h1>{inline(report.title)}</h1>"
        f'<p class="summary">{inline(report.summary)}</p>'
        f"<nav><ol>{entries}</ol></nav></header>\n"
        f"<main>{sections}</main>\n"
        f"<footer>{_environment(report)}</footer></body></html>\n"
    )


def inline(text: str) -> str:
    """Escape `text`, then set `code` and **strong**."""
    escaped = html.escape(text, quote=False)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped)


def _section(section: Section) -> str:
    took = "" if section.seconds is None else f'<p class="took">{section.seconds:.1f} s</p>'
    body = "".join(_block(block) for block in section.blocks)
    slug = _slug(section.title)
    return f'<section id="{slug}"><h2>{inline(section.title)}</h2>{took}{body}</section>\n'


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return f"<p>{inline(text)}</p>"
        case Note(text):
            return f'<p class="note">{inline(text)}</p>'
        case Facts(facts):
            tiles = "".join(
                ('<div class="rival">' if fact.rival else "<div>")
                + f"<dt>{inline(fact.label)}</dt><dd>{inline(fact.value)}</dd></div>"
                for fact in facts
            )
            return f'<dl class="facts">{tiles}</dl>'
        case Table():
            return _table(block)
        case Figure():
            return _figure(block)
        case Figures(figures):
            return f'<div class="figures">{"".join(_figure(figure) for figure in figures)}</div>'
        case Audio():
            return _audio(block)
    raise TypeError(f"block: got {type(block).__name__}, expected a member of report.model.Block")


def _figure(figure: Figure) -> str:
    label = html.escape(figure.alt)
    return (
        f'<figure><div class="picture" role="img" aria-label="{label}">{figure.markup}</div>'
        f"<figcaption>{inline(figure.caption)}</figcaption></figure>"
    )


def _audio(audio: Audio) -> str:
    content = base64.b64encode(audio.wav).decode()
    return (
        f'<figure><audio controls preload="metadata" src="data:audio/wav;base64,{content}"></audio>'
        f"<figcaption>{inline(audio.caption)}</figcaption></figure>"
    )


def _table(table: Table) -> str:
    numeric = [all(_NUMBER.match(row[i]) for row in table.rows) for i in range(len(table.columns))]

    def right(i: int) -> str:
        return ' class="number"' if numeric[i] else ""

    def cell(i: int, text: str) -> str:
        # The name of the column is shown beside the cell where the table is folded (style.css).
        column = html.escape(table.columns[i])
        return f'<td data-column="{column}"{right(i)}>{inline(text)}</td>'

    head = "".join(f"<th{right(i)}>{inline(name)}</th>" for i, name in enumerate(table.columns))
    body = "".join(
        "<tr>" + "".join(cell(i, text) for i, text in enumerate(row)) + "</tr>"
        for row in table.rows
    )
    caption = f"<caption>{inline(table.caption)}</caption>" if table.caption else ""
    folds = ' class="wide"' if len(table.columns) > 3 else ""
    return (
        f'<div class="table"><table{folds}>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _environment(report: Report) -> str:
    rows = "".join(
        f"<div><dt>{inline(name)}</dt><dd>{inline(value)}</dd></div>"
        for name, value in report.environment
    )
    return f"<h2>Where this ran</h2><dl>{rows}</dl>" if rows else ""


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
