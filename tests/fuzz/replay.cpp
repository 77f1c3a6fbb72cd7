// Runs a target on files and on the files in folders, without a fuzzer: the committed corpus as a
// test, with any compiler; or one input that a fuzzer found.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "input.h"

namespace {

int run(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path)) count += run(entry.path());
    return count;
  }
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
  std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(input.data(), input.size());
  return 1;
}

}  // namespace

int main(int count, char** paths) {
  int inputs = 0;
  for (int i = 1; i < count; ++i) inputs += run(paths[i]);
  std::cout << inputs << " inputs\n";
  return inputs > 0 ? 0 : 1;
}
