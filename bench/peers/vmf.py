"""von Mises-Fisher beside SciPy and scikit-learn: EM, fits, samples, densities.

    python bench/peers/vmf.py [--name NAME] [--quick] [--bars]

Every task runs all providers on the same data, taking turns, at one and at two threads. "floor" is
the part that nobody can leave out: the two matrix products of an EM step, the normal deviates of
the samples, one pass over the rows. Stores records in bench/results/vmf-cpu-<name>.jsonl; times
are nanoseconds a row (a sample, for samples).
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import scipy.stats
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT), str(ROOT / "tests" / "distributions")]

import vmf_oracle as oracle  # noqa: E402

from bench.kit import environment, records  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.parts import finish  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, Timing, interleave, timed  # noqa: E402
from longtail.distributions import VonMisesFisher, VonMisesFisherMixture  # noqa: E402
from longtail.distributions import _em as em  # noqa: E402
from longtail.distributions import _kmeans as kmeans  # noqa: E402

ROWS, DIMENSION, COMPONENTS = 32_000, 256, 32
THREADS = (1, 2)
# The bars at one thread: (kernel, case, over whom, how many times as fast at least).
BARS = (
    ("em_step", "", "scikit-learn GaussianMixture", 1.3),
    ("em_step", "", "floor", 0.4),
    ("sample", "p = 64", "SciPy", 0.8),
    ("sample", "p = 2048", "SciPy", 10.0),
    ("sample", "p = 32768", "floor", 1 / 4),
)
# (dimension, concentration, samples)
SAMPLES = ((3, 100.0, 100_000), (64, 30.0, 10_000), (2048, 1e3, 1000), (32768, 1638.0, 200))
# SciPy builds a p x p rotation; beyond this it takes minutes.
SCIPY_DIMENSION = 2048
SLOW = ("SciPy", "scikit-learn GaussianMixture")
FITS = ((64, 30.0), (2048, 900.0))


def clustered_rows() -> Tensor:
    """Unit rows around 32 directions, in float32."""
    generator = torch.Generator().manual_seed(77)
    means = torch.randn(COMPONENTS, DIMENSION, generator=generator)
    means = torch.nn.functional.normalize(means, dim=-1)
    label = torch.randint(COMPONENTS, (ROWS,), generator=generator)
    return VonMisesFisher(means[label], 300.0).sample(generator=generator)


def em_step(rows: Tensor) -> dict[str, Callable[[], Any]]:
    """One iteration, from the same kind of state: E-step and M-step."""
    components = kmeans.start_components(
        rows, COMPONENTS, means=None, max_concentration=1e6,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    directions = components.means.float()
    array = rows.numpy()
    gaussian = GaussianMixture(
        COMPONENTS, covariance_type="spherical", max_iter=1, init_params="k-means++", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged after one iteration: so it should be
        gaussian.fit(array)

    def ours() -> None:
        em.maximisation(em.expectation(rows, components), components, 1e6)

    def sklearn() -> None:
        _, log_responsibility = gaussian._e_step(array)
        gaussian._m_step(array, log_responsibility)

    def floor() -> None:
        for block in rows.split(1024):
            (block @ directions.mT).mT @ block

    return {"longtail": ours, "scikit-learn GaussianMixture": sklearn, "floor": floor}


def mixture_fit(rows: Tensor) -> dict[str, Callable[[], Any]]:
    """k-means++ start and ten EM iterations, as a user calls it."""
    array = rows.numpy()

    def ours() -> None:
        VonMisesFisherMixture(COMPONENTS, tol=0.0, max_iterations=10, generator=0).fit(rows)

    def sklearn() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            GaussianMixture(
                COMPONENTS, covariance_type="spherical", tol=0.0, max_iter=10,
                init_params="kmeans", random_state=0,
            ).fit(array)  # fmt: skip

    return {"longtail": ours, "scikit-learn GaussianMixture": sklearn}


def sampling(p: int, k: float, n: int) -> dict[str, Callable[[], Any]]:
    """n samples around one mean direction, float64."""
    loc = torch.nn.functional.normalize(torch.arange(1.0, p + 1).double(), dim=0)
    distribution = VonMisesFisher(loc, k)
    tasks: dict[str, Callable[[], Any]] = {
        "longtail": lambda: distribution.sample((n,)),
        "floor": lambda: torch.randn(n, p, dtype=torch.float64),
    }
    if p <= SCIPY_DIMENSION:
        theirs = scipy.stats.vonmises_fisher(loc.numpy(), k)
        tasks["SciPy"] = lambda: theirs.rvs(n)
    return tasks


def fitting(x: Tensor) -> dict[str, Callable[[], Any]]:
    """Maximum likelihood of unit rows, float64; returns the concentration."""
    array = x.numpy()

    def scipy_fit() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(scipy.stats.vonmises_fisher.fit(array)[1])

    return {
        "longtail": lambda: VonMisesFisher.fit(x, bias_correction=False).concentration.item(),
        "SciPy": scipy_fit,
        "floor": lambda: x.sum(0),
    }


def log_density(x: Tensor, k: float) -> dict[str, Callable[[], Any]]:
    """log_prob of unit rows, float64, arguments checked by both."""
    p = x.shape[-1]
    loc = torch.nn.functional.normalize(torch.arange(1.0, p + 1).double(), dim=0)
    ours, array = VonMisesFisher(loc, k), x.numpy()
    theirs = scipy.stats.vonmises_fisher(loc.numpy(), k)
    return {
        "longtail": lambda: ours.log_prob(x),
        "SciPy": lambda: theirs.logpdf(array),
        "floor": lambda: x @ loc,
    }


def measure(
    kernel: str, case: str, tasks: dict[str, Callable[[], Any]], n: int, dtype: str, repeats: int
) -> list[Record]:
    """Records of one task at every number of threads."""
    rows = []
    for threads in THREADS:
        torch.set_num_threads(threads)
        providers = [
            Provider(name, timed(call), n, threads, 3 if name in SLOW else None)
            for name, call in tasks.items()
        ]
        rows += [record(kernel, case, dtype, timing) for timing in interleave(providers, repeats)]
        times = ", ".join(f"{row.provider} {row.median * n / 1e6:.2f} ms" for row in rows[-3:])
        print(f"{kernel}, {case}, {threads} threads: {times}", flush=True)
    return rows


def record(kernel: str, case: str, dtype: str, timing: Timing) -> Record:
    """What the file of results keeps of a timing."""
    provider = timing.provider
    low, middle, high = (timing.percentile(q) for q in (20, 50, 80))
    return Record(
        "vmf", kernel, case, provider.name, provider.threads, provider.elements, middle, low, high,
        dtype=dtype, repeats=len(timing.samples),
    )  # fmt: skip


def measure_fit(p: int, k: float, repeats: int) -> list[Record]:
    """A fit, its speed and how far its concentration is from the root of A(k) = R."""
    n = 2000
    loc = torch.nn.functional.normalize(torch.arange(1.0, p + 1).double(), dim=0)
    x = VonMisesFisher(loc, k).sample((n,), generator=5)
    tasks = fitting(x)
    rows = measure("fit", f"p = {p}, n = {n}", tasks, n, "float64", repeats)
    length = torch.linalg.vector_norm(x.mean(0)).item()
    for row in rows:
        if row.provider != "floor":
            found = tasks[row.provider]()
            row.max_error = abs(oracle.mean_length(p, found) / length - 1)
            row.extra["concentration"] = found
    return rows


def bars(rows: Sequence[Record]) -> list[Bar]:
    """What was promised, at one thread, beside what was measured."""
    result = []
    for kernel, case, rival, promised in BARS:
        cell = {
            row.provider: row.median
            for row in rows
            if row.kernel == kernel and row.threads == 1 and case in (row.case, "")
        }
        name = f"{kernel} {case}".strip() + f", {rival} over ours"
        result.append(Bar(name, cell[rival] / cell["longtail"], promised))
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything, store it and say where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default=records.LOCAL, help="of the results file")
    parser.add_argument("--quick", action="store_true", help="3 repeats instead of 9")
    parser.add_argument("--bars", action="store_true", help="fail where a bar is not met")
    options = parser.parse_args(arguments)
    repeats = 3 if options.quick else 9
    block = environment.environment(("numpy", "torch", "scipy", "scikit-learn"))
    x = clustered_rows()
    shape = f"{ROWS} x {DIMENSION}, {COMPONENTS} components"
    rows = measure("em_step", shape, em_step(x), ROWS, "float32", repeats)
    rows += measure("mixture_fit", f"{shape}, 10 steps", mixture_fit(x), ROWS, "float32", 3)
    for p, k, n in SAMPLES:
        rows += measure("sample", f"p = {p}", sampling(p, k, n), n, "float64", repeats)
    for p, k in FITS:
        rows += measure_fit(p, k, repeats)
    # SciPy's normaliser is finite here.
    wide = VonMisesFisher(torch.eye(1, 64, dtype=torch.float64)[0], 30.0).sample((20_000,))
    rows += measure("log_prob", "p = 64", log_density(wide, 30.0), 20_000, "float64", repeats)
    return finish("vmf", options, block, rows, bars(rows))


if __name__ == "__main__":
    sys.exit(main())
