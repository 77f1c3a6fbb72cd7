"""The same distributions on a GPU: values and gradients as on the CPU, samples that repeat."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.distributions import kl_divergence
from torch.nn.functional import normalize

from distributions import vmf_oracle as oracle
from longtail.distributions import HypersphericalUniform, VonMisesFisher, VonMisesFisherMixture

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

K = (0.0, 1e-6, 0.5, 30.0, 1e4, 1e8)


def parameters(p: int, dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(p)
    raw = torch.randn(len(K), p, dtype=torch.float64, generator=generator)
    return normalize(raw, dim=-1).to(dtype), torch.tensor(K, dtype=dtype)


@pytest.mark.parametrize("p", (2, 3, 64, 2048))
@pytest.mark.parametrize("dtype", (torch.float64, torch.float32))
def test_values_and_gradients_are_those_of_the_cpu(p, dtype):
    loc, k = parameters(p, dtype)
    x = VonMisesFisher(loc, k).sample(generator=0)
    results = []
    for device in ("cpu", "cuda"):
        leaves = [t.to(device).requires_grad_() for t in (loc, k)]
        distribution = VonMisesFisher(*leaves)
        uniform = HypersphericalUniform(p, dtype=dtype, device=device)
        values = [
            distribution.log_prob(x.to(device)), distribution.entropy(), distribution.mean,
            distribution.variance, kl_divergence(distribution, uniform),
        ]  # fmt: skip
        gradients = torch.autograd.grad(sum(v.sum() for v in values), leaves)
        assert all(v.device.type == device for v in (*values, *gradients))
        results.append([v.cpu() for v in (*values, *gradients)])
    rtol = 1e-11 if dtype == torch.float64 else 1e-5
    for ours, expected in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(ours, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("p", (2, 3, 64, 2048))
def test_samples(p):
    loc, k = parameters(p)
    loc, k = loc.cuda(), k.cuda().requires_grad_()
    distribution = VonMisesFisher(loc, k)
    x = distribution.rsample((4000,), generator=1)
    assert torch.equal(x, distribution.sample((4000,), generator=1))
    versine = 0.5 * (x - loc).square().sum(-1).mean(0)
    for i, value in enumerate(K):
        error = (oracle.slope(p, value) / 4000) ** 0.5
        assert abs(versine[i].item() - oracle.mean_versine(p, value)) < 4.5 * error
    (gradient,) = torch.autograd.grad((x * loc).sum(-1).mean(0).sum(), k)
    exact = torch.tensor([oracle.slope(p, value) for value in K], dtype=torch.float64)
    torch.testing.assert_close(gradient.cpu(), exact, rtol=0.1, atol=0)


def test_fits():
    loc, _ = parameters(64)
    x = VonMisesFisher(loc[0], 40.0).sample((3000,), generator=2)
    here, there = VonMisesFisher.fit(x), VonMisesFisher.fit(x.cuda())
    assert there.loc.is_cuda
    torch.testing.assert_close(there.concentration.cpu(), here.concentration, rtol=1e-11, atol=0)
    mixture = VonMisesFisherMixture(3, generator=0)
    on_gpu = copy.deepcopy(mixture).fit(x.cuda())
    again = copy.deepcopy(mixture).fit(x.cuda())
    assert on_gpu.means_.is_cuda and on_gpu.predict(x.cuda()).is_cuda
    assert torch.equal(on_gpu.means_, again.means_)
    assert on_gpu.lower_bound_ == pytest.approx(mixture.fit(x).lower_bound_, rel=1e-3)
    drawn, label = on_gpu.sample(10, generator=3)
    assert drawn.is_cuda and label.is_cuda
