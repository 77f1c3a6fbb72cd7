"""The pictures of this family: media and what flows through them, residuals, times, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from longtail.demos.multigrid import solvers
from longtail.demos.multigrid.data import Pairs
from longtail.demos.multigrid.inverse import WELLS, Fit, Survey
from longtail.demos.multigrid.learning import FNO, MGNO, Learnt
from longtail.demos.multigrid.solvers import OURS, TOLERANCE, Problem
from longtail.report import Figure
from longtail.report import figures as draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from longtail.demos.multigrid.darcy import Study

MEDIUM, PRESSURE, FLOW, DIFFERENCE = "cividis", "viridis", "magma", "RdBu_r"
#: Points an axis of the grid that stream lines follow, and of the largest map that is drawn.
STREAMS, LARGEST = 48, 256


def _map(axes: Axes, field: Tensor, title: str, colours: str, **more: Any) -> Any:
    """A field [n, n] on the unit square, first row at the top, with a small bar of colours."""
    if len(field) > LARGEST:
        field = _means(field, LARGEST)
    image = axes.imshow(
        field.numpy(), cmap=colours, extent=(0, 1, 1, 0), interpolation="none", **more
    )
    axes.set_title(title, fontsize=10.5)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, orientation="horizontal", pad=0.03, aspect=18)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8.5, length=2)
    bar.locator = _few_ticks()
    bar.update_ticks()
    return image


def _means(field: Tensor, n: int) -> Tensor:
    """On n x n larger cells."""
    return functional.interpolate(field[None, None], (n, n), mode="area")[0, 0]


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(3, steps=[1, 2, 5, 10])


def _even(field: Tensor) -> dict[str, float]:
    """Bounds for a difference: the same above and below 0."""
    most = float(field.abs().max())
    return {"vmin": -most, "vmax": most}


def medium(problem: Problem, u: Tensor) -> Figure:
    """a, u, and the flow with stream lines."""
    down, right = solvers.flux(problem, u)
    speed = (down.square() + right.square()).sqrt()
    at = ((torch.arange(STREAMS) + 0.5) / STREAMS).numpy()
    across, along = (_means(each, STREAMS).numpy() for each in (right, down))
    with draw.drawing(5.4, 2.7, columns=3) as drawn:
        one, two, three = drawn.axes
        _map(one, problem.a, "medium a", MEDIUM)
        _map(two, u, "pressure u", PRESSURE)
        two.contour(at_centres(u), at_centres(u), u.numpy(), 8, colors="white", linewidths=0.5)
        most = float(speed.flatten()[:: max(1, speed.numel() // 100_000)].quantile(0.995))
        _map(three, speed, "flow |a grad u|", FLOW, vmax=most)
        three.streamplot(
            at, at, across, along, density=0.75, color="white", linewidth=0.5, arrowsize=0.6
        )
        three.set_xlim(0, 1)
        three.set_ylim(1, 0)
    return drawn.figure(
        f"{len(u)} x {len(u)} points: the medium, the pressure with lines of equal pressure, and "
        "how much flows, which leaves through the sides and prefers the phase that lets it.",
        "A medium of two phases, a hill of pressure, and stream lines from its middle outwards.",
    )


def at_centres(field: Tensor) -> Any:
    """Coordinates of the cells along one axis."""
    n = field.shape[-1]
    return ((torch.arange(n) + 0.5) / n).numpy()


def residuals(*studies: Study) -> Figure:
    """Relative residuals by cycle, alone and as a preconditioner."""
    with draw.drawing(5.6, 3.4, columns=len(studies)) as drawn:
        for axes, study in zip(drawn.axes, studies, strict=True):
            factor = solvers.factor(study.cycles)
            axes.semilogy(
                study.cycles, "o:", color=draw.OURS, markersize=3.5, label="V-cycles alone"
            )
            axes.semilogy(
                study.preconditioned, "o-", color=draw.OURS, markersize=3.5, label="with PCG"
            )
            axes.axhline(TOLERANCE, color=draw.TRUTH, linestyle="--", linewidth=1)
            axes.set_title(f"contrast {study.problem.contrast:g}")
            axes.set_xlabel("cycles")
            axes.legend(title=f"{factor:.2f} a cycle", title_fontsize=9, loc="upper right")
        drawn.ax.set_ylabel("relative residual")
    return drawn.figure(
        "True residuals after each cycle, alone and as the preconditioner of conjugate gradients; "
        f"dashed: {TOLERANCE:g}. The number is the factor of the V-cycle alone.",
        "Two falling lines for each of two problems.",
    )


def seconds(*studies: Study) -> Figure:
    """CPU seconds of setup and solve, logarithmic."""
    with draw.drawing(5.6, 3.4, columns=len(studies)) as drawn:
        for axes, study in zip(drawn.axes, studies, strict=True):
            names = list(study.found)
            for place, name in enumerate(names):
                each = study.found[name]
                colour = draw.OURS if name == OURS else draw.RIVAL
                axes.barh(place - 0.2, each.setup, 0.36, color=colour, alpha=0.45)
                axes.barh(place + 0.2, each.solve, 0.36, color=colour)
                axes.text(
                    1.15 * max(each.setup, each.solve),
                    place,
                    f"{each.total:.2g} s",
                    va="center",
                    fontsize=9,
                )
            low = min(min(each.setup, each.solve) for each in study.found.values())
            high = max(max(each.setup, each.solve) for each in study.found.values())
            draw.logarithmic(axes, max(low, 2e-4) / 2)
            axes.set_xlim(right=high * 12)
            axes.set_yticks(range(len(names)), names)
            axes.invert_yaxis()
            axes.grid(axis="y", visible=False)
            axes.set_title(f"contrast {study.problem.contrast:g}")
            axes.set_xlabel("seconds")
        drawn.axes[-1].set_yticklabels([])
    return drawn.figure(
        "Setup (pale) and solve of each, and their sum; the axis of seconds is logarithmic.",
        "Pairs of bars, ours the shortest.",
    )


def recovered(title: str, known: Survey, log_a: Tensor) -> Figure:
    """What is read, the truth, what was found, and the difference."""
    n = len(log_a)
    down, right = known.at // n, known.at % n
    bounds = {"vmin": float(known.truth.min()), "vmax": float(known.truth.max())}
    difference = log_a - known.truth
    with draw.drawing(5.4, 6.0, columns=2, rows=2) as drawn:
        one, two, three, four = drawn.axes
        _map(one, known.pressures[0], "read of one well", PRESSURE)
        one.plot(
            ((right + 0.5) / n).numpy(),
            ((down + 0.5) / n).numpy(),
            ".",
            color="white",
            markersize=1.1,
        )
        for place, (y, x) in enumerate(WELLS):
            one.plot(
                x,
                y,
                "o",
                markersize=4.5,
                markeredgecolor="black",
                markeredgewidth=0.7,
                color=draw.RIVAL if place == 0 else "white",
            )
        _map(two, known.truth, "truth, ln a", MEDIUM, **bounds)
        _map(three, log_a, "recovered", MEDIUM, **bounds)
        _map(four, difference, "difference", DIFFERENCE, **_even(difference))
    return drawn.figure(
        f"{title}: the pressure while the red well is at work and where it is read (dots; circles "
        "are wells), the truth, what readings and gradients make of it, and recovered less truth.",
        "Four maps; the third looks like the second.",
    )


def way(fit: Fit) -> Figure:
    """Misfit and error by gradients."""
    gradients = [look.gradients for look in fit.way]
    with draw.drawing(5.4, 3.0, columns=2) as drawn:
        left, right = drawn.axes
        left.semilogy(gradients, [look.misfit for look in fit.way], "o-", color=draw.OURS)
        left.axhline(1, color=draw.TRUTH, linestyle="--", linewidth=1, label="noise")
        left.set_title("misfit")
        right.plot(gradients, [look.error for look in fit.way], "o-", color=draw.OURS)
        right.axhline(1, color=draw.RIVAL, linestyle="--", linewidth=1, label="best constant")
        right.set_ylim(0, None)
        right.set_title("error of ln a")
        for axes in drawn.axes:
            axes.lines[0].set_markersize(3)
            axes.set_xlabel("gradients")
            axes.legend()
    return drawn.figure(
        "What L-BFGS sees, the mean square of the misfit in standard deviations of the noise, and "
        "what it does not, the error.",
        "Two falling curves.",
    )


def profile(known: Survey, log_a: Tensor) -> Figure:
    """ln a along the middle row."""
    row = len(log_a) // 2
    x = at_centres(log_a)
    with draw.drawing(5.4, 3.0) as drawn:
        drawn.ax.plot(x, known.truth[row].numpy(), color=draw.TRUTH, linewidth=1.2, label="truth")
        drawn.ax.plot(x, log_a[row].numpy(), color=draw.OURS, label="recovered")
        drawn.ax.axhline(0, color=draw.BEFORE, linestyle="--", linewidth=1, label="start")
        drawn.ax.set_title("ln a, from left to right through the middle")
        drawn.ax.set_xlabel("x")
        drawn.ax.legend()
    return drawn.figure(
        "One row of both maps, and the constant that the fit began with.",
        "Two curves that mostly agree.",
    )


def sample(test: Pairs, learnt: dict[str, Learnt], index: int, what: str) -> Figure:
    """One sample of the test: a, u, and for both operators the prediction and its difference."""
    true = test.y[index, 0]
    bounds = {"vmin": 0.0, "vmax": float(true.max())}
    differences = {name: each.predicted[index, 0] - true for name, each in learnt.items()}
    even = _even(torch.stack(list(differences.values())))
    with draw.drawing(5.4, 4.6, columns=3, rows=2) as drawn:
        axes = iter(drawn.axes)
        _map(next(axes), (test.x[index, 0] + 1) / 2, "phases", MEDIUM)
        _map(next(axes), true, "true u", PRESSURE, **bounds)
        _map(next(axes), learnt[MGNO].predicted[index, 0], MGNO, PRESSURE, **bounds)
        for name, difference in differences.items():
            error = float(learnt[name].errors[index])
            _map(next(axes), difference, f"{name}: {error:.1%}", DIFFERENCE, **even)
        next(axes).set_visible(False)
    return drawn.figure(
        f"The {what} sample of the test by MgNO's error: medium, true pressure, what MgNO "
        "predicts, and predictions less truth with their relative errors, of MgNO and of FNO.",
        "Five maps; the prediction looks like the truth.",
    )


def learning(
    way: dict[str, list[tuple[float, float]]], budget: float, errors: dict[str, float]
) -> Figure:
    """Errors on the test by CPU seconds."""
    with draw.drawing(5.4, 3.2) as drawn:
        for name, colour in ((MGNO, draw.OURS), (FNO, draw.RIVAL)):
            used, found = zip(*way[name], strict=True)
            drawn.ax.plot(used, found, "o-", color=colour, markersize=3.5, label=name)
        for (name, error), style in zip(errors.items(), ("--", ":"), strict=True):
            drawn.ax.axhline(error, color=draw.TRUTH, linestyle=style, linewidth=1.2, label=name)
        drawn.ax.set_xlim(0, 1.03 * budget)
        drawn.ax.set_ylim(0, None)
        drawn.ax.set_title("relative L2 error on the test")
        drawn.ax.set_xlabel("CPU seconds of training")
        drawn.ax.legend()
    return drawn.figure(
        "Errors on the way, while the rate rises and falls; both had the same time.",
        "Two falling curves below two level lines.",
    )
