"""The benchmark kit: turns, records, bars, the README's block, and peers in another process."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench.accuracy import promises  # noqa: E402
from bench.kit import (  # noqa: E402
    bars,
    environment,
    memory,
    readme,
    records,
    relative,
    report,
    runner,
    summary,
)
from bench.kit.records import Record  # noqa: E402


def record(provider: str, threads: int, median: float, case: str = "grid A") -> Record:
    return Record(
        *("bessel", "log_bessel_i", case, provider, threads, 1000, median, median * 0.9, median),
        max_error=1.25,
        median_error=0.25,
    )


def test_providers_take_turns() -> None:
    calls: list[str] = []

    def provider(name: str, repeats: int | None = None) -> runner.Provider:
        def seconds() -> float:
            calls.append(name)
            return 1e-6 * len(calls)

        return runner.Provider(name, seconds, 10, repeats=repeats)

    timings = runner.interleave([provider("a"), provider("b", repeats=1)], repeats=3)
    assert calls == ["a", "b", "a", "b", "a", "a"]
    assert timings[0].samples == pytest.approx([300, 500, 600])
    assert timings[0].percentile(50) == pytest.approx(500)
    kept = timings[1].record("bessel", "f", "case", (3.0, 0.5))
    assert (kept.repeats, kept.max_error, kept.provider) == (1, 3.0, "b")


def test_a_slow_provider_runs_once() -> None:
    calls: list[str] = []

    def provider(name: str, seconds: float) -> runner.Provider:
        return runner.Provider(name, lambda: calls.append(name) or seconds, 10)

    slow, fast = runner.interleave([provider("a", 5.0), provider("b", 1e-8)], 3, slow=4.0)
    assert calls == ["a", "b", "b", "b", "b"]
    assert slow.samples == pytest.approx([5e8]) and fast.samples == pytest.approx([1.0] * 3)


def test_growth_is_that_of_the_call() -> None:
    """Whatever the process had before: the second allocation is as large as the first."""
    for _ in range(2):
        assert 63 < memory.growth(lambda: np.ones(8 << 20)) < 70


def test_notes_stand_last(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [record("a", 1, 2.0), record("b", 1, 4.0)]
    rows[1].extra["note"] = "8 iterations"
    report.show(rows, 2.0)
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.endswith(" 0.25") and second.endswith("  8 iterations")


def test_records_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bessel-cpu-x.jsonl"
    rows = [record("longtail", 1, 5.0), record("scipy", 1, 200.0)]
    records.write(path, {"kind": "environment", "cpu": "some"}, rows)
    block, read = records.read(path)
    assert block["cpu"] == "some"
    assert read == rows


def test_newest_file_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    assert records.newest("bessel") is None
    for name, date in (("a", "2026-01-02"), ("b", "2025-12-31")):
        block = {"kind": "environment", "date": date}
        records.write(tmp_path / f"bessel-cpu-{name}.jsonl", block, [])
    newest = records.newest("bessel")
    assert newest is not None and newest.name == "bessel-cpu-a.jsonl"


def test_readme_shows_one_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the bars, though others are newer; those are beside it."""
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    for name, date, value in ((records.REFERENCE, "2026-01-01", 3), ("b", "2026-01-02", 1)):
        block = {"kind": "environment", "date": date, "cpu": f"cpu {name}"}
        of_both = [bars.Bar("fast", value, 2)]
        records.write(records.path_of("bessel", name), block, [], of_both)
    records.write(records.path_of("vmf", "b"), block, [], of_both)
    assert records.shown("bessel") == records.path_of("bessel", records.REFERENCE)
    assert records.shown("vmf") == records.path_of("vmf", "b")
    assert records.other_machines() == {"b": "cpu b"}
    table = bars.table(records.all_bars(), {"cpu b": records.all_bars("b"), "cpu c": {}})
    assert "| bessel | 1 of 1 | 0 of 1 | - | - |" in table


def test_bars() -> None:
    assert bars.Bar("ratio", 25.0, 25).met
    assert not bars.Bar("ratio", 24.9, 25).met
    assert bars.Bar("error", 4.0, 4, at_most=True).met
    assert not bars.Bar("error", 4.1, 4, at_most=True).met


def test_bars_say_met_or_missed(capsys: pytest.CaptureFixture[str]) -> None:
    assert not bars.show_bars([bars.Bar("a", 2, 1), bars.Bar("b", 2, 3)])
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith(": met") and second.endswith(": MISSED")


def test_readme_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    monkeypatch.setattr(readme, "IMAGES", tmp_path / "images")
    rows = [record("longtail", 1, 5.0), record("longtail", 2, 2.5), record("scipy", 1, 200.0)]
    block = {**environment.environment(("numpy",)), "date": "2026-01-01", "floor_ns": 0.8}
    records.write(tmp_path / "bessel-cpu-x.jsonl", block, rows)
    file = tmp_path / "README.md"
    file.write_text("before\n<!-- bench:bessel -->\nold\n<!-- /bench -->\nafter\n")
    assert readme.main(["--check", "--file", str(file)]) == 1
    assert readme.main(["--file", str(file)]) == 0
    text = file.read_text()
    assert "old" not in text and text.startswith("before\n") and text.endswith("after\n")
    assert "| `log_bessel_i` | grid A | 5 (1.2) | 2.5 (1.2) | 200 (1.2) |" in text
    assert (tmp_path / "images/bench_bessel.svg").read_text().startswith("<?xml")
    assert readme.main(["--check", "--file", str(file)]) == 0


