"""long_conv: values and gradients beside sums in float64, lengths, states, bits, layouts."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

import longtail
from kit.distributed import without_moving
from kit.layouts import deterministic, threads
from kit.tensors import same_bits
from kit.twins import DTYPES, VIEWS, with_gradients
from longconv.contract import bounds
from longconv.conv_oracle import BOUNDS, Case, relative, shifted, twin
from longconv.row_checks import check_autocast, check_vmap
from longtail import LongKernel, long_conv

CASES = (
    *(Case(2, 2, length, length) for length in (1, 2, 3, 5, 17, 127, 193)),
    Case(3, 1, 1000, 1000, skip=True),
    Case(1, 3, 700, 33, gates=True),
    Case(2, 2, 300, 400, outputs=2, skip=True, gates=True),
    Case(2, 2, 257, 100, before=300, skip=True, gates=True),
    Case(2, 2, 1030, 40, before=25, outputs=3),
    Case(2, 3, 600, 37, skip=True, gates=True, state=True),
    Case(1, 2, 50, 200, state=True),
    Case(2, 1, 5, 1, skip=True, state=True),
)


def call(names: list[str], function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`function` of tensors in the order of names."""
    return lambda *tensors: function(**dict(zip(names, tensors, strict=True)))


def both(case: Case, dtype: torch.dtype, taps: torch.dtype | None = None) -> None:
    """Result and all gradients beside the twin's."""
    given = case.tensors(dtype, taps)
    names = list(given)
    got = with_gradients(call(names, long_conv), list(given.values()))
    wide = [each.double() for each in given.values()]
    exact = with_gradients(call(names, twin), wide)
    for name, mine, expected in zip(["y", *names], got, exact, strict=True):
        assert relative(mine, expected) <= BOUNDS[dtype], name
    assert got[0].dtype == dtype and got[0].is_contiguous()


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_values_and_gradients(dtype: torch.dtype, case: Case) -> None:
    both(case, dtype)


@pytest.mark.parametrize("dtype", DTYPES[2:], ids=str)
def test_taps_in_half_precision(dtype: torch.dtype) -> None:
    both(CASES[9], dtype, taps=dtype)


def test_float32_taps_on_float64_rows() -> None:
    """To the digits of float64, and gradients in the dtypes of the tensors."""
    for case in (CASES[9], CASES[10]):
        given = case.tensors(torch.float64, taps=torch.float32)
        names = list(given)
        got = with_gradients(call(names, long_conv), list(given.values()))
        exact = with_gradients(call(names, twin), [each.double() for each in given.values()])
        for name, mine, its in zip(["y", *names], got, exact, strict=True):
            assert relative(mine, its) <= (1e-14 if mine.dtype == torch.float64 else 1e-7), name
        assert [each.dtype for each in got[1:]] == [each.dtype for each in given.values()]


@pytest.mark.parametrize("length", [4099, 20_000])
@pytest.mark.parametrize("taps", [1, 100, 4099])
def test_blocks_and_whole_rows(length: int, taps: int) -> None:
    """Few taps on long rows go in blocks, many at once; both are numpy's."""
    given = Case(1, 1, length, taps).tensors(torch.float32)
    u, k = given["u"], given["k"]
    exact = torch.from_numpy(np.convolve(u[0, 0].double(), k[0].double())[:length])
    assert relative(long_conv(u, k)[0, 0], exact) <= 4e-7


@pytest.mark.parametrize("length", [1 << 17, 1 << 20])
def test_a_million_numbers(length: int) -> None:
    given = Case(1, 1, length, length).tensors(torch.float32)
    u, k = given["u"], given["k"]
    product = torch.fft.rfft(u.double(), 2 * length) * torch.fft.rfft(k.double(), 2 * length)
    exact = torch.fft.irfft(product, 2 * length)[..., :length]
    assert relative(long_conv(u, k), exact) <= 4e-7


@pytest.mark.parametrize("taps", [1, 2, 7, 64, 65])
def test_centred_is_numpys_same(taps: int) -> None:
    given = Case(1, 2, 300, taps).tensors(torch.float64)
    u, k = given["u"], given["k"]
    y = long_conv(u, k, causal=False)
    for h in range(2):
        exact = torch.from_numpy(np.convolve(u[0, h], k[h], mode="same"))
        assert relative(y[0, h], exact) <= 1e-14


