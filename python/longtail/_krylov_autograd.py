"""The derivative of a solve is a solve.

With ``x = A^-1 b``: ``dx = A^-1 (db - dA x)``, and backwards ``grad_b = A^-H grad_x``, of which the
gradient in what A is made of is minus the pullback of ``A x`` with x fixed. Only x is kept; the
formulas are made of the same node again, so that every order exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from longtail._autocast import autocast_off
from longtail._autograd import without_tangent
from longtail._krylov_operators import Operator
from longtail._krylov_refine import Limits, refine
from longtail._krylov_system import Method, System
from longtail._krylov_vectors import Shape
from longtail._progress import Report, progress_report

#: Makes a method of a system and of the recycled space, ``[batch, k, n]`` or None.
MakeMethod = Callable[[System, Tensor | None], Method]
#: Solution, iterations, residual, residual_returned, converged, recycled space (or empty).
Outputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Problem:
    """All of a call but its tensors.

    Attributes:
        name: of the public function.
        make: its method.
        operator: A.
        preconditioner: M, or None.
        params: how many tensors A is made of; those of M follow.
        dims: trailing dimensions of b that are a vector.
        limits: when to stop.
        progress: as the caller gave it; the solves of derivatives are silent.
    """

    name: str
    make: MakeMethod
    operator: Operator
    preconditioner: Operator | None
    params: int
    dims: int
    limits: Limits
    progress: bool | Report

    def adjoint(self) -> Problem:
        """The problem of ``A^H``."""
        if self.limits.self_adjoint:
            return replace(self, progress=False)
        m = None if self.preconditioner is None else self.preconditioner.adjoint()
        return replace(self, operator=self.operator.adjoint(), preconditioner=m, progress=False)

    def under_vmap(self, dims: tuple[int | None, ...]) -> Problem:
        """For b with one more leading dimension."""
        own, rest = dims[: self.params], dims[self.params :]
        m = None if self.preconditioner is None else self.preconditioner.under_vmap(rest)
        return replace(self, operator=self.operator.under_vmap(own), preconditioner=m)


def solve(
    problem: Problem,
    b: Tensor,
    initial: Tensor | None,
    recycled: Tensor | None,
    *params: Tensor,
) -> Outputs:
    """A differentiable solve; ``initial`` and ``recycled`` (``[..., k, n]``) have no gradient."""
    apply: Any = _Solve.apply
    outputs: Outputs = apply(problem, b, initial, recycled, *params)
    return outputs


def _run(
    problem: Problem,
    b: Tensor,
    initial: Tensor | None,
    recycled: Tensor | None,
    *params: Tensor,
) -> Outputs:
    """Plain tensors in and out."""
    shape = Shape.of(b, problem.dims)
    own, rest = params[: problem.params], params[problem.params :]
    m = problem.preconditioner
    if recycled is not None:
        kept = recycled.shape[-2]
        recycled = recycled.expand(*shape.batch, kept, shape.size)
        recycled = recycled.reshape(shape.count, kept, shape.size)
    if b.numel() == 0:
        return _nothing(b, shape)
    system = System(
        problem.name,
        shape,
        problem.operator.bind(*own),
        problem.operator.bind_wide(*own),
        None if m is None else m.bind(*rest),
    )
    method = problem.make(system, recycled)
    x0 = None if initial is None else shape.flat(initial)
    with progress_report(problem.progress, problem.name) as report, autocast_off(b.device):
        found = refine(
            system, method, shape.flat(b), x0, problem.limits, report if problem.progress else None
        )
    space = method.recycled()
    return (
        shape.full(found.x).to(b.dtype),
        found.iterations.reshape(shape.batch),
        found.residual.reshape(shape.batch),
        found.residual_returned.reshape(shape.batch),
        found.converged.reshape(shape.batch),
        b.new_empty(0) if space is None else space.reshape(*shape.batch, *space.shape[1:]),
    )


def _nothing(b: Tensor, shape: Shape) -> Outputs:
    """Of no problems, or of problems without unknowns."""
    zeros = torch.zeros(shape.batch, dtype=torch.float64, device=b.device)
    none = b.new_empty((*shape.batch, 0, shape.size), dtype=shape.wide)
    return torch.zeros_like(b), zeros.long(), zeros, zeros.clone(), zeros == 0, none


class _Solve(torch.autograd.Function):
    """The node of all methods."""

    @staticmethod
    def forward(*inputs: Any) -> Outputs:
        return _run(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Outputs) -> None:
        ctx.problem, _, _, _, *params = inputs
        ctx.save_for_backward(output[0], *params)
        ctx.save_for_forward(output[0], *params)
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        x, *params = ctx.saved_tensors
        needs = ctx.needs_input_grad
        if grads[0] is None:
            return (None,) * len(needs)
        problem: Problem = ctx.problem
        adjoint = solve(problem.adjoint(), grads[0], None, None, *params)[0]
        own = params[: problem.params]
        of_params: list[Tensor | None] = [None] * len(params)
        if any(needs[4 : 4 + problem.params]):
            of_params[: problem.params] = _pullback(problem.operator, x, own, -adjoint)
        return None, adjoint, None, None, *of_params

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        _, b_dot, _, _, *param_dots = tangents
        # As in longtail._autograd: torch calls this with forward mode off on every level.
        with forward_ad._set_fwd_grad_enabled(True):
            x, *params = [without_tangent(tensor) for tensor in ctx.saved_tensors]
            problem: Problem = replace(ctx.problem, progress=False)
            own, dots = params[: problem.params], param_dots[: problem.params]
            right = torch.zeros_like(x) if b_dot is None else b_dot
            if any(dot is not None for dot in dots):
                right = right - _pushforward(problem.operator, x, own, dots)
            return solve(problem, right, None, None, *params)[0], None, None, None, None, None

    @staticmethod
    def vmap(info: Any, dims: tuple[Any, ...], *inputs: Any) -> Any:
        problem, b, initial, recycled, *params = inputs
        _, b_dim, initial_dim, recycled_dim, *param_dims = dims
        b = b.expand(info.batch_size, *b.shape) if b_dim is None else b.movedim(b_dim, 0)
        initial = initial if initial_dim is None else initial.movedim(initial_dim, 0)
        if initial is not None:
            initial = initial.expand(b.shape)
        if recycled_dim is not None:  # [k, n] of each level's entry serves the whole batch of b
            recycled = recycled.movedim(recycled_dim, 0)
            missing = b.dim() - problem.dims - (recycled.dim() - 2)
            recycled = recycled.reshape(len(recycled), *(1,) * missing, *recycled.shape[1:])
        outputs = solve(problem.under_vmap(tuple(param_dims)), b, initial, recycled, *params)
        no_space = outputs[5].dim() == 1
        return outputs, (0, 0, 0, 0, 0, None if no_space else 0)


def _pullback(operator: Operator, x: Tensor, params: list[Tensor], y: Tensor) -> tuple[Tensor, ...]:
    """Of ``A x`` with x fixed."""
    return torch.func.vjp(lambda *p: operator.apply(x, *p), *params)[1](y)


def _pushforward(
    operator: Operator, x: Tensor, params: list[Tensor], dots: list[Tensor | None]
) -> Tensor:
    """``dA x``, as the transpose of the pullback: a jvp in forward mode does not always nest."""
    directions = tuple(
        torch.zeros_like(param) if dot is None else dot for param, dot in zip(params, dots)
    )
    y = torch.zeros_like(x)
    transpose = torch.func.vjp(lambda w: _pullback(operator, x, params, w), y)[1]
    pushed: Tensor = transpose(directions)[0]
    return pushed
