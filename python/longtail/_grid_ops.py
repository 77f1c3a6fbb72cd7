"""Operations of a multigrid method on batches of grids, with gradients.

All are linear in the values: a smoother or a cycle makes ``u - N (A u - f)`` of u, A symmetric, and
in reverse order it has the transposed N, so that gradients are the same operations again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from longtail import _library  # noqa: F401  (loads the raw ops)
from longtail._autograd import Gradient, Saved, differentiable
from longtail._dtensor import register_rules_for
from longtail._grid_plan import GridPlan, places_of
from longtail._parametric import run_one_by_one

SMOOTHERS = ("rbgs", "jacobi", "chebyshev")


@dataclass(frozen=True)
class Where:
    """A level of a hierarchy."""

    plan: GridPlan
    level: int

    def arguments(self) -> tuple[Any, ...]:
        """As the raw ops end."""
        plan = self.plan
        sizes = (0 if plan.flat else plan.sizes[0], *plan.sizes[1:])
        return (*sizes, *plan.spacings, plan.periodic_bits, self.level)


@dataclass(frozen=True)
class Method:
    """A smoother (``after`` is None) or a V-cycle.

    Attributes:
        smoother: of ``SMOOTHERS``.
        before: sweeps, those on the way down.
        after: sweeps on the way up.
        omega: how far each goes.
        reverse_before: the last colour first, on the way down.
        reverse_after: on the way up.
    """

    smoother: str
    before: int
    after: int | None
    omega: float
    reverse_before: bool
    reverse_after: bool

    def reversed(self) -> Method:
        """The method whose N is the transposed one."""
        if self.after is None:
            return replace(self, reverse_before=not self.reverse_before)
        return replace(
            self,
            before=self.after,
            after=self.before,
            reverse_before=not self.reverse_after,
            reverse_after=not self.reverse_before,
        )


def _refuse_coefficient() -> None:
    """Gradients that there are none of."""
    raise NotImplementedError(
        "smooth, restrict, prolong, v_cycle and full_multigrid have no gradient in the coefficient "
        "of op: what they do depends on it in too many ways. op(u) and residual of the finest "
        "level, diffusion_solve and MultigridSolver have it; op.detach() leaves it out"
    )


# -- The hierarchy -----------------------------------------------------------------------------


def _hierarchy_forward(*inputs: Any) -> Tensor:
    *faces, plan, narrow, _ = inputs
    register_rules_for(*faces)
    none = [faces[0].new_empty([0])] * (3 - len(faces))
    with torch._C._AutoDispatchBelowAutograd():
        result: Tensor = torch.ops.longtail.diffusion_hierarchy(
            *none, *faces, *plan.spacings, plan.periodic_bits, narrow
        )
    return result


def _hierarchy_backward(saved: Saved, grad: Tensor) -> list[Gradient]:
    if saved.inputs[-1]:
        _refuse_coefficient()
    return [None] * len(saved.inputs)


def _hierarchy_jvp(saved: Saved, *tangents: Gradient) -> Tensor:
    face, plan, narrow, strict = saved.inputs[0], *saved.inputs[-3:]
    if strict:
        _refuse_coefficient()
    dtype = torch.float32 if narrow else torch.float64
    return face.new_zeros([face.shape[0], places_of(plan, dtype).numbers], dtype=dtype)


_hierarchy: Any = differentiable(
    "diffusion_hierarchy", _hierarchy_forward, _hierarchy_backward, _hierarchy_jvp
)


def hierarchy_of(
    faces: Sequence[Tensor], plan: GridPlan, dtype: torch.dtype, strict: bool
) -> Tensor:
    """Of float64 faces ``[systems, ...]``. ``strict``: results depend on it, so that a gradient in
    the faces must be refused; else it only tells how fast they are found."""
    result: Tensor = _hierarchy(*faces, plan, dtype == torch.float32, strict)
    return result


def _no_gradient(hierarchy: Tensor, needed: bool) -> Gradient:
    """Leads to where it is refused, should anybody want it: what is needed says only whether
    something requires a gradient, not whether it is asked for."""
    return hierarchy.new_zeros([]).expand(hierarchy.shape) if needed else None


# -- A u from the faces, which has gradients in them ---------------------------------------------


def _padded(faces: Sequence[Tensor]) -> list[Tensor]:
    return [faces[0].new_empty([0])] * (3 - len(faces)) + list(faces)


def differences(u: Tensor, periodic: bool, dim: int) -> Tensor:
    """At every face what is behind it minus what is in front, 0 beyond the ends; of a periodic axis
    the last face is 0."""
    zero = torch.zeros_like(u.narrow(dim, 0, 1))
    if periodic:
        return torch.cat([u - u.roll(1, dim), zero], dim)
    return torch.cat([u, zero], dim) - torch.cat([zero, u], dim)


def _apply_forward(u: Tensor, *rest: Any) -> Tensor:
    *faces, plan = rest
    register_rules_for(u, *faces)
    with torch._C._AutoDispatchBelowAutograd():
        result: Tensor = torch.ops.longtail.diffusion_apply(*_padded(faces), u, plan.periodic_bits)
    return result


def _apply_backward(saved: Saved, grad: Tensor) -> list[Gradient]:
    u, *faces, plan = saved.inputs
    result: list[Gradient] = [_apply_faces(grad, *faces, plan) if saved.needs[0] else None]
    for axis, of_axis in enumerate(faces):
        if not saved.needs[1 + axis]:
            result.append(None)
            continue
        dim = axis - len(faces)
        wraps = plan.periodic[3 + dim]
        product = differences(u, wraps, dim) * differences(grad, wraps, dim)
        # Problem b of the batch has system b % systems.
        result.append(product.unflatten(0, (-1, of_axis.shape[0])).sum(0))
    return [*result, None]


def _apply_jvp(saved: Saved, *tangents: Gradient) -> Gradient:
    u, *faces, plan = saved.inputs
    moved, *of_faces = tangents[:-1]
    result = None if moved is None else _apply_faces(moved, *faces, plan)
    if any(each is not None for each in of_faces):
        change = [
            torch.zeros_like(each) if tangent is None else tangent
            for each, tangent in zip(faces, of_faces, strict=True)
        ]
        more = _apply_faces(u, *change, plan)
        result = more if result is None else result + more
    return result


_apply_faces: Any = differentiable("op", _apply_forward, _apply_backward, _apply_jvp)


def apply_faces(u: Tensor, faces: Sequence[Tensor], plan: GridPlan) -> Tensor:
    """A u; u ``[batch, ...]``, faces of its dtype ``[systems, ...]``."""
    result: Tensor = _apply_faces(u, *faces, plan)
    return result


# -- Operations of a level -----------------------------------------------------------------------


def _linear(name: str, op: Any, adjoint: str) -> Any:
    """Of hierarchy, values and Where; ``adjoint`` names the operation that is its transpose."""

    def forward(hierarchy: Tensor, values: Tensor, where: Where) -> Tensor:
        register_rules_for(hierarchy, values)
        with torch._C._AutoDispatchBelowAutograd():
            result: Tensor = op(hierarchy, values, *where.arguments())
        return result

    def backward(saved: Saved, grad: Tensor) -> list[Gradient]:
        hierarchy, _, where = saved.inputs
        refused = _no_gradient(hierarchy, saved.needs[0])
        return [refused, LEVEL_OPS[adjoint](hierarchy, grad, where), None]

    def jvp(saved: Saved, *tangents: Gradient) -> Gradient:
        hierarchy, _, where = saved.inputs
        if tangents[0] is not None:
            _refuse_coefficient()
        result: Tensor = LEVEL_OPS[name](hierarchy, tangents[1], where)
        return result

    return differentiable(name, forward, backward, jvp)


_RAW = torch.ops.longtail
#: ``op(u)`` of a coarse level, ``restrict`` and ``prolong``: of (hierarchy, values, Where).
LEVEL_OPS: dict[str, Any] = {
    "op": _linear("op", _RAW.grid_apply, "op"),
    "restrict": _linear("restrict", _RAW.grid_restrict, "prolong"),
    "prolong": _linear("prolong", _RAW.grid_prolong, "restrict"),
}


def _iterate_forward(
    hierarchy: Tensor, u: Tensor, f: Tensor, method: Method, where: Where
) -> Tensor:
    kind = SMOOTHERS.index(method.smoother)
    register_rules_for(hierarchy, f)
    with torch._C._AutoDispatchBelowAutograd():
        result: Tensor
        if method.after is None:
            result = torch.ops.longtail.grid_smooth(
                *(hierarchy, u, f, kind, method.before, method.omega, method.reverse_before),
                *where.arguments(),
            )
        else:
            result = torch.ops.longtail.grid_cycle(
                *(hierarchy, u, f, kind, method.before, method.after, method.omega),
                *(method.reverse_before, method.reverse_after, *where.arguments()),
            )
    return result


def _is_none(u: Tensor) -> bool:
    return u.dim() == 1


def _iterate_backward(saved: Saved, grad: Tensor) -> list[Gradient]:
    hierarchy, u, _, method, where = saved.inputs
    adjoint = iterate(hierarchy, None, grad, method.reversed(), where)
    of_u: Gradient = None
    if saved.needs[1] and not _is_none(u):
        of_u = grad - LEVEL_OPS["op"](hierarchy, adjoint, where)
    of_f = adjoint if saved.needs[2] else None
    return [_no_gradient(hierarchy, saved.needs[0]), of_u, of_f, None, None]


def _iterate_jvp(saved: Saved, *tangents: Gradient) -> Tensor:
    hierarchy, u, f, method, where = saved.inputs
    if tangents[0] is not None:
        _refuse_coefficient()
    right = torch.zeros_like(f) if tangents[2] is None else tangents[2]
    return iterate(hierarchy, None if _is_none(u) else tangents[1], right, method, where)


_iterate: Any = differentiable("iterate", _iterate_forward, _iterate_backward, _iterate_jvp)


def iterate(hierarchy: Tensor, u: Tensor | None, f: Tensor, method: Method, where: Where) -> Tensor:
    """What a method makes of u, or of 0."""
    start = f.new_empty([0]) if u is None else u
    result: Tensor = _iterate(hierarchy, start, f, method, where)
    return result


# -- vmap ------------------------------------------------------------------------------------------


def _merged(op: Any, first: int, count: int) -> Any:
    """A rule for an op whose tensors [first, first + count) have a leading batch that may be any
    multiple of what it is; the other tensors mapped: one by one."""
    one_by_one = run_one_by_one(op)

    def rule(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> Any:
        values = range(first, first + count)
        mapped = [i for i, dim in enumerate(in_dims) if dim is not None]
        if any(i not in values for i in mapped):
            return one_by_one(info, in_dims, *arguments)
        merged = list(arguments)
        for i in values:
            dim, tensor = in_dims[i], arguments[i]
            if tensor.dim() - (dim is not None) == 1:  # [0]: not given
                merged[i] = tensor.new_empty([0])
                continue
            tensor = (
                tensor.expand(info.batch_size, *tensor.shape)
                if dim is None
                else tensor.movedim(dim, 0)
            )
            merged[i] = tensor.flatten(0, 1)
        results = op(*merged)
        if isinstance(results, Tensor):
            return results.unflatten(0, (info.batch_size, -1)), 0
        parts = tuple(each.unflatten(0, (info.batch_size, -1)) for each in results)
        return parts, (0,) * len(parts)

    return rule


for _op, _first, _count in (
    (_RAW.grid_apply.default, 1, 1),
    (_RAW.grid_restrict.default, 1, 1),
    (_RAW.grid_prolong.default, 1, 1),
    (_RAW.grid_smooth.default, 1, 2),
    (_RAW.grid_cycle.default, 1, 2),
    (_RAW.diffusion_apply.default, 3, 1),
    (_RAW.poisson_solve.default, 0, 2),
):
    torch.library.register_vmap(_op, _merged(_op, _first, _count))
for _op in (
    _RAW.diffusion_hierarchy.default,
    _RAW.stencil_hierarchy.default,
    _RAW.diffusion_solve.default,
):
    torch.library.register_vmap(_op, run_one_by_one(_op))
