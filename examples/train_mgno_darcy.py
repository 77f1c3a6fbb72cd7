"""Train MgNO on Darcy flow: from a coefficient of two phases to the pressure, 16 x 16 points.

python examples/train_mgno_darcy.py [--epochs N] [--checkpoint FILE] [--out FOLDER] [--quick]
torchrun --nproc-per-node 2 examples/train_mgno_darcy.py ...    (each process a part of a batch)

The problems are drawn and solved by `longtail.data`. With a checkpoint the loop goes on where it
was stopped, kill -9 included: the file holds weights, optimizer, schedule and random state, and
replaces the one before only when it is whole. It is the same file for any number of processes.
With a folder, a picture of one problem, its solution and what the network says is left there.
"""

import argparse
import os
import pathlib

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from longtail.data import darcy_dataset
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


def problems(count, first=0):
    """Coefficients of two phases, as -1 and 1, and pressures, both [count, 1, 16, 16]."""
    a, u = darcy_dataset(count, 16, contrast=4, seed=0, first=first)
    return (a.unsqueeze(1) - 7.5) / 4.5, u.unsqueeze(1)


def relative_l2(found, u):
    return float(((found - u).flatten(1).norm(dim=1) / u.flatten(1).norm(dim=1)).mean())


def draw(a, u, found, folder):
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(7, 2.6), layout="constrained")
    titles = ("coefficient", "pressure", "what MgNO says")
    for axis, field, title in zip(axes, (a, u, found), titles, strict=True):
        axis.imshow(field[0], vmin=None if field is a else 0, vmax=None if field is a else u.max())
        axis.set(title=title, xticks=[], yticks=[])
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "train_mgno_darcy.png", dpi=130)


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
        with torch.no_grad():
            error = relative_l2(scale * model.eval()(test_a), test_u)
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
    return lambda coefficients: scale * model(coefficients)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--checkpoint", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="two epochs")
    options = parser.parse_args()
    # Problem i of a seed is the same whoever asks for it: the test is what comes after.
    (a, u), (test_a, test_u) = problems(1000), problems(100, first=1000)
    guess = relative_l2(u.mean(0), test_u)
    print(f"the mean of all pressures is {100 * guess:.1f} % off")
    if "RANK" in os.environ:  # torchrun
        distributed.init_process_group("gloo")
    epochs = 2 if options.quick else options.epochs
    predict = train(a, u, test_a, test_u, epochs, options.checkpoint)
    if options.out and int(os.environ.get("RANK", 0)) == 0:
        with torch.no_grad():
            draw(test_a[0], test_u[0], predict(test_a[:1])[0], options.out)
    if distributed.is_initialized():
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
