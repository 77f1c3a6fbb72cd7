"""s4d_kernel, s4d and s4d_step against a recurrence step by step in complex128."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

import longtail
from kit.layouts import threads
from kit.tensors import all_bits
from longconv.contract import bounds
from longconv.s4d_oracle import (
    KERNEL_TOLERANCE,
    MODES_TOLERANCE,
    STEP_TOLERANCE,
    TOLERANCE,
    discrete,
    error,
    kernel,
    scan,
    system,
)
from longconv.s4d_phase import exact_kernel

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
MODES = ("conv", "recurrent", "chunked", "auto")
LENGTHS = (0, 1, 2, 3, 5, 17, 31, 32, 33, 63, 65, 127, 193, 1000, 2049, 4099)


@pytest.mark.parametrize("dtype", (torch.float64, torch.float32))
@pytest.mark.parametrize("method", ("zoh", "bilinear"))
@pytest.mark.parametrize("outputs", (None, 3))
def test_kernel(dtype: torch.dtype, method: str, outputs: int | None) -> None:
    """Every length and number of states that is no multiple of anything."""
    for states in (1, 2, 5, 8, 32, 33):
        for length in LENGTHS:
            of = system(3, states, 1, outputs=outputs, dtype=dtype, seed=states)
            k = longtail.s4d_kernel(of.dt, of.A, of.B, of.C, length, discretization=method)
            exact = kernel(of.dt, of.A, of.B, of.C, length, method)
            assert k.dtype == dtype and k.is_contiguous()
            assert error(k, exact) < KERNEL_TOLERANCE[dtype], (states, length)


@pytest.mark.parametrize("dtype", (torch.float64, torch.float32))
def test_long_kernel(dtype: torch.dtype) -> None:
    """A million taps of states that hardly fade keep their phase."""
    length = 1 << 20
    dt = torch.tensor([1e-3, 0.1], dtype=dtype)
    wide = torch.complex128 if dtype == torch.float64 else torch.complex64
    A = torch.tensor([[-1e-6 + 30j, -1e-4 + 3j]], dtype=wide).expand(2, 2).contiguous()
    B = torch.ones_like(A)
    C = torch.tensor([[1 + 2j, 3 - 1j]], dtype=wide).expand(2, 2).contiguous()
    k = longtail.s4d_kernel(dt, A, B, C, length)
    most = KERNEL_TOLERANCE[dtype]
    if dtype == torch.float64:
        most += length * (1 + 3) * 2.0**-52  # |dt A| to 3: a is rounded once
    assert error(k, exact_kernel(dt, A, B, C, torch.arange(length))) < most


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("outputs", (None, 2))
def test_modes(dtype: torch.dtype, mode: str, outputs: int | None) -> None:
    """Results and last states of every mode, with and without an initial state."""
    for states, length in ((1, 1), (2, 0), (3, 33), (5, 700), (9, 1100), (32, 2100)):
        of = system(2, states, length, batch=3, outputs=outputs, dtype=dtype)
        for given in (True, False):
            case = of if given else of._replace(state=torch.zeros_like(of.state))
            y, last = longtail.s4d(
                *of[:-1],
                initial_state=of.state if given else None,
                return_final_state=True,
                mode=mode,
            )
            exact, exact_last = scan(case)
            assert y.dtype == dtype and y.is_contiguous() and last.dtype == of.A.dtype
            assert error(y, exact) < TOLERANCE[dtype], (states, length)
            if length > 0 or given:
                assert error(last, exact_last) < TOLERANCE[of.dt.dtype], (states, length)


@pytest.mark.parametrize("dtype", DTYPES)
def test_modes_agree(dtype: torch.dtype) -> None:
    """Every two, on rows longer than the pieces of any."""
    of = system(2, 9, 2100, dtype=dtype)
    rows = [longtail.s4d(*of[:-1], initial_state=of.state, mode=mode).double() for mode in MODES]
    for one, other in itertools.combinations(rows, 2):
        assert error(one, other) < MODES_TOLERANCE[dtype]


@pytest.mark.parametrize("mode", MODES)
def test_causality(mode: str) -> None:
    """What comes later moves nothing by more than rounding."""
    of = system(2, 9, 1200, dtype=torch.float32)
    y = longtail.s4d(*of[:-1], mode=mode)
    for at in (1, 33, 600, 1199):
        later = of.u.clone()
        later[..., at:] += 1
        moved = longtail.s4d(later, *of[1:-1], mode=mode)
        largest = bounds("causality")[torch.float32] * moved.abs().max()
        assert (moved - y)[..., :at].abs().max() <= largest
        assert (moved - y)[..., at].abs().max() > 10 * largest


@pytest.mark.parametrize("mode", MODES)
def test_without_final_state_and_skip(mode: str) -> None:
    """The same results where less is asked for."""
    of = system(3, 4, 77, dtype=torch.float32)
    y, _ = longtail.s4d(*of[:-1], return_final_state=True, mode=mode)
    assert torch.equal(longtail.s4d(*of[:-1], mode=mode), y)
    skipped = of.D.unsqueeze(-1) * of.u
    assert error(longtail.s4d(*of[:-2], mode=mode), (y - skipped).double()) < 2e-6


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ("zoh", "bilinear"))
@pytest.mark.parametrize("outputs", (None, 2))
def test_steps(dtype: torch.dtype, method: str, outputs: int | None) -> None:
    """A row step by step, states and all, is s4d's."""
    of = system(3, 11, 50, outputs=outputs, dtype=dtype)
    exact, exact_last = scan(of, method)
    state, rows = of.state, []
    for u_t in of.u.unbind(-1):
        y, state = longtail.s4d_step(u_t, state, *of[1:-1], discretization=method)
        rows.append(y)
    assert error(torch.stack(rows, -1), exact) < STEP_TOLERANCE[dtype]
    assert error(state, exact_last) < STEP_TOLERANCE[of.dt.dtype]


