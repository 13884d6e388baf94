#include "sim/base/flat_words.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>

namespace nptsim {
namespace {

constexpr std::size_t kMostKept = 4;        // rooms of a thread
constexpr std::size_t kMostCleared = 8192;  // pages; with more, the host is asked for others

std::size_t bytes_of(std::uint64_t pages) {
  return pages * FlatWords::kWordsOfPage * sizeof(std::uint64_t);
}

struct KeptRoom {
  std::uint64_t* words = nullptr;
  std::uint64_t pages = 0;
};

// What outlives it (a machine in a static variable) gives its room back to the host.
thread_local bool t_is_over = false;
struct KeptRooms {
  std::vector<KeptRoom> rooms;
  ~KeptRooms() {
    t_is_over = true;
    for (const KeptRoom& room : rooms) munmap(room.words, bytes_of(room.pages));
  }
};
thread_local KeptRooms t_kept;

std::uint64_t* take_kept(std::uint64_t pages) {
  if (t_is_over) return nullptr;
  std::vector<KeptRoom>& rooms = t_kept.rooms;
  const auto found = std::find_if(rooms.begin(), rooms.end(),
                                  [&](const KeptRoom& room) { return room.pages == pages; });
  if (found == rooms.end()) return nullptr;
  std::uint64_t* const words = found->words;
  rooms.erase(found);
  return words;
}

}  // namespace

std::shared_ptr<FlatWords> FlatWords::reserve(std::uint64_t pages) {
  std::uint64_t* words = take_kept(pages);
  if (words == nullptr) {
    void* const room = mmap(nullptr, bytes_of(pages), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) return nullptr;
    words = static_cast<std::uint64_t*>(room);
  }
  return std::shared_ptr<FlatWords>(new FlatWords(words, pages));
}

FlatWords::~FlatWords() {
  if (t_is_over || touched_.size() > kMostCleared || t_kept.rooms.size() >= kMostKept) {
    munmap(words_, bytes_of(pages_));
    return;
  }
  for (const std::uint64_t page : touched_) {
    std::fill_n(words_ + page * kWordsOfPage, kWordsOfPage, 0);
  }
  t_kept.rooms.push_back({words_, pages_});
}

}  // namespace nptsim
