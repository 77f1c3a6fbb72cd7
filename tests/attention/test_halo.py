"""HaloLinear beside a twin written out in float64, and where each level helps."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor, nn

import longtail
from attention.hadamard_oracle import matrix
from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.layouts import threads
from kit.tensors import same_bits
from longtail._halo import integer_product, quantise
from longtail.nn import HaloLinear

LEVELS = (0, 1, 2)
# (tokens, in, out) and the sizes that rotations are padded to.
SHAPES = (
    ((64, 32, 16), (32, 64)),
    ((33, 100, 37), (104, 36)),
    ((1, 1, 1), (1, 1)),
    ((5, 127, 3), (128, 8)),
    ((193, 12, 65), (12, 208)),
)


def coded(a: Tensor) -> Tensor:
    """Q(a): nearest multiples of amax / 127."""
    scale = a.abs().max() / 127
    return torch.round(a * (127 / a.abs().max())) * scale if scale > 0 else a


def rotation(size: int, padded: int) -> Tensor:
    """The first ``size`` rows of an orthogonal H: a H_padded after zeros."""
    return matrix(padded)[:size] * padded**-0.5


def twin(
    x: Tensor, weight: Tensor, bias: Tensor, grad: Tensor, level: int, padded: tuple[int, int]
) -> tuple[Tensor, ...]:
    """Output and gradients of x, weight and bias, as the docstring's table has them."""
    wide, channels = (x, weight), padded[0]
    if level > 0:
        h = rotation(x.shape[1], channels)
        wide = (x @ h, weight @ h)
    y = coded(wide[0]) @ coded(wide[1]).t() + bias
    if level < 2:
        dx = coded(grad) @ coded(weight)
    else:
        h = matrix(padded[1])[:, : len(x)] * padded[1] ** -0.5  # H E for E with zeros below
        dx = h.t() @ (coded(h @ grad) @ coded(weight))
    return y, dx, coded(grad).t() @ coded(x), grad.sum(0)


def layer_of(shape: tuple[int, int, int], level: int, dtype: torch.dtype) -> HaloLinear:
    torch.manual_seed(3)
    layer = HaloLinear(shape[1], shape[2], level=level, dtype=torch.float64)
    nn.init.normal_(layer.bias)
    return layer.to(dtype)


def data(shape: tuple[int, int, int], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(shape[0], shape[1], generator=generator, dtype=torch.float64)
    grad = torch.randn(shape[0], shape[2], generator=generator, dtype=torch.float64)
    return x.to(dtype), grad.to(dtype)


def run(layer: nn.Linear, x: Tensor, grad: Tensor) -> tuple[Tensor, ...]:
    x = x.clone().requires_grad_()
    y = layer(x)
    return (y.detach(), *torch.autograd.grad(y, [x, layer.weight, layer.bias], grad))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("shape", "padded"), SHAPES, ids=str)
