"""The raw operators of the attention family and their fakes; see ``_operators``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


def _like_x(x: Tensor, *rest: Any) -> Tensor:
    return x.new_empty(x.shape)


def attention_operators() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    """Every operator: its public function, itself, its fake."""
    namespace = torch.ops.longtail
    yield "hadamard_transform", namespace.hadamard_transform.default, _like_x
