"""An exact Gaussian process whose Matern smoothness nu is learned with the other parameters.

    y_i = m + f(x_i) + noise_i,   cov(f(x), f(x')) = a^2 matern(nu, |x - x'| / l)

Written with ordinary torch: `longtail.matern` has gradients in nu and in the distance, twice,
so the fit is L-BFGS by autograd and the standard errors come from the exact Hessian
(C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, ch. 5).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor

import longtail

#: Order of the parameter vector; every entry is a logarithm, so that all of R^4 is allowed.
NU, LENGTH, AMPLITUDE, NOISE = range(4)

#: Added to the diagonal, relative to the amplitude: what float64 needs for smooth kernels.
JITTER = 1e-10


@dataclasses.dataclass(frozen=True)
class MaternFit:
    """The parameters at the maximum of the marginal likelihood, and how sure they are."""

    x: Tensor  # [n], float64
    y: Tensor  # [n], float64
    mean: float
    log_parameters: Tensor  # [4]: nu, length, amplitude, noise
    covariance: Tensor  # [4, 4], of log_parameters: the inverse Hessian
    log_likelihood: float
    evaluations: int

    @property
    def nu(self) -> float:
        """The smoothness."""
        return math.exp(float(self.log_parameters[NU]))

    @property
    def nu_error(self) -> float:
        """Standard error of nu, by the delta method from that of log nu."""
        return self.nu * math.sqrt(float(self.covariance[NU, NU]))

    @property
    def length(self) -> float:
        """The length scale, in units of x."""
        return math.exp(float(self.log_parameters[LENGTH]))

    @property
    def amplitude(self) -> float:
        """The standard deviation of f, in units of y."""
        return math.exp(float(self.log_parameters[AMPLITUDE]))

    @property
    def noise(self) -> float:
        """The standard deviation of the noise, in units of y."""
        return math.exp(float(self.log_parameters[NOISE]))

    def predict(self, at: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and standard deviation of m + f at points [k]: two tensors [k]."""
        amplitude_sq = self.amplitude**2
        factor = torch.linalg.cholesky(covariance_matrix(self.x, self.log_parameters))
        distance = (at[:, None] - self.x) / self.length
        cross = amplitude_sq * longtail.matern(
            torch.tensor(self.nu, dtype=at.dtype), distance.abs()
        )
        weights = torch.cholesky_solve((self.y - self.mean)[:, None], factor)[:, 0]
        explained = torch.linalg.solve_triangular(factor, cross.T, upper=False).square().sum(0)
        return self.mean + cross @ weights, (amplitude_sq - explained).clamp_min(0).sqrt()


def covariance_matrix(x: Tensor, log_parameters: Tensor) -> Tensor:
    """Covariance [n, n] of observations at x [n].

    Only pairs below the diagonal enter the kernel: on it the value is 1 and no derivative with
    respect to nu or the length is left, while d matern / dr may be infinite there (nu <= 1/2).
    """
    nu, length, amplitude, noise = log_parameters.exp().unbind()
    n = x.shape[0]
    row, column = torch.tril_indices(n, n, -1)
    below = longtail.matern(nu, (x[row] - x[column]).abs() / length)
    kernel = torch.zeros(n, n, dtype=x.dtype).index_put((row, column), below)
    diagonal = amplitude**2 * (1 + JITTER) + noise**2
    return amplitude**2 * (kernel + kernel.T) + diagonal * torch.eye(n, dtype=x.dtype)


def log_marginal_likelihood(x: Tensor, residual: Tensor, log_parameters: Tensor) -> Tensor:
    """log p(residual | x, parameters), a scalar: -(r' C^-1 r + log det C + n log 2 pi) / 2."""
    factor: Tensor = torch.linalg.cholesky(covariance_matrix(x, log_parameters))
    whitened: Tensor = torch.linalg.solve_triangular(factor, residual[:, None], upper=False)
    return (
        -0.5 * whitened.square().sum()
        - factor.diagonal().log().sum()
        - 0.5 * len(x) * math.log(2 * math.pi)
    )


def fit(
    x: Tensor,
    y: Tensor,
    *,
    start: tuple[float, float, float, float],
    learn_nu: bool = True,
    on_step: Callable[[int, float, float], None] | None = None,
    steps: int = 60,
) -> MaternFit:
    """Maximise the marginal likelihood over (nu, length, amplitude, noise) from `start`.

    x and y are [n], float64. `learn_nu=False` keeps nu where it starts, and its row and column
    of the covariance are 0. `on_step(evaluation, nu, log likelihood)` is called as it goes.
    """
    mean = float(y.mean())
    residual = y - mean
    origin = torch.tensor(start, dtype=torch.float64).log()
    first = NU if learn_nu else LENGTH
    free = origin[first:].clone().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [free],
        max_iter=steps,
        tolerance_grad=1e-5,
        tolerance_change=1e-9,
        line_search_fn="strong_wolfe",
    )
    evaluations = 0

    def negative(free: Tensor) -> Tensor:
        parameters = torch.cat([origin[:first], free])
        return -log_marginal_likelihood(x, residual, parameters)

    def loss() -> Tensor:
        nonlocal evaluations
        evaluations += 1
        optimiser.zero_grad()
        value = negative(free)
        value.backward()
        if on_step is not None:
            nu = (free if learn_nu else origin)[NU].detach()
            on_step(evaluations, math.exp(float(nu)), -float(value.detach()))
        return value

    optimiser.step(loss)
    best = free.detach()
    covariance = torch.zeros(4, 4, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(negative, best)
    covariance[first:, first:] = torch.linalg.inv(hessian)
    return MaternFit(
        x=x,
        y=y,
        mean=mean,
        log_parameters=torch.cat([origin[:first], best]),
        covariance=covariance,
        log_likelihood=-float(negative(best)),
        evaluations=evaluations,
    )


def likelihood_along_nu(fit: MaternFit, width: float, points: int = 41) -> tuple[Tensor, Tensor]:
    """nu within `width` standard errors, and the log-likelihood there minus the maximum.

    The other parameters follow the ridge of the likelihood: they move by their regression on
    log nu, which the covariance gives.
    """
    slope = fit.covariance[NU] / fit.covariance[NU, NU]
    half = width * float(fit.covariance[NU, NU].sqrt())
    shifts = torch.linspace(-half, half, points, dtype=torch.float64)
    residual = fit.y - fit.mean
    values = [
        log_marginal_likelihood(fit.x, residual, fit.log_parameters + shift * slope)
        for shift in shifts
    ]
    grid = (fit.log_parameters[NU] + shifts).exp()
    return grid, torch.stack(values) - fit.log_likelihood


def simulate(x: Tensor, parameters: tuple[float, float, float, float], seed: int) -> Tensor:
    """One draw of the process (mean 0) with noise at x [n]: a tensor [n]."""
    generator = torch.Generator().manual_seed(seed)
    covariance = covariance_matrix(x, torch.tensor(parameters, dtype=torch.float64).log())
    normal = torch.randn(len(x), dtype=torch.float64, generator=generator)
    factor: Tensor = torch.linalg.cholesky(covariance)
    return factor @ normal
