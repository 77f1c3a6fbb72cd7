"""Part 1: one equation of flow, solved by multigrid and by others to the same residual."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from longtail.demos import Finding, Stage, measuring
from longtail.demos.measuring import Bar
from longtail.demos.multigrid import pictures, solvers
from longtail.demos.multigrid.solvers import CG, OURS, PYAMG, SUPERLU, TOLERANCE, Problem, Solved
from longtail.report import Fact, Note, Table, Text

#: (n, contrast) of both problems: whole, quick.
WHOLE = ((511, 4.0), (255, 1000.0))
QUICK = ((127, 4.0), (63, 1000.0))
SEED = 0
#: V-cycles alone are given up after so many.
MOST_CYCLES = 40
#: Iterations that conjugate gradients may take at each contrast.
BARS = {4.0: 12, 1000.0: 20}


class Study:
    """One problem, everybody's results, and residuals cycle by cycle."""

    def __init__(self, problem: Problem, found: dict[str, Solved]) -> None:
        ours = found[OURS]
        self.problem, self.found = problem, found
        self.cycles = solvers.cycles(problem, MOST_CYCLES)
        self.preconditioned = solvers.preconditioned(problem, ours.iterations or 0)

    @property
    def title(self) -> str:
        """Size and contrast."""
        n = len(self.problem.a)
        return f"{n} x {n}, contrast {self.problem.contrast:g}"

    def times(self, name: str) -> float:
        """How many times as long as ours, setup included."""
        return self.found[name].total / self.found[OURS].total


def run(stage: Stage) -> Finding:
    """Solve two problems by all who are there; times, residuals, pictures."""
    with measuring.one_thread(), torch.inference_mode():
        studies = [_study(stage, *each) for each in (QUICK if stage.quick else WHOLE)]
    first, second = studies
    ours = first.found[OURS]
    size = first.problem.a.numel()
    missing = PYAMG not in first.found
    rivals = [name for name in (PYAMG, SUPERLU, CG) if name in first.found]
    return Finding(
        today=[
            Fact(
                f"{1e3 * first.found[name].total:.0f} ms",
                f"for a pressure in {size} unknowns, by {name}",
            )
            for name in rivals
        ],
        ours=[
            Fact(
                f"{1e3 * ours.total:.0f} ms",
                f"for the same pressure in {size} unknowns, to the same residual",
            )
        ],
        pictures=[pictures.medium(first.problem, ours.solution), pictures.seconds(first, second)],
        bars=bars(studies),
        notes=[Note("PyAMG is not installed and was left out: pip install pyamg")] * missing,
        details=[
            Text(
                "-div(a grad u) = 1 in a square, u = 0 on its sides: the pressure of a fluid that "
                "seeps through a medium of two phases, which one being the sign of a Gaussian "
                "random field. `longtail.multigrid` never forms a matrix: it takes a, makes "
                "coarser grids whose operators follow it, and a V-cycle over them preconditions "
                "conjugate gradients. The same is asked from PyAMG's Ruge-Stueben solver with "
                "conjugate gradients, from SuperLU, and from SciPy's conjugate gradients with the "
                "diagonal. They get the matrix ready made. Everybody has one thread and times are "
                "CPU seconds."
            ),
            *(_table(study) for study in studies),
            pictures.residuals(first, second),
        ],
    )


def _study(stage: Stage, n: int, contrast: float) -> Study:
    title = f"{n} x {n}, contrast {contrast:g}"
    with stage.console.step(title, 6) as step:
        problem = solvers.problem(n, contrast, SEED)
        step.advance()

        def done(name: str, each: Solved) -> None:
            step.advance()
            step.note(f"{name} {each.total:.3f} s")

        study = Study(problem, solvers.solve_by_all(problem, done))
        totals = (f"{name} {each.total:.3f} s" for name, each in study.found.items())
        step.note(", ".join(totals))
    return study


def bars(studies: Sequence[Study]) -> list[Bar]:
    """What was set beforehand."""
    result = []
    for study in studies:
        ours, limit = study.found[OURS], BARS[study.problem.contrast]
        result += [
            Bar(f"iterations, {study.title}", ours.iterations or 0, limit, at_most=True),
            Bar(
                f"true residual, {study.title}, in {TOLERANCE:g}",
                ours.residual / TOLERANCE,
                1,
                at_most=True,
            ),
        ]
    return result


def _table(study: Study) -> Table:
    rows = [
        (
            name,
            f"{1e3 * each.setup:.1f}",
            f"{1e3 * each.solve:.1f}",
            f"{study.times(name):.1f}",
            "—" if each.iterations is None else f"{each.iterations}",
            f"{each.residual:.1e}",
        )
        for name, each in study.found.items()
    ]
    alone = len(study.cycles) - 1
    said = f"needs {alone}" if study.cycles[-1] <= TOLERANCE else f"is not there after {alone}"
    return Table(
        ("Solver", "Setup, ms", "Solve, ms", "Times ours", "Iterations", "True residual"),
        rows,
        f"{study.title}: medians of up to {solvers.MOST} runs, of slow solvers one; asked for "
        f"{TOLERANCE:g}, relative, computed in float64 from what is returned. The V-cycle alone "
        f"{said}; each reduces the residual by {solvers.factor(study.cycles):.3f}.",
    )
