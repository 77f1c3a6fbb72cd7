"""transformers models on quantised attention and a quantised key-value cache.

Importing this module registers the attention implementations ``"longtail"``, ``"longtail_int8"``
and ``"longtail_int4"``; `LongtailCache` is the cache that goes with them. transformers is not a
dependency of longtail: install it yourself (tested: 5.5.0, 5.12.0, 5.18.0 and 5.23.0).

    import longtail.integrations.transformers as integration

    model = AutoModelForCausalLM.from_pretrained(name, attn_implementation="longtail")
    cache = integration.LongtailCache(model.config, bits=4)
    model.generate(**inputs, past_key_values=cache)
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from longtail.attention import quantized_attention
from longtail.kv_cache import QuantizedKVCache
from longtail.sdpa import Precision

try:
    from transformers import AttentionInterface, AttentionMaskInterface, Cache, DynamicCache
    from transformers.cache_utils import CacheLayerMixin, DynamicLayer
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import sdpa_mask
except ImportError as error:
    raise ImportError(
        "longtail.integrations.transformers needs transformers 5.5 or later: "
        "pip install 'transformers>=5.5'"
    ) from error

__all__ = ["LongtailCache", "LongtailLayer", "PackedStates", "register"]


class _Recipe(NamedTuple):
    """How keys that came just now are quantised."""

    qk: Precision
    smooth: str
    rotate: bool


#: Rotary positions turn the means of channels about, which a Hadamard rotation makes up for; with
#: 8 bits there is nothing to make up for.
_RECIPES: dict[str, _Recipe | None] = {
    "longtail": None,
    "longtail_int8": _Recipe("int8", "k", False),
    "longtail_int4": _Recipe("int4", "qk", True),
}

#: Arguments of attention functions that change the result and that we do not have.
_REFUSED = ("softcap", "s_aux", "position_bias", "cache")


class PackedStates:
    """What `LongtailLayer.update` returns in the place of keys and of values.

    Attributes:
        packed: all tokens, quantised.
        fresh: keys and values as they came, if the cache was empty before; else None.
    """

    def __init__(self, packed: QuantizedKVCache, fresh: tuple[Tensor, Tensor] | None) -> None:
        self.packed = packed
        self.fresh = fresh

    def __getattr__(self, name: str) -> Any:
        """Say what is wrong when another attention function takes this for a tensor."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise TypeError(
            f"LongtailCache: its packed states were asked for {name!r}, as tensors are; a model "
            f"that uses it needs attn_implementation to be one of {', '.join(_RECIPES)}"
        )


class LongtailLayer(CacheLayerMixin):
    """One layer of `LongtailCache`: a `longtail.QuantizedKVCache` behind transformers' names."""

    is_compileable = False
    is_sliding = False
    supports_early_init = False

    def __init__(self, bits: int = 8, k_format: str = "channel", group: int = 32) -> None:
        super().__init__()
        self._empty = functools.partial(QuantizedKVCache, bits, k_format=k_format, group=group)
        self.packed = self._empty()
        self.batch = 0
        self.device: torch.device | None = None  # the model's
        self._offloaded: Any = None  # the event after which the host has the tensors

    @property
    def is_croppable(self) -> bool:
        """In format "channel", keys of a tile that is cut are quantised twice."""
        return self.packed.k_format != "channel"

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing is allocated before the first tokens come."""
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[PackedStates, PackedStates]:
        """Append tokens [B, Hkv, T, D]; the attention function takes what this returns."""
        self.device = key_states.device
        self.prefetch()
        for each in self.packed._tensors.values() if self.device.type == "cuda" else ():
            # They may come from the stream of prefetches, which must not take them back too early.
            each.record_stream(torch.cuda.current_stream(self.device))
        fresh = None if self.packed.length else (key_states, value_states)
        self.packed.append(key_states, value_states)
        self.is_initialized, self.batch = True, key_states.shape[0]
        states = PackedStates(self.packed, fresh)
        return states, states

    def get_seq_length(self) -> int:
        """Tokens in the cache, padding included."""
        return self.packed.length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of what a mask is made for."""
        return self.packed.length + query_length, 0

    def get_max_length(self) -> int:
        """-1: there is no limit."""
        return -1

    def get_max_cache_shape(self) -> int:
        """The same, as it was called up to transformers 5.12."""
        return -1

    def reset(self) -> None:
        """Forget all tokens."""
        self.packed, self.is_initialized = self._empty(), False
        self._offloaded = None

    def crop(self, tokens: int) -> None:
        """Remove -tokens from the end, or with a positive number keep that many from the start, as
        transformers had it first."""
        if tokens:
            self.prefetch()
            self.packed.crop(max(0, tokens if tokens > 0 else self.packed.length + tokens))

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Sequence b becomes what sequence beam_idx[b] was."""
        self.batch_select_indices(beam_idx)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Every sequence `repeats` times, one after another."""
        self.batch_select_indices(torch.arange(self.batch).repeat_interleave(repeats))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these sequences, in this order."""
        if self.packed.length:
            if indices.dtype == torch.bool:
                indices = indices.nonzero()[:, 0]
            self.prefetch()
            self.packed.reorder(indices.to("cpu"))
            self.batch = len(indices)

    def offload(self) -> None:
        """Move the codes to the host without waiting. States that `update` has returned stay on the
        model's device: attention comes after this."""
        if self.device is not None and self.device.type == "cuda":
            self.packed = copy.copy(self.packed).to("cpu", non_blocking=True)
            self._offloaded = torch.cuda.current_stream(self.device).record_event()

    def prefetch(self) -> None:
        """Move them back, on the current stream; all methods that need them do it."""
        if self.device is None or self.packed.device in (None, self.device):
            return
        if self._offloaded is not None:
            torch.cuda.current_stream(self.device).wait_event(self._offloaded)
        self.packed = copy.copy(self.packed).to(self.device, non_blocking=True)


