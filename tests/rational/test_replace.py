"""nn.replace_activations: finds them, starts as they were, says what it did, or why not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from longtail.nn import GroupRational, Replacement, replace_activations

# Tables instead of fits of seconds, where closeness is not the question.
QUICK: dict[str, Any] = {"orders": (5, 4), "interval": (-3.0, 3.0)}


class Mlp(nn.Module):
    """As timm writes it; ``last=True`` as others do, which says nothing about channels."""

    def __init__(self, act: nn.Module, last: bool = False) -> None:
        super().__init__()
        self.fc1 = nn.Linear(16, 32)
        if not last:
            self.act = act
        self.drop = nn.Dropout(0.1)
        self.fc2 = nn.Linear(32, 16)
        if last:
            self.act = act

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.drop(self.act(self.fc1(x))))


def _encoder(activation: Any, **options: Any) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        16, 2, 48, dropout=0.0, activation=activation, batch_first=True, **options
    )
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=not options)


def _rationals(model: nn.Module) -> dict[str, GroupRational]:
    return {n: m for n, m in model.named_modules() if isinstance(m, GroupRational)}


def test_logits_stay(recwarn: pytest.WarningsRecorder) -> None:
    """To 1e-2 of their spread on other images than the sample: sharp weights, so that inputs of the
    activations reach far beyond [-3, 3]."""
    torch.manual_seed(0)
    model = nn.Sequential(_encoder(nn.GELU(), norm_first=True), nn.LayerNorm(16), nn.Linear(16, 10))
    with torch.no_grad():
        for layer in model[0].layers:
            layer.linear1.weight.mul_(2.5)
    model.eval()
    x = torch.randn(400, 9, 16)
    before = model(x)
    rows: list[Replacement] = []
    assert replace_activations(model, sample=x[:100], report=rows.append) is model
    assert not model.training
    change = (model(x) - before).abs().max() / before.std()
    assert 0 < change < 1e-2
    names = ["0.layers.0.activation", "0.layers.1.activation"]
    assert [row.name for row in rows] == names == list(_rationals(model))
    for row in rows:
        assert row.channels == 48 and row.channel_dim == -1 and row.activation.startswith("GELU")
        assert row.interval[0] <= -4 and row.interval[1] >= 4 and 0 < row.error < 5e-3
        assert str(row).startswith(f"{row.name}: GELU(approximate='none'), 48 channels, off by at")
    assert _rationals(model)[names[0]].numerator.shape == (1, 8)
    # The default orders on the default interval are not enough: the reason for the sample.
    worse = nn.Sequential(_encoder(nn.GELU(), norm_first=True), model[1], model[2]).eval()
    worse[0].load_state_dict(model[0].state_dict(), strict=False)
    replace_activations(worse, **QUICK)
    assert (worse(x) - before).abs().max() / before.std() > 1e-2
    assert not [w for w in recwarn if "longtail" in str(w.filename)]


@pytest.mark.parametrize(
    "activation",
    ["gelu", nn.GELU(), functional.relu, nn.ReLU()],
    ids=["name", "GELU", "function", "ReLU"],  # the address of a function changes
)
def test_the_fused_layer_of_torch(activation: Any) -> None:
    """In eval mode without gradients torch runs a kernel with the activation it was made with,
    whatever module stands there now: it must not."""
    model = _encoder(activation).eval()
    x = torch.randn(3, 5, 16)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2, [False] * 5])
    rows: list[Replacement] = []
    replace_activations(model, sample=x, orders=(2, 2), report=rows.append)
    assert [row.channels for row in rows] == [48, 48] and len(_rationals(model)) == 2
    assert torch.backends.mha.get_fastpath_enabled()
    with torch.no_grad():
        before = model(x)
        for rational in _rationals(model).values():
            rational.numerator.fill_(0)
            rational.numerator[0, 0] = 1
        assert (model(x) - before).abs().max() > 0.1
        for first in (model, copy.deepcopy(model)):
            masked = first(x, src_key_padding_mask=padding)
        torch.testing.assert_close(masked[0], model(x)[0])


@pytest.mark.parametrize(
    "act",
    [nn.SiLU(), nn.Tanh(), nn.Sigmoid(), nn.GELU("tanh"), nn.ReLU(inplace=True), nn.LeakyReLU(0.2)],
    ids=str,
)
def test_every_kind(act: nn.Module) -> None:
    """Each starts as its own function, as closely as it reports, also in place and with options."""
    model = nn.Sequential(nn.Linear(4, 16), act)
    x = torch.linspace(-2.9, 2.9, 64).view(4, 16)
    expected = act(x.clone())
    rows: list[Replacement] = []
    replace_activations(model, report=rows.append, orders=(5, 4), interval=(-3, 3))
    off = (model[1](x) - expected).abs().max()
    assert off <= rows[0].error + 1e-6 and rows[0].error < 0.03
    assert rows[0].activation == repr(act)


def test_channels_without_a_sample() -> None:
    """From layers beside, where they leave no doubt; dropout and norms may stand between."""
    images = nn.Sequential(
        nn.Conv2d(3, 24, 3),
        nn.BatchNorm2d(24),
        nn.SiLU(),
        nn.Flatten(),
        nn.LazyLinear(8),
        nn.Tanh(),
    )
    images(torch.randn(2, 3, 5, 5))
    model = nn.ModuleDict({"mlp": Mlp(nn.GELU()), "images": images})
    rows: list[Replacement] = []
    replace_activations(model, report=rows.append, **QUICK)
    found = {row.name: (row.channels, row.channel_dim) for row in rows}
    assert found == {"mlp.act": (32, -1), "images.2": (24, -3), "images.5": (8, -1)}
    assert model["images"](torch.randn(2, 3, 5, 5)).shape == (2, 8)
    assert model["images"](torch.randn(1, 3, 5, 5)).isfinite().all()
    decoder = nn.TransformerDecoderLayer(16, 2, 48, activation="gelu", batch_first=True)
    replace_activations(decoder, **QUICK)
    assert decoder.activation.channels == 48
    assert decoder(torch.randn(2, 5, 16), torch.randn(2, 3, 16)).shape == (2, 5, 16)
    doubtful = Mlp(nn.GELU(), last=True)
    replace_activations(doubtful, channels={"act": 32}, **QUICK)
    assert doubtful.act.channels == 32
    alone = replace_activations(nn.GELU(), channels=16, channel_dim=1, **QUICK)
    assert isinstance(alone, GroupRational) and alone.channel_dim == 1


@pytest.mark.parametrize("how", ["tensor", "tuple", "dict"])
def test_sample(how: str) -> None:
    """One run shows channels, ranges and where channels stand; nothing else changes."""
    model = Mlp(nn.GELU(), last=True).train()
    model.drop.eval()
    x = 4 * torch.randn(6, 16)
    state = copy.deepcopy(model.state_dict())
    rows: list[Replacement] = []
    sample = {"tensor": x, "tuple": (x,), "dict": {"x": x}}[how]
    replace_activations(model, sample=sample, orders=(2, 2), report=rows.append)
    assert (rows[0].channels, rows[0].channel_dim) == (32, -1)
    seen = model.fc1(x).detach()
    low, high = rows[0].interval
    assert low <= min(-3, float(seen.min())) and high >= max(3, float(seen.max()))
    assert low == round(low) and high == round(high) and high < 1.2 * float(seen.max()) + 1
    assert model.training and model.act.training and not model.drop.training
    assert all(torch.equal(state[name], model.state_dict()[name]) for name in state)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_shared_module_and_several_widths() -> None:
    """One module in two places stays one; its groups divide both widths."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(2, 16, 1), nn.Conv2d(16, 24, 1)
            self.act = nn.GELU()
            self.again = nn.Sequential(self.act)

        def forward(self, x: Tensor) -> Tensor:
            return self.again(self.second(self.act(self.first(x))))

    model = Twice()
    rows: list[Replacement] = []
    x = torch.randn(2, 2, 4, 4)
    replace_activations(model, sample=x, orders=(5, 4), report=rows.append)
    assert model.act is model.again[0] and isinstance(model.act, GroupRational) and len(rows) == 1
    assert (rows[0].channels, rows[0].channel_dim) == (8, -3) and rows[0].name == "act"
    assert model(x[0]).shape == (24, 4, 4)  # without a batch


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dtypes_and_learning(dtype: torch.dtype) -> None:
    """Coefficients are float32 beside narrow layers, float64 beside wide ones, and train."""
    model = Mlp(nn.GELU()).to(dtype)
    replace_activations(model, groups=4, shared_numerator=False, version="B", **QUICK)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    assert model.act.numerator.dtype == wide and model.act.numerator.shape == (4, 6)
    model(torch.randn(5, 16, dtype=dtype)).sum().backward()
    assert model.act.numerator.grad.abs().min() > 0 and model.act.version == "B"


