// Replays recorded accesses through the model: replay FILE.csv [FILE.csv.gz ...].
//
// Exit status: 0 every row matches, 1 some differ, 2 a file is malformed or cannot be read.
#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/oracle/compare.h"

namespace {

// `bazel run` starts programs in its own folder; the user's is in this variable.
std::string from_users_folder(const std::string& path) {
  const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
  return folder ? (std::filesystem::path(folder) / path).string() : path;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace nptsim;
  if (argc < 2) {
    std::fputs("usage: replay FILE.csv [FILE.csv.gz ...]\n", stderr);
    return 2;
  }
  bool bad_input = false, differs = false;
  for (int i = 1; i < argc; ++i) {
    const auto file = oracle::read_file(from_users_folder(argv[i]));
    if (!file) {
      for (const Diagnostic& d : file.error()) std::fprintf(stderr, "%s\n", to_string(d).c_str());
      bad_input = true;
      continue;
    }
    const oracle::Tally tally = oracle::replay(file.value());
    std::fputs(oracle::report(file.value(), tally).c_str(), stdout);
    differs = differs || !tally.good();
  }
  return bad_input ? 2 : differs ? 1 : 0;
}
