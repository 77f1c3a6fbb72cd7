"""butterfly_conv and nn.ButterflyConv: the DFT at the start, and what learning gains."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import longtail
from kit import BadInput, Raises
from kit.bad_input import cases_of, check, parametrize
from kit.tensors import same_bits
from kit.twins import VIEWS, randn
from longconv.contract import bounds
from longconv.conv_oracle import twin
from longtail import butterfly_conv, butterfly_factors, long_conv
from longtail.nn import ButterflyConv

BOUNDS = bounds("butterfly_conv")


def largest_error(got: Tensor, exact: Tensor) -> float:
    """Over the largest number."""
    assert got.shape == exact.shape
    return float((got.double() - exact).abs().max() / exact.abs().max())


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize(
    ("length", "taps"), [(1, 1), (2, 2), (50, 50), (97, 30), (33, 70), (1000, 1000), (257, 1)]
)
@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
def test_dft_factors_give_the_causal_convolution(
    dtype: torch.dtype, length: int, taps: int, order: int
) -> None:
    generator = torch.Generator().manual_seed(0)
    u = randn(generator, dtype, 2, 3, length)
    k = randn(generator, torch.float64 if dtype == torch.float64 else torch.float32, 3, taps)
    factors = butterfly_factors(length + min(taps, length) - 1, order, dtype=torch.complex128)
    y = butterfly_conv(u, k, factors)
    assert y.dtype == dtype and y.is_contiguous() and len(factors) == order
    exact = long_conv(u.double(), k.double())
    assert largest_error(y, exact) <= BOUNDS[dtype]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 64, 97, 1000, 4095, 4096, 4097])
@pytest.mark.parametrize("order", [2, 3, 5])
def test_sizes_of_factors(order: int, length: int) -> None:
    """No smaller than asked for, and less than twice that where there is something to choose."""
    sizes = [len(each) for each in butterfly_factors(length, order)]
    size = 1
    for each in sizes:
        size *= each
    assert length <= size < max(2.0 * length, 2**order + 1) and max(sizes) <= 2 * min(sizes)


def any_factors(sizes: tuple[int, ...], *lead: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [
        torch.complex(
            randn(generator, torch.float64, *lead, n, n),
            randn(generator, torch.float64, *lead, n, n),
        )
        for n in sizes
    ]


def written_out(
    u: Tensor, k: Tensor, factors: list[Tensor], inverse_factors: list[Tensor]
) -> Tensor:
    """For two factors of one channel, index by index: digits a, b in and A, B out."""
    (first, second), (back_first, back_second) = factors, inverse_factors
    n1, n2 = len(first), len(second)
    root = torch.exp(
        torch.outer(torch.arange(n1), torch.arange(n2)).double() * (-2j * torch.pi / (n1 * n2))
    )

    def spectrum(x: Tensor) -> Tensor:
        grid = torch.zeros(n1 * n2, dtype=torch.complex128)
        grid[: len(x)] = x.to(torch.complex128)
        return torch.einsum("Aa,Ab,Bb,ab->AB", first, root, second, grid.view(n1, n2))

    product = spectrum(u) * spectrum(k[: len(u)])
    back = torch.einsum("aA,Ab,bB,AB->ab", back_first, root.conj(), back_second, product)
    return back.reshape(-1)[: len(u)].real


@pytest.mark.parametrize("lead", [(), (3,)], ids=str)
def test_any_factors(lead: tuple[int, ...]) -> None:
    """Shared or of each channel, beside sums over all indices."""
    factors, back = any_factors((5, 4), *lead), any_factors((4, 5), *lead)[::-1]
    back = [each * 0.1 for each in back]
    generator = torch.Generator().manual_seed(0)
    u, k = randn(generator, torch.float64, 2, 3, 9), randn(generator, torch.float64, 3, 7)
    y = butterfly_conv(u, k, factors, back)
    for b in range(2):
        for h in range(3):
            mine = [each[h] if lead else each for each in factors]
            its = [each[h] if lead else each for each in back]
            assert largest_error(y[b, h], written_out(u[b, h], k[h], mine, its)) <= 1e-13
    plain = butterfly_conv(u, k, factors)
    turned = butterfly_conv(u, k, factors, [each.mH / each.shape[-1] for each in factors])
    assert same_bits(plain, turned)


def test_gradients() -> None:
    """In everything, twice, and in forward mode."""
    generator = torch.Generator().manual_seed(0)
    u, k = randn(generator, torch.float64, 2, 2, 5), randn(generator, torch.float64, 2, 4)
    factors = [each * 0.5 for each in (*any_factors((3, 4)), *any_factors((3, 4), 2))]

    def function(u: Tensor, k: Tensor, *matrices: Tensor) -> Tensor:
        return butterfly_conv(u, k, matrices[:2], matrices[2:])

    leaves = [each.requires_grad_() for each in (u, k, *factors)]
    assert torch.autograd.gradcheck(function, leaves, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, leaves, fast_mode=True)


@pytest.mark.parametrize("layout", VIEWS.values(), ids=VIEWS)
def test_layouts(layout: Callable[[Tensor], Tensor]) -> None:
    generator = torch.Generator().manual_seed(0)
    u, k = randn(generator, torch.float32, 2, 3, 50), randn(generator, torch.float32, 3, 20)
    factors = butterfly_factors(69)
    moved = layout(u), layout(k), [layout(each) for each in factors]
    y = butterfly_conv(*moved)
    assert y.is_contiguous()
    torch.testing.assert_close(y, butterfly_conv(u, k, factors), rtol=1e-5, atol=1e-5)
    assert same_bits(moved[0], u) and same_bits(moved[1], k)


def test_shapes() -> None:
    """Any leading dimensions, none and nothing; vmap; one graph."""
    u, k, factors = torch.randn(2, 4, 3, 20), torch.randn(3, 20), butterfly_factors(39)
    y = butterfly_conv(u, k, factors)
    torch.testing.assert_close(butterfly_conv(u[1, 2], k, factors), y[1, 2])
    torch.testing.assert_close(torch.vmap(lambda each: butterfly_conv(each, k, factors))(u), y)
    for shape in ((0, 3, 20), (2, 3, 0)):
        leaf = torch.randn(shape).requires_grad_()
        empty = butterfly_conv(leaf, k, factors)
        assert empty.shape == shape
        taps = k.clone().requires_grad_()
        (dk,) = torch.autograd.grad(butterfly_conv(leaf, taps, factors).sum(), taps)
        assert (dk == 0).all()
    compiled = torch.compile(butterfly_conv, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(u, k, factors), y)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("length", [100, 61])
def test_module_starts_as_the_convolution(length: int, order: int, per_channel: bool) -> None:
    """Output and gradients of taps and rows equal the FFT route's to 1e-5."""
    torch.manual_seed(0)
    module = ButterflyConv(3, 100, order=order, per_channel=per_channel)
    u = torch.randn(2, 3, length).requires_grad_()
    wide = [each.detach().double().requires_grad_() for each in (u, module.kernel, module.skip)]
    y = module(u)
    expected = twin(wide[0], wide[1], skip=wide[2])
    grad = torch.randn_like(y)
    got = torch.autograd.grad(y, [u, module.kernel, module.skip], grad)
    its = torch.autograd.grad(expected, wide, grad.double())
    for mine, exact in zip([y, *got], [expected, *its], strict=True):
        assert largest_error(mine.detach(), exact.detach()) <= 1e-5


