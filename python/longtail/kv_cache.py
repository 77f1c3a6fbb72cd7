"""A key-value cache of 4 or 8 bits that attention reads without ever unpacking it to memory.

Sources: Liu et al., "KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV Cache", 2024 (keys by
channel, values by token, an exact tail); Ashkboos et al., "QuaRot: Outlier-Free 4-Bit Inference in
Rotated LLMs", 2024 (rotated keys); Zhang et al., "SageAttention2", 2024 (keys less their mean,
whose product with the query goes back into the scores).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from longtail._arguments import check_bool
from longtail._kv_cache_arguments import (
    added_mask,
    check_keys_and_values,
    check_lengths,
    check_queries,
    check_tensor,
    to_the_front,
)
from longtail._kv_cache_memory import make_room, new_memory
from longtail._kv_cache_store import StoredCache

__all__ = ["QuantizedKVCache"]


class QuantizedKVCache(StoredCache):
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
            NotImplementedError: k or v requires a gradient (use ``torch.no_grad``), is a DTensor,
                or differs under ``torch.vmap`` while the cache is from outside of it.
            TypeError: another dtype, or not that of the first append.
            ValueError: shapes that do not fit each other or the first append, several devices,
                lengths not from 0 to T.
        """
        name = "QuantizedKVCache.append"
        check_tensor(name, "k", k)
        check_tensor(name, "v", v)
        check_keys_and_values(name, k, v, self._tensors.get("tail"), self._v_dim)
        batch, _, tokens, _ = k.shape
        counts = check_lengths(name, "lengths", lengths, batch, tokens)
        if padding_side not in ("left", "right"):
            raise ValueError(
                f"{name}: padding_side is {padding_side!r}, expected 'left' or 'right'"
            )
        if padding_side == "left" and any(count < tokens for count in counts):
            k, v = (to_the_front(each.detach(), counts) for each in (k, v))
        if not self._tensors:
            self._tensors = new_memory(k, v, self.bits, self.k_format, self.group)
            self._v_dim, self._lengths = v.shape[3], [0] * batch
        after = [old + count for old, count in zip(self._lengths, counts, strict=True)]
        make_room(self._tensors, max([0, *after]))
        # Without lengths nothing is copied to a device, which a CUDA graph would not have.
        added = (
            self._tensors["lengths"].new_full([batch], tokens)
            if lengths is None
            else self._on_device(counts)
        )
        torch.ops.longtail.kv_append(k.detach(), v.detach(), added, *self._state(), *self._code())
        self._lengths = after

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

        Codes are unpacked in registers, read once for several queries of the heads of a group. On
        CPUs, and by the tensor cores of GPUs (compute capability 8.0 and later), queries and
        weights are rounded, to 8 bits beside 4-bit codes and to 16 beside 8-bit codes: that adds at
        most some 2 % to the error of 4-bit codes (1e-3 of the largest value on N(0, 1), 1e-2 where
        a softmax is peaky), and at most 2e-4 of the largest value to 8 bits. The result is then
        rounded to q's dtype. Beside exact attention, 4 bits have a cosine of 99.6 % on data like a
        trained model's and 99.3 % on N(0, 1), 8 bits of 99.99 % on both. Bits do not depend on the
        number of threads. No gradient.

        Raises:
            NotImplementedError: q or attn_mask requires a gradient (use ``torch.no_grad``), or q is
                a DTensor.
            TypeError: another dtype, a flag that is no bool.
            ValueError: shapes that do not fit the cache, another device, nothing appended yet.
        """
        name = "QuantizedKVCache.attend"
        check_tensor(name, "q", q)
        check_bool(name, "is_causal", is_causal)
        check_bool(name, "return_lse", return_lse)
        if not self._tensors:
            raise ValueError(f"{name}: the cache is empty, expected an append before")
        tail = self._tensors["tail"]
        check_queries(name, q, tail)
        if scale is None:
            scale = 1 / math.sqrt(tail.shape[3])
        elif not math.isfinite(scale):
            raise ValueError(f"{name}: scale is {scale!r}, expected a finite number")
        mask = None if attn_mask is None else added_mask(name, attn_mask, q, self.length)
        out, lse = torch.ops.longtail.kv_attend(
            q.detach(),
            *self._state(),
            mask,
            self.length,
            float(scale),
            is_causal,
            *self._code(),
            self._v_dim,
        )
        return (out, lse) if return_lse else out
