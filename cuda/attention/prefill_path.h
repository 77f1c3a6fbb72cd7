// Which kernels attend, by what a GPU's tensor cores have. Plain C++.
#pragma once

#include <string_view>

namespace longtail::cuda {

/// Codes are multiplied in 8 bits, or, where queries and keys have them, in 4 (mma4); weights and
/// values are float16 or FP8. wgmma: 8 bits and FP8 by sm_90a's instructions. `portable` has no
/// tensor cores.
enum class PrefillPath { portable, mma, mma4, mma_fp8, mma4_fp8, wgmma };

struct NamedPath {
  std::string_view name;  // for LONGTAIL_CUDA_ATTENTION
  PrefillPath path;
};
inline constexpr NamedPath kPrefillPaths[] = {
    {"portable", PrefillPath::portable}, {"mma", PrefillPath::mma},
    {"mma4", PrefillPath::mma4},         {"mma_fp8", PrefillPath::mma_fp8},
    {"mma4_fp8", PrefillPath::mma4_fp8}, {"wgmma", PrefillPath::wgmma}};
inline constexpr std::string_view kPrefillPathNames =
    "'portable', 'mma', 'mma4', 'mma_fp8', 'mma4_fp8' or 'wgmma'";

constexpr bool has_short_codes(PrefillPath path) {
  return path == PrefillPath::mma4 || path == PrefillPath::mma4_fp8;
}
constexpr bool is_fp8(PrefillPath path) {
  return path == PrefillPath::mma_fp8 || path == PrefillPath::mma4_fp8 ||
         path == PrefillPath::wgmma;
}

/// The fastest kernels of a compute capability, 89 for 8.9, of those that are there: has_code(path)
/// is asked for FP8 and wgmma.
///
///   8.0, 8.6, 8.7   4-bit codes, float16
///   8.9             4-bit codes, FP8
///   9.0             wgmma; FP8 by mma.sync would be emulated
///   12.x            FP8; 4 bits would be emulated
///   others          8-bit codes, float16: on 10.x FP8 by mma.sync would be emulated
template <class HasCode>
constexpr PrefillPath best_prefill_path(int capability, const HasCode& has_code) {
  const PrefillPath half = capability <= 89 ? PrefillPath::mma4 : PrefillPath::mma;
  const PrefillPath best = capability == 89        ? PrefillPath::mma4_fp8
                           : capability == 90      ? PrefillPath::wgmma
                           : capability / 10 == 12 ? PrefillPath::mma_fp8
                                                   : half;
  return !is_fp8(best) || has_code(best) ? best : half;
}

}  // namespace longtail::cuda
