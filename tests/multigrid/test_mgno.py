"""nn.MgConv and nn.MgNO beside a twin in float64 made of sums over taps; what they keep."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.tensors import same_bits
from longtail.nn import MgConv, MgNO

Weights = dict[str, Tensor]
PADDINGS = ("zeros", "reflect", "circular")


def neighbour(i: int, n: int, mode: str) -> int | None:
    """Which point stands at place i of an axis of n points; None: a zero."""
    if 0 <= i < n:
        return i
    if mode == "zeros":
        return None
    if mode == "circular":
        return i % n
    return 0 if n == 1 else (-i if i < 0 else 2 * (n - 1) - i)


def shifted(x: Tensor, dy: int, dx: int, stride: int, mode: str) -> Tensor:
    """x at (stride i + dy, stride j + dx), for all i and j of the result."""
    result = []
    for axis, d in ((2, dy), (3, dx)):
        n = x.shape[axis]
        places = [neighbour(stride * i + d, n, mode) for i in range((n + stride - 1) // stride)]
        pick = torch.zeros(len(places), n, dtype=x.dtype)
        for i, at in enumerate(places):
            if at is not None:
                pick[i, at] = 1
        result.append(pick)
    return result[0] @ x @ result[1].mT


def conv(x: Tensor, w: Tensor, stride: int = 1, mode: str = "zeros") -> Tensor:
    """Sum over taps of 3 x 3."""
    terms = [
        torch.einsum("oi,nihw->nohw", w[:, :, a, b], shifted(x, a - 1, b - 1, stride, mode))
        for a in range(3)
        for b in range(3)
    ]
    return torch.stack(terms).sum(0)


def transposed(x: Tensor, w: Tensor, size: torch.Size) -> Tensor:
    """Point i of x adds w[.., a, b] to place 2 i + a - 1; cut to size."""
    height, width = x.shape[-2:]
    y = x.new_zeros(x.shape[0], w.shape[1], 2 * height + 2, 2 * width + 2)
    for a in range(4):
        for b in range(4):
            term = torch.einsum("io,nihw->nohw", w[:, :, a, b], x)
            spread = functional.one_hot(torch.arange(height) * 2 + a, 2 * height + 2).to(x.dtype)
            spread2 = functional.one_hot(torch.arange(width) * 2 + b, 2 * width + 2).to(x.dtype)
            y = y + spread.mT @ term @ spread2
    return y[..., 1 : 1 + size[-2], 1 : 1 + size[-1]]


def cycle(f: Tensor, weights: Weights, module: MgConv, prefix: str = "") -> Tensor:
    """The V-cycle by its docstring."""

    def w(name: str) -> Tensor:
        return weights[prefix + name]

    def smooth(u: Tensor, f: Tensor, name: str) -> Tensor:
        return u + conv(f - conv(u, w(f"{name}.A.weight"), 1, mode), w(f"{name}.S.weight"), 1, mode)

    def descend(u: Tensor | None, f: Tensor, level: int) -> Tensor:
        before, after = module.steps[level]
        for i in range(before):
            name = f"before.{level}.{i}"
            u = conv(f, w(f"{name}.S.weight"), 1, mode) if u is None else smooth(u, f, name)
        assert u is not None
        if level + 1 < len(module.steps):
            down = f"down.{level}"
            coarse_f = f - conv(u, w(f"{down}.A.weight"), 1, mode) if residual else f
            coarse = descend(
                conv(u, w(f"{down}.Pi.weight"), 2, mode),
                conv(coarse_f, w(f"{down}.R.weight"), 2, mode),
                level + 1,
            )
            u = u + transposed(coarse, w(f"up.{level}.weight"), u.shape)
        for i in range(after):
            u = smooth(u, f, f"after.{level}.{i}")
        return u

    mode, residual = module.padding_mode, module.restrict_residual
    return descend(None, f, 0)


def operator(u: Tensor, weights: Weights, module: MgNO) -> Tensor:
    for i, layer in enumerate(module.layers):
        b, c = weights[f"layers.{i}.linear.weight"], weights[f"layers.{i}.linear.bias"]
        v = cycle(u, weights, layer.cycle, f"layers.{i}.cycle.")
        u = functional.gelu(v + torch.einsum("oi,nihw->nohw", b[..., 0, 0], u) + c.view(-1, 1, 1))
    return torch.einsum("oi,nihw->nohw", weights["last.weight"][..., 0, 0], u)


def agree(module: torch.nn.Module, twin: Any, x: Tensor, eps: float = 1e-5) -> None:
    """Outputs and all gradients to eps of the largest element."""
    wide = {n: p.detach().double().requires_grad_() for n, p in module.named_parameters()}
    leaf, wide_leaf = x.clone().requires_grad_(), x.double().requires_grad_()
    y, expected = module(leaf), twin(wide_leaf, wide, module)
    assert y.shape == expected.shape and y.dtype == x.dtype
    generator = torch.Generator().manual_seed(0)
    grad = torch.randn(y.shape, generator=generator).double()
    got = torch.autograd.grad(y, [leaf, *module.parameters()], grad.to(y.dtype))
    exact = torch.autograd.grad(expected, [wide_leaf, *wide.values()], grad)
    names = ["x", *wide]
    for name, mine, its in zip(["y", *names], [y, *got], [expected, *exact], strict=True):
        error = (mine.double() - its).abs().max() / its.abs().max().clamp_min(1e-30)
        assert error <= eps, f"{name}: {float(error):.1e}"


FORMS: dict[str, dict[str, Any]] = {
    "plain": {"steps": ((1, 0), (1, 0), (2, 0))},
    "before and after": {"steps": ((2, 1), (0, 2), (1, 0))},
    "one level": {"steps": ((2, 0),)},
    "residual": {"steps": ((1, 1), (1, 0), (1, 0)), "restrict_residual": True},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(16, 16), (7, 13), (1, 5), (2, 3)], ids=str)
def test_cycle(size: tuple[int, int], padding: str, form: dict[str, Any]) -> None:
    torch.manual_seed(0)
    module = MgConv(2, 3, padding_mode=padding, **form)
    agree(module, cycle, torch.randn(2, 2, *size))


@pytest.mark.parametrize("size", [(16, 16), (9, 11), (1, 1)], ids=str)
@pytest.mark.parametrize("recompute", [False, True])
def test_operator(recompute: bool, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    module = MgNO(2, 3, 5, 2, ((1, 0), (1, 1), (2, 0)), recompute=recompute)
    agree(module, operator, torch.randn(2, 2, *size))


@pytest.mark.parametrize("size", [(64, 64), (37, 50)], ids=str)
def test_released_sizes(size: tuple[int, int]) -> None:
    """24 channels, six levels."""
    torch.manual_seed(2)
    agree(MgNO.from_config("darcy", layers=2), operator, torch.randn(2, 1, *size))


def test_parameter_counts() -> None:
    """Of the released code, counted by running it, and by hand."""

    def count(model: torch.nn.Module) -> int:
        return sum(p.numel() for p in model.parameters())

    assert count(MgNO.from_config("darcy")) == 572_661
    assert count(MgNO.from_config("darcy", layers=5)) == 738_573
    assert count(MgNO.from_config("multiscale")) == 572_661
    assert count(MgNO.from_config("pipe")) == 783_876
    # A later layer: 5 levels of Pi, R, A, S and one more pair of A, S, T; B and its bias.
    square = 24 * 24
    assert 9 * square * (1 + 2 * 6 + 2 * 5) + 5 * 16 * square + square + 24 == 738_573 - 572_661


def test_weights_of_the_released_code() -> None:
    """Names as MgNO_DC has them."""
    torch.manual_seed(0)
    module = MgNO(1, 1, 4, 2, ((1, 0), (1, 1), (2, 0)), restrict_residual=True)
    theirs: Weights = {}
    for name, value in module.state_dict().items():
        parts = name.split(".")
        if parts[0] == "last":
            theirs["linear.weight"] = value
        elif parts[0] == "layers" and parts[2] == "linear":
            theirs[f"linear_list.{parts[1]}.{parts[3]}"] = value
        elif parts[0] == "layers":
            start = f"conv_list.{parts[1]}"
            kind, level, rest = parts[3], int(parts[4]), parts[5:]
            if kind == "up":
                theirs[f"{start}.RTlayers.{level}.weight"] = value
            elif kind == "down":
                theirs[f"{start}.layer{level + 1}.0." + ".".join(rest)] = value
            elif kind == "after":
                theirs[f"{start}.post_smooth_layer{level}." + ".".join(rest)] = value
            else:
                at = int(rest[0]) + (level > 0)
                theirs[f"{start}.layer{level}.{at}." + ".".join(rest[1:])] = value
    other = MgNO(1, 1, 4, 2, ((1, 0), (1, 1), (2, 0)), restrict_residual=True)
    other.load_state_dict(theirs)
    x = torch.randn(1, 1, 16, 16)
    assert same_bits(other(x), module(x))


def kept_by(call: Callable[[], Tensor], parameters: list[Tensor]) -> tuple[int, list[Tensor]]:
    """Bytes that a forward pass keeps for backward, parameters aside; results and gradients."""
    mine = {each.untyped_storage().data_ptr() for each in parameters}
    seen: dict[int, int] = {}
    held = []

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in mine:
            held.append(t)  # else its memory might be another's next
            seen[storage.data_ptr()] = storage.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = call()
    return sum(seen.values()), [y, *torch.autograd.grad(y.square().sum(), parameters)]


def test_recompute_keeps_less() -> None:
    """At most half of the bytes, the same bits."""
    torch.manual_seed(0)
    x = torch.randn(2, 1, 32, 32)
    model = MgNO(channels=8, layers=3, steps=((1, 0), (1, 0), (2, 0)))
    parameters: list[Tensor] = list(model.parameters())
    plain, results = kept_by(lambda: model(x), parameters)
    model.recompute = True
    less, again = kept_by(lambda: model(x), parameters)
    assert less <= 0.5 * plain
    assert all(same_bits(a, b) for a, b in zip(results, again, strict=True))


def test_keeps_less_than_plain_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin by the library's convolutions; recomputed, a quarter of its bytes."""

    def library(x: Tensor, w: Tensor, stride: int = 1, mode: str = "zeros") -> Tensor:
        assert mode == "zeros"
        return functional.conv2d(x, w, stride=stride, padding=1)

    def library_transposed(x: Tensor, w: Tensor, size: torch.Size) -> Tensor:
        return functional.conv_transpose2d(x, w, stride=2, padding=1)

    monkeypatch.setitem(globals(), "conv", library)
    monkeypatch.setitem(globals(), "transposed", library_transposed)
    torch.manual_seed(0)
    x = torch.randn(2, 1, 64, 64)
    model = MgNO(channels=24, layers=4, steps=((1, 0),) * 5 + ((2, 0),))
    named = dict(model.named_parameters())
    parameters: list[Tensor] = list(named.values())
    eager, expected = kept_by(lambda: operator(x, named, model), parameters)
    ours, got = kept_by(lambda: model(x), parameters)
    model.recompute = True
    less, _ = kept_by(lambda: model(x), parameters)
    for mine, its in zip(got, expected, strict=True):
        assert (mine - its).abs().max() <= 1e-4 * its.abs().max()
    assert ours <= 0.9 * eager and less <= 0.25 * eager