@pytest.mark.parametrize("mode", ("conv", "recurrent", "chunked"))
def test_streaming(mode: str) -> None:
    """Pieces of a row, each with the state of the one before, are the row."""
    of = system(2, 6, 1500, dtype=torch.float32)
    whole, last = longtail.s4d(*of[:-1], return_final_state=True, mode=mode)
    state, rows, begin = None, [], 0
    for count in (1, 31, 0, 600, 868):
        u = of.u[..., begin : begin + count]
        y, state = longtail.s4d(
            u, *of[1:-1], initial_state=state, return_final_state=True, mode=mode
        )
        rows.append(y)
        begin += count
    most = bounds("streaming")[torch.float32]
    assert error(torch.cat(rows, -1), whole.double()) < most
    assert state is not None and error(state, last.to(torch.complex128)) < most


def test_slow_states_over_a_long_row() -> None:
    """Errors of a state that hardly fades do not add up to more than the bar."""
    length = 1 << 17
    u = torch.randn(1, 1, length, generator=torch.Generator().manual_seed(1))
    dt, A = torch.tensor([1e-2]), torch.tensor([[-1e-3 + 5j, -1e-2 + 1j]])
    B = C = torch.ones_like(A)
    exact = longtail.s4d(
        u.double(), *(each.to(torch.complex128) if each.is_complex() else each.double()
                      for each in (dt, A, B, C)), mode="conv"
    )  # fmt: skip
    for mode in ("conv", "recurrent", "chunked"):
        y = longtail.s4d(u, dt, A, B, C, mode=mode)
        assert error(y, exact) < MODES_TOLERANCE[torch.float32]


def test_slow_steps() -> None:
    """(e^z - 1) / z loses no digit where z is small, or 0; bilinear maps -2 to 0."""
    dt = torch.tensor([1.0], dtype=torch.float64)
    rates = torch.tensor([[0, 1e-300, 1e-12j, 1e-5 - 1e-5j, 0.0078, 0.00782j]])
    A = rates.to(torch.complex128)
    ones = torch.ones_like(A)
    for each in A.unbind(-1):
        a, one = each.unsqueeze(-1), ones[..., :1]
        k = longtail.s4d_kernel(dt, a, one, one / 2, 1)
        z = complex(each.item())
        expected = 1 + z / 2 + z**2 / 6 + z**3 / 24 + z**4 / 120 + z**5 / 720
        assert abs(k.item() - expected.real) < 4e-16
        state = torch.zeros(1, 1, 1, dtype=torch.complex128)
        _, x = longtail.s4d_step(dt.unsqueeze(0), state, dt, a, one, one)
        assert abs(x.item() - expected) < 4e-16
    k = longtail.s4d_kernel(dt, -2 * ones, ones, ones, 3, discretization="bilinear")
    assert k.tolist() == [[6.0, 0.0, 0.0]]


