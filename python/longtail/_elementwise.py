"""Element-wise functions of two arguments, in the manner of torch's own.

``binary_function`` turns a pair of raw ops (``longtail::name`` and ``longtail::name_derivative``),
which want two tensors of one shape and dtype, into a function that promotes, broadcasts,
differentiates, follows autocast and writes to ``out=`` as torch's functions of two arguments do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from longtail import _dtensor
from longtail._autograd import elementwise_partials

Operand = Tensor | float
BinaryFunction = Callable[[Operand, Operand, Tensor | None], Tensor]

_FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_HALF = (torch.float16, torch.bfloat16)
_INTEGRAL = (
    torch.bool,
    *(torch.uint8, torch.uint16, torch.uint32, torch.uint64),
    *(torch.int8, torch.int16, torch.int32, torch.int64),
)
_DTYPES = frozenset(_FLOATING + _INTEGRAL)


def binary_function(name: str, first_name: str, second_name: str) -> BinaryFunction:
    """Make the public form of an element-wise function, and declare what its raw ops need: their
    rules for vmap and for DTensor.

    Args:
        name: of the function and of its raw ops.
        first_name: name of the first argument, as error messages use it.
        second_name: name of the second argument.

    Returns:
        A function ``(first, second, out)`` of tensors or numbers.
    """
    names = (first_name, second_name)
    differentiable = elementwise_partials(name, names)
    raw_ops = getattr(torch.ops.longtail, name)
    for op in (raw_ops.default, getattr(torch.ops.longtail, f"{name}_derivative").default):
        torch.library.register_vmap(op, _batching_rule(op))
        _dtensor.declare_sharding(op, _dtensor.pointwise)

    def call(first: Operand, second: Operand, out: Tensor | None) -> Tensor:
        if out is not None:
            _check_out(name, first, second, out)
        a, b = prepare(name, names, first, second)
        if out is None:
            return differentiable(a, b)
        _check_out_takes(name, a, out)
        if _can_write_directly(a, b, out):
            raw_ops.out(a, b, out=out)
            return out
        result = differentiable(a, b)
        _resize(out, result.shape)
        return out.copy_(result)

    return call


def prepare(
    name: str, names: tuple[str, str], first: Operand, second: Operand
) -> tuple[Tensor, Tensor]:
    """Bring two operands to one floating dtype, device and shape, as torch's functions do."""
    a, b = _operand(name, names[0], first), _operand(name, names[1], second)
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.dtype != b.dtype or a.dtype not in _FLOATING:
            dtype = _common_dtype(a, b)
            a, b = a.to(dtype), b.to(dtype)
        if a.device != b.device:
            a, b = _on_one_device(name, names, a, b)
        if a.shape != b.shape:
            a, b = _broadcast(name, names, a, b)
        return a, b
    if isinstance(a, Tensor):
        a = a.to(_floating(a.dtype))
        return a, _filled_like(a, b)
    if isinstance(b, Tensor):
        b = b.to(_floating(b.dtype))
        return _filled_like(b, a), b
    raise TypeError(
        f"{name}: at least one of {names[0]} and {names[1]} must be a Tensor, got "
        f"{type(first).__name__} and {type(second).__name__}; for plain numbers and NumPy "
        f"arrays there is longtail.special.{name}"
    )


def _operand(name: str, argument: str, value: object) -> Any:
    """A tensor that can be worked on, autocast applied, or a float."""
    if isinstance(value, Tensor):
        if value.dtype not in _DTYPES:
            raise TypeError(
                f"{name}: {argument} has dtype {value.dtype}; supported are real floating point "
                "(float64, float32, float16, bfloat16), integers and bool"
            )
        if value.layout is not torch.strided:
            raise NotImplementedError(
                f"{name}: {argument} has layout {value.layout}; only dense (strided) tensors "
                "are supported: call .to_dense() first"
            )
        return value.float() if value.dtype in _HALF and _autocast_is_on(value.device) else value
    if isinstance(value, (float, int, Real, torch.SymFloat, torch.SymInt)):
        return _as_float(name, argument, value)
    raise TypeError(
        f"{name}: {argument} must be a Tensor or a real number, got {type(value).__name__} "
        f"(longtail.special.{name} takes NumPy arrays)"
    )


def _autocast_is_on(device: torch.device) -> bool:
    return torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)


