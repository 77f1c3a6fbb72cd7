"""Give a trained vision transformer learnable activations without changing what it answers.

python examples/replace_activations.py

A small transformer of torch's own layers, with GELU, learns scikit-learn's handwritten digits. Then
its activations become rationals that start as GELU, to 1e-2 of the logits' spread; then only their
coefficients are trained.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from longtail.nn import Replacement, replace_activations

torch.manual_seed(0)
torch.set_num_threads(1)  # so small a model is slower on several


class VisionTransformer(nn.Module):
    """Patches of 2 x 2 pixels, two layers of width 48, the mean of all patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 48, 2, 2)
        self.positions = nn.Parameter(0.1 * torch.randn(16, 48))
        layer = nn.TransformerEncoderLayer(
            48, 4, 192, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, nn.LayerNorm(48), enable_nested_tensor=False)
        self.head = nn.Linear(48, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rows = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.layers(rows).mean(1))


def train(model: nn.Module, epochs: int, rate: float) -> None:
    model.train()
    parameters = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=rate)
    for _ in range(epochs):
        for rows in torch.randperm(1200).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()
    model.eval()


@torch.no_grad()
def accuracy(model: nn.Module) -> float:
    return float((model(images[1200:]).argmax(1) == labels[1200:]).float().mean())


digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
labels = torch.tensor(digits.target)
model = VisionTransformer()
train(model, epochs=10, rate=3e-3)
with torch.no_grad():
    before = model(images[1200:])
print(f"with GELU:      {accuracy(model):.3f} of 597 other digits right")

rows: list[Replacement] = []
replace_activations(model, sample=images[:256], report=rows.append)
print(*rows, sep="\n")
with torch.no_grad():
    change = float((model(images[1200:]) - before).abs().max() / before.std())
print(
    f"with rationals: {accuracy(model):.3f}; no logit moved by more than {change:.1e} of their std"
)
assert change <= 1e-2

for name, parameter in model.named_parameters():
    parameter.requires_grad_(name.endswith(("numerator", "denominator")))
train(model, epochs=3, rate=3e-3)
print(f"learnt further: {accuracy(model):.3f}, the coefficients alone")
