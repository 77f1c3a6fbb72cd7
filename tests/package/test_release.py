"""The steps of tools/make-wheel on what is installed, and the places that name the version."""

from __future__ import annotations

import re
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import longtail
from longtail import _library

ROOT = Path(__file__).parents[2]
NAME = f"longtail-{longtail.__version__}-cp310-abi3-{{}}_x86_64.whl"

Tool = Callable[[str], Any]


@pytest.fixture
def libraries(tool: Tool) -> list[Path]:
    """The installed libraries; the one for CUDA only where it was built."""
    found = map(_library.find_library, tool("release.checks").LIBRARIES)
    return [path for path in found if path is not None]


def pack(wheel: Path, libraries: list[Path], *others: str) -> Path:
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in libraries:
            archive.write(path, f"longtail/{path.name}")
        for name in others:
            archive.writestr(name, "")
    return wheel


def failures(checks: Any) -> set[str]:
    return {name for name, good, _ in checks if not good}


def test_version_is_one():
    """A release has a date in CHANGELOG.md and CITATION.cff; between releases neither has."""
    heading = re.search(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert heading is not None
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [longtail.__version__]
    released = re.findall(r"^date-released: (\d{4}-\d\d-\d\d)$", citation, re.MULTILINE)
    if released:
        assert heading[1] == f"{longtail.__version__} ({released[0]})"
    else:
        assert heading[1] == f"Unreleased ({longtail.__version__})"


def test_installed_libraries(tool: Tool, libraries: list[Path]) -> None:
    assert {"liblongtail.so", "_native.abi3.so"} <= {path.name for path in libraries}
    for path in libraries:
        assert failures(tool("release.checks").check_library(path)) == set()


def test_wheel(tool: Tool, libraries: list[Path], tmp_path: Path) -> None:
    """A good one passes; what is missing, too much or promised to older systems is found."""
    checks = tool("release.checks")
    licenses = [f"longtail-1.dist-info/licenses/{name}" for name in checks.LICENSES]
    typing = ("longtail/py.typed", "longtail/_native.pyi", *licenses)
    for_cpu = [path for path in libraries if path.name != checks.CUDA_LIBRARY]
    wheel = pack(tmp_path / NAME.format("linux"), for_cpu, *typing)
    assert failures(checks.check_wheel(wheel, tmp_path, [])) == set()
    old = wheel.rename(tmp_path / NAME.format("manylinux_2_5"))
    too_new = {f"{path.name} system" for path in for_cpu}
    assert failures(checks.check_wheel(old, tmp_path, [])) == too_new
    wheel = tmp_path / NAME.format("win")
    pack(wheel, for_cpu[:1], typing[0], "longtail.libs/libgomp.so.1")
    missing = {"tag", "libraries", "has longtail/_native.pyi", "has LICENSE"}
    assert missing <= failures(checks.check_wheel(wheel, tmp_path, []))


def test_bad_library(tool: Tool, tmp_path: Path) -> None:
    """Needs Python and no torch but its unstable names; an RPATH, symbols, and too many seen."""
    library = tmp_path / "liblongtail.so"
    (tmp_path / "bad.cpp").write_text(
        "namespace at { void sum(); }\n"
        + "".join(f'extern "C" void shown_{k}() {{ at::sum(); }}\n' for k in range(40))
    )
    (tmp_path / "empty.c").write_text("")
    python = tmp_path / "libpython3.so"
    for command in (
        ["cc", "-shared", "-o", python, "-Wl,-soname,libpython3.so", tmp_path / "empty.c"],
        ["c++", "-shared", "-fPIC", "-o", library, tmp_path / "bad.cpp", "-Wl,--no-as-needed"]
        + [python, "-Wl,-rpath,/somewhere"],
    ):
        subprocess.run(command, check=True)
    wrong = ("needs", "has no RPATH", "is stripped", "exports", "ABI")
    found = failures(tool("release.checks").check_library(library))
    assert found == {f"liblongtail.so {what}" for what in wrong}


def test_architectures(tool: Tool) -> None:
    checks = tool("release.checks")
    released = checks.architectures_of("release")
    assert {"80-real", "90a-real", "90-virtual"} <= set(released)
    assert checks.architectures_of("80-real;90a-real") == ["80-real", "90a-real"]
    assert checks.architectures_of("none") == []
    assert checks.CUDA_LIBRARY not in checks.libraries_of([])
    assert checks.libraries_of(released) == list(checks.LIBRARIES)
    assert set(tool("release.build").COMPILED_IN) == set(checks.LIBRARIES)


def test_sums(tool: Tool, tmp_path: Path) -> None:
    for name in ("a.whl", "b.tar.gz"):
        (tmp_path / name).write_text(name)
    sums = tmp_path / "SHA256SUMS"
    tool("release.build").write_sums([tmp_path / "a.whl", tmp_path / "b.tar.gz"], sums)
    check = ["sha256sum", "--check", sums.name]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "a.whl").write_text("another")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 1


def test_smoke(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    smoke = tool("release.smoke")
    assert smoke.main() == 0
    monkeypatch.setitem(smoke.CASES, "rational", (smoke.rational, -1.0))
    assert smoke.main() == 1
