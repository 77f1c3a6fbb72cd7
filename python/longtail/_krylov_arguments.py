"""The arguments of longtail.krylov: checked, and made into a problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from longtail._krylov_autograd import MakeMethod, Problem
from longtail._krylov_operators import Call, Dense, Operator, Sparse
from longtail._krylov_refine import Limits
from longtail._krylov_vectors import WIDE, Shape
from longtail._solve_result import check_on_fail, tolerance

#: ``max_iterations=None``: as many for each unknown (SciPy's default), and at most.
_PER_UNKNOWN, _AT_MOST = 10, 20_000


class _HasApply(Protocol):
    def apply(self, x: Tensor, /) -> Tensor: ...


class _HasMatmul(Protocol):
    def __matmul__(self, x: Tensor, /) -> Tensor: ...


#: What A and preconditioners may be.
LinearOperator = Tensor | Callable[..., Any] | _HasApply | _HasMatmul


def right_hand_side(name: str, b: Any, dims: Any) -> tuple[Tensor, Shape]:
    """b, in float32 if autocast made it half, and how it is cut into vectors."""
    if not isinstance(b, Tensor):
        raise TypeError(f"{name}: b must be a tensor, got {type(b).__name__}")
    half = b.dtype in (torch.float16, torch.bfloat16)
    if half and _autocast_is_on(b.device):
        b = b.float()
    if b.dtype not in WIDE:
        raise TypeError(
            f"{name}: b has dtype {b.dtype}, expected float32, float64, complex64 or complex128"
        )
    if b.layout != torch.strided:
        raise TypeError(f"{name}: b has layout {b.layout}, expected a dense tensor")
    if b.is_meta:
        raise NotImplementedError(f"{name}: b is on meta: a solve needs values")
    if isinstance(dims, bool) or not isinstance(dims, int):
        raise TypeError(f"{name}: dims must be an int, got {type(dims).__name__}")
    if not 1 <= dims <= b.dim():
        raise ValueError(
            f"{name}: dims: got {dims}, expected 1 to {b.dim()}: how many trailing dimensions of b "
            f"(shape {list(b.shape)}) are one vector"
        )
    return b, Shape.of(b, dims)


def operator(
    name: str, what: str, A: Any, b: Tensor, shape: Shape, adjoint: Any, params: Sequence[Tensor]
) -> tuple[Operator, tuple[Tensor, ...]]:
    """A or the preconditioner, with the tensors that it is made of.

    Args:
        name: of the public function.
        what: "A" or "preconditioner".
        A: the argument.
        b: the right-hand side.
        shape: of it.
        adjoint: for callables, or None.
        params: of a callable.
    """
    dims = len(shape.item)
    if isinstance(A, Tensor):
        if adjoint is not None or params:
            extra = "params" if params else "an adjoint"
            raise ValueError(f"{name}: {what} is a tensor and takes no {extra}")
        _check_matrix(name, what, A, b, shape)
        if A.layout == torch.sparse_csr:
            return Sparse.of(A.detach(), dims), (A.values(),)
        return Dense(dims), (A,)
    for each in params:
        if not isinstance(each, Tensor):
            raise TypeError(f"{name}: params holds {type(each).__name__}, expected tensors")
    return Call(_function(name, what, A), adjoint, b.dtype), tuple(params)


def _function(name: str, what: str, A: Any) -> Any:
    if callable(A):
        return A
    if callable(getattr(A, "apply", None)):
        return A.apply
    if hasattr(A, "__matmul__"):
        return lambda x: A @ x
    raise TypeError(
        f"{name}: {what} must be a tensor, a callable or an object with apply or @, "
        f"got {type(A).__name__}"
    )


def _check_matrix(name: str, what: str, A: Tensor, b: Tensor, shape: Shape) -> None:
    n = shape.size
    sparse = A.layout == torch.sparse_csr
    if not sparse and A.layout != torch.strided:
        raise NotImplementedError(
            f"{name}: {what} has layout {A.layout}, expected dense or sparse_csr: "
            "use to_sparse_csr()"
        )
    if A.device != b.device:
        raise ValueError(f"{name}: {what} is on {A.device}, b on {b.device}")
    if what == "A" and A.dtype != b.dtype:
        raise TypeError(f"{name}: A has dtype {A.dtype}, b has {b.dtype}: expected the same")
    if A.dtype not in WIDE or (A.is_complex() and not b.is_complex()):
        raise TypeError(f"{name}: {what} has dtype {A.dtype}, b has {b.dtype}")
    if sparse and (A.dim() != 2 or A.values().dim() != 1):
        raise NotImplementedError(
            f"{name}: {what} is sparse of shape {list(A.shape)}, expected [{n}, {n}]"
        )
    batch = tuple(A.shape[:-2])
    fits = A.dim() >= 2 and A.shape[-2:] == (n, n) and len(batch) <= len(shape.batch)
    if fits and batch:
        tail = shape.batch[len(shape.batch) - len(batch) :]
        fits = all(a in (1, size) for a, size in zip(batch, tail))
    if not fits:
        raise ValueError(
            f"{name}: {what} has shape {list(A.shape)}, expected [{n}, {n}]"
            f"{f' or batched as {list(shape.batch)}' if shape.batch else ''} for b of shape "
            f"{[*shape.batch, *shape.item]}"
        )


def initial_guess(name: str, initial: Any, b: Tensor) -> Tensor | None:
    """Without its gradient: the solution does not depend on it."""
    if initial is None:
        return None
    if not isinstance(initial, Tensor):
        raise TypeError(f"{name}: initial must be a tensor, got {type(initial).__name__}")
    if initial.shape != b.shape:
        raise ValueError(
            f"{name}: initial has shape {list(initial.shape)}, expected {list(b.shape)}, as b"
        )
    if initial.dtype not in (b.dtype, WIDE[b.dtype]):
        raise TypeError(f"{name}: initial has dtype {initial.dtype}, b has {b.dtype}")
    if initial.device != b.device:
        raise ValueError(f"{name}: initial is on {initial.device}, b on {b.device}")
    return initial.detach()


def problem(
    name: str,
    make: MakeMethod,
    A: Any,
    b: Tensor,
    shape: Shape,
    *,
    self_adjoint: bool,
    preconditioner: Any,
    preconditioner_adjoint: Any,
    adjoint: Any,
    params: Any,
    tol: Any,
    max_iterations: Any,
    on_fail: Any,
    progress: Any,
) -> tuple[Problem, tuple[Tensor, ...]]:
    """All that is left, and the tensors of A and M."""
    if not isinstance(params, (tuple, list)):
        raise TypeError(f"{name}: params must be a tuple of tensors, got {type(params).__name__}")
    adjoints = {"adjoint": adjoint, "preconditioner_adjoint": preconditioner_adjoint}
    for keyword, given in adjoints.items():
        if given is not None and not callable(given):
            raise TypeError(
                f"{name}: {keyword} must be callable or None, got {type(given).__name__}"
            )
    of_a, tensors = operator(name, "A", A, b, shape, adjoint, params)
    of_m: Operator | None = None
    more: tuple[Tensor, ...] = ()
    if preconditioner is not None:
        of_m, more = operator(
            name, "preconditioner", preconditioner, b, shape, preconditioner_adjoint, ()
        )
        more = tuple(tensor.detach() for tensor in more)
    elif preconditioner_adjoint is not None:
        raise ValueError(f"{name}: preconditioner_adjoint is given without a preconditioner")
    check_on_fail(name, on_fail)
    if not isinstance(progress, bool) and not callable(progress):
        raise TypeError(
            f"{name}: progress must be False, True or a callable, got {type(progress).__name__}"
        )
    steps = min(_PER_UNKNOWN * shape.size, _AT_MOST)
    if max_iterations is not None:
        steps = whole_number(name, "max_iterations", max_iterations, 1)
    limits = Limits(tolerance(name, tol, b.dtype), steps, on_fail, self_adjoint)
    made = Problem(name, make, of_a, of_m, len(tensors), len(shape.item), limits, progress)
    return made, (*tensors, *more)


def whole_number(name: str, what: str, value: Any, least: int) -> int:
    """An int of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: {what} must be an int, got {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name}: {what}: got {value}, expected at least {least}")
    return value


def _autocast_is_on(device: torch.device) -> bool:
    return torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)
