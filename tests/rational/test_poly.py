"""PolyNorm and PolyReLU: values, gradients, rows of any length, bits, bad input, modules."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import longtail
from kit import BadInput, Raises
from kit.bad_input import cases_of, check, parametrize
from kit.distributed import without_moving
from kit.layouts import deterministic, threads
from kit.tensors import LAYOUTS, MATRIX, same_bits
from longtail.nn import PolyNorm, PolyReLU

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
SHAPES = ((5, 24), (2, 3, 17), (193,), (4, 1), (3, 1031), (2, 70_000), (0, 8), (3, 0))


def norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """poly_norm written out in float64; torch differentiates it."""
    wide = x.double()

    def normalised(u: Tensor) -> Tensor:
        return u / torch.sqrt(u.pow(2).mean(-1, keepdim=True) + 1e-6)

    terms = [normalised(wide**p) for p in (3, 2, 1)]
    return sum(w * t for w, t in zip(weight.double(), terms, strict=True)) + bias.double()


def norm_terms(x: Tensor, weight: Tensor, grad: Tensor) -> Tensor:
    """The largest size of what dx is a sum of; in a row of one element nearly all of it cancels."""
    wide = x.double()
    sizes = [
        (w * p * wide ** (p - 1) / torch.sqrt(wide.pow(2 * p).mean(-1, keepdim=True) + 1e-6)).abs()
        for w, p in zip(weight.double(), (3, 2, 1), strict=True)
    ]
    return (torch.stack(sizes).sum(0) * grad.double().abs()).max()


def relu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """poly_relu the same way."""
    p = x.double().clamp(min=0)
    w = weight.double()
    return w[0] * p**3 + w[1] * p**2 + w[2] * p + bias.double()


FUNCTIONS = {"poly_norm": (longtail.poly_norm, norm), "poly_relu": (longtail.poly_relu, relu)}


def make(shape: tuple[int, ...], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    narrow = dtype if dtype == torch.float64 else torch.float32
    weight = torch.randn(3, generator=generator, dtype=torch.float64).to(narrow)
    return x, weight, torch.randn(1, generator=generator, dtype=torch.float64).to(narrow)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name: str, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """Against float64 written out, relative to the largest element."""
    ours, exact = FUNCTIONS[name]
    x, weight, bias = make(shape, dtype)
    grad = torch.randn(shape, generator=torch.Generator().manual_seed(5)).to(dtype)
    narrow = [each.clone().requires_grad_() for each in (x, weight, bias)]
    wide = [each.double().requires_grad_() for each in (x, weight, bias)]
    got, expected = ours(*narrow), exact(*wide)
    assert got.dtype == dtype and got.shape == x.shape and got.is_contiguous()
    if x.numel() == 0:
        for each in torch.autograd.grad(got, narrow, grad):
            assert (each == 0).all()
        return
    eps = torch.finfo(dtype).eps if dtype in (torch.bfloat16, torch.float16) else 0.0
    eps += 8 * (2.0**-52 if dtype == torch.float64 else 2.0**-23)
    assert (got.double() - expected).abs().max() <= eps * expected.abs().max()
    gradients = torch.autograd.grad(got, narrow, grad)
    exact_gradients = torch.autograd.grad(expected, wide, grad.double())
    scale = exact_gradients[0].abs().max()
    if name == "poly_norm":
        scale = scale + norm_terms(x, weight, grad)
    assert (gradients[0].double() - exact_gradients[0]).abs().max() <= 2 * eps * scale
    size = grad.double().abs().sum() * expected.detach().abs().max()
    for mine, theirs, of in zip(gradients[1:], exact_gradients[1:], narrow[1:], strict=True):
        assert mine.dtype == of.dtype and mine.shape == of.shape
        assert (mine.double() - theirs).abs().max() <= 2.0**-20 * size


@pytest.mark.parametrize("largest", [1e5, 1e20, 3e38])
def test_rows_beyond_float32(largest: float) -> None:
    """x^6 overflows; the normalised powers do not."""
    x = torch.tensor([[1.0, -0.5, 0.25] * 7]) * largest
    _, weight, bias = make((1,), torch.float32)
    narrow = [each.clone().requires_grad_() for each in (x, weight, bias)]
    wide = [each.double().requires_grad_() for each in (x, weight, bias)]
    got, expected = longtail.poly_norm(*narrow), norm(*wide)
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-6)
    mine = torch.autograd.grad(got[0, 0], narrow)
    theirs = torch.autograd.grad(expected[0, 0], wide)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=1e-44)


def test_relu_at_zero_and_nan() -> None:
    """No slope at 0; nan passes through values and gradients."""
    x = torch.tensor([0.0, -0.0, -1.0, float("nan"), 2.0], requires_grad=True)
    weight, bias = torch.tensor([1.0, 1.0, 1.0]), torch.tensor([0.5])
    y = longtail.poly_relu(x, weight, bias)
    assert y[:3].tolist() == [0.5, 0.5, 0.5] and y[3].isnan() and y[4] == 14.5
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert dx[:3].tolist() == [0, 0, 0] and dx[3].isnan() and dx[4] == 17


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_layouts(name: str, layout: Callable[[Tensor], Tensor]) -> None:
    """Any strides of x and of the gradient give the same bits; the fake agrees; opcheck."""
    ours = FUNCTIONS[name][0]
    x, weight, bias = make(MATRIX, torch.float32)
    grad = torch.randn(MATRIX)
    arguments = [each.requires_grad_() for each in (x, weight, bias)]
    expected = ours(*arguments)
    gradients = torch.autograd.grad(expected, arguments, grad)
    moved = [layout(x.detach()).requires_grad_(), weight, bias]
    result = ours(*moved)
    assert result.is_contiguous() and same_bits(result, expected)
    assert all(map(same_bits, torch.autograd.grad(result, moved, layout(grad)), gradients))
    constants = (1e-6,) if name == "poly_norm" else ()
    plain = [layout(x.detach()), weight.detach(), bias.detach()]
    torch.library.opcheck(getattr(torch.ops.longtail, name).default, (*plain, *constants))
    backward = getattr(torch.ops.longtail, f"{name}_backward").default
    torch.library.opcheck(backward, (layout(grad), *plain, *constants))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_bits_on_any_number_of_threads(name: str) -> None:
    ours = FUNCTIONS[name][0]
    x, weight, bias = make((700, 193), torch.float32)
    grad = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))

    def run() -> list[Tensor]:
        arguments = [each.clone().requires_grad_() for each in (x, weight, bias)]
        result = ours(*arguments)
        return [result.detach(), *torch.autograd.grad(result, arguments, grad)]

    with threads(1):
        expected = run()
    with threads(2), deterministic():
        for _ in range(2):
            assert all(map(same_bits, run(), expected))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_out(name: str, dtype: torch.dtype) -> None:
    """Written in place: contiguous, into strides, over x itself, over x shifted by one element."""
    ours = FUNCTIONS[name][0]
    x, weight, bias = make((5, 193), dtype)
    expected = ours(x, weight, bias)
    for out in (torch.empty_like(x), torch.empty(193, 5, dtype=dtype).t()):
        assert ours(x, weight, bias, out=out) is out
        assert same_bits(out, expected)
    own = x.clone()
    assert same_bits(ours(own, weight, bias, out=own), expected)
    memory = torch.cat([x.flatten(), x.new_zeros(1)])
    shifted = memory[1:].view_as(x)
    ours(memory[:-1].view_as(x), weight, bias, out=shifted)
    assert same_bits(shifted, expected)
    with torch.no_grad():
        ours(x, weight.clone().requires_grad_(), bias, out=own)
    assert ours(x[:0], weight, bias, out=own[:0]).shape == (0, 193)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_collectives(name: str, fake_processes: int) -> None:
    """Sharded rows stay where they are; weight gradients are partial sums."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    places = (Shard(1), Replicate(), Replicate())
    tensors = make((8, 4, 12), torch.float64)
    result, gradients = without_moving(FUNCTIONS[name][0], tensors, places)
    assert list(gradients[0].placements) == list(result.placements) == [Shard(1)]
    assert all(list(each.placements) == [Partial()] for each in gradients[1:])


