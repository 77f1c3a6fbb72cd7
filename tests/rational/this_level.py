"""``python -m rational.this_level``: a digest of values and gradients on the CPU level that
LONGTAIL_CPU_LEVEL names, after checking them against float64."""

from __future__ import annotations

from longtail import _native
from rational import kan_oracle, test_far, test_kan_values, test_poly
from rational.ops import VERSIONS
from rational.test_values import (
    CASES,
    DTYPES,
    test_coefficient_gradients,
    test_values_and_slopes,
)

print(_native.cpu_level())
for version in VERSIONS:
    for dtype in DTYPES:
        test_far.test_identity_to_the_largest_number(version, dtype)
        test_far.test_no_poles(version, dtype)
        for case in CASES:
            test_values_and_slopes(version, dtype, case)
            test_coefficient_gradients(version, dtype, case)
    for dtype in DTYPES[1:]:
        test_far.test_contract_to_the_largest_argument(version, dtype)
    test_far.test_no_overflow_on_the_way(version)
    test_far.test_squares_of_the_denominator_overflow(version)
for name in test_poly.FUNCTIONS:
    for dtype in DTYPES:
        test_poly.test_out(name, dtype)
        for shape in test_poly.SHAPES:
            test_poly.test_values_and_gradients(name, dtype, shape)
for name in kan_oracle.KINDS:
    for dtype in DTYPES:
        test_kan_values.test_layer_and_its_twin(name, dtype, ((97, 1), 33))
        test_kan_values.test_basis_and_its_twin(name, dtype)
for dtype in DTYPES:
    test_kan_values.test_mexican_hats(dtype, ((2, 301), 40))
for degree in (0, 3):
    test_kan_values.test_splines_are_scipys(degree)
