"""Data and programs that may not be installed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from longtail.demos.data import MissingDataError

T = TypeVar("T")


def read(source: Callable[..., T], *arguments: Any) -> T:
    """What it gives; skips, with the reason, where the data are missing."""
    try:
        return source(*arguments)
    except MissingDataError as missing:
        pytest.skip(str(missing))


def program(*names: str) -> str:
    """The path of the first that is installed; skips where none is."""
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"none of {', '.join(names)} is installed")
