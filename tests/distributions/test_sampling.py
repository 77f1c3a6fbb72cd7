"""Samples: their distribution, their determinism, and their gradients."""

from __future__ import annotations

import time

import pytest
import scipy.stats
import torch
from torch.nn.functional import normalize

from distributions import vmf_oracle as oracle
from kit.layouts import threads
from longtail.distributions import HypersphericalUniform, VonMisesFisher
from longtail.distributions import _marginal as marginal
from longtail.distributions._implicit import versine_slope


def random_direction(p: int, seed: int = 0, dtype=torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(p, dtype=dtype, generator=generator), dim=0)


MARGINALS = (
    (2, 0.0), (2, 0.6), (2, 50.0), (2, 1e6), (3, 0.0), (3, 1e-6), (3, 2.0), (3, 1e8), (4, 3.0),
    (5, 2.0), (8, 1e5), (64, 20.0), (64, 1e7), (2048, 1.0), (2048, 1500.0), (32768, 1638.0),
    (32768, 1e8), (100_000, 1e5),
)  # fmt: skip


@pytest.mark.parametrize(("p", "k"), MARGINALS)
def test_cosine_has_the_right_distribution(p, k):
    n = 20_000
    draws = marginal.draw_versine(
        p, torch.full((n,), k, dtype=torch.float64), torch.Generator().manual_seed(p)
    )
    assert ((draws >= 0) & (draws <= 2)).all()
    if k < 1e5:
        assert scipy.stats.kstest((1 - draws).numpy(), oracle.cdf_on_grid(p, k)).pvalue > 1e-3
    else:
        # 2 k (1 - t) is chi-squared with p - 1 degrees up to O(p/k); at p close to k, not.
        size = (draws.double() / oracle.mean_versine(p, k)).mean()
        error = (oracle.slope(p, k) / n) ** 0.5 / oracle.mean_versine(p, k)
        assert abs(size - 1) < 4 * error
        if p < 1e-4 * k:
            assert scipy.stats.kstest(2 * k * draws.numpy(), "chi2", (p - 1,)).pvalue > 1e-3


@pytest.mark.parametrize("p", (2, 3, 6))
def test_directions_across_the_mean_are_uniform(p):
    loc = random_direction(p)
    x = VonMisesFisher(loc, 4.0).sample((20_000,), generator=7)
    # An orthonormal basis of the space across loc.
    basis = torch.linalg.svd(loc.unsqueeze(0)).Vh[1:]
    across = normalize(x @ basis.mT, dim=-1)
    if p == 2:
        assert abs((across > 0).double().mean() - 0.5) < 4 * 0.5 / 20_000**0.5
        return
    # One coordinate of a uniform point on the sphere in R^(p-1).
    for column in across.mT:
        shape = (p - 2) / 2
        assert scipy.stats.kstest((column / 2 + 0.5).numpy(), "beta", (shape, shape)).pvalue > 1e-3


@pytest.mark.parametrize("first", (1.0, -1.0, 0.0, 1e-9, -1e-9))
def test_every_mean_direction_is_reached(first):
    """Along the first axis both ways, across it, and next to it: no cancellation anywhere."""
    loc = normalize(torch.tensor([first, 1e-9, 0.0, 0.0], dtype=torch.float64), dim=0)
    x = VonMisesFisher(loc, 1e4).sample((2000,), generator=3)
    torch.testing.assert_close(x.norm(dim=-1), torch.ones(2000).double(), rtol=0, atol=4e-16)
    cosine = (x @ loc).mean().item()
    assert cosine == pytest.approx(oracle.mean_length(4, 1e4), abs=3e-5)


