"""Fresh environments in which a wheel is installed and tried."""

from __future__ import annotations

from pathlib import Path

from .build import run

SMOKE = Path(__file__).parent / "smoke.py"


def install(wheel: Path, interpreter: str, torch: str, folder: Path) -> Path:
    """The Python of a new environment with the wheel and the torch of this requirement."""
    run(interpreter, "-m", "venv", "--clear", folder)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", torch, wheel)
    return python


def try_out(python: Path) -> str:
    """What smoke.py and ``longtail doctor`` print there; ends the program if one of them fails.

    From the environment's folder and with -I: this checkout's package must not be found.
    """
    folder = python.parents[1]
    lines = run(python, "-I", SMOKE, cwd=folder)
    return lines + run(python, "-I", "-m", "longtail", "doctor", cwd=folder)
