"""Hadamard matrices written out, in numpy, apart from what they test."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

import longtail

#: SHA-256 of the rows of H_K as lines of + and -, joined by newlines. Computed on 2026-11-21 from
#: had_12_paley, had_20_will, had_28_will and had_40_tpal in csrc/code_gen.py of
#: github.com/Dao-AILab/fast-hadamard-transform, and from get_had36 ... get_had172 in
#: fake_quant/hadamard_utils.py of github.com/spcl/QuaRot, as fetched that day.
PUBLISHED = {
    12: "a8b73b2d138b0c9079b9fc7cef05cddac9efd34de7cf328925076e04f7ad089f",
    20: "40a113036aca9c3e1d767ddccee197a6d526de6728b2ef9a7d5349df8e4afdd1",
    28: "3916d8a7682dc5170fdd214f7cc08947b261fcb822691c23f91700aec5428b70",
    36: "31d5cec22deb88790cb6bbbcbed7efcf3c50a94a0bde63b670cdba5b6a693841",
    40: "8cd17c4fce4c2af2e3a728959ddc33324513217b6c597cfdb6d9d80fd6fe693e",
    52: "d29c4ee2fe7d69eda4a1b478847d6e81b4870875256dfcbaa1c864a2632ba192",
    60: "f5d7048432fd3a51f035a3fe9e8ca76eb56993c75aaf63333c51f3b4141849a7",
    108: "96827ff505b4d4beb2ea34aa9d32b7238f2dae40cb3ee508533b543a29ba6838",
    140: "8559fcbfa2a1bc356ab6323bb3d7fef5069aa86b81eb616f1a0c9c68b3444c1d",
    156: "d8a01bc66af9184ddaf028c8a22946c701fd0207a10a2c4e0fb1f85d46b43abd",
    172: "690f0f133fd9b3a0c65769f1b28ef28644fc40498189be933df039532aceebd4",
}


def fingerprint(matrix: np.ndarray) -> str:
    """The sum that PUBLISHED has."""
    rows = ("".join("+" if entry > 0 else "-" for entry in row) for row in matrix)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def sylvester(n: int) -> np.ndarray:
    """H_2n = [[H, H], [H, -H]]."""
    h = np.ones((1, 1), dtype=np.int64)
    while len(h) < n:
        h = np.block([[h, h], [h, -h]])
    return h


def base_matrix(base: int) -> np.ndarray:
    """H_K as the transform has it, column by column; held against PUBLISHED by the tests."""
    columns = longtail.hadamard_transform(torch.eye(base, dtype=torch.float64))
    return columns.t().numpy().astype(np.int64)


def base_of(n: int) -> int:
    """K of n = K 2^k: the largest that leaves a power of two, as QuaRot looks for it."""
    fitting = [k for k in (1, *PUBLISHED) if n % k == 0 and (n // k).bit_count() == 1]
    return max(fitting)


def matrix(n: int) -> Tensor:
    """H of size n, in float64."""
    base = base_of(n)
    h = sylvester(n // base)
    return torch.from_numpy(h if base == 1 else np.kron(base_matrix(base), h)).double()
