// Room for the words of many pages, in the order of their numbers.
//
// Where a page lies follows from its number alone, so a walk through page tables in simulated
// memory waits for one load an entry, not for two. The room is reserved address space: a page takes
// memory when it is first written, and reads as zeros before.
//
// A thread keeps a few rooms that it is done with, pages cleared: machines are built by the
// million, and having the host map the same pages anew costs more than their zeros.
#ifndef NPTSIM_SIM_BASE_FLAT_WORDS_H_
#define NPTSIM_SIM_BASE_FLAT_WORDS_H_

#include <cstdint>
#include <memory>
#include <vector>

namespace nptsim {

class FlatWords {
 public:
  static constexpr std::uint64_t kWordsOfPage = 512;

  // Null if the address space cannot be had.
  static std::shared_ptr<FlatWords> reserve(std::uint64_t pages);
  ~FlatWords();
  FlatWords(const FlatWords&) = delete;
  FlatWords& operator=(const FlatWords&) = delete;

  const std::uint64_t* words() const { return words_; }
  // A page's words, to be written.
  std::uint64_t* page(std::uint64_t number) {
    touched_.push_back(number);
    return words_ + number * kWordsOfPage;
  }

 private:
  FlatWords(std::uint64_t* words, std::uint64_t pages) : words_(words), pages_(pages) {}

  std::uint64_t* words_;
  std::uint64_t pages_;
  std::vector<std::uint64_t> touched_;
};

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_FLAT_WORDS_H_
