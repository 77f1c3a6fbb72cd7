"""Rationals and polynomials on every CPU level."""

from __future__ import annotations

import pytest

from kit.levels import LEVELS, run_on_level


@pytest.mark.parametrize("level", LEVELS)
def test_level(level: str) -> None:
    """Values and gradients within the contract, the level forced in a process of its own."""
    run_on_level(level, "rational.this_level")
