"""Loads the native operator libraries and keeps the reason when one is absent.

Importing this module makes ``torch.ops.longtail`` complete: ``liblongtail.so`` declares every
operator and holds the CPU kernels, ``liblongtail_cuda.so`` adds the CUDA kernels where torch is a
CUDA build, and :mod:`longtail._operators` adds what Python knows about them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

import longtail


@dataclass(frozen=True)
class LibraryStatus:
    """One native library: its file if found, and why it is not in use (empty if it is)."""

    name: str
    path: Path | None
    problem: str

    @property
    def loaded(self) -> bool:
        return not self.problem


def find_library(name: str) -> Path | None:
    """The file ``name`` in any folder of the package; an editable install has two."""
    for folder in longtail.__path__:
        path = Path(folder, name)
        if path.is_file():
            return path
    return None


def _load_cpu() -> LibraryStatus:
    name = "liblongtail.so"
    path = find_library(name)
    if path is None:
        raise ImportError(
            f"longtail: {name} is in none of {list(longtail.__path__)}; is this a source tree "
            "that was not installed? Run `pip install .` (or an editable install)"
        )
    torch.ops.load_library(path)
    return LibraryStatus(name, path, "")


def _load_cuda() -> LibraryStatus:
    name = "liblongtail_cuda.so"
    path = find_library(name)
    if path is None:
        return LibraryStatus(name, None, "this build of longtail has no CUDA library")
    if os.environ.get("LONGTAIL_DISABLE_CUDA", "0") not in ("", "0"):
        return LibraryStatus(name, path, "switched off by LONGTAIL_DISABLE_CUDA")
    if torch.version.cuda is None:
        return LibraryStatus(name, path, f"torch {torch.__version__} is not a CUDA build")
    try:
        torch.ops.load_library(path)
    except OSError as error:
        return LibraryStatus(name, path, f"loading it failed: {error}")
    return LibraryStatus(name, path, "")


#: The two libraries, as found when longtail was first used.
cpu_library = _load_cpu()
cuda_library = _load_cuda()

from . import _operators  # noqa: E402  (needs the operators that were just loaded)

_operators.complete(cuda_library.problem)
