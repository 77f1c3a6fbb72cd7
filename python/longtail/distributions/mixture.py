"""Mixtures of von Mises-Fisher distributions, fitted by EM."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from longtail._progress import Report, progress_report
from longtail.distributions._em import Components, Scores, blocks, climb
from longtail.distributions._kmeans import start_components
from longtail.distributions._sphere import as_generator, unit_rows
from longtail.distributions.von_mises_fisher import VonMisesFisher


class VonMisesFisherMixture:
    """sum_j w_j vMF(x; mean_j, concentration_j) on the unit sphere: soft clustering by direction.

    The interface is that of scikit-learn's GaussianMixture, on tensors (NumPy arrays are taken
    too; results are tensors on the device of the rows). Expectation maximisation from k-means++,
    repeated from n_init starts; the log-likelihood never falls from one step to the next. Rows
    stay in float32 (or float64), statistics are float64; rows are visited in blocks, so memory
    beyond the data is O(n_components p).

    Args:
        n_components: number of components.
        tol: EM has converged when the mean log-likelihood gains no more than this in a step.
        max_iterations: EM steps a start may take.
        n_init: number of starts; the one of highest likelihood is kept.
        means_init: unit rows [n_components, p] to start from instead of k-means++.
        max_concentration: no component is more concentrated. A component that shrinks to one
            point would have unbounded likelihood; this is what stops it.
        generator: a generator on the device of the rows, an integer seed, or None for torch's
            global generator.
        progress: True for a progress bar, or a callable of (done, total, note).

    Attributes (after fit):
        weights_: float64 [n_components], sum 1.
        means_: [n_components, p], in the dtype of the rows.
        concentrations_: float64 [n_components].
        converged_: whether the kept start met tol.
        n_iter_: EM steps of the kept start.
        lower_bound_: mean log-likelihood of the rows (the density is per area of the sphere).
        history_: mean log-likelihood of the kept start at its beginning and after each step.
        n_features_in_: p.

    Raises:
        ValueError, TypeError: at construction, for arguments out of range or of a wrong type.

    [A. Banerjee, I. Dhillon, J. Ghosh, S. Sra, JMLR 6 (2005) 1345]
    """

    weights_: Tensor
    means_: Tensor
    concentrations_: Tensor
    converged_: bool
    n_iter_: int
    lower_bound_: float
    history_: list[float]
    n_features_in_: int

    def __init__(
        self,
        n_components: int = 1,
        *,
        tol: float = 1e-4,
        max_iterations: int = 200,
        n_init: int = 1,
        means_init: Tensor | None = None,
        max_concentration: float = 1e6,
        generator: torch.Generator | int | None = None,
        progress: bool | Report = False,
    ) -> None:
        self.n_components = _positive_int(n_components, "n_components")
        self.max_iterations = _positive_int(max_iterations, "max_iterations")
        self.n_init = _positive_int(n_init, "n_init")
        self.tol = _number(tol, "tol")
        self.max_concentration = _number(max_concentration, "max_concentration")
        if not self.tol >= 0:
            raise ValueError(f"tol: expected a number >= 0, got {tol}")
        if not 0 < self.max_concentration <= 1e8:
            raise ValueError(
                f"max_concentration: expected a number in (0, 1e8], got {max_concentration}"
            )
        self.means_init = means_init
        self.generator = generator
        self.progress = progress

    def __repr__(self) -> str:
        """Name the number of components and, once fitted, the dimension."""
        fitted = f", p={self.n_features_in_}, fitted" if hasattr(self, "means_") else ""
        return f"{type(self).__name__}(n_components={self.n_components}{fitted})"

    @torch.no_grad()
    def fit(self, x: Tensor, y: Any = None) -> VonMisesFisherMixture:
        """Fit to unit rows. # x [n, p], n >= n_components

        y is ignored; it is there for scikit-learn's pipelines.

        Raises:
            TypeError: x not floating-point.
            ValueError: x not two-dimensional, rows not of norm 1, fewer rows than components,
                means_init of another shape.
        """
        rows = self._rows(x, min_rows=max(2, self.n_components))
        generator = as_generator(self.generator, rows.device)
        means = self._checked_means_init(rows)
        best: tuple[Components, list[float], bool] | None = None
        total = self.n_init * self.max_iterations
        with progress_report(self.progress, "vMF mixture") as report:
            for start in range(self.n_init):
                components = start_components(
                    rows,
                    self.n_components,
                    means=means,
                    max_concentration=self.max_concentration,
                    generator=generator,
                )

                def step(iteration: int, reached: float, start: int = start) -> None:
                    done = start * self.max_iterations + iteration
                    report(done, total, f"start {start + 1}, log-likelihood {reached:.6g}")

                found = climb(
                    rows,
                    components,
                    tol=self.tol,
                    max_iterations=self.max_iterations,
                    max_concentration=self.max_concentration,
                    report=step,
                )
                if best is None or found[1][-1] > best[1][-1]:
                    best = found
        assert best is not None  # n_init is at least 1
        self._keep(rows, *best)
        return self

    def _keep(
        self, rows: Tensor, components: Components, history: list[float], converged: bool
    ) -> None:
        self.weights_ = components.weights
        self.means_ = components.means.to(rows.dtype)
        self.concentrations_ = components.concentrations
        self.converged_ = converged
        self.history_ = history
        self.n_iter_ = len(history) - 1
        self.lower_bound_ = history[-1]
        self.n_features_in_ = rows.shape[-1]

    @torch.no_grad()
    def _log_densities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted log densities less a base, [n, K], and the base (float64)."""
        self._check_fitted()
        rows = self._rows(x, min_rows=0)
        if rows.shape[-1] != self.n_features_in_:
            raise ValueError(f"x: expected rows of {self.n_features_in_}, got {rows.shape[-1]}")
        parts = self.weights_, self.means_.double(), self.concentrations_
        scores = Scores.of(Components(*(part.to(rows.device) for part in parts)), rows)
        found = [scores(block) for block in blocks(rows, scores.offsets.dtype)]
        return torch.cat(found) if found else scores.offsets.new_empty(0, self.n_components), (
            scores.base
        )

    def score_samples(self, x: Tensor) -> Tensor:
        """Return the log density of each row, float64. # [n]"""
        log_density, base = self._log_densities(x)
        return torch.logsumexp(log_density, dim=1).double() + base

    def score(self, x: Tensor, y: Any = None) -> float:
        """Return the mean log density of the rows."""
        return self.score_samples(x).mean().item()

    def predict_proba(self, x: Tensor) -> Tensor:
        """Return the probability of each component given the row. # [n, n_components]"""
        return torch.softmax(self._log_densities(x)[0], dim=1)

    def predict(self, x: Tensor) -> Tensor:
        """Return the most probable component of each row, int64. # [n]"""
        return self._log_densities(x)[0].argmax(dim=1)

    def fit_predict(self, x: Tensor, y: Any = None) -> Tensor:
        """Fit, then return the most probable component of each row. # [n]"""
        return self.fit(x).predict(x)

    def bic(self, x: Tensor) -> float:
        """Return the Bayesian information criterion on the rows: the lower the better."""
        n = len(x)
        return self._n_parameters() * math.log(n) - 2 * n * self.score(x)

    def aic(self, x: Tensor) -> float:
        """Return the Akaike information criterion on the rows: the lower the better."""
        return 2 * self._n_parameters() - 2 * len(x) * self.score(x)

    def _n_parameters(self) -> int:
        # A direction has p - 1 free parameters; the weights sum to 1.
        self._check_fitted()
        return self.n_components * (self.n_features_in_ + 1) - 1

    @torch.no_grad()
    def sample(
        self, n_samples: int = 1, *, generator: torch.Generator | int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw independent rows and the components they came from. # [n, p], [n]

        generator: as for the constructor; None takes torch's global generator.
        """
        self._check_fitted()
        n = _positive_int(n_samples, "n_samples")
        drawn_by = as_generator(generator, self.means_.device)
        label = torch.multinomial(self.weights_, n, replacement=True, generator=drawn_by)
        component = VonMisesFisher(
            self.means_[label], self.concentrations_[label], validate_args=False
        )
        return component.sample(generator=drawn_by).to(self.means_.dtype), label

    def _check_fitted(self) -> None:
        if not hasattr(self, "means_"):
            raise RuntimeError("this VonMisesFisherMixture is not fitted: call fit(x) first")

    def _rows(self, x: Tensor, *, min_rows: int) -> Tensor:
        rows = unit_rows(x, "x", min_rows=min_rows)
        if rows.dim() != 2:
            raise ValueError(f"x: expected shape [n, p], got {list(rows.shape)}")
        return rows.contiguous()

    def _checked_means_init(self, rows: Tensor) -> Tensor | None:
        if self.means_init is None:
            return None
        means = unit_rows(self.means_init, "means_init", min_rows=1).to(rows)
        expected = [self.n_components, rows.shape[-1]]
        if list(means.shape) != expected:
            raise ValueError(f"means_init: expected shape {expected}, got {list(means.shape)}")
        return means


def _positive_int(value: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: expected int, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name}: expected at least 1, got {value}")
    return value


def _number(value: float, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    return float(value)
