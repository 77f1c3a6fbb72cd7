"""KANLinear and AFKANLinear: what they compute, how they start, that they learn and travel."""

from __future__ import annotations

import copy
import io
import math

import pytest
import torch
from torch import Tensor, nn

import longtail
from longtail._kan_kinds import KINDS
from longtail.nn import AFKANLinear, KANLinear
from rational.kan_oracle import silu

METHODS = ("global_attn", "spatial_attn", "multistep")


def target(x: Tensor) -> Tensor:
    """Bends that no linear map follows."""
    return torch.stack([torch.sin(2 * x[:, 0]) + x[:, 1] ** 2, x[:, 2].abs() * x[:, 3].cos()], 1)


def train(model: nn.Module, steps: int = 150) -> float:
    """Mean squared error on held-out points after so many steps of Adam."""
    g = torch.Generator().manual_seed(0)
    x, held_out = torch.randn(512, 4, generator=g), torch.randn(512, 4, generator=g)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(x) - target(x)).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        return float((model(held_out) - target(held_out)).square().mean())


@pytest.fixture(scope="module")
def linear_error() -> float:
    torch.manual_seed(0)
    return train(nn.Linear(4, 2))


@pytest.mark.parametrize("basis", KINDS)
def test_learns_what_a_linear_layer_cannot(basis: str, linear_error: float) -> None:
    torch.manual_seed(0)
    assert train(KANLinear(4, 2, basis)) < 0.5 * linear_error


@pytest.mark.parametrize("method", METHODS)
def test_af_kan_learns(method: str, linear_error: float) -> None:
    """Two layers, as its inputs are reduced before the linear map; the control has two as well."""
    torch.manual_seed(0)
    model = nn.Sequential(AFKANLinear(4, 16, method=method), AFKANLinear(16, 2, method=method))
    torch.manual_seed(0)
    control = train(nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 2)))
    assert train(model) < 0.8 * min(control, linear_error)


@pytest.mark.parametrize("basis", KINDS)
def test_kan_linear_keeps_the_variance(basis: str) -> None:
    """1 at the start, with and without the base."""
    torch.manual_seed(1)
    x = torch.randn(2000, 96)
    for base in (True, False):
        with torch.no_grad():
            y = KANLinear(96, 192, basis, base=base)(x)
        # What a constant function adds is the same for all rows of one output.
        assert 0.85 < float(y.square().mean()) < 1.15


@pytest.mark.parametrize("basis", KINDS)
def test_kan_linear_is_the_function(basis: str) -> None:
    """Parameters in their places; x squashed for polynomials."""
    torch.manual_seed(2)
    module = KANLinear(6, 3, basis)
    x = torch.randn(4, 6)
    inner = torch.tanh(x) if basis in ("chebyshev", "legendre", "hermite") else x
    keywords: dict[str, object] = {}
    if basis == "relu_window":
        keywords["params"] = (module.start, module.end)
    elif basis == "mexican_hat":
        keywords["params"] = (module.scale, module.shift)
    elif module.grid is not None:
        keywords["grid"] = module.grid
    expected = longtail.kan_linear(
        inner, module.weight, basis, bias=module.bias, base_weight=module.base_weight, **keywords
    )
    assert torch.equal(module(x), expected)
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        assert module(x.to(dtype)).dtype == dtype
    assert copy.deepcopy(module).bfloat16()(x).dtype == torch.float32


