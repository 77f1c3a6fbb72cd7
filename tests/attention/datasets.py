"""What attention is measured on: synthetic q, k, v with the faults of real ones, and MiniLM's.

Each function takes a `Shape` and a seed and gives float32 tensors q [B, H, Lq, D],
k and v [B, Hkv, Lk, D]. Everything starts from independent N(0, 1); a biased channel has a
constant added that belongs to its head. Free parameters were picked so that INT4 of the codes
alone comes near the numbers of the design note, in % (naive, smooth K, smooth QK, and Hadamard):

    biased    note 67.0  93.3  98.2           here 60.7  89.2  98.9
    RoPE      note 82.9  83.6  88.1  96.1     here 78.5  80.1  90.0  97.5
    MiniLM    note 99.50 mean, 99.13 worst    here 99.38 mean, 98.69 worst (smooth QK)

(8 heads of 1024 x 128, seed 0, by `emulation`; seed 1: 64.0, 88.4, 98.7 and 84.5, 85.8, 91.4,
97.3.) What decides are the channels: q and k must share them, and under RoPE they must lie at
random, since the first 8 turn so fast that nothing is lost, and those at equal distances give
69 and 78 % for naive and smooth QK. MiniLM's numbers are those of the text that it reads: a
passage of 457 word pieces here; the same 36 sentences one by one give 99.65 and 99.34.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor

from longtail.demos.attention import minilm, sentences

BIAS = 10.0
BIASED = 8  # channels of a head, of 128; other widths have the same share
THETA = 5e5
PEAK = 4.0
#: Means of the channels of v are N(0, 1) times this.
V_MEAN = 3.0
#: What the sink's score has over the others', in their standard deviations; its v is small.
SINK, SINK_V = 8.0, 0.1

Inputs = tuple[Tensor, Tensor, Tensor]


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes; None: the same as of the queries."""

    batch: int = 1
    heads: int = 4
    length: int = 512
    dim: int = 128
    kv_heads: int | None = None
    keys: int | None = None

    @property
    def q(self) -> tuple[int, int, int, int]:
        return self.batch, self.heads, self.length, self.dim

    @property
    def k(self) -> tuple[int, int, int, int]:
        heads = self.heads if self.kv_heads is None else self.kv_heads
        return self.batch, heads, self.length if self.keys is None else self.keys, self.dim


def normal(shape: Shape = Shape(), seed: int = 0) -> Inputs:
    """N(0, 1) everywhere."""
    generator = torch.Generator().manual_seed(seed)
    q, k, v = (torch.randn(each, generator=generator) for each in (shape.q, shape.k, shape.k))
    return q, k, v


def k_biased(shape: Shape = Shape(), seed: int = 0) -> Inputs:
    """+-10 on 8 of 128 channels of k: adds the same to all scores of a row."""
    q, k, v = normal(shape, seed)
    return q, k + bias(shape, seed), v


