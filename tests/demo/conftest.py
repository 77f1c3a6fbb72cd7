"""The report of a whole quick demo, made once."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def quick_report(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder that `longtail demo --quick` leaves: LONGTAIL_DEMO_REPORT where .ci/run has made
    it already, else made here, as a process that has nothing to say on stderr."""
    if made := os.environ.get("LONGTAIL_DEMO_REPORT"):
        return pathlib.Path(made)
    for name in ("matplotlib", "scipy"):
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("report")
    code = "import sys; from longtail.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "demo", "--quick", "--out", str(folder)],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == ("skipped" in done.stdout), done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == f"Report: {(folder / 'index.html').resolve()}"
    return folder