def test_own_kinds() -> None:
    """Any element-wise module, and only those that were asked for."""

    class Softsign2(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x / (1 + x * x)

    model = nn.Sequential(nn.Linear(4, 8), Softsign2(), nn.Linear(8, 8), nn.GELU())
    replace_activations(model, activations=(Softsign2,), **QUICK)
    assert isinstance(model[1], GroupRational) and isinstance(model[3], nn.GELU)
    x = torch.linspace(-3, 3, 80).view(10, 8)
    torch.testing.assert_close(model[1](x), x / (1 + x * x), atol=1e-5, rtol=0)


def _case(label: str, model: Any, *words: str, kind: Any = ValueError, **options: Any) -> BadInput:
    return BadInput(
        f"replace_activations({label})",
        lambda: replace_activations(model, **options),
        Raises(kind, "replace_activations", *words),
    )


_DOUBTFUL = Mlp(nn.GELU(), last=True)
CASES = [
    _case("model=None", None, "model", "NoneType", kind=TypeError),
    _case("nothing there", nn.Linear(3, 3), "no module", "GELU", "LeakyReLU"),
    _case("activations=(SiLU,)", Mlp(nn.GELU()), "SiLU", activations=(nn.SiLU,)),
    _case("channels unknown", _DOUBTFUL, "'act'", "sample=", "channels="),
    _case("channels of another", _DOUBTFUL, "'act'", "sample=", channels={"x": 8}),
    _case("groups=5", Mlp(nn.GELU()), "groups is 5", "32 channels", "'act'", groups=5),
    _case("groups=0", Mlp(nn.GELU()), "groups is 0", groups=0),
    _case(
        "PReLU", nn.Sequential(nn.Linear(3, 8), nn.PReLU()), "PReLU", "parameters",
        activations=(nn.PReLU,),
    ),
    _case("sample=inf", Mlp(nn.GELU()), "sample", "finite", sample=torch.full((1, 16), torch.inf)),
]  # fmt: skip


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_a_failure_changes_nothing() -> None:
    """The second activation is the one in doubt; the first stays, too."""
    model = nn.Sequential(Mlp(nn.GELU()), Mlp(nn.GELU(), last=True))
    before = list(model.modules())
    with pytest.raises(ValueError, match="1.act"):
        replace_activations(model, **QUICK)
    with pytest.raises(RuntimeError):
        replace_activations(model, sample=torch.ones(1, 7))
    assert list(model.modules()) == before
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in before)
    encoder = _encoder("gelu")
    with pytest.raises(ValueError, match="groups is 7"):
        replace_activations(encoder, groups=7)
    assert encoder.layers[0].activation is functional.gelu
