#include "sim/base/flat_words.h"

#include <sys/mman.h>

namespace nptsim {

std::shared_ptr<FlatWords> FlatWords::reserve(std::uint64_t words) {
  void* room = mmap(nullptr, words * sizeof(std::uint64_t), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return nullptr;
  return std::shared_ptr<FlatWords>(new FlatWords(static_cast<std::uint64_t*>(room), words));
}

FlatWords::~FlatWords() { munmap(words_, count_ * sizeof(std::uint64_t)); }

}  // namespace nptsim
