"""Part 2: the coefficient of an equation, recovered from readings of its solution."""

from __future__ import annotations

from torch import Tensor

from longtail.demos import Finding, Stage, measuring
from longtail.demos.measuring import Bar
from longtail.demos.multigrid import inverse, pictures
from longtail.demos.multigrid.inverse import SMOOTH, TWO_PHASES, Check, Fit, Kind, Look, Survey
from longtail.report import Block, Fact, Figures, Text

#: Size of the grid and rounds of L-BFGS: whole, quick.
WHOLE, QUICK = (128, 20), (64, 6)
SEED = 0


def run(stage: Stage) -> Finding:
    """Recover a smooth medium and one of two phases; the gradient checked, errors, pictures."""
    n, rounds = QUICK if stage.quick else WHOLE
    with measuring.one_thread():
        with stage.console.step("the gradient by differences") as step:
            checked = inverse.check(inverse.survey(SMOOTH, n, SEED))
            step.note(f"relative difference {checked.difference:.1e}")
        found = {kind: _recovered(stage, kind, n, rounds) for kind in (SMOOTH, TWO_PHASES)}
    known, fit = found[TWO_PHASES]
    details: list[Block] = [_introduction(n, checked)]
    for kind in found:
        details += _shown(kind, *found[kind])
    return Finding(
        today=[
            Fact(
                f"{(n * n + 1) * checked.solve:.0f} s",
                f"for one gradient in {n * n} unknowns by differences, computed from one of them",
            ),
            Fact(f"{larger_phase(known):.0%}", "of the medium right by the best constant"),
        ],
        ours=[
            Fact(f"{1e3 * checked.gradient:.0f} ms", "for the same gradient, through the solver"),
            Fact(
                f"{right_phase(known, fit.log_a):.0%}",
                f"of the medium right, from readings at {inverse.SHARE:.0%} of the points",
            ),
        ],
        pictures=[pictures.recovered(TWO_PHASES.title, known, fit.log_a)],
        bars=bars(checked, found),
        details=details,
    )


def _recovered(stage: Stage, kind: Kind, n: int, rounds: int) -> tuple[Survey, Fit]:
    known = inverse.survey(kind, n, SEED)
    with stage.console.step(f"{kind.title.lower()}, {n} x {n}", rounds) as step:

        def look(each: Look) -> None:
            step.advance()
            step.note(
                f"{each.gradients} gradients, misfit {each.misfit:.2f}, error {each.error:.3f}"
            )

        return known, inverse.fit(kind, known, rounds, look)


def right_phase(known: Survey, log_a: Tensor) -> float:
    """The share of cells on the same side of the middle between both phases as the truth."""
    middle = sum(inverse.PHASES) / 2
    return float(((log_a > middle) == (known.truth > middle)).double().mean())


def larger_phase(known: Survey) -> float:
    """What the best constant gets right."""
    high = float((known.truth > sum(inverse.PHASES) / 2).double().mean())
    return max(high, 1 - high)


def bars(checked: Check, found: dict[Kind, tuple[Survey, Fit]]) -> list[Bar]:
    """What was set beforehand."""
    known, fit = found[TWO_PHASES]
    return [
        Bar(
            "gradient from differences, millionths",
            1e6 * checked.difference,
            10,
            at_most=True,
        ),
        Bar("error, smooth, constant 1", found[SMOOTH][1].way[-1].error, 0.1, at_most=True),
        Bar("error, two phases, constant 1", fit.way[-1].error, 0.35, at_most=True),
        Bar("cells of the right phase", right_phase(known, fit.log_a), 0.95),
    ]


def _introduction(n: int, checked: Check) -> Text:
    points = round(inverse.SHARE * n * n)
    return Text(
        f"Nobody sees the medium; pressure is read at {points} of {n * n} points, with noise of "
        f"{inverse.NOISE:.0%} of its standard deviation, while water is pumped into one of "
        f"{len(inverse.WELLS)} wells after another. ln a at every point is unknown. "
        "`longtail.multigrid.diffusion_solve` predicts the readings, and its backward pass gives "
        "the gradient in all unknowns by one more solve; `torch.optim.LBFGS` does the rest. A "
        f"misfit alone takes {1e3 * checked.solve:.0f} ms; the gradient's distance from central "
        f"differences is {checked.difference:.0e}. The readings come from a grid twice as fine. "
        "Unknowns are amplitudes of waves, scaled by the size that is expected of them."
    )


def _shown(kind: Kind, known: Survey, fit: Fit) -> list[Block]:
    last = fit.way[-1]
    maps = [] if kind is TWO_PHASES else [pictures.recovered(kind.title, known, fit.log_a)]
    return [
        Text(
            f"**{kind.title}.** Assumed: {kind.assumed}. In {last.gradients} gradients the mean "
            "square of the misfit, in standard deviations of the noise, fell from "
            f"{fit.way[0].misfit:.0f} to {last.misfit:.2f}; the truth itself has "
            f"{float(known.misfit(known.truth)):.2f}. The error of ln a is {last.error:.3f} of the "
            "best constant's."
        ),
        *maps,
        Figures([pictures.way(fit), pictures.profile(known, fit.log_a)]),
    ]
