"""The raw operators of quantised attention as torch sees them, and sharded."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import longtail
from attention.cases import DTYPES, Shape, draw, label
from kit.tensors import LAYOUTS

OPS = torch.ops.longtail
OPTIONS = (0, 2, True, 1, False, 0.3)
INPUTS_OPTIONS = (0, 2, True, False)


def calls(dtype: torch.dtype, layout: Any = None, masked: bool = False) -> dict[str, tuple]:
    """Arguments of every raw operator."""
    q, k, v = draw(Shape(2, 4, 2, 7, 13, 24, 8), dtype)
    mask = (torch.rand(2, 1, 1, 13) > 0.2).expand(2, 4, 7, 13) if masked else None
    if layout is not None:
        q, k, v = (layout(x.flatten(0, 2)).view(x.shape) if dtype else x for x in (q, k, v))
    grads = torch.randn(2, 4, 7, 8).to(dtype), torch.randn(2, 4, 7)
    packed = tuple(each[0].transpose(0, 1) for each in (q, k, v))
    ends = torch.tensor([0, 3, 7]), torch.tensor([0, 6, 13])
    packed_grads = grads[0][0].transpose(0, 1), grads[1][0]
    return {
        "quantized_attention": (q, k, v, mask, *OPTIONS),
        "quantized_attention_inputs": (q, k, v, *INPUTS_OPTIONS),
        "quantized_attention_backward": (*grads, q, k, v, mask, *OPTIONS),
        "quantized_attention_varlen": (*packed, *ends, 4, 7, *OPTIONS),
        "quantized_attention_varlen_backward": (*packed_grads, *packed, *ends, *OPTIONS),
    }


NAMES = tuple(calls(torch.float32))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("dtype", DTYPES, ids=label)
def test_opcheck(name: str, masked: bool, dtype: torch.dtype) -> None:
    """torch's own checks."""
    torch.library.opcheck(getattr(OPS, name).default, calls(dtype, masked=masked)[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", ["rows", "unaligned", "contiguous"])
def test_fake_agrees(name: str, layout: str) -> None:
    """Shape, dtype and strides on the meta device are those of the real result."""
    arguments = calls(torch.float32, LAYOUTS[layout])[name]
    fakes = getattr(OPS, name)(
        *(each.to("meta") if isinstance(each, Tensor) else each for each in arguments)
    )
    for real, fake in zip(getattr(OPS, name)(*arguments), fakes, strict=True):
        assert fake.is_meta
        assert (fake.shape, fake.dtype, fake.stride()) == (real.shape, real.dtype, real.stride())


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_is_refused(name: str) -> None:
    """Raw operators are forward-only, and say which function has the gradient."""
    arguments = [
        each.requires_grad_() if isinstance(each, Tensor) and each.is_floating_point() else each
        for each in calls(torch.float32)[name]
    ]
    with pytest.raises(NotImplementedError, match=r"longtail\.quantized_attention"):
        getattr(OPS, name)(*arguments)
    with torch.no_grad():
        assert not getattr(OPS, name)(*arguments)[0].requires_grad


@pytest.mark.parametrize("dims", [(0, 0, 0, None), (1, 0, None, 0), (None, None, 2, None)])
def test_vmap(dims: tuple[int | None, ...]) -> None:
    """One batched call gives the bits of single calls."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 4, 7, 24), (2, 2, 13, 24), (2, 2, 13, 8), (2, 4, 7, 13))
    arguments = []
    for shape, dim in zip(shapes, dims, strict=True):
        sizes = list(shape)
        if dim is not None:
            sizes.insert(dim, 3)
        arguments.append(torch.randn(sizes, generator=generator))
    options = (0, 2, False, 0, False, 0.3)

    def call(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Any:
        return OPS.quantized_attention(q, k, v, mask, *options)

    results = torch.func.vmap(call, in_dims=dims)(*arguments)
    for n in range(3):
        one = [
            each if dim is None else each.select(dim, n)
            for each, dim in zip(arguments, dims, strict=True)
        ]
        for batched, single in zip(results, call(*one), strict=True):
            assert torch.equal(batched[n], single)


@pytest.mark.parametrize("sharded", [0, 1], ids=["batch", "heads"])
@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
def test_no_collectives(sharded: int, masked: bool, fake_processes: int) -> None:
    """Batches and heads are sharded, forward and backward, and no data moves."""
    from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh
    from torch.distributed.tensor.debug import CommDebugMode

    mesh = init_device_mesh("cpu", (4,))
    q, k, v = draw(Shape(4, 8, 4, 9, 12, 16, 16))
    mask = torch.rand(4, 8, 9, 12) > 0.2 if masked else None
    tensors = [distribute_tensor(each, mesh, [Shard(sharded)]) for each in (q, k, v)]
    tensors = [each.requires_grad_() for each in tensors]
    spread = None if mask is None else distribute_tensor(mask, mesh, [Shard(sharded)])
    with CommDebugMode() as communication:
        out = longtail.quantized_attention(*tensors, spread, enable_gqa=True)
        gradients = torch.autograd.grad(out, tensors, torch.ones_like(out))
    assert communication.get_total_counts() == 0, communication.get_comm_counts()
    assert all(each.placements == (Shard(sharded),) for each in (out, *gradients))
    local = [each.detach().to_local().requires_grad_() for each in tensors]
    own_mask = None if spread is None else spread.to_local()
    expected = longtail.quantized_attention(*local, own_mask, enable_gqa=True)
    assert torch.equal(out.detach().to_local(), expected)
    own = torch.autograd.grad(expected, local, torch.ones_like(expected))
    for one, other in zip(gradients, own, strict=True):
        torch.testing.assert_close(one.to_local(), other)


def test_meta_inference_and_determinism() -> None:
    """The habits of torch's own functions."""
    q, k, v = draw(Shape(1, 2, 2, 5, 6, 8, 8))
    out, lse = longtail.quantized_attention(*(x.to("meta") for x in (q, k, v)), return_lse=True)
    assert out.shape == (1, 2, 5, 8) and lse.shape == (1, 2, 5) and out.is_meta
    expected = longtail.quantized_attention(q, k, v)
    with torch.inference_mode():
        assert torch.equal(longtail.quantized_attention(q, k, v), expected)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.equal(longtail.quantized_attention(q, k, v), expected)
    finally:
        torch.use_deterministic_algorithms(False)
