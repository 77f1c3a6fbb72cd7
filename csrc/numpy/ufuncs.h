// The log-Bessel functions as NumPy ufuncs.
#pragma once

#include <Python.h>

namespace longtail::numpy_layer {

// Adds one ufunc per function to `module`. Returns false with a Python error set on failure.
bool add_ufuncs(PyObject* module);

}  // namespace longtail::numpy_layer