def test_module_copies() -> None:
    """state_dict, deepcopy, pickle, other dtypes."""
    module, u = ButterflyConv(3, 40, order=3, per_channel=True), torch.randn(2, 3, 40)
    with torch.no_grad():
        for each in module.parameters():
            each.add_(torch.randn_like(each) * 0.01)
        other = ButterflyConv(3, 40, order=3, per_channel=True)
        other.load_state_dict(module.state_dict())
        y = module(u)
        for each in (other, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            assert same_bits(each(u), y)
        exact = copy.deepcopy(module).double()(u.double())
        assert exact.dtype == torch.float64 and largest_error(y, exact) <= 1e-5
        half = copy.deepcopy(module).bfloat16()(u.bfloat16())
        assert half.dtype == torch.bfloat16 and largest_error(half, exact) <= 0.1
    fixed = ButterflyConv(3, 40, learn_transform=False)
    assert [name for name, each in fixed.named_parameters() if each.requires_grad] == [
        "kernel",
        "skip",
    ]


def held_out_error(learn_transform: bool, seed: int) -> float:
    """After 150 steps on a convolution whose gain turns with time."""
    torch.manual_seed(seed)
    channels, length = 4, 32
    generator = torch.Generator().manual_seed(100 + seed)
    k = torch.randn(channels, length, generator=generator) / length**0.5
    gain = torch.cos(0.2 * torch.arange(length))

    def draw(count: int) -> tuple[Tensor, Tensor]:
        u = torch.randn(count, channels, length, generator=generator)
        y = longtail.long_conv(u, k)
        return u, y * gain

    module = ButterflyConv(channels, length, learn_transform=learn_transform)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.03)
    u_test, y_test = draw(256)
    for _ in range(150):
        u, y = draw(64)
        optimizer.zero_grad()
        (module(u) - y).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        return float((module(u_test) - y_test).square().mean() / y_test.square().mean())


