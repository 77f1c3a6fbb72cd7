"""nn.MgConv and nn.MgNO beside a twin in float64 made of sums over taps."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.tensors import same_bits
from longtail.nn import MgConv, MgNO
from multigrid.mgno_twin import Weights, agree, cycle, operator

PADDINGS = ("zeros", "reflect", "circular")

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