def test_readme_tables_of_relative_errors() -> None:
    """Times by task and threads, then sums and what is kept; without those, times alone."""
    rows = [
        Record(*("rational", "f", "c", name, threads, 10), *(t, t, t), repeats=3, max_error=error)
        for name, threads, t, error in (("floor", 1, 0.25, None), ("ours", 1, 0.5, 2e-7))
    ]
    block = environment.environment(("numpy",))
    text = relative.table(block, rows)
    assert "| f | c | 1 | 0.25 | 0.5 (2.0e-07) |" in text
    assert "coefficient" not in text and "Kept" not in text
    rows[1].extra["saved"] = 1.0
    sums = {"d_numerator": 1e-7, "d_denominator": 2e-6}
    bits = {"repeats_bit_equal": False, "threads_bit_equal": None}
    rows.append(Record(*("rational", "g", "c", "atomics", 2, 10, 0.0, 0.0, 0.0)))
    rows[-1].extra = {**sums, **bits}
    text = relative.table(block, rows)
    assert "| atomics | 1.0e-07 | 2.0e-06 | no | - |" in text
    assert "in sizes of x: ours 1.0." in text and "| g |" not in text


def test_peer(tmp_path: Path) -> None:
    script = tmp_path / "peer.py"
    script.write_text(
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    n = json.loads(line)['n']\n"
        "    print(json.dumps({'twice': 2 * n} if n else {'error': 'zero'}), flush=True)\n"
    )
    peer = runner.Peer(sys.executable, str(script))
    assert peer.ask(n=4) == {"twice": 8}
    with pytest.raises(RuntimeError, match="zero"):
        peer.ask(n=0)
    peer.close()


def test_environment_block() -> None:
    block = environment.environment(("numpy", "no-such-package"))
    assert block["cores"] >= 1 and block["versions"]["no-such-package"] == "absent"
    assert environment.copy_bandwidth(megabytes=1, repeats=2) > 1e8


def stored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two families with bars: one met, one missed; the second is local."""
    monkeypatch.setattr(records, "RESULTS", folder)
    block = {"kind": "environment", "date": "2026-01-01", "cpu": "some", "cores": 2}
    row = record("longtail", 1, 5.0)
    path = records.path_of("bessel", "x")
    records.write(path, block, [row, record("scipy", 1, 200.0)], [bars.Bar("fast", 3, 2)])
    records.write(records.path_of("vmf", records.LOCAL), block, [row], [bars.Bar("slow", 1, 2)])


def test_bars_are_stored_with_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, monkeypatch)
    path = records.path_of("bessel", "x")
    assert records.read_bars(path) == [bars.Bar("fast", 3, 2)]
    assert len(records.read(path)[1]) == 2
    assert records.all_bars() == {"bessel": [bars.Bar("fast", 3, 2)]}
    assert records.all_bars("local") == {"vmf": [bars.Bar("slow", 1, 2)]}
    assert records.all_bars("nonsense") == {}
    records.replace_bars(path, [bars.Bar("fast", 1, 2)])
    assert records.read_bars(path) == [bars.Bar("fast", 1, 2)]
    assert len(records.read(path)[1]) == 2


def test_all_bars_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(tmp_path, monkeypatch)
    assert bars.main([]) == 0
    assert "1 bars: 1 met, 0 missed" in capsys.readouterr().out
    assert bars.main(["--name", "local"]) == 1
    assert "1 bars: 0 met, 1 missed" in capsys.readouterr().out
    assert bars.main(["--name", "nonsense"]) == 2
    assert "| vmf | 0 of 1 | slow: 1 (>= 2) |" in bars.table(records.all_bars("local"))


def test_a_bar_that_is_no_number_is_missed() -> None:
    assert not bars.Bar("tests that fail", float("nan"), 0, at_most=True).met


def test_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fastest rival stands there, also where it is faster than ours."""
    stored(tmp_path, monkeypatch)
    row = summary.Row("bessel", "small orders", "log_bessel_i", "grid A", "longtail", ("scipy",))
    assert "| small orders | 5 us | scipy, 200 us | 40 | 1.2 eps | 1.2 eps |" in summary.table(
        [row]
    )


def test_promises_name_tests() -> None:
    """Files that are there; what a run of pytest came to is read from its report."""
    for files in promises.PROMISES.values():
        for file in files:
            assert (ROOT / "tests" / file).exists(), file


def test_promises_are_counted(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="7" failures="1" errors="1" skipped="2"/></testsuites>'
    )
    assert promises.counts(report) == (5, 2)
