"""The installed CMake package: build, install, and use it from a project outside the tree.

Builds the C++ core afresh, which takes a while; LONGTAIL_CPP_BUILD names a finished build folder
to install from instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path) -> str:
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def cmake_version() -> tuple[int, ...]:
    """Of the cmake that would run; () where there is none."""
    if shutil.which("cmake") is None:
        return ()
    return tuple(map(int, run("cmake", "--version").split()[2].split(".")[:2]))


@pytest.mark.skipif(cmake_version() < (3, 26), reason="cmake >= 3.26 is not installed")
def test_find_package_and_run(tmp_path):
    build = os.environ.get("LONGTAIL_CPP_BUILD")
    if build is None:
        build = str(tmp_path / "core")
        run("cmake", "-S", ROOT, "-B", build, "-DLONGTAIL_PYTHON=OFF")
        run("cmake", "--build", build, "--parallel", "2", "--target", "longtail_core")
    prefix = tmp_path / "prefix"
    run("cmake", "--install", build, "--component", "cpp", "--prefix", prefix)
    # Headers of the Python layers stay at home.
    headers = {path.parent.name for path in prefix.rglob("*.h")}
    rooms = {folder.name for folder in (ROOT / "csrc").iterdir() if folder.is_dir()}
    assert headers == rooms - {"torch", "numpy"}

    consumer = tmp_path / "consumer"
    here = Path(__file__).parent
    run("cmake", "-S", here, "-B", consumer, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", consumer)
    message = run(consumer / "consumer")
    assert "argument `v` is of length 3, expected of length 1 or that of out, 2" in message
