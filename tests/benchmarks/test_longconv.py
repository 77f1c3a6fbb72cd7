"""What bench/peers/longconv.py compares, and what it says beside times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench.kit import relative  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.peers import _longconv_apart as apart  # noqa: E402
from bench.peers import _longconv_calls as calls  # noqa: E402
from bench.peers import _longconv_rows as rows  # noqa: E402


@pytest.mark.parametrize("kernel", [calls.FORWARD, calls.BOTH])
def test_providers_compute_the_same(kernel: str) -> None:
    u, k = torch.randn(2, 3, 100), torch.randn(3, 100)
    found = calls.calls(kernel, u, k, 1)
    expected = found[calls.TORCH]()
    assert expected.shape == u.shape and len(found) == (4 if kernel == calls.FORWARD else 2)
    for call in found.values():
        torch.testing.assert_close(call(), expected, rtol=1e-4, atol=1e-4)


def test_memory_is_counted() -> None:
    """Ours with its spectrum held needs y, 2 MB at this length; torch at least the spectrum of u
    and its product, each twice that."""
    mine, theirs = (
        apart.peak_megabytes(calls.FORWARD, 256, 1, name) for name in (calls.HELD, calls.TORCH)
    )
    assert 1.9 < mine < 2.6 and theirs > 8


def test_default_malloc() -> None:
    times = apart.seconds_by_default(calls.BOTH, 64, 1, 2)
    assert set(times) == {calls.OURS, calls.TORCH}
    assert all(len(samples) == 2 and min(samples) > 0 for samples in times.values())


def record(kernel: str, provider: str, threads: int, median: float, memory: float = 0.0) -> Record:
    times = (median, median, median)
    row = Record("longconv", kernel, "L 1024", provider, threads, 1 << 21, *times, repeats=3)
    row.extra = {"milliseconds": median * row.elements * 1e-6}
    if memory:
        row.extra["peak_megabytes"] = memory
    return row


def measured(memory: float) -> list[Record]:
    """A run at one length; y has 8 MB and the spectrum 2."""
    return [
        record(calls.FORWARD, calls.HELD, 1, 1.0, memory),
        record(calls.FORWARD, calls.OURS, 1, 1.2, memory + 2),
        record(calls.FORWARD, calls.TORCH, 1, 4.0, 34.0),
        record(calls.BOTH, calls.OURS, 1, 3.0, 21.0),
        record(calls.BOTH, calls.TORCH, 1, 12.0, 113.0),
        record(calls.FORWARD, calls.HELD, 2, 0.5),
    ]


def test_bars() -> None:
    """Of times and of memory; a copy of u would miss that."""
    assert all(bar.met for bar in rows.bars(measured(8.0)))
    missed = [bar.name for bar in rows.bars(measured(16.0)) if not bar.met]
    assert missed == [
        "long_conv L 1024: memory over y",
        "long_conv L 1024: memory over y and the spectrum",
    ]


def test_operations() -> None:
    """10 N log2 N and the product, of every row: 1.0 ms at 217 GFLOP/s."""
    assert rows.operations(1024) == calls.BATCH * calls.HEADS * 1024 * 106
    assert 0 < rows.at_fma_peak(2048)() < 100


def test_memory_has_a_table() -> None:
    environment = {"cpu": "x", "cores": 2, "versions": {}, "commit": "c", "date": "d"}
    text = relative.by_part(environment, measured(8.0))
    assert "| long_conv | L 1024 | 8 | 10 | 34 |" in text
    assert "| long_conv forward and backward | L 1024 | - | 21 | 113 |" in text
    without = [row for row in measured(8.0) if row.threads == 2]
    assert "memory" not in relative.by_part(environment, without)
