// Room for the words of many pages, in the order of their numbers.
//
// Where a page lies follows from its number alone, so a walk through page tables in simulated
// memory waits for one load an entry, not for two. The room is reserved address space: a page takes
// memory when it is first written, and reads as zeros before.
#ifndef NPTSIM_SIM_BASE_FLAT_WORDS_H_
#define NPTSIM_SIM_BASE_FLAT_WORDS_H_

#include <cstdint>
#include <memory>

namespace nptsim {

class FlatWords {
 public:
  // Null if the address space cannot be had.
  static std::shared_ptr<FlatWords> reserve(std::uint64_t words);
  ~FlatWords();
  FlatWords(const FlatWords&) = delete;
  FlatWords& operator=(const FlatWords&) = delete;

  std::uint64_t* words() const { return words_; }

 private:
  FlatWords(std::uint64_t* words, std::uint64_t count) : words_(words), count_(count) {}

  std::uint64_t* words_;
  std::uint64_t count_;
};

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_FLAT_WORDS_H_