def test_warns_of_another_size() -> None:
    """Once for each size, only outside of training, also after a round through a file."""
    model = MgNO(channels=4, layers=1, steps=((1, 0), (1, 0)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.eval()(torch.ones(1, 1, 8, 8))  # nobody has trained it
        model.train()(torch.ones(1, 1, 8, 8))
        model.eval()(torch.ones(1, 1, 8, 8))
    for each in (model, copy.deepcopy(model), MgNO(channels=4, layers=1, steps=((1, 0), (1, 0)))):
        each.load_state_dict(model.state_dict())
        each.eval()
        with pytest.warns(UserWarning, match="16 x 16, the network was trained on 8 x 8"):
            each(torch.ones(1, 1, 16, 16))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            each(torch.ones(1, 1, 16, 16))


def test_copies_compute_the_same() -> None:
    model, x = MgNO(channels=4, layers=2, steps=((1, 0), (1, 1), (1, 0))), torch.randn(2, 1, 9, 8)
    y = model(x)
    other = MgNO(channels=4, layers=2, steps=((1, 0), (1, 1), (1, 0)))
    other.load_state_dict(model.state_dict())
    for each in (other, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same_bits(each(x), y)
    assert y.is_contiguous()


def test_layouts_of_the_input() -> None:
    """Any strides give the same bits; an empty batch an empty result."""
    model, x = MgNO(2, 1, 4, 2, ((1, 0), (1, 0))), torch.randn(3, 2, 8, 8)
    y = model(x)
    assert same_bits(model(x.contiguous(memory_format=torch.channels_last)), y)
    assert same_bits(model(x.mT.contiguous().mT), y)
    wide = torch.zeros(3, 4, 17, 17)[:, ::2, 1::2, ::2][..., :8]
    assert same_bits(model(wide.copy_(x)), y)
    assert model(x[:0]).shape == (0, 1, 8, 8)


@pytest.mark.parametrize("recompute", [False, True])
def test_compiles_a_training_step(recompute: bool) -> None:
    """One graph; gradients as in eager mode."""
    torch.manual_seed(0)
    model = MgNO(channels=4, layers=2, steps=((1, 0), (1, 1), (1, 0)), recompute=recompute)
    x = torch.randn(2, 1, 9, 12)

    def step(x: Tensor) -> Tensor:
        return model(x).square().mean()

    expected = torch.autograd.grad(step(x), list(model.parameters()))
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    got = torch.autograd.grad(compiled(x), list(model.parameters()))
    for mine, its in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-5, atol=1e-6)
    assert model.trained_size.tolist() == [9, 12]


def test_exports() -> None:
    model, x = MgNO(channels=4, layers=2, steps=((1, 0), (1, 0))).eval(), torch.randn(2, 1, 9, 8)
    program = torch.export.export(model, (x,))
    torch.testing.assert_close(program.module()(x), model(x))


def test_autocast_and_dtypes() -> None:
    """bfloat16 by autocast and by itself; float64 in full."""
    torch.manual_seed(0)
    model, x = MgNO(channels=8, layers=2, steps=((1, 0), (1, 1), (1, 0))), torch.randn(2, 1, 16, 16)
    y = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x)
    assert half.dtype == torch.bfloat16
    assert (half - y).abs().max() <= 0.05 * y.abs().max()
    half.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    weights = {n: t.double() for n, t in model.state_dict().items()}
    exact = operator(x.double(), weights, model)
    assert (model.double()(x.double()) - exact).abs().max() <= 1e-13 * exact.abs().max()
    assert model.bfloat16()(x.bfloat16()).dtype == torch.bfloat16


def test_func_transforms() -> None:
    """A gradient for each sample is that of the sample alone."""
    model, x = MgNO(channels=3, layers=2, steps=((1, 0), (1, 0))).eval(), torch.randn(3, 1, 6, 5)
    parameters = {n: p.detach() for n, p in model.named_parameters()}

    def loss(parameters: Weights, sample: Tensor) -> Tensor:
        y = torch.func.functional_call(model, parameters, sample.unsqueeze(0))
        return y.square().sum()

    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, x)
    for name, got in each.items():
        alone = torch.stack([torch.func.grad(loss)(parameters, sample)[name] for sample in x])
        torch.testing.assert_close(got, alone, rtol=1e-4, atol=1e-5)


