"""Part 3: von Mises-Fisher fits to image features in 1280, 5120 and 20480 dimensions."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

import longtail
from longtail.demos import Finding, Stage, data
from longtail.demos.bessel.efficientnet import HEAD_CHANNELS, EfficientNetLite0
from longtail.demos.bessel.words import scipy_fit
from longtail.demos.measuring import Bar
from longtail.distributions import VonMisesFisher
from longtail.report import Fact, Figure, Table, Text
from longtail.report import figures as draw

SEED = 11
SIDE = 224
BATCH = 4
#: The feature map is pooled to 1x1, 2x2 and 4x4: 1280, 5120 and 20480 numbers.
POOLED = (1, 2, 4)
QUICK_PHOTOGRAPHS = ("cat", "coffee", "rocket", "motorcycle", "bricks", "temple", "flower", "page")


Photographs = dict[str, npt.NDArray[np.uint8]]


class Crops(NamedTuple):
    """Feature maps of random crops: [n, 1280, 7, 7], and the photograph each came from."""

    maps: Tensor
    labels: Tensor  # [n], index into the names


def run(stage: Stage) -> Finding:
    """Features of random crops; a fit at each size; crops recognised by their photograph's vMF."""
    names = list(QUICK_PHOTOGRAPHS if stage.quick else data.PHOTOGRAPHS)
    each = 8 if stage.quick else 16
    network = EfficientNetLite0().load_published(data.efficientnet_weights()).for_inference()
    photographs = {name: data.photograph(name) for name in names}
    crops = extract(stage, network, photographs, each)

    rows, accuracies, checked = [], [], []
    for pooled in POOLED:
        features = pool(crops.maps, pooled)
        n, p = features.shape
        with stage.console.step(f"vMF fit, {n} x {p}") as step:
            start = time.perf_counter()
            fit = VonMisesFisher.fit(features)
            seconds = time.perf_counter() - start
            kappa = float(fit.concentration)
            again, deviation = refit(fit, n)
            step.note(f"kappa {kappa:.2f}")
        rival = scipy_fit(features)
        checked.append(
            Bar(f"refitted at {p}, standard errors off", abs(deviation), 3, at_most=True)
        )
        accuracy = recognised(features, crops.labels, len(names))
        accuracies.append(accuracy)
        rows.append(
            (
                f"{p}",
                f"{kappa:.2f}",
                f"{seconds * 1e3:.0f} ms",
                f"{again:.2f}",
                f"{deviation:+.2f}",
                f"{rival.concentration:g}",
                f"{accuracy:.1%}",
            )
        )
    return Finding(
        today=[
            Fact(
                f"{rival.concentration:g}",
                f"concentration of photographs in {p} dimensions by SciPy",
            )
        ],
        ours=[
            Fact(
                f"{kappa:.1f}",
                f"concentration of photographs in {p} dimensions: Bessel order {p // 2 - 1}",
            ),
            Fact(
                f"{accuracies[-1]:.1%}",
                f"of held-out crops recognised by it, {1 / len(names):.1%} by chance",
            ),
        ],
        pictures=[_sheet(photographs)],
        bars=checked,
        details=[
            Text(
                f"{len(names)} photographs that ship with scikit-learn, scikit-image and "
                f"matplotlib; {each} random crops of each; features of the last layer of "
                "EfficientNet-Lite0, pooled to 1x1, 2x2 and 4x4 cells and scaled to length 1. Each "
                "size is fitted as a whole, drawn from again and refitted. Then every photograph "
                "gets its own vMF from half of its crops, and the other half are told apart by "
                "their likelihood."
            ),
            Table(
                (
                    "Dimensions",
                    "kappa",
                    "Time",
                    "Refitted to draws",
                    "Deviation, standard errors",
                    "SciPy's kappa",
                    "Crops recognised",
                ),
                rows,
            ),
            _likeness(crops, names),
        ],
    )


