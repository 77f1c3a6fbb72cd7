"""The pieces of the multigrid demo that solve: matrix, solvers, surveys, fits."""

import importlib.util
import io
import math

import pytest
import torch

from longtail import report
from longtail.demos import Stage
from longtail.demos.console import PlainConsole
from longtail.demos.multigrid import darcy as flow
from longtail.demos.multigrid import inverse, recovery, solvers
from longtail.demos.multigrid.inverse import SMOOTH, TWO_PHASES, Check, Fit, Look, Survey
from longtail.demos.multigrid.solvers import CG, OURS, PYAMG, SUPERLU, Solved


def figures(found):
    """All of them, pairs and details too."""
    flat = [
        each
        for block in (*found.pictures, *found.details)
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
    found = flow.run(Stage(True, PlainConsole(said)))
    assert [bar.met for bar in found.bars] == [True] * 4
    assert found.notes == [
        report.Note("PyAMG is not installed and was left out: pip install pyamg")
    ]
    tables = [block for block in found.details if isinstance(block, report.Table)]
    assert [row[0] for row in tables[0].rows] == [OURS, SUPERLU, CG]
    assert all(float(row[-1]) <= 1.1e-8 for table in tables for row in table.rows)
    assert len(found.today) == 2
    assert all(each.markup.startswith("<svg") for each in figures(found))
    assert len(figures(found)) == 3


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
    found = recovery.run(Stage(True, PlainConsole(said)))
    assert "a medium of two phases, 32 x 32" in said.getvalue()
    assert len(figures(found)) == 6
    assert all(each.markup.startswith("<svg") for each in figures(found))
    assert "cells of the right phase" in [bar.what for bar in found.bars]
    assert not any("nan" in fact.value for fact in (*found.today, *found.ours))
