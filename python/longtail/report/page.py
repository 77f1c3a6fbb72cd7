"""Report -> one HTML file with nothing outside it."""

from __future__ import annotations

import html
import importlib.resources
import pathlib
from collections.abc import Sequence

from longtail.report import blocks
from longtail.report.blocks import inline
from longtail.report.model import Fact, Report, Section, Table

#: Class and heading of every beat, in the order in which all sections have them.
BEATS = {
    "problem": "The problem",
    "today": "What today's tools give",
    "ours": "What longtail gives",
    "pictures": "Pictures",
    "verdicts": "Met or missed",
}
#: Class and words of what has a colour of its own, in pictures and in text.
COLOURS = {"ours": "longtail", "today": "today's tools", "truth": "data and truth"}


def write(report: Report, folder: pathlib.Path) -> pathlib.Path:
    """Write `folder`/index.html, making the folder; returns the absolute path of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "index.html"
    target.write_text(render(report), encoding="utf-8")
    return target.resolve()


def render(report: Report) -> str:
    """The report as one HTML document."""
    style = importlib.resources.files("longtail.report").joinpath("style.css").read_text("utf-8")
    sections = "".join(_section(section) for section in report.sections)
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # No icon: a browser would otherwise ask for one beside the file.
        '<link rel="icon" href="data:,">'
        f"<title>{html.escape(report.title)}</title><style>{style}</style></head>\n"
        f"<body><header><h1>{inline(report.title)}</h1>"
        f'<p class="summary">{inline(report.summary)}</p>'
        f"{_contents(report)}{_overview(report)}</header>\n"
        f"<main>{sections}</main>\n"
        f"<footer>{_environment(report)}{_seconds(report)}</footer></body></html>\n"
    )


def _contents(report: Report) -> str:
    entries = "".join(
        f'<li><a href="#{section.name}">{inline(section.title)}</a></li>'
        for section in report.sections
    )
    return f'<nav aria-label="Contents"><ol>{entries}</ol></nav>'


def _overview(report: Report) -> str:
    """A line a section: the problem, today's figure, longtail's figure, bars."""
    head = ("The problem", COLOURS["today"].capitalize(), COLOURS["ours"], "Bars")
    rows = "".join(
        "<tr>"
        f'<td><a href="#{section.name}">{inline(section.title)}</a></td>'
        f"{_figure_of(section.today, 'today')}{_figure_of(section.ours, 'ours')}"
        f'<td data-column="{head[3]}">{_bars(section)}</td></tr>'
        for section in report.sections
    )
    names = "".join(f"<th>{name}</th>" for name in head)
    key = "".join(f'<li class="{name}">{words}</li>' for name, words in COLOURS.items())
    return (
        '<div class="table"><table class="wide overview">'
        f"<thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<ul class="key" aria-label="Colours">{key}</ul>'
    )


def _figure_of(facts: Sequence[Fact], whose: str) -> str:
    """The cell of the first of some facts."""
    column = html.escape(COLOURS[whose])
    held = (
        f"<span><strong>{inline(facts[0].value)}</strong> {inline(facts[0].label)}</span>"
        if facts
        else "—"
    )
    return f'<td class="{whose}" data-column="{column}">{held}</td>'


def _bars(section: Section) -> str:
    if not section.verdicts:
        return "—"
    missed = f", <strong>{section.missed} missed</strong>" if section.missed else ""
    return f"<span>{section.met} met{missed}</span>"


def _section(section: Section) -> str:
    pictures = "".join(blocks.block(each) for each in section.pictures)
    contents = {
        "problem": f"<p>{inline(section.problem)}</p>",
        "today": blocks.facts(section.today),
        "ours": blocks.facts(section.ours),
        "pictures": f'<div class="figures">{pictures}</div>',
        "verdicts": _verdicts(section) if section.verdicts else "<p>Nothing was asked.</p>",
    }
    beats = "".join(
        f'<div class="beat {name}"><h3>{heading}</h3>{contents[name]}</div>'
        for name, heading in BEATS.items()
    )
    notes = "".join(blocks.block(each) for each in section.notes)
    details = "".join(
        f"<details><summary>How it was measured: {inline(each.title)}</summary>"
        f"{''.join(blocks.block(part) for part in each.blocks)}</details>"
        for each in section.details
    )
    return (
        f'<section id="{section.name}"><h2>{inline(section.title)}</h2>'
        f"{beats}{notes}{details}</section>\n"
    )


def _verdicts(section: Section) -> str:
    rows = [
        (each.what, each.reached, each.asked, "met" if each.met else "**missed**")
        for each in section.verdicts
    ]
    return blocks.table(Table(("Set beforehand", "Reached", "Asked", "Verdict"), rows))


def _environment(report: Report) -> str:
    rows = "".join(
        f"<div><dt>{inline(name)}</dt><dd>{inline(value)}</dd></div>"
        for name, value in report.environment
    )
    return f"<h2>Where this ran</h2><dl>{rows}</dl>" if rows else ""


def _seconds(report: Report) -> str:
    rows = [
        (section.title, *(f"{each:.1f}" for each in (took.wall, took.cpu, took.budget)))
        for section in report.sections
        if (took := section.seconds) is not None
    ]
    columns = ("Section", "Seconds", "CPU seconds", "At most, on two idle cores")
    return f"<h2>What it took</h2>{blocks.table(Table(columns, rows))}" if rows else ""
