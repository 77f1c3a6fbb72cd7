"""4 or 8 bits for each attention layer of a model, chosen by what it loses on given data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from longtail import _sdpa_hook
from longtail._progress import Report, progress_report
from longtail._sdpa_hook import Call, LayerNames
from longtail.attention import quantized_attention
from longtail.kv_cache import QuantizedKVCache
from longtail.sdpa import OF_BITS, reason_to_pass

__all__ = ["Calibration", "LayerCosines", "calibrate"]


@dataclasses.dataclass(frozen=True)
class LayerCosines:
    """What one layer loses.

    Attributes:
        name: of the module that calls scaled_dot_product_attention.
        cosines: {4: ..., 8: ...}: of its outputs on all batches with those of exact attention.
        numbers: of its keys and values for one token: heads times (D + Dv).
    """

    name: str
    cosines: Mapping[int, float]
    numbers: int

    def bytes(self, bits: int) -> int:
        """Of the codes of one token's keys and values."""
        return self.numbers * bits // 8


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration(Mapping[str, int]):
    """The map from layer names to 4 or 8, in the order in which the model calls them.

    Goes into ``patch_sdpa(model, bits=...)`` and
    ``longtail.integrations.transformers.LongtailCache(config, bits=...)``. Printed, it is a table;
    equal to any mapping with the same bits.

    Attributes:
        layers: the cosines that it was chosen by.
        bits: the map as a plain dict.
    """

    layers: tuple[LayerCosines, ...]
    bits: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.bits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.bits)

    def __len__(self) -> int:
        return len(self.bits)

    @property
    def bytes(self) -> int:
        """Of the codes of one token's keys and values, in all layers."""
        return sum(layer.bytes(self.bits[layer.name]) for layer in self.layers)

    @property
    def worst(self) -> float:
        """The smallest cosine of a layer at its bits."""
        return min(layer.cosines[self.bits[layer.name]] for layer in self.layers)

    def __str__(self) -> str:
        width = max(len("layer"), *(len(layer.name) for layer in self.layers))
        rows = [
            f"{layer.name:<{width}}  {layer.cosines[4]:.6f}  {layer.cosines[8]:.6f}  "
            f"{self.bits[layer.name]}"
            for layer in self.layers
        ]
        head = f"{'layer':<{width}}  {'4 bits':<8}  {'8 bits':<8}  chosen"
        return "\n".join(
            [head, *rows, f"{self.bytes} bytes a token, worst cosine {self.worst:.6f}"]
        )


