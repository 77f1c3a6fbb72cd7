"""Diagonal state spaces: their impulse responses, their recurrence, one step of it.

Sources: Gu, Gupta, Goel and Re, "On the Parameterization and Initialization of Diagonal State Space
Models", 2022 (S4D); Gupta, Gu and Berant, "Diagonal State Spaces are as Effective as Structured
State Spaces", 2022; blocks: csrc/longconv/s4d.h.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, overload

import torch
from torch import Tensor

from longtail import _dtensor, _state_space_formula
from longtail._autograd import Gradient, Saved, differentiable, is_plain_call
from longtail._dtensor import register_rules_for
from longtail._parametric import push_forward, run_one_by_one
from longtail._state_space_arguments import (
    METHODS,
    MODES,
    System,
    check_choice,
    check_heads,
    rows_of,
    state_of,
    system_of,
)
from longtail._state_space_scan import pull, recurrent_is_less, scan
from longtail._vandermonde import vandermonde

__all__ = ["s4d", "s4d_kernel", "s4d_step"]


def s4d_kernel(
    dt: Tensor, A: Tensor, B: Tensor, C: Tensor, L: int, *, discretization: str = "zoh"
) -> Tensor:
    """``K[l] = 2 Re sum_n C[n] b[n] a[n]^l`` for l < L: the impulse response of ``s4d``.

    ``a = exp(dt A)``, ``b = B (exp(dt A) - 1) / A`` (zero-order hold) or ``a = (1 + dt A / 2) /
    (1 - dt A / 2)``, ``b = B dt / (1 - dt A / 2)`` (bilinear), both in float64 and without loss of
    digits where dt A is small or 0.

    Args:
        dt: ``[H]``, float32 with complex64 coefficients, float64 with complex128.
        A: ``[H, S]``, complex64 or complex128; S states stand for themselves and their conjugates.
        B: ``[H, S]``, in the dtype of A.
        C: ``[H, S]``, or ``[C, H, S]`` for C results a head; in the dtype of A.
        L: how many taps; 0 too.
        discretization: "zoh" or "bilinear".

    Returns:
        ``[H, L]`` or ``[C, H, L]``, float32 or float64, contiguous. Largest error relative to the
        norm of a row: 1e-6 in float32 to L = 2^20 (3e-7 of S4D-Lin to 64 states), 1e-13 in float64.
        Where states do not fade, float64 loses ``L (1 + |dt A|)`` eps more: a is rounded once.

    Gradients: exact in dt, A, B and C, to any order, each by fused ops. The same bits on repeat and
    for any number of threads.

    Raises:
        TypeError: a dtype that does not fit; L is no int.
        ValueError: a wrong shape, several devices, a negative L, an unknown discretization.
    """
    name = "s4d_kernel"
    system = system_of(name, dt, A, B, C, None, discretization)
    if isinstance(L, bool) or not isinstance(L, (int, torch.SymInt)):
        raise TypeError(f"{name}: L must be an int, got {type(L).__name__}")
    if L < 0:
        raise ValueError(f"{name}: L is {L}, expected at least 0")
    base, drive, readout, _ = _discrete(system)
    k = vandermonde(base, readout * drive, L, A.dtype == torch.complex128)
    return k if system.several else k.squeeze(0)


@overload
def s4d(
    u: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = ...,
    *,
    discretization: str = ...,
    initial_state: Tensor | None = ...,
    return_final_state: Literal[False] = ...,
    mode: str = ...,
) -> Tensor: ...
@overload
def s4d(
    u: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = ...,
    *,
    discretization: str = ...,
    initial_state: Tensor | None = ...,
    return_final_state: Literal[True],
    mode: str = ...,
) -> tuple[Tensor, Tensor]: ...
@overload
def s4d(
    u: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = ...,
    *,
    discretization: str = ...,
    initial_state: Tensor | None = ...,
    return_final_state: bool,
    mode: str = ...,
) -> Tensor | tuple[Tensor, Tensor]: ...
def s4d(
    u: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    *,
    discretization: str = "zoh",
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
    mode: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """``x[l] = a x[l - 1] + b u[l]``, ``y[l] = 2 Re sum_n C[n] x[n, l] + D u[l]`` along rows.

    a and b are those of ``s4d_kernel``, so that y is ``long_conv(u, s4d_kernel(...), skip=D)`` and
    what is left of the state that the row began with.

    Args:
        u: ``[..., H, L]``, float64 with complex128 coefficients; float32, bfloat16 or float16 with
            complex64, computed in float32 and rounded once. Any L, 0 too.
        dt, A, B, C: as of ``s4d_kernel``.
        D: ``[H]``, or ``[C, H]`` where C has three dimensions; in the dtype of dt.
        discretization: "zoh" or "bilinear".
        initial_state: x before the row, ``[..., H, S]`` in the dtype of A. None: 0.
        return_final_state: also return x after the last step, for the next call or ``s4d_step``.
        mode: "conv", a convolution with the kernel, grows as L log L whatever S; "recurrent",
            blocks of 32 steps between which states are carried in float64, grows as L S and stores
            nothing but y; "chunked", convolutions of 512 steps between which states are carried.
            "auto" takes what costs least. All agree to 1e-5 in float32, 1e-12 in float64 and what
            two roundings cost, 1e-3 in float16 and 8e-3 in bfloat16, of the norm of a row.

    Returns:
        y ``[..., H, L]``, or ``[..., C, H, L]`` where C has three dimensions, contiguous; with
        ``return_final_state`` also the state ``[..., H, S]``. Largest error relative to the norm of
        a row: 1e-6 in float32, 1e-12 in float64, 5e-4 in float16, 4e-3 in bfloat16.

    Gradients: exact in all tensors, to any order. Those of "recurrent" are a recurrence backwards,
    which keeps nothing but the arguments, or the convolution's, whichever costs less; higher
    orders, forward mode and CUDA take the convolution's. The same bits on repeat and for any number
    of threads. Of DTensors sharded over batches the coefficients' are shares (Partial), worked out
    with a few all-reduces of tensors as small as the coefficients and of the kernel.

    Raises:
        TypeError: a dtype that does not fit.
        ValueError: a wrong shape, several devices, an unknown discretization or mode.
    """
    name = "s4d"
    check_choice(name, "mode", mode, MODES)
    batch, dtype = rows_of(name, u, "H, L")
    system = system_of(name, dt, A, B, C, D, discretization, dtype)
    check_heads(name, u, -2, A)
    x = u.reshape(math.prod(batch), *u.shape[-2:])
    base, drive, readout, skip = _discrete(system)
    state = base.new_empty(0)
    if initial_state is not None:
        state = state_of(name, "initial_state", initial_state, batch, A).to(base.dtype).contiguous()
    inputs = (x, base, drive, readout, skip, state)
    if mode == "auto":
        less = recurrent_is_less(x.shape[0], A.shape[1], x.shape[2])
        mode = "recurrent" if less else "conv"
    if mode == "conv" and not return_final_state:
        return system.shaped(_state_space_formula.conv_result(*inputs), batch)
    run: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
        "conv": _state_space_formula.conv,
        "chunked": _state_space_formula.chunked,
    }
    y, last = run.get(mode, scan)(*inputs)
    y = system.shaped(y, batch)
    return (y, last.to(A.dtype).reshape(*batch, *A.shape)) if return_final_state else y


def s4d_step(
    u_t: Tensor,
    state: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    *,
    discretization: str = "zoh",
) -> tuple[Tensor, Tensor]:
    """One step of ``s4d``, discretisation and all in one op: y and the next state.

    Args:
        u_t: ``[..., H]``, of a dtype that ``s4d`` takes.
        state: ``[..., H, S]``, in the dtype of A.
        dt, A, B, C, D, discretization: as of ``s4d``.

    Returns:
        y ``[..., H]`` or ``[..., C, H]`` and the state ``[..., H, S]``, contiguous, computed in
        float64 and rounded once. A row taken step by step is that of ``s4d`` to 1e-6 in float32,
        1e-12 in float64, 5e-4 in float16 and 4e-3 in bfloat16 of its norm.

    Gradients: exact in all tensors, to any order, by torch operations.

    Raises:
        TypeError: a dtype that does not fit.
        ValueError: a wrong shape, several devices, an unknown discretization.
    """
    name = "s4d_step"
    batch, dtype = rows_of(name, u_t, "H")
    system = system_of(name, dt, A, B, C, D, discretization, dtype)
    check_heads(name, u_t, -1, A)
    x = state_of(name, "state", state, batch, A)
    tensors = (u_t if len(batch) == 1 else u_t.reshape(x.shape[:2]), x, *system.tensors)
    method = METHODS.index(discretization)
    # A step is too short for what anything else takes.
    if is_plain_call(tensors) and not any(map(Tensor.is_conj, tensors)):
        with torch._C._AutoDispatchBelowAutograd():
            y, last = _STEP(*tensors, method)
    else:
        y, last = _step(*tensors, method)
    return system.shaped(y, batch), last if len(batch) == 1 else last.reshape(state.shape)


def _discrete(system: System) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Base, drive, readout and skip."""
    # Contiguous, or torch's functions would give other bits for other strides.
    dt, a, b, c = (each.contiguous() for each in system.tensors[:4])
    base, unit = _state_space_formula.discretize(dt, a, system.method)
    wide = base.dtype
    c = c.to(wide)
    return base, unit * b.to(wide), c + c, system.d.double()