class LongtailCache(Cache):
    """A cache of 4 or 8 bits for `generate(past_key_values=...)` and a model's forward.

    Needs a model whose attention implementation is one of those that this module registers: any
    other gets `PackedStates` in place of keys and fails. Layers that are not of full attention
    (sliding windows, linear attention) are transformers' own, which keep what they need exactly.

    Padding is stored like other tokens, and masked: it takes part in the scales of 64 tokens.

    Args:
        config: of the model.
        bits: 4 or 8 for all layers, one number a layer, or the map of `longtail.calibrate`, whose
            layers are those of full attention in their order.
        k_format, group: as of `longtail.QuantizedKVCache`.
        offloading: keep the layers' codes on the host, and bring each to the device while the one
            before it is computed. Of use with CUDA only.

    Raises:
        ValueError: another number of layers, or bits other than 4 and 8.
    """

    def __init__(
        self,
        config: Any,
        bits: int | Sequence[int] | Mapping[str, int] = 8,
        *,
        k_format: str = "channel",
        group: int = 32,
        offloading: bool = False,
    ) -> None:
        layers = DynamicCache(config=config).layers
        full = [i for i, layer in enumerate(layers) if type(layer) is DynamicLayer]
        if isinstance(bits, Mapping):
            bits = list(bits.values())
        chosen = [bits] * len(full) if isinstance(bits, int) else list(bits)
        if len(chosen) != len(full):
            raise ValueError(
                f"LongtailCache: bits: got {len(chosen)} numbers, expected {len(full)}: one for "
                "each layer of full attention"
            )
        for i, number in zip(full, chosen, strict=True):
            layers[i] = LongtailLayer(number, k_format, group)
        super().__init__(layers=layers, offloading=offloading)

    @property
    def nbytes(self) -> int:
        """Bytes of the quantised layers, room to grow included."""
        return sum(x.packed.nbytes for x in self.layers if isinstance(x, LongtailLayer))


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor | PackedStates,
    value: Tensor | PackedStates,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    *,
    recipe: _Recipe | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """transformers' attention function: [B, H, L, D] in, [B, L, H, D] out, no weights.

    Keys that came just now (no cache, transformers' own cache, or the first tokens in a
    `LongtailCache`) are attended to exactly by torch, or by `longtail.quantized_attention` where
    there is a recipe; the cached ones by `longtail.QuantizedKVCache.attend`. A single query with
    plain keys is exact: to quantise all keys for it costs more than it saves. Dropout is torch's.
    """
    for name in _REFUSED:
        if kwargs.get(name) is not None:
            raise NotImplementedError(f"longtail's attention has no {name}: use sdpa or eager")
    if is_causal is None:
        is_causal = bool(getattr(module, "is_causal", True))
    if isinstance(key, PackedStates):
        if key.fresh is None:
            return _attend_packed(query, key.packed, attention_mask, dropout, scaling, is_causal)
        key, value = key.fresh
    assert isinstance(value, Tensor)
    if recipe is None or dropout > 0 or query.shape[2] == 1:
        found = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **kwargs
        )
        return found[0], None
    is_causal = is_causal and attention_mask is None
    if is_causal and key.shape[2] > query.shape[2]:
        # transformers' caches of a fixed size: what lies behind the queries is not there yet.
        key, value = key[:, :, : query.shape[2]], value[:, :, : query.shape[2]]
    out = quantized_attention(
        query,
        key,
        value,
        attention_mask,
        is_causal=is_causal,
        scale=scaling,
        enable_gqa=True,
        qk=recipe.qk,
        smooth=recipe.smooth,
        rotate=recipe.rotate,
    )
    assert isinstance(out, Tensor)
    return out.transpose(1, 2).contiguous(), None


def _attend_packed(
    query: Tensor,
    packed: QuantizedKVCache,
    mask: Tensor | None,
    dropout: float,
    scaling: float | None,
    is_causal: bool,
) -> tuple[Tensor, None]:
    """The queries stand at the end of the cache; a mask says all of what they may see."""
    if dropout > 0:
        raise NotImplementedError("longtail's attention over a cache has no dropout: model.eval()")
    causal = is_causal and mask is None
    out = packed.attend(query, attn_mask=mask, is_causal=causal, scale=scaling)
    assert isinstance(out, Tensor)
    return out.transpose(1, 2).contiguous(), None


def register() -> None:
    """Make the attention implementations known to transformers; done when this is imported."""
    for name, recipe in _RECIPES.items():
        AttentionInterface.register(name, functools.partial(attention, recipe=recipe))
        # Boolean masks, and none where is_causal says it all: as for torch's own function.
        AttentionMaskInterface.register(name, sdpa_mask)


register()
