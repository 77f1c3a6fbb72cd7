// NumPy ufuncs over the element-wise driver, on the limited C API of Python 3.10.
//
// Loops, in the order NumPy searches them: small integers and bool (-> float64; without loops of
// their own NumPy would compute them in float16 or float32), then float16, float32, float64. Wider
// integers reach float64 by NumPy's own casting. NumPy releases the GIL around each loop.
#include "numpy/ufuncs.h"

#define NPY_NO_DEPRECATED_API NPY_1_23_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/ufuncobject.h>

#include <array>
#include <cfenv>
#include <exception>

#include "bessel/names.h"
#include "core/cpu_level.h"
#include "core/elementwise.h"
#include "numpy/docs.h"

namespace longtail::numpy_layer {
namespace {

struct LoopTypes {
  char input;
  char output;
};

// One row per loop: NumPy type numbers of the inputs and of the result, and our names for them.
constexpr std::array<LoopTypes, 8> kNumpyTypes = {{{NPY_BOOL, NPY_DOUBLE},
                                                   {NPY_BYTE, NPY_DOUBLE},
                                                   {NPY_UBYTE, NPY_DOUBLE},
                                                   {NPY_SHORT, NPY_DOUBLE},
                                                   {NPY_USHORT, NPY_DOUBLE},
                                                   {NPY_HALF, NPY_HALF},
                                                   {NPY_FLOAT, NPY_FLOAT},
                                                   {NPY_DOUBLE, NPY_DOUBLE}}};
constexpr std::array<DType, 8> kInputTypes = {DType::uint8,   DType::int8,   DType::uint8,
                                              DType::int16,   DType::uint16, DType::float16,
                                              DType::float32, DType::float64};
constexpr std::size_t kLoops = kNumpyTypes.size();

// kNumpyTypes as NumPy wants it: first, second, out of each loop.
constexpr std::array<char, 3 * kLoops> type_table() {
  std::array<char, 3 * kLoops> table{};
  for (std::size_t i = 0; i < kLoops; ++i) {
    table[3 * i] = kNumpyTypes[i].input;
    table[3 * i + 1] = kNumpyTypes[i].input;
    table[3 * i + 2] = kNumpyTypes[i].output;
  }
  return table;
}

template <DType input>
void loop(char** args, const npy_intp* dimensions, const npy_intp* steps, void* data) {
  constexpr bool is_integer = input != DType::float16 && input != DType::float32;
  constexpr DType output = is_integer ? DType::float64 : input;
  const auto function = *static_cast<const bessel::Function*>(data);
  const std::int64_t size = dimensions[0];
  const std::array<std::int64_t, 3> strides = {steps[0], steps[1], steps[2]};
  const std::span<const std::int64_t> stride(strides);
  // Kernels compute all cases and then select, so they raise floating-point flags for values that
  // nobody sees. NumPy would turn those into warnings.
  std::fenv_t environment;
  std::feholdexcept(&environment);
  elementwise(bessel::block_kernel(function, 0, 0), {&size, 1},
              {reinterpret_cast<const std::byte*>(args[0]), input, stride.subspan(0, 1)},
              {reinterpret_cast<const std::byte*>(args[1]), input, stride.subspan(1, 1)},
              {reinterpret_cast<std::byte*>(args[2]), output, stride.subspan(2, 1)});
  std::fesetenv(&environment);
}

// NumPy keeps pointers to these tables, and does not take them as const.
std::array<char, 3 * kLoops> types = type_table();
std::array<PyUFuncGenericFunction, kLoops> loops = {
    loop<kInputTypes[0]>, loop<kInputTypes[1]>, loop<kInputTypes[2]>, loop<kInputTypes[3]>,
    loop<kInputTypes[4]>, loop<kInputTypes[5]>, loop<kInputTypes[6]>, loop<kInputTypes[7]>};
std::array<std::array<void*, kLoops>, bessel::kSignatures.size()> loop_data;

// Loops cannot report an error, so the one there may be (LONGTAIL_CPU_LEVEL names a level that
// this machine cannot run) is raised before, where NumPy picks the loop of the first call.
int resolve_types(PyUFuncObject* ufunc, NPY_CASTING casting, PyArrayObject** operands,
                  PyObject* type_tuple, PyArray_Descr** out_types) {
  try {
    cpu_level();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
    return -1;
  }
  return PyUFunc_DefaultTypeResolver(ufunc, casting, operands, type_tuple, out_types);
}

int import_numpy() {
  import_array1(-1);
  import_umath1(-1);
  return 0;
}

}  // namespace

bool add_ufuncs(PyObject* module) {
  if (import_numpy() < 0) return false;
  for (std::size_t i = 0; i < bessel::kSignatures.size(); ++i) {
    const bessel::Signature& names = bessel::kSignatures[i];
    loop_data[i].fill(const_cast<bessel::Function*>(&names.function));
    PyObject* ufunc =
        PyUFunc_FromFuncAndData(loops.data(), loop_data[i].data(), types.data(), kLoops, 2, 1,
                                PyUFunc_None, names.name, kUfuncDocs[i], 0);
    if (ufunc == nullptr) return false;
    reinterpret_cast<PyUFuncObject*>(ufunc)->type_resolver = resolve_types;
    const int failed = PyModule_AddObjectRef(module, names.name, ufunc);
    Py_DECREF(ufunc);
    if (failed != 0) return false;
  }
  return true;
}

}  // namespace longtail::numpy_layer
