"""Darcy flow out of the wheel of neuraloperator 0.3.0: its files are read, it is not imported."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
from typing import NamedTuple

import torch
from torch import Tensor

from longtail.demos.data import NEURALOPERATOR, MissingDataError

#: SHA-256 of the files that numbers in this project were measured with.
DIGESTS = {
    "train_16": "0be662acdb1dab7dfd1a1da0b140e97f75cc94f98a14edcf768abe6968b3b418",
    "test_16": "d2b19af9d4a6ae04ba2de54b8ecccc8b89766472faf6ce7f506c0b2a60f69a4c",
    "test_32": "bcbd10622373e94df84a17fcdb72ac4317d76e024c2499d21fd1fd34d0742cfd",
}


@dataclasses.dataclass(frozen=True)
class Darcy:
    """Coefficients a, 0 and 1 for the two phases, and solutions u of -div(a grad u) = 1 with u = 0
    on the boundary, both [samples, n, n] in float32."""

    a: Tensor
    u: Tensor


@functools.cache
def darcy(part: str = "train_16") -> Darcy:
    """Of "train_16" (1000 samples), "test_16" and "test_32" (50 each), by points an axis.

    Raises:
        MissingDataError: the wheel is not there, or the file is not the one that is expected.
    """
    content = NEURALOPERATOR.read(f"neuralop/datasets/data/darcy_{part}.pt")
    found = hashlib.sha256(content).hexdigest()
    if found != DIGESTS[part]:
        raise MissingDataError(
            f"darcy_{part}.pt of {NEURALOPERATOR.requirement} has SHA-256 {found[:12]}..., "
            f"expected {DIGESTS[part][:12]}...: remove that wheel, then longtail demo --fetch"
        )
    held = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return Darcy(held["x"].to(torch.float32), held["y"].to(torch.float32))


class Pairs(NamedTuple):
    """What an operator learns: phases -1 and 1 [samples, 1, n, n], and u of the same shape."""

    x: Tensor
    y: Tensor

    @classmethod
    def of(cls, part: str) -> Pairs:
        """One of the three files."""
        held = darcy(part)
        return cls(2 * held.a[:, None] - 1, held.u[:, None])
