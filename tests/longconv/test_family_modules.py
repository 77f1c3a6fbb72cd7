"""What every module of the family is asked, whatever it computes."""

from __future__ import annotations

import copy
import io
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kit.copies import copies, through_a_file
from kit.tensors import same_bits
from longconv.conv_oracle import relative
from longtail import LongKernel, long_conv
from longtail.nn import S4D, ButterflyConv, LongConv, SequenceModel, SGConv


def sgconv(channels: int, length: int = 64, **more: Any) -> SGConv:
    """A name that pickle finds."""
    return SGConv(channels, length, kernel_dim=8, **more)


def long_conv_of(channels: int, length: int = 64, **more: Any) -> LongConv:
    return LongConv(channels, length, smooth=1, **more)


def butterfly(channels: int, length: int = 64, **more: Any) -> ButterflyConv:
    return ButterflyConv(channels, length, **more)


def s4d(channels: int, length: int = 64, **more: Any) -> S4D:
    return S4D(channels, 8, **more)


LAYERS: dict[str, Callable[..., nn.Module]] = {
    "S4D": s4d, "SGConv": sgconv, "LongConv": long_conv_of,
}  # fmt: skip
layers = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
modules = pytest.mark.parametrize(
    "make", [*LAYERS.values(), butterfly], ids=[*LAYERS, "ButterflyConv"]
)


@modules
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("batch", [0, 1, 5])
@pytest.mark.parametrize("length", [0, 1, 7])
def test_small_sizes(length: int, batch: int, heads: int, make: Callable[..., Any]) -> None:
    """One channel, one step, odd batches, nothing: training, eval, and a state where there is."""
    torch.manual_seed(0)
    module = make(heads)
    x = torch.randn(batch, heads, length, requires_grad=True)
    y = module(x)
    assert y.shape == x.shape
    gradients = torch.autograd.grad(y.sum(), [x, *module.parameters()], allow_unused=True)
    assert all(each is None or each.isfinite().all() for each in gradients)
    with torch.no_grad():
        torch.testing.assert_close(module.eval()(x), y, rtol=1e-5, atol=1e-5)
        if isinstance(module, ButterflyConv):
            return
        after, state = module(x, return_final_state=True)
        torch.testing.assert_close(after, y, rtol=1e-5, atol=1e-5)
        u_t = torch.randn(batch, heads)
        y_t, later = module.step(u_t, state)
        whole = module(torch.cat([x, u_t.unsqueeze(-1)], -1))
        torch.testing.assert_close(y_t, whole[..., -1], rtol=1e-4, atol=1e-5)
        assert later.shape == state.shape


@layers
def test_one_of_everything(make: Callable[..., Any]) -> None:
    """A model of one channel on one step; generation from nothing."""
    model = SequenceModel(1, 1, 1, 1, layer=make).eval()
    x = torch.randn(1, 1, 1)
    with torch.no_grad():
        whole = model(x)
    torch.testing.assert_close(model.prefill(x)[0], whole)
    _, states = model.prefill(x[:, :0])
    torch.testing.assert_close(model.step(x[:, 0], states)[0], whole[:, 0], rtol=1e-5, atol=1e-5)


@modules
def test_without_data(make: Callable[..., Any]) -> None:
    """On the meta device, in eval too; given memory, reset_parameters makes it a new module."""
    module = make(3, device="meta")
    x = torch.empty(2, 3, 50, device="meta")
    for mode in (True, False):
        with torch.no_grad():
            y = module.train(mode)(x)
        assert y.is_meta and y.shape == x.shape
    x = torch.randn(2, 3, 50)
    module = module.to_empty(device="cpu").eval()
    for each in module.modules():
        if hasattr(each, "reset_parameters"):
            each.reset_parameters()
    with torch.no_grad():
        y = module(x)
        assert y.isfinite().all() and y.abs().sum() > 0
        again = make(3).eval()
        again.load_state_dict(module.state_dict())
        assert same_bits(again(x), y)


def test_a_kernel_without_data() -> None:
    """The size of a spectrum is a machine's; the result's is not."""
    u, k = torch.empty(2, 3, 50, device="meta"), torch.empty(3, 20, device="meta")
    with torch.no_grad():
        assert long_conv(u, LongKernel(k)).shape == u.shape


@modules
@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16], ids=str)
def test_autocast(narrow: torch.dtype, make: Callable[..., Any]) -> None:
    """Convolutions and their steps as outside, to the bit; a linear map is one of autocast's."""
    torch.manual_seed(0)
    module = make(3, **({"mix": False} if make is s4d else {})).eval()
    x = torch.randn(2, 3, 50)
    with torch.no_grad():
        expected = module(x)
        with torch.autocast("cpu", dtype=narrow):
            assert same_bits(module(x), expected)
            assert module(x.to(narrow)).dtype == narrow
    if isinstance(module, ButterflyConv):
        return
    with torch.no_grad():
        _, state = module(x, return_final_state=True)
        expected, _ = module.step(x[..., 0], state)
        with torch.autocast("cpu", dtype=narrow):
            assert same_bits(module.step(x[..., 0], state)[0], expected)
    with torch.autocast("cpu", dtype=narrow):
        loss = module.train()(x).float().square().sum()
    loss.backward()
    assert all(each.grad.isfinite().all() for each in module.parameters())


