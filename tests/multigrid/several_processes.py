"""``python -m multigrid.several_processes COUNT``: the family over so many gloo processes, beside
one: boxes cut into slabs, patches, batches as DTensors, training."""

from __future__ import annotations

import os
import sys
import tempfile

from torch import distributed

from kit.gloo import run_together
from multigrid import domain_checks, model_checks


def check_all(folder: str) -> None:
    for box in domain_checks.BOXES:
        domain_checks.check_box(box)
    for box in domain_checks.GRADIENTS:
        domain_checks.check_gradients(box)
    domain_checks.check_any_size()
    domain_checks.check_refusals()
    domain_checks.check_one_asks()
    model_checks.check_patches()
    if distributed.get_world_size() == 2:
        model_checks.check_batches()
        model_checks.check_training(os.path.join(folder, "model.pt"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as shared:
        run_together(int(sys.argv[1]), check_all, shared)
    print("parts agree with the whole")
