"""nn.GroupRational: starts as what it says, trains, survives copies, compile and export."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import nn

import longtail
from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from longtail.nn import GroupRational


@pytest.mark.parametrize("version", ["A", "B"])
@pytest.mark.parametrize("shared", [True, False])
def test_starts_as_the_function(version: str, shared: bool) -> None:
    module = GroupRational(24, 4, init="silu", version=version, shared_numerator=shared)
    x = torch.linspace(-3, 3, 10 * 24).view(10, 24)
    torch.testing.assert_close(module(x), torch.nn.functional.silu(x), atol=2e-6, rtol=0)
    assert module.numerator.shape == (1 if shared else 4, 6)
    assert module.denominator.shape == (4, 4)


def test_images_and_dtypes() -> None:
    """Channels first; parameters stay float32 beside half precision, and follow float64."""
    module = GroupRational(16, 4, init="gelu", channel_dim=1)
    images = torch.randn(2, 16, 5, 7)
    rows = GroupRational(16, 4, init="gelu")(images.movedim(1, -1)).movedim(-1, 1)
    torch.testing.assert_close(module(images), rows, rtol=0, atol=0)
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        assert module(images.to(dtype)).dtype == dtype
        assert copy.deepcopy(module).to(dtype)(images.to(dtype)).dtype == dtype
        assert copy.deepcopy(module).to(dtype)(images).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert nn.Sequential(nn.Linear(16, 16), GroupRational(16))(torch.randn(3, 16)).dtype == (
            torch.bfloat16
        )


def test_orders_and_coefficients() -> None:
    """Other orders; coefficients that somebody fitted; both go through copies and reset."""
    start = longtail.fit_rational(torch.sin, interval=(-5, 5), orders=(4, 3))
    module = GroupRational(12, 4, init=start)
    x = torch.linspace(-5, 5, 120).view(10, 12)
    torch.testing.assert_close(module(x), longtail.rational(x, *(each.float() for each in start)))
    assert module.numerator.shape == (1, 5) and module.denominator.shape == (4, 3)
    nn.init.zeros_(module.numerator)
    module.reset_parameters()
    assert torch.equal(module.numerator, start[0].float())
    wide = GroupRational(8, 2, orders=(7, 6), shared_numerator=False)
    assert wide.numerator.shape == (2, 8) and wide.denominator.shape == (2, 6)
    assert torch.equal(wide(x[:, :8]), x[:, :8])
    assert repr(wide).endswith("version='A', orders=(7, 6))")
    assert "init='coefficients'" in repr(module)


def test_learns() -> None:
    """An identity becomes tanh by gradient alone, denominators included."""
    torch.manual_seed(0)
    module = GroupRational(8, 2)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    x = torch.linspace(-3, 3, 400).view(50, 8)
    for _ in range(600):
        optimizer.zero_grad()
        loss = (module(x) - torch.tanh(x)).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < 1e-3
    assert (module.denominator.abs() > 0.01).any()


def test_copies() -> None:
    """deepcopy, pickle, torch.save and state_dict."""
    module = GroupRational(8, 2, init="gelu")
    x = torch.randn(3, 8)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other = GroupRational(8, 2)
    other.load_state_dict(torch.load(file))
    for copied in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), other):
        assert torch.equal(copied(x), module(x))
    other.reset_parameters()
    torch.testing.assert_close(other(x), x)
    assert repr(module) == "GroupRational(8, groups=2, init='gelu', version='A')"


def test_compile_and_export() -> None:
    """In one graph, trained and exported."""
    torch._dynamo.reset()
    model = nn.Sequential(nn.Linear(8, 16), GroupRational(16, 4, init="gelu"), nn.Linear(16, 2))
    x = torch.randn(5, 8)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), model(x))
    compiled(x).sum().backward()
    assert all(each.grad is not None for each in model.parameters())
    program = torch.export.export(model, (x,))
    with torch.no_grad():  # raw ops, of which exported programs are made, are forward-only
        torch.testing.assert_close(program.module()(x), model(x))
    torch._dynamo.reset()


CASES = [
    BadInput(
        f"GroupRational({label})",
        lambda arguments=arguments, keywords=keywords: GroupRational(*arguments, **keywords),
        Raises(error, *words),
    )
    for label, arguments, keywords, error, words in (
        ("10, 4", (10, 4), {}, ValueError, ("groups is 4", "10 channels")),
        ("8, 0", (8, 0), {}, ValueError, ("groups is 0",)),
        ("-8, 2", (-8, 2), {}, ValueError, ("channels is -8",)),
        ("8.5", (8.5,), {}, ValueError, ("channels is 8.5",)),
        ("init='swish'", (8,), {"init": "swish"}, ValueError, ("'swish'", "silu")),
        ("version='C'", (8,), {"version": "C"}, ValueError, ("version", "'C'")),
        ("orders=(9, 4)", (8,), {"orders": (9, 4)}, ValueError, ("orders", "(9, 4)")),
        ("interval=(1, 0)", (8,), {"interval": (1, 0)}, ValueError, ("interval", "(1, 0)")),
        (
            "init=rows",
            (8,),
            {"init": (torch.ones(2, 6), torch.ones(1, 4))},
            ValueError,
            ("[2, 6]",),
        ),
        ("init=one", (8,), {"init": (torch.ones(1, 6),)}, ValueError, ("[[1, 6]]",)),
        (
            "init and orders",
            (8,),
            {"init": (torch.ones(1, 6), torch.ones(1, 4)), "orders": (5, 4)},
            ValueError,
            ("init", "orders"),
        ),
    )
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_wrong_channels_at_the_call() -> None:
    with pytest.raises(ValueError, match=r"denominator has shape \[8, 4\].*12 channels"):
        GroupRational(16)(torch.ones(2, 12))
    assert longtail.nn.GroupRational is GroupRational
