"""A data set in a folder: a manifest, and chunks of samples that are there whole or not at all.

    manifest.json               what the samples are; written first
    chunk-00000.safetensors     samples 0 to chunk - 1, and so on

A file is written under another name, brought to the disk (fsync) and renamed. Whoever is killed
leaves whole files and one that is not counted; which samples are in which file is fixed by the
manifest, so going on makes exactly the chunks that are not there. One process at a time holds the
folder (flock: the lock ends with the process, however that ends).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

MANIFEST = "manifest.json"
_FORMAT = 1
_PARTIAL = ".partial"


def safetensors_torch() -> ModuleType:
    """The module, or an error that says how to get it."""
    try:
        import safetensors.torch
    except ImportError as error:
        raise ImportError(
            "longtail.data keeps data sets as safetensors files: pip install 'longtail[data]'"
        ) from error
    module: ModuleType = safetensors.torch
    return module


def chunk_path(folder: Path, number: int) -> Path:
    """Of a chunk."""
    return folder / f"chunk-{number:05d}.safetensors"


def chunk_count(manifest: dict[str, Any]) -> int:
    """How many chunks a whole data set has."""
    return -(-int(manifest["samples"]) // int(manifest["chunk"]))


def chunk_range(manifest: dict[str, Any], number: int) -> tuple[int, int]:
    """First sample of a chunk and how many it has."""
    first = number * int(manifest["chunk"])
    return first, min(int(manifest["chunk"]), int(manifest["samples"]) - first)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """None where there is none."""
    try:
        text = (folder / MANIFEST).read_text()
    except FileNotFoundError:
        return None
    manifest: dict[str, Any] = json.loads(text)
    if manifest.get("format") != _FORMAT:
        raise ValueError(
            f"{folder / MANIFEST}: format {manifest.get('format')!r}, this version of longtail "
            f"reads {_FORMAT}"
        )
    return manifest


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """All of it or nothing, also if the machine stops."""
    partial = path.with_name(path.name + _PARTIAL)
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    _sync_folder(path.parent)


@contextmanager
def _held(name: str, folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"{name}: out: another process writes to {folder}") from None
        yield
    finally:
        os.close(descriptor)


def _differences(there: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """``name: there, not asked`` of everything that is not the same, parameters one by one."""
    result = []
    for key in sorted({*there, *asked}):
        old, new = there.get(key), asked.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            result += _differences(old, new)
        elif old != new:
            result.append(f"{key} is {old!r} there, {new!r} now")
    return result


class Folder:
    """Where the chunks of a data set go, held by this process."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest

    def missing(self) -> list[int]:
        """Numbers of the chunks that are not there yet."""
        count = chunk_count(self.manifest)
        return [i for i in range(count) if not chunk_path(self.path, i).exists()]

    def write(self, number: int, tensors: dict[str, Tensor]) -> None:
        """A chunk; complex tensors as pairs of reals, which safetensors has for every precision."""
        real = {
            name: torch.view_as_real(each) if each.is_complex() else each
            for name, each in tensors.items()
        }
        content = safetensors_torch().save({k: v.contiguous() for k, v in real.items()})
        write_whole(chunk_path(self.path, number), content)


@contextmanager
def opened(name: str, out: Any, manifest: dict[str, Any]) -> Iterator[Folder]:
    """The folder ``out``, new or begun with the same manifest.

    Raises:
        ValueError: it holds something else.
        RuntimeError: another process writes to it.
    """
    safetensors_torch()
    path = Path(out)
    manifest = json.loads(json.dumps({"format": _FORMAT, **manifest}))  # as it is read back
    path.mkdir(parents=True, exist_ok=True)
    with _held(name, path):
        there = read_manifest(path)
        if there is None:
            if any(path.glob("chunk-*.safetensors")):
                raise ValueError(f"{name}: out: {path} holds chunks, but no {MANIFEST}")
            text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
            write_whole(path / MANIFEST, text.encode())
        elif differences := _differences(there, manifest):
            raise ValueError(
                f"{name}: out: {path} holds a data set of other parameters: "
                f"{'; '.join(differences)}. Use another folder, or delete this one"
            )
        yield Folder(path, manifest)
