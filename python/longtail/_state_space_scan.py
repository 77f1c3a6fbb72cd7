"""The recurrence of ``s4d`` and its gradient, two raw ops, and what transforms need of them.

Tensors are those of ``_state_space_formula``: rows u, base, drive, readout, skip and state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C import _functorch as functorch
from torch.autograd import forward_ad
from torch.func import vjp

from longtail import _dtensor, _state_space_formula
from longtail._autograd import Gradient, Saved, differentiable
from longtail._dtensor import register_rules_for
from longtail._parametric import run_one_by_one, with_zeros
from longtail._state_space_formula import given

__all__ = ["pull", "recurrent_is_less", "scan"]

_VALUE = torch.ops.longtail.s4d_scan.default
_GRADIENT = torch.ops.longtail.s4d_scan_backward.default


def recurrent_is_less(batch: int, states: int, length: int) -> bool:
    """Picoseconds a step and head, measured on one core of a Zen 5 (docs/families/s4d.md): the
    recurrence takes batch (750 + 52 states) + 30 states; the convolution 1200 batch, more where its
    rows leave the caches, and its kernel 2500 + 40 states."""
    row = 1200
    if isinstance(length, int) and length > 8192:  # of a symbol no branch is made
        row = 1500 if length <= 32768 else 2300
    return batch * (750 + 52 * states) + 30 * states < row * batch + 2500 + 40 * states


def pull(
    formula: Callable[..., tuple[Tensor, ...]], saved: Saved, grads: tuple[Gradient, ...]
) -> tuple[Gradient, ...]:
    """The gradients of ``formula`` that are asked for, and no work for the others."""
    asked = [k for k, need in enumerate(saved.needs) if need]

    def of_asked(*tensors: Tensor) -> tuple[Tensor, ...]:
        inputs = list(saved.inputs)
        for k, tensor in zip(asked, tensors, strict=True):
            inputs[k] = tensor
        return formula(*inputs)

    results, back = vjp(of_asked, *(saved.inputs[k] for k in asked))[:2]
    gradients: list[Gradient] = [None] * len(saved.inputs)
    for k, gradient in zip(asked, back(with_zeros(results, grads)), strict=True):
        gradients[k] = gradient
    return tuple(gradients)


def _run(*tensors: Tensor) -> tuple[Tensor, Tensor]:
    register_rules_for(*tensors)
    with torch._C._AutoDispatchBelowAutograd():
        y, last = _VALUE(*(each.resolve_conj() for each in tensors))
    return y, last


def _run_gradient(*inputs: Any) -> tuple[Tensor, ...]:
    *tensors, rows, coefficients = inputs
    register_rules_for(*tensors)
    with torch._C._AutoDispatchBelowAutograd():
        return tuple(_GRADIENT(*(each.resolve_conj() for each in tensors), rows, coefficients))


def gradient_is_less(u: Tensor, readout: Tensor, coefficients: bool) -> bool:
    """The same of gradients: of rows alone the recurrence takes rows (1000 + 50 states), of
    coefficients too rows (2000 + 165 states), where rows are batch times outputs; the convolution,
    which is made again, 5000 rows + 14500 and 200 states. On CUDA it has no rival."""
    outputs, _, states = readout.shape
    rows = u.shape[0] * outputs
    by_scan = rows * (2000 + 165 * states if coefficients else 1000 + 50 * states)
    return not u.is_cuda and by_scan < 5000 * rows + 14500 + 200 * states


def _forward_mode() -> bool:
    """Whether somebody takes tangents, which then reach gradients too."""
    levels = functorch.get_interpreter_stack() or ()
    return forward_ad._current_level >= 0 or any(
        level.key() == functorch.TransformType.Jvp for level in levels
    )


def _conv_alone(*inputs: Tensor) -> tuple[Tensor]:
    return (_state_space_formula.conv_result(*inputs),)


def _convolution_backward(saved: Saved, grad: Gradient, last: Gradient) -> tuple[Gradient, ...]:
    if last is None:
        return pull(_conv_alone, saved, (grad,))
    return pull(_state_space_formula.conv, saved, (grad, last))


def _backward(saved: Saved, grad: Gradient, last: Gradient) -> tuple[Gradient, ...]:
    """By the recurrence backwards, or as that of the convolution, which is the same function."""
    u, base, _, readout, *_ = saved.inputs
    coefficients = any(saved.needs[1:5])
    if _forward_mode() or not gradient_is_less(u, readout, coefficients):
        return _convolution_backward(saved, grad, last)
    if grad is None:
        grad = u.new_zeros(u.shape[0], *readout.shape[:2], u.shape[2])
    last = base.new_empty(0) if last is None else last
    gradients = _gradient(grad, last, *saved.inputs, saved.needs[0], coefficients)
    return tuple(each if need else None for each, need in zip(gradients, saved.needs, strict=True))


def _is_nested() -> bool:
    """Whether torch.func differentiates twice. The derivative of the raw gradient is a derivative
    of the convolution inside one of torch.func's inside another; torch 2.13 loses its place."""
    if torch.compiler.is_compiling():
        return False
    levels = [level.key() for level in functorch.get_interpreter_stack() or ()]
    return levels.count(functorch.TransformType.Grad) > 1