@pytest.mark.parametrize(
    ("p", "k", "n"), ((2, 3.0, 4000), (3, 1e4, 4000), (64, 40.0, 4000), (2048, 900.0, 400),
                      (8192, 4e3, 200), (32768, 1638.0, 200), (32768, 1e6, 50)),
)  # fmt: skip
def test_fit_of_samples_recovers_the_parameters(p, k, n):
    loc = random_direction(p, seed=p)
    x = VonMisesFisher(loc, k).sample((n,), generator=11)
    fitted = VonMisesFisher.fit(x)
    # Var |s|^2 of the sum s, along loc and across it, by the delta method.
    slope = oracle.slope(p, k)
    error = (slope / n + (p - 1) / (2 * (k * n) ** 2)) ** 0.5 / slope
    assert abs(fitted.concentration.item() - k) < 3 * error
    # Each row is off loc by sqrt(1 - A^2) in all, the mean by 1/sqrt(n) of that, over A.
    length = oracle.mean_length(p, k)
    angle = ((1 - length**2) / n) ** 0.5 / length
    assert (fitted.loc - loc).norm() < 1.5 * angle + 3 * angle / p**0.5


def test_a_thousand_samples_at_32768_dimensions_take_seconds():
    loc = random_direction(32768, dtype=torch.float32)
    start = time.process_time()
    x = VonMisesFisher(loc, 1638.0).sample((1000,), generator=0)
    assert time.process_time() - start < 10
    assert (x.norm(dim=-1) - 1).abs().max() < 1e-5


@pytest.mark.parametrize("p", (2, 3, 17))
def test_samples_repeat_with_a_seed(p):
    loc = random_direction(p).expand(4, p)
    distribution = VonMisesFisher(loc, torch.tensor([0.0, 1.0, 30.0, 1e6]).double())
    by_seed = distribution.sample((500,), generator=42)
    assert torch.equal(by_seed, distribution.sample((500,), generator=42))
    generator = torch.Generator().manual_seed(42)
    assert torch.equal(by_seed, distribution.sample((500,), generator=generator))
    assert not torch.equal(by_seed, distribution.sample((500,), generator=generator))
    torch.manual_seed(42)
    assert torch.equal(by_seed, distribution.rsample((500,)))
    uniform = HypersphericalUniform(p)
    assert torch.equal(uniform.sample((9,), generator=1), uniform.rsample((9,), generator=1))


@pytest.mark.parametrize(("p", "n"), ((3, 3000), (40_000, 1), (5000, 40)))
def test_samples_do_not_depend_on_the_number_of_threads(p, n):
    loc = random_direction(p, dtype=torch.float32)
    found = []
    for count in (1, 2):
        with threads(count):
            found.append(VonMisesFisher(loc, 50.0).sample((n,), generator=5))
    assert torch.equal(*found)


def test_out_of_domain_concentrations_give_nan_rows_and_end():
    k = torch.tensor([float("nan"), float("inf"), -1.0, 2.0], dtype=torch.float64)
    for p in (3, 5):
        distribution = VonMisesFisher(random_direction(p), k, validate_args=False)
        x = distribution.sample((3,), generator=0)
        assert x[:, :3].isnan().all() and x[:, 3].isfinite().all()


def test_a_broken_generator_ends_in_an_error(monkeypatch):
    refuse = lambda m, x0, generator: (x0, torch.zeros_like(x0, dtype=torch.bool))  # noqa: E731
    monkeypatch.setattr(marginal, "_propose", refuse)
    with pytest.raises(RuntimeError, match="no draw accepted"):
        VonMisesFisher(random_direction(5), 1.0).sample()


SLOPES = (
    (2, 0.3), (2, 40.0), (2, 1e8), (3, 1e-6), (3, 6.0), (4, 100.0), (5, 2.0), (64, 8.0), (64, 3e4),
    (2048, 700.0), (32768, 1638.0), (32768, 1e8), (3, 52614509.69449455),
)  # fmt: skip


@pytest.mark.parametrize(("p", "k"), SLOPES)
def test_gradient_of_a_draw_is_that_of_its_quantile(p, k):
    """Against finite differences of the exact distribution function, in the middle and tails."""
    mean, deviation = oracle.mean_versine(p, k), oracle.slope(p, k) ** 0.5
    for steps in (-3.5, -0.8, 0.0, 1.7, 5.0) if p < 1000 else (-0.8, 4.0):
        versine = mean + steps * deviation
        if not 0 < versine < 2:
            continue
        found = versine_slope(
            p, torch.tensor(k, dtype=torch.float64), torch.tensor(versine, dtype=torch.float64)
        ).item()
        exact = oracle.gradient_of_draw(p, k, versine)
        assert found == pytest.approx(exact, rel=1e-10, abs=0), steps


