"""What bench/peers/multigrid.py compares: everybody solves the same problem."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench.kit import environment, readme, records, solvers  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.peers import _multigrid_cycle as cycle  # noqa: E402
from bench.peers import _multigrid_eager as eager  # noqa: E402
from bench.peers import _multigrid_krylov as krylov  # noqa: E402
from bench.peers import _multigrid_problems as problems  # noqa: E402
from bench.peers import _multigrid_rivals as rivals  # noqa: E402
from bench.peers import _multigrid_solve as solve  # noqa: E402
from bench.peers import multigrid  # noqa: E402
from longtail.cli import bench  # noqa: E402
from longtail.multigrid import diffusion_stencil, poisson_stencil  # noqa: E402

MADE = {problem.case: problem for problem in (make() for make in problems.TINY)}


@pytest.mark.parametrize("case", MADE)
def test_matrix_is_the_operator(case: str) -> None:
    problem = MADE[case]
    op = poisson_stencil(problem.sizes) if problem.a is None else diffusion_stencil(problem.a)
    x = torch.randn(problem.sizes, dtype=torch.float64)
    expected = op(x).numpy().ravel()
    np.testing.assert_allclose(problem.matrix @ x.numpy().ravel(), expected, rtol=1e-12, atol=1e-9)
    if problem.a is not None:
        assert set(problem.a.unique().tolist()) == {problems.LOW, problems.HIGH}


@pytest.mark.parametrize("name", rivals.RIVALS)
def test_all_solve_the_same(name: str) -> None:
    rival = rivals.RIVALS[name]
    if rival.package:
        pytest.importorskip(rival.package)
    for problem in filter(rival.takes, MADE.values()):
        found = rival.run(problem, 1)
        exact = np.linalg.solve(problem.matrix.toarray(), problem.right)
        assert problem.residual(found.x) <= problems.TOL
        np.testing.assert_allclose(found.x.ravel(), exact, rtol=0, atol=1e-7 * abs(exact).max())
        assert found.setup >= 0 and found.solve > 0
        direct = name in (rivals.OURS_DST, rivals.SCIPY_DST, rivals.SUPERLU)
        assert (found.iterations is None) == direct


def test_who_takes_what() -> None:
    taken = {case: [n for n, r in rivals.RIVALS.items() if r.takes(p)] for case, p in MADE.items()}
    assert len(taken["Poisson 31^2"]) == len(rivals.RIVALS) - 1
    assert rivals.OURS_APART in taken["Darcy 31^2"] and rivals.SCIPY_DST not in taken["Darcy 31^2"]
    assert rivals.SUPERLU not in taken["Poisson 7^3"] and rivals.OURS in taken["Poisson 7^3"]


def test_missing_rivals_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rivals.importlib.util, "find_spec", lambda name: None)
    there = rivals.installed()
    assert set(rivals.RIVALS) - set(there) == set(rivals.AMG)
    assert capsys.readouterr().out.count("pip install pyamg") == 1


@pytest.mark.parametrize("sweeps, cycles", [((1, 1), 17), ((2, 1), 12), ((2, 2), 10)])
def test_multigrid_in_torch_is_fair(sweeps: tuple[int, int], cycles: int) -> None:
    """As few cycles as the method can: Jacobi's V(1,1) factor is 0.36."""
    f = problems.poisson(63).f
    for method in (eager.Slices(sweeps), eager.Convolutions(torch.float64, sweeps)):
        assert abs(eager.solve(method, f, problems.TOL, torch.float64)[1] - cycles) <= 1


def test_slices_and_convolutions_are_the_same() -> None:
    f = torch.randn(31, 31, dtype=torch.float64)
    start = eager.framed(torch.randn(31, 31, dtype=torch.float64))
    found = []
    for method in (eager.Slices(), eager.Convolutions(torch.float64)):
        found.append(start.clone())
        method.cycle(found[-1], f, 1 / 32)
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-12)


def test_a_wrong_solution_is_no_time() -> None:
    problem = MADE["Poisson 31^2"]
    wrong = rivals.Rival(lambda *_: rivals.Solved(np.zeros(problem.sizes), 1, 0, 1), lambda _: True)
    with pytest.raises(RuntimeError, match=r"lazy, Poisson 31\^2: the residual is 1.0e\+00"):
        solve.measure_case(problem, {"lazy": wrong}, 1, 1)


def test_setup_and_iterations_are_kept() -> None:
    problem = MADE["Darcy 31^2"]
    everybody = {rivals.OURS_APART: rivals.RIVALS[rivals.OURS_APART]}
    (row,) = solve.measure_case(problem, everybody, 1, 3)
    assert (row.repeats, row.kernel, row.elements) == (3, "solve", 31 * 31)
    assert 0 < row.extra["setup"] < row.extra["milliseconds"]
    assert 4 <= row.extra["iterations"] <= 12
    assert row.max_error is not None and 0 < row.max_error <= problems.TOL


def record(
    case: str, provider: str, milliseconds: float, threads: int = 1, iterations: int | None = 8
) -> Record:
    times = (milliseconds,) * 3
    row = Record("multigrid", "solve", case, provider, threads, 10**6, *times, repeats=3)
    row.max_error = 5e-9
    row.extra = {"milliseconds": milliseconds, "setup": 0.0, "iterations": iterations}
    return row


