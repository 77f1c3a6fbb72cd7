"""What Python adds to the raw operators of ``torch.ops.longtail``.

* A *fake* for each: the result's shape, dtype and strides without computing, for the meta device,
  ``torch.compile`` and ``torch.export``. Results are contiguous whatever the inputs' strides,
  exactly as the kernels allocate them.
* A *gradient guard*: raw operators are forward-only. Called with an input that needs a gradient
  they raise and name the public function, instead of silently cutting the graph.
* Where the CUDA library is absent, a CUDA kernel that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.graph import increment_version

from longtail import _attention_gradient  # noqa: F401  (operators whose kernels are Python)
from longtail._attention_operators import attention_operators
from longtail._grid_conv_operators import grid_conv_operators
from longtail._kan_kinds import functions_of
from longtail._longconv_operators import longconv_operators
from longtail._multigrid_operators import multigrid_operators

#: Element-wise functions of two tensors: each is the operators f, f.out and f_derivative.
ELEMENTWISE = (
    "log_bessel_i",
    "log_bessel_k",
    "log_bessel_ie",
    "log_bessel_ke",
    "bessel_i_ratio",
    "bessel_k_ratio",
    "log_hyp0f1",
    "matern",
)

# Registrations last as long as this object.
_registrations = torch.library.Library("longtail", "IMPL")


def _contiguous(first: Tensor, second: Tensor, *orders: int) -> Tensor:
    for what in ("shape", "dtype", "device"):
        got, expected = getattr(second, what), getattr(first, what)
        if got != expected:
            raise ValueError(
                f"second argument has {what} {got}, expected that of the first, {expected}"
            )
    return first.new_empty(first.shape)


def _no_result(first: Tensor, second: Tensor, *, out: Tensor) -> None:
    _contiguous(first, second)


def _requires_grad(value: Tensor) -> bool:
    return value.requires_grad


def _has_tangent(value: Tensor) -> bool:
    return forward_ad.unpack_dual(value).tangent is not None


def _guard(operator: torch._ops.OpOverload, public: str) -> Callable[..., Any]:
    """A kernel above autograd: lets only calls without gradient through, counts writes to out."""

    def refuse(needs: Callable[[Tensor], bool], args: Any, kwargs: Any) -> None:
        if any(isinstance(value, Tensor) and needs(value) for value in (*args, *kwargs.values())):
            raise NotImplementedError(
                f"torch.ops.{operator} is forward-only, but an input requires a gradient; "
                f"call {public}, or detach the input"
            )

    def call(keyset: torch._C.DispatchKeySet, *args: Any, **kwargs: Any) -> Any:
        if torch.is_grad_enabled():
            refuse(_requires_grad, args, kwargs)
        if forward_ad._current_level >= 0 and forward_ad._is_fwd_grad_enabled():
            refuse(_has_tangent, args, kwargs)
        below = keyset & torch._C._after_autograd_keyset
        result = operator.redispatch(below, *args, **kwargs)
        if "out" in kwargs and not kwargs["out"].is_inference():
            increment_version(kwargs["out"])
        return result

    return call


def _absent(operator: torch._ops.OpOverload, problem: str) -> Callable[..., Any]:
    """A CUDA kernel that explains why there is none."""

    def call(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"torch.ops.{operator}: longtail's CUDA library is not in use: {problem}; "
            "`longtail doctor` tells more"
        )

    return call


def _like_x(x: Tensor, *parameters_and_rest: Any) -> Tensor:
    return x.new_empty(x.shape)


def _nothing(*args: Any, out: Tensor) -> None:
    pass


def _like_each(grad: Tensor, *tensors_and_rest: Any) -> tuple[Tensor, ...]:
    tensors = [each for each in tensors_and_rest if isinstance(each, Tensor)]
    return tuple(each.new_empty(each.shape) for each in tensors)


def _basis_of_x(x: Tensor, first: Tensor, second: Tensor, *code: int) -> Tensor:
    return x.new_empty([*x.shape, functions_of(first.shape[1], *code)])


def _layer_of_x(x: Tensor, weight: Tensor, *rest: Any) -> Tensor:
    return x.new_empty([*x.shape[:-1], weight.shape[0]])


def _operators() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    """Every operator: its public function, itself, its fake."""
    namespace = torch.ops.longtail
    for name in ELEMENTWISE:
        value, derivative = getattr(namespace, name), getattr(namespace, f"{name}_derivative")
        yield name, value.default, _contiguous
        yield name, value.out, _no_result
        yield name, derivative.default, _contiguous
    yield "rational", namespace.rational.default, _like_x
    yield "rational", namespace.rational.out, _nothing
    yield "rational", namespace.rational_backward.default, _like_each
    for name in ("poly_norm", "poly_relu"):
        yield name, getattr(namespace, name).default, _like_x
        yield name, getattr(namespace, name).out, _nothing
        yield name, getattr(namespace, f"{name}_backward").default, _like_each
    for name, public, fake in (
        ("kan_basis", "kan_basis", _basis_of_x),
        ("kan_linear", "kan_linear", _layer_of_x),
        ("mexican_hat_linear", "kan_linear", _layer_of_x),
    ):
        yield public, getattr(namespace, name).default, fake
        yield public, getattr(namespace, f"{name}_backward").default, _like_each
    yield from attention_operators()
    yield from longconv_operators()
    yield from multigrid_operators()
    yield from grid_conv_operators()


def complete(cuda_problem: str) -> None:
    """Registers all of the above. ``cuda_problem``: why there are no CUDA kernels, or empty."""
    for name, operator, fake in _operators():
        public = f"longtail.{name}"
        qualified = operator.name()  # "longtail::name" or "longtail::name.overload"
        torch.library.register_fake(qualified, fake, lib=_registrations)
        guard = _guard(operator, public)
        _registrations.impl(qualified, guard, "Autograd", with_keyset=True)
        if cuda_problem:
            _registrations.impl(qualified, _absent(operator, cuda_problem), "CUDA")
