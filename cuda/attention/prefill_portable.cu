#include "cuda/attention/prefill_launch.cuh"
#include "cuda/attention/prefill_portable.cuh"

namespace longtail::cuda {

void launch_prefill_portable(const PrefillPlan& plan, std::int64_t begin, std::int64_t end,
                             cudaStream_t stream) {
  const OnStream launch{stream};
  if (plan.stored_channels == 64) return run_prefill_portable<64>(plan, begin, end, launch);
  if (plan.stored_channels == 128) return run_prefill_portable<128>(plan, begin, end, launch);
  run_prefill_portable<256>(plan, begin, end, launch);
}

}  // namespace longtail::cuda
