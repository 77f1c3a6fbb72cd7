"""Modules where people train them: autocast, compile, several processes, export, copies."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from kit.processes import run_script
from longtail.nn import GroupRational, PolyNorm, PolyReLU, replace_activations
from rational.small_kat import batch, loss_of, small, train


def _mlp(activation: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), activation, nn.Linear(32, 10))


MODELS: dict[str, Callable[[], nn.Module]] = {
    "KAT": small,
    "GroupRational": lambda: _mlp(GroupRational(32, 4, init="silu")),
    "PolyNorm": lambda: _mlp(PolyNorm()),
    "PolyReLU": lambda: _mlp(PolyReLU()),
}
every_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@every_model
def test_learns(name: str) -> None:
    """Which row is bright; each parameter moves, coefficients and denominators of zeros too."""
    model = MODELS[name]()
    before = copy.deepcopy(model.state_dict())
    losses = train(model)
    assert losses[-1] < 0.6 * losses[0]
    still = [key for key, value in model.state_dict().items() if torch.equal(value, before[key])]
    assert not still


@every_model
def test_autocast(name: str) -> None:
    """bfloat16 layers, float32 parameters and gradients; nearly the same loss; it learns."""
    model = MODELS[name]()
    images, labels = batch(32)
    exact = loss_of(model, images, labels).item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model(images).dtype == torch.bfloat16
        assert loss_of(model, images, labels).item() == pytest.approx(exact, rel=0.03)
    losses = train(model, narrow=True)
    assert losses[-1] < 0.6 * losses[0]
    assert all(each.grad.dtype == torch.float32 for each in model.parameters())


def _gradients(model: nn.Module, call: nn.Module) -> list[Tensor]:
    model.zero_grad()
    loss_of(call, *batch(8)).backward()
    return [each.grad for each in model.parameters()]


@pytest.mark.usefixtures("fresh_dynamo")
@every_model
def test_compiled_training(name: str) -> None:
    """In one graph, forward and backward: the gradients of eager mode."""
    model = MODELS[name]()
    expected = _gradients(model, model)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for mine, theirs in zip(_gradients(model, compiled), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("fresh_dynamo")
def test_inductor_trains_a_kat() -> None:
    """With the compiler that people use, dropouts and stochastic depth on."""
    model = small(proj_drop_rate=0.05, drop_path_rate=0.1, depth=1)
    losses = train(torch.compile(model, fullgraph=True))
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("how", ["ddp", "fsdp"])
def test_two_processes(how: str) -> None:
    """Gradients of two halves of a batch are those of the whole; parameters stay together."""
    output = run_script("rational.train_distributed", how)
    assert "rank 0" in output and "rank 1" in output


@every_model
def test_export(name: str) -> None:
    """An exported program, saved and loaded, gives the same for any number of images."""
    model = MODELS[name]().eval()
    images = batch(8)[0]
    many = {0: torch.export.Dim("images", min=2, max=64)}
    program = torch.export.export(model, (images,), dynamic_shapes=(many,))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    with torch.no_grad():  # raw ops, of which exported programs are made, are forward-only
        for each in (images, batch(5)[0]):
            torch.testing.assert_close(loaded(each), model(each))


@every_model
def test_copies(name: str) -> None:
    """deepcopy, pickle and a state dict through a file, after training."""
    model = MODELS[name]()
    train(model, steps=2)
    model.eval()
    images = batch(4)[0]
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = MODELS[name]().eval()
    other.load_state_dict(torch.load(file, weights_only=True))
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), other):
        assert torch.equal(copied(images), model(images))


def test_replaced_activations_learn_more() -> None:
    """Frozen layers, learnt activations: the loss of a trained network falls further."""
    model = _mlp(nn.GELU())
    train(model, steps=10)
    replace_activations(model, groups=4, orders=(5, 4), interval=(-3, 3))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith(("numerator", "denominator")))
    assert sum(each.requires_grad for each in model.parameters()) == 2
    images, labels = batch(256, seed=99)
    before = loss_of(model, images, labels).item()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        loss = loss_of(model, images, labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.8 * before
