"""nn.DeepConjugateDirection: conjugate gradients with the residual as direction, its formulas with
any network, and that training helps."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from longtail import krylov, multigrid
from longtail.nn import DeepConjugateDirection, MgConv


def poisson(u: Tensor) -> Tensor:
    """Five points, zeros around."""
    p = functional.pad(u, (1, 1, 1, 1))
    around = p[..., :-2, 1:-1] + p[..., 2:, 1:-1] + p[..., 1:-1, :-2] + p[..., 1:-1, 2:]
    return 4 * u - around


def conjugate_gradients(A: Callable[[Tensor], Tensor], b: Tensor, count: int) -> Tensor:
    """Hestenes and Stiefel's, one system."""
    x, r = torch.zeros_like(b), b
    p = r
    for _ in range(count):
        Ap = A(p)
        alpha = (r * r).sum() / (p * Ap).sum()
        x, new = x + alpha * p, r - alpha * Ap
        p, r = new + (new * new).sum() / (r * r).sum() * p, new
    return x


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_identity_is_conjugate_gradients(count: int) -> None:
    g = torch.Generator().manual_seed(0)
    b = torch.randn(3, 9, 12, generator=g, dtype=torch.float64)
    result = DeepConjugateDirection(nn.Identity())(poisson, b, tol=0.0, max_iterations=count)
    expected = torch.cat([conjugate_gradients(poisson, each, count) for each in b.split(1)])
    torch.testing.assert_close(result.solution, expected, rtol=1e-9, atol=1e-9)
    assert result.iterations.tolist() == [count] * 3


class Skewed(nn.Module):
    """Any directions."""

    def forward(self, r: Tensor) -> Tensor:
        return torch.tanh(3 * r) + 0.3 * r.flip(-1) + 0.01


@pytest.mark.parametrize("history", [0, 1, 2, 5])
def test_formulas(history: int) -> None:
    """Each iteration written out, for each system alone."""
    g = torch.Generator().manual_seed(1)
    b = torch.randn(2, 6, 5, generator=g, dtype=torch.float64)
    got = DeepConjugateDirection(Skewed(), history)(poisson, b, tol=0.0, max_iterations=9)
    for system, solution in zip(b.split(1), got.solution.split(1), strict=True):
        x, past = torch.zeros_like(system), []
        for _ in range(9):
            r = system - poisson(x)
            d = Skewed()(r / r.norm())
            for old in past[-history:] if history else []:
                d = d - (d * poisson(old)).sum() / (old * poisson(old)).sum() * old
            x = x + (r * d).sum() / (d * poisson(d)).sum() * d
            past.append(d)
        torch.testing.assert_close(solution, x, rtol=1e-10, atol=1e-10)


def test_the_error_never_grows() -> None:
    """In the norm of A, whatever the network proposes; nothing at all for no direction."""
    g = torch.Generator().manual_seed(2)
    exact = torch.randn(2, 8, 8, generator=g, dtype=torch.float64)
    b = poisson(exact)
    before = float("inf")
    for count in range(12):
        x = DeepConjugateDirection(Skewed())(poisson, b, tol=0.0, max_iterations=count).solution
        e = x - exact
        energy = float((e * poisson(e)).sum())
        assert energy <= before
        before = energy

    class Nothing(nn.Module):
        def forward(self, r: Tensor) -> Tensor:
            return 0 * r

    result = DeepConjugateDirection(Nothing())(poisson, b, max_iterations=3)
    assert torch.equal(result.solution, torch.zeros_like(b)) and not result.converged.any()


def test_systems_stop_by_themselves() -> None:
    """b = 0 takes no iteration; a warm start few; what is reported is what is returned."""
    g = torch.Generator().manual_seed(3)
    exact = torch.randn(3, 10, 10, generator=g, dtype=torch.float64)
    exact[1] = 0
    b = poisson(exact)
    solver = DeepConjugateDirection(nn.Identity())
    result = solver(poisson, b, max_iterations=200)
    assert result.converged.all() and result.iterations[1] == 0 and result.iterations[0] > 5
    residual = (b - poisson(result.solution)).flatten(1).norm(dim=1)
    torch.testing.assert_close(
        result.residual, residual / b.flatten(1).norm(dim=1).clamp_min(1e-99)
    )
    warm = solver(poisson, b, initial=result.solution)
    assert warm.iterations.tolist() == [0, 0, 0]
    single = solver(poisson, b.float(), max_iterations=200)
    assert single.converged.all() and single.solution.dtype == torch.float32
    assert not solver(poisson, b, max_iterations=2).converged[0]
    empty = solver(poisson, b[:0])
    assert empty.solution.shape == (0, 10, 10) and empty.iterations.numel() == 0


