"""Checkpoints of KAT and FlashKAT load by name; wrongly fitted tables are recognised."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, nn

from longtail.nn import GroupRational
from longtail.nn._checkpoints import MISFITTED, misfit
from rational.small_kat import small

NAMES = {
    "KAT": ("weight_numerator", "weight_denominator"),
    "FlashKAT": ("numerator_v", "denominator_v"),
}


def _renamed(state: dict[str, Tensor], package: str) -> dict[str, Tensor]:
    numerator, denominator = NAMES[package]
    return {
        key.replace(".numerator", f".{numerator}").replace(".denominator", f".{denominator}"): value
        for key, value in state.items()
    }


@pytest.mark.parametrize("package", NAMES)
def test_a_whole_model(package: str) -> None:
    """strict=True, every coefficient its own; the caller's dict stays as it was."""
    torch.manual_seed(0)
    model, other = small().eval(), small().eval()
    with torch.no_grad():
        for name, each in model.named_parameters():
            if "act" in name:
                each.add_(0.1 * torch.randn(each.shape))
    state = _renamed(model.state_dict(), package)
    assert state["blocks.1.mlp.act1." + NAMES[package][0]].shape == (1, 6)
    assert state["blocks.1.mlp.act1." + NAMES[package][1]].shape == (8, 4)
    keys = list(state)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = other.load_state_dict(state, strict=True)
    assert not result.missing_keys and not result.unexpected_keys and list(state) == keys
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(other(x), model(x))
    again = small()
    again.load_state_dict(other.state_dict())  # and ours goes round
    assert torch.equal(again.eval()(x), model(x))
    assert "blocks.0.mlp.act1.numerator" in other.state_dict()


@pytest.mark.parametrize("prefix", ["", "module.", "a.b.act."])
@pytest.mark.parametrize("package", NAMES)
def test_shapes_and_prefixes(package: str, prefix: str) -> None:
    """Rows that all groups share are written out; singleton dimensions around them go."""
    module: nn.Module = GroupRational(16, 4, shared_numerator=False)
    rational = module
    for name in reversed(prefix.split(".")[:-1]):
        parent = nn.Module()
        parent.add_module(name, module)
        module = parent
    a, b = torch.randn(6), torch.randn(4)
    numerator, denominator = (prefix + name for name in NAMES[package])
    for first, second in (
        (a, b),
        (a[None], b[None]),
        (a[None, None], b[None].expand(4, 4)),
        (a[None].expand(4, 6)[..., None], b[None, None, :, None]),
    ):
        nn.init.zeros_(rational.numerator)
        module.load_state_dict({numerator: first, denominator: second})
        assert torch.equal(rational.numerator, a.expand(4, 6))
        assert torch.equal(rational.denominator, b.expand(4, 4))


def test_assigned_and_without_memory() -> None:
    """assign=True makes parameters of their own memory, which train; "meta" has no numbers."""
    module = GroupRational(16, 4, device="meta", shared_numerator=False)
    module.load_state_dict(
        {"numerator_v": torch.ones(1, 6), "denominator_v": torch.ones(1, 4)}, assign=True
    )
    assert module.numerator.is_contiguous() and module.numerator.shape == (4, 6)
    module(torch.ones(2, 16)).sum().backward()
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    assert not torch.equal(module.denominator, torch.ones(4, 4))
    empty = GroupRational(16, 4, device="meta")
    empty.load_state_dict(GroupRational(16, 4, device="meta").state_dict(), assign=True)
    assert empty.numerator.is_meta


def test_what_does_not_fit() -> None:
    """Is refused by torch, with the name and both shapes; so are strangers and halves."""
    for state, message in (
        (
            {"weight_numerator": torch.ones(4, 6), "weight_denominator": torch.ones(4, 4)},
            r"\[4, 6\]",
        ),
        (
            {"weight_numerator": torch.ones(1, 5), "weight_denominator": torch.ones(4, 4)},
            r"\[1, 5\]",
        ),
        ({"numerator_v": torch.ones(1, 6)}, 'Missing key.*"denominator"'),
        ({"numerator_v": torch.ones(1, 6), "weight": torch.ones(1)}, 'Unexpected key.*"weight"'),
    ):
        with pytest.raises(RuntimeError, match=message):
            GroupRational(16, 4).load_state_dict(state)
    both = GroupRational(16, 4).state_dict() | {"weight_numerator": torch.ones(1, 6)}
    with pytest.raises(RuntimeError, match="weight_numerator"):
        GroupRational(16, 4).load_state_dict(both)
    result = GroupRational(16, 4).load_state_dict({"numerator_v": torch.ones(1, 6)}, strict=False)
    assert result.missing_keys == ["denominator"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", MISFITTED)
def test_wrong_tables_are_recognised(name: str, dtype: torch.dtype) -> None:
    """Loaded as they are, and warned of: key, error, remedy. In version B they are right."""
    a, b = (torch.tensor([row]).to(dtype) for row in MISFITTED[name])
    model = nn.Sequential(nn.Linear(4, 16), GroupRational(16, 4))
    state = model.state_dict()
    del state["1.numerator"], state["1.denominator"]
    state |= {"1.weight_numerator": a, "1.weight_denominator": b.expand(4, 4)}
    with pytest.warns(UserWarning, match=rf"'1.numerator'.*{name}.*version B.*reset_param") as seen:
        model.load_state_dict(state)
    assert f"up to {misfit(name):.2f} on [-3, 3]" in str(seen[0].message) and len(seen) == 1
    assert torch.equal(model[1].numerator, a.float())
    right = GroupRational(16, 4, version="B")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right.load_state_dict({"numerator": a, "denominator": b.expand(4, 4)})
    if dtype == torch.float32:
        exact = GroupRational(1, 1, version="B", init=name)
        x = torch.linspace(-3, 3, 301).unsqueeze(-1)
        off = (right(x.expand(-1, 16))[:, :1] - exact(x)).abs().max()
        assert off < 0.01 * misfit(name) + 2e-3


def test_error_of_the_wrong_gelu() -> None:
    """The number that the docs give, by the module itself."""
    module = GroupRational(1, 1)
    a, b = (torch.tensor([row]) for row in MISFITTED["gelu"])
    with pytest.warns(UserWarning, match=r"up to 1\.46"):
        module.load_state_dict({"numerator": a, "denominator": b})
    x = torch.linspace(-3, 3, 6001).unsqueeze(-1)
    off = (module(x) - nn.functional.gelu(x)).abs().max()
    assert off.item() == pytest.approx(misfit("gelu"), abs=1e-5) == pytest.approx(1.46, abs=5e-3)


def test_trained_and_own_tables_are_not() -> None:
    """A step away from the table, our own tables, and other orders: no word."""
    a, b = (torch.tensor([row]) for row in MISFITTED["gelu"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GroupRational(1, 1).load_state_dict({"numerator": a + 1e-3, "denominator": b})
        for init in ("gelu", "geglu", "swishglu"):
            for version in ("A", "B"):
                own = GroupRational(8, init=init, version=version)
                GroupRational(8).load_state_dict(own.state_dict())
        wide = GroupRational(8, init=(torch.randn(1, 8), torch.randn(1, 6)))
        GroupRational(8, orders=(7, 6)).load_state_dict(wide.state_dict())