def test_the_twin_in_float64(
    shape: tuple[int, int, int], padded: tuple[int, int], level: int
) -> None:
    """The same codes: output and all gradients to rounding."""
    layer, (x, grad) = layer_of(shape, level, torch.float64), data(shape, torch.float64)
    expected = twin(x, layer.weight.detach(), layer.bias.detach(), grad, level, padded)
    for ours, theirs in zip(run(layer, x, grad), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("level", LEVELS)
def test_the_twin_in_narrower_types(level: int, dtype: torch.dtype) -> None:
    """As float64 from the same elements, but for the few codes that rotation in float32 tips over:
    no more than one in a thousand, each by one step. Without rotation, to 1e-5."""
    shape, padded = (64, 128, 48), (128, 64)
    layer, (x, grad) = layer_of(shape, level, dtype), data(shape, dtype)
    wide = [each.detach().double() for each in (x, layer.weight, layer.bias, grad)]
    expected = twin(*wide, level, padded)
    rounding = torch.finfo(dtype).eps if dtype != torch.float32 else 0
    step = 0 if level == 0 else 2e-4
    for ours, theirs, source in zip(
        run(layer, x, grad), expected, (x, x, layer.weight, layer.bias), strict=True
    ):
        assert ours.dtype == source.dtype
        within = (1e-5 + rounding + step) * theirs.abs().max()
        assert (ours.double() - theirs).abs().max() <= within


@pytest.mark.parametrize("depth", [0, 1, 7, 130, (1 << 17) + 3, (1 << 18) + 1])
def test_products_of_codes_are_exact(depth: int) -> None:
    """All codes at their largest: int32 alone would overflow past 133,000."""
    a = torch.full((2, depth), 127, dtype=torch.int8)
    b = torch.stack([a[0], -a[0], torch.ones_like(a[0])])
    product = integer_product(a, b, torch.float64)
    assert torch.equal(product, torch.tensor([[16129.0, -16129, 127]] * 2).double() * depth)


@pytest.mark.parametrize("rows", [1, 2, 17])
@pytest.mark.parametrize("depth", [1, 2, 3, 9, 64])
@pytest.mark.parametrize("columns", [1, 3, 8, 33])
def test_products_of_every_shape(rows: int, depth: int, columns: int) -> None:
    """torch._int_mm has shapes that it gets wrong or refuses."""
    a = torch.randint(-127, 128, (rows, depth), dtype=torch.int8)
    b = torch.randint(-127, 128, (columns, depth), dtype=torch.int8)
    product = integer_product(a, b, torch.float64)
    assert torch.equal(product, a.double() @ b.double().t())


def test_codes() -> None:
    codes, scale = quantise(torch.tensor([0.0, 1.0, -2.0, 0.5 * 2 / 127]))
    assert codes.tolist() == [0, 64, -127, 0] and scale == torch.tensor(2.0) / 127
    for tiny in (0.0, 1e-45, 1e-38):
        codes, scale = quantise(torch.full((3,), tiny))
        assert (codes * scale).isfinite().all()


def error(layer: nn.Linear, x: Tensor, grad: Tensor) -> list[float]:
    """Relative errors of the output and of the gradients of x and weight."""
    exact = nn.Linear(layer.in_features, layer.out_features).double()
    exact.load_state_dict(layer.state_dict())
    pairs = zip(run(layer, x, grad), run(exact, x.double(), grad.double()), strict=True)
    return [float((a - b).norm() / b.norm()) for a, b in pairs][:3]


def test_level_1_spreads_outlying_channels() -> None:
    """Activations with a few channels 50 times the rest: the known shape of language models."""
    x, grad = data((256, 256, 64), torch.float32)
    x[:, [3, 77, 200]] *= 50
    errors = [error(layer_of((256, 256, 64), level, torch.float32), x, grad) for level in (0, 1)]
    assert errors[1][0] < 0.6 * errors[0][0], errors


def test_level_2_spreads_outlying_tokens() -> None:
    """A few tokens with a gradient 50 times the rest. The errors of the others count."""
    shape = (256, 128, 64)
    x, grad = data(shape, torch.float32)
    grad[[5, 99]] *= 50
    rest = [t for t in range(256) if t not in (5, 99)]
    errors = []
    for level in (1, 2):
        layer = layer_of(shape, level, torch.float32)
        dx = run(layer, x, grad)[1][rest]
        exact = (grad @ layer.weight.detach())[rest]
        errors.append(float((dx - exact).norm() / exact.norm()))
    assert errors[1] < 0.5 * errors[0], errors


def train(layer: nn.Linear, frozen: bool = False) -> float:
    """The loss on fresh data after 150 steps on data with outlying channels."""
    generator = torch.Generator().manual_seed(9)
    target = torch.randn(16, 64, generator=generator) / 8
    sizes = torch.ones(64)
    sizes[[7, 40]] = 60
    target[:, [7, 40]] /= 60

    def batch() -> tuple[Tensor, Tensor]:
        x = torch.randn(128, 64, generator=generator) * sizes
        return x, x @ target.t()

    optimiser = torch.optim.Adam(layer.parameters(), lr=0.0 if frozen else 0.01)
    for step in range(150):
        for group in optimiser.param_groups:
            group["lr"] *= 0.98 if step > 50 else 1.0
        x, y = batch()
        optimiser.zero_grad()
        nn.functional.mse_loss(layer(x), y).backward()
        optimiser.step()
    x, y = batch()
    with torch.no_grad():
        return float(nn.functional.mse_loss(layer(x), y))


def test_training() -> None:
    """Every level beats frozen weights; the rotated ones beat level 0."""
    losses = [train(layer_of((0, 64, 16), level, torch.float32)) for level in LEVELS]
    frozen = train(layer_of((0, 64, 16), 1, torch.float32), frozen=True)
    assert max(losses) < 0.2 * frozen, (losses, frozen)
    assert max(losses[1:]) < 0.7 * losses[0], losses


@pytest.mark.parametrize("level", LEVELS)
def test_copies(level: int) -> None:
    """deepcopy, pickle, torch.save; state_dict to and from nn.Linear; from_linear."""
    layer, (x, _) = layer_of((9, 24, 5), level, torch.float32), data((9, 24, 5), torch.float32)
    expected = layer(x)
    memory = io.BytesIO()
    torch.save(layer, memory)
    memory.seek(0)
    for other in (
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),
        torch.load(memory, weights_only=False),
    ):
        assert other.level == level and same_bits(other(x), expected)
    plain = nn.Linear(24, 5)
    plain.load_state_dict(layer.state_dict())
    shared = HaloLinear.from_linear(plain, level)
    assert shared.weight is plain.weight and shared.bias is plain.bias
    assert same_bits(shared(x), expected)
    assert HaloLinear.from_linear(nn.Linear(24, 5, bias=False), level).bias is None
    assert f"level={level}" in repr(layer)


