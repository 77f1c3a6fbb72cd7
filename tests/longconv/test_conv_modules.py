"""nn.SGConv and nn.LongConv beside twins in float64 that are sums over lags; what they keep."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.tensors import same_bits
from kit.twins import randn
from longconv.contract import bounds
from longconv.conv_oracle import twin
from longtail.nn import LongConv, SGConv

Module = SGConv | LongConv
MAKERS: dict[str, Callable[..., Module]] = {
    "SGConv": lambda **more: SGConv(3, 50, kernel_dim=8, **more),
    "SGConv, one scale": lambda **more: SGConv(3, 5, kernel_dim=8, decay=1.5, **more),
    "LongConv": lambda **more: LongConv(3, 50, **more),
    "LongConv, smooth": lambda **more: LongConv(3, 50, smooth=2, lam=1e-4, init="random", **more),
}
FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "outputs": {"outputs": 2},
    "bidirectional": {"bidirectional": True, "outputs": 2},
}
made = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
formed = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def upsampled(w: Tensor, factor: int) -> Tensor:
    """Result j lies at (j + 1/2) / factor - 1/2 between the numbers of w, or on the outermost."""
    count = w.shape[-1]
    matrix = torch.zeros(count, count * factor, dtype=w.dtype)
    for j in range(count * factor):
        place = min(max((j + 0.5) / factor - 0.5, 0), count - 1)
        low = min(int(place), count - 1)
        high = min(low + 1, count - 1)
        matrix[low, j] += 1 - (place - low)
        matrix[high, j] += place - low
    return w @ matrix


def taps_of(module: Module, weights: dict[str, Tensor]) -> Tensor:
    """From the module's float64 weights, by the formulas of its docstring."""
    if isinstance(module, SGConv):
        count = 1 + max(0, math.ceil(math.log2(module.length / module.kernel_dim)))
        scales = [
            upsampled(weights[f"scales.{i}"], 2 ** max(0, i - 1)) * module.decay ** (count - 1 - i)
            for i in range(count)
        ]
        return torch.cat(scales, -1)[..., : module.length] / weights["norm"]
    k, p = weights["kernel"], module.smooth
    around = torch.nn.functional.pad(k, (p, p))
    k = sum((around[..., j : j + module.length] for j in range(2 * p + 1)), torch.zeros_like(k)) / (
        2 * p + 1
    )
    return torch.where(k.abs() > weights["lam"], k - weights["lam"] * k.sign(), 0 * k)


def exact(module: Module, weights: dict[str, Tensor], u: Tensor) -> Tensor:
    """What the module computes."""
    k, skip = taps_of(module, weights), weights["skip"]
    k, k_rev = k.unbind(0) if module.bidirectional else (k, None)
    if module.outputs == 1:
        k, skip = k[0], skip[0]
    return twin(u, k, k_rev=k_rev, skip=skip)


@made
@formed
@pytest.mark.parametrize("length", [50, 33, 71])
def test_values_and_gradients(
    length: int, form: dict[str, Any], make: Callable[..., Module]
) -> None:
    """To 1e-5 of the largest number, on rows of other lengths too."""
    torch.manual_seed(1)
    module = make(**form)
    generator = torch.Generator().manual_seed(0)
    u = randn(generator, torch.float32, 2, 3, length)
    state = module.state_dict()
    wide = {name: each.double().requires_grad_() for name, each in state.items()}
    leaf, wide_u = u.clone().requires_grad_(), u.double().requires_grad_()
    y, expected = module(leaf), exact(module, wide, wide_u)
    grad = randn(generator, torch.float32, *expected.shape)
    parameters = dict(module.named_parameters())
    got = torch.autograd.grad(y, [leaf, *parameters.values()], grad)
    gradients = torch.autograd.grad(
        expected, [wide_u, *(wide[name] for name in parameters)], grad.double()
    )
    for mine, its in zip([y, *got], [expected, *gradients], strict=True):
        assert mine.shape == its.shape and mine.dtype == torch.float32
        assert (mine - its).abs().max() <= 1e-5 * its.abs().max()


