"""A right toy op, sin(a) exp(b), and the means to break it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from kit.layouts import ulp_bound
from kit.spec import OpSpec, RawOp
from longtail import _library  # noqa: F401  (the namespace exists)
from longtail._elementwise import binary_function

_registrations = torch.library.Library("longtail", "FRAGMENT")


def kernel(a: Tensor, b: Tensor, i: int = 0, j: int = 0) -> Tensor:
    """The (i, j) partial derivative of sin(a) exp(b), computed in float64, contiguous."""
    wide = torch.sin(a.double() + i * math.pi / 2) * torch.exp(b.double())
    return wide.to(a.dtype).contiguous()


def fake(a: Tensor, b: Tensor, i: int = 0, j: int = 0) -> Tensor:
    return a.new_empty(a.shape)


def toy_spec(
    name: str,
    kernel: Callable[..., Tensor] = kernel,
    fake: Callable[..., Tensor] = fake,
    guard: bool = True,
) -> OpSpec:
    """Register the toy under ``name``, with parts replaced by broken ones, and describe it."""
    lib = _registrations

    def write_out(a: Tensor, b: Tensor, *, out: Tensor) -> None:
        out.copy_(kernel(a, b))

    lib.define(f"{name}(Tensor a, Tensor b) -> Tensor")
    lib.define(f"{name}.out(Tensor a, Tensor b, *, Tensor(a!) out) -> ()")
    lib.define(f"{name}_derivative(Tensor a, Tensor b, int i, int j) -> Tensor")
    lib.impl(name, kernel, "CPU")
    lib.impl(f"{name}.out", write_out, "CPU")
    lib.impl(f"{name}_derivative", kernel, "CPU")
    for op in (name, f"{name}_derivative"):
        torch.library.register_fake(f"longtail::{op}", fake, lib=lib)
        if guard:
            overload = getattr(torch.ops.longtail, op).default
            lib.impl(op, _guard(overload, name), "Autograd", with_keyset=True)
    call = binary_function(name, "a", "b")

    def function(a: Tensor | float, b: Tensor | float, *, out: Tensor | None = None) -> Tensor:
        return call(a, b, out)

    function.__name__ = name
    derivative = getattr(torch.ops.longtail, f"{name}_derivative").default
    orders = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
    return OpSpec(
        function=function,
        arguments=("a", "b"),
        sample=_sample,
        smooth_sample=_sample,
        raw=(
            RawOp(getattr(torch.ops.longtail, name).default),
            *(RawOp(derivative, each) for each in orders),
        ),
        reference=lambda a, b: math.sin(a) * math.exp(b),
        error_bound=lambda value, dtype: ulp_bound(value, dtype, 3),
        edges={(0.0, 1.0): 0.0, (math.nan, 1.0): math.nan},
        skipped={"pickle_and_deepcopy": "the toy's public function is made inside a function"},
    )


def _sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    a, b = (torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return a + 0.2, b + 0.2


def _guard(overload: torch._ops.OpOverload, name: str) -> Callable[..., Any]:
    def call(keyset: torch._C.DispatchKeySet, *args: Any) -> Any:
        if torch.is_grad_enabled() and any(
            isinstance(arg, Tensor) and arg.requires_grad for arg in args
        ):
            raise NotImplementedError(f"call longtail.{name}")
        return overload.redispatch(keyset & torch._C._after_autograd_keyset, *args)

    return call
