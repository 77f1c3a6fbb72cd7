"""A KAT of 27 thousand parameters for 8 x 8 images, and what trains it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.nn import KAT


def small(**changes: Any) -> KAT:
    """Two blocks of width 32, patches of 2 x 2."""
    arguments = {"img_size": 8, "patch_size": 2, "in_chans": 1, "num_classes": 10}
    arguments |= {"embed_dim": 32, "depth": 2, "num_heads": 4}
    return KAT(**arguments | changes)


def batch(size: int = 8, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images of noise with a bright row, and which row it is."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(size) % 8
    images = 0.3 * torch.randn(size, 1, 8, 8, generator=generator)
    images[torch.arange(size), 0, labels] += 1
    return images, labels


def loss_of(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy."""
    return nn.functional.cross_entropy(model(images).float(), labels)


def train(model: nn.Module, steps: int = 30, narrow: bool = False) -> list[float]:
    """Losses of some steps of AdamW on one batch; ``narrow``: under autocast to bfloat16."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    images, labels = batch(32)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        # Step by step: autocast keeps its narrow copies of the weights as long as it is on.
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=narrow):
            loss = loss_of(model, images, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
