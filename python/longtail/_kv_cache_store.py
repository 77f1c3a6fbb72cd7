"""What a ``QuantizedKVCache`` holds, and what is done to whole sequences of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from longtail import _kv_cache_transforms  # noqa: F401  (loads the raw ops, and their rules)
from longtail._kv_cache_arguments import FORMATS, ceil_division, check_kind, check_state, integers
from longtail._kv_cache_memory import COUNTED, STORED, TILE, TILED, each_of, unpack_to_tail

if TYPE_CHECKING:
    from typing_extensions import Self


class StoredCache:
    """Its tensors, their size, and their state; ``QuantizedKVCache`` adds attention."""

    def __init__(self, bits: int = 4, k_format: str = "channel", group: int = 32) -> None:
        check_kind(bits, k_format, group)
        self.bits = int(bits)
        self.k_format = k_format
        self.group = int(group)
        self._v_dim = 0
        self._tensors: dict[str, Tensor] = {}
        # The tensor of that name once more, where it is read without waiting for a device.
        self._lengths: list[int] = []

    # What there is.

    @property
    def lengths(self) -> Tensor:
        """Tokens of each sequence, int64 ``[B]`` on the CPU; empty before the first append."""
        return torch.tensor(self._lengths, dtype=torch.int64)

    @property
    def length(self) -> int:
        """Tokens of the longest sequence."""
        return max([0, *self._lengths])  # without `default`, which Dynamo does not know

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

    # Sequences.

    def crop(self, lengths: int | Tensor | Sequence[int]) -> None:
        """Keep the first tokens of each sequence.

        Args:
            lengths: how many, for all or for each sequence; what is no longer than that stays as it
                is. A negative number counts from the end, as a slice does.

        Raises:
            TypeError: lengths is neither a number nor a sequence.
            ValueError: not one length, or one for each sequence.
        """
        name = "QuantizedKVCache.crop"
        batch = len(self._lengths)
        if type(lengths) is int:
            wanted = [lengths] * batch
        else:
            wanted = integers(name, "lengths", lengths, batch)
        kept = [
            min(old, want) if want >= 0 else max(0, old + want)
            for old, want in zip(self._lengths, wanted, strict=True)
        ]
        if kept == self._lengths:
            return
        codes = kept
        if self.k_format == "channel":
            codes = [new // TILE * TILE for new in kept]
            for b, (old, new) in enumerate(zip(self._lengths, kept, strict=True)):
                if new % TILE and new < old // TILE * TILE:
                    unpack_to_tail(self._tensors, self.bits, b, new)
        packed = self._tensors["packed"]
        packed.copy_(packed.minimum(self._on_device(codes)))
        self._tensors["lengths"].copy_(self._on_device(kept))
        self._lengths = kept

    def reorder(self, beam_idx: Tensor | Sequence[int]) -> None:
        """Make sequence b what sequence ``beam_idx[b]`` was, as beam search asks. Another number of
        sequences will do.

        Raises:
            TypeError: beam_idx is no sequence.
            ValueError: an index that is no sequence's.
        """
        name = "QuantizedKVCache.reorder"
        chosen = integers(name, "beam_idx", beam_idx, None)
        batch = len(self._lengths)
        if any(not 0 <= b < batch for b in chosen):
            raise ValueError(
                f"{name}: beam_idx is {chosen}, expected indices from 0 to {batch - 1}"
            )
        if not self._tensors:
            return
        index = self._on_device(chosen)
        self._tensors = each_of(self._tensors, lambda each: each.index_select(0, index))
        self._lengths = [self._lengths[b] for b in chosen]

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """Move the cache to a device; ``non_blocking`` as of ``Tensor.to``. Returns the cache."""
        self._tensors = each_of(
            self._tensors, lambda each: each.to(device, non_blocking=non_blocking)
        )
        return self

    # State.

    def state_dict(self) -> dict[str, Any]:
        """Plain tensors and numbers, without the room to grow; ``load_state_dict`` takes them."""
        tiles = ceil_division(self.length, TILE)
        tensors = {
            name: (each[:, :, :tiles] if name in TILED else each).clone(
                memory_format=torch.contiguous_format
            )
            for name, each in self._tensors.items()
            if name in STORED
        }
        return {
            "bits": self.bits,
            "k_format": self.k_format,
            "group": self.group,
            "v_dim": self._v_dim,
            "lengths": list(self._lengths),
            "packed": self._tensors["packed"].tolist() if self._tensors else [],
            **tensors,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Become the cache that gave ``state``; bits, format and group must be this cache's.

        Raises:
            ValueError: keys that are missing or unknown, or the state of another kind of cache.
        """
        name = "QuantizedKVCache.load_state_dict"
        mine = {key: getattr(self, key) for key in ("bits", "k_format", "group")}
        check_state(name, state, mine, STORED)
        self._v_dim = int(state["v_dim"])
        self._lengths = list(state["lengths"])
        stored = {key: state[key] for key in STORED if key in state}
        if stored:
            counts = {key: torch.tensor(state[key], dtype=torch.int64) for key in COUNTED}
            device = stored["tail"].device
            stored |= {key: each.to(device) for key, each in counts.items()}
        self._tensors = each_of(stored, torch.clone)

    # Inside.

    def _state(self) -> list[Tensor]:
        return [self._tensors[name] for name in (*COUNTED, *STORED)]

    def _code(self) -> tuple[int, int, int]:
        return self.bits, self.group, FORMATS.index(self.k_format)

    def _on_device(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.int64).to(self.device or "cpu")
