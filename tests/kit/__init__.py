"""The test kit: takes the description of an op and runs the whole test matrix on it.

See README.md beside this file.
"""

from kit.autograd import AutogradChecks
from kit.bad_input import BadInput, Gives, Raises
from kit.compiled import CompileChecks, ExportChecks
from kit.contract import ContractChecks
from kit.distributed import DistributedChecks
from kit.layouts import LayoutChecks
from kit.levels import LevelChecks
from kit.registration import RegistrationChecks
from kit.spec import Gradient, OpSpec, RawOp

__all__ = [
    "AutogradChecks",
    "BadInput",
    "CompileChecks",
    "ContractChecks",
    "DistributedChecks",
    "ExportChecks",
    "Gives",
    "Gradient",
    "LayoutChecks",
    "LevelChecks",
    "OpSpec",
    "Raises",
    "RawOp",
    "RegistrationChecks",
]
