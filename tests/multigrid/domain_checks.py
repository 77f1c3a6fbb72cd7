"""Boxes whose rows lie on several processes, beside the same in one: for several_processes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, distributed

from longtail import multigrid
from longtail._domain_plan import domain_plan
from longtail._grid_geometry import geometry_of
from longtail.distributed import diffusion_solve, poisson_solve


@dataclass(frozen=True)
class Box:
    """A problem and how it is cut.

    Attributes:
        sizes: of the whole box.
        grid: "vertex" or "cell".
        boundary: as of ``poisson_solve``.
        shares: of rows at which slabs end, all but the last.
        slabs: levels that lie in slabs on two and on four processes.
        batch: of f; a has one of 1.
        spacing: of the whole box.
        dtype: of all.
        slow: -Laplace takes other coarse grids in one process, which are better for odd rings.
    """

    sizes: tuple[int, ...]
    grid: str
    boundary: Any
    shares: tuple[float, ...] = (0.25, 0.5, 0.75)
    slabs: tuple[int, int] = (0, 0)
    batch: tuple[int, ...] = ()
    spacing: Any = None
    dtype: torch.dtype = torch.float64
    slow: bool = False

    @property
    def options(self) -> dict[str, Any]:
        return {
            "boundary": self.boundary,
            "grid": self.grid,
            "spacing": self.spacing,
            "dims": len(self.sizes),
        }

    def tensors(self) -> tuple[Tensor, Tensor]:
        """a and f, of mean 0 where it must be."""
        g = torch.Generator().manual_seed(len(self.sizes) + sum(self.sizes))
        a = torch.exp(torch.randn(self.sizes, generator=g, dtype=torch.float64))
        f = torch.randn(*self.batch, *self.sizes, generator=g, dtype=torch.float64)
        geometry = geometry_of("Box", f, self.spacing, self.boundary, self.grid, len(self.sizes))
        if geometry.singular:
            volumes = geometry.volumes(f)
            weights = torch.ones(self.sizes).double() if volumes is None else volumes
            dims = tuple(range(-len(self.sizes), 0))
            f = f - (f * weights).sum(dims, keepdim=True) / weights.sum()
        return a.to(self.dtype), f.to(self.dtype)

    def rows(self) -> slice:
        """Mine."""
        rank, count = distributed.get_rank(), distributed.get_world_size()
        ends = [int(self.sizes[0] * share) for share in self.shares[: count - 1]]
        starts = [0, *ends, self.sizes[0]]
        return slice(starts[rank], starts[rank + 1])

    def mine(self, x: Tensor) -> Tensor:
        """My rows of a whole tensor."""
        dim = x.dim() - len(self.sizes)
        rows = self.rows()
        return x.narrow(dim, rows.start, rows.stop - rows.start)


_MIXED = (("neumann", "dirichlet"), "periodic")
BOXES = (
    Box((127, 127), "vertex", "dirichlet", slabs=(2, 2)),
    Box((255, 255), "cell", "dirichlet", slabs=(3, 3)),
    # A slab without rows, one of one row.
    Box((128, 90), "cell", "periodic", (0.0, 0.01, 0.9), (3, 3), batch=(2,)),
    Box((90, 64), "vertex", _MIXED, (0.9, 0.9, 0.95), (2, 2), batch=(2, 1)),
    Box((91, 77), "vertex", "neumann", (0.3, 0.4, 0.6), (1, 1), dtype=torch.float32),
    Box(
        (200, 63), "vertex", "dirichlet", slabs=(3, 3), spacing=(0.01, 0.09)
    ),  # rows alone become fewer
    Box((63, 100), "cell", "neumann", slabs=(2, 2), spacing=(0.09, 0.01)),  # rows stay
    Box((33, 30, 31), "vertex", (*_MIXED, "neumann"), (0.1, 0.5, 0.6), (2, 1), slow=True),
    Box((24, 25, 17), "cell", "periodic", slabs=(2, 1), slow=True),
    Box((65, 60), "vertex", "periodic"),
    Box((3, 40), "cell", "dirichlet"),
    Box((2, 5, 6), "vertex", ("periodic", "neumann", "dirichlet"), batch=(2,)),
)


def of_one(solve: Callable[[], Any]) -> Any:
    """What the first process finds, for all of them."""
    found = [tuple(solve()) if distributed.get_rank() == 0 else None]
    distributed.broadcast_object_list(found)
    return multigrid.SolveResult(*found[0])


def same_everywhere(values: Tensor) -> bool:
    """To the bit."""
    parts = [torch.empty_like(values) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, values.contiguous())
    return all(torch.equal(part, values) for part in parts)


def check_box(box: Box) -> None:
    """Solution, iterations and residuals are those of one process."""
    count = distributed.get_world_size()
    a, f = box.tensors()
    geometry = geometry_of("Box", f, **{"dims": None, **box.options})
    plan = domain_plan(geometry, distributed.get_rank(), count, None)
    assert len(plan.slabs) == box.slabs[count // 4], (box, len(plan.slabs))
    start = torch.ones_like(f)
    limit = 1e-7 if box.dtype == torch.float64 else 1e-3
    for kind in ("diffusion", "diffusion from ones", "poisson"):
        more: dict[str, Any] = dict(box.options)
        if kind == "poisson":
            expected = of_one(lambda more=more: multigrid.poisson_solve(f, **more))
            result = poisson_solve(box.mine(f), **more)
        else:
            begin = start if kind.endswith("ones") else None
            mine = None if begin is None else box.mine(begin)
            expected = of_one(
                lambda begin=begin, more=more: multigrid.diffusion_solve(
                    a, f, initial=begin, **more
                )
            )
            result = diffusion_solve(box.mine(a), box.mine(f), initial=mine, **more)
        told = f"{box}: {kind}: {result.iterations.tolist()}, {expected.iterations.tolist()}"
        assert result.solution.is_contiguous() and result.solution.dtype == box.dtype
        own = box.mine(expected.solution)
        assert result.solution.shape == own.shape
        if own.numel():
            error = (result.solution - own).abs().max()
            assert error <= limit * expected.solution.abs().max(), (told, error)
        for each in result[1:]:
            assert each.shape == box.batch and same_everywhere(each), told
        assert result.converged.all()
        assert (result.residual <= (1e-8 if box.dtype == torch.float64 else 1e-4)).all()
        assert torch.allclose(
            result.residual_returned, _true_residual(box, a, f, kind, result), 0.5
        )
        if kind != "poisson":
            assert (result.iterations - expected.iterations).abs().max() <= 1, told
        elif not box.slow:
            assert (result.iterations <= 1.5 * expected.iterations).all(), told


def check_any_size() -> None:
    """Numbers whose squares are none: solutions and gradients are those of plain ones, times it."""
    for box in (BOXES[0], BOXES[3]):
        a, f = (box.mine(each) for each in box.tensors())

        def found(
            a_size: float, f_size: float, box: Box = box, a: Tensor = a, f: Tensor = f
        ) -> Iterator[tuple[Tensor, ...]]:
            scaled = (a * a_size).requires_grad_(), (f * f_size).requires_grad_()
            results = (
                (poisson_solve(scaled[1], **box.options), f_size),
                (diffusion_solve(*scaled, **box.options), f_size / a_size),
            )
            for result, size in results:
                assert result.converged.all()
                u = result.solution / size
                of_f = torch.autograd.grad(u.sum(), scaled[1], retain_graph=True)[0]
                yield result.iterations.double(), u, of_f * f_size

        for a_size, f_size in ((1, 2.0**-700), (1, 2.0**700), (2.0**-400, 2.0**-700)):
            for plain, scaled in zip(found(1, 1), found(a_size, f_size), strict=True):
                assert all(torch.equal(*pair) for pair in zip(plain, scaled, strict=True)), f_size


def _true_residual(box: Box, a: Tensor, f: Tensor, kind: str, result: Any) -> Tensor:
    """Of the whole solution, by the operator of one process."""
    dims, count = len(box.sizes), distributed.get_world_size()
    parts: list[Any] = [None] * count
    distributed.all_gather_object(parts, result.solution)
    u = torch.cat(parts, f.dim() - dims).double()
    more = {key: value for key, value in box.options.items() if key != "dims"}
    if kind == "poisson":
        op = multigrid.poisson_stencil(box.sizes, **more)
    else:
        op = multigrid.diffusion_stencil(a.double(), dims=dims, **more)
    right = op.right_hand_side(f.double())
    rest = right - op(u)
    if kind == "poisson" and op.volumes is not None:
        rest, right = rest / op.volumes, right / op.volumes
    return rest.flatten(f.dim() - dims).norm(dim=-1) / right.flatten(f.dim() - dims).norm(dim=-1)


def check_gradients(box: Box) -> None:
    """First and second derivatives, of the sum of what each process makes of its rows."""
    a, f = (each.requires_grad_() for each in box.tensors())
    side = torch.linspace(0, 1, f.shape[-1], dtype=f.dtype).requires_grad_()
    values = ((0.5, side), *(None,) * (len(box.sizes) - 1))
    g = torch.Generator().manual_seed(1)
    weights = torch.randn(f.shape, generator=g, dtype=f.dtype)
    whole, parts = (a, f, side), [box.mine(x).detach().requires_grad_() for x in (a, f)]
    own_side = side.detach().requires_grad_()
    pieces = (*parts, own_side)
    more: dict[str, Any] = {**box.options, "boundary_values": values, "tol": 1e-11}
    expected = multigrid.diffusion_solve(a, f, **more).solution
    found = diffusion_solve(*parts, **{**more, "boundary_values": ((0.5, own_side), *values[1:])})
    first = torch.autograd.grad((expected * weights).sum(), whole, create_graph=True)
    ours = torch.autograd.grad(
        (found.solution * box.mine(weights)).sum(), pieces, create_graph=True, allow_unused=True
    )
    _compare(box, first, ours)
    # Of the gradients in a and f, weighted.
    second = torch.autograd.grad(sum((x * x).sum() for x in first[:2]), whole)
    also = torch.autograd.grad(sum((x * x).sum() for x in ours[:2]), pieces, allow_unused=True)
    _compare(box, second, also)


def _compare(box: Box, theirs: Any, ours: Any) -> None:
    for whole, mine in zip(theirs[:2], ours[:2], strict=True):
        torch.testing.assert_close(
            mine, box.mine(whole), rtol=1e-7, atol=1e-8 * float(whole.detach().abs().max())
        )
    # The last process alone is next to that side.
    own = torch.zeros_like(theirs[2]) if ours[2] is None else ours[2].clone()
    distributed.all_reduce(own)
    torch.testing.assert_close(
        own, theirs[2], rtol=1e-7, atol=1e-8 * float(theirs[2].detach().abs().max())
    )


GRADIENTS = (
    Box((50, 45), "vertex", (("neumann", "dirichlet"), "dirichlet"), (0.1, 0.3, 0.7), (1, 1)),
    Box((14, 14, 14), "cell", (("dirichlet", "dirichlet"), "periodic", "neumann"), slabs=(1, 0)),
)


@contextlib.contextmanager
def raises(kind: type[Exception], *words: str) -> Iterator[None]:
    """On every process."""
    try:
        yield
    except kind as error:
        assert all(word in str(error) for word in words), error
    else:
        raise AssertionError(f"no {kind.__name__}: {words}")


def check_refusals() -> None:
    """What is wrong on one process is an error on all, and no hang."""
    last = distributed.get_rank() == distributed.get_world_size() - 1
    f = torch.ones(10, 12, dtype=torch.float64)
    with raises(ValueError, "distributed.poisson_solve", "f (but for its rows)"):
        poisson_solve(f[:, 1:] if last else f)
    with raises(ValueError, "dtype"):
        poisson_solve(f.float() if last else f)
    with raises(TypeError, "f must be a Tensor"):
        poisson_solve(cast(Tensor, None) if last else f)
    with raises(TypeError, "initial has dtype"):
        poisson_solve(f, initial=f.float() if last else f)
    with raises(ValueError, "initial is given"):
        poisson_solve(f, initial=None if last else f)
    with raises(ValueError, "the box"):
        poisson_solve(f, boundary="periodic" if last else "dirichlet")
    with raises(ValueError, "boundary"):
        poisson_solve(f, boundary="robin" if last else "dirichlet")
    with raises(ValueError, "boundary_values"):
        poisson_solve(f, boundary_values=f if last else 0.0)
    with raises(ValueError, "tol"):
        poisson_solve(f, tol=2.0 if last else 1e-6)
    with raises(ValueError, "max_iterations"):
        poisson_solve(f, max_iterations=7 if last else 8)
    with raises(ValueError, "f has a mean"):
        poisson_solve(f * (2 if last else 1), boundary="neumann")
    with raises(ValueError, "a: the smallest value"):
        diffusion_solve(f - 1 if last else f, f)
    with raises(ValueError, "a has shape"):
        diffusion_solve(f[1:] if last else f, f)
    with raises(multigrid.ConvergenceError, "did not converge in 1 iterations"):
        diffusion_solve(f, f, max_iterations=1)


def check_one_asks() -> None:
    """If one process wants a gradient, all take part."""
    box = GRADIENTS[0]
    a, f = box.tensors()
    mine = box.mine(a).clone().requires_grad_(distributed.get_rank() == 1)
    solution = diffusion_solve(mine, box.mine(f), **box.options).solution
    solution.sum().backward()
    assert (mine.grad is None) == (distributed.get_rank() != 1)
    whole = a.clone().requires_grad_()
    multigrid.diffusion_solve(whole, f, **box.options).solution.sum().backward()
    if mine.grad is not None:
        assert whole.grad is not None
        torch.testing.assert_close(mine.grad, box.mine(whole.grad), rtol=1e-5, atol=1e-6)
