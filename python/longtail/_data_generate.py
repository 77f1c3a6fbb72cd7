"""Samples made a batch after the other, in memory or chunk by chunk in a folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from longtail import _data_folder
from longtail._data_load import KINDS, ChunkedDataset
from longtail._progress import Report, progress_report
from longtail._random_fields import LARGEST_KEY, whole_number

#: Points of the samples that are made together, and bytes of a file unless the caller says how many
#: samples.
_POINTS_AT_ONCE = 2**19
_CHUNK_BYTES = 2**26

#: ``make(first, count)``: so many samples of all tensors, by name.
Make = Callable[[int, int], dict[str, Tensor]]


def generated(
    kind: str,
    make: Make,
    n: int,
    first: int,
    tensors: dict[str, tuple[tuple[int, ...], torch.dtype]],
    parameters: dict[str, Any],
    out: Any,
    chunk: Any,
    progress: bool | Report,
) -> Any:
    """All samples, in memory or in a folder."""
    name = f"{kind}_dataset"
    n = whole_number(name, "n", n, 0, 2**40)
    first = whole_number(name, "first", first, 0, LARGEST_KEY - n)
    if out is None:
        if chunk is not None:
            raise ValueError(f"{name}: chunk: got {chunk!r} without out: there are no files")
        with progress_report(progress, f"{kind} samples") as report:
            rows = _rows(make, first, n, tensors, lambda done: report(done, n, ""))
        return KINDS[kind](**rows)
    bytes_each = sum(math.prod(shape) * dtype.itemsize for shape, dtype in tensors.values())
    if chunk is None:
        chunk = max(1, _CHUNK_BYTES // bytes_each)
    manifest = {
        "kind": kind,
        "samples": n,
        "first": first,
        "chunk": whole_number(name, "chunk", chunk, 1, 2**40),
        "tensors": {
            k: {"shape": list(shape), "dtype": str(dtype).removeprefix("torch.")}
            for k, (shape, dtype) in tensors.items()
        },
        "parameters": parameters,
    }
    with (
        progress_report(progress, f"{kind} samples") as report,
        _data_folder.opened(name, out, manifest) as folder,
    ):
        missing = folder.missing()
        ranges = [_data_folder.chunk_range(manifest, i) for i in missing]
        done = n - sum(count for _, count in ranges)
        if done:
            report(done, n, "found")
        for number, (start, count) in zip(missing, ranges):
            before = done

            def say(more: int, before: int = before) -> None:
                report(before + more, n, "")

            folder.write(number, _rows(make, first + start, count, tensors, say))
            done += count
    return ChunkedDataset(out)


def _rows(
    make: Make,
    first: int,
    count: int,
    tensors: dict[str, tuple[tuple[int, ...], torch.dtype]],
    say: Callable[[int], None],
) -> dict[str, Tensor]:
    """Samples first to first + count - 1, made a batch after the other."""
    rows = {k: torch.empty(count, *shape, dtype=dtype) for k, (shape, dtype) in tensors.items()}
    points = max(math.prod(shape) for shape, _ in tensors.values())
    for start, size in _batches(count, max(1, _POINTS_AT_ONCE // points)):
        with torch.no_grad():
            for k, part in make(first + start, size).items():
                rows[k][start : start + size] = part
        say(start + size)
    return rows


def _batches(count: int, most: int) -> Iterator[tuple[int, int]]:
    """(start, size) of each."""
    return ((start, min(most, count - start)) for start in range(0, count, most))
