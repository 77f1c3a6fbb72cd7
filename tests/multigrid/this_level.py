"""``python -m multigrid.this_level``: grids on the CPU level that LONGTAIL_CPU_LEVEL names."""

from __future__ import annotations

from longtail import _native
from multigrid import test_data_side_by_side, test_solver
from multigrid import test_grid_ops as tests

print(_native.cpu_level())
for sides in tests.SIDES[::5]:
    tests.test_poisson(sides, False)
for parameters in tests.operators():
    (op,) = parameters.values
    tests.test_levels(op)
    for kind in tests.KINDS:
        tests.test_smoothers(op, kind)
    tests.test_symmetric_cycle(op)
tests.test_float32()
test_solver.test_solves("dirichlet", "cell")
test_solver.test_float32_and_initial()
test_data_side_by_side.test_solutions((33, 32), 4.0)
test_data_side_by_side.test_a_problem_does_not_see_those_beside_it()
