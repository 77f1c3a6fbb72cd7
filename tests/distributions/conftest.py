"""What all tests of distributions run under."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def small_tensors(one_thread: None) -> None:
    """One thread for all tests."""


@pytest.fixture(autouse=True)
def checked() -> Iterator[None]:
    """Arguments are checked as in a fresh process: the first torch.compile switches that off."""
    before = torch.distributions.Distribution._validate_args
    torch.distributions.Distribution.set_default_validate_args(True)
    yield
    torch.distributions.Distribution.set_default_validate_args(before)