def qk_biased(shape: Shape = Shape(), seed: int = 0) -> Inputs:
    """The same +-10 on q and on k of a head."""
    q, k, v = normal(shape, seed)
    added = bias(shape, seed)
    return q + added.repeat_interleave(q.shape[1] // k.shape[1], 1), k + added, v


def rope_biased(shape: Shape = Shape(), seed: int = 0) -> Inputs:
    """`qk_biased` as it is after rotary positions, where a mean is no longer a constant."""
    q, k, v = qk_biased(shape, seed)
    return rope(q, k.shape[2] - q.shape[2]), rope(k), v


def v_mean(shape: Shape = Shape(), seed: int = 0) -> Inputs:
    """Channels of v have means of their own: compare the outputs less these, or the error."""
    q, k, v = normal(shape, seed)
    generator = torch.Generator().manual_seed(seed + 1000)
    return q, k, v + V_MEAN * torch.randn(1, v.shape[1], 1, v.shape[3], generator=generator)


def sink(shape: Shape = Shape(), seed: int = 0) -> Inputs:
    """Every query looks at the first key, whose value is small: what trained decoders do."""
    q, k, v = normal(shape, seed)
    generator = torch.Generator().manual_seed(seed + 1000)
    share = q.shape[1] // k.shape[1]
    toward = torch.randn(1, k.shape[1], 1, shape.dim, generator=generator)
    toward = toward / toward.norm(dim=-1, keepdim=True)
    # q gains a common part along the direction, the first key is long in it: their product is
    # SINK * sqrt(D), and scores are divided by sqrt(D).
    length = math.sqrt(SINK) * shape.dim**0.25
    k[:, :, :1] = length * toward
    v[:, :, :1] *= SINK_V
    return q + length * toward.repeat_interleave(share, 1), k, v


def peaky(shape: Shape = Shape(), seed: int = 0) -> Inputs:
    """Scores four times as far apart: a few keys take all the weight."""
    q, k, v = normal(shape, seed)
    return PEAK * q, k, v


SYNTHETIC: dict[str, Callable[..., Inputs]] = {
    function.__name__: function
    for function in (normal, k_biased, qk_biased, rope_biased, v_mean, sink, peaky)
}


def bias(shape: Shape, seed: int) -> Tensor:
    """[1, Hkv, 1, D]: +-BIAS on random channels of each head, 8 of 128, at least one."""
    generator = torch.Generator().manual_seed(seed + 2000)
    count = max(1, BIASED * shape.dim // 128)
    added = torch.zeros(1, shape.k[1], 1, shape.dim)
    for head in range(shape.k[1]):
        channels = torch.randperm(shape.dim, generator=generator)[:count]
        signs = torch.randint(0, 2, (count,), generator=generator) * 2.0 - 1
        added[0, head, 0, channels] = BIAS * signs
    return added


def rope(x: Tensor, first: int = 0) -> Tensor:
    """Rotary positions as in Llama: channel c turns with channel c + D / 2; first: of row 0."""
    half = x.shape[-1] // 2
    frequency = THETA ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = (first + torch.arange(x.shape[-2], dtype=torch.float64))[:, None] * frequency
    cos, sin = angle.cos().float(), angle.sin().float()
    a, b = x[..., :half], x[..., half : 2 * half]
    return torch.cat([a * cos - b * sin, b * cos + a * sin, x[..., 2 * half :]], -1)


def mask_with_empty_rows(shape: Shape, seed: int = 0) -> Tensor:
    """Bool [B, 1, Lq, Lk], about half of it true, and every fifth row (from the second) empty."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(shape.batch, 1, shape.length, shape.k[2], generator=generator) < 0.5
    mask[:, :, 1::5] = False
    return mask


def minilm_layers(longest: int = 512) -> list[Inputs]:
    """q, k, v [1, 12, L, 32] of MiniLM's six layers on a text of 457 word pieces, cut to `longest`.

    data.MissingDataError where its weights were not fetched.
    """
    return minilm.layers_of([sentences.passage()], longest)


def minilm_sentences() -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """The same for the 36 sentences as a batch: q, k, v [36, 12, 18, 32] and which keys are text,
    bool [36, 1, 1, 18]. Rows of padding are there, as in the encoder."""
    numbers, text = minilm.tokenizer()(sentences.sentences())
    mask = text[:, None, None]
    layers: list[Inputs] = []
    with torch.no_grad():
        minilm.load()(numbers, text, minilm.exact, lambda i, q, k, v: layers.append((q, k, v)))
    return [(*layer, mask) for layer in layers]


def cosine(found: Tensor, expected: Tensor) -> float:
    """Of two tensors as a whole, float64."""
    a, b = found.double().flatten(), expected.double().flatten()
    return float(a @ b / (a.norm() * b.norm()))


def cosines_of_heads(found: Tensor, expected: Tensor) -> Tensor:
    """[B * H] of [B, H, L, D], each head as a whole: for the mean and the worst."""
    a, b = (each.double().flatten(0, 1).flatten(1) for each in (found, expected))
    return torch.nn.functional.cosine_similarity(a, b, dim=1, eps=0.0)
