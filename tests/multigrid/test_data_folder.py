"""Data sets in folders: interrupted, refused, read back."""

from __future__ import annotations

import fcntl
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from longtail.data import ChunkedDataset, Darcy, Helmholtz, darcy_dataset, helmholtz_dataset, load

SCRIPT = Path(__file__).with_name("killed_generation.py")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_killed_at_every_step_the_files_are_those_of_one_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "killed at 10 steps" in done.stdout
    whole = content(tmp_path / "whole")
    names = ["manifest.json", *[f"chunk-0000{i}.safetensors" for i in range(4)]]
    assert sorted(whole) == sorted(names)
    for m in range(1, 11):
        assert content(tmp_path / str(m)) == whole, m
    expected = darcy_dataset(10, 6)
    assert torch.equal(load(tmp_path / "3").tensors().u, expected.u)


def test_a_broken_partial_file_is_written_anew(tmp_path: Path) -> None:
    darcy_dataset(4, 6, out=tmp_path, chunk=2)
    whole = content(tmp_path)
    (tmp_path / "chunk-00001.safetensors").rename(tmp_path / "chunk-00001.safetensors.partial")
    with (tmp_path / "chunk-00001.safetensors.partial").open("r+b") as file:
        file.truncate(50)
    seen: list[Any] = []
    darcy_dataset(4, 6, out=tmp_path, chunk=2, progress=lambda *call: seen.append(call))
    assert content(tmp_path) == whole
    assert seen == [(2, 4, "found"), (4, 4, "")]


def test_a_whole_set_is_not_made_again(tmp_path: Path) -> None:
    darcy_dataset(3, 6, out=tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(darcy_dataset(3, 6, out=tmp_path)) == 3
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"contrast": 5.0}, "contrast is 4.0 there, 5.0 now"),
        ({"seed": 1}, "seed is 0 there, 1 now"),
        ({"n": 5}, "samples is 4 there, 5 now"),
        ({"chunk": 3}, "chunk is 2 there, 3 now"),
        ({"first": 7}, "first is 0 there, 7 now"),
        ({"f": torch.ones(6, 6)}, "f is 1.0 there, 'sha256"),
        ({"dtype": torch.float64}, "dtype is 'float32' there, 'float64' now"),
        ({"size": (6, 7)}, r"size is \[6, 6\] there, \[6, 7\] now"),
    ],
)
def test_other_parameters_are_refused(tmp_path: Path, changed: Any, words: str) -> None:
    arguments: dict[str, Any] = {"n": 4, "size": 6, "chunk": 2, "out": tmp_path}
    darcy_dataset(**arguments)
    before = content(tmp_path)
    with pytest.raises(ValueError, match=words):
        darcy_dataset(**arguments | changed)
    assert content(tmp_path) == before


def test_another_kind_is_refused(tmp_path: Path) -> None:
    darcy_dataset(1, 8, out=tmp_path)
    with pytest.raises(ValueError, match="kind is 'darcy' there, 'helmholtz' now"):
        helmholtz_dataset(1, 8, 2.0, out=tmp_path)


def test_chunks_of_nobody_are_refused(tmp_path: Path) -> None:
    (tmp_path / "chunk-00000.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="holds chunks, but no manifest.json"):
        darcy_dataset(1, 6, out=tmp_path)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(RuntimeError, match="another process writes"):
            darcy_dataset(1, 6, out=tmp_path)
    finally:
        os.close(descriptor)
    assert len(darcy_dataset(1, 6, out=tmp_path)) == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_loader(tmp_path: Path, workers: int) -> None:
    data = darcy_dataset(10, (5, 7), out=tmp_path, chunk=3)
    expected = darcy_dataset(10, (5, 7))
    batches = list(DataLoader(data, batch_size=4, num_workers=workers))
    assert [type(batch) for batch in batches] == [Darcy] * 3
    assert torch.equal(torch.cat([batch.a for batch in batches]), expected.a)
    assert torch.equal(torch.cat([batch.u for batch in batches]), expected.u)


def test_reading(tmp_path: Path) -> None:
    data = helmholtz_dataset(5, 8, 3.0, 9, out=tmp_path, chunk=2, dtype=torch.complex128)
    expected = helmholtz_dataset(5, 8, 3.0, 9, dtype=torch.complex128)
    assert isinstance(data, ChunkedDataset) and data.kind == "helmholtz" and len(data) == 5
    assert data.parameters["wavenumber"] == 3.0 and "5 samples" in repr(data)
    for read in (data.tensors(), pickle.loads(pickle.dumps(data)).tensors()):
        assert isinstance(read, Helmholtz)
        assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(read, expected))
    for i in (0, 3, 4, -1, -5):
        assert torch.equal(data[i].u, expected.u[i]) and data[i].u.dtype == torch.complex128
    assert torch.equal(data[torch.tensor(2)].a, expected.a[2])
    assert [torch.equal(sample.u, u) for sample, u in zip(data, expected.u)] == [True] * 5
    for i in (5, -6):
        with pytest.raises(IndexError, match=f"sample {i} of 5"):
            data[i]


def test_more_chunks_than_files_kept_open(tmp_path: Path) -> None:
    data = darcy_dataset(20, 4, out=tmp_path, chunk=1)
    expected = darcy_dataset(20, 4)
    for i in [*range(20), 0, 19]:
        assert torch.equal(data[i].u, expected.u[i])


def test_no_samples(tmp_path: Path) -> None:
    data = darcy_dataset(0, 4, out=tmp_path)
    assert len(data) == 0 and data.tensors().u.shape == (0, 4, 4)


def test_incomplete_or_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has no manifest.json"):
        load(tmp_path)
    darcy_dataset(4, 5, out=tmp_path, chunk=2)
    (tmp_path / "chunk-00001.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="1 of 2 chunks are missing"):
        load(tmp_path)


def test_other_formats_are_refused(tmp_path: Path) -> None:
    darcy_dataset(1, 5, out=tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(ValueError, match="format 2, this version of longtail reads 1"):
        load(tmp_path)


def test_without_safetensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ImportError, match=r"pip install 'longtail\[data\]'"):
        darcy_dataset(1, 6, out=tmp_path)
    assert not list(tmp_path.iterdir())
