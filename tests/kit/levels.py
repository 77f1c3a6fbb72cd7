"""Every CPU level of the library, each in a process of its own: the level is chosen once."""

from __future__ import annotations

import pytest

from kit.processes import run_script

LEVELS = ("scalar", "avx2", "avx512", "neon")


class LevelChecks:
    """Subclass with ``specs_in = "module"`` that has the ops as ``SPECS``."""

    specs_in = ""

    @pytest.mark.parametrize("level", LEVELS)
    def test_level(self, level: str) -> None:
        """Values, border cases, positions and gradients on a forced level."""
        from longtail import _native

        available = _native.available_cpu_levels()
        if level not in available:
            pytest.skip(f"this CPU, or this build, has only {', '.join(available)}")
        output = run_script("kit.this_level", self.specs_in, LONGTAIL_CPU_LEVEL=level)
        assert output.split()[0] == level

    def test_unknown_level(self) -> None:
        """A wrong name is an error, not another level."""
        with pytest.raises(AssertionError, match="LONGTAIL_CPU_LEVEL.*avx3.*scalar"):
            run_script("kit.this_level", self.specs_in, LONGTAIL_CPU_LEVEL="avx3")
