"""The ways to copy what a user keeps: modules, solvers, losses."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def through_a_file(saved: Any, **options: Any) -> Any:
    """torch.save and torch.load."""
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    return torch.load(file, **options)


def copies(original: T) -> list[T]:
    """deepcopy, pickle, and torch.save of the whole."""
    return [
        copy.deepcopy(original),
        pickle.loads(pickle.dumps(original)),
        through_a_file(original, weights_only=False),
    ]
