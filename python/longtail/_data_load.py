"""Reading data sets of a folder."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.utils.data
from torch import Tensor

from longtail._data_folder import (
    MANIFEST,
    chunk_count,
    chunk_path,
    chunk_range,
    read_manifest,
    safetensors_torch,
)

#: Chunks that are kept open (mapped into memory, not read) by one process.
_OPEN_FILES = 16


class Darcy(NamedTuple):
    """``-div(a grad u) = f``: one problem, or many along the first axis.

    Attributes:
        a: the coefficient, ``[..., *size]``.
        u: the solution, the same.
    """

    a: Tensor
    u: Tensor


class Helmholtz(NamedTuple):
    """``-Laplace u - k^2 a u = f``: one problem, or many along the first axis.

    Attributes:
        a: the square of the index of refraction, ``[..., H, W]``.
        f: the source, the same.
        u: the field, complex, the same.
    """

    a: Tensor
    f: Tensor
    u: Tensor


KINDS: dict[str, type[Any]] = {"darcy": Darcy, "helmholtz": Helmholtz}


class ChunkedDataset(torch.utils.data.Dataset[Any]):
    """A data set of a folder, read as it is asked for.

    ``dataset[i]`` is a :class:`Darcy` or :class:`Helmholtz` of one sample. For a ``DataLoader``
    with any number of workers: files are mapped into memory by each process for itself.

    Args:
        folder: that ``darcy_dataset(..., out=folder)`` filled.

    Attributes:
        parameters: that it was made with.
        kind: ``"darcy"`` or ``"helmholtz"``.

    Raises:
        FileNotFoundError: no data set, or one that is not complete.
    """

    def __init__(self, folder: str | Path) -> None:
        safetensors_torch()
        self.folder = Path(folder)
        manifest = read_manifest(self.folder)
        if manifest is None:
            raise FileNotFoundError(f"ChunkedDataset: {self.folder} has no {MANIFEST}")
        self._manifest = manifest
        count = chunk_count(manifest)
        missing = sum(not chunk_path(self.folder, i).exists() for i in range(count))
        if missing:
            raise FileNotFoundError(
                f"ChunkedDataset: {self.folder}: {missing} of {count} chunks are missing: make "
                "them by the same call that made the others"
            )
        self.kind: str = manifest["kind"]
        self.parameters: dict[str, Any] = manifest["parameters"]
        self._open: OrderedDict[int, Any] = OrderedDict()

    def __repr__(self) -> str:
        return f"ChunkedDataset({str(self.folder)!r}): {len(self)} samples, {self.kind}"

    def __len__(self) -> int:
        return int(self._manifest["samples"])

    def __getitem__(self, index: int) -> Any:
        position = operator.index(index)
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(f"ChunkedDataset: sample {index} of {len(self)}")
        number, row = divmod(position, int(self._manifest["chunk"]))
        return self._made({name: part[row] for name, part in self._slices(number).items()})

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}

    def tensors(self) -> Any:
        """All samples in memory, along the first axis."""
        parts: dict[str, list[Tensor]] = {name: [] for name in self._manifest["tensors"]}
        for number in range(chunk_count(self._manifest)):
            _, count = chunk_range(self._manifest, number)
            for name, part in self._slices(number).items():
                parts[name].append(part[:count])
        if not len(self):
            of = self._manifest["tensors"]
            return KINDS[self.kind](
                **{k: torch.empty(0, *v["shape"], dtype=_dtype(v["dtype"])) for k, v in of.items()}
            )
        return self._made({name: torch.cat(each) for name, each in parts.items()})

    def _slices(self, number: int) -> dict[str, Any]:
        """Of a chunk, by name: what can be indexed along samples."""
        if number not in self._open:
            import safetensors

            file: Any = safetensors.safe_open(str(chunk_path(self.folder, number)), framework="pt")
            while len(self._open) >= _OPEN_FILES:
                self._open.popitem(last=False)
            self._open[number] = {name: file.get_slice(name) for name in self._manifest["tensors"]}
        self._open.move_to_end(number)
        return dict(self._open[number])

    def _made(self, parts: dict[str, Tensor]) -> Any:
        for name, of in self._manifest["tensors"].items():
            if _dtype(of["dtype"]).is_complex:
                parts[name] = torch.view_as_complex(parts[name])
        return KINDS[self.kind](**parts)


def _dtype(name: str) -> torch.dtype:
    kind: torch.dtype = getattr(torch, name)
    return kind
