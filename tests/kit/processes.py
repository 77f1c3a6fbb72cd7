"""Other Python processes for checks that need one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_TESTS = str(Path(__file__).parent.parent)


def environment(**variables: str) -> dict[str, str]:
    """This process's environment with tests/ and the same longtail on the path."""
    path = os.pathsep.join([_TESTS, *(entry for entry in sys.path if entry)])
    return {**os.environ, "PYTHONPATH": path, **variables}


def run_script(module: str, *arguments: str, timeout: float = 240, **variables: str) -> str:
    """``python -m module arguments`` with environment variables; its output, or a failure."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"{module} {arguments} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_code(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


def printed(code: str, **variables: str) -> Any:
    """What code prints in a fresh interpreter, as JSON."""
    done = run_code(code, **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
