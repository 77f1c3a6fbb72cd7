"""The pieces of the multigrid demo: matrix, solvers, surveys, fits, operators, pictures."""

import importlib.util
import io
import math
import subprocess
import sys
import zipfile

import pytest
import torch

from longtail import report
from longtail.demos import Stage, measuring
from longtail.demos.console import PlainConsole
from longtail.demos.data import MissingDataError
from longtail.demos.multigrid import darcy as flow
from longtail.demos.multigrid import data, inverse, learning, mgno, pictures, recovery, solvers
from longtail.demos.multigrid.data import Pairs
from longtail.demos.multigrid.inverse import SMOOTH, TWO_PHASES, Check, Fit, Look, Survey
from longtail.demos.multigrid.learning import FNO, MEAN, MGNO, NEAREST, Learnt
from longtail.demos.multigrid.solvers import CG, OURS, PYAMG, SUPERLU, Solved


@pytest.fixture
def one_thread():
    with measuring.one_thread():
        yield


def read(part):
    try:
        return data.darcy(part)
    except MissingDataError as missing:
        pytest.skip(str(missing))


def figures(blocks):
    """All of them, pairs too."""
    flat = [
        each
        for block in blocks
        for each in (block.figures if isinstance(block, report.Figures) else [block])
    ]
    return [each for each in flat if isinstance(each, report.Figure)]


def test_matrix_is_the_operator():
    given = solvers.problem(9, 1000.0, 3)
    assert sorted(given.a.unique().tolist()) == [3.0, 3000.0]
    u = torch.randn(9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    product = torch.from_numpy(given.matrix @ u.flatten().numpy()).view(9, 9)
    torch.testing.assert_close(product, given.op(u), rtol=1e-13, atol=1e-9)


@pytest.mark.parametrize("contrast", [4.0, 1000.0])
def test_everybody_solves_the_same_problem(one_thread, contrast):
    given = solvers.problem(31, contrast, 0)
    seen = []
    found = solvers.solve_by_all(given, lambda name, each: seen.append(name))
    assert list(found) == seen and {OURS, SUPERLU, CG} <= set(found)
    exact = found[SUPERLU].solution
    for name, each in found.items():
        assert each.residual <= 1.1 * solvers.TOLERANCE, name
        assert each.setup > 0 and each.solve > 0
        assert float((each.solution - exact).norm() / exact.norm()) < 1e-5, name
    assert (PYAMG in found) is (importlib.util.find_spec("pyamg") is not None)


def test_residuals_cycle_by_cycle(one_thread):
    given = solvers.problem(31, 4.0, 0)
    alone = solvers.cycles(given, 40)
    assert alone[0] == 1 and alone[-1] <= solvers.TOLERANCE < alone[-2]
    assert 0.02 < solvers.factor(alone) < 0.3
    assert len(solvers.cycles(given, 3)) == 4
    count = solvers.solve_by_all(given, lambda name, each: None)[OURS].iterations
    helped = solvers.preconditioned(given, count)
    assert len(helped) == count + 1 and helped[-1] <= solvers.TOLERANCE < helped[-2]


def test_factor_is_of_all_but_the_first_cycle():
    assert solvers.factor([1.0, 3.0, 0.3, 0.03]) == pytest.approx(0.1)


def test_flux_of_a_known_pressure():
    """-a grad u of u = sin(pi y) sin(2 pi x), up to h^2 inside and at the sides."""
    n = 200
    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    u = torch.sin(math.pi * x)[:, None] * torch.sin(2 * math.pi * x)
    given = solvers.problem(n, 1.0, 0)
    down, right = solvers.flux(given, u)
    exact_down = -3 * math.pi * torch.cos(math.pi * x)[:, None] * torch.sin(2 * math.pi * x)
    exact_right = -6 * math.pi * torch.sin(math.pi * x)[:, None] * torch.cos(2 * math.pi * x)
    torch.testing.assert_close(down, exact_down, rtol=0, atol=0.02)
    torch.testing.assert_close(right, exact_right, rtol=0, atol=0.02)


def test_section_of_solvers(monkeypatch, one_thread):
    """Without PyAMG: one line says what brings it, and the rest is there."""
    pytest.importorskip("matplotlib")
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pyamg" else real(name)
    )
    monkeypatch.setattr(flow, "QUICK", ((31, 4.0), (15, 1000.0)))
    said = io.StringIO()
    blocks = flow.run(Stage(True, PlainConsole(said)))
    assert "pip install pyamg" in said.getvalue() and "MISSED" not in said.getvalue()
    assert blocks[-1] == report.Note("PyAMG is not installed and was left out: pip install pyamg")
    tables = [block for block in blocks if isinstance(block, report.Table)]
    assert [row[0] for row in tables[0].rows] == [OURS, SUPERLU, CG]
    assert all(float(row[-1]) <= 1.1e-8 for table in tables[:2] for row in table.rows)
    assert all(each.markup.startswith("<svg") for each in figures(blocks))
    assert len(figures(blocks)) == 3


def test_bars_of_solvers_can_be_missed():
    def study(iterations, residual):
        given = solvers.problem(7, 4.0, 0)
        ours = Solved(1.0, 1.0, iterations, residual, given.a)
        made = flow.Study.__new__(flow.Study)
        made.problem, made.found = given, {OURS: ours}
        return made

    assert [bar.met for bar in flow.bars([study(12, 1e-8)])] == [True, True]
    assert [bar.met for bar in flow.bars([study(13, 1.1e-8)])] == [False, False]


