"""Checks of arguments that the solvers share, and the end of a solve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from longtail._solve_result import SolveResult, report_failure, tolerance

_FLOATING = (torch.float64, torch.float32)


@dataclass(frozen=True)
class Limits:
    """When a solve ends. (No tuple: torch.func takes those of a node's arguments apart.)"""

    tolerance: float
    iterations: int


def out_of_autocast(value: Any) -> Any:
    """In float32 what autocast made narrower: solvers are no place for half precision."""
    if isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16):
        device = value.device.type
        if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
            return value.to(torch.float32)
    return value


def check_field(name: str, argument: str, value: Any) -> None:
    """A real, dense tensor of one of the two precisions."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: {argument} must be a Tensor, got {type(value).__name__}")
    if value.layout != torch.strided:
        raise NotImplementedError(
            f"{name}: {argument} has layout {value.layout}, expected a dense tensor"
        )
    if value.dtype not in _FLOATING:
        raise TypeError(
            f"{name}: {argument} has dtype {value.dtype}, expected torch.float64 or torch.float32"
        )


def check_initial(name: str, initial: Any, f: Tensor) -> None:
    """Of the shape, dtype and device of f."""
    if initial is None:
        return
    check_field(name, "initial", initial)
    for what in ("shape", "dtype", "device"):
        got, expected = getattr(initial, what), getattr(f, what)
        if got != expected:
            raise (TypeError if what == "dtype" else ValueError)(
                f"{name}: initial has {what} {got}, expected that of f, {expected}"
            )


def check_method(name: str, method: Any, methods: tuple[str, ...]) -> None:
    """One of the names."""
    if method not in methods:
        raise ValueError(f"{name}: method: got {method!r}, expected one of {methods}")


def _iterations_limit(name: str, most: Any) -> int:
    """A positive int."""
    if isinstance(most, bool) or not isinstance(most, int):
        raise TypeError(f"{name}: max_iterations must be an int, got {type(most).__name__}")
    if not 0 < most <= 10**9:
        raise ValueError(f"{name}: max_iterations: got {most}, expected 1 to 10^9")
    return most


def limits_of(name: str, tol: Any, max_iterations: Any, dtype: torch.dtype) -> Limits:
    """Of problems in that dtype."""
    return Limits(tolerance(name, tol, dtype), _iterations_limit(name, max_iterations))


def finished(name: str, found: tuple[Tensor, ...], limits: Limits, on_fail: str) -> SolveResult:
    """Marks what converged and complains of the rest. A nan is no failure: f or a has it."""
    solution, iterations, residual, returned = found
    converged = residual <= limits.tolerance
    if has_values(residual):
        missed = (residual > limits.tolerance).sum().item()
        if missed:
            worst = residual.nan_to_num(0.0).max().item()
            report_failure(
                f"{name}: {missed} of {residual.numel()} problems did not converge in "
                f"{limits.iterations} iterations: relative residual {worst:.2e}, tol "
                f"{limits.tolerance:.2e}",
                on_fail,
            )
    return SolveResult(solution, iterations, residual, returned, converged)


def has_values(tensor: Tensor) -> bool:
    """Whether one can look at them: not in compiled code, under vmap, of meta and fake tensors."""
    if torch.compiler.is_compiling():
        return False
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        if torch._C._functorch.is_batchedtensor(tensor):
            return False
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor.device.type != "meta" and not isinstance(tensor, torch._subclasses.FakeTensor)
