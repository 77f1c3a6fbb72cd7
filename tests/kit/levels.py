"""Every CPU level of the library, each in a process of its own: the level is chosen once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from kit.processes import run_script

LEVELS = ("scalar", "avx2", "avx512", "neon")
#: Those and the ones that add dot products of bytes, for integer kernels.
DOT_LEVELS = (*LEVELS, "avx512vnni", "neondot")


def run_on_level(level: str, module: str, *arguments: str) -> None:
    """``python -m module`` with the level forced; skips where it cannot run, with the reason. The
    module prints the level that it ran on first."""
    from longtail import _native

    available = _native.available_cpu_levels()
    if level not in available:
        pytest.skip(f"this CPU, or this build, has only {', '.join(available)}")
    output = run_script(module, *arguments, LONGTAIL_CPU_LEVEL=level)
    assert output.split()[0] == level


def results_on_level(level: str, module: str, folder: Path) -> list[Tensor]:
    """``module.results()`` with the level forced, by way of a file in the folder; skips as
    run_on_level does."""
    file = folder / f"{level}.pt"
    run_on_level(level, "kit.save_results", module, str(file))
    results: list[Tensor] = torch.load(file)
    return results


class LevelChecks:
    """Subclass with ``specs_in = "module"`` that has the ops as ``SPECS``."""

    specs_in = ""

    @pytest.mark.parametrize("level", LEVELS)
    def test_level(self, level: str) -> None:
        """Values, border cases, positions and gradients on a forced level."""
        run_on_level(level, "kit.this_level", self.specs_in)

    def test_unknown_level(self) -> None:
        """A wrong name is an error, not another level."""
        with pytest.raises(AssertionError, match="LONGTAIL_CPU_LEVEL.*avx3.*scalar"):
            run_script("kit.this_level", self.specs_in, LONGTAIL_CPU_LEVEL="avx3")
