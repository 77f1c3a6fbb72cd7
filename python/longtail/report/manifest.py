"""What each section of a report took and reached, for programs: `manifest.json` beside the page."""

from __future__ import annotations

import dataclasses
import json
import pathlib

from longtail.report.model import Report


def write(report: Report, folder: pathlib.Path) -> pathlib.Path:
    """Write `folder`/manifest.json; returns its absolute path."""
    content = {
        "title": report.title,
        "environment": dict(report.environment),
        "sections": [
            {
                "name": section.name,
                "title": section.title,
                "seconds": dataclasses.asdict(section.seconds) if section.seconds else None,
                "bars": {"met": section.met, "missed": section.missed},
                "left_out": [note.text for note in section.notes],
            }
            for section in report.sections
        ],
    }
    target = folder / "manifest.json"
    target.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return target.resolve()
