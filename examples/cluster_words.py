"""What are words about? Directions of word vectors, told apart by von Mises-Fisher mixtures.

python examples/cluster_words.py [--quick] [--out FOLDER]

The vectors are read out of the wheel of wordllama (`pip install wordllama==0.4.0.post1`, or
`longtail demo --fetch`); the package is never imported. With a folder, a picture is left there.
"""

import argparse
import pathlib

import torch

from longtail.demos import data
from longtail.distributions import VonMisesFisher, VonMisesFisherMixture

parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true", help="fewer words and components")
parser.add_argument("--out", type=pathlib.Path)
options = parser.parse_args()

# Unit vectors [32000, 256] and the word pieces that they stand for; a tenth is held out.
words = data.wordllama()
order = torch.randperm(len(words.vectors), generator=torch.Generator().manual_seed(0))
order = order[: 5000 if options.quick else 32000]
held_out, train = words.vectors[order].tensor_split([len(order) // 10])

# One direction for all of them.
one = VonMisesFisher.fit(train)
print(f"one vMF: kappa {float(one.concentration):.2f}, {float(one.log_prob(held_out).mean()):.2f}")

# Many directions, by EM.
mixture = VonMisesFisherMixture(
    12 if options.quick else 32, max_iterations=20 if options.quick else 100, generator=0
)
mixture.fit(train)
print(f"mixture: {mixture.score(held_out):.2f} nats a held-out word, {mixture.n_iter_} steps")

# The whole words that are nearest to each mean direction.
whole = [i for i, token in enumerate(words.tokens) if token[0] == "▁" and token[1:].isalpha()]
cosines = mixture.means_.to(torch.float32) @ words.vectors[whole].T
for component in mixture.weights_.argsort(descending=True).tolist():
    nearest = [words.tokens[whole[i]][1:] for i in cosines[component].topk(6).indices.tolist()]
    kappa = float(mixture.concentrations_[component])
    print(f"{float(mixture.weights_[component]):.3f}  kappa {kappa:4.0f}  {' '.join(nearest)}")

if options.out:
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(7, 2.9), layout="constrained")
    left.plot(mixture.history_)
    left.axhline(float(one.log_prob(train).mean()), color="tab:orange", linestyle="--")
    left.set(xlabel="EM step", ylabel="nats a word", title="mixture, and one vMF (dashed)")
    right.scatter(mixture.weights_, mixture.concentrations_)
    right.set(xlabel="weight", ylabel="kappa", yscale="log", title="components")
    options.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out / "cluster_words.png", dpi=130)
