"""Recover a coefficient of two phases from noisy readings of the solution at a few points.

python examples/recover_coefficient.py

-div(a grad u) = f with u = 0 on the sides, for a few sources f. Unknown is ln a at every point;
what is likely where nothing is read is told by the total variation, which is small for few, sharp
jumps. Gradients come through diffusion_solve by one more solve each.
"""

import math

import torch

from longtail.multigrid import diffusion_solve

POINTS, READ, NOISE = 48, 160, 0.01
WELLS = ((0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75), (0.5, 0.5))


def medium(x):
    """ln a: a disc through which four times as much flows."""
    inside = (x[:, None] - 0.4).square() + (x - 0.55).square() < 0.25**2
    return math.log(4) * inside.to(x.dtype)


def sources(x):
    """A bump for each well."""
    return torch.stack(
        [torch.exp(-((x[:, None] - y).square() + (x - z).square()) / 0.0128) for y, z in WELLS]
    )


def total_variation(log_a):
    down, right = log_a[1:, :-1] - log_a[:-1, :-1], log_a[:-1, 1:] - log_a[:-1, :-1]
    return (down.square() + right.square() + 1e-4).sqrt().sum() / len(log_a)


def recover(f, at, readings, deviation, rounds=6):
    log_a = torch.zeros(f.shape[1:], dtype=f.dtype, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [log_a], max_iter=10, history_size=20, line_search_fn="strong_wolfe"
    )
    misfit = torch.zeros(())

    def objective():
        nonlocal misfit
        optimiser.zero_grad()
        u = diffusion_solve(log_a.exp(), f).solution.flatten(1)[:, at]
        misfit = ((u - readings) / deviation).square().mean()
        loss = 0.5 * misfit * readings.numel() + 100 * total_variation(log_a)
        loss.backward()
        return loss

    for turn in range(rounds):
        optimiser.step(objective)
        print(f"round {turn + 1}: misfit {misfit.item():.2f} (noise: 1)")
    return log_a.detach()


def main():
    generator = torch.Generator().manual_seed(0)
    x = (torch.arange(POINTS, dtype=torch.float64) + 0.5) / POINTS
    truth, f = medium(x), sources(x)
    at = torch.randperm(POINTS**2, generator=generator)[:READ]
    clean = diffusion_solve(truth.exp(), f).solution.flatten(1)[:, at]
    deviation = NOISE * clean.std(1, keepdim=True)
    noise = torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    found = recover(f, at, clean + deviation * noise, deviation)
    error = (found - truth).norm() / (truth - truth.mean()).norm()
    right = ((found > math.log(2)) == (truth > math.log(2))).double().mean()
    print(f"error of ln a {error:.2f}, of the best constant 1.00; right phase {right:.1%}")


if __name__ == "__main__":
    main()
