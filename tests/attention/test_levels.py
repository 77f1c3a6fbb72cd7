"""Attention on every CPU level, those with dot products of bytes among them."""

from __future__ import annotations

import pytest

from kit.levels import DOT_LEVELS, run_on_level


@pytest.mark.parametrize("level", DOT_LEVELS)
def test_level(level: str) -> None:
    """The level forced, in a process of its own."""
    run_on_level(level, "attention.this_level")
