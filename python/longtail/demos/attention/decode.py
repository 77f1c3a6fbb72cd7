"""Part 1: one new token that looks at a cache of 32768, in 4 and 8 bits and as others have it."""

from __future__ import annotations

import dataclasses
import importlib.util
import statistics
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from longtail.demos import Finding, Stage, measuring
from longtail.demos.attention.encoder import cosine
from longtail.demos.measuring import Bar
from longtail.kv_cache import QuantizedKVCache
from longtail.report import Fact, Figure, Note, Table, Text
from longtail.report import figures as draw

HEADS, KV_HEADS, WIDTH = 32, 8, 128
#: Tokens and rounds: whole, quick.
WHOLE, QUICK = (32768, 7), (8192, 3)
#: A bias on some channels of the keys, as models have: N(0, 1) and this much on every 16th.
BIAS = 5.0

OURS4, OURS8 = "longtail, 4 bits", "longtail, 8 bits"
FOLDED, SHARED, FP8 = (
    "torch SDPA, group as queries",
    "torch SDPA, enable_gqa",
    "transformers, QuantizedCache fp8",
)


@dataclasses.dataclass
class Rival:
    """One way to attend: what a token costs, bytes of keys and values, and the seconds it took."""

    step: Callable[[], Tensor]
    nbytes: Callable[[], int]
    seconds: list[float] = dataclasses.field(default_factory=list)
    cosine: float = 0.0

    @property
    def milliseconds(self) -> float:
        """The median."""
        return 1e3 * statistics.median(self.seconds)


def run(stage: Stage) -> Finding:
    """Fill each cache, take turns at a token, and compare time, memory and error."""
    tokens, rounds = QUICK if stage.quick else WHOLE
    with measuring.one_thread(), torch.inference_mode():
        q, k, v = inputs(tokens)
        with stage.console.step(f"caches of {tokens} tokens") as step:
            rivals, remark = contestants(q, k, v, tokens - rounds - 1)
            step.note("" if FP8 in rivals else remark)
        with stage.console.step("one token after another", rounds) as step:
            measure(rivals, q, k, v, rounds, step.advance)
            step.note(", ".join(f"{x.milliseconds:.1f} ms" for x in rivals.values()))
    best = min(rivals[FOLDED].milliseconds, rivals[SHARED].milliseconds)
    ours = rivals[OURS4]
    exact_bytes = rivals[SHARED].nbytes()
    return Finding(
        today=[
            Fact(
                f"{best:.1f} ms",
                f"for the next token after {tokens}, by torch's attention at its fastest",
            ),
            Fact(f"{exact_bytes / 1e6:.0f} MB", f"of keys and values, {tokens} tokens, one layer"),
        ],
        ours=[
            Fact(
                f"{ours.milliseconds:.1f} ms",
                f"for the next token after {tokens}, keys and values in 4 bits",
            ),
            Fact(
                f"{ours.nbytes() / 1e6:.0f} MB",
                f"of keys and values, {ours.nbytes() / exact_bytes:.0%} of bfloat16's",
            ),
        ],
        pictures=[_picture(rivals)],
        bars=bars(rivals, whole=not stage.quick),
        notes=[Note(remark)] if FP8 not in rivals else [],
        details=[
            Text(
                f"{tokens} tokens, {HEADS} heads of {WIDTH} channels that share {KV_HEADS} heads "
                "of keys and values, as in an 8-billion-parameter model. "
                "`longtail.QuantizedKVCache` keeps them in 4 or 8 bits and unpacks the codes in "
                "registers, where they are used; other quantised caches write all of them out for "
                f"every token. One layer, bfloat16, CPU time of one thread. {remark}"
            ),
            Table(
                ("Cache", "ms a token", "Tokens a second", "MB", "Cosine, %"),
                [
                    (
                        name,
                        f"{each.milliseconds:.2f}",
                        f"{1e3 / each.milliseconds:.0f}",
                        f"{each.nbytes() / 1e6:.1f}",
                        f"{100 * each.cosine:.3f}",
                    )
                    for name, each in rivals.items()
                ],
                f"Medians of {rounds} rounds in which all take turns. Ours and transformers' "
                "append the token and attend, torch's attends only. transformers without a mask "
                "takes enable_gqa; folding the group into the queries is the fastest form we "
                "know. MB: all that the cache holds, scales included; ours grows by half when it "
                "is full, which it is not yet. Cosine: of the last output with float32's. Keys "
                "and values are noise, with a bias on some channels of the keys: all tokens count "
                "alike, which is the hardest case for few bits.",
            ),
        ],
    )


