"""What torch.distributions promise: batches, expand, dtypes, copies, gradients, transforms."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.distributions import Categorical, Independent, MixtureSameFamily, kl_divergence
from torch.nn.functional import normalize

from distributions import vmf_oracle as oracle
from longtail.distributions import HypersphericalUniform, VonMisesFisher, sphere

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def directions(*shape: int, seed: int = 0, dtype=torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randn(*shape, dtype=torch.float64, generator=generator)
    return normalize(draws, dim=-1).to(dtype)


def unchecked_log_prob(raw, k, x):
    return VonMisesFisher(normalize(raw, dim=-1), k, validate_args=False).log_prob(x)


@pytest.mark.parametrize(
    ("loc_shape", "k_shape", "batch"),
    (((3,), (), ()), ((3,), (4,), (4,)), ((4, 3), (), (4,)), ((2, 1, 3), (5,), (2, 5)),
     ((0, 3), (), (0,)), ((3,), (0,), (0,))),
)  # fmt: skip
def test_shapes(loc_shape, k_shape, batch):
    distribution = VonMisesFisher(directions(*loc_shape), torch.full(k_shape, 2.0).double())
    assert distribution.batch_shape == batch and distribution.event_shape == (3,)
    x = distribution.rsample((7, 2))
    assert x.shape == (7, 2, *batch, 3)
    assert distribution.log_prob(x).shape == (7, 2, *batch)
    for name in ("mean", "mode", "variance", "stddev"):
        assert getattr(distribution, name).shape == (*batch, 3), name
    assert distribution.covariance_matrix.shape == (*batch, 3, 3)
    assert distribution.mean_resultant_length.shape == batch
    assert distribution.entropy().shape == batch
    assert kl_divergence(distribution, distribution).shape == batch
    assert kl_divergence(distribution, HypersphericalUniform(3)).shape == batch
    assert kl_divergence(HypersphericalUniform(3), distribution).shape == batch


def test_expand():
    one = VonMisesFisher(directions(3), torch.tensor(2.0).double())
    many = one.expand((5, 2))
    assert many.batch_shape == (5, 2) and type(many) is VonMisesFisher
    x = one.sample((4, 5, 2))
    assert torch.equal(many.log_prob(x), one.log_prob(x))
    uniform = HypersphericalUniform(3, (1,), dtype=torch.float64).expand((5, 2))
    assert uniform.sample((4,)).shape == (4, 5, 2, 3)
    assert uniform.log_prob(x).shape == (4, 5, 2)
    unchecked = VonMisesFisher(directions(3), 1.0, validate_args=False)
    assert unchecked.expand((2,))._validate_args is False


def test_it_composes_with_torch_distributions():
    distribution = VonMisesFisher(directions(4, 3), 5.0)
    assert Independent(distribution, 1).log_prob(distribution.sample()).shape == ()
    mixture = MixtureSameFamily(Categorical(torch.ones(4)), distribution)
    assert mixture.log_prob(mixture.sample((6,))).shape == (6,)
    torch.testing.assert_close(mixture.mean, distribution.mean.mean(0))
    assert distribution.has_rsample and not distribution.has_enumerate_support
    assert distribution.support is sphere
    assert set(distribution.arg_constraints) == {"loc", "concentration"}


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype):
    """Results have the dtype of the arguments and its rounding, no more than a few times."""
    loc = directions(16, dtype=dtype)
    distribution = VonMisesFisher(loc, torch.tensor(8.0, dtype=dtype))
    x = distribution.sample((6,), generator=0)
    eps = torch.finfo(dtype).eps
    for value in (x, distribution.log_prob(x), distribution.mean, distribution.entropy(),
                  distribution.variance, distribution.covariance_matrix,
                  kl_divergence(distribution, distribution)):  # fmt: skip
        assert value.dtype == dtype
    versine = 0.5 * (x.double() - loc.double()).square().sum(-1)
    exact = torch.tensor(
        [oracle.log_density_at(16, 8.0, v) for v in versine.tolist()], dtype=torch.float64
    )
    assert (distribution.log_prob(x).double() - exact).abs().max() < 16 * eps
    assert distribution.entropy().item() == pytest.approx(oracle.entropy(16, 8.0), abs=2 * eps)
    uniform = HypersphericalUniform(16, dtype=dtype)
    assert uniform.sample().dtype == uniform.mean.dtype == uniform.entropy().dtype == dtype
    assert kl_divergence(distribution, uniform).dtype == dtype


def test_mixed_dtypes_promote():
    distribution = VonMisesFisher(directions(3).float(), torch.tensor([2.0, 3.0]).double())
    assert distribution.sample().dtype == torch.float64
    narrow = VonMisesFisher(directions(3).float(), 2.0)
    assert narrow.log_prob(directions(3)).dtype == torch.float64
    assert narrow.concentration.dtype == torch.float32


@pytest.mark.parametrize("copying", ("deepcopy", "pickle", "save"))
def test_copies(copying):
    distribution = VonMisesFisher(directions(2, 3), torch.tensor([1.0, 9.0]).double())
    uniform = HypersphericalUniform(3, (2,), dtype=torch.float64)
    for original in (distribution, uniform):
        if copying == "deepcopy":
            twin = copy.deepcopy(original)
        elif copying == "pickle":
            twin = pickle.loads(pickle.dumps(original))
        else:
            buffer = io.BytesIO()
            torch.save(original, buffer)
            buffer.seek(0)
            twin = torch.load(buffer, weights_only=False)
        x = original.sample(generator=0)
        assert torch.equal(twin.sample(generator=0), x)
        assert torch.equal(twin.log_prob(x), original.log_prob(x))
        assert "loc" not in vars(twin) or repr(twin) == repr(original)


@pytest.mark.parametrize("p", (2, 3, 9, 700))
@pytest.mark.parametrize("k", (0.0, 1e-3, 4.0, 300.0))
def test_log_prob_is_differentiable_twice(p, k):
    raw = directions(p).requires_grad_()
    # At 0 a central difference would leave the domain.
    concentration = torch.tensor([max(k, 1e-2), 2 * k + 0.1], dtype=torch.float64).requires_grad_()
    x = directions(2, p, seed=1)
    if p < 100:
        assert gradcheck(unchecked_log_prob, (raw, concentration, x))
        assert gradgradcheck(unchecked_log_prob, (raw, concentration, x))
    t = torch.tensor(k, dtype=torch.float64, requires_grad=True)
    loc = directions(p)
    value = VonMisesFisher(loc, t).log_prob(x[0])
    (first,) = torch.autograd.grad(value, t, create_graph=True)
    (second,) = torch.autograd.grad(first, t)
    assert first.item() == pytest.approx((x[0] @ loc).item() - oracle.mean_length(p, k), abs=1e-13)
    assert second.item() == pytest.approx(-oracle.slope(p, k), rel=1e-12, abs=0)


@pytest.mark.parametrize("p", (3, 64, 32768))
def test_score_keeps_its_digits_at_large_concentrations(p):
    """d/dk log f = (1 - A) - (1 - t), two numbers of 1e-8 whose difference is wanted."""
    k = torch.tensor(1e8, dtype=torch.float64, requires_grad=True)
    loc = directions(p)
    x = VonMisesFisher(loc, k.detach()).sample(generator=0)
    (score,) = torch.autograd.grad(VonMisesFisher(loc, k).log_prob(x), k)
    versine = 0.5 * (x - loc).square().sum().item()
    exact = oracle.mean_versine(p, 1e8)
    assert abs(score.item() - (exact - versine)) < 1e-13 * exact


def test_entropy_and_divergences_are_differentiable():
    def values(raw, k):
        first = VonMisesFisher(normalize(raw[0], dim=-1), k[0], validate_args=False)
        second = VonMisesFisher(normalize(raw[1], dim=-1), k[1], validate_args=False)
        uniform = HypersphericalUniform(5)
        return (
            first.entropy(), kl_divergence(first, second), kl_divergence(first, uniform),
            kl_divergence(uniform, second), first.mean, first.variance, first.covariance_matrix,
        )  # fmt: skip

    raw = directions(2, 5).requires_grad_()
    for k in ((3.0, 1.0), (0.5, 60.0), (80.0, 70.0)):
        assert gradcheck(values, (raw, torch.tensor(k, dtype=torch.float64, requires_grad=True)))


def test_fisher_information_is_the_hessian_of_the_divergence():
    loc = directions(6)

    def divergence(k):
        return kl_divergence(
            VonMisesFisher(loc, 4.0, validate_args=False),
            VonMisesFisher(loc, k, validate_args=False),
        )

    k = torch.tensor(4.0, dtype=torch.float64)
    assert torch.func.grad(divergence)(k).abs() < 1e-15
    information = torch.func.grad(torch.func.grad(divergence))(k)
    assert information.item() == pytest.approx(oracle.slope(6, 4.0), rel=1e-12, abs=0)


def test_torch_func():
    raw, x = directions(4, 6), directions(4, 6, seed=1)
    k = torch.tensor([0.5, 2.0, 30.0, 400.0], dtype=torch.float64)
    together = unchecked_log_prob(raw, k, x)
    torch.testing.assert_close(torch.func.vmap(unchecked_log_prob)(raw, k, x), together)
    per_sample = torch.func.vmap(torch.func.grad(unchecked_log_prob, argnums=(0, 1)))(raw, k, x)
    leaves = raw.clone().requires_grad_(), k.clone().requires_grad_()
    exact = torch.autograd.grad(unchecked_log_prob(*leaves, x).sum(), leaves)
    torch.testing.assert_close(per_sample, exact)
    forward = torch.func.jacfwd(unchecked_log_prob, argnums=1)(raw, k, x)
    torch.testing.assert_close(forward.diagonal(), exact[1])
    hessian = torch.func.hessian(lambda k: unchecked_log_prob(raw, k, x).sum())(k)
    slopes = torch.tensor([-oracle.slope(6, v) for v in k.tolist()], dtype=torch.float64)
    torch.testing.assert_close(hessian.diagonal(), slopes, rtol=1e-12, atol=0)


def test_log_prob_compiles_whole():
    compiled = torch.compile(unchecked_log_prob, fullgraph=True)
    raw, x = directions(6), directions(5, 6, seed=1)
    k = torch.tensor(7.0, dtype=torch.float64, requires_grad=True)
    value = compiled(raw, k, x)
    torch.testing.assert_close(value, unchecked_log_prob(raw, k, x))
    (found,) = torch.autograd.grad(value.sum(), k)
    (exact,) = torch.autograd.grad(unchecked_log_prob(raw, k, x).sum(), k)
    torch.testing.assert_close(found, exact)


def test_samples_are_drawn_inside_compiled_code():
    """The rejection loop breaks the graph, as torch's own samplers with loops do."""

    def step(loc, k):
        return 2 * VonMisesFisher(loc, k, validate_args=False).rsample((3,), generator=0)

    loc, k = directions(5), torch.tensor(3.0, dtype=torch.float64)
    torch.testing.assert_close(torch.compile(step)(loc, k), step(loc, k))


def test_non_contiguous_and_inference_mode():
    loc = directions(3, 8)
    transposed = loc.t().contiguous().t()
    k = torch.tensor(4.0, dtype=torch.float64).expand(3)
    x = directions(8, 2, 3).permute(1, 2, 0)
    x = x / x.norm(dim=-1, keepdim=True)
    with torch.inference_mode():
        found = VonMisesFisher(transposed, k).log_prob(x)
        assert VonMisesFisher(transposed, k).rsample().is_inference()
    torch.testing.assert_close(found, VonMisesFisher(loc, 4.0).log_prob(x.contiguous()))
