"""The V-cycle of nn.MgConv in one operator: beside single convolutions, second gradients, what it
keeps, layouts, threads, CPU levels, CUDA, and what the raw operators refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from functorch.compile import make_boxed_func
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.tensors import cuda_problem, same_bits
from longtail.nn import MgConv, MgNO

ops = torch.ops.longtail
#: Largest error over the largest element, of a cycle of some ten convolutions.
EPS = 1e-5
Tensors = list[Tensor]
FORMS: dict[str, dict[str, Any]] = {
    "released": {"steps": ((1, 0), (1, 0), (1, 0), (2, 0))},
    "before and after": {"steps": ((2, 1), (0, 2), (1, 1), (3, 0))},
    "one level": {"steps": ((3, 0),)},
    "residual": {"steps": ((1, 1), (1, 0), (1, 0)), "restrict_residual": True},
}
SIZES = [
    (2, 20, 18, 24, 24),
    (1, 7, 13, 2, 3),
    (3, 1, 5, 1, 1),
    (1, 6, 5, 65, 70),
    (1, 9, 8, 66, 1),
]


def draw(*shapes: tuple[int, ...]) -> Tensors:
    g = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=g) for shape in shapes]


def calls(operator: str, call: Callable[[], object]) -> int:
    """How often an operator runs."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        number = 0

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            self.number += func.name() == f"longtail::{operator}"
            return func(*args, **(kwargs or {}))

    with Count() as count:
        call()
    return count.number


def cycle_of(module: MgConv, f: Tensor, bias: Tensor) -> Tensors:
    """u and what is given through, each point weighted."""
    rows = f.permute(0, 2, 3, 1).contiguous()
    return list(module.cycle(rows, bias))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_gradients_twice(size: tuple[int, ...], form: dict[str, Any]) -> None:
    """Values, gradients and gradients of these, with a bias and a gradient that comes through f,
    beside the library in float64."""
    batch, height, width, into, channels = size
    torch.manual_seed(0)
    module = MgConv(into, channels, **form)
    f, bias = draw((batch, into, height, width), (channels,))
    results = []
    for each, dtype in ((module, torch.float32), (MgConv(into, channels, **form), torch.float64)):
        each.load_state_dict(module.state_dict())
        each.to(dtype)
        leaves = [f.to(dtype).requires_grad_(), bias.to(dtype).requires_grad_(), *each.parameters()]
        outputs = cycle_of(each, *leaves[:2])
        grads = [g.to(dtype).requires_grad_() for g in draw(*(tuple(y.shape) for y in outputs))]
        first = torch.autograd.grad(outputs, leaves, grads, retain_graph=True)
        again = torch.autograd.grad(outputs, leaves, grads, create_graph=True)
        weights = draw(*(tuple(g.shape) for g in again))
        mixed = sum((g * w.to(dtype)).sum() for g, w in zip(again, weights, strict=True))
        assert isinstance(mixed, Tensor)
        second = torch.autograd.grad(mixed, [leaves[0], *leaves[2:], grads[0]], allow_unused=True)
        results.append([*outputs, *first, *again, *second])
    for mine, exact in zip(*results, strict=True):
        if mine is None or exact is None:
            assert mine is exact
            continue
        mine, exact = mine.detach(), exact.detach()
        assert mine.shape == exact.shape
        scale = exact.abs().max().clamp_min(1e-30)
        error = float((mine.double() - exact).abs().max() / scale)
        assert error <= EPS, f"{error:.1e}"


def test_is_one_operator() -> None:
    """Forward and backward; only what is asked for is computed."""
    module, f = MgConv(2, 3, ((1, 1), (2, 0))), draw((2, 2, 6, 5))[0]

    def step(leaf: Tensor) -> None:
        module(leaf).sum().backward()

    assert calls("learned_cycle", lambda: step(f)) == 1
    assert calls("learned_cycle_backward", lambda: step(f.clone().requires_grad_())) == 1
    for name in ("grid_conv", "grid_conv_weight", "grid_up", "grid_down", "grid_transfer_weight"):
        assert calls(name, lambda: step(f)) == 0
    assert f.grad is None
    module.requires_grad_(False).zero_grad()
    leaf = f.clone().requires_grad_()
    module(leaf).sum().backward()
    assert leaf.grad is not None
    assert all(each.grad is None for each in module.parameters())


