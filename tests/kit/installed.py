"""Data that may not be installed."""

from __future__ import annotations

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
