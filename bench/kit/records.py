"""Flat benchmark records, one JSON object a line, after a line that describes the environment."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"


@dataclass
class Record:
    """One provider's time at one task, in nanoseconds an element; with `repeats` 0 its errors only,
    not timed."""

    family: str
    kernel: str
    case: str
    provider: str
    threads: int
    elements: int
    median: float
    p20: float
    p80: float
    dtype: str = "float64"
    repeats: int = 0
    max_error: float | None = None
    median_error: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def write(path: Path, environment: dict[str, Any], records: Iterable[Record]) -> None:
    """Writes a file of results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [environment, *({"kind": "record", **asdict(record)} for record in records)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def read(path: Path) -> tuple[dict[str, Any], list[Record]]:
    """The environment and the records of a file."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    environment = next(row for row in rows if row["kind"] == "environment")
    records = []
    for row in rows:
        if row.pop("kind") == "record":
            records.append(Record(**row))
    return environment, records


def newest(family: str, device: str = "cpu") -> Path | None:
    """The committed file of a family and device with the latest date in its environment."""
    paths = RESULTS.glob(f"{family}-{device}*.jsonl")
    return max(paths, key=lambda path: str(read(path)[0]["date"]), default=None)
