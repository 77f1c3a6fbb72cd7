"""A Kolmogorov-Arnold transformer on handwritten digits, beside the same network with GELU.

python examples/train_kat.py [--quick] [--out FOLDER]

1797 digits of 8 x 8 pixels that ship with scikit-learn. With a folder, a picture of the activations
that were learnt is left there.
"""

import argparse
import pathlib

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from longtail.nn import KAT, GroupRational

parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true", help="fewer epochs")
parser.add_argument("--out", type=pathlib.Path)
options = parser.parse_args()
torch.set_num_threads(1)  # so small a model is slower on several

digits = load_digits()
order = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
images = torch.tensor(digits.images, dtype=torch.float32)[order, None] / 8 - 1
labels = torch.tensor(digits.target)[order]
SEEN = 1300  # to train on; the others are the test


def transformer() -> KAT:
    torch.manual_seed(0)
    return KAT(
        img_size=8,
        patch_size=2,
        in_chans=1,
        num_classes=10,
        global_pool="avg",
        embed_dim=64,
        depth=2,
        num_heads=8,
    )


def with_gelu(model: KAT) -> KAT:
    """The vision transformer that it comes from: nothing before fc1, GELU before fc2."""
    for block in model.blocks:
        block.mlp.act1, block.mlp.act2 = nn.Identity(), nn.GELU()
    return model


def train(model: nn.Module, epochs: int) -> float:
    """Returns the share of right answers on the test."""
    generator = torch.Generator().manual_seed(0)
    batches = [
        rows for _ in range(epochs) for rows in torch.randperm(SEEN, generator=generator).split(32)
    ]
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=len(batches))
    for rows in batches:
        optimizer.zero_grad()
        functional.cross_entropy(model(images[rows]), labels[rows]).backward()
        optimizer.step()
        schedule.step()
    with torch.inference_mode():
        return float((model.eval()(images[SEEN:]).argmax(1) == labels[SEEN:]).float().mean())


epochs = 2 if options.quick else 25
kat, plain = transformer(), with_gelu(transformer())
for name, model in (("rationals", kat), ("GELU", plain)):
    count = sum(parameter.numel() for parameter in model.parameters())
    print(f"{name:>9}: {train(model, epochs):.3f} right of 497, {count} parameters")

if options.out:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(7, 2.9), sharey=True, layout="constrained")
    x, before = torch.linspace(-3, 3, 200), transformer().blocks[-1].mlp
    for axis, name in zip(axes, ("act1", "act2"), strict=True):
        activation: GroupRational = getattr(kat.blocks[-1].mlp, name)
        everywhere = x[:, None].expand(-1, activation.channels)
        axis.plot(x, activation(everywhere).detach()[:, :: activation.channels // 8])
        axis.plot(x, getattr(before, name)(everywhere).detach()[:, 0], "k--")
        axis.set(title=f"{name}, at the start (dashed) and learnt", xlabel="x")
    options.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out / "train_kat.png", dpi=130)
