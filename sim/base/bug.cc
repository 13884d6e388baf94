#include "sim/base/bug.h"

#include <cstdio>
#include <cstdlib>

namespace nptsim {

void stop_on_bug(const char* file, int line, std::string_view text) {
  std::fprintf(stderr, "nptsim: a bug of nptsim at %s:%d: %.*s\n", file, line,
               static_cast<int>(text.size()), text.data());
  std::_Exit(kExitStatusBug);
}

}  // namespace nptsim
