"""Operators on grids on every CPU level."""

from __future__ import annotations

import pytest

from kit.levels import LEVELS, run_on_level


@pytest.mark.parametrize("level", LEVELS)
def test_level(level: str) -> None:
    """As close to the matrices on each."""
    run_on_level(level, "multigrid.this_level")