@pytest.mark.parametrize("kind", [SMOOTH, TWO_PHASES], ids=lambda kind: kind.title)
def test_readings_are_the_truth_and_noise(one_thread, kind):
    known = inverse.survey(kind, 48, 1)
    points = round(inverse.SHARE * 48 * 48)
    assert known.readings.shape == (len(inverse.WELLS), points)
    assert len(known.at.unique()) == points
    off = (known.readings - known.pressures.flatten(1)[:, known.at]) / known.deviation
    assert 0.9 < float(off.std()) < 1.1 and abs(float(off.mean())) < 0.15
    # 1 is the noise; what the grid's own error adds is less.
    assert 0.8 < float(known.misfit(known.truth)) < 2
    assert known.error(known.truth) == 0
    assert known.error(known.truth.mean().expand(48, 48)) == pytest.approx(1)
    again = inverse.survey(kind, 48, 1)
    assert torch.equal(again.readings, known.readings)


def test_waves_are_orthogonal_and_of_variance_one():
    waves = inverse.Waves(12, 1.0)
    products = waves.cosines.T @ waves.cosines / 12
    torch.testing.assert_close(products, torch.eye(12, dtype=torch.float64), rtol=0, atol=1e-13)
    field = waves(torch.ones(12, 12, dtype=torch.float64), torch.tensor(5.0))
    assert float((field - 5).square().mean()) == pytest.approx(1)


def test_total_variation_of_a_step():
    log_a = torch.zeros(400, 400, dtype=torch.float64)
    log_a[:, 200:] = 3
    # The height times the length, and the rounding of what is flat.
    assert float(inverse.total_variation(log_a)) == pytest.approx(3 + 0.01 * 399, rel=0.01)


def test_gradient_is_that_of_differences(one_thread):
    checked = inverse.check(inverse.survey(SMOOTH, 24, 0))
    assert checked.difference < 1e-6
    assert checked.solve > 0 and checked.gradient > 0


def test_check_sees_a_wrong_gradient(one_thread, monkeypatch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return 1.01 * gradient

    real = Survey.misfit
    monkeypatch.setattr(Survey, "misfit", lambda self, log_a: real(self, Wrong.apply(log_a)))
    found = inverse.check(inverse.survey(SMOOTH, 24, 0)).difference
    assert found == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("kind", [SMOOTH, TWO_PHASES], ids=lambda kind: kind.title)
def test_fit_recovers_what_it_was_not_told(one_thread, kind):
    known, looks = inverse.survey(kind, 48, 0), []
    fit = inverse.fit(kind, known, 8, looks.append)
    assert looks == fit.way[1:] and fit.way[0].gradients == 0
    assert fit.way[-1].error < 0.4 < fit.way[0].error
    assert fit.way[-1].misfit < 0.01 * fit.way[0].misfit
    assert fit.way[-1].error == pytest.approx(known.error(fit.log_a))


def test_phases_are_counted():
    high = inverse.PHASES[1]
    truth = torch.tensor([[0.0, 0.0, 0.0], [high, 0.0, high]], dtype=torch.float64)
    known = Survey(truth, *[torch.zeros(1)] * 5)
    assert recovery.larger_phase(known) == pytest.approx(4 / 6)
    assert recovery.right_phase(known, truth) == 1
    assert recovery.right_phase(known, torch.full_like(truth, 0.6 * high)) == pytest.approx(2 / 6)


def test_bars_of_recovery_can_be_missed():
    truth = torch.tensor([[0.0, inverse.PHASES[1]]], dtype=torch.float64)
    known = Survey(truth, *[torch.zeros(1)] * 5)

    def verdicts(difference, error, log_a):
        fit = Fit(log_a, [Look(9, 1.0, error)])
        found = {SMOOTH: (known, fit), TWO_PHASES: (known, fit)}
        return [bar.met for bar in recovery.bars(Check(difference, 1.0, 1.0), found)]

    assert verdicts(1e-6, 0.05, truth) == [True] * 4
    assert verdicts(1e-4, 0.5, 1 + 0 * truth) == [False] * 4


def test_section_of_recovery(monkeypatch, one_thread):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(recovery, "QUICK", (32, 3))
    said = io.StringIO()
    blocks = recovery.run(Stage(True, PlainConsole(said)))
    assert "a medium of two phases, 32 x 32" in said.getvalue()
    assert len(figures(blocks)) == 6
    assert all(each.markup.startswith("<svg") for each in figures(blocks))
    html = report.render(report.Report("T", "S", [report.Section("P", blocks)]))
    assert "cells of the right phase" in html and ">nan<" not in html


@pytest.mark.parametrize(
    ("part", "samples", "n"), [("train_16", 1000, 16), ("test_16", 50, 16), ("test_32", 50, 32)]
)
def test_darcy_is_whole(part, samples, n):
    held = read(part)
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
    assert isinstance(quick[-1], report.Note) and "Quick" in quick[-1].text
    assert "MgNO and FNO" in said.getvalue() and "met" not in said.getvalue()
    whole = mgno.run(Stage(False, PlainConsole(said)))
    assert [row[0] for row in whole[-1].rows] == [
        "MgNO's error over FNO's",
        "MgNO's error over the nearest's",
    ]
    assert [each.caption.split(" sample")[0] for each in figures(quick)[:2]] == [
        "The median",
        "The worst",
    ]
    assert any(
        isinstance(block, report.Text) and "do not transfer across resolutions" in block.text
        for block in quick
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