def test_training_saves_iterations() -> None:
    """A learned V-cycle as network, trained for seconds, needs fewer than conjugate gradients, and
    more than multigrid on the same systems."""
    torch.manual_seed(0)
    network = nn.Sequential(MgConv(1, 8, ((1, 1), (1, 1), (2, 0))), nn.Conv2d(8, 1, 1, bias=False))
    solver = DeepConjugateDirection(network)
    optimizer = torch.optim.Adam(solver.parameters(), lr=3e-3)
    g = torch.Generator().manual_seed(4)
    losses = []
    for _ in range(120):
        r = poisson(torch.randn(8, 16, 16, generator=g).cumsum(-1).cumsum(-2))
        r = r + torch.randn(8, 1, 1, generator=g) * torch.randn(8, 16, 16, generator=g)
        loss = solver.loss(poisson, r)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert min(losses) >= 0 and sum(losses[-10:]) < 0.5 * sum(losses[:10])
    b = torch.randn(4, 16, 16, generator=g)
    with torch.no_grad():
        trained = solver(poisson, b, tol=1e-4)
        plain = DeepConjugateDirection(nn.Identity())(poisson, b, tol=1e-4)
    assert trained.converged.all() and plain.converged.all()
    conjugate = krylov.cg(poisson, b, dims=2, tol=1e-4)
    cycles = multigrid.poisson_solve(b, 1.0, tol=1e-4)
    for other in (plain, conjugate):
        assert trained.iterations.float().mean() < 0.7 * other.iterations.float().mean()
    assert (cycles.iterations < trained.iterations).all()
    for result in (trained, conjugate, cycles):
        rest = (b - poisson(result.solution)).double().flatten(1).norm(dim=1)
        assert (rest <= 1.1e-4 * b.double().flatten(1).norm(dim=1)).all()


def test_loss() -> None:
    """The least of |r - alpha A d|^2 / |r|^2 over alpha, by a search."""
    g = torch.Generator().manual_seed(5)
    r = torch.randn(2, 5, 5, generator=g, dtype=torch.float64)
    got = DeepConjugateDirection(Skewed()).loss(poisson, r)
    least = []
    for each in r.split(1):
        Ad = poisson(Skewed()(each / each.norm()))
        solved = torch.linalg.lstsq(Ad.flatten().unsqueeze(1), each.flatten().unsqueeze(1))
        left = each.flatten() - Ad.flatten() * solved.solution
        least.append(left.square().sum() / each.square().sum())
    torch.testing.assert_close(got, torch.stack(least).mean())


def test_copies() -> None:
    solver = DeepConjugateDirection(nn.Conv2d(1, 1, 3, padding=1))
    b = torch.randn(2, 6, 6)
    expected = solver(poisson, b, max_iterations=4).solution
    for each in (copy.deepcopy(solver), pickle.loads(pickle.dumps(solver))):
        assert torch.equal(each(poisson, b, max_iterations=4).solution, expected)


SOLVER = DeepConjugateDirection(nn.Identity())
B = torch.ones(1, 4, 4)
CASES = [
    BadInput(label, call, outcome)
    for label, call, outcome in (
        ("network", lambda: DeepConjugateDirection(len), Raises(TypeError, "network", "builtin")),
        (
            "history",
            lambda: DeepConjugateDirection(nn.Identity(), -1),
            Raises(ValueError, "history", "-1"),
        ),
        ("A", lambda: SOLVER(None, B), Raises(TypeError, "A", "NoneType")),
        ("b", lambda: SOLVER(poisson, None), Raises(TypeError, "b", "NoneType")),
        ("half", lambda: SOLVER(poisson, B.half()), Raises(TypeError, "b", "float16")),
        ("no grid", lambda: SOLVER(poisson, torch.ones(3)), Raises(ValueError, "b", "[3]")),
        (
            "initial",
            lambda: SOLVER(poisson, B, initial=B[..., :2]),
            Raises(ValueError, "initial", "[1, 4, 2]", "[1, 4, 4]"),
        ),
        ("tol", lambda: SOLVER(poisson, B, tol=-1), Raises(ValueError, "tol", "-1")),
        (
            "max_iterations",
            lambda: SOLVER(poisson, B, max_iterations=1.5),
            Raises(ValueError, "max_iterations", "1.5"),
        ),
        (
            "a network of another shape",
            lambda: DeepConjugateDirection(nn.Flatten())(poisson, B),
            Raises(ValueError, "network gave [1, 16]", "[1, 1, 4, 4]"),
        ),
    )
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
