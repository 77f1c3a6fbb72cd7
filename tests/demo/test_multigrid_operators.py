"""The pieces of the multigrid demo that learn: data, baselines, operators, samples shown."""

import io
import subprocess
import sys
import zipfile

import pytest
import torch

from kit.installed import read
from longtail import report
from longtail.demos import Stage
from longtail.demos.console import PlainConsole
from longtail.demos.data import MissingDataError
from longtail.demos.multigrid import data, learning, mgno, pictures
from longtail.demos.multigrid.data import Pairs
from longtail.demos.multigrid.learning import FNO, MEAN, MGNO, NEAREST, Learnt


@pytest.mark.parametrize(
    ("part", "samples", "n"), [("train_16", 1000, 16), ("test_16", 50, 16), ("test_32", 50, 32)]
)
def test_darcy_is_whole(part, samples, n):
    held = read(data.darcy, part)
    assert held.a.shape == held.u.shape == (samples, n, n)
    assert held.a.unique().tolist() == [0, 1] and bool(held.u.isfinite().all())
    # The pressure is 0 outside, so that it is lower next to the sides than in the middle.
    mean = held.u.mean(0)
    assert float(mean[0].max()) < 0.5 * float(mean[n // 2, n // 2])
    pairs = Pairs.of(part)
    assert pairs.x.shape == (samples, 1, n, n) and pairs.x.unique().tolist() == [-1, 1]


def test_another_file_is_refused(monkeypatch, tmp_path):
    """A wheel of the right name with other bytes."""
    monkeypatch.setenv("LONGTAIL_CACHE", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "neuraloperator-0.3.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("neuralop/datasets/data/darcy_test_16.pt", b"other")
    monkeypatch.setattr(data.NEURALOPERATOR.__class__, "_installed", lambda self, path: None)
    with pytest.raises(MissingDataError, match="expected d2b19af9d4a6.*demo --fetch"):
        data.darcy.__wrapped__("test_16")


def test_section_of_operators_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("LONGTAIL_CACHE", str(tmp_path))
    monkeypatch.setattr(data.NEURALOPERATOR.__class__, "_installed", lambda self, path: None)
    data.darcy.cache_clear()
    try:
        with pytest.raises(MissingDataError, match="neuraloperator==0.3.0.*longtail demo --fetch"):
            mgno.run(Stage(True, PlainConsole(io.StringIO())))
    finally:
        data.darcy.cache_clear()


def test_reading_does_not_import_the_package():
    code = (
        "import sys; from longtail.demos.multigrid import data\n"
        "try: data.darcy('test_16')\n"
        "except data.MissingDataError: pass\n"
        "print(sorted({'neuralop', 'matplotlib', 'pyamg', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def pairs(count, seed):
    """u is a smoothed, so that there is something to learn."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 1, 16, 16, generator=generator).sign()
    y = torch.nn.functional.avg_pool2d(x + 2, 3, 1, 1)
    return Pairs(x, y)


def test_baselines():
    train = pairs(20, 0)
    test = Pairs(train.x[[4, 7]].clone(), train.y[[4, 7]])
    test.x[:, :, 0, 0] *= -1
    found = learning.baselines(train, test)
    assert torch.equal(found[NEAREST], test.y)
    torch.testing.assert_close(found[MEAN][1], train.y.mean(0))
    errors = learning.relative(2 * test.y, test.y)
    torch.testing.assert_close(errors, torch.ones(2))


def test_rate_rises_and_falls():
    rates = [learning.wave(i / 100) for i in range(101)]
    top = rates.index(max(rates))
    assert top == 30 and rates[top] == pytest.approx(1)
    assert 0 < rates[0] < 0.01 and abs(rates[-1]) < 1e-12
    assert rates[:31] == sorted(rates[:31]) and rates[30:] == sorted(rates[30:], reverse=True)


def test_both_get_the_same_time_and_learn(one_thread):
    train, test = pairs(100, 0), pairs(10, 1)
    made, turns = learning.networks(0), []
    before = {name: learning.Learner(each, train, 1.0, 1.0, 0) for name, each in made.items()}
    start = {name: each.learnt(test).error for name, each in before.items()}
    assert list(made) == [MGNO, FNO]
    learners = learning.learn(made, train, 1.0, 0, lambda each: turns.append(len(each)))
    for name, each in learners.items():
        assert 1.0 <= each.used < 1.5 and each.done == 1
        learnt = each.learnt(test)
        assert learnt.error < 0.5 * start[name], name
        assert learnt.epochs == pytest.approx(each.batches / 10)
    assert set(turns) == {2} and len(turns) >= 4


def test_bars_of_operators_can_be_missed():
    def verdicts(ours):
        errors = {MGNO: torch.tensor([ours]), FNO: torch.tensor([0.1])}
        learnt = {
            name: Learnt(torch.nn.Identity(), torch.zeros(1), each, 1.0, 1.0)
            for name, each in errors.items()
        }
        return [bar.met for bar in mgno.bars(learnt, {NEAREST: 0.4, MEAN: 0.5})]

    assert verdicts(0.09) == [True, True]
    assert verdicts(0.11) == [False, True]
    assert verdicts(0.3) == [False, False]


def test_section_of_operators(monkeypatch, one_thread):
    """Quick: no bar. Whole: both. The sizes that files have are stood in for."""
    pytest.importorskip("matplotlib")
    made = {"train_16": pairs(60, 0), "test_16": pairs(9, 1)}
    made["test_32"] = Pairs(*(each.repeat(1, 1, 2, 2) for each in made["test_16"]))
    monkeypatch.setattr(Pairs, "of", made.__getitem__)
    monkeypatch.setattr(mgno, "QUICK", 0.4)
    monkeypatch.setattr(mgno, "WHOLE", 0.4)
    said = io.StringIO()
    quick = mgno.run(Stage(True, PlainConsole(said)))
    assert "MgNO and FNO" in said.getvalue()
    assert quick.bars == [] and "Quick" in quick.details[-1].text
    whole = mgno.run(Stage(False, PlainConsole(said)))
    assert [bar.what for bar in whole.bars] == [
        "MgNO's error over FNO's",
        "MgNO's error over the nearest's",
    ]
    shown = [each for each in (*quick.pictures, *quick.details) if isinstance(each, report.Figure)]
    assert [each.caption.split(" sample")[0] for each in shown[:2]] == [
        "The median",
        "The worst",
    ]
    assert any(
        isinstance(block, report.Text) and "do not transfer across resolutions" in block.text
        for block in quick.details
    )


def test_samples_shown_are_those_that_are_named():
    errors = torch.tensor([0.5, 0.1, 0.9, 0.3, 0.2])
    predicted = torch.zeros(5, 1, 4, 4)
    learnt = {
        name: Learnt(torch.nn.Identity(), predicted, each, 1.0, 1.0)
        for name, each in ((MGNO, errors), (FNO, errors.flip(0)))
    }
    asked = []

    def sample(test, learnt, index, what):
        asked.append((index, what))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "sample", sample)
        mgno._samples(Pairs(predicted, predicted), learnt)
    assert asked == [(3, "median"), (2, "worst")]
