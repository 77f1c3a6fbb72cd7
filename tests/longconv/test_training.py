"""That the models learn: digits read as rows of 64 numbers, beside one without a convolution."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

from longtail.nn import S4D, LongConv, SequenceModel, SGConv, ssm_parameter_groups

WIDTH, LAYERS, EPOCHS, BATCH, RATE = 64, 2, 12, 50, 1e-2


class Mixed(nn.Module):
    """A convolution, or none, with what an S4D layer has behind it."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution
        self.mix = nn.Conv1d(WIDTH, 2 * WIDTH, 1)

    def forward(self, u: Tensor) -> Tensor:
        return functional.glu(self.mix(functional.gelu(self.convolution(u))), 1)


MODELS: dict[str, Callable[[int], nn.Module]] = {
    "S4D": S4D,
    "SGConv": lambda d: Mixed(SGConv(d, 64, kernel_dim=8)),
    "LongConv": lambda d: Mixed(LongConv(d, 64)),
    "none": lambda d: Mixed(nn.Identity()),
}


def accuracy(layer: Callable[[int], nn.Module], seed: int = 0) -> float:
    """Of digits that were held out, after training on the others."""
    digits = load_digits()
    pixels, labels = torch.tensor(digits.data / 16).float()[..., None], torch.tensor(digits.target)
    x, held, y, truth = train_test_split(
        pixels, labels, test_size=0.25, random_state=0, stratify=labels
    )
    torch.manual_seed(seed)
    model = SequenceModel(1, 10, WIDTH, LAYERS, layer=layer, pool=True)
    optimizer = torch.optim.AdamW(ssm_parameter_groups(model, RATE))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [group["lr"] for group in optimizer.param_groups],
        total_steps=EPOCHS * -(-len(x) // BATCH),
    )
    for _ in range(EPOCHS):
        for part in torch.randperm(len(x)).split(BATCH):
            loss = functional.cross_entropy(model(x[part]), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        return float((model(held).argmax(1) == truth).double().mean())


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("S4D", 0.95),
        pytest.param("SGConv", 0.94, marks=pytest.mark.full),
        pytest.param("LongConv", 0.94, marks=pytest.mark.full),
    ],
)
def test_digits(name: str, least: float) -> None:
    assert accuracy(MODELS[name]) >= least


def test_without_a_convolution_little_is_learnt() -> None:
    """Order is what tells digits apart, not how much ink there is."""
    assert accuracy(MODELS["none"]) <= 0.4
