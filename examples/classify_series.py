"""Which appliance drew this power? Series of 1460 readings, by convolutions as long as they are.

python examples/classify_series.py [--quick] [--out FOLDER]

ACSF1, 100 series of ten kinds to train on and 100 to test with, is read out of the wheel of sktime
(`pip install sktime`, or `longtail demo --fetch`). Beside S4D stands the same network without a
convolution, which sees the values of a series but not their order. With a folder, a picture of the
kernels that were learnt is left there.
"""

import argparse
import pathlib

import torch
from torch import Tensor, nn
from torch.nn import functional

import longtail
from longtail.demos import data
from longtail.nn import S4D, SequenceModel, ssm_parameter_groups

parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true", help="fewer epochs")
parser.add_argument("--out", type=pathlib.Path)
options = parser.parse_args()


class NoConvolution(nn.Module):
    """What stands behind the convolution in S4D, alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(channels, 2 * channels, 1)

    def forward(self, u: Tensor) -> Tensor:
        return functional.glu(self.mix(functional.gelu(u)), 1)


def network(layer) -> SequenceModel:
    torch.manual_seed(0)
    return SequenceModel(1, 10, 32, 1, layer=layer, pool=True)


def train(model: nn.Module, epochs: int) -> float:
    """Returns the share of right answers on the test."""
    x, y = data.appliances("TRAIN")
    # dt, A and B of a state space learn slower than all else.
    groups = ssm_parameter_groups(model, 1e-2, ssm_lr=1e-3)
    optimizer = torch.optim.AdamW(groups)
    rates = [group["lr"] for group in groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=10 * epochs)
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for rows in torch.randperm(100, generator=generator).split(10):
            optimizer.zero_grad()
            functional.cross_entropy(model(x[rows, :, None]), y[rows]).backward()
            optimizer.step()
            schedule.step()
    test_x, test_y = data.appliances("TEST")
    with torch.inference_mode():
        return float((model.eval()(test_x[..., None]).argmax(1) == test_y).float().mean())


epochs = 2 if options.quick else 60
start, model = network(S4D), network(S4D)
print(f"S4D:            {train(model, epochs):.2f} right")
print(f"no convolution: {train(network(NoConvolution), epochs):.2f} right; by chance 0.10")

if options.out:
    from matplotlib import pyplot

    x, y = data.appliances("TEST")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(7, 2.9), layout="constrained")
    for kind in range(3):
        row = x[y == kind][0, :200]
        left.plot((row - row.min()) / (row.max() - row.min()) - 1.2 * kind, linewidth=0.8)
    left.set(title="three kinds of appliances", xlabel="reading", yticks=[])
    taps = [longtail.s4d_kernel(*each.layers[0].system()[:4], 1460) for each in (start, model)]
    before, after = (each.detach().view(-1, 1460) for each in taps)
    moved = (after - before).norm(dim=1).argsort(descending=True)[:3]
    for place, channel in enumerate(moved.tolist()):
        size = 2 * after[channel].abs().max()
        right.plot(before[channel, :100] / size - place, color="0.7", linewidth=0.9)
        right.plot(after[channel, :100] / size - place, linewidth=0.9)
    right.set(title="kernels at the start (grey), and learnt", xlabel="lag", yticks=[])
    options.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out / "classify_series.png", dpi=130)
