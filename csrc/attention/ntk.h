// Attention with a compressed prefix on the CPU: the public C++ interface; formulas in ntk_math.h.
// No score matrix is ever in memory, in neither direction.
#pragma once

#include <cstdint>

#include "core/elementwise.h"
#include "core/parallel.h"

namespace longtail::attention {

/// q [batch, heads, queries, channels], k [batch, heads, keys, channels], v [.., keys, values],
/// z [batch or 1, heads, channels, values], kappa [batch or 1, heads, channels]; all contiguous.
/// With `causal`, query i sees keys 0 to i.
struct NtkShape {
  std::int64_t batch, heads, queries, keys, channels, values;
  bool causal, shared_prefix;
  double scale;

  std::int64_t problems() const { return batch * heads; }
  std::int64_t prefixes() const { return shared_prefix ? heads : problems(); }
  /// The prefix of problem n = b * heads + h.
  std::int64_t prefix_of(std::int64_t n) const { return shared_prefix ? n % heads : n; }
};

/// q, k, v, out and their gradients are of one element type, z and kappa of it or of float32.
struct NtkTypes {
  DType tokens, prefix;
};
struct NtkInputs {
  const void *q, *k, *v, *z, *kappa;
};
struct NtkGradients {
  void *q, *k, *v, *z, *kappa;
};

/// out [batch, heads, queries, values] and lse [batch, heads, queries], L of ntk_math.h.
void ntk_attention(const NtkShape& shape, const NtkTypes& types, const NtkInputs& inputs, void* out,
                   double* lse, const ParallelFor& parallel_for = {});

/// All gradients, exact, of grad like out; out and lse as the forward pass gave them.
void ntk_attention_backward(const NtkShape& shape, const NtkTypes& types, const void* grad,
                            const NtkInputs& inputs, const void* out, const double* lse,
                            const NtkGradients& gradients, const ParallelFor& parallel_for = {});

}  // namespace longtail::attention
