"""The version, written once: CMake, scikit-build-core and Python all read this line."""

__version__ = "0.1.0"
