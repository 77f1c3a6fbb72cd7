"""Flat benchmark records, one JSON object a line, after a line that describes the environment."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .bars import Bar

RESULTS = Path(__file__).parents[1] / "results"
#: The name of results that nobody commits.
LOCAL = "local"
#: The name of those of the processor that the bars were set for: README shows these.
REFERENCE = "zen5"


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


def path_of(family: str, name: str, device: str = "cpu") -> Path:
    """Where results are stored under a name; "local" ones in a folder that git ignores."""
    return RESULTS / ("local" if name == LOCAL else "") / f"{family}-{device}-{name}.jsonl"


def write(
    path: Path, environment: dict[str, Any], records: Iterable[Record], bars: Iterable[Bar] = ()
) -> None:
    """Writes a file of results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        environment,
        *({"kind": "record", **asdict(record)} for record in records),
        *({"kind": "bar", **bar._asdict()} for bar in bars),
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def read(path: Path) -> tuple[dict[str, Any], list[Record]]:
    """The environment and the records of a file."""
    environment, records = {}, []
    for row in _rows(path):
        kind = row.pop("kind")
        if kind == "environment":
            environment = row
        elif kind == "record":
            records.append(Record(**row))
    return environment, records


def read_bars(path: Path) -> list[Bar]:
    """The bars of a file."""
    rows = [row for row in _rows(path) if row.pop("kind") == "bar"]
    return [Bar(**row) for row in rows]


def replace_bars(path: Path, bars: Iterable[Bar]) -> None:
    """Of a file that grows by turns, what its rows come to by now."""
    rows = [row for row in _rows(path) if row["kind"] != "bar"]
    rows += [{"kind": "bar", **bar._asdict()} for bar in bars]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def newest(family: str, device: str = "cpu") -> Path | None:
    """The committed file of a family and device with the latest date in its environment."""
    paths = RESULTS.glob(f"{family}-{device}*.jsonl")
    return max(paths, key=lambda path: str(read(path)[0]["date"]), default=None)


def shown(family: str, device: str = "cpu") -> Path | None:
    """The committed file of a family that README shows: the reference's, else the newest."""
    path = path_of(family, REFERENCE, device)
    return path if path.exists() else newest(family, device)


def other_machines(device: str = "cpu") -> dict[str, str]:
    """Names of committed results that are not the reference's, and the processors they tell."""
    found = {}
    for path in sorted(RESULTS.glob(f"*-{device}-*.jsonl")):
        name = path.stem.split(f"-{device}-")[1]
        if name != REFERENCE:
            found[name] = str(read(path)[0]["cpu"])
    return found


def all_bars(name: str | None = None, device: str = "cpu") -> dict[str, list[Bar]]:
    """Of every family: those stored under this name, else those that README shows."""
    folder = path_of("", name or "").parent
    families = sorted({path.name.split(f"-{device}")[0] for path in folder.glob(f"*-{device}*")})
    found: dict[str, list[Bar]] = {}
    for family in families:
        path = path_of(family, name, device) if name else shown(family, device)
        bars = read_bars(path) if path and path.exists() else []
        if bars:
            found[family] = bars
    return found
