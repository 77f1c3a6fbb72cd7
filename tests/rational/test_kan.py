"""kan_basis and kan_linear: layouts, registration, bits, memory, transforms, DTensor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import longtail
from kit.distributed import without_moving
from kit.layouts import deterministic, threads
from kit.tensors import LAYOUTS, same_bits
from rational.kan_oracle import INPUTS, KINDS
from rational.test_kan_values import as_given, gradients, linear, track


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", ["bspline", "gaussian_rbf", "fourier"])
def test_layouts(name: str, layout: Callable[[Tensor], Tensor]) -> None:
    """Any strides of x, weight and gradient give the same bits; fakes and opcheck agree."""
    kind = KINDS[name]
    tensors = track(as_given(kind, torch.float32, (11,), 5), kind)
    grad = torch.randn(11, 5)
    y = linear(kind, *tensors)
    expected = [y, *gradients(y, tensors, grad)]
    x, weight, bias, base, *own = tensors
    moved = [
        layout(x.detach()).requires_grad_(),
        weight.detach().transpose(0, 2).contiguous().transpose(0, 2).requires_grad_(),
        bias,
        layout(base.detach()).requires_grad_(),
        *own,
    ]
    z = linear(kind, *moved)
    assert z.is_contiguous()
    assert all(map(same_bits, [z, *gradients(z, moved, layout(grad))], expected))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_opcheck(layout: Callable[[Tensor], Tensor]) -> None:
    """Schema, fake and tracing of all six raw ops."""
    ops = torch.ops.longtail
    x, centres = layout(torch.randn(7, 13)), layout(torch.randn(13, 4))
    width, weight = torch.ones(13, 4), torch.randn(3, 13, 5)
    grad, bias = layout(torch.randn(7, 3)), torch.randn(3)
    code = (1, 0, 0)
    hats = (torch.randn(3, 13), bias, layout(torch.rand(3, 13) + 0.5), torch.randn(3, 13))
    for op, arguments in (
        (ops.kan_basis, (x, centres, width, *code)),
        (ops.kan_basis_backward, (torch.randn(7, 13, 4), x, centres, width, *code)),
        (ops.kan_linear, (x, weight, bias, centres, width, *code, True)),
        (ops.kan_linear_backward, (grad, x, weight, bias, centres, width, *code, True)),
        (ops.mexican_hat_linear, (x, *hats)),
        (ops.mexican_hat_linear_backward, (grad, x, *hats)),
    ):
        torch.library.opcheck(op.default, arguments)
        results = op.default(*arguments)
        fakes = op.default(*(a.to("meta") if isinstance(a, Tensor) else a for a in arguments))
        single = isinstance(results, Tensor)
        for real, fake in zip(*([[results], [fakes]] if single else [results, fakes]), strict=True):
            assert (real.shape, real.dtype, real.stride()) == (
                fake.shape,
                fake.dtype,
                fake.stride(),
            )


@pytest.mark.parametrize("rows", [1, 700, 5000])
@pytest.mark.parametrize("name", ["bspline", "gaussian_rbf", "mexican_hat"])
def test_same_bits_on_any_number_of_threads(name: str, rows: int) -> None:
    """And on repeat; few inputs cut the rows into groups."""
    g = torch.Generator().manual_seed(1)
    x, grad = torch.randn(rows, 3, generator=g), torch.randn(rows, 8, generator=g)
    functions = {"bspline": 8, "gaussian_rbf": 8, "mexican_hat": 1}[name]
    weight = torch.randn(8, 3, functions, generator=g)
    own = {
        "bspline": (),
        "gaussian_rbf": (torch.randn(3, 8, generator=g), torch.ones(3, 8)),
        "mexican_hat": (torch.rand(8, 3, generator=g) + 0.5, torch.randn(8, 3, generator=g)),
    }[name]
    keywords = {
        "bspline": dict,
        "gaussian_rbf": lambda c, w: {"grid": c, "params": w},
        "mexican_hat": lambda s, t: {"params": (s, t)},
    }[name]

    def run() -> list[Tensor]:
        tensors = [each.clone().requires_grad_() for each in (x, weight, *own)]
        y = longtail.kan_linear(tensors[0], tensors[1], name, **keywords(*tensors[2:]))
        return [y.detach(), *torch.autograd.grad(y, tensors, grad)]

    with threads(1):
        expected = run()
    with threads(2), deterministic():
        for _ in range(2):
            assert all(map(same_bits, run(), expected))


@pytest.mark.parametrize("name", KINDS)
def test_rows_do_not_mix(name: str) -> None:
    """A row's bits do not depend on the rows around it."""
    kind = KINDS[name]
    x, *rest = as_given(kind, torch.float32, (300,), 40)
    y = linear(kind, x, *rest)
    for rows in (slice(0, 1), slice(7, 9), slice(100, 299)):
        assert same_bits(linear(kind, x[rows], *rest), y[rows])


