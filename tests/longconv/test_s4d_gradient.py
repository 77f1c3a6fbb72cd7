"""Derivatives of s4d_kernel, s4d and s4d_step: complex and real arguments, twice, in both modes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import grad, hessian, jacrev, jvp, vmap

import longtail
from longconv.s4d_oracle import System, error, scan, system
from longtail import _state_space_formula, _state_space_scan
from longtail._vandermonde import vandermonde, vandermonde_transposed

MODES = ("conv", "recurrent", "chunked")


def leaves(of: System) -> list[Tensor]:
    """Leaves that want gradients."""
    return [each.clone().requires_grad_() for each in of]


def run(mode: str, method: str, *tensors: Tensor) -> tuple[Tensor, Tensor]:
    """y and the last state."""
    result = longtail.s4d(
        *tensors[:-1],
        initial_state=tensors[-1],
        return_final_state=True,
        mode=mode,
        discretization=method,
    )
    assert isinstance(result, tuple)
    return result


@pytest.mark.parametrize("method", ("zoh", "bilinear"))
@pytest.mark.parametrize("outputs", (None, 2))
def test_kernel(method: str, outputs: int | None) -> None:
    """dt, A, B and C, forward mode too."""
    of = leaves(system(2, 2, 1, outputs=outputs))[1:5]

    def call(*tensors: Tensor) -> Tensor:
        return longtail.s4d_kernel(*tensors, 35, discretization=method)

    assert gradcheck(call, of, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(call, of)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ("zoh", pytest.param("bilinear", marks=pytest.mark.full)))
def test_s4d(mode: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All seven tensors, of y and of the state."""
    monkeypatch.setattr(_state_space_formula, "CHUNK", 3)
    of = leaves(system(1, 2, 7, batch=1, outputs=2))
    assert gradcheck(partial(run, mode, method), of, check_forward_ad=True)
    assert gradgradcheck(partial(run, mode, method), of)


