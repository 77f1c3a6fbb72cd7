"""Derivatives of solves: every method, every kind of A, every order."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from longtail import krylov
from multigrid.krylov_problems import definite, randn, regular

N = 5
EXACT = {"tol": 1e-14, "on_fail": "warn"}


def gcrodr(*args: Any, **options: Any) -> krylov.SolveResult:
    return krylov.gcrodr(*args, **options)[0]


def pcg(A: Any, b: Tensor, **options: Any) -> krylov.SolveResult:
    return krylov.pcg(A, b, lambda r: r / 3, **options)


METHODS: dict[str, Callable[..., krylov.SolveResult]] = {
    "cg": krylov.cg,
    "pcg": pcg,
    "minres": krylov.minres,
    "gcrodr": gcrodr,
    "gcrodr, M": partial(gcrodr, preconditioner=regular(N, seed=9).inverse()),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


@pytest.fixture(autouse=True)
def rounding_stops_some() -> Iterator[None]:
    """1e-14 is below what some solves reach, which is what these tests want."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*did not converge", category=RuntimeWarning)
        yield


def ring(x: Tensor, p: Tensor) -> Tensor:
    """A stencil made of p."""
    return (2 + p) * x - 0.3 * torch.roll(x, 1, -1) - 0.3 * torch.roll(x, -1, -1)


def ring_solution(b: Tensor, p: Tensor) -> Tensor:
    """The same by torch.linalg.solve."""
    one = torch.eye(N, dtype=torch.float64)
    shifts = 0.3 * (one.roll(1, 0) + one.roll(-1, 0))
    return torch.linalg.solve(torch.diag_embed(2 + p) - shifts, b.mT).mT


def numbers() -> tuple[Tensor, Tensor]:
    return randn(2, N).requires_grad_(), (1 + randn(N, seed=3).abs()).requires_grad_()


