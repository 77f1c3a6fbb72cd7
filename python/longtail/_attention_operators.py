"""The raw operators of the attention family and their fakes; see ``_operators``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


def _nothing(*args: Any) -> None:
    pass


def _attended(q: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    shape = q.shape[:-1]
    return q.new_empty([*shape, rest[-1]]), q.new_empty(shape, dtype=torch.float32)


def attention_operators() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    """Every operator: its public function, itself, its fake."""
    namespace = torch.ops.longtail
    yield "QuantizedKVCache.append", namespace.kv_append.default, _nothing
    yield "QuantizedKVCache.attend", namespace.kv_attend.default, _attended
