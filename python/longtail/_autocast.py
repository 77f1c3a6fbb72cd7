"""What is computed outside of autocast."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def autocast_off(device: torch.device) -> AbstractContextManager[Any]:
    """Operations inside keep the dtypes of their tensors. On devices that have no autocast (meta)
    they do so anyway, and torch raises if one asks for it."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