@pytest.mark.parametrize("transform", [False, True])
def test_compiles(transform: bool) -> None:
    """One graph with one operator each way; with torch.func the library's convolutions."""
    module, f = MgConv(2, 3, ((1, 1), (2, 0))), draw((2, 2, 6, 5))[0]
    seen: list[str] = []

    def note(graph: torch.fx.GraphModule, _: object) -> object:
        seen.extend(str(node.target) for node in graph.graph.nodes if "cycle" in str(node.target))
        return make_boxed_func(graph)

    def loss(x: Tensor) -> Tensor:
        return module(x).square().sum()

    def gradient(x: Tensor) -> Tensor:
        return torch.func.grad(loss)(x)

    backend = aot_autograd(fw_compiler=note, bw_compiler=note)
    if transform:
        compiled = torch.compile(gradient, fullgraph=True, backend=backend)
        torch.testing.assert_close(compiled(f), gradient(f), rtol=1e-5, atol=1e-5)
        assert not seen
        return
    leaf = f.clone().requires_grad_()
    expected = torch.autograd.grad(loss(leaf), [leaf, *module.parameters()])
    y = torch.compile(loss, fullgraph=True, backend=backend)(leaf)
    got = torch.autograd.grad(y, [leaf, *module.parameters()])
    assert all(same_bits(a, b) for a, b in zip(got, expected, strict=True))
    names = {f"longtail.learned_cycle{end}.default" for end in ("", "_backward")}
    assert sorted(seen) == sorted(names)


def test_weights_given_to_the_call() -> None:
    """functional_call, with second gradients."""
    module, f = MgConv(2, 3, ((1, 1), (2, 0))), draw((1, 2, 6, 5))[0]
    other = {n: (p.detach() + 0.5).requires_grad_() for n, p in module.named_parameters()}
    y = torch.func.functional_call(module, other, f)
    (grad,) = torch.autograd.grad(y.square().sum(), other["up.0.weight"], create_graph=True)
    got = torch.autograd.grad(grad.square().sum(), list(other.values()), allow_unused=True)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(other[name])
    names = dict(module.named_parameters())
    (own,) = torch.autograd.grad(module(f).square().sum(), names["up.0.weight"], create_graph=True)
    expected = torch.autograd.grad(own.square().sum(), list(names.values()), allow_unused=True)
    for mine, its in zip(got, expected, strict=True):
        assert its is not None and mine is not None
        assert same_bits(mine, its)


def results(device: str = "cpu") -> Tensors:
    """Of both raw operators, with everything and with nothing that may be left out; sizes that
    cross strips and parts."""
    f, grad, bias = (each.to(device) for each in draw((2, 66, 90, 5), (2, 66, 90, 6), (6,)))
    steps = [1, 1, 0, 1, 2, 0]
    weights = (draw((sizes(5, 6, steps, True),))[0] / 10).to(device)
    none = torch.empty(0, device=device)
    u, saved = ops.learned_cycle(f, weights, bias, 6, steps, True, True)
    alone = ops.learned_cycle(f, weights, none, 6, steps, True, False)
    rest = (6, steps, True)
    both = ops.learned_cycle_backward(grad, 2 * f, f, weights, saved, *rest, True, True)
    left = ops.learned_cycle_backward(grad, none, f, weights, saved, *rest, False, True)
    right = ops.learned_cycle_backward(grad, none, f, weights, saved, *rest, True, False)
    return [u, saved, *alone, *both, *left, *right]


def sizes(into: int, channels: int, steps: list[int], residual: bool) -> int:
    """Floats of all weights."""
    pairs = tuple(zip(steps[::2], steps[1::2], strict=True))
    module = MgConv(into, channels, pairs, restrict_residual=residual)
    return sum(each.numel() for each in module.parameters())


def test_threads_and_repeats_give_the_same_bits() -> None:
    expected = results()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            assert all(same_bits(a, b) for a, b in zip(results(), expected, strict=True))
    finally:
        torch.set_num_threads(1)


def test_what_is_left_out() -> None:
    """The same bits, or nothing."""
    u, saved, _, nothing, df, dw, no_df, dw_alone, df_alone, no_dw = results()
    assert saved.numel() and not nothing.numel() and not no_df.numel() and not no_dw.numel()
    assert same_bits(dw, dw_alone)
    assert u.shape[:3] == df.shape[:3] == df_alone.shape[:3]
    f = draw((2, 66, 90, 5))[0]
    assert (df - df_alone - 2 * f).abs().max() <= 1e-5 * df.abs().max()


