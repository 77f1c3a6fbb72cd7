#pragma once
// Tensors in the computing type.

#include "core/element_type.h"
#include "core/panels.h"

namespace longtail {

/// `count` elements of any type in S: themselves, or a copy.
template <class S>
class Wide {
 public:
  Wide(const DenseKernels<S>& kernels, DType dtype, const void* from, std::int64_t count) {
    if (dtype == kDType<S>) {
      data_ = static_cast<const S*>(from);
      return;
    }
    own_ = scratch<S>(count);
    kernels.widen[static_cast<int>(dtype)](from, own_.get(), count);
    data_ = own_.get();
  }
  const S* at(std::int64_t element) const { return data_ + element; }

 private:
  std::unique_ptr<S[]> own_;
  const S* data_;
};

}  // namespace longtail
