"""The Matern process: its likelihood against SciPy, its derivatives, and nu recovered."""

import numpy as np
import pytest
import torch
from scipy import special, stats

from longtail.demos.bessel import process


def scipy_covariance(x, nu, length, amplitude, noise):
    distance = np.abs(x[:, None] - x) / length
    s = np.sqrt(2 * nu) * np.where(distance > 0, distance, 1)
    kernel = 2 ** (1 - nu) / special.gamma(nu) * s**nu * special.kv(nu, s)
    kernel = np.where(distance > 0, kernel, 1)
    return amplitude**2 * kernel + noise**2 * np.eye(len(x))


def test_likelihood_is_that_of_the_normal_distribution():
    x = np.sort(np.random.default_rng(0).uniform(0, 3, 20))
    y = np.sin(x)
    parameters = (1.3, 0.7, 1.2, 0.1)
    expected = stats.multivariate_normal(np.zeros(20), scipy_covariance(x, *parameters)).logpdf(y)
    found = process.log_marginal_likelihood(
        torch.from_numpy(x),
        torch.from_numpy(y),
        torch.tensor(parameters, dtype=torch.float64).log(),
    )
    assert float(found) == pytest.approx(expected, rel=1e-7)


def test_likelihood_has_exact_derivatives_twice():
    x = torch.linspace(0, 3, 6, dtype=torch.float64)
    y = torch.sin(x)

    def likelihood(log_parameters):
        return process.log_marginal_likelihood(x, y, log_parameters)

    at = torch.tensor([1.3, 0.7, 1.2, 0.3], dtype=torch.float64).log().requires_grad_()
    assert torch.autograd.gradcheck(likelihood, (at,))
    assert torch.autograd.gradgradcheck(likelihood, (at,))


def test_posterior_meets_the_points_where_there_is_little_noise():
    x = torch.linspace(0, 4, 25, dtype=torch.float64)
    fit = process.MaternFit(
        x=x,
        y=torch.sin(x),
        mean=0.0,
        log_parameters=torch.tensor([1.5, 1.0, 1.0, 1e-4], dtype=torch.float64).log(),
        covariance=torch.eye(4, dtype=torch.float64),
        log_likelihood=0.0,
        evaluations=0,
    )
    at = torch.cat([x, torch.tensor([50.0], dtype=torch.float64)])
    mean, deviation = fit.predict(at)
    torch.testing.assert_close(mean[:-1], torch.sin(x), rtol=0, atol=1e-5)
    assert float(deviation[:-1].max()) < 1e-3
    assert float(mean[-1]) == pytest.approx(0, abs=1e-9)  # far away: the prior
    assert float(deviation[-1]) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nu_is_recovered_within_its_standard_error(seed):
    """Three draws; each deviation is about standard normal, so 3 fails by chance 1 in 120."""
    truth = (1.4, 0.6, 1.0, 0.02)
    generator = torch.Generator().manual_seed(100 + seed)
    x = torch.rand(120, dtype=torch.float64, generator=generator).mul(8).sort().values
    fit = process.fit(x, process.simulate(x, truth, seed), start=(0.8, 0.3, 0.7, 0.05))
    assert abs(fit.nu - truth[0]) < 3 * fit.nu_error
    assert 0.02 < fit.nu_error < 0.5


def test_a_fixed_nu_stays_and_costs_likelihood():
    x = torch.linspace(0, 6, 60, dtype=torch.float64)
    y = process.simulate(x, (1.4, 0.6, 1.0, 0.02), 0)
    start = (0.5, 0.3, 0.7, 0.05)
    fixed = process.fit(x, y, start=start, learn_nu=False)
    learned = process.fit(x, y, start=start)
    assert fixed.nu == pytest.approx(0.5, rel=1e-14) and fixed.nu_error == 0
    assert learned.log_likelihood > fixed.log_likelihood + 1