@pytest.mark.parametrize(("p", "k"), ((2, 1.0), (3, 2.0), (5, 0.0), (5, 2.0), (300, 77.0)))
def test_mean_gradient_is_the_gradient_of_the_mean(p, k):
    """d/dk E[mu.x] = A'(k): at p = 5, k = 2 it is 0.147389."""
    loc = random_direction(p)
    concentration = torch.tensor(k, dtype=torch.float64, requires_grad=True)
    n = 40_000 if p < 100 else 4000
    drawn = VonMisesFisher(loc, concentration).rsample((n,), generator=2)
    each = -versine_slope(p, concentration.detach(), 1 - (drawn.detach() @ loc))
    (gradient,) = torch.autograd.grad((drawn @ loc).mean(), concentration)
    assert gradient.item() == pytest.approx(each.mean().item(), rel=1e-6, abs=0)
    exact = oracle.slope(p, k)
    if (p, k) == (5, 2.0):
        assert exact == pytest.approx(0.147389, abs=5e-7)
    assert abs(gradient.item() - exact) < 4 * each.std().item() / n**0.5


@pytest.mark.parametrize("p", (2, 3, 6))
def test_mean_gradient_in_the_direction(p):
    """E[g.x] = A g.mu, whose gradient along the sphere is A times g less its part along mu."""
    raw = torch.randn(p, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    raw.requires_grad_()
    loc = normalize(raw, dim=0)
    g = torch.arange(1.0, p + 1).double()
    n = 30_000
    x = VonMisesFisher(loc, 3.0).rsample((n,), generator=4)
    (gradient,) = torch.autograd.grad((x @ g).mean(), raw, retain_graph=True)
    expected = oracle.mean_length(p, 3.0) * g
    (exact,) = torch.autograd.grad((expected * loc).sum(), raw)
    assert (gradient - exact).norm() < 4 * g.norm() / raw.detach().norm() / n**0.5 * p**0.5


def test_a_moment_has_the_right_gradient_in_both_parameters():
    """E[(g.x)^2] = g^T (covariance + mean mean^T) g, through the whole rotation."""
    raw = torch.tensor([0.3, -0.5, 1.0, 0.2], dtype=torch.float64, requires_grad=True)
    k = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    g = torch.tensor([1.0, 2.0, -1.0, 0.5], dtype=torch.float64)
    distribution = VonMisesFisher(normalize(raw, dim=0), k)
    x = distribution.rsample((100_000,), generator=8)
    found = torch.autograd.grad((x @ g).square().mean(), [raw, k], retain_graph=True)
    second = distribution.covariance_matrix + distribution.mean.outer(distribution.mean)
    exact = torch.autograd.grad(g @ second @ g, [raw, k])
    torch.testing.assert_close(found[0], exact[0], rtol=0, atol=0.06)
    torch.testing.assert_close(found[1], exact[1], rtol=0, atol=0.004)


def test_second_derivatives_of_samples_are_refused():
    k = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    x = VonMisesFisher(random_direction(5), k).rsample((3,), generator=0)
    (gradient,) = torch.autograd.grad(x.sum(), k, create_graph=True)
    with pytest.raises(NotImplementedError, match="second derivative"):
        torch.autograd.grad(gradient, k)


def test_torch_func_differentiates_samples():
    loc = random_direction(6)

    def total(k):
        return VonMisesFisher(loc, k, validate_args=False).rsample((50,), generator=9).sum()

    k = torch.tensor(3.0, dtype=torch.float64)
    leaf = k.clone().requires_grad_()
    (exact,) = torch.autograd.grad(total(leaf), leaf)
    torch.testing.assert_close(torch.func.grad(total)(k), exact)
    torch.testing.assert_close(torch.func.jvp(total, (k,), (torch.ones_like(k),))[1], exact)
    with pytest.raises(NotImplementedError, match="second derivative"):
        torch.func.grad(torch.func.grad(total))(k)