def test_norm_is_that_of_the_start() -> None:
    """Taps of each channel have norm 1, also after a round through state_dict; a call never
    changes it."""
    module = SGConv(4, 100, kernel_dim=8, outputs=2)
    assert torch.allclose(module.taps().norm(dim=-1), torch.ones(1, 2, 4))
    before = module.norm.clone()
    with torch.no_grad():
        module.scales[0].mul_(3)
    module(torch.randn(1, 4, 100))
    assert same_bits(module.norm, before) and "norm" in module.state_dict()
    assert [list(each.shape) for each in module.scales] == [[2, 4, 8]] * 5  # 8 + 8 + 16 + 32 + 64


@made
@formed
def test_copies_compute_the_same(form: dict[str, Any], make: Callable[..., Module]) -> None:
    """state_dict into another one, deepcopy, pickle: before and after taps were kept."""
    module, u = make(**form).eval(), torch.randn(2, 3, 40)
    for _ in range(2):
        with torch.no_grad():
            y = module(u)
            other = make(**form).eval()
            other(u)
            other.load_state_dict(module.state_dict())
            copies = (other, copy.deepcopy(module), pickle.loads(pickle.dumps(module)))
            assert all(same_bits(each(u), y) for each in copies)
    assert set(module.state_dict()) == {
        n for n, _ in (*module.named_parameters(), *module.named_buffers())
    }


