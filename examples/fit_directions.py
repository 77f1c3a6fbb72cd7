"""Fit, score and sample directions in a dimension where SciPy's fit returns 1e-08.

python examples/fit_directions.py
"""

import torch
from torch.nn import functional

from longtail.distributions import VonMisesFisher, VonMisesFisherMixture

torch.manual_seed(0)
p = 2048
first, second = functional.normalize(torch.randn(2, p), dim=1)
rows = torch.cat(
    [VonMisesFisher(first, 800.0).sample((300,)), VonMisesFisher(second, 1600.0).sample((200,))]
)

one = VonMisesFisher.fit(rows)
print(f"one vMF: kappa {float(one.concentration):.1f}, {float(one.log_prob(rows).mean()):.3f} nats")

two = VonMisesFisherMixture(2, generator=0).fit(rows)
found = ", ".join(f"{kappa:.0f}" for kappa in two.concentrations_.sort().values.tolist())
print(f"two:     kappa {found} (drawn with 800, 1600), {two.score(rows):.3f} nats")
