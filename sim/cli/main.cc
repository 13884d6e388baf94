#include <cstdio>
#include <string_view>

#include "sim/cli/exit_status.h"

int main(int argc, char** argv) {
  using nptsim::cli::ExitStatus;
  const std::string_view word = argc > 1 ? argv[1] : "--help";
  if (word == "--version") {
    std::puts("nptsim 0.1");
  } else if (word == "--help" || word == "-h") {
    std::puts("nptsim: a model of nested paging in AMD SVM and SEV-ES, KVM and QEMU");
  } else {
    std::fprintf(stderr, "nptsim: unknown command '%.*s'\n", static_cast<int>(word.size()),
                 word.data());
    return static_cast<int>(ExitStatus::kBadInput);
  }
  return static_cast<int>(ExitStatus::kAsExpected);
}
