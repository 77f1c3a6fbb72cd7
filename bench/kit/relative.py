"""The README's tables of a family whose errors are relative to the largest element: one of times
with a row a task and number of threads, one of what the backward pass keeps and how it sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .records import Record

_WORDS = {True: "yes", False: "no", None: "-"}


def table(environment: dict[str, Any], rows: Sequence[Record]) -> str:
    """Both as Markdown, with where they were measured."""
    timed = [row for row in rows if row.repeats]
    versions = ", ".join(f"{k} {v}" for k, v in environment["versions"].items() if v != "absent")
    lines = [
        *times(timed),
        "",
        "ns an element, median (largest error over the largest element, of the value or of dx); "
        f"{environment['cpu']}, {environment['cores']} cores; {versions}; commit "
        f"{environment['commit']}, {environment['date']}.",
    ]
    sums = [row for row in rows if "repeats_bit_equal" in row.extra]
    if sums:
        lines += ["", *_sums(sums)]
    for sentence in (_kept(timed), _peak(timed)):
        lines += ["", sentence] if sentence else []
    return "\n".join(lines)


def by_part(environment: dict[str, Any], rows: Sequence[Record]) -> str:
    """Times of a family whose kernels have rivals of their own: a table for each kernel."""
    parts: dict[str, list[Record]] = {}
    for row in rows:
        if row.repeats:
            parts.setdefault(row.kernel.split()[0], []).append(row)
    versions = ", ".join(f"{k} {v}" for k, v in environment["versions"].items() if v != "absent")
    tables = ["\n".join(times(part)) for part in parts.values()]
    return "\n\n".join(
        [
            *tables,
            *_memory(rows),
            "ns an element of the output, median (largest error over the largest element, against "
            f"float64); {environment['cpu']}, {environment['cores']} cores; {versions}; commit "
            f"{environment['commit']}, {environment['date']}.",
        ]
    )


def _memory(rows: Sequence[Record]) -> list[str]:
    """A table of what a call needs beyond its inputs, where that was measured."""
    rows = [row for row in rows if "peak_megabytes" in row.extra]
    if not rows:
        return []
    providers = list(dict.fromkeys(row.provider for row in rows))
    found = {(row.kernel, row.case, row.provider): row.extra["peak_megabytes"] for row in rows}
    lines = [
        "| memory beyond the inputs, MB | case | " + " | ".join(providers) + " |",
        "| --- | --- |" + " ---: |" * len(providers),
    ]
    for kernel, case in dict.fromkeys(key[:2] for key in found):
        cells = [found.get((kernel, case, name)) for name in providers]
        text = " | ".join("-" if each is None else f"{each:.4g}" for each in cells)
        lines.append(f"| {kernel} | {case} | {text} |")
    return ["\n".join(lines)]


def _cell(row: Record | None) -> str:
    if row is None:
        return "-"
    error = "" if row.max_error is None else f" ({row.max_error:.1e})"
    return f"{row.median:.3g}{error}"


def times(rows: Sequence[Record], cell: Callable[[Record | None], str] = _cell) -> list[str]:
    """A row a task, case and number of threads, a column a provider."""
    providers = list(dict.fromkeys(row.provider for row in rows))
    found = {(row.kernel, row.case, row.threads, row.provider): row for row in rows}
    lines = [
        "| task | case | threads | " + " | ".join(providers) + " |",
        "| --- | --- | ---: |" + " ---: |" * len(providers),
    ]
    for kernel, case, threads in dict.fromkeys(key[:3] for key in found):
        cells = [cell(found.get((kernel, case, threads, name))) for name in providers]
        lines.append(f"| {kernel} | {case} | {threads} | " + " | ".join(cells) + " |")
    return lines


def _sums(rows: Sequence[Record]) -> list[str]:
    lines = [
        "| coefficient gradients | error of d_numerator | of d_denominator | repeats to the bit | "
        "same on 1 and 2 threads |",
        "| --- | ---: | ---: | --- | --- |",
    ]
    for row in rows:
        e = row.extra
        same = [_WORDS[e[key]] for key in ("repeats_bit_equal", "threads_bit_equal")]
        lines.append(
            f"| {row.provider} | {e['d_numerator']:.1e} | {e['d_denominator']:.1e} | "
            + " | ".join(same)
            + " |"
        )
    return lines + [
        "",
        "Atomics: the scheme of the published CUDA kernels re-expressed on a CPU, which adds their "
        "float32 terms one by one in a random order; the kernels themselves need a GPU.",
    ]


def _kept(rows: Sequence[Record]) -> str:
    """The largest of each provider, in sizes of x."""
    kept: dict[str, float] = {}
    for row in rows:
        if "saved" in row.extra:
            kept[row.provider] = max(kept.get(row.provider, 0.0), row.extra["saved"])
    each = ", ".join(f"{name} {size:.1f}" for name, size in kept.items())
    return each and f"Kept for the backward pass at most, in sizes of x: {each}."


def _peak(rows: Sequence[Record]) -> str:
    """What forward and backward need beyond their inputs, the larger of the cases."""
    peaks: dict[str, float] = {}
    for row in rows:
        if "peak_megabytes" in row.extra:
            peak = row.extra["peak_megabytes"]
            peaks[row.provider] = max(peaks.get(row.provider, 0.0), peak)
    each = ", ".join(f"{name} {peak:.0f} MB" for name, peak in peaks.items())
    return each and f"Memory that forward and backward of kan_linear need at most: {each}."
