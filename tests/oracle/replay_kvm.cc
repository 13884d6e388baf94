// bazel run //tests/oracle:replay_kvm -- FILE.yaml...: 0 all match, 1 some differ, 2 a bad file.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "tests/oracle/kvm_replay.h"

int main(int argc, char** argv) {
  using namespace nptsim;
  using namespace nptsim::oracle::kvm;
  if (argc < 2) {
    std::fprintf(stderr, "replay_kvm FILE.yaml[.gz]...\n");
    return 2;
  }
  // Paths are the caller's; the models are beside this program.
  std::vector<std::filesystem::path> paths;
  const char* from = std::getenv("BUILD_WORKING_DIRECTORY");
  for (int i = 1; i < argc; ++i) {
    paths.push_back(std::filesystem::path(from == nullptr ? "." : from) / argv[i]);
  }
  CaseTally tally;
  int status = 0;
  for (const auto& path : paths) {
    const auto file = read_cases(path.string());
    if (!file.ok()) {
      for (const Diagnostic& d : file.error()) std::fprintf(stderr, "%s\n", to_string(d).c_str());
      status = 2;
      continue;
    }
    for (const Case& one : file.value().cases) add(tally, one, replay(one));
  }
  std::fputs(report(tally).c_str(), stdout);
  if (status == 0 && !tally.good()) status = 1;
  return status;
}
