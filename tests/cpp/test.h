// A test harness of one page: TEST(name) { CHECK(...); } registers itself; main.cpp runs them all.
#pragma once

#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace test {

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Register {
  Register(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

template <class Message>
void fail(const char* file, int line, const Message& message) {
  // The first failures tell the story; a loop over 2^16 values must not print them all.
  if (++failures() <= 20) std::cerr << file << ":" << line << ": " << message << "\n";
}

// The message of the exception that `call` throws, or an empty string.
template <class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace test

#define TEST(name)                                                 \
  static void test_##name();                                       \
  static const test::Register register_##name(#name, test_##name); \
  static void test_##name()

#define CHECK(condition)                                          \
  do {                                                            \
    if (!(condition)) test::fail(__FILE__, __LINE__, #condition); \
  } while (false)

// Compares and, on failure, prints both values.
#define CHECK_EQUAL(got, expected)                                            \
  do {                                                                        \
    const auto got_value = (got);                                             \
    const auto expected_value = (expected);                                   \
    if (!(got_value == expected_value)) {                                     \
      std::ostringstream text;                                                \
      text << #got << " is " << got_value << ", expected " << expected_value; \
      test::fail(__FILE__, __LINE__, text.str());                             \
    }                                                                         \
  } while (false)

// Checks that `call` throws and that its message holds every text.
#define CHECK_THROWS(call, ...)                                                          \
  do {                                                                                   \
    const std::string message = test::message_of([&] { call; });                         \
    for (const char* text : {__VA_ARGS__}) {                                             \
      if (message.find(text) == std::string::npos) {                                     \
        test::fail(__FILE__, __LINE__, std::string("no '") + text + "' in: " + message); \
      }                                                                                  \
    }                                                                                    \
  } while (false)