@made
def test_kept_taps_are_those_of_now(
    make: Callable[..., Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In eval taps are made once; whatever changes them is noticed."""
    module, u = make().eval(), torch.randn(2, 3, 40)
    calls = 0
    taps = module.taps

    def counted() -> Tensor:
        nonlocal calls
        calls += 1
        return taps()

    monkeypatch.setattr(module, "taps", counted)
    with torch.no_grad():
        first = module(u)
        assert same_bits(module(u), first) and calls == 1
        assert same_bits(module(u[:1]), first[:1]) and calls == 1
        weight = next(each for name, each in module.named_parameters() if name != "skip")
        weight.mul_(2)
        assert not torch.equal(module(u), first) and calls == 2
        weight.div_(2)
        assert same_bits(module(u), first) and calls == 3
        module.half().float()
        rounded = module(u)
        assert calls == 4 and not torch.equal(rounded, first)
        module.train()(u)
        assert calls == 5
        module.eval()(u)
        assert calls == 6
    u.requires_grad_()
    assert module(u).requires_grad  # a call that needs gradients of parameters
    assert calls == 7
    with torch.inference_mode():
        kept = module(u)
    module.requires_grad_(False)
    (du,) = torch.autograd.grad(module(u).sum(), u)  # through taps made in inference mode
    assert same_bits(kept, rounded) and du.isfinite().all()


def test_parameters_put_in_by_functional_call() -> None:
    """Others' taps are not those that were kept."""
    module, other, u = SGConv(3, 50).eval(), SGConv(3, 50).eval(), torch.randn(2, 3, 40)
    with torch.no_grad():
        module(u)
        got = torch.func.functional_call(module, other.state_dict(), u)
        assert same_bits(got, other(u))


@made
def test_streaming(make: Callable[..., Module]) -> None:
    """Chunks with the state are the whole row."""
    module, u = make().eval(), torch.randn(2, 3, 90)
    with torch.no_grad():
        whole = module(u)
        state: Tensor | None = None
        parts = []
        for chunk in u.split([40, 1, 49], -1):
            part, state = module(chunk, initial_state=state, return_final_state=True)
            parts.append(part)
    most = bounds("streaming")[torch.float32]
    assert (torch.cat(parts, -1) - whole).abs().max() <= most * whole.abs().max()


@made
@formed
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_dtypes(dtype: torch.dtype, form: dict[str, Any], make: Callable[..., Module]) -> None:
    """Of parameters and of rows, apart: results in that of rows."""
    u = torch.randn(2, 3, 40)
    for module, rows in ((make(**form, dtype=dtype), dtype), (make(**form), dtype)):
        for mode in (True, False):
            with torch.no_grad():
                y = module.train(mode)(u.to(rows))
            assert y.dtype == rows and y.isfinite().all()
            weights = {name: each.double() for name, each in module.state_dict().items()}
            its = exact(module, weights, u.to(rows).double())
            assert (y - its).abs().max() <= max(1e-5, 2 * torch.finfo(rows).eps) * its.abs().max()


@made
def test_compiles_to_one_graph(make: Callable[..., Module]) -> None:
    module, u = make(), torch.randn(2, 3, 40)
    for mode in (True, False):
        module.train(mode)
        compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
        assert torch.allclose(compiled(u), module(u), atol=1e-6)


def test_geometric_taps_fade_at_their_own_rates() -> None:
    """The size of channel h at tap l, as the paper has it."""
    torch.manual_seed(0)
    module = LongConv(8, 4000, outputs=4)
    size = module.kernel.detach().square().mean(0)
    for h in (1, 4, 8):
        for begin in (0, 1000, 2000):
            middle = (begin + 100) / 4000
            expected = 0.02 * math.exp(-middle * 4 ** (h / 8))
            got = float(size[h - 1, begin : begin + 200].mean().sqrt())
            assert abs(got / expected - 1) < 0.15


def test_squash_leaves_most_taps_alive() -> None:
    """By default three quarters; a lam that kills more than half warns and says how many."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for channels in (1, 16, 256):
            k = LongConv(channels, 512).taps()
            assert 0.7 < float((k != 0).double().mean()) <= 0.76
        LongConv(4, 100, lam=0.001)
    with pytest.warns(UserWarning, match=r"lam=0.1 squashes 100% of the taps"):
        LongConv(4, 100, lam=0.1, init="random")


def test_dropout_of_taps() -> None:
    """In training alone; what stays is scaled up."""
    torch.manual_seed(0)
    module = LongConv(4, 1000, lam=0.0, dropout=0.25)
    whole = module.eval().taps()
    k = module.train().taps()
    left = k != 0
    assert 0.7 < float(left.double().mean()) < 0.8
    assert torch.allclose(k[left], whole[left] / 0.75)


def _bad(
    make: Callable[..., Any], label: str, error: type[Exception], *words: str, **changes: Any
) -> BadInput:
    arguments: dict[str, Any] = {"channels": 3, "length": 50} | changes
    name = make.__name__
    return BadInput(f"{name}({label})", lambda: make(**arguments), Raises(error, name, *words))


CASES = [
    *(
        _bad(make, f"{name}={bad!r}", ValueError, name, repr(bad), **{name: bad})
        for make in (SGConv, LongConv)
        for name in ("channels", "length", "outputs")
        for bad in (0, 1.5, True)
    ),
    _bad(SGConv, "bidirectional=1", TypeError, "bidirectional", "int", bidirectional=1),
    _bad(SGConv, "kernel_dim=0", ValueError, "kernel_dim", "0", kernel_dim=0),
    _bad(SGConv, "decay=-1", ValueError, "decay", "-1", decay=-1),
    _bad(LongConv, "lam=-1", ValueError, "lam", "-1", lam=-1),
    _bad(LongConv, "lam='x'", ValueError, "lam", "'x'", lam="x"),
    _bad(LongConv, "smooth=-1", ValueError, "smooth", "-1", smooth=-1),
    _bad(LongConv, "dropout=1", ValueError, "dropout", "1", dropout=1),
    _bad(LongConv, "init='ones'", ValueError, "init", "'ones'", init="ones"),
    *(
        BadInput(
            f"{make.__name__}.forward(None)",
            lambda make=make: make(3, 50)(None),
            Raises(TypeError, make.__name__, "u", "NoneType"),
        )
        for make in (SGConv, LongConv)
    ),
    BadInput(
        "SGConv of another number of channels",
        lambda: SGConv(3, 50)(torch.ones(2, 4, 50)),
        Raises(ValueError, "[2, 4, 50]"),
    ),
    BadInput(
        "a state where it looks ahead",
        lambda: SGConv(3, 50, bidirectional=True)(torch.ones(2, 3, 50), return_final_state=True),
        Raises(NotImplementedError, "causal"),
    ),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