@pytest.mark.parametrize("level", LEVELS)
def test_leading_dimensions_and_views(level: int) -> None:
    layer = layer_of((0, 24, 5), level, torch.float32)
    x = torch.randn(4, 3, 24)
    y = layer(x)
    assert y.shape == (4, 3, 5)
    assert same_bits(y.flatten(0, 1), layer(x.flatten(0, 1)))
    assert same_bits(layer(x.transpose(0, 1)), y.transpose(0, 1).contiguous())
    one = layer(x[0, 0])
    assert one.shape == (5,)
    empty = torch.zeros(0, 24, requires_grad=True)
    result = layer(empty)
    assert result.shape == (0, 5)
    gradients = torch.autograd.grad(result.sum(), [empty, layer.weight])
    assert gradients[0].shape == (0, 24) and (gradients[1] == 0).all()


@pytest.mark.parametrize("level", LEVELS)
def test_bits_and_arguments(level: int) -> None:
    """The same bits for one and two threads; nothing of the caller's changes; gradients of any
    strides; zeros give zeros."""
    layer, (x, grad) = (
        layer_of((65, 40, 24), level, torch.float32),
        data((65, 40, 24), torch.float32),
    )
    before = x.clone(), grad.clone(), layer.weight.detach().clone()
    with threads(1):
        expected = run(layer, x, grad)
    with threads(2):
        again = run(layer, x, grad.t().contiguous().t())
    assert all(map(same_bits, again[:3], expected[:3]))
    after = x, grad, layer.weight.detach()
    assert all(map(torch.equal, before, after))
    zeros = run(layer, torch.zeros_like(x), torch.zeros_like(grad))
    assert torch.equal(zeros[0], layer.bias.detach().expand(65, 24))
    assert not any(each.any() for each in zeros[1:])


