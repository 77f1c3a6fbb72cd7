"""Autograd, written once for all families.

An op of longtail is forward-only; its gradient lives here, in Python, one hop above it. A family
hands over plain formulas and gets back a function that works under ``backward``, double backward,
forward mode, every transform of ``torch.func``, ``torch.compile(fullgraph=True)`` and
``torch.export``.

Three decisions, each forced by a trap:

* ``torch.autograd.Function`` with separate ``forward`` and ``setup_context`` and a generated vmap
  rule, not ``torch.library.register_autograd``: the latter fails under ``torch.func`` and returns
  silent zeros in forward mode.
* ``backward`` and ``jvp`` are made of differentiable pieces, so that the next derivative exists
  wherever the formulas have one, and raises a sentence where they do not.
* Dynamo must not look inside. It refuses a Function that defines ``jvp``, and one without it
  loses its gradient inside a compiled ``torch.func.grad`` (a silent zero: Dynamo sees inputs
  that do not require a gradient and inlines ``forward``). So the call goes into Dynamo's graph
  whole, and AOTAutograd, which runs it as eager mode would, traces the ops inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._C import _functorch as functorch
from torch.autograd import forward_ad

from longtail._dtensor import register_rules_for

Gradient = Tensor | None


@dataclass(frozen=True)
class Saved:
    """What a backward or jvp formula may read.

    Attributes:
        inputs: the arguments of the forward call, in order; constants as they were.
        needs: for each of them, whether its gradient is asked for (all true in ``jvp``).
        results: of the forward call, detached, where ``differentiable`` was told to keep them;
            never in ``jvp``.
    """

    inputs: tuple[Any, ...]
    needs: tuple[bool, ...]
    results: tuple[Tensor, ...] = ()


def differentiable(
    name: str,
    forward: Callable[..., Any],
    backward: Callable[..., Sequence[Gradient]],
    jvp: Callable[..., Any] | None = None,
    *,
    linear: bool = False,
    keep_results: bool | Sequence[int] = False,
) -> Callable[..., Any]:
    """Make a differentiable function out of formulas.

    Args:
        name: public name of the function, for error messages and ``grad_fn``.
        forward: ``forward(*inputs)`` gives the output(s) by raw ops; tensors and constants are
            positional, the number of arguments is fixed.
        backward: ``backward(saved, *grads)`` gives one gradient or None for each input. It must
            be made of differentiable functions, and should skip what ``saved.needs`` does not
            ask for. A gradient is None where nothing flows into that output; any strides.
        jvp: ``jvp(saved, *tangents)`` gives the tangent of each output; a tangent is None where
            the input does not move. Without it forward mode raises NotImplementedError.
        linear: the formulas read no tensor input, so none is kept; ``saved`` has None for them.
        keep_results: whether ``backward`` reads what ``forward`` gave, or the positions of what it
            reads. Derivatives of ``backward`` are those with respect to the inputs: whatever the
            results say, the inputs say too.

    Returns:
        A function of the same positional arguments as ``forward``.
    """

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        is_tensor = [isinstance(value, Tensor) for value in inputs]
        ctx.constants = tuple(None if t else v for t, v in zip(is_tensor, inputs, strict=True))
        ctx.is_tensor = is_tensor
        tensors = [value for value in inputs if isinstance(value, Tensor) and not linear]
        results: tuple[Tensor, ...] = ()
        if keep_results:
            results = (output,) if isinstance(output, Tensor) else tuple(output)
            if not isinstance(keep_results, bool):
                results = tuple(results[index] for index in keep_results)
        ctx.save_for_backward(*tensors, *results)
        ctx.save_for_forward(*tensors)
        ctx.set_materialize_grads(False)

    def saved(ctx: Any, tensors: Sequence[Tensor], needs: tuple[bool, ...]) -> Saved:
        rest = iter(tensors)
        merged = zip(ctx.is_tensor, ctx.constants, strict=True)
        values = tuple(
            (None if linear else next(rest)) if tensor else value for tensor, value in merged
        )
        return Saved(values, needs, tuple(result.detach() for result in rest))

    def run_backward(ctx: Any, *grads: Gradient) -> Any:
        if all(grad is None for grad in grads):
            return (None,) * len(ctx.constants)
        return tuple(backward(saved(ctx, ctx.saved_tensors, ctx.needs_input_grad), *grads))

    def run_jvp(ctx: Any, *tangents: Gradient) -> Any:
        if jvp is None:
            raise NotImplementedError(f"{name}: forward-mode differentiation is not available")
        # torch calls this with forward mode switched off on every level, which makes the outer
        # derivative of a nested jvp a silent zero. So switch it on, and take this level's
        # tangents off the inputs instead. (There is only level 0, but a compiled graph does not
        # tell unpack_dual that it is entered.)
        with forward_ad._set_fwd_grad_enabled(True):
            primals = [without_tangent(tensor) for tensor in ctx.saved_tensors]
            return jvp(saved(ctx, primals, (True,) * len(tangents)), *tangents)

    function: Any = type(
        "".join(part.capitalize() for part in name.split("_")),
        (torch.autograd.Function,),
        {
            "__module__": __name__,
            "generate_vmap_rule": True,
            "forward": staticmethod(forward),
            "setup_context": staticmethod(setup_context),
            "backward": staticmethod(run_backward),
            "jvp": staticmethod(run_jvp),
        },
    )

    def node(*inputs: Any) -> Any:
        return function.apply(*inputs)

    def keep_node_whole() -> None:
        # Registering at import time would import Dynamo (1.3 s of CPU time) for everybody.
        torch.compiler.allow_in_graph(node)

    # What torch.compiler.assume_constant_result does, again without importing Dynamo: Dynamo
    # then runs the function while it traces, just before it looks the node up.
    keep_node_whole._dynamo_marked_constant = True  # type: ignore[attr-defined]

    def call(*inputs: Any) -> Any:
        if torch.compiler.is_compiling():
            keep_node_whole()
            return node(*inputs)
        if _nothing_to_differentiate(inputs):
            return forward(*inputs)  # a node costs 40 us, many times a small call
        return node(*inputs)

    node.__name__ = call.__name__ = name
    node.__qualname__ = call.__qualname__ = name
    return call


def without_tangent(tensor: Tensor) -> Tensor:
    """The primal; unpack_dual has no batching rule, so vmap's wrapper comes off and on again."""
    if not functorch.is_batchedtensor(tensor):
        return forward_ad.unpack_dual(tensor, level=0).primal
    dim, level = functorch.maybe_get_bdim(tensor), functorch.maybe_get_level(tensor)
    primal = without_tangent(functorch.get_unwrapped(tensor))
    return functorch._add_batch_dim(primal, dim, level)


