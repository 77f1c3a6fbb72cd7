"""log_prob, entropy, moments and divergences against exact numbers."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
import scipy.stats
import torch
from torch.distributions import VonMises, kl_divergence
from torch.nn.functional import normalize

from distributions import vmf_oracle as oracle
from longtail.distributions import HypersphericalUniform, VonMisesFisher
from longtail.distributions import _normaliser as normaliser

EPS = torch.finfo(torch.float64).eps
DIMENSIONS = (2, 3, 5, 64, 2048, 32768, 100_000)
CONCENTRATIONS = (0.0, 1e-6, 0.1, 1.0, 7.5, 30.0, 1e3, 1638.0, 2e4, 3e5, 1e8)
CELLS = tuple(itertools.product(DIMENSIONS, CONCENTRATIONS))


def at_versine(p: int, versine: float, dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two unit vectors with cosine 1 - versine."""
    loc = torch.zeros(p, dtype=torch.float64)
    loc[0] = 1
    x = torch.zeros(p, dtype=torch.float64)
    x[0], x[1] = 1 - versine, math.sqrt(versine * (2 - versine))
    return loc.to(dtype), x.to(dtype)


@pytest.mark.parametrize(("p", "k"), CELLS)
def test_functions_of_the_concentration(p, k):
    t = torch.tensor(k, dtype=torch.float64)
    for name, contract in (("psi", 16), ("mean_length", 4), ("mean_versine", 40)):
        found = getattr(normaliser, name)(p, t).item()
        exact = getattr(oracle, name)(p, k)
        # psi is k - log H where k is small, and a difference of Stirling's terms where large.
        size = max(1, exact, min(k, p * math.log(k + 2))) if name == "psi" else exact
        assert abs(found - exact) <= contract * EPS * size, (name, found, exact)
    found = normaliser.mean_length_slope(p, t).item()
    assert found == pytest.approx(oracle.slope(p, k), rel=16 * EPS, abs=0)


@pytest.mark.parametrize(("p", "k"), CELLS)
@pytest.mark.parametrize("away", (0.0, 0.3, 1.0, 2.0))
def test_log_prob(p, k, away):
    versine = min(away, away * 5 * oracle.mean_versine(p, k)) if k else away
    loc, x = at_versine(p, versine)
    # The versine that float64 vectors really have.
    versine = 0.5 * (x - loc).square().sum().item()
    found = VonMisesFisher(loc, torch.tensor(k, dtype=torch.float64)).log_prob(x).item()
    exact = oracle.log_density_at(p, k, versine)
    assert abs(found - exact) <= 16 * EPS * max(abs(exact), oracle.log_area(p), p, k * versine)