def test_nothing_large_is_kept_or_made() -> None:
    """Backward keeps x and the weights; no tensor of the size of [N, in, K] is ever made."""
    kind = KINDS["gaussian_rbf"]
    tensors = track(as_given(kind, torch.float32, (4096,), 16), kind)
    kept: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.profiler.profile(profile_memory=True) as profile:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            y = linear(kind, *tensors)
        gradients(y, tensors, torch.ones_like(y))
    of_x = [each for each in kept if each.shape[0] == 4096]
    assert {each.data_ptr() for each in of_x} == {tensors[0].data_ptr()}
    whole = 4096 * INPUTS * kind.functions * 4
    events = [each.cpu_memory_usage for each in profile.key_averages()]
    assert 0 < max(events) < whole / 2


def test_few_and_no_rows() -> None:
    """Empty batches have empty results and zero gradients; one dimension is one row."""
    kind = KINDS["gaussian_rbf"]
    _, *rest = track(as_given(kind, torch.float32, (1,), 4), kind)
    for shape in ((0, INPUTS), (3, 0, INPUTS)):
        x = torch.zeros(shape, requires_grad=True)
        y = linear(kind, x, *rest)
        assert y.shape == (*shape[:-1], 4)
        for each in gradients(y, [x, *rest], torch.ones_like(y)):
            assert (each == 0).all()
        assert longtail.kan_basis(x, "bspline").shape == (*shape, 8)
    x = torch.randn(INPUTS)
    assert same_bits(linear(kind, x, *rest), linear(kind, x[None], *rest)[0])
    nothing = torch.zeros(0, INPUTS, 8)
    assert longtail.kan_linear(x[None], nothing, "bspline").shape == (1, 0)


def test_vmap_and_jvp() -> None:
    """Batches of rows and of weights; forward mode agrees with backward."""
    kind = KINDS["chebyshev"]
    x, weight, bias, base = as_given(kind, torch.float64, (4, 6), 3)
    y = linear(kind, x, weight, bias, base)
    rows = torch.vmap(lambda each: linear(kind, each, weight, bias, base))(x)
    torch.testing.assert_close(rows, y, rtol=0, atol=0)
    weights = torch.stack([weight, 2 * weight])
    both = torch.vmap(lambda w: linear(kind, x, w, bias, base))(weights)
    torch.testing.assert_close(both[0], y, rtol=0, atol=0)
    tangent = torch.randn_like(weight)
    pushed = torch.func.jvp(lambda w: linear(kind, x, w, bias, base), (weight,), (tangent,))[1]
    torch.testing.assert_close(pushed, linear(kind, x, tangent, 0 * bias, 0 * base))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_keeps_the_dtype(dtype: torch.dtype) -> None:
    x, weight = torch.randn(3, 4), torch.randn(2, 4, 8)
    with torch.autocast("cpu", dtype=dtype):
        assert longtail.kan_linear(x, weight, "bspline").dtype == torch.float32
        assert longtail.kan_linear(x.to(dtype), weight, "bspline").dtype == dtype


@pytest.mark.parametrize("sharded", ["rows", "outputs"])
@pytest.mark.parametrize("name", ["gaussian_rbf", "mexican_hat"])
def test_no_collectives(name: str, sharded: str, fake_processes: int) -> None:
    """Rows or outputs are cut; nothing moves."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole, share = Replicate(), Partial()
    by_row = sharded == "rows"
    hat = name == "mexican_hat"
    own = [torch.rand(8, 6) + 0.5, torch.randn(8, 6)] if hat else [torch.randn(6, 5)] * 2
    tensors = [torch.randn(8, 6), torch.randn(8, 6, 1 if hat else 5), torch.randn(8), *own]
    of_own = Shard(0) if hat and not by_row else whole
    of_outputs = whole if by_row else Shard(0)
    places = [Shard(0) if by_row else whole, of_outputs, of_outputs, of_own, of_own]

    def call(x: Tensor, weight: Tensor, bias: Tensor, first: Tensor, second: Tensor) -> Tensor:
        keywords = {"params": (first, second)} if hat else {"grid": first, "params": second}
        return longtail.kan_linear(x, weight, name, bias=bias, **keywords)

    y, got = without_moving(call, tensors, places)
    assert list(y.placements) == [Shard(0) if by_row else Shard(1)]
    assert list(got[0].placements) == [Shard(0) if by_row else share]
    assert list(got[1].placements) == [share if by_row else Shard(0)]


@pytest.mark.parametrize("name", ["bspline", "gaussian_rbf", "chebyshev", "relu_window"])
def test_meta_and_inference_mode(name: str) -> None:
    """Defaults are made where x is; results of inference mode are those of any other."""
    x, functions = torch.randn(3, 4), longtail.kan_basis(torch.zeros(1, 4), name).shape[-1]
    weight = torch.randn(2, 4, functions)
    y = longtail.kan_linear(x, weight, name)
    with torch.inference_mode():
        assert same_bits(longtail.kan_linear(x, weight, name), y)
    shape = longtail.kan_linear(x.to("meta"), weight.to("meta"), name)
    assert shape.is_meta and shape.shape == y.shape and shape.stride() == y.stride()
