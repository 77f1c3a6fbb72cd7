"""short_conv and its step beside torch's conv1d: values, gradients, states, bits, layouts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kit.distributed import without_moving
from kit.layouts import deterministic, threads
from kit.levels import LEVELS, run_on_level
from kit.tensors import same_bits
from kit.twins import DTYPES, VIEWS, randn, with_gradients
from longconv.contract import bounds
from longconv.row_checks import check_autocast, check_vmap
from longconv.short_conv_ops import twin
from longtail import long_conv, short_conv, short_conv_step

#: The largest error over the largest number.
BOUNDS = bounds("short_conv")


@dataclasses.dataclass(frozen=True)
class Case:
    """Sizes of a call, and which optional arguments it has."""

    batch: int
    heads: int
    length: int
    width: int
    bias: bool = False
    silu: bool = False
    state: bool = False

    def tensors(self, dtype: torch.dtype, taps: torch.dtype | None = None) -> dict[str, Tensor]:
        """By name, drawn; taps in float32 unless rows are wider, or as told."""
        g = torch.Generator().manual_seed(self.length + 7 * self.width)
        taps = taps or (torch.float64 if dtype == torch.float64 else torch.float32)
        result = {
            "u": randn(g, dtype, self.batch, self.heads, self.length),
            "w": randn(g, taps, self.heads, self.width),
        }
        if self.bias:
            result["bias"] = randn(g, taps, self.heads)
        if self.state:
            result["initial_state"] = randn(g, dtype, self.batch, self.heads, self.width - 1)
        return result

    @property
    def activation(self) -> str | None:
        """As an argument."""
        return "silu" if self.silu else None


CASES = (
    *(Case(2, 3, length, 4, True, True, True) for length in (1, 2, 3, 63, 65, 127, 193)),
    *(Case(2, 2, 1025, width, width % 2 == 0) for width in (1, 2, 3, 5, 17, 64, 128)),
    *(Case(1, 2, 2111, width, silu=True, state=True) for width in (4, 33, 128)),
    Case(2, 2, 5, 128, True, True, True),
    Case(65, 1, 7, 3, True, True),
)


def call(names: list[str], function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """``function`` of tensors in the order of names."""
    return lambda *tensors: function(**dict(zip(names, tensors, strict=True)))


def largest_error(got: Tensor, exact: Tensor) -> float:
    """Over the largest number."""
    assert got.shape == exact.shape
    if exact.numel() == 0:
        return 0.0
    error = (got.detach().double() - exact.detach()).abs().max()
    return float(error / exact.detach().abs().max().clamp(min=1e-300))


def both(case: Case, dtype: torch.dtype, taps: torch.dtype | None = None) -> None:
    """Result and all gradients beside the twin's."""
    given = case.tensors(dtype, taps)
    names = list(given)
    mine = partial(short_conv, activation=case.activation)
    its = partial(twin, activation=case.activation)
    got = with_gradients(call(names, mine), list(given.values()))
    exact = with_gradients(call(names, its), [each.double() for each in given.values()])
    for name, a, b in zip(["y", *names], got, exact, strict=True):
        assert largest_error(a, b) <= BOUNDS[a.dtype], name
    assert got[0].dtype == dtype and got[0].is_contiguous()


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_values_and_gradients(dtype: torch.dtype, case: Case) -> None:
    both(case, dtype)


@pytest.mark.parametrize("dtype", DTYPES[2:], ids=str)
def test_taps_in_half_precision(dtype: torch.dtype) -> None:
    both(CASES[4], dtype, taps=dtype)


def test_float32_taps_on_float64_rows() -> None:
    both(CASES[4], torch.float64, taps=torch.float32)


def test_order_of_taps() -> None:
    """The last acts on the present, as in conv1d; the other way round it is long_conv."""
    u = torch.tensor([[1.0, 0, 0, 0]])
    assert torch.equal(short_conv(u, torch.tensor([[3.0, 2, 1]])), torch.tensor([[1.0, 2, 3, 0]]))
    given = Case(2, 3, 100, 9).tensors(torch.float64)
    padded = functional.pad(given["u"], (8, 0))
    expected = functional.conv1d(padded, given["w"].unsqueeze(1), groups=3)
    assert largest_error(short_conv(**given), expected) <= 1e-14
    assert largest_error(long_conv(given["u"], given["w"].flip(-1)), expected) <= 1e-14


