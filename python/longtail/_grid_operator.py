"""Elliptic operators on grids, with their coarser levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from longtail import _diffusion
from longtail._dtensor import beside
from longtail._grid_geometry import Geometry, boundary_terms, geometry_of
from longtail._grid_ops import LEVEL_OPS, Where, apply_faces, hierarchy_of
from longtail._grid_plan import CENTRE, GridPlan, layout_of, places_of, plan_of
from longtail._multigrid_arguments import check_field, out_of_autocast


class GridOperator:
    """A symmetric operator A on a grid, or one of its coarser levels.

    ``poisson_stencil`` and ``diffusion_stencil`` make one. ``op(u)`` is A u for u ``[..., H, W]``
    or ``[..., D, H, W]``, with gradients in u and, at the finest level, in the coefficient.

    A is -Laplace or -div(a grad) times the volumes of the unknowns, which makes it symmetric.
    Volumes are all 1, in units of a cell, but of vertices on Neumann sides: halves (``volumes``).
    ``right_hand_side(f)`` multiplies f by them and adds what values on the sides contribute.

    Attributes:
        geometry: sizes, spacings, sides and where the unknowns are, of the finest level.
        faces: for each axis the weights of faces, float64, ``[..., n + 1, ...]``:
            ``(A u)[i] = sum over its faces of weight (u[i] - u beyond)``, 0 being beyond an end.
        coefficient: a, float64.
        dtype: of values; the operations compute in it.
        level: 0 is the finest.
    """

    def __init__(
        self, geometry: Geometry, coefficient: Tensor, dtype: torch.dtype, faces: Sequence[Tensor]
    ) -> None:
        self.geometry = geometry
        self.coefficient = coefficient
        self.dtype = dtype
        self.faces = tuple(faces)
        self.level = 0
        self.plan: GridPlan = plan_of(geometry)
        self._finest = self
        self._levels: tuple[GridOperator, ...] | None = None
        self._narrow: tuple[Tensor, ...] | None = None
        self._hierarchies: dict[tuple[torch.dtype, bool], Tensor] = {}

    # -- What it is

    @property
    def batch(self) -> torch.Size:
        """Leading axes of the coefficient."""
        return self.coefficient.shape[: self.coefficient.dim() - len(self.geometry.sizes)]

    @property
    def device(self) -> torch.device:
        """Of the coefficient."""
        return self.coefficient.device

    @property
    def sizes(self) -> tuple[int, ...]:
        """Unknowns along each axis of this level."""
        return self.plan.shape

    @property
    def volumes(self) -> Tensor | None:
        """Of the unknowns of the finest level, in units of a cell; None if all are 1."""
        volumes = self.geometry.volumes(self.coefficient)
        return None if volumes is None else volumes.to(self.dtype)

    @property
    def singular(self) -> bool:
        """Whether A of a constant is 0."""
        return self.geometry.singular

    def __repr__(self) -> str:
        sizes = " x ".join(map(str, self.sizes))
        batch = f", batch {list(self.batch)}" if self.batch else ""
        return f"GridOperator({sizes}, {self.dtype}, level {self.level}{batch})"

    # -- Levels

    @property
    def levels(self) -> tuple[GridOperator, ...]:
        """The finest operator and its coarser ones, P^T A P with shares P that follow the
        coefficient; made when first needed."""
        finest = self._finest
        if finest._levels is None:
            levels = [finest]
            for level, plan in enumerate(finest.plan.levels()):
                if level == 0:
                    continue
                coarse = GridOperator(
                    finest.geometry, finest.coefficient, finest.dtype, finest.faces
                )
                coarse.level, coarse.plan, coarse._finest = level, plan, finest
                levels.append(coarse)
            finest._levels = tuple(levels)
        return finest._levels

    @property
    def where(self) -> Where:
        """This level, for raw ops."""
        return Where(self._finest.plan, self.level)

    def hierarchy(self, dtype: torch.dtype | None = None, strict: bool = True) -> Tensor:
        """All levels in one tensor ``[..., numbers]``, made once for a dtype. ``strict``: results
        depend on it, and have no gradient in the coefficient."""
        finest, dtype = self._finest, dtype or self.dtype
        kept = finest._hierarchies.get((dtype, strict))
        if kept is None:
            kept = self.hierarchy_of(finest.faces, dtype, strict)
            finest._hierarchies[dtype, strict] = kept
        return kept

    def hierarchy_of(self, faces: Sequence[Tensor], dtype: torch.dtype, strict: bool) -> Tensor:
        """That of other faces of the same grid."""
        dims = len(self.geometry.sizes)
        rows = [each.reshape(-1, *each.shape[-dims:]) for each in faces]
        packed = hierarchy_of(rows, self._finest.plan, dtype, strict)
        return packed.reshape(*self.batch, packed.shape[-1])

    @property
    def entries(self) -> dict[tuple[int, ...], Tensor]:
        """``A[i, i + o]`` for each offset o, ``[..., sizes]``; 0 where i + o is no unknown, and of
        periodic axes i + o wraps around."""
        return self._of_faces() if self.level == 0 else self._of_hierarchy()

    def _of_faces(self) -> dict[tuple[int, ...], Tensor]:
        dims = len(self.geometry.sizes)
        entries: dict[tuple[int, ...], Tensor] = {}
        centre = torch.zeros_like(self.coefficient)
        for axis, of_axis in enumerate(self.faces):
            dim, n = axis - dims, self.geometry.sizes[axis]
            wraps = self.geometry.periodic(axis)
            before = of_axis.narrow(dim, 0, n)
            behind = before.roll(-1, dim) if wraps else of_axis.narrow(dim, 1, n)
            centre = centre + before + behind
            for step, weights in ((-1, before), (1, behind)):
                if not wraps:  # a face on a side has no unknown beyond
                    zero = torch.zeros_like(weights.narrow(dim, 0, 1))
                    inner = weights.narrow(dim, 1 if step < 0 else 0, n - 1)
                    weights = torch.cat([zero, inner] if step < 0 else [inner, zero], dim)
                offset = tuple(step if i == axis else 0 for i in range(dims))
                entries[offset] = -weights.to(self.dtype)
        entries[(0,) * dims] = centre.to(self.dtype)
        return entries

    def _of_hierarchy(self) -> dict[tuple[int, ...], Tensor]:
        hierarchy = self.hierarchy()
        plan, layout = self.plan, layout_of(self.plan, self.dtype)
        places = places_of(self._finest.plan, self.dtype).weights[self.level]
        steps = (layout.plane_stride, layout.row_stride, 1)[3 - plan.dims :]
        packed = hierarchy.contiguous()

        def view(start: int) -> Tensor:
            strides = (*packed.stride()[:-1], *steps)
            return packed.as_strided((*self.batch, *plan.shape), strides, start)

        entries = {(0,) * plan.dims: view(places[CENTRE]).clone()}
        for offset in plan.before:
            o = (offset // 9 - 1, offset // 3 % 3 - 1, offset % 3 - 1)[3 - plan.dims :]
            entries[o] = -view(places[offset])
            back = tuple(-each for each in o)
            entries[back] = -view(places[offset] - layout.step(offset))
        return entries

    # -- What it does

    def __call__(self, u: Tensor) -> Tensor:
        """A u."""
        batch, (rows,), systems = self.arranged("op", {"u": u})
        if self.level == 0:
            own = self._own_faces()
            faces = _diffusion.systems_of(list(own), systems, [len(self.sizes)] * len(own))
            result = apply_faces(rows, [beside(each, rows) for each in faces], self.plan)
        else:
            hierarchy = self.packed(systems, rows)
            result = LEVEL_OPS["op"](hierarchy, rows, self.where)
        return result.reshape(*batch, *self.sizes)

    def _own_faces(self) -> tuple[Tensor, ...]:
        """In the dtype of values."""
        if self.dtype == torch.float64:
            return self.faces
        if self._narrow is None:
            self._narrow = tuple(each.to(self.dtype) for each in self.faces)
        return self._narrow

    def right_hand_side(self, f: Tensor, boundary_values: Any = None) -> Tensor:
        """That of A u = ... for -Laplace u = f or -div(a grad u) = f: times the volumes, with what
        ``boundary_values`` (as of ``diffusion_solve``) add."""
        name = "right_hand_side"
        if self.level != 0:
            raise ValueError(f"{name}: op is of level {self.level}, expected the finest")
        f = out_of_autocast(f)
        self.check(name, "f", f)
        terms = boundary_terms(name, self.geometry, boundary_values, f)
        result = _diffusion.with_boundary(f, self.coefficient, self.geometry, terms)
        volumes = self.volumes
        return result if volumes is None else result * volumes

    def as_linear_operator(self) -> Any:
        """A as a ``scipy.sparse.linalg.LinearOperator`` on flat vectors."""
        return linear_operator("as_linear_operator", self, self)

    # -- Other copies

    def detach(self) -> GridOperator:
        """The same without gradients in the coefficient."""
        return self._copy([each.detach() for each in (self.coefficient, *self._finest.faces)])

    def to(self, device: Any) -> GridOperator:
        """The same on another device."""
        return self._copy([each.to(device) for each in (self.coefficient, *self._finest.faces)])

    def _copy(self, tensors: list[Tensor]) -> GridOperator:
        copy = GridOperator(self.geometry, tensors[0], self.dtype, tensors[1:])
        return copy.levels[self.level]

    # -- Arguments of the functions on grids

    def check(self, name: str, argument: str, value: Any, coarser: int = 0) -> None:
        """Values of this level, or of one that is ``coarser``."""
        check_field(name, argument, value)
        if value.dtype != self.dtype:
            raise TypeError(
                f"{name}: {argument} has dtype {value.dtype}, expected that of op, {self.dtype}"
            )
        if value.device != self.device:
            raise ValueError(
                f"{name}: {argument} is on {value.device}, expected the device of op, {self.device}"
            )
        sizes = self.levels[self.level + coarser].sizes if coarser else self.sizes
        if value.dim() < len(sizes) or tuple(value.shape[-len(sizes) :]) != sizes:
            raise ValueError(
                f"{name}: {argument} has shape {list(value.shape)}, expected [..., "
                f"{', '.join(map(str, sizes))}]: level {self.level + coarser} of op"
            )

    def arranged(
        self, name: str, values: dict[str, Tensor], coarser: int = 0
    ) -> tuple[torch.Size, list[Tensor], torch.Size]:
        """The common batch of values and op, values ``[batch, sizes]``, and the batch for which
        there must be systems: problem b of the former has system b % systems."""
        dims = len(self.sizes)
        values = {argument: out_of_autocast(value) for argument, value in values.items()}
        for argument, value in values.items():
            self.check(name, argument, value, coarser)
        shapes = [value.shape[: value.dim() - dims] for value in values.values()]
        try:
            batch = torch.broadcast_shapes(self.batch, *shapes)
        except RuntimeError:
            got = ", ".join(f"{a} {list(s)}" for a, s in zip(values, shapes, strict=True))
            raise ValueError(
                f"{name}: batches do not broadcast: op {list(self.batch)}, {got}"
            ) from None
        given = list(values.values())
        rows = [
            beside(value, *given, *self.faces)
            .expand(*batch, *value.shape[-dims:])
            .reshape(math.prod(batch), *value.shape[-dims:])
            for value in given
        ]
        own = self.batch
        while own and own[0] == 1:
            own = own[1:]
        trailing = batch[len(batch) - len(own) :] == own
        return batch, rows, own if trailing else batch

    def packed(self, systems: torch.Size, like: Tensor) -> Tensor:
        """``hierarchy()`` as ``[systems, numbers]``, for an operation on values ``like``."""
        return beside(_diffusion.systems_of([self.hierarchy()], systems, [1])[0], like)


def linear_operator(name: str, op: GridOperator, apply: Any) -> Any:
    """``apply`` of grids like op's on flat NumPy vectors; SciPy is imported here."""
    from scipy.sparse.linalg import LinearOperator

    if math.prod(op.batch) != 1:
        raise ValueError(f"{name}: op has a batch {list(op.batch)}, expected one operator")
    n = math.prod(op.sizes)
    shape = (*op.batch, *op.sizes)

    def matvec(vector: Any) -> Any:
        with torch.no_grad():
            values = torch.as_tensor(vector, dtype=op.dtype).to(op.device).reshape(shape)
            return apply(values).reshape(n).cpu().numpy()

    dtype = {torch.float64: "float64", torch.float32: "float32"}[op.dtype]
    return LinearOperator((n, n), matvec=matvec, rmatvec=matvec, dtype=dtype)