def _bad(label: str, error: type[Exception], *words: str, **arguments: Any) -> BadInput:
    return BadInput(f"MgNO({label})", lambda: MgNO(**arguments), Raises(error, *words))


CASES = [
    *(
        _bad(f"{name}={bad!r}", ValueError, name, repr(bad), **{name: bad})
        for name in ("in_channels", "out_channels", "channels", "layers")
        for bad in (0, 1.5, True)
    ),
    _bad("steps=()", ValueError, "steps", "at least one level", steps=()),
    _bad("steps=((0, 1),)", ValueError, "steps", steps=((0, 1), (1, 0))),
    _bad("steps=((1,),)", ValueError, "steps[0]", "[1]", steps=((1,),)),
    _bad("after the coarsest", ValueError, "steps[-1]", steps=((1, 0), (1, 1))),
    _bad("padding_mode", ValueError, "padding_mode", "'same'", "'zeros'", padding_mode="same"),
    _bad("activation", ValueError, "activation", "'gelu'", activation="elu"),
    _bad("recompute", TypeError, "recompute", "int", recompute=1),
    _bad("restrict_residual", TypeError, "restrict_residual", restrict_residual=None),
    BadInput(
        "an unknown configuration",
        lambda: MgNO.from_config("darcie"),
        Raises(ValueError, "from_config", "'darcie'", "'darcy'"),
    ),
    BadInput(
        "MgNO()(None)",
        lambda: MgNO()(None),
        Raises(TypeError, "MgNO", "u", "NoneType"),
    ),
    BadInput(
        "integers",
        lambda: MgNO()(torch.ones(1, 1, 8, 8, dtype=torch.int64)),
        Raises(TypeError, "MgNO", "int64"),
    ),
    BadInput(
        "other channels",
        lambda: MgNO()(torch.ones(1, 2, 8, 8)),
        Raises(ValueError, "[1, 2, 8, 8]", "[N, 1, H, W]"),
    ),
    BadInput(
        "no points",
        lambda: MgNO()(torch.ones(1, 1, 0, 8)),
        Raises(ValueError, "[1, 1, 0, 8]", "at least one point"),
    ),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