def _as_float(name: str, argument: str, number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValueError(f"{name}: {argument} is an integer too large for a float") from None


def _floating(dtype: torch.dtype) -> torch.dtype:
    return dtype if dtype in _FLOATING else torch.get_default_dtype()


def _common_dtype(a: Tensor, b: Tensor) -> torch.dtype:
    """torch's promotion to a floating dtype; among floating operands of different precision one
    with dimensions wins over one without. (torch.result_type itself stops Dynamo.)"""
    floating = [tensor for tensor in (a, b) if tensor.dtype in _FLOATING]
    with_dimensions = [tensor for tensor in floating if tensor.dim() > 0]
    dtypes = [tensor.dtype for tensor in with_dimensions or floating]
    if not dtypes:
        return torch.get_default_dtype()
    return torch.promote_types(dtypes[0], dtypes[-1])


def _filled_like(tensor: Tensor, number: float) -> Tensor:
    return tensor.new_full((), number).expand(tensor.shape)


def _on_one_device(
    name: str, names: tuple[str, str], a: Tensor, b: Tensor
) -> tuple[Tensor, Tensor]:
    """As in torch, a CPU tensor of no dimensions follows the other operand."""
    if a.dim() == 0 and a.device.type == "cpu":
        return a.to(b.device), b
    if b.dim() == 0 and b.device.type == "cpu":
        return a, b.to(a.device)
    raise ValueError(
        f"{name}: {names[0]} is on {a.device} and {names[1]} on {b.device}; both must be on one "
        "device (only a CPU tensor of no dimensions is moved)"
    )


def _broadcast(name: str, names: tuple[str, str], a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    for size_a, size_b in zip(reversed(a.shape), reversed(b.shape), strict=False):
        if size_a != size_b and size_a != 1 and size_b != 1:
            raise ValueError(
                f"{name}: {names[0]} of shape {list(a.shape)} and {names[1]} of shape "
                f"{list(b.shape)} do not broadcast together"
            )
    a, b = torch.broadcast_tensors(a, b)
    return a, b


def _check_out(name: str, first: Operand, second: Operand, out: Tensor) -> None:
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}: out must be a Tensor, got {type(out).__name__}")
    if out.layout is not torch.strided:
        raise NotImplementedError(f"{name}: out has layout {out.layout}; it must be dense")
    tensors = [value for value in (first, second, out) if isinstance(value, Tensor)]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )


def _check_out_takes(name: str, result: Tensor, out: Tensor) -> None:
    """Refuse an ``out`` that cannot hold results of the dtype and device of ``result``."""
    if not (out.dtype.is_floating_point or out.dtype.is_complex):
        raise TypeError(
            f"{name}: out has dtype {out.dtype}, which cannot hold the result type {result.dtype}"
        )
    if out.device != result.device:
        raise ValueError(f"{name}: out is on {out.device}, the arguments are on {result.device}")
    if any(size > 1 and step == 0 for size, step in zip(out.shape, out.stride(), strict=True)):
        raise ValueError(
            f"{name}: out of shape {list(out.shape)} and strides {list(out.stride())} has "
            "several elements in one place of memory; pass out.clone()"
        )


def _can_write_directly(a: Tensor, b: Tensor, out: Tensor) -> bool:
    """Whether the raw op may write into ``out``: right dtype and shape, no memory shared with an
    operand, and nothing but plain tensors (no tracing, no DTensor)."""
    if torch.compiler.is_compiling() or any(type(tensor) is not Tensor for tensor in (a, b, out)):
        return False
    if out.dtype != a.dtype or out.shape != a.shape or out.device.type == "meta":
        return False
    written = out.untyped_storage().data_ptr()
    return all(tensor.untyped_storage().data_ptr() != written for tensor in (a, b))


def _resize(out: Tensor, shape: torch.Size) -> None:
    """torch's rule: an ``out`` of another shape is resized, with a warning unless it is empty."""
    if out.shape == shape:
        return
    if out.numel() != 0:
        warnings.warn(
            "An output with one or more elements was resized since it had shape "
            f"{list(out.shape)}, which does not match the required output shape {list(shape)}. "
            "Pass an out tensor of that shape, or one resized to zero elements.",
            stacklevel=4,
        )
    out.resize_(shape)


def _batching_rule(op: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, int]]:
    """vmap for an op of two tensors of one shape: the batch becomes the leading dimension."""

    def rule(info: Any, in_dims: Any, first: Tensor, second: Tensor, *orders: int) -> Any:
        batched = [
            tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip((first, second), in_dims, strict=False)
        ]
        return op(*batched, *orders), 0

    return rule
