"""Meeting calls of torch's scaled_dot_product_attention, and knowing which layer makes them.

`torch.nn.functional.scaled_dot_product_attention` is replaced once, while any block is open, by a
function that asks a context variable what to do: so a block concerns only the thread (or asyncio
task) that opened it, and all others go on to torch's own function.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional


class Call(NamedTuple):
    """The arguments of one call, as torch names them."""

    query: Tensor
    key: Tensor
    value: Tensor
    attn_mask: Tensor | None = None
    dropout_p: float = 0.0
    is_causal: bool = False
    scale: float | None = None
    enable_gqa: bool = False


class Handler(Protocol):
    """What an open block does with the calls of its thread."""

    def attend(self, call: Call, exact: Callable[[Call], Tensor]) -> Tensor:
        """The result of a call; `exact` is torch's own function."""
        raise NotImplementedError

    def weights_asked(self) -> None:
        """nn.MultiheadAttention is about to compute weights to return, without SDPA."""


_handler: contextvars.ContextVar[Handler | None] = contextvars.ContextVar("handler", default=None)


def _exact(call: Call) -> Tensor:
    return _installation.attention(
        call.query,
        call.key,
        call.value,
        attn_mask=call.attn_mask,
        dropout_p=call.dropout_p,
        is_causal=call.is_causal,
        scale=call.scale,
        enable_gqa=call.enable_gqa,
    )


@torch.compiler.disable
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Stands in for torch's function while a block is open; ends the graphs of torch.compile."""
    call = Call(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)
    handler = _handler.get()
    return _exact(call) if handler is None else handler.attend(call, _exact)


def multi_head_attention_forward(*args: Any, **kwargs: Any) -> Any:
    """Stands in for torch's function, to notice calls that return weights: they need no SDPA."""
    handler = _handler.get()
    # nn.MultiheadAttention gives it by name; the 14th argument otherwise, true by default.
    asked = kwargs.get("need_weights", args[13] if len(args) > 13 else True)
    if handler is not None and asked:
        handler.weights_asked()
    return _installation.multi_head(*args, **kwargs)


class _Installation:
    """The replaced functions, how many blocks are open, and what was there before."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks = 0
        self.attention = functional.scaled_dot_product_attention
        self.multi_head = functional.multi_head_attention_forward
        self.fast_path = True

    def enter(self) -> None:
        with self.lock:
            if self.blocks == 0:
                self.attention = functional.scaled_dot_product_attention
                self.multi_head = functional.multi_head_attention_forward
                self.fast_path = torch.backends.mha.get_fastpath_enabled()
                _put("scaled_dot_product_attention", scaled_dot_product_attention)
                _put("multi_head_attention_forward", multi_head_attention_forward)
                # The fast path of nn.MultiheadAttention and nn.TransformerEncoderLayer is one
                # fused operator, which no call of SDPA can be seen in.
                torch.backends.mha.set_fastpath_enabled(False)
            self.blocks += 1

    def leave(self) -> None:
        with self.lock:
            self.blocks -= 1
            if self.blocks:
                return
            # Where someone else has replaced the functions since, ours may stay: without a block
            # they only pass calls on.
            if functional.scaled_dot_product_attention is scaled_dot_product_attention:
                _put("scaled_dot_product_attention", self.attention)
            if functional.multi_head_attention_forward is multi_head_attention_forward:
                _put("multi_head_attention_forward", self.multi_head)
            torch.backends.mha.set_fastpath_enabled(self.fast_path)


def _put(name: str, function: Callable[..., Any]) -> None:
    setattr(functional, name, function)


_installation = _Installation()


@contextlib.contextmanager
def handled_by(handler: Handler) -> Iterator[None]:
    """Calls of this thread inside the block go to `handler`; the innermost block decides."""
    _installation.enter()
    token = _handler.set(handler)
    try:
        yield
    finally:
        _handler.reset(token)
        _installation.leave()


class LayerNames:
    """Which module of a model is running in this thread, by hooks that `watching` puts on all."""

    def __init__(self) -> None:
        self._running = threading.local()

    @property
    def innermost(self) -> str:
        """The qualified name of the innermost module that is running; "" outside and at the top."""
        stack = self._stack()
        return stack[-1] if stack else ""

    def _stack(self) -> list[str]:
        if not hasattr(self._running, "stack"):
            self._running.stack = []
        stack: list[str] = self._running.stack
        return stack

    @contextlib.contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Put hooks on every module of `model`, and take them off at the end."""
        with contextlib.ExitStack() as hooks:
            for name, module in model.named_modules():
                handles = (
                    module.register_forward_pre_hook(self._entering(name), prepend=True),
                    module.register_forward_hook(self._leaving, always_call=True),
                )
                for handle in handles:
                    hooks.callback(handle.remove)
            yield

    def _entering(self, name: str) -> Callable[[nn.Module, Any], None]:
        def hook(module: nn.Module, arguments: Any) -> None:
            self._stack().append(name)

        return hook

    def _leaving(self, module: nn.Module, arguments: Any, result: Any) -> None:
        self._stack().pop()
