"""A key-value cache of 4 or 8 bits that attention reads without ever unpacking it to memory.

Sources: Liu et al., "KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV Cache", 2024 (keys by
channel, values by token, an exact tail); Ashkboos et al., "QuaRot: Outlier-Free 4-Bit Inference in
Rotated LLMs", 2024 (rotated keys); Zhang et al., "SageAttention2", 2024 (keys less their mean,
whose product with the query goes back into the scores).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from longtail import _library  # noqa: F401  (loads the raw ops)
from longtail._kv_cache_arguments import (
    added_mask,
    ceil_division,
    check_lengths,
    check_tensor,
    integers,
    to_the_front,
)

__all__ = ["QuantizedKVCache"]

#: Tokens of a tile: csrc/attention/cache_layout.h.
TILE = 64
_MAX_HEAD_DIM = 256
_FORMATS = ("channel", "token_rotated")
_TENSORS = ("k_codes", "k_grids", "v_codes", "v_grids", "tail", "mean")


class QuantizedKVCache:
    """Keys and values of one attention layer in 4 or 8 bits a number, and attention over them.

    The first ``append`` fixes batch, heads, head dimensions, dtype and device. Tokens of a sequence
    are stored one after another from 0 on, whatever the others' lengths; padding is not stored.

    Args:
        bits: 4 or 8, of keys and values.
        k_format: how keys are quantised. ``"channel"``: each channel of 64 consecutive tokens has a
            scale and a zero (KIVI); the up to 63 last tokens are kept exact, in the dtype they came
            in, until their 64 are full. ``"token_rotated"``: the mean of a sequence's first 64
            tokens is subtracted (they are kept exact until it is known, then it is frozen), the
            rest is rotated by a Hadamard transform over the head dimension and has a scale and a
            zero per token and ``group`` channels.
        group: channels that share a scale and a zero: in every token's value, and in its key if
            ``"token_rotated"``. 32, 64, 128 or 256.

    Numbers: ``x ~ scale * (code + zero)`` with ``scale = max((max - min) / 15, max|x| / 4000)``
    rounded up to a bfloat16, ``zero`` a multiple of 1/8 in 16 bits and ``code = rint(x / scale -
    zero)`` from 0 to 15; for 8 bits 255, 16000 and 1/2. Every error is at most half a scale, for
    magnitudes from 1e-30 to 1e36: a scale and a zero take 4 bytes. Inputs must be finite.

    Size: at head dimension 128, ``group=32`` and 4 bits a key takes 4.5 bits a number in
    ``"channel"`` and 5 in ``"token_rotated"``, a value takes 5; for 8 bits it is 4 more. Memory
    grows by half of itself; ``nbytes`` counts all of it.

    State after some tokens is the same, bit for bit, however many came at a time. ``crop`` is an
    exception in the format ``"channel"``: if it cuts 64 quantised tokens, those that stay go back
    to the exact tail as what they have become, and are quantised a second time when it is full.

    Example::

        cache = longtail.QuantizedKVCache(bits=4)
        with torch.no_grad():
            cache.append(k, v)  # [B, Hkv, T, D]
            out = cache.attend(q)  # [B, H, Lq, D], H a multiple of Hkv

    Copies by ``copy.deepcopy``, pickle and ``torch.save``; ``state_dict`` gives plain tensors.
    """

    def __init__(self, bits: int = 4, k_format: str = "channel", group: int = 32) -> None:
        if bits not in (4, 8):
            raise ValueError(f"QuantizedKVCache: bits is {bits!r}, expected 4 or 8")
        if k_format not in _FORMATS:
            raise ValueError(
                f"QuantizedKVCache: k_format is {k_format!r}, expected one of {_FORMATS}"
            )
        if group not in (32, 64, 128, 256):
            raise ValueError(f"QuantizedKVCache: group is {group!r}, expected 32, 64, 128 or 256")
        self.bits = int(bits)
        self.k_format = k_format
        self.group = int(group)
        self._v_dim = 0
        self._tensors: dict[str, Tensor] = {}
        # Where they can be read without waiting for a device.
        self._lengths: list[int] = []
        self._packed: list[int] = []  # leading tokens whose keys are codes

    # What there is.

    @property
    def lengths(self) -> Tensor:
        """Tokens of each sequence, int64 ``[B]`` on the CPU; empty before the first append."""
        return torch.tensor(self._lengths, dtype=torch.int64)

    @property
    def length(self) -> int:
        """Tokens of the longest sequence."""
        return max(self._lengths, default=0)

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors that the cache holds, room to grow included."""
        return sum(tensor.nbytes for tensor in self._tensors.values())

    @property
    def device(self) -> torch.device | None:
        """Where the cache is; None before the first append."""
        return self._tensors["tail"].device if self._tensors else None

    @property
    def dtype(self) -> torch.dtype | None:
        """Of keys and values as they came; None before the first append."""
        return self._tensors["tail"].dtype if self._tensors else None

    def __repr__(self) -> str:
        return (
            f"QuantizedKVCache(bits={self.bits}, k_format={self.k_format!r}, group={self.group}, "
            f"lengths={self._lengths}, nbytes={self.nbytes})"
        )

    # Tokens in and out.

    def append(
        self,
        k: Tensor,
        v: Tensor,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        padding_side: str = "right",
    ) -> None:
        """Append tokens to every sequence.

        Args:
            k: ``[B, Hkv, T, D]``, D at most 256: float32, bfloat16 or float16.
            v: ``[B, Hkv, T, Dv]`` of the same dtype; Dv is usually D.
            lengths: how many of the T tokens of each sequence are real; all by default. The rest is
                padding and is not stored.
            padding_side: ``"right"``: the first ``lengths[b]`` tokens are real; ``"left"``: the
                last.

        Raises:
            NotImplementedError: k or v requires a gradient (use ``torch.no_grad``).
            TypeError: another dtype, or not that of the first append.
            ValueError: shapes that do not fit each other or the first append, several devices,
                lengths not from 0 to T.
        """
        name = "QuantizedKVCache.append"
        check_tensor(name, "k", k)
        check_tensor(name, "v", v)
        self._check_new(name, k, v)
        batch, _, tokens, _ = k.shape
        counts = check_lengths(name, "lengths", lengths, batch, tokens)
        if padding_side not in ("left", "right"):
            raise ValueError(
                f"{name}: padding_side is {padding_side!r}, expected 'left' or 'right'"
            )
        if padding_side == "left" and any(count < tokens for count in counts):
            k, v = (to_the_front(each.detach(), counts) for each in (k, v))
        if not self._tensors:
            self._start(k, v)
        self._make_room(max(map(sum, zip(self._lengths, counts, strict=True)), default=0))
        torch.ops.longtail.kv_append(
            k.detach(), v.detach(), self._on_device(counts), *self._state(), *self._code()
        )
        for b, count in enumerate(counts):
            self._lengths[b] += count
            self._packed[b] = self._packed_after(b)

    def attend(
        self,
        q: Tensor,
        *,
        attn_mask: Tensor | None = None,
        is_causal: bool = True,
        scale: float | None = None,
        return_lse: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """``softmax(scale q k^T + mask) v`` over the cache, in one fused operation.

        Args:
            q: ``[B, H, Lq, D]``, H a multiple of Hkv: float32, bfloat16 or float16.
            attn_mask: bool (True: takes part) or float (added to the scores), broadcastable to
                ``[B, H, Lq, Lk]`` where Lk is ``length``, that of the longest sequence.
            is_causal: query i sees the first ``lengths[b] - Lq + i + 1`` tokens: the last query all
                of them (so queries of padded sequences are padded on the left). False: all tokens.
            scale: of the scores, ``1 / sqrt(D)`` by default.
            return_lse: also the natural log-sum-exp of every query's scores.

        Returns:
            Tensor ``[B, H, Lq, Dv]`` of q's dtype, contiguous, and if asked the float32 LSE ``[B,
            H, Lq]``. Queries that see nothing, as in an empty sequence: 0 and -inf.

        Codes are unpacked in registers, read once for up to four queries of the heads of a group.
        On CPUs queries and weights are rounded, to 8 bits beside 4-bit codes and to 16 beside
        8-bit codes: that adds at most some 2 % to the error of 4-bit codes (1e-3 of the largest
        value on N(0, 1), 1e-2 where a softmax is peaky), and at most 2e-4 of the largest value to
        8 bits. The result is then rounded to q's dtype. Beside exact attention, 4
        bits have a cosine of 99.6 % on data like a trained model's and 99.3 % on N(0, 1),
        8 bits of 99.99 % on both. Bits do not depend on the number of threads. No gradient.

        Raises:
            NotImplementedError: q or attn_mask requires a gradient (use ``torch.no_grad``).
            TypeError: another dtype.
            ValueError: shapes that do not fit the cache, another device, nothing appended yet.
        """
        name = "QuantizedKVCache.attend"
        check_tensor(name, "q", q)
        if not self._tensors:
            raise ValueError(f"{name}: the cache is empty, expected an append before")
        tail = self._tensors["tail"]
        batch, kv_heads, _, dim = tail.shape
        wrong_heads = q.shape[1] % kv_heads if kv_heads else q.shape[1]
        if q.shape[0] != batch or wrong_heads or q.shape[3] != dim:
            raise ValueError(
                f"{name}: q has shape {list(q.shape)}, expected [{batch}, a multiple of "
                f"{kv_heads}, queries, {dim}] for this cache"
            )
        if q.device != tail.device:
            raise ValueError(f"{name}: q is on {q.device} and the cache on {tail.device}")
        if scale is None:
            scale = 1 / math.sqrt(dim)
        elif not math.isfinite(scale):
            raise ValueError(f"{name}: scale is {scale!r}, expected a finite number")
        mask = None if attn_mask is None else added_mask(name, attn_mask, q, self.length)
        out, lse = torch.ops.longtail.kv_attend(
            q.detach(),
            *self._state(),
            mask,
            self.length,
            float(scale),
            bool(is_causal),
            *self._code(),
            self._v_dim,
        )
        return (out, lse) if return_lse else out

    def crop(self, lengths: int | Tensor | Sequence[int]) -> None:
        """Keep the first tokens of each sequence.

        Args:
            lengths: how many, for all or for each sequence; what is no longer than that stays as it
                is. A negative number counts from the end, as a slice does.

        Raises:
            ValueError: not one length, or one for each sequence.
        """
        name = "QuantizedKVCache.crop"
        batch = len(self._lengths)
        wanted = [lengths] * batch if isinstance(lengths, int) else integers(name, lengths, batch)
        for b, want in enumerate(wanted):
            old = self._lengths[b]
            new = min(old, want) if want >= 0 else max(0, old + want)
            if new == old:
                continue
            if self.k_format == "channel":
                self._unpack_to_tail(b, new)
            self._lengths[b] = new
            self._packed[b] = min(self._packed[b], new if self._rotated else new // TILE * TILE)

    def reorder(self, beam_idx: Tensor | Sequence[int]) -> None:
        """Make sequence b what sequence ``beam_idx[b]`` was, as beam search asks. Another number of
        sequences will do.

        Raises:
            ValueError: an index that is no sequence's.
        """
        name = "QuantizedKVCache.reorder"
        chosen = integers(name, beam_idx, None)
        batch = len(self._lengths)
        if any(not 0 <= b < batch for b in chosen):
            raise ValueError(
                f"{name}: beam_idx is {chosen}, expected indices from 0 to {batch - 1}"
            )
        if not self._tensors:
            return
        index = self._on_device(chosen)
        self._tensors = {key: each.index_select(0, index) for key, each in self._tensors.items()}
        self._lengths = [self._lengths[b] for b in chosen]
        self._packed = [self._packed[b] for b in chosen]

    # State.

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors and numbers, without the room to grow; ``load_state_dict`` takes them."""
        tiles = -(-self.length // TILE)
        tensors = {
            key: (each[:, :, :tiles] if key in _TENSORS[:4] else each).clone(
                memory_format=torch.contiguous_format
            )
            for key, each in self._tensors.items()
        }
        return {
            "bits": self.bits,
            "k_format": self.k_format,
            "group": self.group,
            "v_dim": self._v_dim,
            "lengths": list(self._lengths),
            "packed": list(self._packed),
            **tensors,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Become the cache that gave ``state``; bits, format and group must be this cache's.

        Raises:
            ValueError: keys that are missing or unknown, or the state of another kind of cache.
        """
        name = "QuantizedKVCache.load_state_dict"
        plain = {"bits", "k_format", "group", "v_dim", "lengths", "packed"}
        expected = plain | (set(_TENSORS) if state.get("lengths") or "tail" in state else set())
        if set(state) != expected:
            raise ValueError(f"{name}: keys are {sorted(state)}, expected {sorted(expected)}")
        for key in ("bits", "k_format", "group"):
            if state[key] != getattr(self, key):
                raise ValueError(
                    f"{name}: {key} is {state[key]!r}, expected this cache's {getattr(self, key)!r}"
                )
        self._v_dim = int(state["v_dim"])
        self._lengths, self._packed = list(state["lengths"]), list(state["packed"])
        self._tensors = {key: state[key].clone() for key in _TENSORS if key in state}

    # Inside.

    @property
    def _rotated(self) -> bool:
        return self.k_format == "token_rotated"

    def _state(self) -> list[Tensor]:
        numbers = [self._on_device(self._lengths), self._on_device(self._packed)]
        return [*numbers, *(self._tensors[key] for key in _TENSORS)]

    def _code(self) -> tuple[int, int, int]:
        return self.bits, self.group, _FORMATS.index(self.k_format)

    def _on_device(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int64).to(self.device or "cpu")

    def _packed_after(self, b: int) -> int:
        length, packed = self._lengths[b], self._packed[b]
        if not self._rotated:
            return length // TILE * TILE
        return length if packed > 0 or length >= TILE else 0

    def _check_new(self, name: str, k: Tensor, v: Tensor) -> None:
        if k.shape[:3] != v.shape[:3]:
            raise ValueError(
                f"{name}: v has shape {list(v.shape)}, expected batch, heads and tokens of k, "
                f"{list(k.shape)}"
            )
        for argument, dim in (("k", k.shape[3]), ("v", v.shape[3])):
            if not 1 <= dim <= _MAX_HEAD_DIM:
                raise ValueError(
                    f"{name}: {argument} has head dimension {dim}, expected 1 to {_MAX_HEAD_DIM}"
                )
        if v.dtype != k.dtype:
            raise TypeError(f"{name}: v has dtype {v.dtype}, expected that of k, {k.dtype}")
        if v.device != k.device:
            raise ValueError(f"{name}: v is on {v.device} and k on {k.device}")
        if not self._tensors:
            return
        tail = self._tensors["tail"]
        mine = (*tail.shape[:2], tail.shape[3], self._v_dim)
        got = (*k.shape[:2], k.shape[3], v.shape[3])
        if mine != got:
            raise ValueError(
                f"{name}: batch, heads and head dimensions of k and v are {list(got)}, expected "
                f"those of the cache, {list(mine)}"
            )
        if k.dtype != tail.dtype:
            raise TypeError(f"{name}: k has dtype {k.dtype}, expected the cache's {tail.dtype}")
        if k.device != tail.device:
            raise ValueError(f"{name}: k is on {k.device} and the cache on {tail.device}")

    def _start(self, k: Tensor, v: Tensor) -> None:
        batch, heads, _, k_dim = k.shape
        self._v_dim = v.shape[3]
        widths = self._words(k_dim)
        self._tensors = {
            key: k.new_zeros([batch, heads, 0, width], dtype=torch.int32)
            for key, width in zip(_TENSORS, widths, strict=False)
        }
        self._tensors["tail"] = k.new_zeros([batch, heads, TILE, k_dim])
        self._tensors["mean"] = k.new_zeros([batch, heads, k_dim], dtype=torch.float32)
        self._lengths, self._packed = [0] * batch, [0] * batch

    def _words(self, k_dim: int) -> tuple[int, int, int, int]:
        """Words of a tile of codes and of scales, of keys and of values."""
        channels = 1 << (k_dim - 1).bit_length() if self._rotated else k_dim
        k_width, v_width = ceil_division(channels, 32) * 32, ceil_division(self._v_dim, 32) * 32
        per_word = 32 // self.bits
        k_grids = ceil_division(k_width, self.group) * TILE if self._rotated else k_width
        v_grids = ceil_division(v_width, self.group) * TILE
        return k_width // per_word * TILE, k_grids, TILE // per_word * v_width, v_grids

    def _make_room(self, tokens: int) -> None:
        """Memory for so many tokens of each sequence: half as much again if it must grow."""
        tiles, needed = self._tensors["k_codes"].shape[2], ceil_division(tokens, TILE)
        if needed <= tiles:
            return
        grown = max(needed, tiles + tiles // 2)
        for key in _TENSORS[:4]:
            old = self._tensors[key]
            new = old.new_zeros([*old.shape[:2], grown, old.shape[3]])
            new[:, :, :tiles] = old
            self._tensors[key] = new

    def _unpack_to_tail(self, b: int, length: int) -> None:
        """Format "channel": what is left of a quantised tile of keys becomes exact tokens."""
        left, tile = length % TILE, length // TILE
        if left == 0 or self._packed[b] <= length:
            return
        codes = self._tensors["k_codes"][b, :, tile]
        grids = self._tensors["k_grids"][b, :, tile]
        per_word = 32 // self.bits
        half = per_word // 2
        bit = torch.tensor(
            [32 // half * (i % half) + self.bits * (i // half) for i in range(per_word)]
        )
        words = codes.unflatten(-1, (-1, TILE))[..., None] >> bit.to(codes.device)
        code = (words & ((1 << self.bits) - 1)).transpose(-1, -2).flatten(-3, -2)
        scale = (grids & ~0xFFFF).view(torch.float32)[..., None]
        zero = ((grids << 16) >> 16).float()[..., None] * (0.125 if self.bits == 4 else 0.5)
        keys = (scale * (code + zero)).transpose(-1, -2)
        tail = self._tensors["tail"]
        most = torch.finfo(tail.dtype).max  # half a scale more than that is inf
        tail[b, :, :left] = keys[:, :left, : tail.shape[3]].clamp(-most, most).to(tail.dtype)
