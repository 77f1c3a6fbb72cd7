"""Plain torch models on quantised attention, without a change to them: `patch_sdpa`."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from longtail import _sdpa_hook
from longtail._attention_shapes import MOST_CHANNELS
from longtail._sdpa_hook import Call, LayerNames
from longtail.attention import quantized_attention

Precision = Literal["int4", "q8k4", "int8"]

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
#: The precision that a map of bits means.
OF_BITS: dict[int, Precision] = {4: "int4", 8: "int8"}


@dataclasses.dataclass
class SdpaStats:
    """What became of the calls inside a `patch_sdpa` block.

    Attributes:
        quantized: how many went through `longtail.quantized_attention`.
        passed: how many torch computed, by reason.
    """

    quantized: int = 0
    passed: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.passed.items())
        return f"{self.quantized} quantised, {self.passed.total()} passed on ({reasons or 'none'})"


@dataclasses.dataclass(frozen=True)
class _Policy:
    """How the calls of a block are quantised, and what is done with others."""

    qk: Precision
    quantised: Callable[[Call, Precision], Tensor]
    bits: Mapping[str, int] | None
    names: LayerNames
    raises: bool
    stats: SdpaStats

    def attend(self, call: Call, exact: Callable[[Call], Tensor]) -> Tensor:
        """Quantised where that can be done."""
        reason = reason_to_pass(call)
        qk = self.qk
        if self.bits is not None:
            name = self.names.innermost
            if name in self.bits:
                qk = OF_BITS[self.bits[name]]
            else:
                reason = reason or f"layer {name!r} is not in bits"
        if reason is None:
            try:
                result = self.quantised(call, qk)
            except (NotImplementedError, TypeError, ValueError) as error:
                # Nonsense included: torch's function then says what it has against it.
                reason = str(error)
            else:
                self.stats.quantized += 1
                return result
        self.pass_on(reason)
        return exact(call)

    def weights_asked(self) -> None:
        """nn.MultiheadAttention computes its weights itself."""
        self.pass_on("nn.MultiheadAttention returns its weights: give it need_weights=False")

    def pass_on(self, reason: str) -> None:
        """Count it, or refuse it."""
        if self.raises:
            raise NotImplementedError(
                f"patch_sdpa: got a call of scaled_dot_product_attention that cannot be quantised "
                f"({reason}); unsupported='torch' leaves such calls to torch"
            )
        self.stats.passed[reason] += 1


def reason_to_pass(call: Call) -> str | None:
    """Why a call is left to torch before quantised attention is asked; None: there is no reason."""
    tensors = call[:3]
    if call.dropout_p > 0:
        return "dropout"
    if any(x.is_nested for x in tensors):
        return "nested tensors"
    for x in tensors:
        if x.dtype not in _DTYPES:
            return f"dtype {str(x.dtype).removeprefix('torch.')}"
        if x.dim() and x.shape[-1] > MOST_CHANNELS:
            return f"heads of {x.shape[-1]} channels"
        if x.device.type not in ("cpu", "cuda", "meta"):
            return f"device {x.device.type}"
    return None


@contextlib.contextmanager
def patch_sdpa(
    model: nn.Module | None = None,
    *,
    bits: Mapping[str, int] | None = None,
    qk: Precision = "int4",
    smooth: Literal["qk", "k", "none"] = "qk",
    rotate: bool = False,
    strict_causal: bool = False,
    unsupported: Literal["torch", "raise"] = "torch",
) -> Iterator[SdpaStats]:
    """Inside the block, torch's scaled_dot_product_attention is `longtail.quantized_attention`.

    Met are calls of ``torch.nn.functional.scaled_dot_product_attention``, those of
    ``nn.MultiheadAttention`` with ``need_weights=False`` and of ``nn.TransformerEncoderLayer``
    among them, whose fast path is switched off meanwhile. Not met are calls through a name that was
    bound before (``from torch.nn.functional import scaled_dot_product_attention``). A model under
    ``torch.compile`` is compiled again, and its graph ends at each call: ``fullgraph=True`` raises.

    Args:
        model: only needed with `bits`: the model whose layers it names.
        bits: 4 or 8 for each attention layer, as `longtail.calibrate` chooses them; takes the place
            of `qk`. A layer is the innermost module that runs when SDPA is called; one that is not
            in the map is left to torch.
        qk, smooth, rotate, strict_causal: as of `longtail.quantized_attention`.
        unsupported: what is done with a call that cannot be quantised: "torch" passes it to torch's
            own function and counts it, "raise" raises NotImplementedError.

    Yields:
        `SdpaStats`: how many calls were quantised, how many passed on and why. Passed on are: drop-
        out above 0 (as in training), float64, heads of more than 256 channels, nested tensors,
        devices other than CPU and CUDA, and all else that `quantized_attention` refuses, such as
        masks that require a gradient and heads that broadcast.

    A block concerns the thread (or asyncio task) that opened it; calls in other threads go to
    torch's function. Blocks nest: the innermost decides. At the end, after an exception too,
    everything is as before; that nn.MultiheadAttention's fast path is off is seen by all threads
    until the last block ends.

    Raises:
        ValueError: an option that does not exist, bits other than 4 and 8, or without a model.

    Example::

        with longtail.patch_sdpa(qk="int8", smooth="k") as stats:
            out = model(x)
        print(stats)  # 12 quantised, 0 passed on (none)
    """
    _one_of("qk", qk, ("int4", "q8k4", "int8"))
    _one_of("smooth", smooth, ("qk", "k", "none"))
    _one_of("unsupported", unsupported, ("torch", "raise"))
    names, stats = LayerNames(), SdpaStats()
    if bits is not None:
        check_bits("patch_sdpa", model, bits)

    def quantised(call: Call, precision: Precision) -> Tensor:
        out = quantized_attention(
            *call[:6],
            scale=call.scale,
            enable_gqa=call.enable_gqa,
            qk=precision,
            smooth=smooth,
            rotate=rotate,
            strict_causal=strict_causal,
        )
        assert isinstance(out, Tensor)
        return out

    policy = _Policy(qk, quantised, bits, names, unsupported == "raise", stats)
    with contextlib.ExitStack() as block:
        if model is not None and bits is not None:
            block.enter_context(names.watching(model))
        block.enter_context(_sdpa_hook.handled_by(policy))
        yield stats


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"patch_sdpa: {name}: got {value!r}, expected one of {', '.join(known)}")


def check_bits(function: str, model: nn.Module | None, bits: Mapping[str, int]) -> None:
    """Refuse maps that cannot be meant."""
    if model is None:
        raise ValueError(f"{function}: bits: names layers, so it needs model, got None")
    known = {name for name, _ in model.named_modules()}
    for name, number in bits.items():
        if number not in OF_BITS:
            raise ValueError(f"{function}: bits[{name!r}]: got {number!r}, expected 4 or 8")
        if name not in known:
            raise ValueError(f"{function}: bits: got {name!r}, which is no module of the model")
