"""Train MgNO on Darcy flow: from a coefficient of two phases to the pressure, 16 x 16 points.

python examples/train_mgno_darcy.py [--epochs N] [--checkpoint FILE]
torchrun --nproc-per-node 2 examples/train_mgno_darcy.py ...    (each process a part of a batch)

The data are read out of the wheel of neuraloperator 0.3.0 (`longtail demo --fetch` brings it; the
package is never imported). With a checkpoint the loop goes on where it was stopped, kill -9
included: the file holds weights, optimizer, schedule and random state, and replaces the one before
only when it is whole. It is the same file for any number of processes.
"""

import argparse
import os
import pathlib

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from longtail.demos.data import MissingDataError
from longtail.demos.multigrid.data import darcy
from longtail.losses import H1Loss
from longtail.nn import MgNO


def save(path, **state):
    """Whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def relative_l2(model, a, u):
    with torch.no_grad():
        error = model(a) - u
    return float((error.flatten(1).norm(dim=1) / u.flatten(1).norm(dim=1)).mean())


def train(a, u, test_a, test_u, epochs, checkpoint, batch=20):
    rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    batch -= batch % count  # equal parts, so that the mean of their gradients is that of the whole
    torch.manual_seed(0)
    scale = u.std()
    model = MgNO(1, 1, channels=24, layers=3, steps=((1, 0), (1, 0), (2, 0)))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
    steps = epochs * (len(a) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    loss_of = H1Loss("dirichlet", "cell")
    first = 0
    if checkpoint and checkpoint.exists():
        held = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(held["model"])
        optimizer.load_state_dict(held["optimizer"])
        schedule.load_state_dict(held["schedule"])
        torch.set_rng_state(held["random"])
        first = held["epoch"]
        if rank == 0:
            print(f"goes on after epoch {first}")
    parallel = DistributedDataParallel(model) if count > 1 else model
    for epoch in range(first, epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(a)).split(batch):
            if len(rows) < batch:
                break
            mine = rows[rank::count]  # all draw the same rows
            loss = loss_of(parallel(a[mine]), u[mine] / scale)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        if rank:
            continue  # the first process tests, tells and writes
        error = relative_l2(model.eval(), test_a, test_u / scale)
        mean = total / (len(a) // batch)
        print(f"epoch {epoch + 1}: H1 loss {mean:.4f}, test L2 error {100 * error:.1f} %")
        if checkpoint:
            save(
                checkpoint,
                model=model.state_dict(),
                optimizer=optimizer.state_dict(),
                schedule=schedule.state_dict(),
                random=torch.get_rng_state(),
                epoch=epoch + 1,
            )
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--checkpoint", type=pathlib.Path)
    options = parser.parse_args()
    try:
        data, test = darcy("train_16"), darcy("test_16")
    except MissingDataError as missing:
        print(f"nothing to train on: {missing}")
        return
    # Two phases as -1 and 1, a channel in front.
    a, test_a = (2 * each.a.unsqueeze(1) - 1 for each in (data, test))
    u, test_u = data.u.unsqueeze(1), test.u.unsqueeze(1)
    if "RANK" in os.environ:  # torchrun
        distributed.init_process_group("gloo")
    train(a, u, test_a, test_u, options.epochs, options.checkpoint)
    if distributed.is_initialized():
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
