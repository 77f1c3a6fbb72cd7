"""What data sets and fields refuse, and how they say it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from longtail.data import (
    GaussianRandomField,
    HelmholtzOperator,
    darcy_dataset,
    helmholtz_dataset,
)


def ones(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.ones(shape, dtype=dtype)


BAD = [
    (lambda: GaussianRandomField(0), ValueError, "size: got 0"),
    (lambda: GaussianRandomField((2, 2, 2, 2)), ValueError, "size: got 4 axes"),
    (lambda: GaussianRandomField("8"), TypeError, "size must be"),
    (lambda: GaussianRandomField(8.0), TypeError, "size must be"),
    (lambda: GaussianRandomField(8, alpha=-1), ValueError, "alpha: got -1"),
    (lambda: GaussianRandomField(8, tau=math.inf), ValueError, "tau: got inf"),
    (lambda: GaussianRandomField(8, sigma="1"), TypeError, "sigma must be a number"),
    (lambda: GaussianRandomField(8, boundary="robin"), ValueError, "boundary: got 'robin'"),
    (lambda: GaussianRandomField(8, dtype=torch.int32), TypeError, "dtype: got torch.int32"),
    (lambda: GaussianRandomField(8).sample(-1), ValueError, "n: got -1"),
    (lambda: GaussianRandomField(8).sample(2.0), TypeError, "n must be an int, got float"),
    (lambda: GaussianRandomField(8).sample(1, seed=2**64), ValueError, "seed: got"),
    (lambda: GaussianRandomField(8).sample(1, first=2**64), ValueError, "first: got"),
    (lambda: GaussianRandomField(8).sample(1, out=ones(8, 8)), ValueError, "out has shape"),
    (
        lambda: GaussianRandomField(8).sample(1, out=ones(1, 8, 8, dtype=torch.float32)),
        TypeError,
        "out has dtype",
    ),
    (lambda: GaussianRandomField(8).of_noise(ones(8, 7)), ValueError, "of_noise"),
    (lambda: darcy_dataset(2, (8,)), ValueError, "size: got 1 axes"),
    (lambda: darcy_dataset(2, 8, 0.5), ValueError, "contrast: got 0.5"),
    (lambda: darcy_dataset(2, 8, low=0), ValueError, "low: got 0"),
    (lambda: darcy_dataset(2, 8, seed=-1), ValueError, "seed: got -1"),
    (lambda: darcy_dataset(True, 8), TypeError, "n must be an int, got bool"),
    (lambda: darcy_dataset(2, 8, f=ones(8)), ValueError, r"f has shape \[8\]"),
    (lambda: darcy_dataset(2, 8, f=ones(8, 8) * math.nan), ValueError, "not finite"),
    (lambda: darcy_dataset(2, 8, f=ones(8, 8).long()), TypeError, "f has dtype"),
    (lambda: darcy_dataset(2, 8, f="1"), TypeError, "f must be"),
    (lambda: darcy_dataset(2, 8, f=math.inf), ValueError, "f: got inf"),
    (lambda: darcy_dataset(2, 8, dtype=torch.float16), TypeError, "dtype: got torch.float16"),
    (lambda: darcy_dataset(2, 8, tol=2.0), ValueError, "tol: got 2.0"),
    (lambda: darcy_dataset(2, 8, chunk=2), ValueError, "without out"),
    (lambda: darcy_dataset(2, 8, progress=1), TypeError, "progress must be"),
    (lambda: helmholtz_dataset(2, (8, 8, 8), 2.0), ValueError, "size: got 3 axes"),
    (lambda: helmholtz_dataset(2, 8, 0.0), ValueError, "wavenumber: got 0.0"),
    (lambda: helmholtz_dataset(2, 8, 20.0), ValueError, "points in the shortest wave"),
    (lambda: helmholtz_dataset(2, 8, 2.0, contrast=1.0), ValueError, "contrast: got 1.0"),
    (lambda: helmholtz_dataset(2, 8, 2.0, contrast="a"), TypeError, "contrast must be"),
    (lambda: helmholtz_dataset(2, 8, 2.0, source_width=-1), ValueError, "source_width: got"),
    (lambda: helmholtz_dataset(2, 8, 2.0, dtype=torch.float32), TypeError, "dtype: got"),
    (lambda: helmholtz_dataset(2, 8, 2.0, f=ones(8, 9)), ValueError, "f has shape"),
    (lambda: HelmholtzOperator(ones(8), 1.0), ValueError, "a has shape"),
    (lambda: HelmholtzOperator(ones(8, 8).long(), 1.0), TypeError, "a is torch.int64"),
    (lambda: HelmholtzOperator(-ones(8, 8), 1.0), ValueError, "smallest value is -1"),
    (lambda: HelmholtzOperator(ones(8, 8), 1.0, (1.0,)), ValueError, "spacing: got"),
    (lambda: HelmholtzOperator(ones(8, 8), 1.0)(ones(8, 7)), ValueError, "u has shape"),
    (lambda: HelmholtzOperator(ones(2, 8, 8), 1.0).sparse(), NotImplementedError, "expected one a"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD, ids=[each[2] for each in BAD])
def test_bad_input(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
