"""The group rational on every CPU level."""

from __future__ import annotations

import pytest

from kit.levels import LEVELS
from kit.processes import run_script


@pytest.mark.parametrize("level", LEVELS)
def test_level(level: str) -> None:
    """Values and gradients within the contract, the level forced in a process of its own."""
    from longtail import _native

    available = _native.available_cpu_levels()
    if level not in available:
        pytest.skip(f"this CPU, or this build, has only {', '.join(available)}")
    output = run_script("rational.this_level", LONGTAIL_CPU_LEVEL=level)
    assert output.split()[0] == level