@pytest.mark.parametrize("case", [Case(1, 1, 600, 600), Case(1, 1, 900, 20)], ids=str)
def test_causality(case: Case) -> None:
    """What comes later moves nothing by more than rounding."""
    most = bounds("causality")[torch.float32]
    given = case.tensors(torch.float32)
    y = long_conv(**given)
    for n in (1, 300, 599):
        later = given["u"].clone()
        later[..., n:] += 1
        moved = long_conv(later, given["k"])
        assert (moved - y)[..., :n].abs().max() <= most * moved.abs().max()


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
@pytest.mark.parametrize("case", [Case(1, 1, 257, 257), Case(1, 1, 900, 20)], ids=str)
def test_causality_of_every_pair(case: Case, dtype: torch.dtype) -> None:
    """|dy[i] / du[j]| for all j > i, beside the largest tap; those up to i are the taps."""
    k = case.tensors(dtype)["k"]
    u = torch.zeros(case.length, 1, case.length, dtype=dtype).requires_grad_()
    picked = torch.eye(case.length, dtype=dtype).unsqueeze(1)
    (jacobian,) = torch.autograd.grad(long_conv(u, k), u, picked)
    later = torch.ones(case.length, case.length).triu(1).bool()
    assert jacobian[:, 0][later].abs().max() <= bounds("causality")[dtype] * k.abs().max()
    impulse = torch.zeros(case.length, dtype=torch.float64)
    impulse[: k.shape[-1]] = k[0]
    exact = torch.stack([shifted(impulse, j) for j in range(case.length)], -1)
    assert relative(jacobian[:, 0], exact) <= BOUNDS[dtype]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("sizes", [[137] * 7 + [41], [1, 2, 0, 997], [1000]], ids=str)
def test_streaming(dtype: torch.dtype, sizes: list[int]) -> None:
    """Chunks of any sizes, an empty one too, are the whole row; the state is the inputs."""
    given = Case(2, 3, 1000, 300, skip=True, gates=True).tensors(dtype)
    if dtype not in (torch.float64, torch.float32):
        given["gate_in"] = given["gate_in"].sign()  # or the state is rounded, and the row is not
    whole = long_conv(**given)
    state: Tensor | None = None
    parts = []
    for u, gate_in, gate_out in zip(
        *(given[name].split(sizes, -1) for name in ("u", "gate_in", "gate_out")), strict=True
    ):
        part, state = long_conv(
            u,
            given["k"],
            skip=given["skip"],
            gate_in=gate_in,
            gate_out=gate_out,
            initial_state=state,
            return_final_state=True,
        )
        parts.append(part)
    assert relative(torch.cat(parts, -1), whole.double()) <= bounds("streaming")[dtype]
    assert state is not None
    assert same_bits(state, (given["u"] * given["gate_in"])[..., -299:])


def test_state_of_a_short_row() -> None:
    """Fewer inputs than taps: what was before them stays."""
    u, k = torch.randn(1, 2, 3), torch.randn(2, 6)
    _, state = long_conv(u, k, return_final_state=True)
    assert torch.equal(state, torch.cat([torch.zeros(1, 2, 2), u], -1))
    _, state = long_conv(u[..., :1], k, initial_state=state, return_final_state=True)
    assert torch.equal(state, torch.cat([torch.zeros(1, 2, 1), u, u[..., :1]], -1))
    u[:] = 0
    assert state.abs().sum() > 0  # a copy


def test_gradient_through_states() -> None:
    """Of two chunks: those of the whole row."""
    given = Case(1, 2, 50, 20).tensors(torch.float64)

    def chunks(u: Tensor, k: Tensor) -> Tensor:
        first, state = long_conv(u[..., :30], k, return_final_state=True)
        return torch.cat([first, long_conv(u[..., 30:], k, initial_state=state)], -1)

    tensors = [given["u"], given["k"]]
    for mine, exact in zip(
        with_gradients(chunks, tensors), with_gradients(long_conv, tensors), strict=True
    ):
        assert relative(mine, exact) <= 1e-14


@pytest.mark.parametrize("shape", [(2, 3, 0), (0, 3, 5), (2, 0, 5)], ids=str)
@pytest.mark.parametrize("outputs", [0, 2])
def test_empty(shape: tuple[int, ...], outputs: int) -> None:
    case = Case(*shape, 4, outputs=outputs, skip=True, gates=True, before=2)
    given = case.tensors(torch.float32)
    result, *gradients = with_gradients(call(list(given), long_conv), list(given.values()))
    assert result.shape == (shape[0], *([2] if outputs else []), *shape[1:])
    assert all((each == 0).all() for each in gradients)


