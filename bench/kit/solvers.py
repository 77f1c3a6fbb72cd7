"""The README's tables of a family of solvers: times with what else tells how good a solver is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .records import Record
from .relative import times


def table(environment: dict[str, Any], rows: Sequence[Record]) -> str:
    """A table for each kernel (the first word of its name), and where they were measured."""
    parts: dict[str, list[Record]] = {}
    for row in rows:
        if row.repeats:
            parts.setdefault(row.kernel.split()[0], []).append(row)
    versions = ", ".join(f"{k} {v}" for k, v in environment["versions"].items() if v != "absent")
    blocks = []
    for name, part in parts.items():
        if name == "solve":
            blocks += [_SOLVE, "\n".join(solves(part))]
        else:
            about, cell = _PARTS[name]
            blocks += [about, "\n".join(times(part, cell))]
    blocks.append(
        f"Medians; {environment['cpu']}, {environment['cores']} cores; {versions}; commit "
        f"{environment['commit']}, {environment['date']}."
    )
    return "\n\n".join(blocks)


_SOLVE = (
    "Milliseconds to a relative residual of 1e-8, setup inside, on 1 / 2 threads (one number: it "
    "ignores threads), of them setup (s), and iterations (it); peak memory beyond the problem:"
)


def solves(rows: Sequence[Record]) -> list[str]:
    """A row a provider, a column a problem, memory last."""
    cases = list(dict.fromkeys(row.case for row in rows))
    found: dict[tuple[str, str], list[Record]] = {}
    for row in rows:
        found.setdefault((row.provider, row.case), []).append(row)
    memory = {
        row.provider: (row.case, row.extra["peak_megabytes"])
        for row in rows
        if "peak_megabytes" in row.extra
    }
    heads = [
        *cases,
        *(f"MB, {case}" for case in dict.fromkeys(each[0] for each in memory.values())),
    ]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for provider in dict.fromkeys(row.provider for row in rows):
        cells = [_solve_cell(found.get((provider, case), [])) for case in cases]
        if memory:
            cells.append(f"{memory[provider][1]:.3g}" if provider in memory else "-")
        lines.append(f"| {provider} | " + " | ".join(cells) + " |")
    return lines


def _solve_cell(rows: Sequence[Record]) -> str:
    if not rows:
        return "-"
    first = min(rows, key=lambda row: row.threads)
    text = " / ".join(
        f"{row.extra['milliseconds']:.3g}" for row in sorted(rows, key=lambda row: row.threads)
    )
    beside = [f"s {first.extra['setup']:.3g}"] if first.extra["setup"] >= 0.05 else []
    if first.extra["iterations"] is not None:
        beside.append(f"{first.extra['iterations']} it")
    return f"{text} ({', '.join(beside)})" if beside else text


def _cycle(row: Record | None) -> str:
    if row is None:
        return "-"
    beside = [f"{row.extra[key]:.1f}" for key in ("times_floor", "times_moved") if key in row.extra]
    return f"{row.extra['milliseconds']:.3g}" + (f" ({', '.join(beside)})" if beside else "")


def _rate(row: Record | None) -> str:
    return "-" if row is None else f"{row.extra['samples_a_second']:.4g}"


def _products(row: Record | None) -> str:
    return (
        "-" if row is None else f"{row.extra['products']:.0f} ({row.extra['milliseconds']:.3g} ms)"
    )


def _step(row: Record | None) -> str:
    return "-" if row is None else f"{row.extra['milliseconds']:.3g}"


_PARTS: dict[str, tuple[str, Callable[[Record | None], str]]] = {
    "cycle": (
        "Milliseconds a V(1,1)-cycle (over the time of the fewest bytes it can move, at the copy's "
        "rate; of ours also over that of the bytes it does move):",
        _cycle,
    ),
    "darcy_dataset": ("Samples a second, to 1e-8 unless said:", _rate),
    "krylov": ("Products with the matrix that a system takes, and its time:", _products),
    "MgNO": ("Milliseconds, MgNO's released Darcy model:", _step),
}