@pytest.mark.parametrize("seed", [0, 1])
def test_a_learned_transform_beats_the_fixed_one(seed: int) -> None:
    """No convolution is near the target: it stays at 0.8 of its variance, the learned transform
    comes to a quarter of that and less."""
    fixed, learned = held_out_error(False, seed), held_out_error(True, seed)
    assert 0.5 < fixed < 1 and learned < 0.5 * fixed


U, K, F = torch.ones(2, 3, 9), torch.ones(3, 4), butterfly_factors(12)


_conv = cases_of(butterfly_conv, u=U, k=K, factors=F)


def _of(
    make: Callable[..., Any], label: str, error: type[Exception], *words: str, **given: Any
) -> BadInput:
    return BadInput(
        f"{make.__name__}({label})", lambda: make(**given), Raises(error, make.__name__, *words)
    )


CASES = [
    _conv("u=1.0", TypeError, "u", "float", u=1.0),
    _conv("k=None", TypeError, "k", "NoneType", k=None),
    _conv("u: int64", TypeError, "u", "int64", u=U.long()),
    _conv("k: float64", TypeError, "k", "float64", k=K.double()),
    _conv("u: [9]", ValueError, "u", "[9]", "[..., H, L]", u=U[0, 0]),
    _conv("k: 2 heads", ValueError, "k", "[2, 4]", "[3, K]", k=K[:2]),
    _conv("k: no taps", ValueError, "k", "[3, 0]", k=K[:, :0]),
    _conv("k on meta", ValueError, "k", "meta", k=K.to("meta")),
    _conv("one factor", ValueError, "factors", "two", factors=F[:1]),
    _conv("factors: a tensor", ValueError, "factors", "list", factors=F[0]),
    _conv("a factor: list", TypeError, "factors[1]", "list", factors=[F[0], [1.0]]),
    _conv("a factor: real", TypeError, "factors[0]", "float32", factors=[F[0].real, F[1]]),
    _conv("a factor: no square", ValueError, "factors[0]", "[3, 4]", factors=[F[0][:3], F[1]]),
    _conv("a factor on meta", ValueError, "factors[1]", "meta", factors=[F[0], F[1].to("meta")]),
    _conv("factors: small", ValueError, "[3, 3]", "9", "12", factors=butterfly_factors(9)),
    _conv("inverse: other sizes", ValueError, "inverse_factors", inverse_factors=[F[1], F[1]]),
    _conv("inverse: one", ValueError, "inverse_factors", "two", inverse_factors=F[:1]),
    _of(butterfly_factors, "length=0", ValueError, "length", "0", length=0),
    _of(butterfly_factors, "length=1.5", TypeError, "length", "float", length=1.5),
    _of(butterfly_factors, "order=1", ValueError, "order", "1", length=9, order=1),
    _of(butterfly_factors, "real", TypeError, "float32", length=9, dtype=torch.float32),
    _of(ButterflyConv, "channels=0", ValueError, "channels", "0", channels=0, length=9),
    _of(ButterflyConv, "length=None", ValueError, "length", "None", channels=1, length=None),
    _of(ButterflyConv, "order=1", ValueError, "order", "1", channels=1, length=9, order=1),
    BadInput(
        "ButterflyConv of rows too long",
        lambda: ButterflyConv(3, 9)(torch.ones(2, 3, 40)),
        Raises(ValueError, "butterfly_conv", "[2, 3, 40]"),
    ),
    BadInput(
        "ButterflyConv of None",
        lambda: ButterflyConv(3, 9)(None),
        Raises(TypeError, "ButterflyConv", "u", "NoneType"),
    ),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
