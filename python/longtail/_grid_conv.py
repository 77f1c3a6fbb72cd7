"""Convolutions and V-cycles of learned multigrid, differentiable as often as one likes.

On grids ``[N, H, W, channels]``, zeros around: ``grid_conv`` is ``add + bias + weight * x`` of
3 x 3 taps; ``grid_down`` goes to the next coarser grid by 3 x 3 or 4 x 4 taps, ``grid_up`` is its
transpose. Each of them and their weight gradients are linear in each argument, so the derivatives
of all are made of these.

``learned_cycle`` is a whole V-cycle of these in one operator, whose gradient is one more; second
gradients are those of the cycle made of single convolutions.

``grid_conv`` and ``grid_down`` give x as well, for whoever reads it next: its gradient then comes
back through here, where it is added while the convolution's own is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longtail import _grid_shardings  # noqa: F401  (declares them)
from longtail._autograd import Gradient, Saved, differentiable
from longtail._dtensor import register_rules_for

#: Channels that the kernels take, and those up to which the CUDA kernels are used: the library's
#: run on tensor cores, which pay with many.
MOST_CHANNELS, MOST_CHANNELS_CUDA = 256, 64


#: A V-cycle of f, bias and weights made of single convolutions, which have gradients.
BySteps = Callable[[Tensor, Tensor, Sequence[Tensor]], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class CycleForm:
    """What a V-cycle is, but for its numbers.

    Attributes:
        channels: of u.
        steps: before and after the coarser levels, of each level, finest first.
        restrict_residual: whether f of a coarser level is that of the residual.
    """

    channels: int
    steps: tuple[int, ...]
    restrict_residual: bool


def _none(like: Tensor) -> Tensor:
    return like.new_empty(0)


def _forward(
    x: Tensor, weight: Tensor, add: Tensor, bias: Tensor, adjoint: bool
) -> tuple[Tensor, Tensor]:
    register_rules_for(x, weight)
    return torch.ops.longtail.grid_conv(x, weight, add, bias, adjoint), x.view(x.shape)


def _backward(saved: Saved, grad: Gradient, through: Gradient) -> tuple[Gradient, ...]:
    x, weight, _, _, adjoint = saved.inputs
    if grad is None:
        return through, None, None, None, None
    dx = dw = dadd = dbias = None
    none = _none(grad)
    if saved.needs[0]:
        dx, _ = grid_conv(grad, weight, none if through is None else through, none, not adjoint)
    if saved.needs[1]:
        dw = _weight(x, grad) if adjoint else _weight(grad, x)
    if saved.needs[2]:
        dadd = grad
    if saved.needs[3]:
        dbias = grad.sum((0, 1, 2))
    return dx, dw, dadd, dbias, None


def _weight_forward(grad: Tensor, x: Tensor) -> Tensor:
    register_rules_for(grad, x)
    return torch.ops.longtail.grid_conv_weight(grad, x)


def _weight_backward(saved: Saved, dw: Gradient) -> tuple[Gradient, ...]:
    grad, x = saved.inputs
    assert dw is not None
    none = _none(x)
    of_grad = grid_conv(x, dw, none, none, False)[0] if saved.needs[0] else None
    of_x = grid_conv(grad, dw, none, none, True)[0] if saved.needs[1] else None
    return of_grad, of_x


grid_conv = differentiable("grid_conv", _forward, _backward)
_weight = differentiable("grid_conv_weight", _weight_forward, _weight_backward)


def _up_forward(
    x: Tensor, weight: Tensor, add: Tensor, bias: Tensor, height: int, width: int
) -> Tensor:
    register_rules_for(x, weight)
    return torch.ops.longtail.grid_up(x, weight, add, bias, height, width)


def _up_backward(saved: Saved, grad: Gradient) -> tuple[Gradient, ...]:
    x, weight = saved.inputs[:2]
    assert grad is not None
    dx = grid_down(grad, weight)[0] if saved.needs[0] else None
    dw = _transfer_weight(x, grad, weight.shape[-1]) if saved.needs[1] else None
    dadd = grad if saved.needs[2] else None
    dbias = grad.sum((0, 1, 2)) if saved.needs[3] else None
    return dx, dw, dadd, dbias, None, None


def _down_forward(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    register_rules_for(x, weight)
    return torch.ops.longtail.grid_down(x, weight), x.view(x.shape)


def _down_backward(saved: Saved, grad: Gradient, through: Gradient) -> tuple[Gradient, ...]:
    x, weight = saved.inputs
    if grad is None:
        return through, None
    none = _none(grad)
    dx = dw = None
    if saved.needs[0]:
        add = none if through is None else through
        dx = grid_up(grad, weight, add, none, x.shape[1], x.shape[2])
    if saved.needs[1]:
        dw = _transfer_weight(grad, x, weight.shape[-1])
    return dx, dw


def _transfer_weight_forward(coarse: Tensor, fine: Tensor, taps: int) -> Tensor:
    register_rules_for(coarse, fine)
    return torch.ops.longtail.grid_transfer_weight(coarse, fine, taps)


def _transfer_weight_backward(saved: Saved, dw: Gradient) -> tuple[Gradient, ...]:
    coarse, fine, _ = saved.inputs
    assert dw is not None
    none = _none(fine)
    of_coarse = grid_down(fine, dw)[0] if saved.needs[0] else None
    of_fine = None
    if saved.needs[1]:
        of_fine = grid_up(coarse, dw, none, none, fine.shape[1], fine.shape[2])
    return of_coarse, of_fine, None


grid_up = differentiable("grid_up", _up_forward, _up_backward)
grid_down = differentiable("grid_down", _down_forward, _down_backward)
_transfer_weight = differentiable(
    "grid_transfer_weight", _transfer_weight_forward, _transfer_weight_backward
)


def _packed(weights: Sequence[Tensor]) -> Tensor:
    return torch.cat([each.reshape(-1) for each in weights])


def _cycle_forward(
    f: Tensor,
    bias: Tensor,
    channels: int,
    steps: tuple[int, ...],
    restrict_residual: bool,
    keep: bool,
    by_steps: BySteps | None,
    *weights: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    u, saved = torch.ops.longtail.learned_cycle(
        f, _packed(weights), bias, channels, steps, restrict_residual, keep
    )
    return u, f.view(f.shape), saved


def _cycle_backward(
    saved: Saved, grad: Gradient, through: Gradient, _: Gradient
) -> tuple[Gradient, ...]:
    f, bias, *form, _keep, by_steps = saved.inputs[:_BEFORE_WEIGHTS]
    weights = saved.inputs[_BEFORE_WEIGHTS:]
    constants = [None] * (_BEFORE_WEIGHTS - 2)
    needs = saved.needs[_BEFORE_WEIGHTS:]
    if grad is None:
        return through, None, *constants, *[None] * len(weights)
    if torch.is_grad_enabled():
        if by_steps is None:
            raise NotImplementedError("MgConv: no second gradients of compiled code")
        wanted = (*saved.needs[:2], *needs)
        df, dbias, *dw = _again(by_steps, f, bias, weights, wanted, grad, through)
        return df, dbias, *constants, *dw
    df, flat = torch.ops.longtail.learned_cycle_backward(
        grad,
        _none(f) if through is None else through,
        f,
        _packed(weights),
        saved.results[0],
        *form,
        saved.needs[0],
        any(needs),
    )
    dbias = grad.sum((0, 1, 2)) if saved.needs[1] else None
    gradients: list[Gradient] = [None] * len(weights)
    if any(needs):
        parts = zip(flat.split([w.numel() for w in weights]), weights, needs, strict=True)
        gradients = [part.view(w.shape) if needed else None for part, w, needed in parts]
    return (df if saved.needs[0] else None), dbias, *constants, *gradients


def _again(
    by_steps: BySteps,
    f: Tensor,
    bias: Tensor,
    weights: Sequence[Tensor],
    needs: Sequence[bool],
    grad: Tensor,
    through: Gradient,
) -> list[Gradient]:
    """The gradients of f, bias and weights as functions that have gradients."""
    u, same = by_steps(f, bias, weights)
    wanted = [each for each, needed in zip((f, bias, *weights), needs, strict=True) if needed]
    outputs, grads = [u], [grad]
    if through is not None:
        outputs, grads = [u, same], [grad, through]
    got = iter(torch.autograd.grad(outputs, wanted, grads, create_graph=True, allow_unused=True))
    return [next(got) if needed else None for needed in needs]


#: Inputs of ``_cycle`` before the weights.
_BEFORE_WEIGHTS = 7
_cycle = differentiable("learned_cycle", _cycle_forward, _cycle_backward, keep_results=(2,))


def learned_cycle(
    f: Tensor, bias: Tensor, form: CycleForm, weights: Sequence[Tensor], by_steps: BySteps | None
) -> tuple[Tensor, Tensor]:
    """A V-cycle in one operator: u of f, and f for whoever reads it next. ``bias`` ``[channels]``
    or ``[0]``; weights in the order of csrc/multigrid/learned_cycle.h; without ``by_steps`` there
    are no second gradients."""
    keep = torch.is_grad_enabled() and any(each.requires_grad for each in (f, bias, *weights))
    settings = (form.channels, form.steps, form.restrict_residual, keep, by_steps)
    u, f, _ = _cycle(f, bias, *settings, *weights)
    return u, f
