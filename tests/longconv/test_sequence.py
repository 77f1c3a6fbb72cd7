"""S4D and SequenceModel: twins, reference checkpoints, generation."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.twins import with_gradients
from longconv.conv_oracle import relative
from longtail.nn import S4D, LongConv, SequenceModel, SGConv, ssm_parameter_groups
from longtail.nn.s4d import INITS, eigenvalues


def s4d_twin(layer: S4D, u: Tensor) -> Tensor:
    """Written from the paper, in float64: the kernel by its sum, the convolution by numpy's."""
    p = {name: each.detach().double() for name, each in layer.named_parameters()}
    dt = p["log_dt"].exp()[:, None]
    a = torch.complex(-p["log_A_real"].exp(), p["A_imag"])
    b, c = torch.view_as_complex(p["B"]), torch.view_as_complex(p["C"])
    if layer.discretization == "zoh":
        step, drive = torch.exp(dt * a), b * (torch.exp(dt * a) - 1) / a
    else:
        step, drive = (1 + dt * a / 2) / (1 - dt * a / 2), b * dt / (1 - dt * a / 2)
    powers = step[..., None] ** torch.arange(u.shape[-1])
    k = 2 * (c * drive).unsqueeze(-2).matmul(powers).squeeze(-2).real
    size = 2 * u.shape[-1]
    y = torch.fft.irfft(torch.fft.rfft(u.double(), size) * torch.fft.rfft(k, size), size)
    y = functional.gelu(y[..., : u.shape[-1]] + p["D"][:, None] * u.double())
    if layer.output_linear is None:
        return y
    mixed = p["output_linear.weight"] @ y + p["output_linear.bias"][:, None]
    return functional.glu(mixed, -2)


@pytest.mark.parametrize("discretization", ["zoh", "bilinear"])
@pytest.mark.parametrize("init", INITS)
def test_layer_is_its_twin(init: str, discretization: str) -> None:
    torch.manual_seed(0)
    layer = S4D(6, 16, init=init, discretization=discretization, mix=init != "lin")
    u = torch.randn(2, 6, 300)
    assert relative(layer(u), s4d_twin(layer, u)) <= 1e-5


def test_gradients_of_all_parameters() -> None:
    """Beside those of a float64 copy of the layer, whose forward pass is the twin's."""
    torch.manual_seed(0)
    layer = S4D(4, 8)
    wide = copy.deepcopy(layer).double()
    u = torch.randn(2, 4, 200)
    assert relative(wide(u.double()), s4d_twin(layer, u)) <= 1e-9

    def run(model: S4D) -> Callable[..., Tensor]:
        names = [name for name, _ in model.named_parameters()]

        def call(x: Tensor, *parameters: Tensor) -> Tensor:
            given = dict(zip(names, parameters, strict=True))
            return torch.func.functional_call(model, given, (x,))

        return call

    got = with_gradients(run(layer), [u, *layer.parameters()])
    exact = with_gradients(run(wide), [u.double(), *wide.parameters()])
    for mine, expected in zip(got, exact, strict=True):
        assert relative(mine, expected) <= 1e-5
        assert expected.abs().sum() > 0


def test_legs_is_the_normal_part_of_hippo() -> None:
    """Its eigenvalues and B reproduce exp(t A) B of the matrix itself."""
    states = 8
    n = torch.arange(2 * states, dtype=torch.float64)
    root = (2 * n + 1).sqrt()
    hippo = -(torch.outer(root, root).tril(-1) + torch.diag(n + 1))
    normal = hippo + torch.outer(root, root) / 2
    a, b = eigenvalues("legs", states)
    assert torch.allclose(a.real, torch.full_like(a.real, -0.5)) and (a.imag > 0).all()
    found = torch.linalg.eigvals(normal)
    assert torch.allclose(found.imag[found.imag > 0].sort().values, a.imag.sort().values)
    for t in (0.1, 0.7):
        exact = torch.linalg.matrix_exp(t * normal) @ root
        assert torch.allclose(exact @ root, 2 * ((t * a).exp() * b.abs() ** 2).real.sum())