def _nothing_to_differentiate(inputs: tuple[Any, ...]) -> bool:
    """Whether a call needs no autograd: no transform of torch.func, no forward mode, and no
    input that requires a gradient."""
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return False
    if not torch.is_grad_enabled():
        return True
    return not any(isinstance(value, Tensor) and value.requires_grad for value in inputs)


def is_plain_call(tensors: Sequence[Tensor]) -> bool:
    """Whether nobody differentiates, maps, traces or shards: a raw op may be called as it is."""
    for tensor in tensors:
        if type(tensor) is not Tensor and type(tensor) is not torch.nn.Parameter:
            return False
    return not torch.compiler.is_compiling() and _nothing_to_differentiate(tuple(tensors))


def elementwise_partials(
    name: str, arguments: tuple[str, str], highest_order: int = 2
) -> Callable[[Tensor, Tensor], Tensor]:
    """The differentiable form of an element-wise function of two arguments.

    The raw ops ``longtail::name`` and ``longtail::name_derivative`` form a ladder: the partial
    derivative of order (i, j) has the derivatives (i + 1, j) and (i, j + 1), each one an op, up
    to a total of ``highest_order``. One more raises NotImplementedError.

    Args:
        name: of the function and of its raw ops.
        arguments: the two argument names, for error messages.
        highest_order: total order of the highest derivative that ``name_derivative`` computes.

    Returns:
        A function of two tensors of one shape, dtype and device.
    """
    ladder: dict[tuple[int, int], Callable[[Tensor, Tensor], Tensor]] = {}
    for total in range(highest_order, -1, -1):
        for i in range(total + 1):
            orders = (i, total - i)
            if total == highest_order:
                steps = tuple(_past_the_top(name, arguments, step) for step in _above(orders))
            else:
                steps = tuple(ladder[step] for step in _above(orders))
            ladder[orders] = _partial(name, orders, steps)
    return ladder[0, 0]


def _above(orders: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    i, j = orders
    return (i + 1, j), (i, j + 1)


def _partial(
    name: str, orders: tuple[int, int], steps: tuple[Callable[..., Tensor], ...]
) -> Callable[[Tensor, Tensor], Tensor]:
    """The partial derivative of the given orders; ``steps`` are its own two derivatives."""
    op: Callable[..., Tensor]
    constants: tuple[int, ...]
    if orders == (0, 0):
        op, constants = getattr(torch.ops.longtail, name).default, ()
    else:
        op, constants = getattr(torch.ops.longtail, f"{name}_derivative").default, orders

    def forward(first: Tensor, second: Tensor) -> Tensor:
        register_rules_for(first, second)
        # Past the guard that keeps gradients away from raw ops: it is Python and costs 9 us.
        with torch._C._AutoDispatchBelowAutograd():
            return op(first, second, *constants)

    def backward(saved: Saved, grad: Tensor) -> list[Gradient]:
        return [
            grad * step(*saved.inputs) if needed else None
            for step, needed in zip(steps, saved.needs, strict=True)
        ]

    def jvp(saved: Saved, *tangents: Gradient) -> Tensor:
        first, *rest = [
            tangent * step(*saved.inputs)
            for step, tangent in zip(steps, tangents, strict=True)
            if tangent is not None
        ]
        return first + rest[0] if rest else first

    label = name if orders == (0, 0) else f"{name}_{orders[0]}_{orders[1]}"
    return differentiable(label, forward, backward, jvp)


def _past_the_top(
    name: str, arguments: tuple[str, str], orders: tuple[int, int]
) -> Callable[[Tensor, Tensor], Tensor]:
    def refuse(first: Tensor, second: Tensor) -> Tensor:
        total = sum(orders)
        asked = ", ".join(f"{order} in {a}" for order, a in zip(orders, arguments, strict=True))
        raise NotImplementedError(
            f"{name}: no derivative of order {total} ({asked}); the highest order is {total - 1}"
        )

    return refuse
