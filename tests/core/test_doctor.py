"""The command line and its doctor."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import longtail
from longtail import _native
from longtail.cli import doctor, main


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "longtail", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def lines_of(title: str) -> dict[str, doctor.Line]:
    sections = dict(doctor.collect())
    return {line.name: line for line in sections[title]}


def test_report_is_plain_when_not_a_terminal():
    result = run("doctor")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "\x1b" not in result.stdout
    for expected in (longtail.__version__, "liblongtail.so", "loaded from", "torch threads"):
        assert expected in result.stdout


def test_report_names_levels_and_build():
    cpu = lines_of("CPU")
    assert cpu["level in use"].value.split()[0] in _native.available_cpu_levels()
    package = lines_of("longtail")
    assert package["native build"].mark == "ok"
    assert "-ffp-contract=off" in package["flags"].value
    assert package["CUDA build"].value == _native.build_info()["cuda"]


def test_unusable_level_is_a_failure():
    result = run("doctor", LONGTAIL_CPU_LEVEL="sse9")
    assert result.returncode == 1
    assert "[fail]" in result.stdout
    assert "sse9" in result.stdout


def test_absent_cuda_library_is_no_failure():
    result = run("doctor", LONGTAIL_DISABLE_CUDA="1")
    assert result.returncode == 0
    assert "liblongtail_cuda.so     not in use" in result.stdout


def test_broken_library_is_reported_not_raised(monkeypatch, capsys):
    def broken() -> list[doctor.Line]:
        raise ImportError("liblongtail.so: no such file")

    monkeypatch.setattr(doctor, "_libraries", broken)
    assert main(["doctor"]) == 1
    assert "[fail] ImportError: liblongtail.so: no such file" in capsys.readouterr().out


def test_hint_about_huge_pages(monkeypatch):
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    assert "THP_MEM_ALLOC_ENABLE=1" in lines_of("threads and memory")["huge pages"].value
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", "1")
    assert lines_of("threads and memory")["huge pages"].mark == "ok"


@pytest.mark.parametrize(("api", "mark"), [(12080, "warn"), (13000, "ok"), (13020, "ok")])
def test_driver_check(monkeypatch, api, mark):
    class Driver:
        def cuDriverGetVersion(self, version):  # noqa: N802  (the CUDA driver's name)
            version._obj.value = api
            return 0

    monkeypatch.setattr("ctypes.CDLL", lambda name: Driver())
    line = doctor._driver()
    assert line.mark == mark
    assert ("580" in line.value) == (mark == "warn")


def test_rich_report_on_a_terminal(monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main(["doctor"]) == 0
    assert longtail.__version__ in capsys.readouterr().out


def test_version():
    result = run("--version")
    assert result.stdout.strip() == f"longtail {longtail.__version__}"


@pytest.mark.parametrize("arguments", [(), ("dctor",), ("doctor", "--fast"), ("doctor", "now")])
def test_bad_command_lines(arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert "usage: longtail" in result.stderr
    assert "Traceback" not in result.stderr
