// The cycle of learned multigrid, shared by the CPU and the CUDA registration.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "multigrid/learned_cycle_run.h"
#include "multigrid/winograd_level.h"
#include "torch/grid_conv.h"

namespace longtail::torch_layer {

// What a call gives to its backend; tensors are contiguous.
struct CycleCall {
  multigrid::CycleShape shape;
  multigrid::CycleMemory memory;
  Tensor f, weights, bias;
};

inline CycleCall cycle_call(const char* function, const Tensor& f, const Tensor& weights,
                            const Tensor& bias, std::int64_t channels,
                            const std::vector<std::int64_t>& steps, bool restrict_residual) {
  const auto most = multigrid::kMostChannels;
  check_argument(floating_dtype(f, function, "f") == DType::float32, function, "f",
                 "not of float32", "a tensor of float32");
  check_argument(f.dim() == 4 && f.size(3) >= 1 && f.size(3) <= most, function, "f",
                 "of shape " + shape_string(f), "[N, H, W, channels], 1 to 256 channels");
  check_argument(channels >= 1 && channels <= most, function, "channels", std::to_string(channels),
                 "1 to 256");
  const std::size_t count = steps.size();
  bool usable = count >= 2 && count % 2 == 0 && count <= 64 && steps[0] >= 1 && steps.back() == 0;
  for (const std::int64_t each : steps) usable = usable && each >= 0 && each <= 1000;
  check_argument(usable, function, "steps", std::to_string(count) + " numbers",
                 "before and after each level, 1 to 32 levels, 0 to 1000 each, one on the finest "
                 "before the coarser ones, none after the coarsest");
  CycleCall call{{f.size(0), f.size(1), f.size(2), f.size(3), channels, {}, restrict_residual},
                 {},
                 as_contiguous(f),
                 as_contiguous(weights),
                 as_contiguous(bias)};
  for (std::size_t i = 0; i < count; i += 2) {
    call.shape.smooth.emplace_back(static_cast<int>(steps[i]), static_cast<int>(steps[i + 1]));
  }
  check_conv_part(function, "bias", bias, {channels}, f, "f");
  check_part(function, "weights", weights, {multigrid::forward_cycle(call.shape, false).weights}, f,
             "f");
  call.memory.f = floats_or_null(call.f);
  return call;
}

inline Tensor cycle_floats(const Tensor& like, std::int64_t count) {
  return torch::stable::new_empty(like, {count});
}

/// u; and what the backward pass reads, where it is kept.
template <class Backend>
std::tuple<Tensor, Tensor> learned_cycle(Tensor f, Tensor weights, Tensor bias,
                                         std::int64_t channels, std::vector<std::int64_t> steps,
                                         bool restrict_residual, bool keep) {
  CycleCall call =
      cycle_call("learned_cycle", f, weights, bias, channels, steps, restrict_residual);
  const multigrid::CyclePlan plan = multigrid::forward_cycle(call.shape, keep);
  Tensor u = torch::stable::new_empty(f, {f.size(0), f.size(1), f.size(2), channels});
  const Tensor saved = cycle_floats(f, plan.saved * f.size(0));
  if (u.numel() == 0) return {u, saved};
  const Tensor scratch = cycle_floats(f, plan.scratch * f.size(0));
  call.memory.u = static_cast<float*>(u.mutable_data_ptr());
  call.memory.saved = static_cast<float*>(saved.mutable_data_ptr());
  call.memory.scratch = static_cast<float*>(scratch.mutable_data_ptr());
  Backend::run(call, plan, nullptr);
  return {u, saved};
}

/// The gradients of f, with `through` added, and of the weights; of shape [0] where they are not
/// asked for.
template <class Backend>
std::tuple<Tensor, Tensor> learned_cycle_backward(
    Tensor grad, Tensor through, Tensor f, Tensor weights, Tensor saved, std::int64_t channels,
    std::vector<std::int64_t> steps, bool restrict_residual, bool need_f, bool need_weights) {
  const char* function = "learned_cycle_backward";
  const Tensor none = cycle_floats(f, 0);
  CycleCall call = cycle_call(function, f, weights, none, channels, steps, restrict_residual);
  const multigrid::CyclePlan plan = multigrid::backward_cycle(
      call.shape, {need_f, need_weights, given(through), Backend::late_weights(call.shape)});
  const std::int64_t batch = f.size(0), height = f.size(1), width = f.size(2);
  check_part(function, "grad", grad, {batch, height, width, channels}, f, "f");
  check_conv_part(function, "through", through, {batch, height, width, f.size(3)}, f, "f");
  check_part(function, "saved", saved, {plan.saved * batch}, f, "f");
  const Tensor df =
      need_f ? torch::stable::new_empty(f, {batch, height, width, f.size(3)}) : cycle_floats(f, 0);
  const Tensor dw = cycle_floats(f, need_weights ? plan.weights : 0);
  if (grad.numel() == 0) {
    torch::stable::zero_(const_cast<Tensor&>(dw));
    return {df, dw};
  }
  const Tensor g = as_contiguous(grad), t = as_contiguous(through), kept = as_contiguous(saved);
  const Tensor scratch = cycle_floats(f, plan.scratch * batch);
  call.memory.grad = floats_or_null(g);
  call.memory.through = floats_or_null(t);
  call.memory.saved = const_cast<float*>(static_cast<const float*>(kept.const_data_ptr()));
  call.memory.scratch = static_cast<float*>(scratch.mutable_data_ptr());
  call.memory.df = static_cast<float*>(df.mutable_data_ptr());
  Backend::run(call, plan, static_cast<float*>(dw.mutable_data_ptr()));
  return {df, dw};
}

template <class Backend>
void register_learned_cycle(torch::stable::detail::StableLibrary& m) {
  m.impl("learned_cycle", TORCH_BOX(&learned_cycle<Backend>));
  m.impl("learned_cycle_backward", TORCH_BOX(&learned_cycle_backward<Backend>));
}

}  // namespace longtail::torch_layer
