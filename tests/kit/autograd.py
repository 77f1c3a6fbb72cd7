"""Gradients of an op that is exact twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from kit.spec import Gradient, OpSpec


class AutogradChecks:
    """Subclass with ``specs = [...]`` of ops of gradient class ``EXACT_TWICE``."""

    specs: Sequence[OpSpec] = ()

    def test_gradient_class(self, spec: OpSpec) -> None:
        assert spec.gradient is Gradient.EXACT_TWICE, "these checks are for exact gradients"

    def test_gradcheck(self, spec: OpSpec) -> None:
        """Reverse and forward mode, batched too, against finite differences."""
        gradcheck(
            spec.function,
            spec.smooth_inputs((2, 3)),
            check_forward_ad=True,
            check_batched_grad=True,
            check_batched_forward_grad=True,
        )

    def test_gradgradcheck(self, spec: OpSpec) -> None:
        """Reverse over reverse and forward over reverse."""
        gradgradcheck(
            spec.function,
            spec.smooth_inputs((3,)),
            check_fwd_over_rev=True,
            check_batched_grad=True,
        )

    def test_reverse_over_forward(self, spec: OpSpec) -> None:
        inputs = _detached(spec.smooth_inputs((3,)))
        tangents = tuple(torch.ones_like(tensor) for tensor in inputs)

        def along(*arguments: Tensor) -> Tensor:
            return jvp(spec.function, arguments, tangents)[1].sum()

        every = tuple(range(len(inputs)))
        over_forward = grad(along, every)(*inputs)
        # The derivative along (1, ..., 1) of each gradient: a row sum of the Hessian.
        over_reverse = jvp(grad(_sum(spec.function), every), inputs, tangents)[1]
        _assert_close(over_forward, over_reverse)

    def test_gradient_of_broadcast_arguments(self, spec: OpSpec) -> None:
        """Summed to the argument's own shape."""
        inputs = spec.smooth_inputs((4, 3))
        for k in range(len(inputs)):
            narrow = inputs[k].detach()[:1].requires_grad_()
            gradcheck(spec.function, (*inputs[:k], narrow, *inputs[k + 1 :]))
            scalar = inputs[k].detach()[0, 0].requires_grad_()
            gradcheck(spec.function, (*inputs[:k], scalar, *inputs[k + 1 :]))

    def test_gradient_in_each_argument_alone(self, spec: OpSpec) -> None:
        """What needs no gradient is not computed, and does not disturb the rest."""
        inputs = spec.smooth_inputs((5,))
        together = torch.autograd.grad(spec.function(*inputs).sum(), inputs)
        for k, tensor in enumerate(inputs):
            others = [other if j == k else other.detach() for j, other in enumerate(inputs)]
            with _CountDerivatives() as count:
                (alone,) = torch.autograd.grad(spec.function(*others).sum(), tensor)
            assert torch.equal(alone, together[k])
            assert count.calls == 1

    def test_gradient_of_any_strides(self, spec: OpSpec) -> None:
        """Incoming gradients may be expanded or permuted."""
        inputs = spec.smooth_inputs((4, 3))
        result = spec.function(*inputs)
        ones = torch.ones_like(result)
        expected = torch.autograd.grad(result, inputs, ones, retain_graph=True)
        permuted = ones.transpose(0, -1).contiguous().transpose(0, -1)
        for incoming in (ones.flatten()[0].expand(result.shape), permuted):
            before = incoming.clone()
            _assert_close(
                torch.autograd.grad(result, inputs, incoming, retain_graph=True), expected
            )
            assert torch.equal(incoming, before)

    def test_func_transforms_agree(self, spec: OpSpec) -> None:
        """grad, vmap(grad), jacrev, jacfwd, jvp and vjp against backward."""
        tracked = spec.smooth_inputs((5,))
        inputs = _detached(tracked)
        every = tuple(range(len(inputs)))
        expected = torch.autograd.grad(spec.function(*tracked).sum(), tracked)
        _assert_close(grad(_sum(spec.function), every)(*inputs), expected)
        _assert_close(vmap(grad(spec.function, every))(*inputs), expected)
        diagonals = [torch.diag(each) for each in expected]
        _assert_close(jacrev(spec.function, every)(*inputs), diagonals)
        _assert_close(jacfwd(spec.function, every)(*inputs), diagonals)
        pulled_back = vjp(spec.function, *inputs)[1](torch.ones_like(inputs[0]))
        _assert_close(pulled_back, expected)
        for k in every:
            tangents = [torch.ones_like(t) if j == k else t * 0 for j, t in enumerate(inputs)]
            _assert_close([jvp(spec.function, inputs, tuple(tangents))[1]], [expected[k]])

    def test_vmap_over_some_arguments(self, spec: OpSpec) -> None:
        inputs = _detached(spec.smooth_inputs((4, 3)))
        every = tuple(range(len(inputs)))
        for k in every:
            in_dims = tuple(0 if j == k else None for j in every)
            arguments = tuple(t if j == k else t[0] for j, t in enumerate(inputs))
            batched = vmap(grad(_sum(spec.function), every), in_dims=in_dims)(*arguments)
            for row in range(4):
                single = [t[row] if j == k else t for j, t in enumerate(arguments)]
                expected = grad(_sum(spec.function), every)(*single)
                _assert_close([each[row] for each in batched], expected)

    def test_hessian(self, spec: OpSpec) -> None:
        """All four ways to a Hessian agree, mixed derivatives included, and are not zero."""
        inputs = tuple(tensor[0] for tensor in _detached(spec.smooth_inputs((1,))))
        every = tuple(range(len(inputs)))
        ways = [
            hessian(spec.function, every),
            jacrev(jacrev(spec.function, every), every),
            jacfwd(jacfwd(spec.function, every), every),
            jacrev(jacfwd(spec.function, every), every),
        ]
        first, *others = [[e for row in way(*inputs) for e in row] for way in ways]
        assert all(entry != 0 for entry in first)
        for other in others:
            _assert_close(other, first)

    def test_hessian_of_a_loss(self, spec: OpSpec) -> None:
        """The same of a number, which any function has: forward mode over a vmapped backward is a
        way of its own."""
        loss, every, inputs = _loss_of(spec)
        expected = _entries(jacrev(jacrev(loss, every), every)(*inputs))
        assert any(entry.any() for entry in expected)
        _assert_close(_entries(hessian(loss, every)(*inputs)), expected)
        _assert_close(_entries(jacfwd(jacfwd(loss, every), every)(*inputs)), expected)

    def test_hessian_by_reverse_over_forward(self, spec: OpSpec) -> None:
        loss, every, inputs = _loss_of(spec)
        expected = _entries(jacrev(jacrev(loss, every), every)(*inputs))
        _assert_close(_entries(jacrev(jacfwd(loss, every), every)(*inputs)), expected)

    def test_third_derivative_raises(self, spec: OpSpec) -> None:
        inputs = tuple(tensor[0] for tensor in _detached(spec.smooth_inputs((1,))))
        for k in range(len(inputs)):

            def along(value: Tensor, k: int = k) -> Tensor:
                return spec.function(*inputs[:k], value, *inputs[k + 1 :])

            for third in (grad(grad(grad(along))), jacfwd(jacfwd(jacfwd(along)))):
                with pytest.raises(NotImplementedError, match=f"{spec.name}.* order 3"):
                    third(inputs[k])

    def test_double_backward_by_hand(self, spec: OpSpec) -> None:
        """create_graph, then backward again; a result that is not used costs nothing."""
        inputs = spec.smooth_inputs((3,))
        first = torch.autograd.grad(spec.function(*inputs).sum(), inputs, create_graph=True)
        second = torch.autograd.grad(sum(each.sum() for each in first), inputs)
        rows = hessian(_sum(spec.function), tuple(range(len(inputs))))(*_detached(inputs))
        _assert_close(
            second, [sum(each.sum(0) for each in column) for column in zip(*rows, strict=True)]
        )


def _loss_of(spec: OpSpec) -> tuple[Callable[..., Tensor], tuple[int, ...], tuple[Tensor, ...]]:
    """A sum of squares, the numbers of all its arguments, and the arguments."""
    inputs = _detached(spec.smooth_inputs((2, 3)))
    return _sum(lambda *each: spec.function(*each).square()), tuple(range(len(inputs))), inputs


def _entries(rows: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [entry for row in rows for entry in row]


def _sum(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda *arguments: function(*arguments).sum()


def _detached(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(tensor.detach() for tensor in tensors)


def _assert_close(left: Sequence[Any], right: Sequence[Any]) -> None:
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


class _CountDerivatives(torch.utils._python_dispatch.TorchDispatchMode):
    """Counts the calls of ``longtail::*_derivative`` ops."""

    calls = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += func.name().startswith("longtail::") and "_derivative" in func.name()
        return func(*args, **(kwargs or {}))