def checked(function: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Both orders, by reverse and forward mode."""
    assert gradcheck(function, inputs, check_forward_ad=True)
    assert gradgradcheck(function, inputs)


@every_method
def test_callable(method: Callable[..., krylov.SolveResult]) -> None:
    """In b and in params."""
    checked(lambda b, p: method(ring, b, params=(p,), **EXACT).solution, *numbers())


@every_method
def test_dense(method: Callable[..., krylov.SolveResult]) -> None:
    """In b and in the entries; for symmetric methods through a symmetric parametrisation."""
    b, A = numbers()[0], definite(N).requires_grad_()
    checked(lambda b, A: method((A + A.mT) / 2, b, **EXACT).solution, b, A)


def test_entries_count_as_independent() -> None:
    """cg's gradient in A is minus lambda x^T, as that of torch.linalg.solve."""
    b, A = randn(N), definite(N)
    ours, theirs = (
        torch.func.grad(lambda A, f=f: (f(A) ** 2).sum())(A)
        for f in (lambda A: krylov.cg(A, b, tol=1e-13).solution, lambda A: torch.linalg.solve(A, b))
    )
    assert torch.allclose(ours, theirs, rtol=1e-9) and not torch.allclose(ours, ours.mT)


def test_complex() -> None:
    """In complex b and A, and in a real parameter of a complex operator."""
    b = randn(2, 3, dtype=torch.complex128).requires_grad_()
    A = regular(3, dtype=torch.complex128).requires_grad_()
    assert gradcheck(lambda b, A: gcrodr(A, b, **EXACT).solution, (b, A))
    assert gradgradcheck(lambda b, A: gcrodr(A, b, **EXACT).solution, (b, A))
    p = randn(3).abs().requires_grad_()

    def waves(x: Tensor, p: Tensor) -> Tensor:
        return (3 + p) * x + 1j * torch.roll(x, 1, -1) * p

    assert gradcheck(lambda b, p: gcrodr(waves, b, params=(p,), **EXACT).solution, (b, p))
    hermitian = definite(3, dtype=torch.complex128)
    for method in (krylov.cg, krylov.minres):
        assert gradcheck(lambda b, m=method: m(hermitian, b, **EXACT).solution, (b,))


@pytest.mark.parametrize("method", [krylov.cg, krylov.minres, gcrodr])
def test_sparse_values(method: Callable[..., krylov.SolveResult]) -> None:
    """In the values that a sparse_csr tensor is made of."""
    pattern = torch.where(torch.ones(N, N).tril(1).triu(-1) > 0, definite(N), 0.0).to_sparse_csr()
    rows, columns = pattern.crow_indices(), pattern.col_indices()
    values = pattern.values().clone().requires_grad_()

    def solution(b: Tensor, v: Tensor) -> Tensor:
        return method(torch.sparse_csr_tensor(rows, columns, v, (N, N)), b, **EXACT).solution

    b = numbers()[0]
    if method is gcrodr:
        assert gradcheck(solution, (b, values)) and gradgradcheck(solution, (b, values))
    else:  # finite differences would leave the symmetric matrices
        weights = randn(2, N, seed=8)
        (ours,) = torch.autograd.grad((solution(b, values) * weights).sum(), values)
        dense = pattern.to_dense().requires_grad_()
        (theirs,) = torch.autograd.grad((torch.linalg.solve(dense, b.mT).mT * weights).sum(), dense)
        assert torch.allclose(ours, theirs[pattern.to_dense() != 0], rtol=1e-9)


def test_a_sparse_leaf_has_a_sparse_gradient() -> None:
    A = regular(N)
    A[0, 2] = A[3, 1] = 0
    leaf, dense, b = A.to_sparse_csr().requires_grad_(), A.clone().requires_grad_(), randn(2, N)
    gcrodr(leaf, b, tol=1e-13).solution.square().sum().backward()
    torch.linalg.solve(dense, b.mT).square().sum().backward()
    assert leaf.grad is not None and leaf.grad.layout == torch.sparse_csr
    assert torch.allclose(leaf.grad.values(), dense.grad[A != 0], rtol=1e-9)


def test_batched_matrices() -> None:
    A = torch.stack([regular(3), regular(3, seed=4)]).requires_grad_()
    b = randn(2, 3).requires_grad_()
    assert gradcheck(lambda A, b: gcrodr(A, b, **EXACT).solution, (A, b))
    shared = regular(3).unsqueeze(0).requires_grad_()
    assert gradcheck(lambda A, b: gcrodr(A, b, **EXACT).solution, (shared, b))


@every_method
def test_torch_func(method: Callable[..., krylov.SolveResult]) -> None:
    """Each transform against the direct solve."""
    b, p = (each.detach() for each in numbers())
    bs, ps = torch.stack([b, 2 * b]), torch.stack([p, 2 * p], 1)

    def loss(b: Tensor, p: Tensor) -> Tensor:
        return method(ring, b, params=(p,), **EXACT).solution.pow(3).sum()

    def exact(b: Tensor, p: Tensor) -> Tensor:
        return ring_solution(b, p).pow(3).sum()

    func = torch.func
    transforms: dict[str, Callable[[Callable[..., Tensor]], Tensor]] = {
        "grad": lambda f: func.grad(f, 1)(b, p),
        "vmap over b": lambda f: torch.vmap(f, (0, None))(bs, p),
        "vmap over params": lambda f: torch.vmap(f, (None, 1))(b, ps),
        "vmap over both": lambda f: torch.vmap(f, (0, 1))(bs, ps),
        "vmap of grad": lambda f: torch.vmap(func.grad(f, 1), (None, 1))(b, ps),
        "jacfwd": lambda f: func.jacfwd(f, 1)(b, p),
        "jacrev of grad": lambda f: func.jacrev(func.grad(f, 1), 1)(b, p),
        "hessian": lambda f: func.hessian(f, 1)(b, p),
    }
    for name, transform in transforms.items():
        torch.testing.assert_close(
            transform(loss), transform(exact), rtol=1e-9, atol=1e-11, msg=lambda m, n=name: n + m
        )
    # The jvp of a jvp, and its gradient, of torch.linalg.solve are wrong (2.13): so ours are held
    # against the Hessian by reverse mode.
    hessian = func.jacrev(func.grad(exact, 1), 1)(b, p)

    def moved(q: Tensor) -> Tensor:
        return func.jvp(lambda r: loss(b, r), (q,), (p,))[1]

    torch.testing.assert_close(func.grad(moved)(p), hessian @ p, rtol=1e-9, atol=0)
    torch.testing.assert_close(func.jvp(moved, (p,), (p,))[1], p @ hessian @ p, rtol=1e-9, atol=0)


def test_vmap_over_matrices_and_sparse_right_hand_sides() -> None:
    A, b = torch.stack([definite(N), definite(N, seed=2)]), randn(2, N)
    found = torch.vmap(lambda A, b: krylov.cg(A, b, tol=1e-13).solution)(A, b)
    torch.testing.assert_close(found, torch.linalg.solve(A, b), rtol=1e-9, atol=0)
    sparse = A[0].to_sparse_csr()
    found = torch.vmap(lambda b: krylov.cg(sparse, b, tol=1e-13).solution)(b)
    torch.testing.assert_close(found, torch.linalg.solve(A[0], b.mT).mT, rtol=1e-9, atol=0)
    recycle = krylov.gcrodr(A[1], b, recycle_size=2)[1]
    one = krylov.gcrodr(A[1], b[0], recycle_size=2)[1]

    def next_one(b: Tensor, space: Tensor) -> Tensor:
        kept = krylov.Recycle(space, 1)
        return gcrodr(A[0], b, initial=b, recycle=kept, recycle_size=2, tol=1e-13).solution

    for space, dim in ((recycle.space, 0), (one.space, None)):
        found = torch.vmap(next_one, (0, dim))(b, space)
        torch.testing.assert_close(found, torch.linalg.solve(A[0], b.mT).mT, rtol=1e-9, atol=0)
    both = torch.vmap(next_one, (0, 0))(torch.stack([b, b]), one.space.expand(2, 2, N))
    torch.testing.assert_close(both[1], found, rtol=1e-9, atol=0)


def test_explicit_adjoints() -> None:
    """What a callable hides from autograd comes by adjoint=."""
    A, M = regular(N), regular(N, seed=2).inverse()

    def hidden(matrix: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda x: torch.from_numpy(x.detach().numpy() @ matrix.mT.numpy())

    b = randn(2, N).requires_grad_()
    solution = gcrodr(
        hidden(A),
        b,
        adjoint=hidden(A.mT),
        preconditioner=hidden(M),
        preconditioner_adjoint=hidden(M.mT),
        tol=1e-13,
    ).solution
    (ours,) = torch.autograd.grad(solution.square().sum(), b)
    (theirs,) = torch.autograd.grad(torch.linalg.solve(A, b.mT).square().sum(), b)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=0)


def test_memory_does_not_grow_with_iterations() -> None:
    """Of all products, one tensor is kept: x."""
    kept: list[tuple[int, ...]] = []

    def keep(x: Tensor) -> Tensor:
        kept.append(tuple(x.shape))
        return x

    b, p = numbers()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        result = krylov.cg(ring, b, params=(p,))
    assert sorted(kept) == [(2, N), (N,)] and result.iterations.max() > 3
    for name, value in result._asdict().items():
        assert value.requires_grad == (name == "solution")


def test_float32_gradients() -> None:
    b, p = (each.detach().float().requires_grad_() for each in numbers())
    krylov.cg(ring, b, params=(p,), tol=1e-7).solution.square().sum().backward()
    b64, p64 = (each.detach().double().requires_grad_() for each in (b, p))
    ring_solution(b64, p64).square().sum().backward()
    torch.testing.assert_close(b.grad, b64.grad.float(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(p.grad, p64.grad.float(), rtol=1e-5, atol=1e-6)


def test_inference_mode() -> None:
    b, p = (each.detach() for each in numbers())
    expected = krylov.cg(ring, b, params=(p,)).solution
    with torch.inference_mode():
        assert torch.equal(krylov.cg(ring, b, params=(p,)).solution, expected)
