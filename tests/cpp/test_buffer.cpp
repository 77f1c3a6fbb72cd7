// Memory laid out in pieces.
#include "core/buffer.h"

#include "test.h"

namespace {

using longtail::Buffer;
using longtail::Layout;

TEST(pieces_are_aligned_and_apart) {
  Layout sizes;
  sizes.place<float>(3);
  sizes.place<double>(9);
  CHECK_EQUAL(sizes.size(), 192);
  const Buffer memory(sizes.size());
  Layout places(memory.as<std::byte>());
  CHECK(places.place<float>(3) == memory.as<float>());
  CHECK(places.place<double>(9) == memory.as<double>() + 8);
}

// An offset from null is undefined (found by tests/fuzz; only Clang's sanitizer reports it).
TEST(sizes_are_learnt_without_pointers) {
  Layout sizes;
  CHECK(sizes.place<float>(3) == nullptr);
  CHECK(sizes.place<double>(9) == nullptr);
}

}  // namespace
