"""VonMisesFisherMixture: recovery, monotone EM, and the habits of scikit-learn."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily
from torch.nn.functional import normalize

from kit.layouts import threads
from longtail.distributions import VonMisesFisher, VonMisesFisherMixture
from longtail.distributions import _em as em
from longtail.distributions import _kmeans as kmeans


def synthetic(n: int = 3000, p: int = 10, dtype=torch.float64):
    """Return rows of three components, their labels and the mixture's parameters."""
    rng = torch.Generator().manual_seed(0)
    means = torch.linalg.qr(torch.randn(p, 3, dtype=dtype, generator=rng)).Q.mT
    concentrations = torch.tensor([20.0, 60.0, 200.0], dtype=dtype)
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=dtype)
    label = torch.multinomial(weights, n, replacement=True, generator=rng)
    x = VonMisesFisher(means[label], concentrations[label]).sample(generator=rng)
    return x, label, (weights, means, concentrations)


def overlapping(n: int = 500, p: int = 5, dtype=torch.float64) -> torch.Tensor:
    """Return rows in which EM has to work: wide clouds on top of each other."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(n, p, dtype=dtype, generator=rng)
    x[: n // 2, 0] += 1.0
    x[n // 3 :, 1] += 0.8
    return normalize(x, dim=-1)


@pytest.mark.parametrize("dtype", (torch.float64, torch.float32))
def test_components_are_recovered(dtype):
    x, label, (weights, means, concentrations) = synthetic(dtype=dtype)
    mixture = VonMisesFisherMixture(3, generator=0, n_init=3).fit(x)
    assert mixture.converged_
    order = (means @ mixture.means_.mT).argmax(dim=1)
    assert sorted(order.tolist()) == [0, 1, 2]
    assert (mixture.weights_[order] - weights).abs().max() < 0.03
    assert (1 - (means * mixture.means_[order]).sum(-1)).abs().max() < 5e-3
    assert (mixture.concentrations_[order] / concentrations - 1).abs().max() < 0.08
    assert (order[label] == mixture.predict(x)).double().mean() > 0.995
    assert mixture.means_.dtype == dtype


@pytest.mark.parametrize("n_components", (1, 2, 7))
@pytest.mark.parametrize("limit", (1e6, 2.0))
def test_no_step_lowers_the_likelihood(n_components, limit):
    """EM steps by hand, not as `climb` filters them; the limit is reached in the second case."""
    x = overlapping()
    components = kmeans.start_components(
        x, n_components, means=None, max_concentration=limit, generator=None
    )
    reached = -math.inf
    for _ in range(30):
        statistics = em.expectation(x, components)
        assert statistics.log_likelihood.item() >= reached - 1e-13
        reached = statistics.log_likelihood.item()
        components = em.maximisation(statistics, components, limit)
        assert components.weights.sum().item() == pytest.approx(1)
        assert (components.concentrations <= limit).all()
    if n_components > 1:
        assert (components.concentrations == limit).any() == (limit == 2.0)


def test_history_rises_to_the_lower_bound():
    x = overlapping()
    mixture = VonMisesFisherMixture(4, generator=3, tol=0.0, max_iterations=40).fit(x)
    steps = [b - a for a, b in zip(mixture.history_, mixture.history_[1:], strict=False)]
    assert all(step >= 0 for step in steps) and steps[0] > 0
    assert len(mixture.history_) == mixture.n_iter_ + 1
    assert mixture.lower_bound_ == mixture.history_[-1]
    assert mixture.lower_bound_ == pytest.approx(mixture.score(x), abs=1e-12)


def test_one_component_is_the_maximum_likelihood_fit():
    x = overlapping()
    mixture = VonMisesFisherMixture(1).fit(x)
    fitted = VonMisesFisher.fit(x, bias_correction=False)
    torch.testing.assert_close(mixture.means_[0], fitted.loc)
    torch.testing.assert_close(mixture.concentrations_[0], fitted.concentration)
    assert mixture.score(x) == pytest.approx(fitted.log_prob(x).mean().item(), abs=1e-12)


@pytest.mark.parametrize("dtype", (torch.float64, torch.float32))
def test_scores_agree_with_torch_distributions(dtype):
    x, _, _ = synthetic(dtype=dtype)
    mixture = VonMisesFisherMixture(3, generator=0).fit(x)
    exact = MixtureSameFamily(
        Categorical(mixture.weights_),
        VonMisesFisher(mixture.means_, mixture.concentrations_),
    )
    tolerance = 1e-11 if dtype == torch.float64 else 2e-4
    scores = mixture.score_samples(x)
    assert scores.dtype == torch.float64
    torch.testing.assert_close(scores, exact.log_prob(x).double(), rtol=0, atol=tolerance)
    n, free = len(x), 3 * 10 + 2
    assert free == 3 * (10 - 1) + 3 + 2
    total = scores.sum().item()
    assert mixture.bic(x) == pytest.approx(free * math.log(n) - 2 * total)
    assert mixture.aic(x) == pytest.approx(2 * free - 2 * total)
    probability = mixture.predict_proba(x)
    torch.testing.assert_close(probability.sum(1), torch.ones_like(probability[:, 0]))
    assert torch.equal(probability.argmax(1), mixture.predict(x))
    assert mixture.predict(x[:0]).shape == (0,)


def test_bic_finds_the_number_of_components():
    x, _, _ = synthetic(500)
    bic = [VonMisesFisherMixture(k, generator=0, n_init=3).fit(x).bic(x) for k in (1, 2, 3, 4)]
    assert bic.index(min(bic)) == 2


def test_more_starts_are_no_worse():
    x = overlapping(300)
    one = VonMisesFisherMixture(6, generator=0).fit(x)
    many = VonMisesFisherMixture(6, generator=0, n_init=4).fit(x)
    assert many.lower_bound_ >= one.lower_bound_


def test_float32_rows_find_the_float64_mixture():
    """With components so concentrated that float32 products alone would miss them."""
    rng = torch.Generator().manual_seed(4)
    means = torch.eye(3, dtype=torch.float64)
    k = torch.tensor([50.0, 1e4, 3e5], dtype=torch.float64)
    label = torch.arange(3000) % 3
    x = VonMisesFisher(means[label], k[label]).sample(generator=rng)
    wide = VonMisesFisherMixture(3, generator=0).fit(x)
    narrow = VonMisesFisherMixture(3, generator=0).fit(x.float())
    torch.testing.assert_close(
        narrow.concentrations_.sort().values, wide.concentrations_.sort().values, rtol=1e-4, atol=0
    )


def test_fewer_distinct_rows_than_components():
    """Spikes end at the limit; spare components neither divide by zero nor spoil the others."""
    x = torch.eye(4, dtype=torch.float64)[:2].repeat(10, 1)
    mixture = VonMisesFisherMixture(5, generator=0, max_concentration=1e4).fit(x)
    assert mixture.weights_.isfinite().all() and mixture.means_.isfinite().all()
    assert (mixture.concentrations_ <= 1e4).all()
    assert mixture.predict(x)[:2].unique().numel() == 2
    assert mixture.score_samples(x).isfinite().all()


def test_an_empty_component_keeps_its_place():
    x = overlapping()
    far = em.Components(
        torch.tensor([1.0, 0.0], dtype=torch.float64),
        normalize(torch.tensor([[1.0, 1, 0, 0, 0], [0, 0, 0, 0, 1]], dtype=torch.float64), dim=-1),
        torch.tensor([2.0, 7.0], dtype=torch.float64),
    )
    after = em.maximisation(em.expectation(x, far), far, 1e6)
    assert after.weights.tolist() == [1.0, 0.0]
    assert torch.equal(after.means[1], far.means[1]) and after.concentrations[1] == 7.0
    assert after.concentrations[0] != 2.0


def test_starts_are_spread():
    """k-means++ puts one centre into each of well separated clusters; Lloyd fills empty ones."""
    _, label, (_, means, _) = synthetic(600)
    x = VonMisesFisher(means[label], 500.0).sample(generator=1)
    generator = torch.Generator().manual_seed(0)
    hits = 0
    for _ in range(20):
        chosen = kmeans._plus_plus(x, 3, generator)
        hits += len(set((chosen @ means.mT).argmax(1).tolist())) == 3
    assert hits >= 19
    # Two means in one place: the empty cluster must move.
    refined = kmeans._lloyd(x, means[[0, 0, 1]])
    assert sorted((refined @ means.mT).argmax(1).tolist()) == [0, 1, 2]


def test_starting_means_are_used():
    x, _, (_, means, _) = synthetic(600)
    mixture = VonMisesFisherMixture(3, means_init=means[[2, 0, 1]]).fit(x)
    assert (mixture.means_ @ means.mT).argmax(1).tolist() == [2, 0, 1]


def test_fits_repeat_with_a_seed_and_for_any_number_of_threads():
    x, _, _ = synthetic(2000, dtype=torch.float32)
    fits = []
    for count in (1, 2, 2):
        with threads(count):
            fits.append(VonMisesFisherMixture(4, generator=7, n_init=2).fit(x))
    for fit in fits[1:]:
        assert torch.equal(fit.means_, fits[0].means_)
        assert fit.history_ == fits[0].history_
    generator = torch.Generator().manual_seed(7)
    again = VonMisesFisherMixture(4, generator=generator, n_init=2).fit(x)
    assert torch.equal(again.means_, fits[0].means_)


def test_samples_come_from_the_mixture():
    x, _, _ = synthetic()
    mixture = VonMisesFisherMixture(3, generator=0).fit(x)
    drawn, label = mixture.sample(20_000, generator=1)
    assert drawn.shape == (20_000, 10) and label.shape == (20_000,)
    again, _ = mixture.sample(20_000, generator=1)
    assert torch.equal(drawn, again)
    share = torch.bincount(label, minlength=3) / 20_000
    assert (share - mixture.weights_).abs().max() < 4 * 0.5 / 20_000**0.5
    scores = mixture.score_samples(drawn)
    error = scores.std().item() / 20_000**0.5
    assert abs(scores.mean().item() - mixture.score(x)) < 6 * error
    refitted = VonMisesFisherMixture(3, generator=0).fit(drawn)
    order = (mixture.means_ @ refitted.means_.mT).argmax(dim=1)
    torch.testing.assert_close(
        refitted.concentrations_[order], mixture.concentrations_, rtol=0.05, atol=0
    )


def test_progress_is_reported():
    calls = []
    mixture = VonMisesFisherMixture(
        2, n_init=2, generator=0, progress=lambda *call: calls.append(call)
    ).fit(overlapping(100))
    assert len(calls) >= mixture.n_iter_
    done = [call[0] for call in calls]
    assert done == sorted(done) and calls[-1][1] == 2 * mixture.max_iterations
    assert "log-likelihood" in calls[0][2]


def test_numpy_rows_and_fit_predict():
    x, _, _ = synthetic(600)
    mixture = VonMisesFisherMixture(3, generator=0)
    predicted = mixture.fit_predict(x.numpy())
    assert torch.equal(predicted, mixture.predict(x))
    assert mixture.n_features_in_ == 10


def test_rows_are_left_alone():
    x = overlapping(60)
    before = x.clone()
    VonMisesFisherMixture(3, generator=0).fit(x).predict(x)
    assert torch.equal(x, before)


def test_copies_and_pickles():
    x = overlapping(100)
    mixture = VonMisesFisherMixture(2, generator=0).fit(x)
    for twin in (copy.deepcopy(mixture), pickle.loads(pickle.dumps(mixture))):
        assert torch.equal(twin.predict_proba(x), mixture.predict_proba(x))
    assert repr(mixture) == "VonMisesFisherMixture(n_components=2, p=5, fitted)"
    assert repr(VonMisesFisherMixture(2)) == "VonMisesFisherMixture(n_components=2)"
