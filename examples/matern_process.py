"""Learn the smoothness of a random function: a Matern process with nu as a parameter.

python examples/matern_process.py
"""

import torch

import longtail

torch.manual_seed(0)
n = 80
x = torch.linspace(0, 6, n, dtype=torch.float64)
row, column = torch.tril_indices(n, n, -1)  # pairs of distinct points


def covariance(log_parameters: torch.Tensor) -> torch.Tensor:
    nu, length, noise = log_parameters.exp().unbind()
    below = longtail.matern(nu, (x[row] - x[column]).abs() / length)
    kernel = torch.zeros(n, n, dtype=x.dtype).index_put((row, column), below)
    return kernel + kernel.T + (1 + noise**2) * torch.eye(n, dtype=x.dtype)


truth = torch.tensor([1.5, 0.7, 0.05], dtype=torch.float64).log()
y = torch.linalg.cholesky(covariance(truth)) @ torch.randn(n, dtype=torch.float64)

parameters = torch.tensor([0.8, 0.3, 0.1], dtype=torch.float64).log().requires_grad_()
optimiser = torch.optim.LBFGS([parameters], max_iter=40, line_search_fn="strong_wolfe")


def loss() -> torch.Tensor:
    optimiser.zero_grad()
    process = torch.distributions.MultivariateNormal(
        torch.zeros(n, dtype=x.dtype), covariance(parameters), validate_args=False
    )
    value = -process.log_prob(y)
    value.backward()
    return value


optimiser.step(loss)
names = ("nu", "length", "noise")
for name, found, true in zip(names, parameters.exp().tolist(), truth.exp().tolist(), strict=True):
    print(f"{name:>6}: {found:.3f} (drawn with {true:g})")