def test_swish_is_silu() -> None:
    given = CASES[0].tensors(torch.float32)
    assert same_bits(
        short_conv(**given, activation="swish"), short_conv(**given, activation="silu")
    )


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
def test_activation_everywhere(dtype: torch.dtype) -> None:
    """silu and its slope to a few units in the last place where they are normal numbers; 0 and no
    nan far below."""
    eps, tiny = torch.finfo(dtype).eps, torch.finfo(dtype).tiny
    top = 80.0 if dtype == torch.float32 else 700.0
    u = torch.linspace(-top, top, 4001, dtype=dtype).reshape(1, -1)
    u = u[:, (u + 1.2784645).abs().squeeze() > 1e-2]  # the slope passes 0 at -1.2785
    leaf = u.clone().requires_grad_()
    y = short_conv(leaf, u.new_ones(1, 1), activation="silu")
    (slope,) = torch.autograd.grad(y.sum(), leaf)
    wide = u.double()
    s, rest = torch.sigmoid(wide), torch.sigmoid(-wide)
    for got, exact in ((y.detach(), wide * s), (slope, s * (1 + wide * rest))):
        assert ((got.double() - exact).abs() <= 40 * eps * exact.abs() + tiny).all()
    far = torch.tensor([[-1e30, -1e4, 1e4, 1e30]], dtype=dtype).requires_grad_()
    y = short_conv(far, u.new_ones(1, 1), activation="silu")
    (slope,) = torch.autograd.grad(y.sum(), far)
    assert torch.equal(y, far.clamp(min=0)) and torch.equal(slope, (far > 0).to(dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_streaming_gives_the_same_bits(dtype: torch.dtype) -> None:
    """In chunks of any sizes, empty ones too, and step by step."""
    for width in (1, 4, 33):
        case = Case(2, 19, 60, width, bias=True, silu=True)
        given = case.tensors(dtype)
        whole, last = short_conv(**given, activation="silu", return_final_state=True)
        state: Tensor | None = None
        parts = []
        for u in given["u"].split([1, 0, 2, 30, 27], -1):
            part, state = short_conv(
                **(given | {"u": u}),
                activation="silu",
                initial_state=state,
                return_final_state=True,
            )
            parts.append(part)
        assert state is not None
        assert same_bits(torch.cat(parts, -1), whole) and same_bits(state, last)
        state = given["u"].new_zeros(2, 19, width - 1)
        steps = []
        for u_t in given["u"].unbind(-1):
            y_t, state = short_conv_step(u_t, state, given["w"], given["bias"], activation="swish")
            steps.append(y_t)
        assert same_bits(torch.stack(steps, -1), whole) and same_bits(state, last)


def test_states_are_copies() -> None:
    """What a call returns shares no memory with what it got, and nothing given is written to."""
    u, w = torch.randn(1, 2, 9), torch.randn(2, 4)
    _, state = short_conv(u, w, return_final_state=True)
    assert torch.equal(state, u[..., -3:])
    u.zero_()
    assert state.abs().sum() > 0
    kept = state.clone()
    _, after = short_conv_step(torch.ones(1, 2), state, w)
    assert torch.equal(state, kept)
    assert torch.equal(after, torch.cat([kept[..., 1:], torch.ones(1, 2, 1)], -1))


def test_step_by_either_way() -> None:
    """The step's own kernel and, where a gradient is asked for, the convolution's: one result."""
    for dtype in DTYPES:
        given = Case(3, 7, 1, 5, bias=True, state=True).tensors(dtype)
        u_t, state = given["u"][..., 0], given["initial_state"]
        step = partial(short_conv_step, w=given["w"], bias=given["bias"], activation="silu")
        plain = step(u_t, state)
        leaf = u_t.clone().requires_grad_()
        differentiable = step(leaf, state)
        assert all(map(same_bits, plain, differentiable))
        assert differentiable[0].requires_grad and differentiable[1].requires_grad
        dual = torch.func.jvp(lambda u_t, step=step, state=state: step(u_t, state), (u_t,), (u_t,))
        assert all(map(same_bits, dual[0], plain))
        assert torch.equal(dual[1][1][..., -1], u_t)
        with torch.autograd.forward_ad.dual_level():
            pair = torch.autograd.forward_ad.make_dual(u_t, u_t)
            assert torch.equal(step(pair, state)[0], plain[0])


def test_gradient_through_states() -> None:
    """Of two chunks: those of the whole row."""
    given = Case(1, 2, 50, 20, bias=True).tensors(torch.float64)

    def chunks(u: Tensor, w: Tensor, bias: Tensor) -> Tensor:
        first, state = short_conv(u[..., :13], w, bias, activation="silu", return_final_state=True)
        rest = short_conv(u[..., 13:], w, bias, activation="silu", initial_state=state)
        return torch.cat([first, rest], -1)

    tensors = list(given.values())
    whole = partial(short_conv, activation="silu")
    for mine, exact in zip(
        with_gradients(chunks, tensors), with_gradients(whole, tensors), strict=True
    ):
        assert largest_error(mine, exact) <= 1e-14


@pytest.mark.parametrize("shape", [(2, 3, 0), (0, 3, 5), (2, 0, 5)], ids=str)
def test_empty(shape: tuple[int, int, int]) -> None:
    given = Case(*shape, 4, bias=True, state=True).tensors(torch.float32)
    result, *gradients = with_gradients(call(list(given), short_conv), list(given.values()))
    assert result.shape == shape
    assert all((each == 0).all() for each in gradients)
    _, state = short_conv(**given, return_final_state=True)
    expected = torch.cat([given["initial_state"], given["u"]], -1)[..., shape[2] :]
    assert torch.equal(state, expected)


def test_leading_dimensions() -> None:
    """None or two before the heads, in both functions."""
    given = Case(6, 3, 40, 5, bias=True, state=True).tensors(torch.float64)
    whole = short_conv(**given)
    u, state = given["u"].view(2, 3, 3, 40), given["initial_state"].view(2, 3, 3, 4)
    w, bias = given["w"], given["bias"]
    y, last = short_conv(u, w, bias, initial_state=state, return_final_state=True)
    assert torch.equal(y, whole.view(2, 3, 3, 40)) and torch.equal(last, u[..., -4:])
    assert torch.equal(short_conv(u[0, 0], w, bias, initial_state=state[0, 0]), whole[0])
    y_t, _ = short_conv_step(u[..., 0], state, w, bias)
    assert torch.equal(y_t, y[..., 0])
    y_t, _ = short_conv_step(u[0, 0, :, 0], state[0, 0], w, bias)
    assert torch.equal(y_t, y[0, 0, :, 0])


@pytest.mark.parametrize("layout", VIEWS.values(), ids=VIEWS)
def test_layouts(layout: Callable[[Tensor], Tensor]) -> None:
    """Any strides give the same bits; arguments stay as they are."""
    given = Case(2, 3, 130, 5, state=True).tensors(torch.float32)
    function = partial(short_conv, activation="silu", bias=torch.ones(6)[::2])
    names = list(given)
    expected = with_gradients(call(names, function), list(given.values()))
    moved = [layout(each) for each in given.values()]
    before = [each.clone() for each in moved]
    leaves = [each.requires_grad_() for each in moved]
    y = call(names, function)(*leaves)
    g = torch.Generator().manual_seed(3)
    grad = torch.randn(y.shape, generator=g, dtype=torch.float64).bfloat16().float()
    got = [y, *torch.autograd.grad(y, leaves, layout(grad))]
    assert all(map(same_bits, got, expected))
    assert all(map(same_bits, moved, before))
    u, w = given["u"][:1].expand(4, 3, 130), given["w"][:1].expand(3, 5)
    assert same_bits(short_conv(u, w), short_conv(u.contiguous(), w.contiguous()))


@pytest.mark.parametrize(
    "case", [Case(9, 5, 3000, 4, True, True, True), Case(150, 1, 900, 33)], ids=str
)
def test_same_bits_on_any_number_of_threads(case: Case) -> None:
    given = case.tensors(torch.float32)
    function = call(list(given), partial(short_conv, activation=case.activation))
    with threads(1):
        expected = with_gradients(function, list(given.values()))
    with threads(2), deterministic():
        for _ in range(2):
            again = with_gradients(function, list(given.values()))
            assert all(map(same_bits, again, expected))


def test_what_is_no_number_stays_where_it_is() -> None:
    """An infinity reaches the W results from it on and no others; so do gradients."""
    u, w = torch.randn(2, 3, 300), torch.randn(3, 7)
    clean = short_conv(u, w)
    for at in (0, 150, 299):
        spoilt = u.clone()
        spoilt[1, 2, at] = torch.inf
        y = short_conv(spoilt, w)
        reached = slice(at, at + 7)
        assert not y[1, 2, reached].isfinite().any()
        y[1, 2, reached] = clean[1, 2, reached]
        assert same_bits(y, clean)
    leaf, taps = u.clone(), w.clone().requires_grad_()
    leaf[1, 2, 299] = torch.inf
    (dw,) = torch.autograd.grad(short_conv(leaf, taps), taps, torch.ones_like(u))
    assert dw[2, :6].isfinite().all() and not dw[2, 6].isfinite()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("layout", VIEWS.values(), ids=VIEWS)
def test_opcheck(layout: Callable[[Tensor], Tensor], dtype: torch.dtype) -> None:
    """Schema, fake and tracing of the raw ops, with and without what is optional."""
    ops = torch.ops.longtail
    for case in (Case(2, 3, 9, 4), Case(1, 2, 9, 4, True, True, True)):
        given = case.tensors(dtype)
        bias = given["bias"].unsqueeze(-1) if case.bias else given["w"].new_empty(0)
        state = layout(given["initial_state"]) if case.state else given["u"].new_empty(0)
        arguments = (layout(given["u"]), layout(given["w"]), bias, state, case.silu)
        y = ops.short_conv(*arguments)
        assert y.is_contiguous()
        torch.library.opcheck(ops.short_conv.default, arguments)
        torch.library.opcheck(ops.short_conv_backward.default, (layout(y), *arguments))
        if case.state:
            step = (arguments[0][..., 0], arguments[1], given["bias"], state, case.silu)
            torch.library.opcheck(ops.short_conv_step.default, step)
        with pytest.raises(NotImplementedError, match=r"longtail\.short_conv"):
            ops.short_conv(arguments[0].clone().requires_grad_(), *arguments[1:])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_keeps_the_dtype(dtype: torch.dtype) -> None:
    check_autocast(short_conv, dtype)


def test_vmap() -> None:
    check_vmap(short_conv, 5)


def test_step_compiles_to_one_graph() -> None:
    state, w, bias = torch.randn(2, 3, 3), torch.randn(3, 4), torch.randn(3)
    step = torch.compile(partial(short_conv_step, activation="silu"), fullgraph=True)
    for _ in range(3):
        u_t = torch.randn(2, 3)
        got, expected = (
            step(u_t, state, w, bias),
            short_conv_step(u_t, state, w, bias, activation="silu"),
        )
        assert all(map(same_bits, got, expected))
        state = got[1]


@pytest.mark.parametrize("dim", [0, 1])
def test_no_collectives(dim: int, fake_processes: int) -> None:
    """Batches or heads are cut; nothing moves. Taps that batches share get shares of gradients."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    given = Case(4, 8, 30, 5, bias=True, state=True).tensors(torch.float32)
    of_taps = Replicate() if dim == 0 else Shard(0)
    place = {name: of_taps if name in ("w", "bias") else Shard(dim) for name in given}
    function = call(list(given), partial(short_conv, activation="silu"))
    y, gradients = without_moving(function, list(given.values()), list(place.values()))
    assert list(y.placements) == [Shard(dim)]
    for name, gradient in zip(given, gradients, strict=True):
        shared = place[name] == Replicate()
        assert list(gradient.placements) == [Partial() if shared else place[name]], name


def test_meta_device() -> None:
    u, w = torch.empty(2, 3, 9, device="meta"), torch.empty(3, 4, device="meta")
    y, state = short_conv(u, w, return_final_state=True)
    assert y.shape == u.shape and state.shape == (2, 3, 3) and y.is_meta and state.is_meta


@pytest.mark.parametrize("level", LEVELS)
def test_level(level: str) -> None:
    """The level forced, in a process of its own."""
    run_on_level(level, "longconv.this_short_conv_level")
