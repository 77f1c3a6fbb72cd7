"""A family's parts -> one section of the report, with what it took."""

from __future__ import annotations

import importlib
import time

from longtail import report
from longtail.demos import FAMILIES, Finding, Part, Stage, data


def tell(name: str, stage: Stage) -> tuple[report.Section, int]:
    """Run all parts of a family: the section, and how many parts had to be skipped. One whose data
    are missing becomes a note that says what to install; those to be fetched are not counted."""
    family = importlib.import_module(FAMILIES[name])
    stage.console.say(family.TITLE)
    wall, cpu = time.perf_counter(), time.process_time()
    found: list[tuple[Part, Finding]] = []
    notes: list[report.Note] = []
    skipped = 0
    for part in family.PARTS:
        try:
            finding = part.run(stage)
        except data.NotFetchedError as missing:
            stage.console.say(f"  left out: {part.title}: {missing}")
            notes.append(report.Note(f"Left out: **{part.title}**. {missing}"))
            continue
        except data.MissingDataError as missing:
            skipped += 1
            stage.console.say(f"  skipped: {part.title}: {missing}")
            notes.append(report.Note(f"Skipped: **{part.title}**. {missing}"))
            continue
        for bar in finding.bars:
            stage.console.say(f"  {bar}")
        for note in finding.notes:
            stage.console.say(f"  {note.text}")
        found.append((part, finding))
        notes += finding.notes
    seconds = report.Seconds(
        time.perf_counter() - wall, time.process_time() - cpu, family.BUDGET[stage.quick]
    )
    stage.console.say(f"{family.TITLE}: {seconds.wall:.1f} s, {seconds.cpu:.1f} s of CPU")
    section = report.Section(
        name=name,
        title=family.TITLE,
        problem=family.PROBLEM,
        today=[fact for _, finding in found for fact in finding.today],
        ours=[fact for _, finding in found for fact in finding.ours],
        pictures=[picture for _, finding in found for picture in finding.pictures],
        verdicts=[bar.verdict() for _, finding in found for bar in finding.bars],
        notes=notes,
        details=[report.Detail(part.title, finding.details) for part, finding in found],
        seconds=seconds,
    )
    return section, skipped
