#include "cuda/attention/prefill_launch.cuh"
#include "cuda/attention/prefill_run.cuh"

namespace longtail::cuda {

void launch_prefill_preparation(const PrefillPlan& plan, cudaStream_t stream) {
  prepare_prefill(plan, OnStream{stream});
}

void launch_prefill_rest(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                         cudaStream_t stream) {
  run_prefill_rest(plan, begin, end, OnStream{stream});
}

}  // namespace longtail::cuda
