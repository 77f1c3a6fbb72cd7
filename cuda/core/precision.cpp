#include "cuda/core/precision.h"

#include <cuda_runtime.h>

#include <cstdlib>
#include <string_view>

#include "core/check.h"

namespace longtail::cuda {
namespace {

constexpr int kSlowFloat64 = 16;  // float32 units for each float64 unit; 2 on data-centre GPUs

bool slow_float64() {
  int device = 0, ratio = 0;
  const bool known = cudaGetDevice(&device) == cudaSuccess &&
                     cudaDeviceGetAttribute(&ratio, cudaDevAttrSingleToDoublePrecisionPerfRatio,
                                            device) == cudaSuccess;
  return known && ratio >= kSlowFloat64;
}

}  // namespace

bool prefers_float32(const ElementwiseParams& params) {
  if (params.in_dtype == DType::float64 || params.out_dtype == DType::float64) return false;
  const char* choice = std::getenv("LONGTAIL_CUDA_FLOAT32");
  if (choice == nullptr || *choice == '\0') return slow_float64();
  const std::string_view text = choice;
  check_argument(text == "float32" || text == "float64", "longtail", "LONGTAIL_CUDA_FLOAT32", text,
                 "'float32' or 'float64'");
  return text == "float32";
}

}  // namespace longtail::cuda