def inputs(tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    """One query and a cache's keys and values, bfloat16."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(1, HEADS, 1, WIDTH, generator=generator)
    k, v = (torch.randn(1, KV_HEADS, tokens, WIDTH, generator=generator) for _ in range(2))
    k[..., ::16] += BIAS
    return q.to(torch.bfloat16), k.to(torch.bfloat16), v.to(torch.bfloat16)


def contestants(q: Tensor, k: Tensor, v: Tensor, prompt: int) -> tuple[dict[str, Rival], str]:
    """All that can run here, and what is said of those that cannot. Caches that grow are filled
    with the prompt, torch attends to all of k and v."""
    attend = functional.scaled_dot_product_attention
    groups = q.unflatten(1, (KV_HEADS, -1)).squeeze(3)
    rivals = {name: _ours(bits, q, k, v, prompt) for name, bits in ((OURS4, 4), (OURS8, 8))}
    rivals[FOLDED] = Rival(
        lambda: attend(groups, k, v).flatten(1, 2).unsqueeze(2), lambda: k.nbytes + v.nbytes
    )
    rivals[SHARED] = Rival(lambda: attend(q, k, v, enable_gqa=True), lambda: k.nbytes + v.nbytes)
    remark = _without_transformers()
    if not remark:
        rivals[FP8] = _transformers(q, k, v, prompt)
        remark = (
            "transformers' QuantizedCache is run with its fp8 backend. Its 4-bit backends, quanto "
            "and hqq, are packages of their own; quanto compiles an extension for minutes when it "
            "is first used, so neither is run here."
        )
    return rivals, remark


def _ours(bits: int, q: Tensor, k: Tensor, v: Tensor, prompt: int) -> Rival:
    cache = QuantizedKVCache(bits)
    cache.append(k[:, :, :prompt], v[:, :, :prompt])

    def step() -> Tensor:
        new = slice(cache.length, cache.length + 1)
        cache.append(k[:, :, new], v[:, :, new])
        out = cache.attend(q)
        assert isinstance(out, Tensor)
        return out

    return Rival(step, lambda: cache.nbytes)


def _without_transformers() -> str:
    """Why transformers' cache is not there; empty if it is."""
    if importlib.util.find_spec("transformers") is None:
        return "transformers' QuantizedCache is skipped: transformers is not installed."
    from transformers import QuantizedCache

    try:
        QuantizedCache("fp8", _config())
    except (TypeError, ValueError) as error:
        return f"transformers' QuantizedCache is skipped: no fp8 backend ({error})."
    return ""


def _config() -> object:
    from transformers import LlamaConfig

    return LlamaConfig(
        hidden_size=HEADS * WIDTH,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        num_hidden_layers=1,
    )


def _transformers(q: Tensor, k: Tensor, v: Tensor, prompt: int) -> Rival:
    """Its fp8 cache: the layer unpacks all of it, then SDPA with enable_gqa."""
    from transformers import QuantizedCache

    cache = QuantizedCache("fp8", _config())
    cache.update(k[:, :, :prompt], v[:, :, :prompt], 0)

    def step() -> Tensor:
        new = slice(cache.get_seq_length(), cache.get_seq_length() + 1)
        keys, values = cache.update(k[:, :, new], v[:, :, new], 0)
        return functional.scaled_dot_product_attention(q, keys, values, enable_gqa=True)

    # One byte a number, and a scale for all.
    return Rival(step, lambda: (k.numel() + v.numel()) * torch.float8_e4m3fn.itemsize)


def measure(
    rivals: dict[str, Rival],
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rounds: int,
    on_round: Callable[[], None],
) -> None:
    """Time a token of each, in turns, after one that does not count; the last shows the error."""
    groups = q.float().unflatten(1, (KV_HEADS, -1)).squeeze(3)
    expected = functional.scaled_dot_product_attention(groups, k.float(), v.float())
    for rival in rivals.values():
        rival.step()
    for _ in range(rounds):
        for rival in rivals.values():
            start = measuring.clock()
            out = rival.step()
            rival.seconds.append(measuring.clock() - start)
            rival.cosine = cosine(out, expected)
        on_round()


def bars(rivals: dict[str, Rival], *, whole: bool) -> list[Bar]:
    """What was set beforehand, for 32768 tokens; the times of the quick run are not held to it."""
    ours, exact = rivals[OURS4], rivals[SHARED]
    memory = [Bar("memory over bfloat16's, 4 bits", ours.nbytes() / exact.nbytes(), 0.33, True)]
    if not whole:
        return memory
    best = min(rivals[FOLDED].milliseconds, rivals[SHARED].milliseconds)
    return [
        Bar("SDPA's best form over ours, 4 bits", best / ours.milliseconds, 8),
        Bar("SDPA with enable_gqa over ours, 4 bits", exact.milliseconds / ours.milliseconds, 70),
        *memory,
    ]


def _picture(rivals: dict[str, Rival]) -> Figure:
    names = list(rivals)[::-1]
    colours = [draw.OURS if name in (OURS4, OURS8) else draw.RIVAL for name in names]
    with draw.drawing(5.4, 4.2, rows=2) as drawn:
        times, memory = drawn.axes
        times.barh(names, [rivals[name].milliseconds for name in names], color=colours)
        draw.logarithmic(times, min(rival.milliseconds for rival in rivals.values()) / 4)
        times.set_xlabel("ms a token")
        memory.barh(names, [rivals[name].nbytes() / 1e6 for name in names], color=colours)
        memory.set_xlabel("MB of keys and values")
        for ax in drawn.axes:
            ax.grid(axis="y", visible=False)
    return drawn.figure(
        "Time of a token (logarithmic) and memory of one layer's cache.",
        "Bars of time and of memory; ours are shortest.",
    )
