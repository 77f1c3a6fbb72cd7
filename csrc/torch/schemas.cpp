// ================================================================================================
// Every operator of torch.ops.longtail, and the only place that declares one.
//
// Raw operators are forward-only and strict: floating-point tensors of equal shape and dtype, on
// one device (strides may be 0). The public functions of the same names promote, broadcast and
// differentiate. Results are new contiguous tensors; an `out` overload returns nothing, since torch
// can only functionalize custom operators whose results are no aliases. Schemas carry no tags:
// those need torch 2.12, and C++ AOTInductor programs must be able to load this library without
// Python.
// ================================================================================================
#include <torch/csrc/stable/library.h>

STABLE_TORCH_LIBRARY(longtail, m) {
  // Log-Bessel functions: values, values into `out`, partial derivatives (orders of sum 1 or 2).
  m.def("log_bessel_i(Tensor v, Tensor x) -> Tensor");
  m.def("log_bessel_i.out(Tensor v, Tensor x, *, Tensor(a!) out) -> ()");
  m.def("log_bessel_i_derivative(Tensor v, Tensor x, int order_first, int order_second) -> Tensor");

  m.def("log_bessel_k(Tensor v, Tensor x) -> Tensor");
  m.def("log_bessel_k.out(Tensor v, Tensor x, *, Tensor(a!) out) -> ()");
  m.def("log_bessel_k_derivative(Tensor v, Tensor x, int order_first, int order_second) -> Tensor");

  m.def("log_bessel_ie(Tensor v, Tensor x) -> Tensor");
  m.def("log_bessel_ie.out(Tensor v, Tensor x, *, Tensor(a!) out) -> ()");
  m.def(
      "log_bessel_ie_derivative(Tensor v, Tensor x, int order_first, int order_second) -> Tensor");

  m.def("log_bessel_ke(Tensor v, Tensor x) -> Tensor");
  m.def("log_bessel_ke.out(Tensor v, Tensor x, *, Tensor(a!) out) -> ()");
  m.def(
      "log_bessel_ke_derivative(Tensor v, Tensor x, int order_first, int order_second) -> Tensor");

  m.def("bessel_i_ratio(Tensor v, Tensor x) -> Tensor");
  m.def("bessel_i_ratio.out(Tensor v, Tensor x, *, Tensor(a!) out) -> ()");
  m.def(
      "bessel_i_ratio_derivative(Tensor v, Tensor x, int order_first, int order_second) -> Tensor");

  m.def("bessel_k_ratio(Tensor v, Tensor x) -> Tensor");
  m.def("bessel_k_ratio.out(Tensor v, Tensor x, *, Tensor(a!) out) -> ()");
  m.def(
      "bessel_k_ratio_derivative(Tensor v, Tensor x, int order_first, int order_second) -> Tensor");

  m.def("log_hyp0f1(Tensor b, Tensor z) -> Tensor");
  m.def("log_hyp0f1.out(Tensor b, Tensor z, *, Tensor(a!) out) -> ()");
  m.def("log_hyp0f1_derivative(Tensor b, Tensor z, int order_first, int order_second) -> Tensor");

  m.def("matern(Tensor nu, Tensor r) -> Tensor");
  m.def("matern.out(Tensor nu, Tensor r, *, Tensor(a!) out) -> ()");
  m.def("matern_derivative(Tensor nu, Tensor r, int order_first, int order_second) -> Tensor");

  // Group rationals; version 0 is A, 1 is B. The backward gives dx and both coefficient gradients.
  m.def(
      "rational(Tensor x, Tensor numerator, Tensor denominator, int version, int channel_dim) -> "
      "Tensor");
  m.def(
      "rational.out(Tensor x, Tensor numerator, Tensor denominator, int version, int channel_dim, "
      "*, Tensor(a!) out) -> ()");
  m.def(
      "rational_backward(Tensor grad, Tensor x, Tensor numerator, Tensor denominator, int version, "
      "int channel_dim) -> (Tensor, Tensor, Tensor)");

  // Polynomial compositions; weight: cube, square, linear. A backward gives dx, dweight and dbias.
  m.def("poly_norm(Tensor x, Tensor weight, Tensor bias, float eps) -> Tensor");
  m.def("poly_norm.out(Tensor x, Tensor weight, Tensor bias, float eps, *, Tensor(a!) out) -> ()");
  m.def(
      "poly_norm_backward(Tensor grad, Tensor x, Tensor weight, Tensor bias, float eps) -> "
      "(Tensor, "
      "Tensor, Tensor)");
  m.def("poly_relu(Tensor x, Tensor weight, Tensor bias) -> Tensor");
  m.def("poly_relu.out(Tensor x, Tensor weight, Tensor bias, *, Tensor(a!) out) -> ()");
  m.def(
      "poly_relu_backward(Tensor grad, Tensor x, Tensor weight, Tensor bias) -> (Tensor, Tensor, "
      "Tensor)");

  // Kolmogorov-Arnold layers; kind, degree and variant as in csrc/rational/kan_math.h; first and
  // second are the functions' parameters. A backward gives a gradient for every tensor after grad.
  m.def(
      "kan_basis(Tensor x, Tensor first, Tensor second, int kind, int degree, int variant) -> "
      "Tensor");
  m.def(
      "kan_basis_backward(Tensor grad, Tensor x, Tensor first, Tensor second, int kind, int "
      "degree, int variant) -> (Tensor, Tensor, Tensor)");
  m.def(
      "kan_linear(Tensor x, Tensor weight, Tensor bias, Tensor first, Tensor second, int kind, int "
      "degree, int variant, bool base) -> Tensor");
  m.def(
      "kan_linear_backward(Tensor grad, Tensor x, Tensor weight, Tensor bias, Tensor first, Tensor "
      "second, int kind, int degree, int variant, bool base) -> (Tensor, Tensor, Tensor, Tensor, "
      "Tensor)");
  m.def(
      "mexican_hat_linear(Tensor x, Tensor weight, Tensor bias, Tensor scale, Tensor shift) -> "
      "Tensor");
  m.def(
      "mexican_hat_linear_backward(Tensor grad, Tensor x, Tensor weight, Tensor bias, Tensor "
      "scale, Tensor shift) -> (Tensor, Tensor, Tensor, Tensor, Tensor)");

  // Hadamard transforms of the last dimension.
  m.def("hadamard_transform(Tensor x, float scale, bool transpose) -> Tensor");

  // Quantised attention; heads are dimension 1 of four, or of three where sequences are packed.
  // codes, smooth and causal as in csrc/attention/prefill.h. Results: the output and the
  // log-sum-exp; the inputs as attention sees them (float32), for gradients.
  m.def(
      "quantized_attention(Tensor q, Tensor k, Tensor v, Tensor? attn_mask, int codes, int smooth, "
      "bool rotate, int causal, bool strict, float scale) -> (Tensor, Tensor)");
  m.def(
      "quantized_attention_varlen(Tensor q, Tensor k, Tensor v, Tensor cu_seqlens_q, Tensor "
      "cu_seqlens_k, int max_seqlen_q, int max_seqlen_k, int codes, int smooth, bool rotate, int "
      "causal, bool strict, float scale) -> (Tensor, Tensor)");
  m.def(
      "quantized_attention_inputs(Tensor q, Tensor k, Tensor v, int codes, int smooth, bool "
      "rotate, "
      "bool strict) -> (Tensor, Tensor, Tensor)");
  // Gradients; implemented in Python (python/longtail/_attention_gradient.py).
  m.def(
      "quantized_attention_backward(Tensor grad, Tensor grad_lse, Tensor q, Tensor k, Tensor v, "
      "Tensor? attn_mask, int codes, int smooth, bool rotate, int causal, bool strict, float "
      "scale) "
      "-> (Tensor, Tensor, Tensor)");
  m.def(
      "quantized_attention_varlen_backward(Tensor grad, Tensor grad_lse, Tensor q, Tensor k, "
      "Tensor "
      "v, Tensor cu_seqlens_q, Tensor cu_seqlens_k, int codes, int smooth, bool rotate, int "
      "causal, "
      "bool strict, float scale) -> (Tensor, Tensor, Tensor)");

  // Quantised key-value caches (csrc/attention/cache_layout.h). Appending takes counts[b] tokens of
  // k and v for each sequence. Attending gives out and lse; no length is more than max_length.
  // k_format: 0 channel, 1 token_rotated.
  m.def(
      "kv_append(Tensor k, Tensor v, Tensor counts, Tensor(a!) lengths, Tensor(b!) packed, "
      "Tensor(c!) k_codes, Tensor(d!) k_grids, Tensor(e!) v_codes, Tensor(f!) v_grids, Tensor(g!) "
      "tail, Tensor(h!) mean, int bits, int group, int k_format) -> ()");
  m.def(
      "kv_attend(Tensor q, Tensor lengths, Tensor packed, Tensor k_codes, Tensor k_grids, Tensor "
      "v_codes, Tensor v_grids, Tensor tail, Tensor mean, Tensor? mask, SymInt max_length, float "
      "scale, bool is_causal, int bits, int group, int k_format, int v_dim) -> (Tensor, Tensor)");

  // Attention with a compressed prefix, and attention over parameter tokens. ntk_attention also
  // gives the logarithms of its denominators, float64; its backward takes both results.
  m.def(
      "ntk_attention(Tensor q, Tensor k, Tensor v, Tensor z, Tensor kappa, bool is_causal, float "
      "scale) -> (Tensor, Tensor)");
  m.def(
      "ntk_attention_backward(Tensor grad, Tensor q, Tensor k, Tensor v, Tensor z, Tensor kappa, "
      "bool is_causal, float scale, Tensor out, Tensor lse) -> (Tensor, Tensor, Tensor, Tensor, "
      "Tensor)");
  m.def("pattention(Tensor x, Tensor key, Tensor value, float tau) -> Tensor");
  m.def(
      "pattention_backward(Tensor grad, Tensor x, Tensor key, Tensor value, float tau) -> (Tensor, "
      "Tensor, Tensor)");

  // Long convolutions: u [B, H, L], k [C, H, K], k_rev [C, H, R], skip [C, H], gate_in as u,
  // gate_out and the result [B, C, H, L], state [B, H, K - 1]; what is not given is of shape [0].
  // The spectrum is one of k and k_rev for rows of this length, on this machine.
  m.def(
      "long_conv(Tensor u, Tensor k, Tensor k_rev, Tensor skip, Tensor gate_in, Tensor gate_out, "
      "Tensor state) -> Tensor");
  m.def(
      "long_conv_backward(Tensor grad, Tensor u, Tensor k, Tensor k_rev, Tensor skip, Tensor "
      "gate_in, Tensor gate_out, Tensor state) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, "
      "Tensor)");
  m.def("long_conv_spectrum(Tensor k, Tensor k_rev, Tensor like, bool state) -> Tensor");
  m.def(
      "long_conv_with_spectrum(Tensor u, Tensor k, Tensor k_rev, Tensor skip, Tensor gate_in, "
      "Tensor gate_out, Tensor state, Tensor spectrum) -> Tensor");

  // Diagonal state spaces (csrc/longconv/s4d.h); coefficients complex128, skip float64; what is not
  // given is of shape [0]. s4d_step takes continuous ones of the precision of u; method 0 is
  // zero-order hold, 1 bilinear.
  m.def("vandermonde(Tensor base, Tensor weights, SymInt length, bool wide) -> Tensor");
  m.def("vandermonde_transposed(Tensor base, Tensor v) -> Tensor");
  m.def(
      "s4d_scan(Tensor u, Tensor base, Tensor drive, Tensor readout, Tensor skip, Tensor state) "
      "-> (Tensor, Tensor)");
  // Gradients of u, base, drive, readout, skip and state, of shape [0] where they are not asked
  // for.
  m.def(
      "s4d_scan_backward(Tensor grad, Tensor last, Tensor u, Tensor base, Tensor drive, Tensor "
      "readout, Tensor skip, Tensor state, bool rows, bool coefficients) -> (Tensor, Tensor, "
      "Tensor, Tensor, Tensor, Tensor)");
  m.def(
      "s4d_step(Tensor u, Tensor state, Tensor dt, Tensor A, Tensor B, Tensor C, Tensor D, int "
      "method) -> (Tensor, Tensor)");

  // Short ones: u [B, H, L], w [H, W], bias [H, 1], state [B, H, W - 1]; [0] for none.
  m.def("short_conv(Tensor u, Tensor w, Tensor bias, Tensor state, bool silu) -> Tensor");
  m.def(
      "short_conv_step(Tensor u, Tensor w, Tensor? bias, Tensor state, bool silu) -> (Tensor, "
      "Tensor)");  // u and y [..., H], bias [H]
  m.def(
      "short_conv_backward(Tensor grad, Tensor u, Tensor w, Tensor bias, Tensor state, bool silu) "
      "-> (Tensor, Tensor, Tensor, Tensor)");

  // Multigrid; csrc/torch/multigrid.h says what the numbers mean. Tensors of shape [0]: none given.
  m.def(
      "poisson_solve(Tensor f, Tensor initial, float plane_spacing, float row_spacing, float "
      "point_spacing, int plane_sides, int row_sides, int point_sides, bool cell, float tolerance, "
      "int max_iterations) -> (Tensor, Tensor, Tensor, Tensor)");
  m.def(
      "diffusion_solve(Tensor plane_faces, Tensor row_faces, Tensor point_faces, Tensor f, Tensor "
      "initial, Tensor hierarchy, float plane_spacing, float row_spacing, float point_spacing, int "
      "periodic, float tolerance, int max_iterations) -> (Tensor, Tensor, Tensor)");
  m.def(
      "diffusion_side_by_side(Tensor a, Tensor f, float row_spacing, float point_spacing, float "
      "tolerance, int max_iterations) -> (Tensor, Tensor, Tensor)");
  m.def(
      "diffusion_hierarchy(Tensor plane_faces, Tensor row_faces, Tensor point_faces, float "
      "plane_spacing, float row_spacing, float point_spacing, int periodic, bool narrow) -> "
      "Tensor");
  m.def(
      "stencil_hierarchy(Tensor entries, float plane_spacing, float row_spacing, float "
      "point_spacing, int periodic, bool singular, bool narrow) -> Tensor");
  m.def(
      "diffusion_apply(Tensor plane_faces, Tensor row_faces, Tensor point_faces, Tensor u, int "
      "periodic) -> Tensor");

  // csrc/torch/grid_ops.h; these end with what grid and which of its levels it is.
#define LONGTAIL_GRID                                                                         \
  "SymInt planes, SymInt rows, SymInt points, float plane_spacing, float row_spacing, float " \
  "point_spacing, int periodic, int level) -> Tensor"
  m.def("grid_apply(Tensor hierarchy, Tensor u, " LONGTAIL_GRID);
  m.def("grid_restrict(Tensor hierarchy, Tensor r, " LONGTAIL_GRID);
  m.def("grid_prolong(Tensor hierarchy, Tensor e, " LONGTAIL_GRID);
  m.def(
      "grid_smooth(Tensor hierarchy, Tensor u, Tensor f, int smoother, int steps, float omega, "
      "bool "
      "reverse, " LONGTAIL_GRID);
  m.def(
      "grid_cycle(Tensor hierarchy, Tensor u, Tensor f, int smoother, int before, int after, float "
      "omega, bool reverse_before, bool reverse_after, " LONGTAIL_GRID);
#undef LONGTAIL_GRID

  // Learned multigrid (csrc/multigrid/winograd.h): x [N, H, W, in], weight [out, in, 3, 3], add
  // [N, H, W, out], bias [out]; [0] for none. Adjoint: of the convolution by weight [in, out, 3,
  // 3].
  m.def("grid_conv(Tensor x, Tensor weight, Tensor add, Tensor bias, bool adjoint) -> Tensor");
  m.def("grid_conv_weight(Tensor grad, Tensor x) -> Tensor");
  // To the next coarser grid and back (csrc/multigrid/grid_transfer.h): weight [coarse, fine, k,
  // k].
  m.def(
      "grid_up(Tensor x, Tensor weight, Tensor add, Tensor bias, int height, int width) -> "
      "Tensor");
  m.def("grid_down(Tensor x, Tensor weight) -> Tensor");
  m.def("grid_transfer_weight(Tensor coarse, Tensor fine, int taps) -> Tensor");
  // The whole V-cycle (csrc/multigrid/learned_cycle.h): all weights one after the other, steps
  // before and after each level; u and what the backward pass reads. There `through` is a gradient
  // of f that is added to df.
  m.def(
      "learned_cycle(Tensor f, Tensor weights, Tensor bias, int channels, int[] steps, bool "
      "restrict_residual, bool keep) -> (Tensor u, Tensor saved)");
  m.def(
      "learned_cycle_backward(Tensor grad, Tensor through, Tensor f, Tensor weights, Tensor saved, "
      "int channels, int[] steps, bool restrict_residual, bool need_f, bool need_weights) -> "
      "(Tensor df, Tensor dweights)");
}
