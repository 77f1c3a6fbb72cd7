"""What all tests of this family run under."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def small_tensors(one_thread: None) -> None:
    """One thread for all tests."""
