"""Calls with arguments that nobody would write: other dtypes, shapes, strides and elements than the
description's. They give an error of the right kind, or the result of the same numbers in float64.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import hypothesis
import torch
from hypothesis import strategies
from torch import Tensor

from kit.calls import Call
from kit.layouts import draw_view
from kit.tensors import same_bits
from kit.twins import DTYPES

#: What a caller is told by; all else is a bug.
ERRORS = (ValueError, TypeError, NotImplementedError)
_OTHERS = (torch.int64, torch.bool, torch.complex64)
_EXTREMES = (0.0, -0.0, math.inf, -math.inf, math.nan, 1e-45, 3e38, -1.0)
#: Rounding errors of narrow results beside float64, over the largest element.
ROUNDINGS = 256


def _other_shape(data: strategies.DataObject, tensor: Tensor) -> Tensor:
    """A dimension more or fewer, longer or shorter."""
    ways = ["more"] if tensor.dim() == 0 else ["more", "fewer", "longer", "shorter", "none"]
    way = data.draw(strategies.sampled_from(ways))
    if way == "more":
        return tensor.unsqueeze(data.draw(strategies.integers(0, tensor.dim())))
    dim = data.draw(strategies.integers(0, tensor.dim() - 1))
    size = tensor.shape[dim]
    if way == "fewer":
        return tensor.select(dim, 0) if size else tensor
    if way == "longer":
        return torch.cat([tensor, tensor[(slice(None),) * dim + (slice(0, 1),)]], dim)
    return tensor.narrow(dim, 0, 0 if way == "none" else max(size - 1, 0))


def _other_elements(data: strategies.DataObject, tensor: Tensor) -> Tensor:
    changed = tensor.clone()
    if changed.numel():
        at = data.draw(strategies.integers(0, changed.numel() - 1))
        changed.view(-1)[at] = data.draw(strategies.sampled_from(_EXTREMES))
    return changed


def draw_arguments(data: strategies.DataObject, call: Call) -> list[Tensor]:
    """The call's own, with up to three changes; one dtype for all is the usual one."""
    common = data.draw(strategies.sampled_from(DTYPES))
    tensors = [each.to(common) if each.is_floating_point() else each for each in call.tensors]
    for _ in range(data.draw(strategies.integers(0, 3))):
        k = data.draw(strategies.integers(0, len(tensors) - 1))
        way = data.draw(strategies.sampled_from(["shape", "dtype", "elements"]))
        if way == "shape":
            tensors[k] = _other_shape(data, tensors[k])
        elif way == "dtype":
            tensors[k] = tensors[k].to(data.draw(strategies.sampled_from((*DTYPES, *_OTHERS))))
        elif tensors[k].is_floating_point():
            tensors[k] = _other_elements(data, tensors[k])
    return [draw_view(data, each) if each.numel() else each for each in tensors]


def _close(got: Sequence[Tensor], wide: Sequence[Tensor], eps: float) -> bool:
    for mine, exact in zip(got, wide, strict=True):
        if not mine.is_floating_point() or not mine.numel() or not exact.isfinite().all():
            continue  # what is inf in float64 may be nan in narrower types
        if not mine.isfinite().all():
            return bool(exact.abs().max() > 6e4)  # beyond float16
        if not torch.allclose(
            mine.double(), exact.double(), rtol=0, atol=eps * (1 + float(exact.abs().max()))
        ):
            return False
    return True


def check_any_arguments(call: Call, examples: int, compares: bool = True) -> None:
    """``compares``: whether the function in float64 is a reference for itself."""

    @hypothesis.settings(
        deadline=None, derandomize=True, max_examples=examples, database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(strategies.data())
    def check(data: strategies.DataObject) -> None:
        tensors = draw_arguments(data, call)
        before = [each.clone() for each in tensors]
        drawn = Call(call.function, tensors)
        hypothesis.note(str([(each.dtype, each.shape, each.stride()) for each in tensors]))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = drawn.forward()
        except ERRORS as error:
            assert str(error), "an error without words"
            return
        finally:
            same = all(map(same_bits, tensors, before))
            assert same, "the call changed its argument"
        if not compares or not all(each.dtype in DTYPES for each in tensors):
            return
        wide = Call(call.function, [each.double() for each in tensors]).forward()
        narrow = [each.dtype for each in (*tensors, *got) if each.is_floating_point()]
        assert _close(got, wide, ROUNDINGS * max(torch.finfo(each).eps for each in narrow))

    check()
