#include "test.h"

int main() {
  for (const test::Case& test_case : test::cases()) {
    const int before = test::failures();
    try {
      test_case.run();
    } catch (const std::exception& error) {
      test::fail(test_case.name, 0, std::string("unexpected exception: ") + error.what());
    }
    std::cout << (test::failures() == before ? "passed " : "FAILED ") << test_case.name << "\n";
  }
  std::cout << test::cases().size() << " tests, " << test::failures() << " failed checks\n";
  return test::failures() == 0 && !test::cases().empty() ? 0 : 1;
}