def test_far_rates() -> None:
    """Rates that fade at once or turn fast: finite, and right."""
    dt = torch.ones(1)
    A = torch.tensor([[-1e4 + 1e4j, -200 + 1j, -0.1 + 1e5j]])
    B = C = torch.ones_like(A)
    of_step = torch.zeros(1, 1, 3, dtype=torch.complex64)
    u = torch.ones(1, 1, 70)
    y = longtail.s4d(u, dt, A, B, C, mode="recurrent")
    assert error(y, torch.cumsum(kernel(dt, A, B, C, 70), -1).unsqueeze(0)) < 1e-6
    for step in range(3):
        y_t, of_step = longtail.s4d_step(u[..., step], of_step, dt, A, B, C)
        assert abs(float(y_t - y[..., step])) < 1e-6
    _, drive = discrete(dt, A, "zoh")
    assert bool(torch.isfinite(y).all()) and bool(torch.isfinite(drive).all())


def test_nan_stays_where_it_is() -> None:
    """A nan in one row reaches what comes after it in that row."""
    of = system(2, 4, 100, dtype=torch.float32)
    of.u[1, 0, 40] = math.nan
    y = longtail.s4d(*of[:-1], mode="recurrent")
    assert bool(torch.isnan(y[1, 0, 40:]).all())
    y[1, 0] = 0
    assert bool(torch.isfinite(y).all())


@pytest.mark.parametrize("mode", ("conv", "recurrent", "chunked"))
def test_layouts(mode: str) -> None:
    """Views of every kind give the bits of contiguous tensors; arguments stay as they were."""
    of = system(4, 6, 600, batch=6, dtype=torch.float32)
    before = [each.clone() for each in of]
    y, last = longtail.s4d(*of[:-1], initial_state=of.state, return_final_state=True, mode=mode)

    def scattered(each: Tensor) -> Tensor:
        wide = each.new_zeros(*each.shape[:-1], each.shape[-1] * 2 + 1)
        wide[..., 1::2] = each
        return wide[..., 1::2]

    views = [scattered(each) for each in of]
    views[0] = of.u.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    views[2] = of.A.conj().resolve_conj().conj()
    again, last_again = longtail.s4d(
        *views[:-1], initial_state=views[-1], return_final_state=True, mode=mode
    )
    assert torch.equal(again, y) and torch.equal(last_again, last)
    assert all(torch.equal(a, b) for a, b in zip(of, before, strict=True))
    batched = longtail.s4d(of.u.unflatten(0, (2, 3)), *of[1:-1], mode=mode)
    assert torch.equal(batched.flatten(0, 1), longtail.s4d(*of[:-1], mode=mode))
    expanded = longtail.s4d(of.u[:1].expand(3, -1, -1), *of[1:-1], mode=mode)
    assert torch.equal(expanded[2], expanded[0])


@pytest.mark.parametrize("mode", ("conv", "recurrent", "chunked"))
def test_empty(mode: str) -> None:
    """No batch, no heads, no states, no outputs."""
    for heads, states, batch, outputs in ((0, 3, 2, 2), (2, 0, 2, 2), (2, 3, 0, 2), (2, 3, 2, 0)):
        of = system(heads, states, 40, batch=batch, outputs=outputs, dtype=torch.float32)
        y, last = longtail.s4d(*of[:-1], return_final_state=True, mode=mode)
        assert y.shape == (batch, outputs, heads, 40) and last.shape == (batch, heads, states)
        if states == 0:
            assert error(y, (of.D.unsqueeze(-1) * of.u.unsqueeze(1)).double()) < 1e-6
        step, _ = longtail.s4d_step(of.u[..., 0], of.state, *of[1:-1])
        assert step.shape == (batch, outputs, heads)


def test_threads_and_repeats() -> None:
    """The same bits for any number of threads."""
    of = system(8, 16, 3000, batch=4, dtype=torch.float32)

    def results() -> list[Tensor]:
        y = longtail.s4d(*of[:-1], mode="recurrent")
        k = longtail.s4d_kernel(*of[1:5], 3000)
        u = of.u.clone().requires_grad_()
        dt = of.dt.clone().requires_grad_()
        longtail.s4d(u, dt, *of[2:-1], mode="recurrent").square().sum().backward()
        assert u.grad is not None and dt.grad is not None
        y_t, state = longtail.s4d_step(of.u[..., 0], of.state, *of[1:-1])
        return [y, k, u.grad, dt.grad, y_t, state]

    one = results()
    for count in (2, 3):
        with threads(count):
            assert all_bits(results(), one)
