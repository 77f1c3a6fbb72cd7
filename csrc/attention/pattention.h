// Attention over parameter tokens on the CPU: the public C++ interface; formulas in
// pattention_math.h. The scores [rows, tokens] are never in memory as a whole.
#pragma once

#include <cstdint>

#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::attention {

/// x [rows, inputs], key [tokens, inputs], value [tokens, outputs], contiguous.
struct PattentionShape {
  std::int64_t rows, inputs, tokens, outputs;
  double tau;
};

/// x, the result and their gradients are of one element type, key and value of it or of float32.
struct PattentionTypes {
  DType rows, tokens;
};

/// y [rows, outputs].
void pattention(const PattentionShape& shape, const PattentionTypes& types, const void* x,
                const void* key, const void* value, void* y, const ParallelFor& parallel_for = {});

/// Gradients of x, key and value, exact, of grad [rows, outputs].
void pattention_backward(const PattentionShape& shape, const PattentionTypes& types,
                         const void* grad, const void* x, const void* key, const void* value,
                         void* dx, void* dkey, void* dvalue, const ParallelFor& parallel_for = {});

}  // namespace longtail::attention
