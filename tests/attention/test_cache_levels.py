"""Caches on every CPU level."""

from __future__ import annotations

import pytest

from kit.levels import DOT_LEVELS, run_on_level


@pytest.mark.parametrize("level", DOT_LEVELS)
def test_level(level: str) -> None:
    """The same codes, and attention as close to the oracle."""
    run_on_level(level, "attention.this_cache_level")
