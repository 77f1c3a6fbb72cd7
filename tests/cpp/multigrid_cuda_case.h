#pragma once
// What the tests of the CUDA solvers of multigrid share: launches, noise, memory, reports.

#include "core/buffer.h"
#include "noise.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <cuda_runtime.h>

namespace multigrid_case {

struct OnFibres {
  template <class... P, class... A>
  void operator()(void (*kernel)(P...), dim3 grid, int threads, std::size_t shared,
                  const A&... arguments) const {
    grid.y = std::min(grid.y, 2u);  // each has to go on to the next problems
    simt::launch(grid, threads, [&] { kernel(arguments...); }, shared);
  }
  int read(const int* from) const {
    ++looks;
    return *from;
  }
  mutable int looks = 0;
};

using test::noise;
using test::relative;

/// Memory as a GPU gives it: full of nans.
class Unwritten {
 public:
  explicit Unwritten(std::int64_t bytes) : buffer_(bytes) {
    std::fill_n(buffer_.as<unsigned char>(), bytes, static_cast<unsigned char>(0xff));
  }
  std::byte* data() const { return buffer_.as<std::byte>(); }

 private:
  longtail::Buffer buffer_;
};

struct Reported {
  explicit Reported(std::int64_t batch) : iterations(batch), residual(batch), returned(batch) {}
  std::vector<std::int64_t> iterations;
  std::vector<double> residual, returned;
};

template <class E>
struct Solved {
  std::vector<E> u;
  Reported report;
};

}  // namespace multigrid_case
