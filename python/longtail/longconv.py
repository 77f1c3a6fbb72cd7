"""Convolutions of rows with taps as many as the rows are long.

Sources: Nussbaumer, "Fast Fourier Transform and Convolution Algorithms", 1982 (right-angle
convolution); Li et al., "What Makes Convolutional Models Great on Long Sequence Modeling?", 2022;
Fu et al., "Simple Hardware-Efficient Long Convolutions for Sequence Modeling", 2023.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail import _library, _longconv_formula  # noqa: F401  (loads the raw ops)
from longtail._arguments import check_tensor
from longtail._autograd import is_plain_call
from longtail._longconv_arguments import ConvArguments, conv_arguments, split_taps
from longtail._parametric import Placement, formula_of, parametric_function

__all__ = ["LongKernel", "long_conv"]


class LongKernel:
    """The taps of a long convolution, with their spectrum once it has been taken.

    Pass it to ``long_conv`` in place of k. A spectrum is kept for each length of rows, dtype and
    device, and taken anew when k has changed in place. It is used where no gradient is asked for in
    k; otherwise, and inside ``torch.compile``, the call does without.

    Args:
        k: ``[H, K]`` or ``[C, H, K]``, as of ``long_conv``. Kept, not copied.
    """

    def __init__(self, k: Tensor) -> None:
        check_tensor("LongKernel", "k", k)
        if k.dim() not in (2, 3) or k.shape[-1] == 0:
            raise ValueError(
                f"LongKernel: k has shape {list(k.shape)}, expected [H, K] or [C, H, K] with K > 0"
            )
        self.k = k
        self._version = -1
        self._spectra: dict[tuple[Any, ...], Tensor] = {}

    def __repr__(self) -> str:
        return f"LongKernel(shape={list(self.k.shape)}, dtype={self.k.dtype})"

    def __getstate__(self) -> dict[str, Any]:
        # A spectrum is in the order of one machine's vectors.
        return {"k": self.k, "_version": -1, "_spectra": {}}

    def clear(self) -> None:
        """Forget all spectra."""
        self._spectra.clear()

    def spectrum(self, arguments: ConvArguments) -> Tensor:
        """That of the taps of a call."""
        version = -1 if self.k.is_inference() else self.k._version
        if version != self._version:
            self._spectra.clear()
            self._version = version
        u, k, k_rev, *_, state = arguments.tensors
        with_state = _longconv_formula.given(state)
        key = (u.shape[-1], u.dtype, u.device, k.shape[-1], with_state)
        if key not in self._spectra:
            with torch.no_grad():
                self._spectra[key] = torch.ops.longtail.long_conv_spectrum(
                    k, k_rev, u[:0], with_state
                )
        return self._spectra[key]


def long_conv(
    u: Tensor,
    k: Tensor | LongKernel,
    *,
    skip: Tensor | None = None,
    k_rev: Tensor | None = None,
    gate_in: Tensor | None = None,
    gate_out: Tensor | None = None,
    causal: bool = True,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """``y = gate_out (k * x + skip x)``, ``x = gate_in u``, with ``*`` along the last dimension.

    ``(k * x)[n] = sum_{j < K} k[j] x[n - j] + sum_{j < R} k_rev[j] x[n + 1 + j]``, x = 0 outside
    the row. Its time grows as L log L, whatever K; nothing is allocated but y and the spectrum of
    the taps (on CUDA also a table of roots, and up to 32 MB for long rows and for gradients).

    Args:
        u: ``[..., H, L]``, float64, float32, bfloat16 or float16; the narrower three are computed
            in float32 and rounded once. Any L, 0 too.
        k: ``[H, K]``, or ``[C, H, K]`` for C results a row; in the dtype of u or float32. Any K:
            taps beyond L meet nothing. Or a ``LongKernel`` of it.
        skip: ``[H]`` or ``[C, H]``, in the dtype of k.
        k_rev: ``[H, R]`` or ``[C, H, R]``, in the dtype of k: taps on what is ahead, the first of
            them at lag -1.
        gate_in: broadcast to u; in its dtype.
        gate_out: broadcast to y; in the dtype of u.
        causal: False without k_rev: k is centred, as ``mode="same"`` of numpy.convolve has it:
            ``k[(K - 1) // 2]`` acts at lag 0.
        initial_state: ``[..., H, K - 1]``, in the dtype of u: what x was before the row. None: 0.
        return_final_state: also return the last K - 1 numbers of x, for the next call. Causal only,
            as initial_state is.

    Returns:
        y ``[..., H, L]``, or ``[..., C, H, L]`` where k has C, contiguous; with
        ``return_final_state`` also the state. Largest error relative to the norm of a row: 1e-6 in
        float32 to L = 2^20 (of N(0, 1) inputs 4e-7), 1e-14 in float64, and what one rounding
        costs, 5e-4 in float16 and 4e-3 in bfloat16. It is one of the whole row: where a row's
        results fade, or cancel, so do their digits. Gradients likewise, in their own dtypes.

    Gradients: exact in all tensors, to any order (from the second on, and in forward mode, by torch
    operations in float64). The same bits on repeat and for any number of threads.

    Raises:
        TypeError: a dtype that is not floating point or does not fit.
        ValueError: a wrong shape or several devices.
        NotImplementedError: a state where the convolution looks ahead.
    """
    kernel = k if isinstance(k, LongKernel) else None
    taps = kernel.k if kernel is not None else k
    after, ahead = split_taps(taps, k_rev, causal)
    stateful = initial_state is not None or return_final_state
    if stateful and (ahead is not None or not causal):
        raise NotImplementedError(
            "long_conv: initial_state and return_final_state need a causal convolution: with "
            "causal=False or k_rev results depend on what is still to come"
        )
    arguments = conv_arguments(u, after, ahead, skip, gate_in, gate_out, initial_state)
    with_data = kernel is not None and not u.is_meta
    if kernel is not None and with_data and ahead is None and is_plain_call(arguments.tensors):
        y = torch.ops.longtail.long_conv_with_spectrum(
            *arguments.tensors, kernel.spectrum(arguments)
        )
    else:
        y = _long_conv(*arguments.tensors)
    y = arguments.shaped(y)
    return (y, arguments.final_state()) if return_final_state else y


def _shard(u: Any, k: Any, k_rev: Any, skip: Any, gate_in: Any, gate_out: Any, state: Any) -> Any:
    """Batches, where taps get shares of their gradients, and heads."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole: Any = Replicate()
    tensors = (u, k, k_rev, skip, gate_in, gate_out, state)
    there = [len(each.shape) > 1 for each in tensors]

    def where_given(*placements: Any) -> list[Any]:
        return [
            each if is_there else whole for each, is_there in zip(placements, there, strict=True)
        ]

    batch: Any = Shard(0)
    of_taps, of_gradient = [whole] * 3, [Partial()] * 3
    heads, of_result = Shard(1), Shard(2)
    by_heads = where_given(heads, heads, heads, heads, heads, of_result, heads)
    return [
        Placement(whole, [whole] * 7, [whole] * 7),
        Placement(
            batch,
            where_given(batch, *of_taps, batch, batch, batch),
            where_given(batch, *of_gradient, batch, batch, batch),
        ),
        Placement(of_result, by_heads, by_heads),
    ]


_long_conv: Any = parametric_function(
    "long_conv", formula_of(_longconv_formula.value, 7), _shard, tensors=7, one_by_one=True
)
