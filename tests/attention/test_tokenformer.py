"""NTKAttention, Pattention and TokenFormerBlock: twins, growth, checkpoints, training."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

import longtail
from attention.ntk_oracle import ntk_twin, pattention_twin, phi
from kit.twins import close
from longtail.nn import NTKAttention, Pattention, TokenFormerBlock

pytestmark = pytest.mark.usefixtures("one_thread")


def block_twin(block: TokenFormerBlock, x: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """The block from the paper's formulas, on weights by their released names."""

    def norm(x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()

    def layer(name: str, x: Tensor) -> Tensor:
        key, value = weights[f"{name}.key_param_tokens"], weights[f"{name}.value_param_tokens"]
        return pattention_twin(x, key, value, block.get_submodule(name).tau)

    y = norm(x)
    q, k, v = (
        torch.stack(layer(f"attention.{name}", y).chunk(block.num_heads, -1), -3)
        for name in ("query", "key", "value")
    )
    scores = torch.einsum("...id,...jd->...ij", q, k) / math.sqrt(q.shape[-1])
    if block.is_causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        scores = scores.where(seen, torch.tensor(-math.inf, dtype=scores.dtype))
    heads = torch.softmax(scores, -1) @ v
    x = x + layer("attention.proj", torch.cat(heads.unbind(-3), -1))
    return x + layer("mlp", norm(x))


def with_gradients(
    run: Callable[..., Tensor], x: Tensor, weights: dict[str, Tensor]
) -> list[Tensor]:
    result = run(x)
    grad = torch.randn(result.shape, generator=torch.Generator().manual_seed(1))
    return [result, *torch.autograd.grad(result, [x, *weights.values()], grad.to(result.dtype))]


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_block_and_its_twin(dtype: torch.dtype, is_causal: bool) -> None:
    """With copied weights: output and all gradients to 1e-5 (1e-12 in float64); grown too."""
    torch.manual_seed(0)
    block = TokenFormerBlock(32, 4, ffn_tokens=65, is_causal=is_causal, dtype=dtype)
    block.grow(3, 5, 7)
    for parameter in block.parameters():
        nn.init.normal_(parameter, 0, 0.3)
    x = torch.randn(2, 63, 32, dtype=dtype, requires_grad=True)
    mine = dict(block.named_parameters())
    theirs = {k: v.detach().double().requires_grad_() for k, v in mine.items()}
    assert len(theirs) == 10
    wide = x.detach().double().requires_grad_()
    got = with_gradients(block, x, mine)
    exact = with_gradients(lambda x: block_twin(block, x, theirs), wide, theirs)
    for one, other in zip(got, exact, strict=True):
        close(one, other, 1e-5 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_growth_changes_no_output(dtype: torch.dtype) -> None:
    """To 1e-6 in float32 and 1e-12 in float64, again and again; new values are not 0."""
    torch.manual_seed(0)
    block = TokenFormerBlock(32, 4, dtype=dtype)
    x = torch.randn(3, 17, 32, dtype=dtype)
    before = block(x).detach()
    for tokens in ((1, 0, 0), (0, 63, 0), (127, 65, 500)):
        block.grow(*tokens)
        after = block(x).detach()
        assert (after - before).abs().max() <= (1e-6 if dtype == torch.float32 else 1e-12)
    assert block.attention.key.num_tokens == 32 + 128
    assert block.mlp.num_tokens == 128 + 500
    assert (block.mlp.key_param_tokens[128:] == 0).all()
    assert block.mlp.value_param_tokens[128:].std() > 0
    block(x).sum().backward()
    for layer in block.layers():
        added = layer.key_param_tokens.grad[-60:]
        assert (added.abs().amax(-1) > 0).all(), "new keys must be able to learn"


def test_grown_parameters_in_an_optimizer() -> None:
    """Handed over, the optimizer goes on: its state for old tokens is kept, new ones begin at 0;
    without it, the module has parameters that the optimizer does not know."""
    torch.manual_seed(0)
    layer = Pattention(4, 3, 5)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    x = torch.randn(6, 4)

    def step() -> None:
        optimizer.zero_grad()
        layer(x).square().sum().backward()
        optimizer.step()

    step()
    moments = optimizer.state[layer.key_param_tokens]["exp_avg"].clone()
    layer.grow(2, optimizer=optimizer)
    state = optimizer.state[layer.key_param_tokens]
    assert torch.equal(state["exp_avg"][:5], moments) and (state["exp_avg"][5:] == 0).all()
    assert float(state["step"]) == 1
    assert len(optimizer.state) == 2
    known = {id(each) for group in optimizer.param_groups for each in group["params"]}
    assert known == {id(each) for each in layer.parameters()}
    before = layer.key_param_tokens.detach().clone()
    step()
    assert (layer.key_param_tokens != before).any(-1).all()
    layer.grow(1)
    assert known != {id(each) for each in layer.parameters()}


def test_checkpoints_keep_tau() -> None:
    """A grown layer travels whole; a released checkpoint has no tau and means sqrt(n)."""
    torch.manual_seed(0)
    block = TokenFormerBlock(16, 2, qkv_tokens=5, proj_tokens=6, ffn_tokens=7)
    block.grow(3, 2, 1)
    x = torch.randn(2, 4, 16)
    expected = block(x)
    fresh = TokenFormerBlock(16, 2, qkv_tokens=8, proj_tokens=8, ffn_tokens=8)
    fresh.load_state_dict(block.state_dict())
    assert torch.equal(fresh(x), expected)
    buffer = io.BytesIO()
    torch.save(block, buffer)
    buffer.seek(0)
    assert torch.equal(torch.load(buffer, weights_only=False)(x), expected)
    assert torch.equal(copy.deepcopy(block)(x), expected)
    released = {k: v for k, v in block.state_dict().items() if isinstance(v, Tensor)}
    assert set(released) == {
        f"{layer}.{kind}_param_tokens"
        for layer in (*(f"attention.{n}" for n in ("query", "key", "value", "proj")), "mlp")
        for kind in ("key", "value")
    }
    names = set(released)
    fresh.load_state_dict(released)
    assert set(released) == names, "the caller's dictionary stays as it is"
    assert all(layer.tau == math.sqrt(8) for layer in fresh.layers())
    with pytest.raises(RuntimeError, match="size mismatch"):
        TokenFormerBlock(16, 2).load_state_dict(block.state_dict())


def test_start_keeps_the_variance() -> None:
    torch.manual_seed(0)
    x = torch.randn(500, 64)
    for tokens in (16, 64, 400):
        assert 0.7 < float(Pattention(64, 48, tokens)(x).square().mean()) < 1.4


def test_half_precision_and_compile() -> None:
    """Parameters stay float32 beside narrower x; one graph."""
    torch.manual_seed(0)
    block = TokenFormerBlock(16, 2)
    layer, attention = block.mlp, NTKAttention(2, 8)
    x = torch.randn(3, 16).bfloat16()
    assert layer(x).dtype == torch.bfloat16
    q = torch.randn(1, 2, 5, 8).bfloat16()
    assert attention(q, q, q).dtype == torch.bfloat16
    y = torch.randn(2, 5, 16)
    compiled = torch.compile(block, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(y), block(y))


def test_ntk_module_and_its_twin() -> None:
    torch.manual_seed(0)
    module = NTKAttention(3, 16, 8, is_causal=True)
    nn.init.normal_(module.z)
    nn.init.normal_(module.kappa)
    leaves = [torch.randn(2, 3, n, c, requires_grad=True) for n, c in ((63, 16), (65, 16), (65, 8))]
    leaves += [module.z, module.kappa]
    wide = [each.detach().double().requires_grad_() for each in leaves]
    results = module(*leaves[:3]), ntk_twin(*wide, is_causal=True)
    grad = torch.randn(results[0].shape)
    got = [results[0], *torch.autograd.grad(results[0], leaves, grad)]
    exact = [results[1], *torch.autograd.grad(results[1], wide, grad.double())]
    for one, other in zip(got, exact, strict=True):
        close(one, other, 1e-5)


def test_ntk_module_starts_as_tokens_of_zeros_or_as_a_prefix() -> None:
    torch.manual_seed(0)
    module = NTKAttention(2, 8, prefix_length=3.0)
    assert sum(each.numel() for each in module.parameters()) == 2 * (8 * 8 + 8)
    q, k, v = (torch.randn(1, 2, n, 8) for n in (5, 6, 6))
    zeros = torch.zeros(1, 2, 1, 8)
    # At q = 0, phi(q) kappa is 3 exactly.
    longer = functional.scaled_dot_product_attention(
        q * 0, torch.cat([k, *[zeros] * 3], 2), torch.cat([v, *[zeros] * 3], 2)
    )
    torch.testing.assert_close(module(q * 0, k, v), longer)
    module.set_prefix(k[0], v[0])
    torch.testing.assert_close(module.kappa, phi(k[0]).sum(-2) / 8)
    z, kappa = longtail.ntk_prefix(k[0], v[0])
    torch.testing.assert_close(
        module(q, k, v), longtail.ntk_attention(q, k, v, z, kappa), rtol=0, atol=0
    )
    with pytest.raises(ValueError, match="NTKAttention"):
        module.set_prefix(k[0, :1], v[0, :1])


class _Retrieval(nn.Module):
    """Attention of a frozen model, to which only a prefix may be added."""

    def __init__(self, prefix: bool) -> None:
        super().__init__()
        self.attention = NTKAttention(2, 8) if prefix else None
        self.bias = nn.Parameter(torch.zeros(16))

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if self.attention is None:
            out = functional.scaled_dot_product_attention(q, k, v)
        else:
            out = self.attention(q, k, v)
        return out.transpose(1, 2).flatten(2) + self.bias


def test_a_learned_prefix_beats_none() -> None:
    """The teacher attends to 40 more tokens than the student is given. Control: the same student
    without z and kappa."""
    g = torch.Generator().manual_seed(0)
    keys, values = (torch.randn(1, 2, 40, 8, generator=g) for _ in range(2))
    values = values + 2 * keys

    def batch(count: int) -> tuple[list[Tensor], Tensor]:
        q, k, v = (torch.randn(count, 2, 12, 8, generator=g) for _ in range(3))
        real = functional.scaled_dot_product_attention(
            q,
            torch.cat([keys.expand(count, -1, -1, -1), k], 2),
            torch.cat([values.expand(count, -1, -1, -1), v], 2),
        )
        return [q, k, v], real.transpose(1, 2).flatten(2)

    train, held_out = batch(64), batch(64)
    losses = {}
    for prefix in (True, False):
        model = _Retrieval(prefix)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(120):
            optimizer.zero_grad()
            (model(*train[0]) - train[1]).square().mean().backward()
            optimizer.step()
        with torch.no_grad():
            losses[prefix] = float((model(*held_out[0]) - held_out[1]).square().mean())
    assert losses[True] < 0.8 * losses[False], losses


def test_a_grown_block_beats_the_one_it_grew_from() -> None:
    """Both go on for as many steps, from the same weights, with the same optimizer state. Two
    values span a plane only."""
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(0)
    held_out = torch.randn(256, 4, 8, generator=g)
    mix = torch.randn(8, 8, generator=g) / math.sqrt(8)

    def target(x: Tensor) -> Tensor:
        return x + 2 * torch.tanh(functional.layer_norm(x, (8,)) @ mix)

    def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> float:
        data = torch.Generator().manual_seed(steps)  # the same for both
        for _ in range(steps):
            x = torch.randn(64, 4, 8, generator=data)
            optimizer.zero_grad()
            (model(x) - target(x)).square().mean().backward()
            optimizer.step()
        with torch.no_grad():
            return float((model(held_out) - target(held_out)).square().mean())

    small = TokenFormerBlock(8, 2, qkv_tokens=2, proj_tokens=2, ffn_tokens=2)
    optimizer = torch.optim.Adam(small.parameters(), lr=0.02)
    start = train(small, optimizer, 60)
    large, its_optimizer = copy.deepcopy((small, optimizer))
    large.grow(6, 6, 30, optimizer=its_optimizer)
    grown, control = train(large, its_optimizer, 100), train(small, optimizer, 100)
    assert grown < 0.3 * control < start, (start, grown, control)


def test_pattention_beats_a_linear_layer() -> None:
    torch.manual_seed(0)
    x, held_out = torch.randn(512, 6), torch.randn(512, 6)

    def target(x: Tensor) -> Tensor:
        return torch.stack([x[:, 0].abs() - x[:, 1], torch.relu(x[:, 2] - x[:, 3])], 1)

    losses = []
    for model in (Pattention(6, 2, 48), nn.Linear(6, 2)):
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(200):
            optimizer.zero_grad()
            (model(x) - target(x)).square().mean().backward()
            optimizer.step()
        with torch.no_grad():
            losses.append(float((model(held_out) - target(held_out)).square().mean()))
    assert losses[0] < 0.8 * losses[1], losses
