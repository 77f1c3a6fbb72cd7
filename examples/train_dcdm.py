"""Train a network to propose conjugate directions for Poisson's equation, and count iterations
beside conjugate gradients and multigrid.

python examples/train_dcdm.py [--steps N] [--checkpoint FILE]

The network is a learned V-cycle; it sees residuals of the solver that it is trained for, as the
loss wants them: from random and from smooth errors. With a checkpoint the loop goes on where it
was stopped.
"""

import argparse
import os
import pathlib
import time

import torch
from torch import nn
from torch.nn import functional

from longtail import krylov
from longtail.multigrid import poisson_solve
from longtail.nn import DeepConjugateDirection, MgConv

SIZE = 31


def poisson(u):
    """-Laplace u at unit spacing, u = 0 around."""
    p = functional.pad(u, (1, 1, 1, 1))
    around = p[..., :-2, 1:-1] + p[..., 2:, 1:-1] + p[..., 1:-1, :-2] + p[..., 1:-1, 2:]
    return 4 * u - around


def residuals(count):
    """Errors of all wavelengths: sines whose squares of frequencies are weighted at random."""
    k = torch.arange(1, SIZE + 1)
    waves = torch.sin(torch.pi * torch.outer(k, k) / (SIZE + 1))
    size = (k.view(-1, 1) ** 2 + k**2).float()
    decay = size ** -(1.5 * torch.rand(count, 1, 1))
    return poisson(waves @ (torch.randn(count, SIZE, SIZE) * decay) @ waves)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--checkpoint", type=pathlib.Path)
    options = parser.parse_args()
    torch.manual_seed(0)
    steps = ((1, 1), (1, 1), (1, 1), (2, 0))
    network = nn.Sequential(MgConv(1, 8, steps), nn.Conv2d(8, 1, 1, bias=False))
    solver = DeepConjugateDirection(network)
    optimizer = torch.optim.Adam(solver.parameters(), lr=3e-3)
    first = 0
    if options.checkpoint and options.checkpoint.exists():
        held = torch.load(options.checkpoint, weights_only=True)
        solver.load_state_dict(held["solver"])
        optimizer.load_state_dict(held["optimizer"])
        torch.set_rng_state(held["random"])
        first = held["step"]
        print(f"goes on after step {first}")
    for step in range(first, options.steps):
        loss = solver.loss(poisson, residuals(16))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}: {float(loss.detach()):.3f} of the residual's square is left")
            if options.checkpoint:
                part = options.checkpoint.with_suffix(".part")
                state = {"solver": solver.state_dict(), "optimizer": optimizer.state_dict()}
                with part.open("wb") as file:
                    torch.save({**state, "random": torch.get_rng_state(), "step": step + 1}, file)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(options.checkpoint)
    # The same systems by all: what a network proposes has to be held against multigrid.
    b = torch.randn(8, SIZE, SIZE)
    solvers = {
        "network": lambda: solver(poisson, b, tol=1e-4),
        "residual itself (CG)": lambda: DeepConjugateDirection(nn.Identity())(poisson, b, tol=1e-4),
        "krylov.cg": lambda: krylov.cg(poisson, b, dims=2, tol=1e-4),
        "multigrid": lambda: poisson_solve(b, 1.0, tol=1e-4),
    }
    with torch.no_grad():
        for name, solve in solvers.items():
            solve()
            start = time.perf_counter()
            result = solve()
            seconds = time.perf_counter() - start
            print(
                f"{name}: {float(result.iterations.float().mean()):.1f} iterations to 1e-4, "
                f"largest residual {float(result.residual.max()):.1e}, {1e3 * seconds:.1f} ms"
            )


if __name__ == "__main__":
    main()