def calibrate(
    model: nn.Module,
    batches: Iterable[Any],
    bytes: int | None = None,
    *,
    through: Literal["attention", "cache"] = "attention",
    progress: bool | Report = False,
    **options: Any,
) -> Calibration:
    """Choose 4 or 8 bits for each attention layer by its cosine on calibration data.

    The model runs on every batch with exact attention, and each call of SDPA is computed with 4 and
    with 8 bits beside it, from the same inputs. Layers whose cosine with exact attention is worst
    at 4 bits get 8, as many as the budget allows: no other choice of that size has a better worst
    layer. (A larger layer that the budget has no room for is passed over.) Each layer is judged by
    itself: how its error goes on through the model is not looked at.

    A layer is the innermost module that runs when SDPA is called; calls of one module, several in
    one forward pass too, count as one layer. Calls are met as `longtail.patch_sdpa` meets them; a
    transformers model has to have ``attn_implementation="sdpa"`` meanwhile.

    Args:
        model: called as ``model(*batch)`` for a tuple or list, ``model(**batch)`` for a mapping,
            else as ``model(batch)``, without gradients. Its weights and modes stay as they are.
        batches: a few are enough: cosines are averages over many tokens.
        bytes: the budget for the codes of one token's keys and values in all layers together,
            sum of heads * (D + Dv) * bits / 8; scales and zeros come on top. By default half way
            from all at 4 bits to all at 8.
        through: what is measured: "attention" (`longtail.quantized_attention`, int4 and int8) or
            "cache" (`longtail.QuantizedKVCache` with exact queries).
        progress: True for a bar, or a callable (done, total, note).
        options: of what is measured: smooth, rotate, strict_causal or k_format, group.

    Returns:
        `Calibration`: the map from names to bits, with the table of cosines.

    Raises:
        TypeError: model is no nn.Module, or an option that what is measured does not have.
        ValueError: no call of SDPA could be measured (the reason is given), there are no batches,
            or the budget is smaller than all layers at 4 bits.

    Example::

        chosen = longtail.calibrate(model, batches, through="cache")
        print(chosen)
        cache = LongtailCache(model.config, bits=chosen)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"calibrate: model: got {type(model).__name__}, expected an nn.Module")
    if through not in ("attention", "cache"):
        raise ValueError(f"calibrate: through: got {through!r}, expected attention or cache")
    candidate = _prefill if through == "attention" else _decode
    names = LayerNames()
    measure = _Measure(model, names, lambda call, bits: candidate(call, bits, options))
    given = list(batches)
    with (
        torch.no_grad(),
        names.watching(model),
        _sdpa_hook.handled_by(measure),
        progress_report(progress, "calibrating") as report,
    ):
        for i, batch in enumerate(given):
            _run(model, batch)
            report(i + 1, len(given), "")
    layers = measure.layers()
    if not layers:
        reasons = "; ".join(sorted(measure.reasons)) or "the model did not call it"
        raise ValueError(f"calibrate: no call of SDPA could be measured: {reasons}")
    return Calibration(layers, choose(layers, bytes))


def choose(layers: Sequence[LayerCosines], budget: int | None) -> dict[str, int]:
    """8 bits for the layers that are worst at 4, while the budget lasts."""
    least, most = (sum(layer.bytes(bits) for layer in layers) for bits in (4, 8))
    if budget is None:
        budget = (least + most) // 2
    if budget < least:
        raise ValueError(
            f"calibrate: bytes: got {budget}, expected at least {least}: all layers at 4 bits"
        )
    bits, left = {layer.name: 4 for layer in layers}, budget - least
    for layer in sorted(layers, key=lambda each: each.cosines[4]):
        more = layer.bytes(8) - layer.bytes(4)
        if more <= left:
            bits[layer.name] = 8
            left -= more
    return bits


def _run(model: nn.Module, batch: Any) -> None:
    if isinstance(batch, Mapping):
        model(**batch)
    elif isinstance(batch, (tuple, list)):
        model(*batch)
    else:
        model(batch)


def _prefill(call: Call, bits: int, options: Mapping[str, Any]) -> Tensor:
    """A call by quantised attention."""
    out = quantized_attention(
        *call[:6], scale=call.scale, enable_gqa=call.enable_gqa, qk=OF_BITS[bits], **options
    )
    assert isinstance(out, Tensor)
    return out


def _decode(call: Call, bits: int, options: Mapping[str, Any]) -> Tensor:
    """A call as attention over a cache that holds its keys and values."""
    cache = QuantizedKVCache(bits, **options)
    cache.append(call.key, call.value)
    # SDPA's is_causal counts from the first key, the cache's from the last.
    rows, keys = call.query.shape[-2], call.key.shape[-2]
    mask, causal = call.attn_mask, call.is_causal and rows == keys
    if call.is_causal and not causal:
        seen = torch.ones(rows, keys, dtype=torch.bool, device=call.query.device).tril()
        if mask is None or mask.dtype == torch.bool:
            mask = seen if mask is None else mask & seen
        else:
            mask = mask.masked_fill(~seen, -torch.inf)
    out = cache.attend(call.query, attn_mask=mask, is_causal=causal, scale=call.scale)
    assert isinstance(out, Tensor)
    return out


@dataclasses.dataclass
class _Sums:
    """Products of two outputs, summed over batches: [found.exact, found.found, exact.exact]."""

    numbers: int
    products: dict[int, Tensor]

    def add(self, bits: int, found: Tensor, exact: Tensor) -> None:
        a, b = found.double().flatten(), exact.double().flatten()
        each = torch.stack([a @ b, a @ a, b @ b]).cpu()
        self.products[bits] = self.products.get(bits, 0) + each

    def cosine(self, bits: int) -> float:
        both, found, exact = self.products[bits]
        return float(both / (found * exact).sqrt())


class _Measure:
    """Computes every call exactly, and beside it what is lost with 4 and with 8 bits."""

    def __init__(
        self, model: nn.Module, names: LayerNames, candidate: Callable[[Call, int], Tensor]
    ) -> None:
        self.model, self.names, self.candidate = model, names, candidate
        self.sums: dict[str, _Sums] = {}
        self.reasons: set[str] = set()

    def attend(self, call: Call, exact: Callable[[Call], Tensor]) -> Tensor:
        """The exact result."""
        expected = exact(call)
        reason = reason_to_pass(call)
        if reason is None:
            try:
                found = {bits: self.candidate(call, bits) for bits in OF_BITS}
            except NotImplementedError as error:
                reason = str(error)
        if reason is not None:
            self.reasons.add(reason)
            return expected
        name = self.names.innermost
        sums = self.sums.setdefault(name, _Sums(self.numbers_of_a_token(call, name), {}))
        for bits, each in found.items():
            sums.add(bits, each, expected)
        return expected

    def weights_asked(self) -> None:
        """nn.MultiheadAttention computes its weights itself."""
        self.reasons.add("nn.MultiheadAttention returns its weights: give it need_weights=False")

    def numbers_of_a_token(self, call: Call, name: str) -> int:
        """Of keys and values; transformers may have repeated both for the queries' heads."""
        heads = call.key.shape[-3]
        groups = getattr(self.model.get_submodule(name), "num_key_value_groups", 1)
        if heads == call.query.shape[-3]:
            heads //= groups
        return heads * (call.key.shape[-1] + call.value.shape[-1])

    def layers(self) -> tuple[LayerCosines, ...]:
        """In the order in which they were first called."""
        return tuple(
            LayerCosines(name, {bits: sums.cosine(bits) for bits in OF_BITS}, sums.numbers)
            for name, sums in self.sums.items()
        )
