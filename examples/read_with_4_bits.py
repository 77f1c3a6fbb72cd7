"""What does a language model lose when its keys and values are kept in 8 or 4 bits?

python examples/read_with_4_bits.py [--quick] [--out FOLDER]

A transformer of two layers learns to spell out of the language reference that ships with Python
(`pydoc_data`). Then it reads passages that it has not seen, letter after letter, with three caches:
exact tensors, 8 and 4 bits. Last, it reads them at once with quantised scores. With a folder, a
picture of what a letter costs by how many have been read is left there.
"""

import argparse
import math
import pathlib
from pydoc_data.topics import topics

import torch
from torch import Tensor, nn
from torch.nn import functional

import longtail
from longtail import QuantizedKVCache

parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true", help="fewer steps of training")
parser.add_argument("--out", type=pathlib.Path)
options = parser.parse_args()
WIDTH, HEADS, LAYERS, CONTEXT = 128, 2, 2, 256


class ExactCache:
    """The same two calls as a QuantizedKVCache, on tensors as they are."""

    def __init__(self) -> None:
        self.k = self.v = torch.empty(0)

    def append(self, k: Tensor, v: Tensor) -> None:
        self.k = torch.cat([self.k, k], 2) if self.k.numel() else k
        self.v = torch.cat([self.v, v], 2) if self.v.numel() else v

    def attend(self, q: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(q, self.k, self.v)

    @property
    def nbytes(self) -> int:
        return 4 * (self.k.numel() + self.v.numel())


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, x: Tensor, cache=None) -> Tensor:
        q, k, v = self.qkv(self.before(x)).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        if cache is None:
            attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            cache.append(k, v)
            attended = cache.attend(q)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        return x + self.mlp(self.between(x))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(128, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 128))
        for table in (self.letters, self.places):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, letters: Tensor, first: int = 0, caches=(None,) * LAYERS) -> Tensor:
        places = torch.arange(first, first + letters.shape[1])
        x = self.letters(letters) + self.places(places)
        for layer, cache in zip(self.layers, caches, strict=True):
            x = layer(x, cache)
        return self.head(x)


def bits(logits: Tensor, letters: Tensor) -> Tensor:
    """What each next letter costs by what the model expected. # [B, L - 1]"""
    nats = functional.cross_entropy(logits[:, :-1].mT, letters[:, 1:], reduction="none")
    return nats / math.log(2)


# Half a million letters in rows of 256; eight rows, here and there, are kept apart.
text = "\n".join(topics.values()).encode("ascii", "ignore")
rows = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
rows = rows[: len(rows) // CONTEXT * CONTEXT].view(-1, CONTEXT)
apart = torch.linspace(0, len(rows) - 1, 10).long()[1:-1]
unseen, seen = rows[apart], rows[[i for i in range(len(rows)) if i not in apart.tolist()]]

torch.manual_seed(0)
torch.set_num_threads(1)
model = Model()
steps = 30 if options.quick else 1500
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
for _ in range(steps):
    letters = seen[torch.randint(len(seen), (8,))]
    loss = bits(model(letters), letters).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()

torch.set_grad_enabled(False)
model.eval()
whole = model(unseen)
print(f"{seen.numel()} letters to learn from")
print(f"all at once, exactly: {bits(whole, unseen).mean():.3f} bits a letter")

# One letter at a time, as in generation: each attends to the cache of what came before.
makers = {
    "exact": ExactCache,
    "8 bits": lambda: QuantizedKVCache(bits=8),
    "4 bits": lambda: QuantizedKVCache(bits=4),
}
costs = {}
for name, maker in makers.items():
    caches = [maker() for _ in range(LAYERS)]
    logits = torch.cat([model(unseen[:, i : i + 1], i, caches) for i in range(CONTEXT)], 1)
    same = float((logits.argmax(-1) == whole.argmax(-1)).float().mean())
    size = sum(cache.nbytes for cache in caches) / unseen.numel()
    costs[name] = bits(logits, unseen).mean(0)
    print(
        f"{name:>6} in the cache: {costs[name].mean():.3f} bits, {same:.1%} the same guess, "
        f"{size:.0f} bytes a letter"
    )

# All letters at once, with scores from 8-bit and 4-bit codes. The model is not changed.
for qk, smooth in (("int8", "k"), ("int4", "qk")):
    with longtail.patch_sdpa(qk=qk, smooth=smooth) as stats:
        logits = model(unseen)
    print(f"{qk} scores: {bits(logits, unseen).mean():.3f} bits; {stats}")

if options.out:
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(9, 3.2), layout="constrained")
    for (name, cost), style in zip(costs.items(), ("k-", "C0--", "C1-"), strict=True):
        axis.plot(cost.unfold(0, 32, 8).mean(1), style, label=name, linewidth=1)
    axis.set(xlabel="letters read, in eights", ylabel="bits a letter, mean of 32")
    axis.legend()
    options.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out / "read_with_4_bits.png", dpi=100)
