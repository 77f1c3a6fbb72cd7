"""The V-cycle of nn.MgConv in one operator: beside the library's convolutions in float64, second
gradients, compiled, and with weights given to the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from functorch.compile import make_boxed_func
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd

from kit.tensors import same_bits
from longtail.nn import MgConv

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


def test_second_gradients_in_compiled_code() -> None:
    """Torch has none of a compiled graph, and says so; ``torch.func`` within the graph has."""
    module, f = MgConv(2, 3, ((1, 1), (2, 0))), draw((2, 2, 6, 5))[0]

    def loss(x: Tensor) -> Tensor:
        return module(x).square().sum()

    def slope(x: Tensor) -> Tensor:
        return torch.func.grad(loss)(x).square().sum()

    leaf = f.clone().requires_grad_()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    (once,) = torch.autograd.grad(compiled(leaf), leaf, create_graph=True)
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        once.square().sum().backward()
    twice = torch.compile(torch.func.grad(slope), fullgraph=True, backend="aot_eager")
    (once,) = torch.autograd.grad(loss(leaf), leaf, create_graph=True)
    (expected,) = torch.autograd.grad(once.square().sum(), leaf)
    torch.testing.assert_close(
        twice(f), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max())
    )


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
