#pragma once
// What the blocks of s4d.h multiply with: tables of one head, in the vectors of one CPU level.

#include <algorithm>
#include <vector>

#include "core/buffer.h"
#include "longconv/long_conv_rows.h"
#include "longconv/s4d_level.h"

namespace longtail::longconv {

template <class S>
const S4dKernels<S>& s4d_kernels() {
  if constexpr (sizeof(S) == 8) {
    static constexpr PerLevel<const S4dKernels<S>*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kS4dDouble);
    return *levels[cpu_level()];
  } else {
    static constexpr PerLevel<const S4dKernels<S>*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kS4dFloat);
    return *levels[cpu_level()];
  }
}

/// Planar states, zeros where there are none.
class States {
 public:
  States(const S4dKernels<float>& kernels, std::int64_t states)
      : States(states, kernels.state_lanes) {}
  States(const S4dKernels<double>& kernels, std::int64_t states)
      : States(states, kernels.state_lanes) {}

  std::int64_t padded() const { return padded_; }
  double* data() { return data_.data(); }
  const double* data() const { return data_.data(); }
  double& re(std::int64_t n) { return data_[n]; }
  double& im(std::int64_t n) { return data_[padded_ + n]; }

  void fill(double re, double im) {
    std::fill(data_.begin(), data_.end(), 0.0);  // a nan among what pads them would stay
    std::fill_n(data_.begin(), states_, re);
    std::fill_n(data_.begin() + padded_, states_, im);
  }
  /// Pairs of doubles; null is 0.
  void read(const double* pairs) {
    if (pairs == nullptr) return fill(0, 0);
    for (std::int64_t n = 0; n < states_; ++n) re(n) = pairs[2 * n], im(n) = pairs[2 * n + 1];
  }
  void write(double* pairs) {
    for (std::int64_t n = 0; n < states_; ++n) pairs[2 * n] = re(n), pairs[2 * n + 1] = im(n);
  }
  void conjugate() {
    for (std::int64_t n = 0; n < states_; ++n) im(n) = -im(n);
  }
  void multiply(States& other) {
    for (std::int64_t n = 0; n < states_; ++n) {
      const double r = re(n), i = im(n);
      re(n) = r * other.re(n) - i * other.im(n);
      im(n) = r * other.im(n) + i * other.re(n);
    }
  }

 private:
  States(std::int64_t states, int lanes)
      : states_(states),
        padded_(blocks_of(states, lanes) * lanes),
        data_(static_cast<std::size_t>(2 * padded_)) {}
  std::int64_t states_, padded_;
  std::vector<double> data_;
};

/// Powers of the base of one head, and tables made of them.
template <class S>
class HeadTables {
 public:
  static constexpr std::int64_t kSteps = kBlockSteps;

  explicit HeadTables(std::int64_t states)
      : kernels_(s4d_kernels<S>()),
        base_(kernels_, states),
        power_(kernels_, states),
        rows_(scratch<S>(2 * padded() * kSteps)) {}

  std::int64_t padded() const { return base_.padded(); }
  States& base() { return base_; }
  /// base^T.
  const double* power() const { return power_.data(); }

  void begin(const double* pairs) {
    base_.read(pairs);
    power_.fill(1, 0);
    kernels_.carry(padded(), kSteps, base_.data(), nullptr, 0, power_.data(), nullptr, 0);
  }

  /// Panels [T, 2 S]: row t is first base^t, or first base^(T - 1 - t).
  void drive(const States& first, bool reversed, S* to) {
    powers(first);
    const std::int64_t width = 2 * padded();
    pack(Panels(kernels_.lanes, width), kSteps, width, to, [&](std::int64_t t, std::int64_t n) {
      return rows_[(reversed ? kSteps - 1 - t : t) * width + n];
    });
  }
  /// Panels [T, 2 S]: row t is the derivative of base^(t + 1), or of base^(T - 1 - t); `one` is 1.
  void slopes(const States& one, bool reversed, S* to) {
    powers(one);
    const std::int64_t width = 2 * padded();
    pack(Panels(kernels_.lanes, width), kSteps, width, to, [&](std::int64_t t, std::int64_t n) {
      const std::int64_t exponent = reversed ? kSteps - 1 - t : t + 1;
      return exponent == 0 ? S(0) : static_cast<S>(exponent) * rows_[(exponent - 1) * width + n];
    });
  }

  /// Panels [2 S, T]: column t gives Re(first base^t x) of states x. With `response`, T more rows:
  /// of those, row j gives Re sum of response base^(t - j), 0 where t < j.
  void readout(const States& first, const States* response, S* to) {
    S taps[kSteps] = {};
    if (response != nullptr) sums_of_powers(*response, taps);
    powers(first);
    const std::int64_t width = 2 * padded(), depth = width + (response != nullptr ? kSteps : 0);
    pack(Panels(kernels_.lanes, kSteps), depth, kSteps, to, [&](std::int64_t n, std::int64_t t) {
      return n < width ? part(n, t) : t < n - width ? S(0) : taps[t - (n - width)];
    });
  }

  /// The transposes in time. Panels [2 S, T]: column t gives Re(first base^(T - 1 - t) x).
  void readout_back(const States& first, S* to) {
    powers(first);
    pack(Panels(kernels_.lanes, kSteps), 2 * padded(), kSteps, to,
         [&](std::int64_t n, std::int64_t t) { return part(n, kSteps - 1 - t); });
  }
  /// Panels [T, T]: row j gives Re sum of response base^(j - t) and, where j = t, skip; 0 where
  /// j < t.
  void response_back(const States& response, double skip, S* to) {
    S taps[kSteps];
    sums_of_powers(response, taps, skip);
    pack(Panels(kernels_.lanes, kSteps), kSteps, kSteps, to,
         [&](std::int64_t j, std::int64_t t) { return j < t ? S(0) : taps[j - t]; });
  }

 private:
  /// Rows first base^t.
  void powers(const States& first) {
    States x = first;
    kernels_.carry(padded(), kSteps, base_.data(), nullptr, 0, x.data(), rows_.get(), 2 * padded());
  }

  /// What state part n gives to Re of rows_[t].
  S part(std::int64_t n, std::int64_t t) const {
    const S value = rows_[t * 2 * padded() + n];
    return n < padded() ? value : -value;
  }
  /// taps[t] = Re sum of first base^t, and `more` where t = 0.
  void sums_of_powers(const States& first, S* taps, double more = 0) {
    powers(first);
    for (std::int64_t t = 0; t < kSteps; ++t) {
      double sum = t == 0 ? more : 0;
      for (std::int64_t n = 0; n < padded(); ++n) sum += rows_[t * 2 * padded() + n];
      taps[t] = static_cast<S>(sum);
    }
  }

  const S4dKernels<S>& kernels_;
  States base_, power_;
  std::unique_ptr<S[]> rows_;
};

}  // namespace longtail::longconv