def test_modules() -> None:
    """Start at 1/3 and 0; dtypes; copies; they train in a network."""
    torch.manual_seed(0)
    x = torch.randn(6, 16)
    third = torch.full((3,), 1 / 3)
    assert torch.equal(PolyNorm()(x), longtail.poly_norm(x, third, torch.zeros(1)))
    assert torch.equal(PolyReLU()(x), longtail.poly_relu(x, third, torch.zeros(1)))
    for module in (PolyNorm(), PolyReLU()):
        for dtype in (torch.bfloat16, torch.float16, torch.float64):
            assert module(x.to(dtype)).dtype == dtype
            assert copy.deepcopy(module).to(dtype)(x).dtype == torch.float32
        network = nn.Sequential(nn.Linear(16, 32), module, nn.Linear(32, 1))
        optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
        target = x.square().sum(1, keepdim=True)
        losses = []
        for _ in range(100):
            optimizer.zero_grad()
            loss = (network(x) - target).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        assert losses[-1] < 0.2 * losses[0]
        assert not torch.equal(module.weight, third)
    assert repr(PolyNorm(1e-5)) == "PolyNorm(eps=1e-05)"


X, W, B = torch.ones(3, 8), torch.ones(3), torch.ones(1)


def _cases(name: str) -> list[BadInput]:
    function = FUNCTIONS[name][0]

    case = cases_of(function, x=X, weight=W, bias=B)
    return [
        case("x=None", TypeError, "x", "NoneType", x=None),
        case("weight=[1, 1, 1]", TypeError, "weight", "list", weight=[1, 1, 1]),
        case("x: int64", TypeError, "x", "int64", x=X.long()),
        case("bias: bool", TypeError, "bias", "bool", bias=B.bool()),
        case("weight: float64", TypeError, "weight", "float64", "float32", weight=W.double()),
        case("weight: [4]", ValueError, "weight", "[4]", "3 elements", weight=torch.ones(4)),
        case("bias: [8]", ValueError, "bias", "[8]", "1 element", bias=torch.ones(8)),
        case("bias on meta", ValueError, "bias", "meta", bias=B.to("meta")),
        case("unknown=1", TypeError, "unknown", unknown=1),
        case("out=list", TypeError, "out", "list", out=[0.0]),
        case("out: float64", TypeError, "out", "float64", "float32", out=X.double()),
        case("out: [8, 3]", ValueError, "out", "[8, 3]", "[3, 8]", out=X.t()),
        case("out on meta", ValueError, "out", "meta", out=X.to("meta")),
        case("out: expanded", ValueError, "out", "memory", out=torch.ones(8).expand(3, 8)),
        case("out with gradient", RuntimeError, "differentiation", out=X.clone().requires_grad_()),
    ]


CASES = [
    *_cases("poly_norm"),
    *_cases("poly_relu"),
    BadInput(
        "poly_norm(eps=-1)",
        lambda: longtail.poly_norm(X, W, B, -1),
        Raises(ValueError, "poly_norm", "eps", "-1"),
    ),
    BadInput(
        "poly_norm(x: [])",
        lambda: longtail.poly_norm(torch.tensor(1.0), W, B),
        Raises(ValueError, "poly_norm", "x", "[]"),
    ),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
