"""Operations on grids as torch sees them: gradients, torch.func, compile, export, raw operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from kit.tensors import same_bits
from longtail._grid_ops import SMOOTHERS
from longtail._grid_plan import places_of
from longtail.multigrid import (
    GridOperator,
    diffusion_stencil,
    full_multigrid,
    poisson_stencil,
    prolong,
    residual,
    restrict,
    smooth,
    v_cycle,
)

OPS = torch.ops.longtail


def values(*shape: int, seed: int = 1) -> Tensor:
    """Random ones that want a gradient."""
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=g).requires_grad_()


def operator(**options: Any) -> GridOperator:
    """A small one with levels, a batch of two, whose own axes differ."""
    g = torch.Generator().manual_seed(0)
    a = 0.5 + torch.rand(2, 5, 8, dtype=torch.float64, generator=g)
    return diffusion_stencil(a, boundary=("neumann", "dirichlet"), **options)


Call = Callable[[GridOperator, Tensor, Tensor], Tensor]
CALLS: dict[str, Call] = {
    "op": lambda op, u, f: op(u) + f,
    "residual": lambda op, u, f: residual(u, f, op),
    "coarse": lambda op, u, f: op.levels[1](restrict(u, op)),
    "restrict": lambda op, u, f: restrict(u, op),
    "prolong": lambda op, u, f: prolong(restrict(u * u, op), op),
    "rbgs": lambda op, u, f: smooth(u, f, op, "rbgs", 2, 1.2),
    "reverse": lambda op, u, f: smooth(u, f, op, "rbgs", 1, reverse=True),
    "jacobi": lambda op, u, f: smooth(u, f, op, "jacobi", 2),
    "chebyshev": lambda op, u, f: smooth(u, f, op, "chebyshev", 3),
    "colours": lambda op, u, f: smooth(restrict(u, op), restrict(f, op), op.levels[1]),
    "v_cycle": lambda op, u, f: v_cycle(u, f, op, pre=2, post=1),
    "symmetric": lambda op, u, f: v_cycle(u, f, op, symmetric=True),
    "from_zero": lambda op, u, f: v_cycle(None, f * u, op, kind="chebyshev", pre=2),
    "full_multigrid": lambda op, u, f: full_multigrid(f + u, op),
}


@pytest.mark.parametrize("name", CALLS)
def test_gradients(name: str) -> None:
    """In u and f: exact, twice, in forward mode and batched; squares make the second one more than
    zeros."""
    op, u, f = operator(), values(5, 8), values(2, 5, 8, seed=2)

    def function(u: Tensor, f: Tensor) -> Tensor:
        return CALLS[name](op, u * u, f * f)

    assert gradcheck(function, (u, f), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(function, (u, f))


@pytest.mark.parametrize("boundary", ["dirichlet", "periodic", ("neumann", "periodic")])
@pytest.mark.parametrize("grid", ["vertex", "cell"])
@pytest.mark.parametrize("sizes", [(3, 4), (2, 3, 2)])
def test_gradients_in_the_coefficient(boundary: Any, grid: str, sizes: tuple[int, ...]) -> None:
    """Of the finest A u and of the residual, whatever the batches."""
    if len(sizes) == 3 and not isinstance(boundary, str):
        boundary = ("neumann", "periodic", "dirichlet")

    def function(a: Tensor, u: Tensor) -> Tensor:
        op = diffusion_stencil(a, boundary=boundary, grid=grid, dims=len(sizes))
        return residual(u, op(u), op) + op(u * u)

    a = (0.5 + values(2, *sizes).detach().abs()).requires_grad_()
    for shape in ((3, 2), (1,)):
        u = values(*shape, *sizes, seed=2)
        assert gradcheck(function, (a, u), check_forward_ad=True)
        assert gradgradcheck(function, (a, u))


def test_entries_have_a_gradient() -> None:
    """Those of the finest level."""
    a = (0.5 + values(3, 4).detach().abs()).requires_grad_()
    assert gradcheck(lambda a: tuple(diffusion_stencil(a).entries.values()), (a,))


@pytest.mark.parametrize("call", ["rbgs", "v_cycle", "restrict", "coarse", "full_multigrid"])
def test_no_gradient_in_the_coefficient(call: str) -> None:
    """Asking for one raises, in both modes; one in u alone is there."""
    a = 0.5 + values(5, 8).detach().abs()
    u, f = values(5, 8), values(5, 8, seed=2)

    def function(a: Tensor) -> Tensor:
        return CALLS[call](diffusion_stencil(a), u, f).sum()

    wanted = a.clone().requires_grad_()
    with pytest.raises(NotImplementedError, match="no gradient in the coefficient"):
        torch.autograd.grad(function(wanted), wanted)
    with pytest.raises(NotImplementedError, match="no gradient in the coefficient"):
        torch.func.grad(function)(a)
    with pytest.raises(NotImplementedError, match="no gradient in the coefficient"):
        torch.func.jvp(function, (a,), (torch.ones_like(a),))
    (g,) = torch.autograd.grad(function(wanted), [u if call != "full_multigrid" else f])
    assert g.abs().max() > 0
    CALLS[call](diffusion_stencil(wanted).detach(), u, f).sum().backward()


@pytest.mark.parametrize("name", CALLS)
def test_vmap(name: str) -> None:
    """Over values, and over the coefficient: each item by itself, bit for bit."""
    g = torch.Generator().manual_seed(0)
    a = 0.5 + torch.rand(3, 5, 8, dtype=torch.float64, generator=g)
    u, f = values(2, 3, 5, 8).detach(), values(2, 5, 8, seed=2).detach()
    shared = diffusion_stencil(a)

    def of_values(u: Tensor, f: Tensor) -> Tensor:
        return CALLS[name](shared, u, f)

    got = torch.func.vmap(of_values, (0, None))(u, f[0])
    for k in range(2):
        assert same_bits(got[k], of_values(u[k], f[0]))
    got = torch.func.vmap(of_values, (0, 0))(u, f)
    for k in range(2):
        assert same_bits(got[k], of_values(u[k], f[k]))

    def of_coefficient(a: Tensor, u: Tensor) -> Tensor:
        return CALLS[name](diffusion_stencil(a), u, f[0])

    got = torch.func.vmap(of_coefficient, (0, 1))(a, u)
    for k in range(3):
        assert same_bits(got[k], of_coefficient(a[k], u[:, k]))


def test_func() -> None:
    """Jacobians of both modes, and their composition with vmap."""
    op, f = poisson_stencil((3, 12)), values(3, 12, seed=2).detach()
    u = values(2, 3, 12).detach()

    def function(u: Tensor) -> Tensor:
        return v_cycle(u, f, op).pow(2)

    for k in range(2):
        forward, reverse = (j(function)(u[k]) for j in (torch.func.jacfwd, torch.func.jacrev))
        assert torch.allclose(forward, reverse, atol=1e-12)
    each = torch.func.vmap(torch.func.grad(lambda u: function(u).sum()))(u)
    whole = torch.func.grad(lambda u: function(u).sum())(u)
    assert torch.allclose(each, whole, atol=1e-13)


@pytest.mark.parametrize("name", CALLS)
def test_compile(name: str) -> None:
    """One graph, with the operator made inside; the gradient too."""
    torch._dynamo.reset()
    a = 0.5 + values(5, 8).detach().abs()
    u, f = values(5, 8), values(5, 8, seed=2)

    def function(a: Tensor, u: Tensor, f: Tensor) -> Tensor:
        return CALLS[name](diffusion_stencil(a), u, f)

    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    got, expected = compiled(a, u, f), function(a, u, f)
    assert torch.allclose(got, expected, rtol=1e-13, atol=0)
    grads = [torch.autograd.grad(each.pow(2).sum(), f, allow_unused=True)[0] for each in
             (got, expected)]  # fmt: skip
    if grads[1] is None:
        assert grads[0] is None or not grads[0].any()
    else:
        assert torch.allclose(grads[0], grads[1], rtol=1e-12, atol=1e-14)


def test_export() -> None:
    """A module that holds an operator."""

    class Cycle(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.op = poisson_stencil((16, 17))
            self.op.hierarchy()

        def forward(self, f: Tensor) -> Tensor:
            return v_cycle(None, f, self.op)

    f = values(2, 16, 17).detach()
    program = torch.export.export(Cycle(), (f,))
    assert same_bits(program.module()(f), Cycle()(f))


def raw_calls(dtype: torch.dtype, flat: bool) -> dict[str, tuple[Any, ...]]:
    """Arguments of every raw operator."""
    sizes = (9, 10) if flat else (5, 6, 7)
    op = poisson_stencil(sizes, boundary="periodic", dtype=dtype)
    faces = [each[None] for each in op.faces]
    faces = [faces[0].new_empty(0)] * (3 - len(faces)) + faces
    own = [each.to(dtype) for each in faces]
    grid = op.where.arguments()
    hierarchy = op.hierarchy()[None]
    g = torch.Generator().manual_seed(0)
    u = torch.randn(3, *sizes, generator=g).to(dtype).mT.contiguous().mT
    coarse = torch.randn(3, *op.levels[1].sizes, generator=g).to(dtype)
    spacings = op.plan.spacings
    return {
        "diffusion_hierarchy": (*faces, *spacings, op.plan.periodic_bits, dtype == torch.float32),
        "diffusion_apply": (*own, u, op.plan.periodic_bits),
        "grid_apply": (hierarchy, u, *grid),
        "grid_restrict": (hierarchy, u, *grid),
        "grid_prolong": (hierarchy, coarse, *grid),
        "grid_smooth": (hierarchy, u.new_empty(0), u, 2, 3, 1.0, False, *grid),
        "grid_cycle": (hierarchy, u, u, 0, 1, 1, 1.0, False, True, *grid),
    }


NAMES = tuple(raw_calls(torch.float32, True))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_opcheck(name: str, dtype: torch.dtype, flat: bool) -> None:
    """torch's own checks, and the fake's strides."""
    raw, arguments = getattr(OPS, name).default, raw_calls(dtype, flat)[name]
    torch.library.opcheck(raw, arguments)
    fake = raw(*(x.to("meta") if isinstance(x, Tensor) else x for x in arguments))
    real = raw(*arguments)
    assert (fake.shape, fake.dtype, fake.stride()) == (real.shape, real.dtype, real.stride())


@pytest.mark.parametrize("name", NAMES)
def test_raw_operators_refuse(name: str) -> None:
    """Gradients, and what does not fit."""
    raw, arguments = getattr(OPS, name).default, list(raw_calls(torch.float64, True)[name])
    last = max(i for i, x in enumerate(arguments) if isinstance(x, Tensor))
    wanting = list(arguments)
    wanting[last] = wanting[last].clone().requires_grad_()
    with pytest.raises(NotImplementedError, match="longtail.multigrid"):
        raw(*wanting)
    wrong = list(arguments)
    wrong[last] = arguments[last][..., :-1]
    with pytest.raises((RuntimeError, ValueError), match="of shape"):
        raw(*wrong)
    other = list(arguments)
    other[last] = arguments[last].float()
    with pytest.raises((RuntimeError, ValueError, TypeError), match="dtype"):
        raw(*other)
    if name.startswith("grid"):
        far = [*arguments[:-1], 9]
        with pytest.raises((RuntimeError, ValueError), match="level"):
            raw(*far)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("periodic", [False, True])
def test_plan(dtype: torch.dtype, periodic: bool) -> None:
    """Python's plan is that of C++ at any size: where arrays end, and where bounds are."""
    boundary = "periodic" if periodic else "dirichlet"
    for sizes in ((1, 1), (1, 33), (6, 7), (63, 65), (127, 193), (3, 4, 5), (9, 16, 17), (1, 8, 8)):
        for stretch in (1.0, 3.0):
            spacing = (1.0,) * (len(sizes) - 1) + (stretch,)
            op = poisson_stencil(sizes, spacing, boundary=boundary, dtype=dtype)
            hierarchy = op.hierarchy()
            places = places_of(op.plan, dtype)
            assert hierarchy.shape == (places.numbers,)
            bounds = [float(hierarchy[place]) for place in places.bounds]
            assert bounds[0] == 2
            assert all(1 <= bound < 3 for bound in bounds)


def test_smoothers_have_names() -> None:
    """In the order of the enumeration in csrc/multigrid/stencil_cycle.h."""
    assert SMOOTHERS == ("rbgs", "jacobi", "chebyshev")