def extract(stage: Stage, network: EfficientNetLite0, photographs: Photographs, each: int) -> Crops:
    """Feature maps of `each` random crops of every photograph, mirrored half of the time."""
    generator = torch.Generator().manual_seed(SEED)
    images, labels = [], []
    for label, pixels in enumerate(photographs.values()):
        whole = torch.from_numpy(pixels).permute(2, 0, 1).to(torch.float32) / 255
        for _ in range(each):
            images.append(random_crop(whole, generator))
            labels.append(label)
    maps = []
    with stage.console.step("EfficientNet-Lite0", len(images)) as step, torch.inference_mode():
        for batch in torch.stack(images).split(BATCH):
            maps.append(network.features(batch.contiguous(memory_format=torch.channels_last)))
            step.advance(len(batch))
        step.note(f"{len(images)} crops")
    return Crops(torch.cat(maps).clone(), torch.tensor(labels))


def random_crop(image: Tensor, generator: torch.Generator) -> Tensor:
    """A square of 45 to 100 % of the short side of [3, H, W], at 224 x 224, maybe mirrored."""
    height, width = image.shape[-2:]
    share, down, right, mirror = torch.rand(4, generator=generator).tolist()
    side = int(min(height, width) * (0.45 + 0.55 * share))
    top, left = int(down * (height - side)), int(right * (width - side))
    square = image[None, :, top : top + side, left : left + side]
    crop = functional.interpolate(
        square, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False
    )[0]
    return crop.flip(-1) if mirror < 0.5 else crop


def pool(maps: Tensor, cells: int) -> Tensor:
    """Mean over cells x cells cells, as unit rows: [n, 1280 cells^2]."""
    return functional.normalize(functional.adaptive_avg_pool2d(maps, cells).flatten(1), dim=1)


def refit(fit: VonMisesFisher, n: int) -> tuple[float, float]:
    """Draw n points, fit them; the concentration and its deviation in standard errors.

    The Fisher information of n draws on kappa is n A'(kappa), A the Bessel ratio.
    """
    torch.manual_seed(SEED)
    kappa = fit.concentration.to(torch.float64, copy=True).requires_grad_()
    order = torch.tensor(fit.loc.shape[-1] / 2 - 1, dtype=torch.float64)
    (slope,) = torch.autograd.grad(longtail.bessel_i_ratio(order, kappa), kappa)
    again = float(VonMisesFisher.fit(fit.sample((n,))).concentration)
    return again, (again - float(fit.concentration)) * math.sqrt(n * float(slope))


def recognised(features: Tensor, labels: Tensor, classes: int) -> float:
    """Share of every second crop whose likeliest vMF, fitted to the others, is its own's."""
    scores = torch.stack(
        [
            VonMisesFisher.fit(features[0::2][labels[0::2] == label]).log_prob(features[1::2])
            for label in range(classes)
        ]
    )
    return float((scores.argmax(0) == labels[1::2]).to(torch.float64).mean())


def _sheet(photographs: Photographs) -> Figure:
    return Figure(
        draw.photographs(photographs, columns=5),
        "The photographs: " + ", ".join(photographs) + ".",
        "Contact sheet of the photographs.",
    )


def _likeness(crops: Crops, names: list[str]) -> Figure:
    features = pool(crops.maps, 1)
    means = torch.stack([features[crops.labels == i].mean(0) for i in range(len(names))])
    cosines = functional.normalize(means, dim=1) @ functional.normalize(means, dim=1).T
    with draw.drawing(5.4, 4.8) as drawn:
        ax = drawn.ax
        image = ax.imshow(cosines.numpy(), cmap="YlGnBu", vmin=0, vmax=1)
        ax.set_xticks(range(len(names)), names, rotation=90)
        ax.set_yticks(range(len(names)), names)
        ax.grid(False)
        drawn.canvas.colorbar(image, ax=ax, label="cosine", shrink=0.85)
    return drawn.figure(
        f"Cosine between the mean directions of the photographs, in {HEAD_CHANNELS} dimensions: "
        "the darker, the more alike the network finds them.",
        "Matrix of cosines between photographs.",
    )
