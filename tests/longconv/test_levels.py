"""Long convolutions on every CPU level."""

from __future__ import annotations

import pytest

from kit.levels import LEVELS, run_on_level


@pytest.mark.parametrize("level", LEVELS)
def test_level(level: str) -> None:
    """The level forced, in a process of its own."""
    run_on_level(level, "longconv.this_level")
