"""Part 4: a Gaussian process that learns how rough its curve is, the Matern nu."""

from __future__ import annotations

import torch

from longtail.demos import Finding, Stage, data
from longtail.demos.bessel import process
from longtail.demos.bessel.process import MaternFit
from longtail.demos.measuring import Bar
from longtail.report import Fact, Figure, Figures, Table, Text
from longtail.report import figures as draw

SEED = 3
#: (nu, length, amplitude, noise) of the simulated process.
TRUTH = (1.4, 0.6, 1.0, 0.02)
#: The smoothness that software offers in closed form, and a user has to guess between.
CUSTOMARY = (0.5, 1.5, 2.5)


def run(stage: Stage) -> Finding:
    """Recover nu from a draw, then measure it on three real series."""
    points = 120 if stage.quick else 250
    drawn = _simulated(stage, points)
    fits: list[tuple[data.Series, MaternFit, dict[float, float]]] = []
    sources = (
        (data.share_price,) if stage.quick else (data.share_price, data.brain_wave, data.terrain)
    )
    for source in sources:
        series = shorten(source(), points)
        fit = _fit(stage, series.name, series.x, series.y, None)
        fixed = {
            nu: _fit(stage, f"{series.name}, nu = {nu}", series.x, series.y, nu).log_likelihood
            for nu in CUSTOMARY
        }
        fits.append((series, fit, fixed))

    deviation = (drawn.nu - TRUTH[0]) / drawn.nu_error
    rows = [
        (
            series.name,
            f"{fit.nu:.2f} ± {fit.nu_error:.2f}",
            *(f"{fixed[nu] - fit.log_likelihood:+.1f}" for nu in CUSTOMARY),
            f"{fit.evaluations}",
        )
        for series, fit, fixed in fits
    ]
    series, fit, fixed = fits[0]
    lost = fit.log_likelihood - min(fixed.values())
    return Finding(
        today=[
            Fact(
                "1/2, 3/2 or 5/2",
                "smoothness that software lets a user choose from; the worst choice costs "
                f"{lost:.1f} nats on a {series.name.lower()}",
            )
        ],
        ours=[
            Fact(
                f"{drawn.nu:.2f} ± {drawn.nu_error:.2f}",
                f"smoothness learnt from a curve drawn with {TRUTH[0]}",
            ),
            Fact(
                f"{fit.nu:.2f} ± {fit.nu_error:.2f}",
                f"smoothness learnt from a {series.name.lower()}",
            ),
        ],
        pictures=[_profile(drawn)],
        bars=[Bar("smoothness learnt, standard errors off", abs(deviation), 2, at_most=True)],
        details=[
            Text(
                "A curve drawn from a Matern process has as many derivatives as there are whole "
                "numbers below nu: at nu = 1/2 it is as rough as a random walk, at infinity "
                "smooth. Software asks the user to pick 1/2, 3/2 or 5/2, since K of any other "
                "order has had no gradient in its order. Here nu is a parameter like the others: "
                "`longtail.matern` inside an exact process, the likelihood climbed by L-BFGS, and "
                "standard errors from the Hessian, which is autograd applied twice."
            ),
            Figures([_series(series, fit) for series, fit, _ in fits]),
            Table(
                (
                    "Series",
                    "nu learned",
                    *(f"nu = {nu}" for nu in CUSTOMARY),
                    "Evaluations",
                ),
                rows,
                "Log-likelihood lost, in nats, by fixing nu at a customary value and fitting the "
                "rest.",
            ),
        ],
    )


def shorten(series: data.Series, points: int) -> data.Series:
    """The first `points` points, from 0 to 1, with values of standard deviation 1."""
    x, y = series.x[:points], series.y[:points]
    x = (x - x[0]) / (x[-1] - x[0])
    return data.Series(series.name, x, (y - y.mean()) / y.std(), series.x_label, series.y_label)


def _simulated(stage: Stage, points: int) -> MaternFit:
    generator = torch.Generator().manual_seed(SEED)
    x = torch.rand(points, dtype=torch.float64, generator=generator).mul(points / 15).sort().values
    y = process.simulate(x, TRUTH, SEED)
    return _fit(stage, f"a draw with nu = {TRUTH[0]}", x, y, None)


def _fit(stage: Stage, name: str, x: torch.Tensor, y: torch.Tensor, nu: float | None) -> MaternFit:
    span = float(x[-1] - x[0])
    start = (nu or 1.0, span / 20, float(y.std()), 0.1 * float(y.std()))
    with stage.console.step(f"Matern process, {name}") as step:

        def moved(evaluation: int, at: float, likelihood: float) -> None:
            step.note(f"{evaluation} evaluations, nu {at:.3f}, log-likelihood {likelihood:.1f}")

        return process.fit(x, y, start=start, learn_nu=nu is None, on_step=moved)


def _profile(fit: MaternFit) -> Figure:
    """The likelihood as nu moves, the other parameters moving with it to first order."""
    grid, likelihood = process.likelihood_along_nu(fit, width=3.0)
    with draw.drawing() as drawn:
        ax = drawn.ax
        ax.plot(grid, likelihood, color=draw.OURS)
        low, high = fit.nu - 2 * fit.nu_error, fit.nu + 2 * fit.nu_error
        two_errors = "± 2 standard errors"
        ax.axvspan(low, high, color=draw.OURS, alpha=0.12, linewidth=0, label=two_errors)
        ax.axvline(TRUTH[0], color=draw.TRUTH, linestyle="--", linewidth=1.4, label="simulated nu")
        ax.set_xlabel("nu")
        ax.set_ylabel("log-likelihood below its maximum")
        ax.legend(loc="lower center")
    return drawn.figure(
        "A simulated curve: the likelihood of nu, its maximum, and the value it was drawn with.",
        "Likelihood curve with its maximum near the simulated nu.",
    )


def _series(series: data.Series, fit: MaternFit) -> Figure:
    at = torch.linspace(0, 1.05, 400, dtype=torch.float64)
    mean, deviation = fit.predict(at)
    with draw.drawing() as drawn:
        ax = drawn.ax
        low, high = (mean - 2 * deviation).numpy(), (mean + 2 * deviation).numpy()
        ax.fill_between(at.numpy(), low, high, color=draw.OURS, alpha=0.16, linewidth=0)
        ax.plot(at.numpy(), mean.numpy(), color=draw.OURS, linewidth=1.3)
        ax.plot(series.x.numpy(), series.y.numpy(), ".", color=draw.TRUTH, markersize=2.6)
        ax.set_xlabel(f"{series.x_label}, as a share of the span shown")
        ax.set_ylabel(f"{series.y_label}, standardised")
        ax.set_title(f"nu = {fit.nu:.2f} ± {fit.nu_error:.2f}")
    return drawn.figure(
        f"{series.name}: the points, the process's mean and two standard deviations.",
        f"{series.name} with the fitted process.",
    )
