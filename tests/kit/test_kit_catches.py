"""The kit passes a right op and notices the traps that it is there for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError
from torch.testing._internal.optests import OpCheckError

import kit
from kit import toy
from kit.layouts import threads
from kit.spec import OpSpec
from kit.tensors import LAYOUTS

RIGHT = toy.toy_spec("kit_toy")


class TestLayouts(kit.LayoutChecks):
    specs = (RIGHT,)


class TestRegistration(kit.RegistrationChecks):
    specs = (RIGHT,)


class TestAutograd(kit.AutogradChecks):
    specs = (RIGHT,)


class TestContract(kit.ContractChecks):
    specs = (RIGHT,)


def notices(check: Callable[..., Any], *arguments: Any) -> None:
    """The check fails, by its own judgement."""
    with pytest.raises((AssertionError, OpCheckError)):
        check(*arguments)


def broken(name: str, **parts: Any) -> OpSpec:
    return toy.toy_spec(f"kit_toy_{name}", **parts)


def test_a_fake_that_follows_the_strides_of_its_argument() -> None:
    spec = broken("fake", fake=lambda a, b, i=0, j=0: torch.empty_like(a))
    transposed = LAYOUTS["transposed"]
    notices(kit.RegistrationChecks().test_fake_agrees, spec, spec.raw[0], transposed)
    notices(
        kit.RegistrationChecks().test_opcheck,
        *(spec, spec.raw[0], torch.float32, transposed, "cpu"),
    )


def test_a_kernel_that_follows_the_strides_of_its_argument() -> None:
    spec = broken("strides", kernel=lambda a, b, i=0, j=0: torch.sin(a) * torch.exp(b))
    notices(kit.LayoutChecks().test_layout, spec, torch.float64, LAYOUTS["transposed"], "cpu")


def test_a_kernel_that_ignores_strides() -> None:
    def kernel(a: Tensor, b: Tensor, i: int = 0, j: int = 0) -> Tensor:
        flat = a.as_strided((a.numel(),), (1,), a.storage_offset()).view(a.shape)
        return toy.kernel(flat, b, i, j)

    spec = broken("flat", kernel=kernel)
    notices(kit.LayoutChecks().test_layout, spec, torch.float64, LAYOUTS["transposed"], "cpu")


def test_a_kernel_that_changes_its_argument() -> None:
    def kernel(a: Tensor, b: Tensor, i: int = 0, j: int = 0) -> Tensor:
        result = toy.kernel(a, b, i, j)
        b.add_(1e-9)
        return result

    spec = broken("inplace", kernel=kernel)
    notices(kit.LayoutChecks().test_layout, spec, torch.float64, LAYOUTS["contiguous"], "cpu")


def test_a_tail_that_is_computed_otherwise() -> None:
    def kernel(a: Tensor, b: Tensor, i: int = 0, j: int = 0) -> Tensor:
        result = toy.kernel(a, b, i, j).flatten()
        tail = result.numel() - result.numel() % 8
        result[tail:] *= 1 + 2.0**-50
        return result.view(a.shape)

    spec = broken("tail", kernel=kernel)
    notices(kit.LayoutChecks().test_position, spec, torch.float64)


def test_results_that_depend_on_threads() -> None:
    def kernel(a: Tensor, b: Tensor, i: int = 0, j: int = 0) -> Tensor:
        return toy.kernel(a, b, i, j) * (1 + 2.0**-50 * (torch.get_num_threads() == 1))

    with threads(2):
        spec = broken("threads", kernel=kernel)
        notices(kit.LayoutChecks().test_threads_and_repeats, spec, torch.float64)


def test_double_rounding_through_float32() -> None:
    def kernel(a: Tensor, b: Tensor, i: int = 0, j: int = 0) -> Tensor:
        return toy.kernel(a.float(), b.float(), i, j).to(a.dtype)

    spec = broken("float32", kernel=kernel)
    notices(kit.LayoutChecks().test_values, spec, torch.float64, "cpu")


def test_a_derivative_computed_in_float32() -> None:
    def kernel(a: Tensor, b: Tensor, i: int = 0, j: int = 0) -> Tensor:
        if a.dtype == torch.float32 and i + j:
            return torch.sin(a + i * math.pi / 2) * torch.exp(b)
        return toy.kernel(a, b, i, j)

    spec = broken("narrow", kernel=kernel)
    check = kit.LayoutChecks().test_narrow_dtypes_round_once
    notices(check, spec, spec.raw[1], torch.float32, "cpu")


@pytest.mark.parametrize("orders", [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2)])
def test_a_partial_derivative_that_is_zero(orders: tuple[int, int]) -> None:
    def kernel(a: Tensor, b: Tensor, i: int = 0, j: int = 0) -> Tensor:
        return toy.kernel(a, b, i, j) * ((i, j) != orders)

    spec = broken(f"zero_{orders[0]}_{orders[1]}", kernel=kernel)
    checks = kit.AutogradChecks()
    with pytest.raises(GradcheckError):
        (checks.test_gradcheck if sum(orders) == 1 else checks.test_gradgradcheck)(spec)


def test_a_raw_op_that_cuts_the_graph() -> None:
    spec = broken("cuts", guard=False)
    with pytest.raises(pytest.fail.Exception):
        kit.RegistrationChecks().test_raw_op_refuses_a_gradient(spec, spec.raw[0])
