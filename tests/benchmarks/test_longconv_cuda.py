"""bench/cuda/longconv.py on the CPU: its clock and its device replaced, and few numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench.cuda import _longconv_gated as gated  # noqa: E402
from bench.cuda import longconv as bench  # noqa: E402
from bench.kit.runner import timed  # noqa: E402

BOUNDS = {"float32": 1e-6, "bfloat16": 4e-3, "float16": 5e-4}


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of the floors that were asked for."""
    copied: list[int] = []

    def clock(call: Callable[[int], object]) -> Callable[[], float]:
        return timed(lambda: call(0))

    def copy(count: int) -> Callable[[], float]:
        copied.append(count)
        return timed(lambda: torch.zeros(count // 4))

    for module in (bench, gated):
        monkeypatch.setattr(module, "DEVICE", "cpu")
        monkeypatch.setattr(module, "by_events", clock)
        monkeypatch.setattr(module, "copy_of", copy)
    return copied


def test_every_provider_and_its_error(
    on_the_cpu: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lengths that do not divide the numbers are counted as they are."""
    monkeypatch.setattr(bench, "NUMBERS", 1 << 13)
    monkeypatch.setattr(bench, "HEADS", 2)
    monkeypatch.setattr(bench, "LENGTHS", (300, 1024))
    monkeypatch.setattr(gated, "measure_all", lambda repeats: [])
    records = bench.measure_all(1)
    assert len(records) == 3 * 2 * (4 + 3)
    assert {r.elements for r in records} == {13 * 2 * 300, 4 * 2 * 1024}
    assert on_the_cpu[:2] == [2 * 4 * 7800, 4 * 4 * 7800]
    checked = [r for r in records if r.max_error is not None]
    assert len(checked) == 3 * 2 * 3
    for record in checked:
        assert record.max_error is not None
        assert record.max_error <= BOUNDS[record.dtype], record


def test_gated_rows(
    on_the_cpu: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Fewer rows where memory ends; the floor and torch are timed on a part."""
    sizes = {"BATCH": 4, "HEADS": 3, "MOST": 6 * 1024, "MOST_OF_TORCH": 2048, "COPIED": 24_000}
    for name, value in {**sizes, "LENGTHS": (300, 1024)}.items():
        monkeypatch.setattr(gated, name, value)
    records = gated.measure_all(1)
    short, long = records[:3], records[3:]
    assert [r.elements for r in short] == [3000, 4 * 3 * 300, 2 * 3 * 300]
    assert [r.elements for r in long] == [3000, 2 * 3 * 1024, 2 * 1024]
    assert on_the_cpu == [24_000] * 2
    assert long[1].case == "L 1024, B 2, H 3"
    assert gated.milliseconds(long[1], 1024) == pytest.approx(long[1].median * 12_288 / 1e6)
    for record in (*short[1:], *long[1:]):
        assert record.max_error is not None and record.max_error <= BOUNDS["float16"]
    assert "published for an H100: 0.29" in capsys.readouterr().out


def test_small_runs_every_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """One output and several, in each type of rows; with a state too."""
    calls: list[tuple[int, int, torch.dtype]] = []
    convolution = bench.long_conv

    def counted(u: torch.Tensor, k: torch.Tensor, **options: torch.Tensor | None) -> object:
        calls.append((u.shape[-1], 1 if k.dim() == 2 else k.shape[0], u.dtype))
        few = {
            name: each[..., :300] if name.startswith(("gate", "k")) and each is not None else each
            for name, each in options.items()
        }
        return convolution(u[..., :300], k[..., :300], **few)

    monkeypatch.setattr(bench, "long_conv", counted)
    bench.run_small()
    assert len(calls) == 4 * (10 + 11 + 1) and len({dtype for *_, dtype in calls}) == 4
    for length in (1, 257, 700, 1500, 3000):
        assert {outputs for n, outputs, _ in calls if n == length} == {1, 2}
    assert max(n for n, *_ in calls) == 400_000
