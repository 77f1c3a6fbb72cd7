// The cycle of learned multigrid on the CPU.
#include "torch/learned_cycle.h"

#include <limits>

namespace longtail::torch_layer {
namespace {

struct CpuBackend {
  static int late_weights(const multigrid::CycleShape&) { return std::numeric_limits<int>::max(); }
  static void run(const CycleCall& call, const multigrid::CyclePlan& plan, float* dw) {
    multigrid::run_cycle(call.shape, plan, call.memory,
                         static_cast<const float*>(call.weights.const_data_ptr()),
                         floats_or_null(call.bias), dw, torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_learned_cycle<CpuBackend>(m); }

}  // namespace longtail::torch_layer