def poisson_stencil(
    sizes: Sequence[int],
    spacing: Any = None,
    *,
    boundary: Any = "dirichlet",
    grid: str = "vertex",
    dtype: torch.dtype = torch.float64,
    device: Any = None,
) -> GridOperator:
    """-Laplace on a box as the ``op`` of smooth, residual, restrict, prolong, v_cycle and
    full_multigrid, of MultigridSolver and of longtail.krylov.

    Args:
        sizes: unknowns along each of two or three axes.
        spacing: as of ``poisson_solve``.
        boundary: as of ``poisson_solve``.
        grid: as of ``poisson_solve``.
        dtype: of values, float64 or float32.
        device: where they are.

    Returns:
        The operator in its symmetric form, times volumes, as ``GridOperator`` says.

    Raises:
        TypeError: a dtype that is not float64 or float32.
        ValueError: a wrong shape, name or number.
    """
    name = "poisson_stencil"
    if dtype not in (torch.float64, torch.float32):
        raise TypeError(f"{name}: dtype: got {dtype}, expected torch.float64 or torch.float32")
    sizes = tuple(sizes)
    if len(sizes) not in (2, 3) or any(
        isinstance(n, bool) or not isinstance(n, (int, torch.SymInt)) or n < 1 for n in sizes
    ):
        raise ValueError(f"{name}: sizes: got {sizes!r}, expected two or three positive ints")
    like = torch.empty(sizes, dtype=torch.float64, device="meta")
    geometry = geometry_of(name, like, spacing, boundary, grid, len(sizes), "sizes")
    one = torch.ones(sizes, dtype=torch.float64, device=device)
    return GridOperator(geometry, one, dtype, _diffusion.face_weights(one, geometry))