PRINT = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from multigrid.test_learned_cycle import results
torch.save(results(), sys.argv[2])
"""


@pytest.mark.parametrize("level", ["scalar", "avx2", "avx512"])
def test_levels(level: str, tmp_path) -> None:
    """Every level this machine has, in a process of its own."""
    root = os.path.dirname(os.path.dirname(__file__))
    path = tmp_path / "results.pt"
    done = subprocess.run(
        [sys.executable, "-c", PRINT, root, str(path)],
        env={**os.environ, "LONGTAIL_CPU_LEVEL": level},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode and "LONGTAIL_CPU_LEVEL" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    agree(torch.load(path), results())


def agree(got: Tensors, expected: Tensors) -> None:
    for mine, its in zip(got, expected, strict=True):
        assert mine.shape == its.shape
        if its.numel():
            assert (mine.cpu() - its).abs().max() <= EPS * its.abs().max()


@pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")
def test_cuda() -> None:
    """As on the CPU, each time the same bits; single convolutions too; a training step of MgNO."""
    from multigrid.test_grid_conv import results as single_results

    first = results("cuda")
    agree(first, results())
    assert all(same_bits(a, b) for a, b in zip(results("cuda"), first, strict=True))
    agree(single_results("cuda"), single_results())
    torch.manual_seed(0)
    model, x = MgNO(layers=2), draw((2, 1, 70, 64))[0]
    steps = []
    for device in ("cpu", "cuda"):
        model.to(device).zero_grad()
        model(x.to(device)).square().mean().backward()
        steps.append([p.grad.detach().cpu() for p in model.parameters() if p.grad is not None])
    agree(steps[1], steps[0])


def samples() -> list[tuple[torch._ops.OpOverload, tuple[Any, ...]]]:
    f, grad = draw((2, 5, 6, 3), (2, 5, 6, 4))
    found: list[tuple[torch._ops.OpOverload, tuple[Any, ...]]] = []
    none = torch.empty(0)
    for steps, residual in (([1, 0, 2, 0], False), ([2, 1, 0, 1, 1, 0], True), ([2, 0], True)):
        weights = draw((sizes(3, 4, steps, residual),))[0]
        rest = (4, steps, residual)
        found.append((ops.learned_cycle.default, (f, weights, grad[0, 0, 0], *rest, True)))
        _, saved = ops.learned_cycle(f, weights, none, *rest, True)
        arguments = (grad, f, f, weights, saved, *rest, True, True)
        found.append((ops.learned_cycle_backward.default, arguments))
    found.append((ops.learned_cycle.default, (f, weights, none, 4, [2, 0], True, False)))
    return found


@pytest.mark.parametrize("index", range(7))
def test_registration(index: int) -> None:
    """opcheck; any strides give the same bits; an input that needs a gradient is refused."""
    operator, arguments = samples()[index]
    torch.library.opcheck(operator, arguments)
    expected = operator(*arguments)
    strided = [
        each.transpose(0, -1).contiguous().transpose(0, -1) if isinstance(each, Tensor) else each
        for each in arguments
    ]
    assert all(same_bits(a, b) for a, b in zip(operator(*strided), expected, strict=True))
    with pytest.raises(NotImplementedError, match="nn.MgConv"):
        operator(arguments[0].clone().requires_grad_(), *arguments[1:])


def test_empty_batches() -> None:
    f, weights, none = (
        torch.ones(0, 4, 4, 3),
        torch.ones(sizes(3, 2, [1, 0], False)),
        torch.empty(0),
    )
    u, saved = ops.learned_cycle(f, weights, none, 2, [1, 0], False, True)
    assert u.shape == (0, 4, 4, 2)
    df, dw = ops.learned_cycle_backward(u, none, f, weights, saved, 2, [1, 0], False, True, True)
    assert df.shape == f.shape
    assert torch.equal(dw, 0 * weights)


F, W, NONE = torch.ones(1, 4, 4, 3), torch.ones(sizes(3, 2, [1, 0], False)), torch.empty(0)


def forward(f: Tensor = F, weights: Tensor = W, bias: Tensor = NONE, *rest: Any) -> object:
    return ops.learned_cycle(f, weights, bias, *(rest or (2, [1, 0], False, True)))


def backward(grad: Tensor, saved: Tensor) -> object:
    return ops.learned_cycle_backward(grad, NONE, F, W, saved, 2, [1, 0], False, True, True)


U = torch.ones(1, 4, 4, 2)
CASES = [
    BadInput(label, call, Raises(ValueError, *words))
    for label, call, words in (
        ("float64", lambda: forward(F.double()), ("learned_cycle", "f", "float32")),
        ("three dimensions", lambda: forward(F[0]), ("[4, 4, 3]", "[N, H, W, channels]")),
        ("weights", lambda: forward(F, W[1:]), ("weights", "[53]", "[54]")),
        ("bias", lambda: forward(F, W, torch.ones(3)), ("bias", "[3]", "[2]")),
        ("no channels", lambda: forward(F, W, NONE, 0, [1, 0], False, True), ("channels", "0")),
        ("steps", lambda: forward(F, W, NONE, 2, [1], False, True), ("steps", "1 numbers")),
        ("no step", lambda: forward(F, W, NONE, 2, [0, 0], False, True), ("steps", "finest")),
        ("after", lambda: forward(F, W, NONE, 2, [1, 1], False, True), ("steps", "coarsest")),
        ("grad", lambda: backward(F, NONE), ("learned_cycle_backward", "grad", "[1, 4, 4, 3]")),
        ("saved", lambda: backward(U, torch.ones(7)), ("saved", "[7]", "[0]")),
    )
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