@pytest.mark.parametrize("outputs", [0, 2])
@pytest.mark.parametrize("shape", [(0, 2, 5), (2, 0, 5), (2, 3, 0)])
def test_empty_twice(shape: tuple[int, ...], outputs: int) -> None:
    """Second gradients of no rows, whose graph reaches both arguments all the same."""
    heads = (outputs, shape[1]) if outputs else (shape[1],)
    u = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    k = torch.randn(*heads, 3, dtype=torch.float64, requires_grad=True)
    y = long_conv(u, k)
    assert isinstance(y, Tensor)
    firsts = torch.autograd.grad(y, [u, k], torch.ones_like(y), create_graph=True)
    twice = torch.autograd.grad(sum(each.sin().sum() for each in firsts), [u, k])
    assert [each.shape for each in twice] == [u.shape, k.shape]
    assert not twice[1].any()


def test_leading_dimensions_and_broadcasting() -> None:
    """None or two before the heads; gates of one head or one row."""
    given = Case(6, 3, 40, 10, outputs=2).tensors(torch.float64)
    whole = long_conv(**given)
    u = given["u"].view(2, 3, 3, 40)
    assert torch.equal(long_conv(u, given["k"]), whole.view(2, 3, 2, 3, 40))
    assert torch.equal(long_conv(u[0, 0], given["k"]), whole[0])
    gate = torch.randn(3, 1, dtype=torch.float64)
    exact = twin(given["u"], given["k"], gate_in=gate, gate_out=gate, skip=gate[:, 0])
    got = long_conv(given["u"], given["k"], gate_in=gate, gate_out=gate, skip=gate[:, 0])
    assert relative(got, exact) <= 1e-14


@pytest.mark.parametrize("layout", VIEWS.values(), ids=VIEWS)
def test_layouts(layout: Callable[[Tensor], Tensor]) -> None:
    """Any strides give the same bits; arguments stay as they are."""
    given = Case(2, 3, 130, 50, before=9, outputs=2, skip=True, gates=True).tensors(torch.float32)
    names = list(given)
    expected = with_gradients(call(names, long_conv), list(given.values()))
    moved = [layout(each) for each in given.values()]
    before = [each.clone() for each in moved]
    leaves = [each.requires_grad_() for each in moved]
    y = call(names, long_conv)(*leaves)
    g = torch.Generator().manual_seed(3)
    grad = torch.randn(y.shape, generator=g, dtype=torch.float64).bfloat16().float()
    got = [y, *torch.autograd.grad(y, leaves, layout(grad))]
    assert all(map(same_bits, got, expected))
    assert all(map(same_bits, moved, before))


@pytest.mark.parametrize(
    "case",
    [
        Case(3, 5, 700, 700, skip=True, gates=True),
        Case(9, 1, 900, 33, state=True),
        Case(1, 3, 20_000, 50, outputs=2),
    ],
    ids=str,
)
def test_same_bits_on_any_number_of_threads(case: Case) -> None:
    given = case.tensors(torch.float32)
    function, tensors = call(list(given), long_conv), list(given.values())
    with threads(1):
        expected = with_gradients(function, tensors)
    with threads(2), deterministic():
        for _ in range(2):
            assert all(map(same_bits, with_gradients(function, tensors), expected))


