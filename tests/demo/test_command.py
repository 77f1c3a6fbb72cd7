"""`longtail demo` and `longtail bench` as a user meets them, mistakes included."""

import argparse
import importlib.util
import json
import os
import re
import sys

import pytest

from longtail import demos, report
from longtail.cli import bench, demo
from longtail.demos import data
from longtail.demos.measuring import Bar
from longtail.report import page


def parse(module, *words):
    parser = argparse.ArgumentParser(prog="longtail")
    module.add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def small_family(monkeypatch):
    """A family with one part that works and one whose data is missing."""

    def missing(stage):
        raise data.MissingDataError("x==1 is not installed. Install it with: pip install 'x==1'")

    module = type(sys)("small_family")

    def works(stage):
        return demos.Finding(
            today=[report.Fact("1 s", "by others")],
            ours=[report.Fact("2 s", "by us")],
            pictures=[],
            bars=[Bar("speed", 0.5, 1.0)],
            details=[report.Text(f"quick is {stage.quick}")],
        )

    module.TITLE, module.PROBLEM, module.BUDGET = "Small", "A problem.", (1.0, 0.5)
    module.PARTS = (
        demos.Part("Works", works),
        demos.Part("Missing", missing),
    )
    monkeypatch.setitem(sys.modules, "small_family", module)
    monkeypatch.setitem(demos.FAMILIES, "small", "small_family")
    return module


def test_demo_goes_on_after_a_part_without_data(small_family, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    status = demo.run(parse(demo, "--only", "small", "--quick", "--out", str(tmp_path / "r")))
    said = capsys.readouterr().out
    assert status == 1
    assert "skipped: Missing: x==1 is not installed. Install it with: pip install 'x==1'" in said
    assert said.strip().endswith(f"Report: {(tmp_path / 'r' / 'index.html').resolve()}")
    html = (tmp_path / "r" / "index.html").read_text(encoding="utf-8")
    assert "quick is True" in html and "Skipped: <strong>Missing</strong>. x==1" in html
    (told,) = json.loads((tmp_path / "r" / "manifest.json").read_text(encoding="utf-8"))["sections"]
    assert told["bars"] == {"met": 0, "missed": 1} and told["seconds"]["budget"] == 0.5
    assert "0 met, <strong>1 missed</strong>" in html and "MISSED" in said


def test_data_that_nobody_fetched_are_no_failure(small_family, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("LONGTAIL_CACHE", str(tmp_path / "empty"))

    def unfetched(stage):
        data.Package("no-such-package", "1.0", heavy=True).read("file")

    small_family.PARTS = (small_family.PARTS[0], demos.Part("Unfetched", unfetched))
    assert demo.run(parse(demo, "--only", "small", "--quick", "--out", str(tmp_path / "r"))) == 0
    left = "Unfetched: no-such-package==1.0 is not there: longtail demo --fetch"
    said = capsys.readouterr().out
    assert f"left out: {left}" in said and "skipped" not in said


def test_demo_says_what_to_install(monkeypatch, tmp_path, capsys):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else real(name)
    )
    assert demo.run(parse(demo, "--out", str(tmp_path / "r"))) == 2
    said = capsys.readouterr().out
    assert "matplotlib" in said and "pip install 'longtail[demo]'" in said
    assert not (tmp_path / "r").exists()


def test_demo_refuses_a_file_as_folder(small_family, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert demo.run(parse(demo, "--only", "small", "--out", str(blocked))) == 2
    assert "--out: cannot make the folder" in capsys.readouterr().out


def test_demo_names_the_families_it_knows(capsys):
    with pytest.raises(SystemExit) as exit_info:
        parse(demo, "--only", "nothing")
    assert exit_info.value.code == 2
    assert "bessel" in capsys.readouterr().err


def test_fetch_reports_pips_reason(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("LONGTAIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "FETCHED", (data.Package("longtail-no-such-package", "0.0.0"),))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert demo.run(parse(demo, "--fetch")) == 2
    assert "pip could not download them: ERROR: No matching" in capsys.readouterr().out


def test_bench_outside_a_checkout_says_where_to_run(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert bench.run(parse(bench, "bessel")) == 2
    assert "clone the repository" in capsys.readouterr().out


def test_bench_runs_the_script_of_the_family(monkeypatch, tmp_path, capfd):
    peers = tmp_path / "bench" / "peers"
    peers.mkdir(parents=True)
    (peers / "toy.py").write_text("import sys; print('ran', sys.argv[1:]); sys.exit(3)")
    (peers / "_shared.py").write_text("")
    below = tmp_path / "deep"
    below.mkdir()
    monkeypatch.chdir(below)
    assert bench.run(parse(bench, "toy", "--bars")) == 3
    assert "ran ['--bars']" in capfd.readouterr().out
    assert bench.run(parse(bench, "toy", "--quick")) == 3
    assert "ran ['--quick']" in capfd.readouterr().out
    assert bench.run(parse(bench, "other")) == 2
    assert "got 'other', expected one of toy" in capfd.readouterr().out
    assert bench.run(parse(bench)) == 2
    assert bench.run(parse(bench, "toy", "--all")) == 2


def test_bench_goes_on_after_a_family_that_failed(monkeypatch, tmp_path, capfd):
    """And lists the bars of all."""
    for folder in ("bench/peers", "bench/accuracy", "bench/kit"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bench/peers/bad.py").write_text("import sys; sys.exit(1)")
    (tmp_path / "bench/peers/good.py").write_text("import sys; print('good', sys.argv[1:])")
    (tmp_path / "bench/accuracy/promises.py").write_text("print('accuracy')")
    (tmp_path / "bench/kit/bars.py").write_text("import sys; print('all bars', sys.argv[1:])")
    monkeypatch.chdir(tmp_path)
    assert bench.run(parse(bench, "--all", "--bars", "--name", "x")) == 1
    out, err = capfd.readouterr()
    lines = ["good ['--bars', '--name=x']", "accuracy", "all bars ['--name=x']"]
    assert out.splitlines() == lines
    assert err.endswith("bad\n")


def test_quick_demo_tells_all_families_in_the_same_beats(quick_report):
    html = (quick_report / "index.html").read_text(encoding="utf-8")
    sections = re.findall(r'<section id="(\w+)">(.*?)</section>', html, re.S)
    assert [name for name, _ in sections] == list(demos.FAMILIES)
    for name, told in sections:
        assert re.findall(r"<h3>(.*?)</h3>", told) == list(page.BEATS.values()), name
        assert told.count("<figure>") >= 1 and 'class="number"' in told, name
        # Every section has a part whose data come with the extra [test].
        for whose in ("today", "ours"):
            facts = re.search(rf'class="beat {whose}">.*?</dl>', told, re.S)
            assert facts and facts[0].count("<dd>") >= 1, (name, whose)
    alone = re.findall(r'<div class="picture" role="img" aria-label="([^"]*)">', html)
    assert len(alone) >= len(sections) and all(len(words) > 15 for words in alone)


def test_quick_demo_records_its_seconds(quick_report):
    content = json.loads((quick_report / "manifest.json").read_text(encoding="utf-8"))
    assert [each["name"] for each in content["sections"]] == list(demos.FAMILIES)
    for each in content["sections"]:
        took = each["seconds"]
        assert took["wall"] > 0 and took["cpu"] > 0 and took["budget"] == 12
        assert each["bars"]["met"] >= 1 or each["left_out"]