def _run_step(u: Tensor, state: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    tensors, method = [u, state, *rest[:-1]], rest[-1]
    register_rules_for(*tensors)
    with torch._C._AutoDispatchBelowAutograd():
        y, last = torch.ops.longtail.s4d_step.default(
            *(each.resolve_conj() for each in tensors), method
        )
    return y, last


def _step_formula(*inputs: Any) -> tuple[Tensor, Tensor]:
    *tensors, method = inputs
    return _state_space_formula.step(tensors, METHODS[method])


def _step_backward(saved: Saved, *grads: Gradient) -> tuple[Gradient, ...]:
    return pull(_step_formula, saved, grads)


def _step_jvp(saved: Saved, *tangents: Gradient) -> Any:
    return push_forward(_step_formula, len(tangents) - 1, saved, tangents[:-1])


def _shard_step(
    u: Any, state: Any, dt: Any, a: Any, b: Any, c: Any, d: Any, method: Any
) -> list[tuple[list[Any], list[Any]]]:
    from torch.distributed.tensor import Replicate, Shard

    whole: Any = Replicate()
    first: Any = Shard(0)
    second: Any = Shard(1)
    of_d = second if len(d.shape) > 1 else whole
    return [
        ([whole, whole], [*[whole] * 7, None]),
        ([first, first], [first, first, *[whole] * 5, None]),
        ([Shard(2), second], [second, second, first, first, first, second, of_d, None]),
    ]


_STEP = torch.ops.longtail.s4d_step.default
_step: Any = differentiable("s4d_step", _run_step, _step_backward, _step_jvp)
torch.library.register_vmap(_STEP, run_one_by_one(_STEP))
_dtensor.declare_sharding(_STEP, _shard_step)
