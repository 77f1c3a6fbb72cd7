"""A quantised cache as a list of tokens for each sequence: slow, plain Python around the emulation.

What a cache keeps of a key depends on the 64 that it came among (format "channel") or on a frozen
mean ("token_rotated"); the model keeps the tokens as they came and says at the end what they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attention import cache_emulation as emulation
from attention import cache_oracle as oracle
from attention.cache_emulation import Attended


class Tokens:
    """Keys ``[Hkv, T, D]`` and values of one sequence."""

    def __init__(self, bits: int, k_format: str, group: int, k: Tensor, v: Tensor) -> None:
        self.bits, self.k_format, self.group = bits, k_format, group
        self.k, self.v = k[:, :0], v[:, :0]
        self.mean: Tensor | None = None  # [Hkv, D]

    def append(self, k: Tensor, v: Tensor) -> None:
        self.k, self.v = torch.cat([self.k, k], 1), torch.cat([self.v, v], 1)
        if self.k_format == "token_rotated" and self.mean is None and self.k.shape[1] >= 64:
            self.mean = (self.k[:, :64].double().sum(1) / 64).float()

    def crop(self, length: int) -> None:
        before = self.k.shape[1]
        length = min(before, length) if length >= 0 else max(0, before + length)
        if self.k_format == "channel" and length < before // 64 * 64:
            # Tokens that share a scale with some that go become exact, as what they were.
            first = length // 64 * 64
            tile = slice(first, first + 64)
            kept = [oracle.channel_keys(head[tile], self.bits) for head in self.k]
            self.k = self.k.clone()
            self.k[:, tile] = torch.stack(kept).to(self.k.dtype)
        self.k, self.v = self.k[:, :length], self.v[:, :length]
        if length == 0:
            self.mean = None

    def attend(self, q: Tensor, mask: Tensor | None, is_causal: bool) -> Attended:
        """q ``[H, Lq, D]``, mask ``[H, Lq, T]``."""
        share = q.shape[0] // len(self.k)
        found = [
            emulation.attend_head(
                rows,
                self.k[h // share],
                self.v[h // share],
                self.bits,
                self.k_format,
                self.group,
                None if mask is None else mask[h],
                None if self.mean is None else self.mean[h // share],
                is_causal=is_causal,
            )
            for h, rows in enumerate(q)
        ]
        return Attended(*map(torch.stack, zip(*found, strict=True)))


class CacheModel:
    """The methods of QuantizedKVCache."""

    def __init__(self, bits: int, k_format: str, group: int, k: Tensor, v: Tensor) -> None:
        self.sequences = [
            Tokens(bits, k_format, group, own_k, own_v) for own_k, own_v in zip(k, v, strict=True)
        ]

    @property
    def lengths(self) -> list[int]:
        return [each.k.shape[1] for each in self.sequences]

    def append(self, k: Tensor, v: Tensor, counts: Sequence[int], padding_side: str) -> None:
        tokens = k.shape[2]
        for b, (own, count) in enumerate(zip(self.sequences, counts, strict=True)):
            first = tokens - count if padding_side == "left" else 0
            own.append(k[b, :, first : first + count], v[b, :, first : first + count])

    def crop(self, lengths: Sequence[int]) -> None:
        for own, length in zip(self.sequences, lengths, strict=True):
            own.crop(length)

    def reorder(self, chosen: Sequence[int]) -> None:
        before, self.sequences = self.sequences, []
        for b in chosen:
            old = before[b]
            new = Tokens(old.bits, old.k_format, old.group, old.k, old.v)
            new.k, new.v, new.mean = old.k, old.v, old.mean
            self.sequences.append(new)

    def attend(self, q: Tensor, mask: Tensor | None, is_causal: bool) -> Attended:
        found = [
            own.attend(rows, None if mask is None else mask[b, :, :, : own.k.shape[1]], is_causal)
            for b, (own, rows) in enumerate(zip(self.sequences, q, strict=True))
        ]
        return Attended(*map(torch.stack, zip(*found, strict=True)))
