"""Deep sequence models that are trained on whole rows and run one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from longtail.nn.s4d import S4D

__all__ = ["SequenceModel"]

#: What a layer gives for u ``[B, H, L]``; and with a state, whatever it is to the layer.
Layer = nn.Module


class SequenceModel(nn.Module):
    """Pre-norm residual blocks of a layer that mixes along the sequence.

    ``x = x + dropout(layer(norm(x)))`` for each block, between a linear encoder and a linear
    decoder; with ``pool`` the mean over the sequence is decoded, for classification.

    Args:
        d_input: channels of the input.
        d_output: of the output.
        d_model: H, channels of the blocks.
        n_layers: how many.
        layer: H to a layer: a module whose forward takes u ``[B, H, L]`` and gives its like, for
            generation also ``return_final_state``, and has ``step(u_t, state)``. S4D by default;
            SGConv and LongConv fit as well.
        dropout: after each layer, whole channels of a row at a time.
        pool: whether the output is one vector a row.
        device: of the parameters.
        dtype: of the parameters.

    Shapes: x ``[B, L, d_input]`` gives ``[B, L, d_output]``, or ``[B, d_output]`` with ``pool``.

    Generation: ``prefill(x)`` gives the outputs of a row and the state behind it, ``step(x_t,
    state)`` the next output and state, in constant memory: together those of ``forward`` on the
    longer row.
    """

    def __init__(
        self,
        d_input: int,
        d_output: int,
        d_model: int = 64,
        n_layers: int = 4,
        *,
        layer: Callable[[int], Layer] = S4D,
        dropout: float = 0.0,
        pool: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for argument, size in (
            ("d_input", d_input),
            ("d_output", d_output),
            ("d_model", d_model),
            ("n_layers", n_layers),
        ):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(f"SequenceModel: {argument} is {size!r}, expected a positive int")
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        self.pool = pool
        self.encoder = nn.Linear(d_input, d_model, **like)
        self.norms = nn.ModuleList(nn.LayerNorm(d_model, **like) for _ in range(n_layers))
        self.layers = nn.ModuleList(layer(d_model).to(device, dtype) for _ in range(n_layers))
        self.dropout = nn.Dropout1d(dropout)
        self.decoder = nn.Linear(d_model, d_output, **like)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, L, d_output]``, or ``[B, d_output]`` with ``pool``."""
        x = self.encoder(self._checked("forward", x, 3))
        for norm, layer in zip(self.norms, self.layers, strict=True):
            y = layer(norm(x).transpose(1, 2))
            x = x + self.dropout(y).transpose(1, 2)
        result: Tensor = self.decoder(x.mean(1) if self.pool else x)
        return result

    @torch.no_grad()
    def prefill(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """The outputs of rows, and the states of all layers behind them.

        Args:
            x: ``[B, L, d_input]``.
            lengths: ``[B]``, int64: how many of each row's steps count; the rest is padding behind
                them, whose outputs are zeros. None: all.

        Returns:
            ``[B, L, d_output]`` and a list of states for ``step``.
        """
        self._check_generation("prefill")
        batch, length = self._checked("prefill", x, 3).shape[:2]
        ends = self._lengths(lengths, batch, length, x.device)
        # Rows end together, so that states do; what stands in front of a row is silence.
        place = torch.arange(length, device=x.device)
        shift = (length - ends)[:, None]
        inside = place >= shift
        source = (place - shift).clamp(min=0)[..., None]
        x = self.encoder(x.gather(1, source.expand(-1, -1, x.shape[-1])))
        states = []
        for norm, layer in zip(self.norms, self.layers, strict=True):
            u = (norm(x) * inside[..., None]).transpose(1, 2)
            y, state = layer(u, return_final_state=True)
            states.append(state)
            x = x + y.transpose(1, 2)
        y = self.decoder(x) * inside[..., None]
        back = (place + shift).clamp(max=max(0, length - 1))[..., None]
        y = y.gather(1, back.expand(-1, -1, y.shape[-1]))
        return y * (place < ends[:, None])[..., None], states

    @torch.no_grad()
    def step(self, x_t: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The next output ``[B, d_output]`` of x ``[B, d_input]``, and the next states."""
        self._check_generation("step")
        x = self.encoder(self._checked("step", x_t, 2))
        if len(states) != len(self.layers):
            raise ValueError(
                f"SequenceModel.step: {len(states)} states, expected one for each of "
                f"{len(self.layers)} layers, as prefill gives them"
            )
        after = []
        for norm, layer, state in zip(self.norms, self.layers, states, strict=True):
            run: Any = layer
            y, state = run.step(norm(x), state)
            after.append(state)
            x = x + y
        result: Tensor = self.decoder(x)
        return result, after

    def _checked(self, method: str, x: Tensor, dims: int) -> Tensor:
        if not isinstance(x, Tensor):
            raise TypeError(f"SequenceModel.{method}: x must be a Tensor, got {type(x).__name__}")
        if x.dim() != dims or x.shape[-1] != self.encoder.in_features:
            shape = "[B, L, " if dims == 3 else "[B, "
            raise ValueError(
                f"SequenceModel.{method}: x has shape {list(x.shape)}, expected "
                f"{shape}{self.encoder.in_features}]"
            )
        return x

    def _check_generation(self, method: str) -> None:
        if self.pool:
            raise NotImplementedError(
                f"SequenceModel.{method}: a model with pool=True has one output a row, none a step"
            )
        if self.training and self.dropout.p > 0:
            raise NotImplementedError(
                f"SequenceModel.{method}: in train mode dropout would make every step another "
                "model; call eval() first"
            )

    @staticmethod
    def _lengths(lengths: Any, batch: int, length: int, device: torch.device) -> Tensor:
        name = "SequenceModel.prefill"
        if lengths is None:
            return torch.full((batch,), length, device=device)
        if not isinstance(lengths, Tensor) or lengths.dtype != torch.int64:
            got = lengths.dtype if isinstance(lengths, Tensor) else type(lengths).__name__
            raise TypeError(f"{name}: lengths must be an int64 Tensor, got {got}")
        if lengths.shape != (batch,):
            raise ValueError(f"{name}: lengths has shape {list(lengths.shape)}, expected {[batch]}")
        if batch and not 0 <= int(lengths.min()) <= int(lengths.max()) <= length:
            raise ValueError(f"{name}: lengths are {lengths.tolist()}, expected 0 to {length}")
        return lengths.to(device)
