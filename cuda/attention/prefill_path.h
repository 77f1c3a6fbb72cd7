// Which kernels attend, by what a GPU's tensor cores have. Plain C++.
#pragma once

#include <string_view>

namespace longtail::cuda {

/// Codes are multiplied in 8 bits, or, where queries and keys have them, in 4 (mma4); weights and
/// values are float16 or FP8. `portable` has no tensor cores.
enum class PrefillPath { portable, mma, mma4, mma_fp8, mma4_fp8 };

struct NamedPath {
  std::string_view name;  // for LONGTAIL_CUDA_ATTENTION
  PrefillPath path;
};
inline constexpr NamedPath kPrefillPaths[] = {{"portable", PrefillPath::portable},
                                              {"mma", PrefillPath::mma},
                                              {"mma4", PrefillPath::mma4},
                                              {"mma_fp8", PrefillPath::mma_fp8},
                                              {"mma4_fp8", PrefillPath::mma4_fp8}};
inline constexpr std::string_view kPrefillPathNames =
    "'portable', 'mma', 'mma4', 'mma_fp8' or 'mma4_fp8'";

constexpr bool has_short_codes(PrefillPath path) {
  return path == PrefillPath::mma4 || path == PrefillPath::mma4_fp8;
}
constexpr bool is_fp8(PrefillPath path) {
  return path == PrefillPath::mma_fp8 || path == PrefillPath::mma4_fp8;
}

/// The fastest kernels of a compute capability, 89 for 8.9; has_fp8: those with FP8 are there.
///
///   8.0, 8.6, 8.7   4-bit codes, float16
///   8.9             4-bit codes, FP8
///   12.x            FP8; 4 bits would be emulated
///   others          8-bit codes, float16: on 9.0 and 10.x FP8 by mma.sync would be emulated
constexpr PrefillPath best_prefill_path(int capability, bool has_fp8) {
  if (capability < 89) return PrefillPath::mma4;
  if (capability == 89) return has_fp8 ? PrefillPath::mma4_fp8 : PrefillPath::mma4;
  if (capability / 10 == 12 && has_fp8) return PrefillPath::mma_fp8;
  return PrefillPath::mma;
}

}  // namespace longtail::cuda
