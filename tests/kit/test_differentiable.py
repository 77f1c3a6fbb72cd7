"""longtail._autograd.differentiable as a family with tensors, constants and two outputs uses it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, jvp, vmap

from longtail._autograd import Saved, differentiable


def _forward(x: Tensor, weight: Tensor, power: int) -> tuple[Tensor, Tensor]:
    """weight x^power and the sum over the last dimension of x^2."""
    return weight * x**power, (x * x).sum(-1)


def _backward(saved: Saved, scaled: Tensor | None, squares: Tensor | None) -> list[Tensor | None]:
    x, weight, power = saved.inputs
    x_grad = weight_grad = None
    if saved.needs[0]:
        parts = []
        if scaled is not None:
            parts.append(scaled * weight * power * x ** (power - 1))
        if squares is not None:
            parts.append(2 * x * squares.unsqueeze(-1))
        x_grad = sum(parts[1:], parts[0])
    if saved.needs[1] and scaled is not None:
        weight_grad = (scaled * x**power).sum_to_size(weight.shape)
    return [x_grad, weight_grad, None]


def _jvp(saved: Saved, x_t: Tensor | None, weight_t: Tensor | None, _: None) -> tuple[Tensor, ...]:
    x, weight, power = saved.inputs
    scaled, squares = x * 0, x.sum(-1) * 0
    if x_t is not None:
        scaled = scaled + weight * power * x ** (power - 1) * x_t
        squares = squares + (2 * x * x_t).sum(-1)
    if weight_t is not None:
        scaled = scaled + weight_t * x**power
    return scaled, squares


function = differentiable("scaled_power", _forward, _backward, _jvp)


def _inputs() -> tuple[Tensor, Tensor]:
    x = torch.tensor([[0.5, 1.5, -0.7], [1.1, 0.3, 2.0]], dtype=torch.float64)
    weight = torch.tensor([0.4, -1.2, 2.5], dtype=torch.float64)
    return x.requires_grad_(), weight.requires_grad_()


def test_gradients_of_two_outputs() -> None:
    def call(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        return function(x, weight, 3)

    assert gradcheck(call, _inputs(), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(call, _inputs(), check_fwd_over_rev=True)


def test_only_one_output_is_used() -> None:
    """The gradient of the other is None, not zeros."""
    x, weight = _inputs()
    (x_grad,) = torch.autograd.grad(function(x, weight, 3)[1].sum(), x)
    assert torch.equal(x_grad, 2 * x)


def test_transforms_and_compile_agree() -> None:
    x, weight = (tensor.detach() for tensor in _inputs())

    def total(x: Tensor, weight: Tensor) -> Tensor:
        scaled, squares = function(x, weight, 3)
        return scaled.sum() + squares.sum()

    expected = 3 * weight * x**2 + 2 * x
    torch.testing.assert_close(grad(total)(x, weight), expected)
    torch.testing.assert_close(vmap(grad(total), (0, None))(x, weight), expected)
    torch._dynamo.reset()
    compiled = torch.compile(grad(total), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, weight), expected)


def test_grad_fn_has_the_functions_name() -> None:
    x, weight = _inputs()
    assert "ScaledPower" in type(function(x, weight, 3)[0].grad_fn).__name__


def test_straight_through_without_forward_mode() -> None:
    """A family may leave jvp out: forward mode then raises, instead of a silent zero."""

    def forward(x: Tensor) -> Tensor:
        return x.round()

    round_through = differentiable("round_through", forward, lambda saved, grad: [grad])
    x = torch.tensor([0.2, 1.7], requires_grad=True)
    (gradient,) = torch.autograd.grad(round_through(x), x, torch.tensor([2.0, 3.0]))
    assert torch.equal(gradient, torch.tensor([2.0, 3.0]))
    with pytest.raises(NotImplementedError, match="round_through: forward-mode"):
        jvp(round_through, (x.detach(),), (torch.ones(2),))
