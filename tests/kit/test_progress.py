"""progress=False, True or a callable."""

from __future__ import annotations

import sys

import pytest

from longtail._progress import progress_report


def _work(progress: object) -> None:
    with progress_report(progress, "counting") as report:
        for k in range(3):
            report(k + 1, 3, f"at {k}")


def test_false_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    _work(False)
    assert capfd.readouterr() == ("", "")


def test_callable_gets_every_step() -> None:
    calls: list[tuple[int, int, str]] = []
    _work(lambda *step: calls.append(step))
    assert calls == [(1, 3, "at 0"), (2, 3, "at 1"), (3, 3, "at 2")]


def test_plain_text_without_rich(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    _work(True)
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "counting: 1/3 at 0" and lines[-1] == "counting: 3/3 at 2"


def test_rich_writes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    _work(True)
    out, err = capfd.readouterr()
    assert out == "" and "counting" in err and "at 2" in err


@pytest.mark.parametrize("wrong", [None, 1, "yes"])
def test_wrong_type(wrong: object) -> None:
    with pytest.raises(TypeError, match="progress must be False, True or a callable"):
        _work(wrong)