def measured(pyamg: float, darcy: float) -> list[Record]:
    """PyAMG takes 800 ms for Darcy, as where the bar of 50 ms was set."""
    return [
        record("Poisson 1023^2", rivals.OURS, 36.0),
        record("Poisson 1023^2", rivals.SCIPY_DST, 30.0, iterations=None),
        record("Poisson 1023^2", rivals.CLASSICAL, pyamg),
        record("Poisson 1023^2", rivals.AGGREGATION, pyamg + 500),
        record("Darcy 511^2", rivals.OURS, darcy, iterations=9),
        record("Darcy 511^2", rivals.CLASSICAL, 800.0),
        record("Poisson 1023^2", rivals.OURS, 22.0, threads=2),
    ]


def test_bars() -> None:
    """Beside PyAMG's better one; setup counts; seconds are worth what PyAMG takes."""
    assert all(bar.met for bar in solve.bars(measured(1700.0, 45.0)))
    missed = [bar.name for bar in solve.bars(measured(1400.0, 55.0)) if not bar.met]
    assert missed == [
        "Poisson 1023^2: seconds, setup inside",
        "Poisson 1023^2: PyAMG's better over ours",
        "Darcy 511^2: seconds, setup inside",
    ]
    rows = measured(1700.0, 45.0)
    rows[4].max_error = 1.1e-8
    assert [bar.name for bar in solve.bars(rows) if not bar.met] == [
        "longtail: largest residual over 1e-08"
    ]


def test_words() -> None:
    """Those of multigrid.md: 8.7 of fused rows, of which ours saves the reading of zeros."""
    assert pytest.approx(8.7, abs=0.04) == cycle.FLOOR
    assert pytest.approx(cycle.FLOOR - 4 / 3) == cycle.PASSES
    assert pytest.approx(cycle.DARCY_FLOOR + 4 / 3) == cycle.DARCY_PASSES


def test_times_the_floor() -> None:
    """A copy of 2 words at 1 ns: 8.67 words of as many bytes take 4.3."""
    rows = [
        Record("multigrid", cycle.POISSON, "9^2", name, 1, 81, *(t, t, t), repeats=1)
        for name, t in ((cycle.COPY, 1.0), ("ours", 13.0), ("wide", 26.0))
    ]
    made = {
        "ours": cycle.Cycle(lambda: 0.0, cycle.FLOOR, 26.0, 4),
        "wide": cycle.Cycle(lambda: 0.0, cycle.FLOOR, None, 8),
    }
    cycle.compare(rows, made)
    assert rows[1].extra["times_floor"] == pytest.approx(3.0)
    assert rows[1].extra["times_moved"] == pytest.approx(1.0)
    assert rows[2].extra["times_floor"] == pytest.approx(3.0)
    assert "times_floor" not in rows[0].extra and "8.0 GB/s" in rows[0].extra["note"]


def test_cycles_are_measured() -> None:
    with torch.no_grad():
        made = {**cycle.of_poisson(15), **cycle.of_darcy(15)}
        rows = cycle.measure_size(cycle.DARCY, 15, made, 1, 1)
    assert {row.provider for row in rows} == {cycle.COPY, *made}
    assert all(row.median > 0 for row in rows if row.provider != cycle.ITERATION)


def test_a_short_sequence_has_no_bars() -> None:
    rows = [krylov.record(krylov.DARCY, "4 systems of 9", "x", 1, 9, [3], [0.1], [1e-9])]
    assert krylov.bars(rows) == [] and rows[0].extra["note"] == "3 products, 100.0 ms a system"


def test_parts() -> None:
    """Each as bench/kit/parts.py asks, and the family is one that `longtail bench` knows."""
    for part in multigrid.PARTS:
        module = importlib.import_module(f"bench.peers._multigrid_{part}")
        assert [*inspect.signature(module.measure).parameters] == ["threads", "repeats", "quick"]
        assert [*inspect.signature(module.bars).parameters] == ["rows"]
    assert (ROOT / bench.PEERS / "multigrid.py").is_file()


def test_readme_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = measured(1700.0, 45.0)
    rows[2].extra["setup"], rows[0].extra["peak_megabytes"] = 900.0, 16.5
    others: dict[str, dict[str, float]] = {
        "cycle Poisson": {"milliseconds": 4.3, "times_floor": 4.1, "times_moved": 1.2},
        "krylov darcy": {"products": 313.2, "milliseconds": 2.0},
        "darcy_dataset": {"samples_a_second": 1234.2},
        "MgNO forward": {"milliseconds": 7.5},
    }
    for kernel, extra in others.items():
        row = Record("multigrid", kernel, "c", "longtail", 1, 10, 1.0, 1.0, 1.0, repeats=3)
        row.extra = {**extra}
        rows.append(row)
    block = {**environment.environment(("numpy",)), "date": "2026-01-01"}
    text = solvers.table(block, rows)
    assert "| | Poisson 1023^2 | Darcy 511^2 | MB, Poisson 1023^2 |" in text
    assert "| longtail | 36 / 22 (8 it) | 45 (9 it) | 16.5 |" in text
    assert "| SciPy DST | 30 | - | - |" in text
    assert "| PyAMG, Ruge-Stuben | 1.7e+03 (s 900, 8 it) | 800 (8 it) | - |" in text
    assert "| cycle Poisson | c | 1 | 4.3 (4.1, 1.2) |" in text
    assert "| krylov darcy | c | 1 | 313 (2 ms) |" in text
    assert "| darcy_dataset | c | 1 | 1234 |" in text
    assert "| MgNO forward | c | 1 | 7.5 |" in text
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    monkeypatch.setattr(readme, "IMAGES", tmp_path / "images")
    records.write(tmp_path / "multigrid-cpu-x.jsonl", block, rows)
    assert text in readme.block("multigrid", tmp_path)
    picture = (tmp_path / "images/bench_multigrid.svg").read_text()
    assert "PyAMG, Ruge-Stuben" in picture and "aggregation" not in picture
