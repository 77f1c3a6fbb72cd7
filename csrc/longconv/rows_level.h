#pragma once
// What stands around the transforms of a row (rows.level.cpp): gates, the skip term, element types.
// Rows are of any element type; x, z, conv and the like of the type computed in.

#include "core/cpu_level.h"
#include "core/elementwise.h"

namespace longtail::longconv {

template <class S>
struct RowKernels {
  /// x = row times gate, unless that is null.
  void (*gather)(std::int64_t count, const void* row, const void* gate, S* x);

  /// y = gate_out (conv + tail + skip gate_in u). Null: tail, gate_in, gate_out; u without a skip.
  void (*finish)(std::int64_t count, const S* conv, const S* tail, S skip, const void* u,
                 const void* gate_in, const void* gate_out, void* y);

  /// du = gate_in dx and, unless null, d_gate = u dx, where dx = conv + skipped (or null).
  void (*finish_gradient)(std::int64_t count, const S* conv, const S* skipped, const void* u,
                          const void* gate_in, void* du, void* d_gate);
};

/// to += factor from, and the sum of a b.
template <class S>
struct RowSums {
  void (*add)(std::int64_t count, S factor, const S* from, S* to);
  double (*dot)(std::int64_t count, const S* a, const S* b);
};

/// By element type: float64 computes in double, the others in float.
struct AllRowKernels {
  RowKernels<double> float64;
  RowKernels<float> narrow[3];  // float32, float16, bfloat16
  RowSums<float> float_sums;
  RowSums<double> double_sums;
};

LONGTAIL_DECLARE_PER_LEVEL(AllRowKernels, kRowKernels)

}  // namespace longtail::longconv