def scan(*tensors: Tensor) -> tuple[Tensor, Tensor]:
    """y and the last state."""
    found: tuple[Tensor, Tensor] = (_by_convolution if _is_nested() else _fused)(*tensors)
    return found


def _jvp(saved: Saved, *tangents: Gradient) -> Any:
    return _state_space_formula.tangent(*saved.inputs, *with_zeros(saved.inputs, tangents))


def _formula(*inputs: Any) -> tuple[Tensor, ...]:
    """What the raw gradient gives, of the convolution."""
    grad, last, *tensors, rows, coefficients = inputs
    results, back = vjp(_state_space_formula.conv, *tensors)[:2]
    gradients = back((grad, last if given(last) else torch.zeros_like(results[1])))
    wanted = (rows, *(coefficients,) * 4, True)
    return tuple(
        each if want else each.new_empty(0) for each, want in zip(gradients, wanted, strict=True)
    )


def _gradient_backward(saved: Saved, *grads: Gradient) -> tuple[Gradient, ...]:
    return pull(_formula, saved, grads)


def _there(tensor: Any) -> bool:
    return len(tensor.shape) > 1


def _shard(
    u: Any, base: Any, drive: Any, readout: Any, skip: Any, state: Any
) -> list[tuple[list[Any], list[Any]]]:
    """Batches and heads."""
    from torch.distributed.tensor import Replicate, Shard

    whole: Any = Replicate()
    first: Any = Shard(0)
    second: Any = Shard(1)
    of_skip = second if _there(skip) else whole
    by_batch, by_head = (first, second) if _there(state) else (whole, whole)
    return [
        ([whole, whole], [whole] * 6),
        ([first, first], [first, whole, whole, whole, whole, by_batch]),
        ([Shard(2), second], [second, first, first, second, of_skip, by_head]),
    ]


def _shard_gradient(grad: Any, last: Any, *inputs: Any) -> list[tuple[list[Any], list[Any]]]:
    """The same; of batches, coefficients get shares of their gradients."""
    from torch.distributed.tensor import Partial, Replicate

    *tensors, rows, coefficients = inputs
    whole: Any = Replicate()
    share: Any = Partial()
    wanted = (rows, *(coefficients,) * 3, coefficients and _there(tensors[4]), _there(tensors[5]))
    result: list[tuple[list[Any], list[Any]]] = []
    for k, ((of_y, of_last), places) in enumerate(_shard(*tensors)):
        gradients = [places[0], *[share] * 4, places[5]] if k == 1 else places
        result.append((
            [each if want else whole for each, want in zip(gradients, wanted, strict=True)],
            [of_y, of_last if _there(last) else whole, *places, None, None],
        ))  # fmt: skip
    return result


_fused: Any = differentiable("s4d_scan", _run, _backward, _jvp)
_by_convolution: Any = differentiable("s4d_scan", _run, _convolution_backward, _jvp)
#: Without forward mode: _backward sees to it that nobody asks.
_gradient: Any = differentiable("s4d_scan_backward", _run_gradient, _gradient_backward)
for _op, _rule in ((_VALUE, _shard), (_GRADIENT, _shard_gradient)):
    torch.library.register_vmap(_op, run_one_by_one(_op))
    _dtensor.declare_sharding(_op, _rule)
