"""The raw ops as torch sees them: schema, fake, gradient guard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from kit.spec import OpSpec, RawOp
from kit.tensors import MATRIX, all_bits, results

Layout = Callable[[Tensor], Tensor]


def check_raw_operator(
    operator: torch._ops.OpOverload, arguments: Sequence[Any], refusal: str
) -> None:
    """opcheck, of other strides too, which give the same bits; a first argument that needs a
    gradient is refused with these words."""
    torch.library.opcheck(operator, tuple(arguments))
    strided = tuple(
        each.transpose(0, -1).contiguous().transpose(0, -1) if isinstance(each, Tensor) else each
        for each in arguments
    )
    torch.library.opcheck(operator, strided)
    assert all_bits(results(operator, *strided), results(operator, *arguments))
    with pytest.raises(NotImplementedError, match=refusal):
        operator(arguments[0].clone().requires_grad_(), *arguments[1:])


class RegistrationChecks:
    """Subclass with ``specs = [...]``."""

    specs: Sequence[OpSpec] = ()
    default_dtypes = ("float32",)
    default_shapes = ((), (0,))

    def test_opcheck(
        self, spec: OpSpec, raw: RawOp, dtype: torch.dtype, layout: Layout, device: str
    ) -> None:
        """torch's own checks: schema, autograd registration, fake, and tracing with dynamic
        shapes. (They pass for an op without gradient: gradients are tested apart.)"""
        inputs = (layout(tensor.to(device)) for tensor in raw.inputs(spec, MATRIX, dtype))
        torch.library.opcheck(raw.overload, (*inputs, *raw.constants))

    def test_opcheck_shape(self, spec: OpSpec, raw: RawOp, shape: Sequence[int]) -> None:
        inputs = raw.inputs(spec, shape, torch.float32)
        torch.library.opcheck(raw.overload, (*inputs, *raw.constants))

    def test_opcheck_out(self, spec: OpSpec, layout: Layout) -> None:
        """The overload that writes into ``out``."""
        if not spec.out:
            pytest.skip("the function has no out=")
        inputs = spec.inputs(MATRIX, torch.float32)
        overload = getattr(torch.ops.longtail, spec.name).out
        out = layout(torch.zeros(MATRIX))
        torch.library.opcheck(overload, (*inputs, *spec.raw[0].constants), {"out": out})

    def test_fake_agrees(self, spec: OpSpec, raw: RawOp, layout: Layout) -> None:
        """The meta device gives the shape, dtype and strides of the real result."""
        inputs = tuple(map(layout, raw.inputs(spec, MATRIX, torch.float32)))
        results = tree_leaves(raw(*inputs))
        fakes = tree_leaves(raw(*(tensor.to("meta") for tensor in inputs)))
        for real, fake in zip(results, fakes, strict=True):
            assert fake.is_meta
            assert (fake.shape, fake.dtype) == (real.shape, real.dtype)
            assert fake.stride() == real.stride()

    def test_raw_op_refuses_a_gradient(self, spec: OpSpec, raw: RawOp) -> None:
        """Forward-only, and says which function has the gradient."""
        inputs = [tensor.requires_grad_() for tensor in raw.inputs(spec, (3,), torch.float64)]
        with pytest.raises(NotImplementedError, match=f"longtail.{spec.name}"):
            raw(*inputs)
        with torch.no_grad():
            assert not any(each.requires_grad for each in tree_leaves(raw(*inputs)))

    def test_raw_op_under_vmap(self, spec: OpSpec, raw: RawOp) -> None:
        """One batched call gives the rows of single calls, whichever arguments are batched."""
        inputs = spec.inputs((4, 5))
        batched_dims = [(0,) * len(inputs), (1,) * len(inputs)]
        batched_dims += [tuple(0 if k == j else None for k in range(len(inputs))) for j in (0, 1)]
        for in_dims in batched_dims:
            arguments = [
                tensor[0] if dim is None else tensor
                for tensor, dim in zip(inputs, in_dims, strict=True)
            ]
            result = torch.func.vmap(raw, in_dims=in_dims)(*arguments)
            rows = [
                raw(
                    *(
                        tensor if dim is None else tensor.select(dim, k)
                        for tensor, dim in zip(arguments, in_dims, strict=True)
                    )
                )
                for k in range(result.shape[0])
            ]
            assert torch.equal(result, torch.stack(rows))