@pytest.mark.parametrize("p", (3, 64))
def test_log_prob_of_float32_near_the_mode(p):
    """k (1 - t) has all float32 digits, where k t - log C would have none left."""
    k = 1e8
    loc = normalize(torch.randn(p, generator=torch.Generator().manual_seed(0)), dim=0)
    distribution = VonMisesFisher(loc, k)
    x = distribution.sample((50,), generator=1)
    versine = 0.5 * (x.double() - loc.double()).square().sum(-1)
    exact = [oracle.log_density_at(p, k, v) for v in versine.tolist()]
    exact = torch.tensor(exact, dtype=torch.float64)
    torch.testing.assert_close(distribution.log_prob(x).double(), exact, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("k", (0.0, 1e-6, 0.7, 12.0, 1e4))
def test_circle_is_von_mises(k):
    angle = torch.linspace(-3, 3, 13, dtype=torch.float64)
    x = torch.stack([angle.cos(), angle.sin()], dim=-1)
    loc = torch.tensor([math.cos(0.4), math.sin(0.4)], dtype=torch.float64)
    ours = VonMisesFisher(loc, torch.tensor(k, dtype=torch.float64)).log_prob(x)
    # torch's own is good to about 1e-7: it evaluates I_0 by a float32 polynomial.
    theirs = VonMises(torch.tensor(0.4).double(), torch.tensor(max(k, 1e-9)).double()).log_prob(
        angle
    )
    torch.testing.assert_close(ours, theirs, rtol=2e-6, atol=2e-6)
    log_i0 = mpmath.log(mpmath.besseli(0, k))
    exact = [
        float(k * mpmath.cos(a - mpmath.mpf("0.4")) - mpmath.log(2 * mpmath.pi) - log_i0)
        for a in angle.tolist()
    ]
    exact = torch.tensor(exact, dtype=torch.float64)
    torch.testing.assert_close(ours, exact, rtol=1e-13, atol=1e-11)


@pytest.mark.parametrize("k", (1e-6, 0.7, 12.0, 600.0, 1e8))
def test_sphere_has_a_closed_form(k):
    loc, x = at_versine(3, 2 / k if k > 1 else 0.5)
    versine = 0.5 * (x - loc).square().sum().item()
    distribution = VonMisesFisher(loc, torch.tensor(k, dtype=torch.float64))
    exact = math.log(k / (2 * math.pi * -math.expm1(-2 * k))) - k * versine
    assert distribution.log_prob(x).item() == pytest.approx(exact, rel=1e-13, abs=0)
    with mpmath.workdps(40):
        coth = mpmath.coth(mpmath.mpf(k)) - 1 / mpmath.mpf(k)
    assert distribution.mean_resultant_length.item() == pytest.approx(float(coth), rel=1e-14, abs=0)


@pytest.mark.parametrize("p", (2, 3, 5, 64, 2048))
@pytest.mark.parametrize("k", (0.5, 40.0, 3000.0))
def test_density_integrates_to_one(p, k):
    """Over the sphere: the area of a cap's edge at angle a is S_(p-2) sin(a)^(p-2)."""
    mean, deviation = oracle.mean_length(p, k), math.sqrt(oracle.slope(p, k))
    low, high = max(-1.0, mean - 40 * deviation), min(1.0, mean + 14 * deviation)
    angle = torch.linspace(math.acos(high), math.acos(low), 4001, dtype=torch.float64)
    x = torch.zeros(len(angle), p, dtype=torch.float64)
    x[:, 0], x[:, 1] = angle.cos(), angle.sin()
    loc, _ = at_versine(p, 0.0)
    log_density = VonMisesFisher(loc, k).log_prob(x)
    edge = math.log(2) if p == 2 else oracle.log_area(p - 1)
    log_sine = angle.sin().abs().log() * (p - 2) if p > 2 else torch.zeros_like(angle)
    total = torch.trapezoid(torch.exp(log_density + edge + log_sine), angle).item()
    assert total == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("p", "k"), CELLS)
def test_entropy(p, k):
    loc, _ = at_versine(p, 0.0)
    found = VonMisesFisher(loc, torch.tensor(k, dtype=torch.float64)).entropy().item()
    exact = oracle.entropy(p, k)
    assert abs(found - exact) <= 32 * EPS * max(abs(exact), p * math.log(p + k))


def test_scipy_agrees_where_it_works():
    rng = torch.Generator().manual_seed(3)
    loc = normalize(torch.randn(10, dtype=torch.float64, generator=rng), dim=0)
    ours = VonMisesFisher(loc, torch.tensor(17.0, dtype=torch.float64))
    theirs = scipy.stats.vonmises_fisher(loc.numpy(), 17.0)
    x = ours.sample((20,), generator=rng)
    torch.testing.assert_close(ours.log_prob(x), torch.from_numpy(theirs.logpdf(x.numpy())))
    assert ours.entropy().item() == pytest.approx(theirs.entropy())