def test_float32_weights_beside_bfloat16_inputs() -> None:
    layer = layer_of((0, 32, 8), 2, torch.float32)
    x = torch.randn(16, 32).bfloat16().requires_grad_()
    y = layer(x)
    dx, dw = torch.autograd.grad(y.sum(), [x, layer.weight])
    assert (y.dtype, dx.dtype, dw.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)


@pytest.mark.parametrize("level", LEVELS)
def test_compile(level: int) -> None:
    """fullgraph, forward and backward: the values of eager mode."""
    layer, (x, grad) = layer_of((21, 40, 8), level, torch.float32), data((21, 40, 8), torch.float32)
    compiled = torch.compile(layer, fullgraph=True)
    expected = run(layer, x, grad)
    tracked = x.clone().requires_grad_()
    y = compiled(tracked)
    got = (y.detach(), *torch.autograd.grad(y, [tracked, layer.weight, layer.bias], grad))
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("level", [0, 1])
def test_one_compile_serves_all_numbers_of_tokens(level: int) -> None:
    layer = layer_of((0, 40, 8), level, torch.float32)
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
    for tokens in (5, 12, 33):
        x = torch.randn(tokens, 40)
        with torch.compiler.set_stance("default" if tokens == 5 else "fail_on_recompile"):
            assert torch.equal(compiled(x), layer(x))


def test_second_derivatives_and_forward_mode_raise() -> None:
    layer, (x, _) = layer_of((4, 8, 3), 2, torch.float32), data((4, 8, 3), torch.float32)
    x.requires_grad_()
    (dx,) = torch.autograd.grad(layer(x).sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="HaloLinear"):
        torch.autograd.grad(dx.sum(), x)
    with pytest.raises(NotImplementedError, match="forward-mode"):
        torch.func.jvp(layer, (x.detach(),), (x.detach(),))


def test_long_rows_are_rotated_in_blocks() -> None:
    """in_features past the largest Hadamard matrix."""
    layer = HaloLinear(40000, 2, level=1)
    x = torch.randn(3, 40000)
    expected = nn.functional.linear(x, layer.weight, layer.bias)
    assert (layer(x) - expected).norm() < 0.03 * expected.norm()


def test_scales_stay_on_the_device() -> None:
    """No number is read back: fake tensors, which have none, go through, both ways."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        layer = HaloLinear(24, 8)
        x = torch.randn(7, 24, requires_grad=True)
        layer(x).sum().backward()
        assert x.grad is not None and x.grad.shape == (7, 24)


def test_longtail_knows_the_sizes() -> None:
    for (tokens, channels, _), padded in SHAPES:
        sizes = map(longtail.hadamard.hadamard_size_for, (channels, tokens))
        assert tuple(sizes) == padded


CASES = (
    BadInput("level", lambda: HaloLinear(4, 4, level=3), Raises(ValueError, "level", "3")),
    BadInput("level True", lambda: HaloLinear(4, 4, level=True), Raises(ValueError, "level")),
    BadInput("size", lambda: HaloLinear(0, 4), Raises(ValueError, "in_features", "0")),
    BadInput("out", lambda: HaloLinear(4, -1), Raises(ValueError, "out_features", "-1")),
    BadInput(
        "last dimension",
        lambda: HaloLinear(4, 4)(torch.ones(2, 5)),
        Raises(ValueError, "input", "[2, 5]", "[..., 4]"),
    ),
    BadInput(
        "scalar", lambda: HaloLinear(1, 4)(torch.tensor(1.0)), Raises(ValueError, "input", "[]")
    ),
    BadInput(
        "integers",
        lambda: HaloLinear(4, 4)(torch.ones(2, 4, dtype=torch.int64)),
        Raises(TypeError, "input", "int64"),
    ),
    BadInput("list", lambda: HaloLinear(4, 4)([1.0]), Raises(TypeError, "input", "list")),
    BadInput(
        "from_linear",
        lambda: HaloLinear.from_linear(nn.ReLU()),
        Raises(TypeError, "linear", "ReLU"),
    ),
)


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