def af_kan_twin(module: AFKANLinear, x: Tensor) -> Tensor:
    """The paper's layer in float64, straight from its formulas."""
    t = module.state_dict()
    a, b = silu(x[..., None] - t["start"][0]), silu(t["end"][0] - x[..., None])
    phi = (a * b) ** 2
    if module.function_norm == "batch":
        phi = phi / phi.norm()
        phi = (phi - phi.min()) / (phi.max() - phi.min())
    elif module.function_norm == "sample":
        flat = phi.flatten(-2)
        low, high = flat.min(-1).values, flat.max(-1).values
        phi = (phi - low[..., None, None]) / (high - low)[..., None, None]
    if module.method == "multistep":
        r = phi @ t["reduce.weight"][0]
    elif module.method == "global_attn":
        r = phi.sum(-1) * torch.softmax(phi @ t["reduce.weight"][0] / t["temperature"], -1)
    else:
        padded = nn.functional.pad(phi, (0, 0, 1, 1))
        w = t["reduce.weight"][:, 0]
        n = x.shape[-1]
        scores = sum(padded[..., j : j + n, :] * w[:, j] for j in range(3))
        r = (phi * torch.softmax(scores / t["temperature"], -2)).sum(-1)
    mean, variance = r.mean(-1, keepdim=True), r.var(-1, keepdim=True, unbiased=False)
    r = (r - mean) / torch.sqrt(variance + 1e-5) * t["norm.weight"] + t["norm.bias"]
    return silu(r) @ t["weight"].T + t["bias"]


@pytest.mark.parametrize("shape", [(9,), (2, 5), ()], ids=str)
@pytest.mark.parametrize("norm", ["sample", "batch", "none"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_af_kan_and_its_twin(
    dtype: torch.dtype, method: str, norm: str, shape: tuple[int, ...]
) -> None:
    """With copied weights: output and gradients in x and every parameter."""
    if dtype == torch.float32 and norm == "none":
        pytest.skip("functions of size 1e-2 leave LayerNorm to divide float32's noise by 1e-3")
    torch.manual_seed(3)
    module = AFKANLinear(11, 7, method=method, function_norm=norm, bias=True, dtype=dtype)
    nn.init.normal_(module.bias)
    x = torch.rand(*shape, 11, dtype=dtype, requires_grad=True)
    tolerance = 1e-10 if dtype == torch.float64 else 1e-5
    wide = copy.deepcopy(module).double()
    leaves = {name: each.detach().requires_grad_() for name, each in wide.named_parameters()}
    wide.state_dict = lambda: leaves
    wide_x = x.detach().double().requires_grad_()
    y, exact = module(x), af_kan_twin(wide, wide_x)
    torch.testing.assert_close(y.double(), exact, rtol=tolerance, atol=tolerance)
    grad = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    names = [name for name, _ in module.named_parameters()]
    got = torch.autograd.grad(y, [x, *(module.get_parameter(n) for n in names)], grad)
    expected = torch.autograd.grad(exact, [wide_x, *(leaves[n] for n in names)], grad.double())
    for mine, theirs in zip(got, expected, strict=True):
        scale = max(1.0, float(theirs.abs().max()))
        assert (mine.double() - theirs).abs().max() <= tolerance * scale


def test_af_kan_rows_do_not_mix() -> None:
    """Unless asked for the reference's way."""
    torch.manual_seed(0)
    x = torch.randn(6, 8)
    alone = AFKANLinear(8, 3)
    torch.testing.assert_close(alone(x[:2]), alone(x)[:2], rtol=1e-5, atol=1e-6)
    together = AFKANLinear(8, 3, function_norm="batch")
    x[2:] = x[2:] / 8 + 4  # where functions are small: alone, their largest becomes 1 all the same
    assert not torch.allclose(together(x[2:]), together(x)[2:], rtol=1e-3)


MODELS = {
    **{basis: lambda basis=basis: KANLinear(6, 6, basis) for basis in KINDS},
    "af_kan": lambda: AFKANLinear(6, 6),
}


@pytest.mark.parametrize("name", MODELS)
def test_copies_and_files(name: str) -> None:
    """deepcopy, pickle by torch.save, state dicts."""
    torch.manual_seed(0)
    module = MODELS[name]()
    x = torch.randn(3, 6)
    y = module(x)
    assert torch.equal(copy.deepcopy(module)(x), y)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    assert torch.equal(torch.load(file, weights_only=False)(x), y)
    other = MODELS[name]()
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(x), y)
    assert name.split("_")[0] in repr(module).lower().replace("-", "")


def test_mexican_hats_start_spread() -> None:
    """Over what inputs N(0, 1) reach."""
    module = KANLinear(50, 50, "mexican_hat")
    assert (module.scale == 1).all()
    assert math.isclose(float(module.shift.detach().std()), 4 / math.sqrt(12), rel_tol=0.05)