def diffusion_stencil(
    a: Tensor,
    spacing: Any = None,
    *,
    boundary: Any = "dirichlet",
    grid: str = "cell",
    dims: int | None = None,
) -> GridOperator:
    """-div(a grad) on a box, the operator that ``diffusion_solve`` solves with: see
    ``poisson_stencil``.

    Args:
        a: the coefficient, positive, ``[..., H, W]`` or ``[..., D, H, W]``, float64 or float32,
            which values then have too; a batch of it is a batch of operators.
        spacing: as of ``poisson_solve``.
        boundary: as of ``poisson_solve``.
        grid: a and u at centres of cells, or at vertices.
        dims: 2 or 3, where nothing else says it.

    Returns:
        The operator in its symmetric form, times volumes, as ``GridOperator`` says. ``op(u)``,
        ``residual`` and MultigridSolver have gradients in a; smoothers and cycles raise
        NotImplementedError where one is asked for.

    Raises:
        TypeError: a dtype that is not float64 or float32.
        ValueError: a wrong shape, name or number, or an a that is not positive.
    """
    name = "diffusion_stencil"
    a = out_of_autocast(a)
    check_field(name, "a", a)
    geometry = geometry_of(name, a, spacing, boundary, grid, dims, "a")
    _diffusion.check_coefficient(name, a, a, geometry)
    wide = a.to(torch.float64)
    return GridOperator(geometry, wide, a.dtype, _diffusion.face_weights(wide, geometry))