@pytest.mark.parametrize("method", ("zoh", "bilinear"))
def test_step(method: str) -> None:
    """All tensors of a step."""
    of = leaves(system(2, 2, 1, batch=2))

    def call(u: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
        return longtail.s4d_step(u[..., 0], rest[-1], *rest[:-1], discretization=method)

    assert gradcheck(call, of, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(call, of)


def test_pieces() -> None:
    """The two products that everything is made of, at a base of 0 as well."""
    g = torch.Generator().manual_seed(0)
    base = torch.randn(2, 3, generator=g, dtype=torch.complex128) * 0.6
    base[0, 0] = 0
    weights = torch.randn(2, 2, 3, generator=g, dtype=torch.complex128)
    v = torch.randn(2, 2, 9, generator=g, dtype=torch.float64)
    for length in (0, 1, 9):

        def call(a: Tensor, w: Tensor, count: int = length) -> Tensor:
            return vandermonde(a, w, count, True)

        inputs = [base.clone().requires_grad_(), weights.clone().requires_grad_()]
        assert gradcheck(call, inputs, check_forward_ad=True)
        assert gradgradcheck(call, inputs)
        rows = [base.clone().requires_grad_(), v[..., :length].clone().requires_grad_()]
        assert gradcheck(vandermonde_transposed, rows, check_forward_ad=True)
        assert gradgradcheck(vandermonde_transposed, rows)


@pytest.mark.parametrize("dtype", (torch.float32, torch.bfloat16))
@pytest.mark.parametrize("mode", MODES)
def test_narrow(mode: str, dtype: torch.dtype) -> None:
    """In narrower types: those of float64 of the same numbers."""
    of = system(3, 5, 600, batch=2, outputs=2, dtype=dtype)
    exact = [each.double() if not each.is_complex() else each.to(torch.complex128) for each in of]

    def gradients(tensors: list[Tensor], how: str) -> tuple[Tensor, ...]:
        inputs = [each.clone().requires_grad_() for each in tensors]
        y, last = run(how, "zoh", *inputs)
        loss = y.double().square().sum() + torch.view_as_real(last).double().square().sum()
        return torch.autograd.grad(loss, inputs)

    tolerance = 2e-5 if dtype == torch.float32 else 2e-2
    for mine, wide in zip(gradients(list(of), mode), gradients(exact, "conv"), strict=True):
        assert error(mine, wide) < tolerance


#: Rows of the recurrence that end in a block, in none, in several parts of 128 blocks; states,
#: length, outputs, batch.
SHAPES = (
    (1, 32, None, 1),
    (3, 20, None, 2),
    (2, 0, None, 2),
    (2, 193, 0, 2),
    (5, 70, 2, 2),
    (9, 1100, None, 11),
    (17, 8500, 2, 1),
)


def of_recurrence(
    of: System, calls: Callable[..., tuple[Tensor, Tensor]], dtype: torch.dtype
) -> tuple[Tensor, ...]:
    """Gradients of waves, as rows of the dtype have them, in y and the last state."""
    inputs = leaves(of)
    y, last = calls(*inputs)
    waves = torch.sin(0.7 * torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape)
    angles = 0.3 * torch.arange(last.numel(), dtype=torch.float64).reshape(last.shape)
    turns = torch.polar(torch.ones_like(angles), angles)
    waves = waves.to(dtype).double()
    turns = turns if dtype == torch.float64 else turns.to(torch.complex64).to(torch.complex128)
    loss = (y.double() * waves).sum() + (last.to(torch.complex128) * turns.conj()).sum().real
    gradients = torch.autograd.grad(loss, inputs, allow_unused=True)
    return tuple(
        torch.zeros_like(each) if g is None else g
        for g, each in zip(gradients, inputs, strict=True)
    )


@pytest.mark.parametrize("dtype", (torch.float64, torch.float32, torch.float16, torch.bfloat16))
@pytest.mark.parametrize("given", (True, False), ids=("state", "no_state"))
def test_recurrence(dtype: torch.dtype, given: bool) -> None:
    """Those of a recurrence step by step, for every way in which a row is cut. The one of dt is a
    small sum of large terms."""
    narrow = {torch.float16: 5e-4, torch.bfloat16: 4e-3}.get(dtype, 5e-6)
    for states, length, outputs, batch in SHAPES:
        of = system(2, states, length, batch=batch, outputs=outputs, dtype=dtype)
        if not given:
            of = of._replace(state=torch.zeros_like(of.state))
        wide = [each.to(torch.promote_types(each.dtype, torch.float64)) for each in of]

        def call(*tensors: Tensor) -> tuple[Tensor, Tensor]:
            result = longtail.s4d(
                *tensors[:-1],
                initial_state=tensors[-1] if given else None,
                return_final_state=True,
                mode="recurrent",
            )
            assert isinstance(result, tuple)
            return result

        mine = of_recurrence(of, call, dtype)
        exact = of_recurrence(System(*wide), lambda *each: scan(System(*each)), dtype)
        for name, one, other in zip(System._fields, mine, exact, strict=True):
            if given or name != "state":
                far = float((one.to(other.dtype) - other).norm())
                bar = narrow if name == "u" else 1e-4 if name == "dt" else 5e-6
                bar = 1e-12 if dtype == torch.float64 else bar
                assert far <= bar * float(other.norm()), (states, length, name)


def test_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to the gradient of the recurrence give the same."""
    of = system(3, 5, 200, batch=2, outputs=2)
    results = []
    for by_scan in (True, False):
        monkeypatch.setattr(_state_space_scan, "gradient_is_less", lambda *_, s=by_scan: s)
        inputs = leaves(of)
        y, last = run("recurrent", "zoh", *inputs)
        loss = y.square().sum() + torch.view_as_real(last).square().sum()
        results.append(torch.autograd.grad(loss, inputs, retain_graph=True))
        results.append(torch.autograd.grad(run("recurrent", "zoh", *inputs)[0].sum(), inputs[:3]))
    for k in (0, 1):
        for one, other in zip(results[k], results[k + 2], strict=True):
            assert error(one, other) < 1e-12


def test_route_follows_cost() -> None:
    """Small batches and few states go by the recurrence; rows alone cost less than all."""
    less = _state_space_scan.gradient_is_less
    few, many = torch.empty(1, 4, 8), torch.empty(1, 4, 256)
    one, large = torch.empty(1, 4, 100), torch.empty(64, 4, 100)
    assert less(one, few, True) and less(large, few, True) and not less(large, many, True)
    assert less(large, torch.empty(1, 4, 64), False) and not less(large, many, False)


def test_one_gradient_alone() -> None:
    """None for what does not ask, and nothing flows from a state that is not used."""
    for mode in MODES:
        for k in range(7):
            of = [each.clone() for each in system(2, 3, 20)]
            of[k].requires_grad_()
            y, _ = run(mode, "zoh", *of)
            y.sum().backward()
            assert of[k].grad is not None
            assert all(each.grad is None for i, each in enumerate(of) if i != k)


@pytest.mark.parametrize("mode", MODES)
def test_transforms(mode: str) -> None:
    """torch.func around the public function: real arguments and those of one complex tensor."""
    u, dt, A, B, C, D, state = system(2, 3, 40)

    def loss(u: Tensor, dt: Tensor) -> Tensor:
        return run(mode, "zoh", u, dt, A, B, C, D, state)[0].square().sum()

    by_autograd = torch.autograd.grad(loss(u, (t := dt.clone().requires_grad_())), t)[0]
    assert error(grad(loss, argnums=1)(u, dt), by_autograd) < 1e-12
    assert error(jacrev(loss, argnums=1)(u, dt), by_autograd) < 1e-12
    _, tangent = jvp(lambda t: loss(u, t), (dt,), (torch.ones_like(dt),))
    assert abs(float(tangent - by_autograd.sum())) < 1e-9 * abs(float(tangent))
    second = hessian(loss, argnums=1)(u, dt)
    numeric = torch.stack([
        (grad(loss, argnums=1)(u, dt + s) - grad(loss, argnums=1)(u, dt - s)) / 2e-7
        for s in 1e-7 * torch.eye(2, dtype=torch.float64)
    ])  # fmt: skip
    assert error(second, numeric) < 1e-4
    each = vmap(lambda one: grad(loss)(one, dt))(torch.stack([u, 2 * u]))
    assert error(each[1], grad(loss)(2 * u, dt)) < 1e-12


def test_vmap_over_coefficients() -> None:
    """A batch of systems is each of them."""
    one, two = system(2, 3, 33, seed=1), system(2, 3, 33, seed=2)
    both = [torch.stack(each) for each in zip(one, two, strict=True)]
    for mode in MODES:
        call: Callable[..., Any] = partial(run, mode, "zoh")
        y, last = vmap(call)(*both)
        exact, exact_last = call(*two)
        assert error(y[1], exact) < 1e-14 and error(last[1], exact_last) < 1e-14
    k = vmap(lambda dt, A, B, C: longtail.s4d_kernel(dt, A, B, C, 9))(*both[1:5])
    assert error(k[0], longtail.s4d_kernel(*one[1:5], 9)) < 1e-14


def test_third_derivative() -> None:
    """By the same ops: none of them ends at the second."""
    of = system(1, 2, 1)
    _, dt, A, B, C, *_ = of

    def last_tap(t: Tensor) -> Tensor:
        return longtail.s4d_kernel(t, A, B, C, 5)[0, 4]

    def third(t: Tensor) -> Tensor:
        return grad(lambda x: grad(lambda y: grad(last_tap)(y)[0])(x)[0])(t)

    step = torch.tensor([1e-4], dtype=torch.float64)
    second = grad(lambda y: grad(last_tap)(y)[0])
    numeric = (second(dt + step) - second(dt - step)) / 2e-4
    assert error(third(dt), numeric) < 1e-5


def test_forward_mode_of_one_tensor() -> None:
    """A tangent of a complex tensor alone."""
    u, dt, A, B, C, D, state = system(2, 3, 12)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(C, torch.ones_like(C))
        for mode in MODES:
            y, _ = run(mode, "zoh", u, dt, A, B, dual, D, state)
            tangent = forward_ad.unpack_dual(y).tangent
            expected, _ = run(mode, "zoh", u, dt, A, B, torch.ones_like(C), 0 * D, state)
            assert error(tangent, expected) < 1e-12


@pytest.mark.parametrize("mode", ["recurrent", "chunked", "conv"])
def test_skip_without_states(mode: str) -> None:
    """Of no states nothing is left but D: its gradient is there, whatever the memory held (found by
    tests/fuzz)."""
    u = torch.randn(2, 3, 70, dtype=torch.float64)
    d = torch.randn(3, dtype=torch.float64, requires_grad=True)
    dt, none = torch.full((3,), 0.1, dtype=torch.float64), torch.zeros(3, 0, dtype=torch.complex128)
    y = longtail.s4d(u, dt, none, none, none, d, mode=mode)
    (gradient,) = torch.autograd.grad(y.square().sum(), d)
    torch.testing.assert_close(gradient, 2 * d.detach() * u.square().sum((0, 2)))