def test_reference_checkpoints_load() -> None:
    """The names and shapes of the reference's minimal S4D, whose B is 1."""
    torch.manual_seed(0)
    layer = S4D(4, 8, init="lin")
    saved = {
        "D": torch.randn(4),
        "kernel.C": torch.randn(4, 4, 2),
        "kernel.log_dt": torch.rand(4).log(),
        "kernel.log_A_real": torch.randn(4, 4),
        "kernel.A_imag": torch.randn(4, 4),
        "output_linear.0.weight": torch.randn(8, 4, 1),
        "output_linear.0.bias": torch.randn(8),
    }
    layer.load_state_dict(dict(saved))
    assert torch.equal(layer.C, saved["kernel.C"])
    assert torch.equal(torch.view_as_complex(layer.B), torch.ones(4, 4, dtype=torch.complex64))
    u = torch.randn(2, 4, 50)
    assert relative(layer(u), s4d_twin(layer, u)) <= 1e-5
    other = S4D(4, 8)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(u), layer(u))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_inputs(dtype: torch.dtype) -> None:
    """Parameters stay in float32; the result has the dtype of u."""
    torch.manual_seed(0)
    layer = S4D(4, 8)
    u = torch.randn(2, 4, 50)
    y = layer(u.to(dtype))
    assert y.dtype == dtype
    assert relative(y, layer(u).double()) <= 16 * torch.finfo(dtype).eps


def test_copies() -> None:
    layer = S4D(3, 4)
    u = torch.randn(1, 3, 20)
    stream = io.BytesIO()
    torch.save(layer, stream)
    stream.seek(0)
    for again in (copy.deepcopy(layer), torch.load(stream, weights_only=False)):
        assert torch.equal(again(u), layer(u))


def test_parameter_groups() -> None:
    model = SequenceModel(2, 3, 8, 2)
    fast, slow = ssm_parameter_groups(model, 1e-2)
    assert slow["lr"] == 1e-3 and slow["weight_decay"] == 0 and fast["lr"] == 1e-2
    assert len(slow["params"]) == 2 * 4
    assert len(fast["params"]) + len(slow["params"]) == len(list(model.parameters()))
    torch.optim.AdamW([fast, slow])


LAYERS: dict[str, Callable[[int], nn.Module]] = {
    "S4D": S4D,
    "SGConv": lambda d: SGConv(d, 64, kernel_dim=8),
    "LongConv": lambda d: LongConv(d, 64),
}


@pytest.mark.parametrize("name", LAYERS)
def test_generation_is_the_whole_row(name: str) -> None:
    """prefill, then steps: the outputs of forward to 1e-5."""
    torch.manual_seed(0)
    model = SequenceModel(3, 5, 8, 3, layer=LAYERS[name]).eval()
    x = torch.randn(2, 90, 3)
    with torch.no_grad():
        whole = model(x)
    for start in (0, 1, 40):
        y, states = model.prefill(x[:, :start])
        outputs = [y]
        sizes = [sum(each.numel() for each in states)]
        for n in range(start, 90):
            y_n, states = model.step(x[:, n], states)
            outputs.append(y_n[:, None])
            sizes.append(sum(each.numel() for each in states))
        assert relative(torch.cat(outputs, 1), whole.double()) <= 1e-5
        assert len(set(sizes)) == 1  # constant memory


@pytest.mark.parametrize("name", LAYERS)
def test_rows_of_different_lengths(name: str) -> None:
    """Padding behind a row moves neither its outputs nor its state."""
    torch.manual_seed(0)
    model = SequenceModel(3, 5, 8, 2, layer=LAYERS[name]).eval()
    lengths = torch.tensor([30, 7, 0, 19])
    x = torch.randn(4, 30, 3)
    x[1, 7:] = 1e3
    y, states = model.prefill(x, lengths)
    new = torch.randn(4, 3)
    after, _ = model.step(new, states)
    for b, count in enumerate(lengths.tolist()):
        alone, own = model.prefill(x[b : b + 1, :count])
        assert relative(y[b : b + 1, :count], alone.double()) <= 1e-5
        assert not y[b, count:].any()
        next_alone, _ = model.step(new[b : b + 1], own)
        assert relative(after[b : b + 1], next_alone.double()) <= 1e-5


