"""My slab of a box: what callers give of it, checked on all processes before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, distributed

from longtail._box_options import BoxOptions
from longtail._diffusion import check_coefficient
from longtail._domain_agreement import agree, check_group
from longtail._domain_rows import Cut, summed
from longtail._grid_geometry import Geometry, number_of_axes
from longtail._multigrid_arguments import Limits, check_field, check_initial
from longtail._poisson import refuse_mean


@dataclass(frozen=True)
class Slab:
    """What all processes know of a problem, and my part of it.

    Attributes:
        geometry: of the whole box.
        cut: whose rows, along the first axis of the box, are whose.
        batch: leading axes, the same everywhere.
        limits: of the solver.
        terms: values on sides that are next to my rows.
    """

    geometry: Geometry
    cut: Cut
    batch: torch.Size
    limits: Limits
    terms: list[Any]

    @property
    def own(self) -> Geometry:
        """My rows as a box; an end that was cut counts as a Dirichlet side."""
        return rows_of(self.geometry, self.cut.start, self.cut.start + self.cut.rows)


def rows_of(geometry: Geometry, start: int, stop: int) -> Geometry:
    """Some rows of a box, which may lie around the ends of a periodic axis."""
    first, last = geometry.sides[0]
    if geometry.periodic(0):
        first = last = "dirichlet"
    ends = (
        first if start == 0 and stop > start else "dirichlet",
        last if stop == geometry.sizes[0] and stop > start else "dirichlet",
    )
    return replace(
        geometry,
        sizes=(stop - start, *geometry.sizes[1:]),
        sides=(ends, *geometry.sides[1:]),
    )


def _check_plain(name: str, argument: str, value: Any) -> None:
    """A tensor of this process, on a device whose kernels there are."""
    check_field(name, argument, value)
    if type(value) is not Tensor and type(value) is not torch.nn.Parameter:
        raise TypeError(
            f"{name}: {argument} is a {type(value).__name__}, expected a plain Tensor, this "
            "process's rows: of a DTensor that is sharded along them, to_local()"
        )
    if value.device.type != "cpu":
        raise NotImplementedError(
            f"{name}: {argument} is on {value.device}; boxes are split over processes on CPUs only"
        )


def slab_of(name: str, a: Any, f: Any, initial: Any, options: BoxOptions, group: Any) -> Slab:
    """Two rounds: the sizes of all slabs, then what follows from the whole box."""
    check_group(name, group)

    def shapes() -> dict[str, Any]:
        _check_plain(name, "f", f)
        if a is not None:
            _check_plain(name, "a", a)
        options.check_on_fail(name)
        dims = number_of_axes(name, options.spacing, options.boundary, options.dims)
        if f.dim() < dims:
            raise ValueError(f"{name}: f has shape {list(f.shape)}, expected {dims} axes or more")
        batch = f.shape[: f.dim() - dims]
        if a is not None:
            free = (("dirichlet", "dirichlet"),) * dims
            sizes = tuple(f.shape[f.dim() - dims :])
            check_coefficient(name, a, f, Geometry(sizes, (1.0,) * dims, free, True))
            batch = torch.broadcast_shapes(a.shape, f.shape)[:-dims]
        return {
            "dims": dims,
            "f (but for its rows)": _but_for_rows(f, dims),
            "a (but for its rows)": None if a is None else _but_for_rows(a, dims),
            "batch": tuple(batch),
            "dtype": f.dtype,
            "rows": f.shape[f.dim() - dims],
            "initial is given": initial is not None,
        }

    everyone = agree(
        name,
        group,
        shapes,
        ("dims", "f (but for its rows)", "a (but for its rows)", "dtype", "initial is given"),
    )
    dims, batch = everyone[0]["dims"], torch.Size(everyone[0]["batch"])
    starts = [0]
    for each in everyone:
        starts.append(starts[-1] + each["rows"])
    cut = Cut(group, distributed.get_rank(group), tuple(starts))
    found: list[Slab] = []

    def problem() -> dict[str, Any]:
        whole = torch.empty(
            [*batch, starts[-1], *f.shape[f.dim() - dims + 1 :]], dtype=f.dtype, device="meta"
        )
        geometry, limits = options.geometry(name, whole), options.limits(name, f.dtype)
        mine = f.expand(*batch, *f.shape[f.dim() - dims :])
        check_initial(name, initial, mine)
        sided = replace(rows_of(geometry, cut.start, cut.start + cut.rows), sides=geometry.sides)
        terms = [
            term
            for term in options.terms(name, sided, mine)
            if cut.rows > 0 and (term[0] > 0 or _is_next_to(cut, term[1]))
        ]
        found.append(Slab(geometry, cut, batch, limits, terms))
        return {
            "the box": geometry,
            "tol and max_iterations": (limits.tolerance, limits.iterations),
            "on_fail": options.on_fail,
        }

    agree(name, group, problem, ("the box", "tol and max_iterations", "on_fail"))
    return found[0]


def _but_for_rows(x: Tensor, dims: int) -> tuple[Any, ...]:
    at = x.dim() - dims
    return (*x.shape[:at], "rows", *x.shape[at + 1 :])


def _is_next_to(cut: Cut, end: int) -> bool:
    """Whether the first or the last row of the box is mine."""
    mine = cut.start if end == 0 else cut.start + cut.rows
    return mine == (0 if end == 0 else cut.starts[-1])


def asked_of_any(tensors: list[Tensor | None], group: Any) -> list[Tensor | None]:
    """The same tensors, requiring a gradient if one of theirs does on any process: then all send
    numbers on the way back."""
    asked = torch.tensor([each is not None and each.requires_grad for each in tensors])
    anybody = summed(asked.to(torch.int64), group)
    if not torch.is_grad_enabled():
        return tensors
    return [
        each.detach().requires_grad_()
        if bool(wanted) and each is not None and not each.requires_grad
        else each
        for each, wanted in zip(tensors, anybody, strict=True)
    ]


def check_whole_mean(name: str, f: Tensor, slab: Slab) -> None:
    """As ``_poisson.check_mean``, of all slabs."""
    if not slab.geometry.singular:
        return
    dims = tuple(range(-len(slab.geometry.sizes), 0))
    with torch.no_grad():
        weighted = f.to(torch.float64)
        volumes = slab.own.volumes(f)
        weighted = weighted if volumes is None else weighted * volumes
        sums = torch.stack([weighted.sum(dims), weighted.abs().sum(dims)])
        total, size = summed(sums, slab.cut.group)
    if f.shape[: -len(dims)].numel() and slab.geometry.sizes[0]:
        refuse_mean(name, total, size, f.dtype)
