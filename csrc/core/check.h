// Argument checks. Every message names the argument, what it got and what it needs.
//
// std::invalid_argument is what the C++ API promises; torch's and nanobind's bindings both turn
// it into ValueError.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string_view>

namespace longtail {

// Throws "function: argument `name` is <got>, expected <expected>".
template <class Got>
[[noreturn]] void fail_argument(std::string_view function, std::string_view name, const Got& got,
                                std::string_view expected) {
  std::ostringstream message;
  message << function << ": argument `" << name << "` is " << got << ", expected " << expected;
  throw std::invalid_argument(message.str());
}

template <class Got>
void check_argument(bool holds, std::string_view function, std::string_view name, const Got& got,
                    std::string_view expected) {
  if (!holds) fail_argument(function, name, got, expected);
}

}  // namespace longtail