@layers
@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16], ids=str)
def test_models_in_half_precision(narrow: torch.dtype, make: Callable[..., Any]) -> None:
    """Made so or turned so: training gives finite gradients; rows and generation are those of the
    same numbers in float32."""
    torch.manual_seed(0)
    for model in (
        SequenceModel(2, 4, 8, 2, layer=make, dtype=narrow),
        SequenceModel(2, 4, 8, 2, layer=make).to(narrow),
    ):
        x = torch.randn(3, 20, 2).to(narrow)
        model(x).float().square().mean().backward()
        assert all(
            each.grad is not None and each.grad.isfinite().all() for each in model.parameters()
        )
        model.eval()
        with torch.no_grad():
            exact = copy.deepcopy(model).float()(x.float()).double()
            assert relative(model(x), exact) <= 8 * torch.finfo(narrow).eps
        y, states = model.prefill(x[:, :5])
        outputs = [y]
        for x_t in x[:, 5:].unbind(1):
            y_t, states = model.step(x_t, states)
            outputs.append(y_t[:, None])
        assert relative(torch.cat(outputs, 1), exact) <= 8 * torch.finfo(narrow).eps


def _loss(model: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = model(x).square().mean()
    return result


@pytest.mark.usefixtures("fresh_dynamo")
@layers
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.full)])
def test_a_compiled_model_trains_and_steps(backend: str, make: Callable[..., Any]) -> None:
    """Three steps of SGD through one graph end at the same parameters; so do prefill and step."""
    torch.manual_seed(0)
    model = SequenceModel(2, 4, 8, 1, layer=make)
    plain, x = copy.deepcopy(model), torch.randn(3, 20, 2)
    compiled = torch.compile(_loss, fullgraph=True, backend=backend)
    for of, loss in ((model, compiled), (plain, _loss)):
        optimizer = torch.optim.SGD(of.parameters(), 0.1)
        for _ in range(3):
            optimizer.zero_grad()
            loss(of, x).backward()
            optimizer.step()
    for mine, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
    model.eval()
    y, states = torch.compile(model.prefill, fullgraph=True, backend=backend)(x)
    expected, of_plain = model.prefill(x)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-6)
    step = torch.compile(model.step, fullgraph=True, backend=backend)
    for x_t in x.unbind(1)[:3]:
        y, states = step(x_t, states)
        expected, of_plain = model.step(x_t, of_plain)
        for mine, theirs in zip([y, *states], [expected, *of_plain], strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


@layers
def test_saved_models(make: Callable[..., Any]) -> None:
    """torch.save of the whole and of the state_dict, deepcopy and pickle, after a call in eval."""
    model, x = SequenceModel(2, 4, 8, 2, layer=make).eval(), torch.randn(3, 20, 2)
    with torch.no_grad():
        y = model(x)
        other = SequenceModel(2, 4, 8, 2, layer=make).eval()
        other(x)
        other.load_state_dict(through_a_file(model.state_dict()))
        assert all(same_bits(each(x), y) for each in (other, *copies(model)))


def test_saved_kernels() -> None:
    """A LongKernel is saved without the spectra, which belong to a machine."""
    kernel, u = LongKernel(torch.randn(3, 20)), torch.randn(2, 3, 4000)
    y = long_conv(u, kernel)
    stream = io.BytesIO()
    torch.save(kernel, stream)
    assert stream.tell() < 4000
    stream.seek(0)
    again = long_conv(u, torch.load(stream, weights_only=False))
    assert isinstance(y, Tensor) and isinstance(again, Tensor) and same_bits(again, y)


@pytest.mark.parametrize("make", [sgconv, long_conv_of])
def test_taps_of_a_training_step_are_new(make: Callable[..., Any]) -> None:
    """Between two calls in eval: an optimizer, another dtype, an edit in place."""
    module, x = make(3).eval(), torch.randn(2, 3, 40)
    optimizer = torch.optim.SGD(module.parameters(), 0.5)

    def check() -> Tensor:
        with torch.no_grad():
            y = module(x.to(module.skip.dtype))
            fresh = make(3).to(module.skip.dtype).eval()
            fresh.load_state_dict(module.state_dict())
            assert same_bits(y, fresh(x.to(module.skip.dtype)))
        assert isinstance(y, Tensor)
        return y

    seen = [check()]
    module(x).square().sum().backward()
    optimizer.step()
    seen.append(check())
    with torch.no_grad():
        next(module.parameters()).add_(0.1)
    seen.append(check())
    module.to(torch.float64)
    seen.append(check().float())
    assert not any(torch.equal(a, b) for a, b in itertools.pairwise(seen[:3]))
    torch.testing.assert_close(seen[3], seen[2], rtol=1e-5, atol=1e-5)
