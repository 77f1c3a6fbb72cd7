"""The README's one table over all families: a task a row, ours, the fastest rival, accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import records
from .records import Record


class Row(NamedTuple):
    """A task that says what a family is for; rivals are those that users would take instead."""

    family: str
    task: str
    kernel: str
    case: str
    ours: str
    rivals: tuple[str, ...]


ROWS = (
    Row("bessel", "`log_bessel_i`, orders to 60", "log_bessel_i", "grid A", "longtail",
        ("scipy", "tfp (jit)")),
    Row("bessel", "`log_bessel_k`, orders to 1e8", "log_bessel_k", "grid D", "longtail",
        ("scipy", "tfp (jit)")),
    Row("vmf", "von Mises-Fisher fit, 2048 dimensions", "fit", "p = 2048, n = 2000", "longtail",
        ("SciPy",)),
    Row("rational", "`rational`, both passes", "rational forward+backward", "version A, (5, 4)",
        "longtail", ("torch.compile", "eager")),
    Row("rational", "`kan_linear`, B-splines, both passes", "kan_linear forward+backward",
        "bspline", "longtail", ("torch.compile", "eager")),
    Row("attention", "attention, int8, 4096 tokens, D 128", "prefill", "D 128, L 4096",
        "longtail int8", ("SDPA float32", "SDPA bfloat16")),
    Row("attention", "decode from 4 bits, 32,768 tokens", "decode", "L 32768, heads 32/8",
        "longtail int4 channel",
        ("torch bf16, folded", "torch bf16, enable_gqa", "torch float32, enable_gqa")),
    Row("longconv", "`long_conv`, 4096 taps", "long_conv", "L 4096", "longtail",
        ("torch rfft", "SciPy rfft")),
    Row("longconv", "`s4d`, 32 states, 4096 steps", "s4d", "32 states, L 4096", "longtail, auto",
        ("torch rfft, kernel given",)),
    Row("longconv", "`short_conv`, 64 taps", "short_conv", "W 64", "longtail",
        ("torch conv1d", "torch.compile")),
    Row("multigrid", "Poisson 1023^2 to 1e-8", "solve", "Poisson 1023^2", "longtail",
        ("PyAMG, Ruge-Stuben", "PyAMG, aggregation", "SuperLU", "SciPy CG", "SciPy DST")),
    Row("multigrid", "Darcy 511^2, contrast 4, to 1e-8", "solve", "Darcy 511^2", "longtail",
        ("PyAMG, Ruge-Stuben", "PyAMG, aggregation", "SuperLU", "SciPy CG")),
    Row("multigrid", "MgNO step, 8 x 64^2", "MgNO forward and backward", "8 x 64^2", "longtail",
        ("torch", "torch, channels_last", "torch.compile")),
)  # fmt: skip


def table(rows: Sequence[Row] = ROWS) -> str:
    """Markdown, from the results of each family that README shows, on one thread."""
    lines = [
        "| task, one thread | longtail | fastest rival | times as fast | error, ours | theirs |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(_line(row) for row in rows),
        "",
        _where({row.family for row in rows}),
    ]
    return "\n".join(lines)


def _line(row: Row) -> str:
    path = records.shown(row.family)
    if path is None:
        raise FileNotFoundError(f"bench/results has no {row.family}-cpu*.jsonl")
    found = {
        record.provider: record
        for record in records.read(path)[1]
        if (record.kernel, record.case, record.threads) == (row.kernel, row.case, 1)
    }
    ours = found[row.ours]
    rival = min((found[name] for name in row.rivals), key=lambda record: record.median)
    cells = [
        row.task,
        _time(ours),
        f"{rival.provider}, {_time(rival)}",
        f"{rival.median / ours.median:.3g}",
        _error(ours),
        _error(rival),
    ]
    return f"| {' | '.join(cells)} |"


def _time(record: Record) -> str:
    """Of the whole task."""
    seconds = record.median * record.elements * 1e-9
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def _error(record: Record) -> str:
    """Bessel functions in eps, all others relative."""
    if record.max_error is None:
        return "-"
    return f"{record.max_error:.2g}" + (" eps" if record.family == "bessel" else "")


def _where(families: set[str]) -> str:
    """The machines and commits, each once."""
    blocks = [records.read(path)[0] for f in sorted(families) if (path := records.shown(f))]
    machines = dict.fromkeys(f"{block['cpu']}, {block['cores']} cores" for block in blocks)
    dates = sorted(str(block["date"]).split()[0] for block in blocks)
    return (
        f"Medians, setup inside; errors are the largest ones against float64 or more "
        f"(log-Bessel: Arb). {'; '.join(machines)}; {dates[0]} to {dates[-1]}."
    )
