"""What csrc/longconv/contract.json promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

CONTRACT: dict[str, Any] = json.loads(
    Path(__file__).parents[2].joinpath("csrc/longconv/contract.json").read_text()
)


def bounds(name: str) -> dict[torch.dtype, float]:
    """The numbers of one line, by dtype."""
    return {getattr(torch, dtype): float(most) for dtype, most in CONTRACT[name].items()}