def test_a_pooled_model_classifies() -> None:
    model = SequenceModel(2, 4, 8, 2, pool=True)
    x = torch.randn(3, 20, 2)
    assert model(x).shape == (3, 4)
    model(x).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def _model(label: str, error: type[Exception], *words: str, call: Callable[[], Any]) -> BadInput:
    return BadInput(label, call, Raises(error, *words))


POOLED, PLAIN = SequenceModel(2, 4, 8, 1, pool=True), SequenceModel(2, 4, 8, 1)
DROPPED = SequenceModel(2, 4, 8, 1, dropout=0.5)
X = torch.ones(3, 6, 2)
CASES = [
    _model("S4D(0)", ValueError, "channels", "0", call=lambda: S4D(0)),
    _model("S4D(4, 3)", ValueError, "d_state", "3", "even", call=lambda: S4D(4, 3)),
    _model("S4D(init)", ValueError, "init", "hippo", "legs", call=lambda: S4D(4, init="hippo")),
    _model(
        *("S4D(method)", ValueError, "discretization", "euler"),
        call=lambda: S4D(4, discretization="euler"),
    ),
    _model("S4D(dt)", ValueError, "dt_min", "1", "0.1", call=lambda: S4D(4, dt_min=1)),
    _model("S4D()(list)", TypeError, "S4D", "u", "list", call=lambda: S4D(4)([1.0])),
    _model("SequenceModel(0)", ValueError, "d_input", "0", call=lambda: SequenceModel(0, 1)),
    _model("x: [3, 6]", ValueError, "x", "[3, 6]", "2]", call=lambda: PLAIN(X[..., 0])),
    _model("x: list", TypeError, "x", "list", call=lambda: PLAIN([1.0])),
    _model("prefill, pooled", NotImplementedError, "pool", call=lambda: POOLED.prefill(X)),
    _model("prefill, dropout", NotImplementedError, "dropout", call=lambda: DROPPED.prefill(X)),
    _model(
        *("lengths: float", TypeError, "lengths", "float32"),
        call=lambda: PLAIN.prefill(X, torch.ones(3)),
    ),
    _model(
        *("lengths: [2]", ValueError, "lengths", "[2]", "[3]"),
        call=lambda: PLAIN.prefill(X, torch.ones(2, dtype=torch.int64)),
    ),
    _model(
        *("lengths: 7", ValueError, "lengths", "7", "6"),
        call=lambda: PLAIN.prefill(X, torch.tensor([1, 7, 2])),
    ),
    _model("step: [3, 6, 2]", ValueError, "x", "[3, 6, 2]", call=lambda: PLAIN.step(X, [])),
    _model("step: no states", ValueError, "0 states", call=lambda: PLAIN.step(X[:, 0], [])),
    _model(
        *("SGConv.step: state", ValueError, "SGConv.step", "state", "[3, 4, 63]"),
        call=lambda: SGConv(4, 64).step(torch.ones(3, 4), torch.ones(3, 4, 2)),
    ),
    _model(
        *("SGConv.step: bidirectional", NotImplementedError, "SGConv.step", "ahead"),
        call=lambda: SGConv(4, 64, bidirectional=True).step(torch.ones(3, 4), torch.ones(3, 4, 63)),
    ),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_dt_is_drawn_within_its_limits() -> None:
    layer = S4D(4096, 2, dt_min=1e-3, dt_max=1e-1)
    log_dt = layer.log_dt.detach()
    assert math.log(1e-3) <= log_dt.min() and log_dt.max() <= math.log(1e-1)
    assert abs(float(log_dt.mean()) - math.log(1e-2)) < 0.1
