"""Functions of a tensor and parameter tensors, made of two raw ops and a formula.

``longtail::name(x, *parameters, *constants)`` gives the value and ``longtail::name_backward(grad,
x, *parameters, *constants)`` all gradients. Forward mode and second derivatives, which are rare
beside training, are taken of the same formulas written in torch operations, which torch
differentiates as often as asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import vjp

from longtail import _dtensor
from longtail._arguments import (
    check_device,
    check_dtype,
    check_floating,
    check_parameter,
    check_tensor,
)
from longtail._autograd import Gradient, Saved, differentiable
from longtail._dtensor import register_rules_for


class Formula(NamedTuple):
    """The same function in torch operations.

    Attributes:
        value: of (x, *parameters, *constants); with ``kept``, a tuple of all results.
        gradient: of (grad, x, *parameters, *constants), to the gradients of x and the parameters.
    """

    value: Callable[..., Any]
    gradient: Callable[..., tuple[Tensor, ...]]


def formula_of(value: Callable[..., Any], tensors: int) -> Formula:
    """The formula whose gradient torch works out from the value of so many tensors."""

    def gradient(grad: Tensor, *inputs: Any) -> tuple[Tensor, ...]:
        constants = inputs[tensors:]

        def result(*each: Tensor) -> Tensor:
            results = value(*each, *constants)
            return results if isinstance(results, Tensor) else results[0]

        return vjp(result, *inputs[:tensors])[1](grad)

    return Formula(value, gradient)


class Placement(NamedTuple):
    """One acceptable sharding.

    Attributes:
        result: of the result and of its gradient.
        tensors: of x and the parameters.
        gradients: of theirs.
        kept: of what else the value op gives.
    """

    result: Any
    tensors: Sequence[Any]
    gradients: Sequence[Any]
    kept: Sequence[Any] = ()


def parametric_function(
    name: str,
    formula: Formula,
    shardings: Callable[..., Sequence[Placement]],
    tensors: int = 3,
    kept: int = 0,
    one_by_one: bool = False,
) -> Callable[..., Tensor]:
    """Make the differentiable function and declare what its raw ops need for vmap and DTensor.

    Args:
        name: of the public function and of the raw ops.
        formula: what the kernels compute, in torch operations.
        shardings: of (x, *parameters, *constants), the acceptable placements.
        tensors: how many x and the parameters are.
        kept: how many more results the value op gives, for the gradient op alone, which then takes
            all of them after its other arguments.
        one_by_one: the value op takes no more leading dimensions of x, so vmap runs it for each.

    Returns:
        A function of (x, *parameters, *constants); with ``kept``, to a tuple.
    """
    value_op = getattr(torch.ops.longtail, name).default
    gradient_op = getattr(torch.ops.longtail, f"{name}_backward").default

    def run(op: torch._ops.OpOverload, count: int) -> Callable[..., Any]:
        def forward(*inputs: Any) -> Any:
            register_rules_for(*inputs[:count])
            with torch._C._AutoDispatchBelowAutograd():
                return op(*inputs)

        return forward

    def slopes(*inputs: Any) -> tuple[Tensor, ...]:
        """Of the same arguments as the gradient op, whose last ones the formula can do without."""
        results = 1 + kept if kept else 0
        return formula.gradient(*inputs[: len(inputs) - results])

    def backward(saved: Saved, grad: Tensor, *unused: Gradient) -> tuple[Gradient, ...]:
        return _wanted(saved, gradient(grad, *saved.inputs, *saved.results))

    def value_jvp(saved: Saved, *tangents: Gradient) -> Any:
        return push_forward(formula.value, tensors, saved, tangents)

    def gradient_backward(saved: Saved, *grads: Gradient) -> tuple[Gradient, ...]:
        inputs, constants = saved.inputs[: tensors + 1], saved.inputs[tensors + 1 :]
        pull = vjp(lambda *each: slopes(*each, *constants), *inputs)[1]
        return _wanted(saved, pull(with_zeros(inputs[1:], grads)))

    def gradient_jvp(saved: Saved, *tangents: Gradient) -> Any:
        return push_forward(slopes, tensors + 1, saved, tangents)

    gradient = differentiable(
        f"{name}_backward", run(gradient_op, tensors + 1), gradient_backward, gradient_jvp
    )
    torch.library.register_vmap(
        value_op, _batched(value_op, leading_batch=not kept and not one_by_one)
    )
    torch.library.register_vmap(gradient_op, _batched(gradient_op, leading_batch=False))

    def shard_value(*inputs: Any) -> Any:
        nothing = [None] * (len(inputs) - tensors)
        return [
            ([place.result, *place.kept], [*place.tensors, *nothing])
            for place in shardings(*inputs)
        ]

    def shard_gradient(grad: Any, *inputs: Any) -> Any:
        results = 1 + kept if kept else 0
        nothing = [None] * (len(inputs) - tensors - results)
        return [
            (
                [*place.gradients],
                [
                    *(place.result, *place.tensors, *nothing),
                    *((place.result, *place.kept) if kept else ()),
                ],
            )
            for place in shardings(*inputs)
        ]

    _dtensor.declare_sharding(value_op, shard_value)
    _dtensor.declare_sharding(gradient_op, shard_gradient)
    return differentiable(name, run(value_op, tensors), backward, value_jvp, keep_results=kept > 0)


def _wanted(saved: Saved, gradients: Sequence[Tensor]) -> tuple[Gradient, ...]:
    """The gradients that are asked for, None for the others and for constants."""
    kept = [g if need else None for g, need in zip(gradients, saved.needs, strict=False)]
    return (*kept, *(None,) * (len(saved.inputs) - len(kept)))


def push_forward(
    formula: Callable[..., Any], count: int, saved: Saved, tangents: Sequence[Gradient]
) -> Any:
    """The tangent of ``formula`` as the pull-back of its pull-back, which is linear: torch does not
    nest forward mode, and this runs inside it."""
    tensors, constants = saved.inputs[:count], saved.inputs[count:]
    results, pull = vjp(lambda *each: formula(*each, *constants), *tensors)[:2]
    zeros = (
        torch.zeros_like(results)
        if isinstance(results, Tensor)
        else tuple(torch.zeros_like(each) for each in results)
    )
    return vjp(pull, zeros)[1](with_zeros(tensors, tangents))[0]


def with_zeros(tensors: Sequence[Tensor], given: Sequence[Gradient]) -> tuple[Tensor, ...]:
    """One for each tensor, zeros where there is none."""
    return tuple(
        torch.zeros_like(tensor) if each is None else each
        for tensor, each in zip(tensors, given, strict=False)
    )


def _batched(op: torch._ops.OpOverload, leading_batch: bool) -> Callable[..., Any]:
    """vmap: a batch of x alone can be one more leading dimension; otherwise one by one."""

    def rule(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        x_only = all(dim is None for dim in in_dims[1:])
        if leading_batch and x_only and arguments[0].dim() > 1:
            x, *rest = arguments
            return op(x.movedim(in_dims[0], 0), *rest), 0
        results = [
            op(
                *(
                    each if dim is None else each.select(dim, k)
                    for each, dim in zip(arguments, in_dims, strict=True)
                )
            )
            for k in range(info.batch_size)
        ]
        if isinstance(results[0], Tensor):
            return torch.stack(results), 0
        stacked = tuple(torch.stack(each) for each in zip(*results, strict=True))
        return stacked, (0,) * len(stacked)

    return rule


def run_one_by_one(op: torch._ops.OpOverload) -> Callable[..., Any]:
    """The rule for vmap that calls ``op`` for each element of the batch."""
    return _batched(op, leading_batch=False)


def check_out(name: str, out: Tensor, x: Tensor, *parameters: Tensor) -> None:
    """Refuse an ``out`` that is not just like x, or a gradient beside it."""
    check_tensor(name, "out", out)
    check_dtype(name, "out", out, "x", x)
    if out.shape != x.shape:
        raise ValueError(
            f"{name}: out has shape {list(out.shape)}, expected that of x, {list(x.shape)}"
        )
    check_device(name, "out", out, "x", x)
    if torch.is_grad_enabled() and any(each.requires_grad for each in (out, x, *parameters)):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )


def check_tensors(name: str, x: Tensor, **parameters: Tensor) -> None:
    """Refuse what is no floating-point tensor, parameters of another dtype than that of x or
    float32, and several devices."""
    for argument, value in (("x", x), *parameters.items()):
        check_floating(name, argument, value)
    for argument, value in parameters.items():
        check_parameter(name, argument, value, "x", x)
        check_device(name, argument, value, "x", x)