@pytest.mark.parametrize(("p", "k"), ((2, 0.0), (3, 4.0), (5, 1e-6), (5, 900.0), (64, 30.0)))
def test_covariance(p, k):
    """Its eigenvalues are A' along loc and A/k across; its trace is 1 - A^2."""
    loc = normalize(torch.arange(1.0, p + 1).double(), dim=0)
    distribution = VonMisesFisher(loc, torch.tensor(k, dtype=torch.float64))
    covariance = distribution.covariance_matrix
    length = oracle.mean_length(p, k)
    across = length / k if k else 1 / p
    torch.testing.assert_close(covariance @ loc, oracle.slope(p, k) * loc, rtol=1e-12, atol=1e-15)
    other = torch.zeros_like(loc)
    other[0], other[1] = loc[1], -loc[0]
    torch.testing.assert_close(covariance @ other, across * other, rtol=1e-12, atol=1e-15)
    assert covariance.trace().item() == pytest.approx(1 - length**2, rel=1e-12, abs=0)
    torch.testing.assert_close(distribution.variance, covariance.diagonal())
    torch.testing.assert_close(distribution.stddev, covariance.diagonal().sqrt())
    torch.testing.assert_close(distribution.mean, length * loc, rtol=1e-14, atol=0)
    assert torch.equal(distribution.mode, loc)


@pytest.mark.parametrize("p", (2, 3, 64, 2048))
@pytest.mark.parametrize(
    ("k1", "k2"),
    ((0.0, 0.0), (0.0, 3.0), (1e-6, 2e-6), (5.0, 0.0), (2.0, 9.0), (700.0, 650.0), (1e8, 10.0),
     (10.0, 1e8), (1e8, 0.9e8)),
)  # fmt: skip
@pytest.mark.parametrize("away", (0.0, 0.7, 2.0))
def test_divergence(p, k1, k2, away):
    loc, other = at_versine(p, away)
    first = VonMisesFisher(loc, torch.tensor(k1, dtype=torch.float64))
    second = VonMisesFisher(other, torch.tensor(k2, dtype=torch.float64))
    versine = 0.5 * (other - loc).square().sum().item()
    exact = oracle.divergence(p, k1, k2, versine)
    found = kl_divergence(first, second).item()
    assert found >= 0
    # Between equal directions it is a difference of nearly equal log normalisers.
    rounding = 32 * EPS * min(max(k1, k2), p * math.log(k1 + k2 + p))
    assert abs(found - exact) <= 32 * EPS * exact + (rounding if k1 >= 1 else 0)


@pytest.mark.parametrize("p", (2, 3, 64))
@pytest.mark.parametrize("k", (0.0, 1e-6, 0.4, 80.0, 1e8))
def test_divergence_from_the_uniform(p, k):
    loc, _ = at_versine(p, 0.0)
    distribution = VonMisesFisher(loc, torch.tensor(k, dtype=torch.float64))
    uniform = HypersphericalUniform(p, dtype=torch.float64)
    to_uniform = kl_divergence(distribution, uniform).item()
    assert to_uniform == pytest.approx(oracle.divergence(p, k, 0.0, 0.0), rel=1e-12, abs=0)
    assert kl_divergence(uniform, distribution).item() == pytest.approx(
        oracle.log_hyp(p, k), rel=1e-14, abs=0
    )
    assert kl_divergence(uniform, uniform).item() == 0


def test_divergence_by_sampling():
    rng = torch.Generator().manual_seed(5)
    loc = normalize(torch.randn(2, 12, dtype=torch.float64, generator=rng), dim=-1)
    first, second = VonMisesFisher(loc[0], 9.0), VonMisesFisher(loc[1], 4.0)
    x = first.sample((40_000,), generator=rng)
    difference = first.log_prob(x) - second.log_prob(x)
    error = (difference.mean() - kl_divergence(first, second)).abs()
    assert error < 4 * difference.std() / len(x) ** 0.5


def test_uniform_is_concentration_zero():
    uniform = HypersphericalUniform(7, dtype=torch.float64)
    loc, x = at_versine(7, 0.6)
    zero = VonMisesFisher(loc, 0.0)
    torch.testing.assert_close(uniform.log_prob(x), zero.log_prob(x))
    torch.testing.assert_close(uniform.entropy(), zero.entropy())
    torch.testing.assert_close(uniform.variance, zero.variance)
    torch.testing.assert_close(uniform.covariance_matrix, zero.covariance_matrix)
    torch.testing.assert_close(uniform.mean, zero.mean)
    assert uniform.log_prob(x).item() == pytest.approx(-math.log(16 * math.pi**3 / 15))
