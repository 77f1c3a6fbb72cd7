"""``python -m multigrid.several_processes COUNT``: the family over so many gloo processes, beside
one: boxes cut into slabs, patches, batches as DTensors, training."""

from __future__ import annotations

import datetime
import os
import sys
import tempfile

import torch
import torch.multiprocessing
from torch import distributed

from multigrid import domain_checks, model_checks

#: Nobody waits longer for another.
PATIENCE = datetime.timedelta(seconds=60)


def process(rank: int, store: str, count: int) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=count, timeout=PATIENCE
    )
    for box in domain_checks.BOXES:
        domain_checks.check_box(box)
    for box in domain_checks.GRADIENTS:
        domain_checks.check_gradients(box)
    domain_checks.check_refusals()
    domain_checks.check_one_asks()
    model_checks.check_patches()
    if count == 2:
        model_checks.check_batches()
        model_checks.check_training(store + ".pt")
    distributed.barrier()  # nobody leaves while the other still talks
    distributed.destroy_process_group()
    os._exit(0)  # as in kit/two_processes.py


if __name__ == "__main__":
    processes = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        store_path = os.path.join(folder, "store")
        torch.multiprocessing.spawn(process, (store_path, processes), nprocs=processes)
    print("parts agree with the whole")