def test_rows_do_not_mix() -> None:
    """A row's bits do not depend on the rows around it, nan there included."""
    given = Case(4, 3, 300, 300, skip=True).tensors(torch.float32)
    whole = long_conv(**given)
    given["u"][1, 2, 5] = float("nan")
    spoilt = long_conv(**given)
    assert spoilt[1, 2].isnan().all()
    spoilt[1, 2] = whole[1, 2]
    assert same_bits(spoilt, whole)
    alone = {name: each[2:3] if name == "u" else each for name, each in given.items()}
    assert same_bits(long_conv(**alone), whole[2:3])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_opcheck(dtype: torch.dtype) -> None:
    """Schema, fake and tracing of the raw ops, with and without what is optional."""
    ops = torch.ops.longtail
    for case in (
        Case(2, 3, 9, 4, outputs=1),
        Case(2, 3, 9, 4, 2, 2, skip=True, gates=True),
        Case(1, 2, 9, 4, outputs=1, state=True),
    ):
        given = case.tensors(dtype)
        taps, rows = given["k"].new_empty(0), given["u"].new_empty(0)
        tensors = (
            given["u"],
            given["k"],
            given.get("k_rev", taps),
            given.get("skip", taps),
            given.get("gate_in", rows),
            given.get("gate_out", rows),
            given.get("initial_state", rows),
        )
        y = ops.long_conv(*tensors)
        torch.library.opcheck(ops.long_conv.default, tensors)
        torch.library.opcheck(ops.long_conv_backward.default, (y, *tensors))
        with pytest.raises(NotImplementedError, match=r"longtail\.long_conv"):
            ops.long_conv(tensors[0].clone().requires_grad_(), *tensors[1:])
        spectrum = ops.long_conv_spectrum(*tensors[1:3], tensors[0], case.state)
        assert same_bits(ops.long_conv_with_spectrum(*tensors, spectrum), y)


@pytest.mark.parametrize("state", [False, True])
def test_long_kernel(state: bool) -> None:
    """The same bits; new taps, rows of other lengths and gradients are noticed."""
    given = Case(2, 3, 500, 100, skip=True, state=state).tensors(torch.float32)
    k = given.pop("k")
    kernel = LongKernel(k)
    for _ in range(2):
        assert same_bits(long_conv(k=kernel, **given), long_conv(k=k, **given))
    short = given | {"u": given["u"][..., :77]}
    assert same_bits(long_conv(k=kernel, **short), long_conv(k=k, **short))
    k.mul_(2)
    assert same_bits(long_conv(k=kernel, **given), long_conv(k=k, **given))
    for again in (copy.deepcopy(kernel), pickle.loads(pickle.dumps(kernel))):
        assert same_bits(long_conv(k=again, **given), long_conv(k=k, **given))
    k.requires_grad_()
    long_conv(k=kernel, **given).sum().backward()
    assert k.grad is not None and k.grad.abs().sum() > 0
    u = given["u"].requires_grad_()
    (mine,) = torch.autograd.grad(long_conv(k=LongKernel(k.detach()), **given).sum(), u)
    (plain,) = torch.autograd.grad(long_conv(k=k.detach(), **given).sum(), u)
    assert same_bits(mine, plain)
    with torch.inference_mode():
        made_here = k.detach() * 1.0
        assert same_bits(
            long_conv(k=LongKernel(made_here), **given), long_conv(k=made_here, **given)
        )
    k = k.detach()
    tangent = torch.func.jvp(lambda u: long_conv(u, LongKernel(k)), (u.detach(),), (u.detach(),))
    assert relative(tangent[1], long_conv(u.detach(), k).double()) <= 1e-6
    with torch.autograd.forward_ad.dual_level():
        moving = torch.autograd.forward_ad.make_dual(u.detach(), u.detach())
        found = torch.autograd.forward_ad.unpack_dual(long_conv(moving, LongKernel(k)))
    assert relative(found.tangent, tangent[1].double()) <= 1e-6
    assert "shape=[3, 100]" in repr(kernel)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_keeps_the_dtype(dtype: torch.dtype) -> None:
    check_autocast(long_conv, dtype)


def test_vmap() -> None:
    check_vmap(long_conv, 20)


@pytest.mark.parametrize("dim", [0, 1])
def test_no_collectives(dim: int, fake_processes: int) -> None:
    """Batches or heads are cut; nothing moves. Taps that batches share get shares of gradients."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    given = Case(4, 8, 30, 10, before=3, skip=True, gates=True).tensors(torch.float32)
    place = {
        name: Shard(dim)
        if name in ("u", "gate_in", "gate_out")
        else Replicate()
        if dim == 0
        else Shard(0)
        for name in given
    }
    function = call(list(given), long_conv)
    y, gradients = without_moving(function, list(given.values()), list(place.values()))
    assert list(y.placements) == [Shard(dim)]
    for name, gradient in zip(given, gradients, strict=True):
        shared = place[name] == Replicate()
        assert list(gradient.placements) == [Partial() if shared else place[name]], name


def test_meta_device() -> None:
    y = longtail.long_conv(torch.empty(2, 3, 9, device="meta"), torch.empty(5, 3, 4, device="meta"))
    assert y.shape == (2, 5, 3, 9) and y.device.type == "meta"
