#include "sim/record/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "sim/base/bits.h"
#include "sim/base/bug.h"
#include "sim/record/fd.h"

namespace nptsim::record {
namespace {

// Anonymous and private, like a VMM's own: what is discarded comes back as zeros.
constexpr int kMapFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

void* pointer(std::uint64_t address) { return reinterpret_cast<void*>(address); }

int own_memory() {
  static const Fd kFile(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
  return kFile.get();
}

int errno_of(int result) { return result == 0 ? 0 : errno; }

int protection_bits(machine::HostProtection protection) {
  switch (protection) {
    case machine::HostProtection::kReadWrite:
      return PROT_READ | PROT_WRITE;
    case machine::HostProtection::kRead:
      return PROT_READ;
    default:
      return PROT_NONE;
  }
}

}  // namespace

Memory::~Memory() {
  for (const auto& [backing, mapping] : mappings_) munmap(pointer(mapping.address), mapping.size);
}

int Memory::add(machine::BackingId backing, std::uint64_t size) {
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, kMapFlags, -1, 0);
  if (memory == MAP_FAILED) return errno;
  mappings_[backing] = {reinterpret_cast<std::uint64_t>(memory), size};
  return 0;
}

const Memory::Mapping* Memory::find(machine::BackingId backing) const {
  const auto found = mappings_.find(backing);
  return found == mappings_.end() ? nullptr : &found->second;
}

std::uint64_t Memory::address(machine::BackingId backing, std::uint64_t offset) const {
  // Between the program and its libraries: nothing is mapped there.
  constexpr std::uint64_t kNothing = 1ull << 44;
  const Mapping* mapping = find(backing);
  return (mapping == nullptr ? kNothing : mapping->address) + offset;
}

int Memory::protect(machine::BackingId backing, std::uint64_t offset, std::uint64_t size,
                    machine::HostProtection protection) {
  const Mapping* mapping = find(backing);
  if (mapping == nullptr || offset > mapping->size || size > mapping->size - offset) return ENOMEM;
  void* const at = pointer(mapping->address + offset);
  if (protection == machine::HostProtection::kUnmapped) return errno_of(munmap(at, size));
  const int bits = protection_bits(protection);
  if (mprotect(at, size, bits) == 0) return 0;
  if (errno != ENOMEM) return errno;
  // It was unmapped before: mapped again, and empty.
  return mmap(at, size, bits, kMapFlags | MAP_FIXED, -1, 0) == MAP_FAILED ? errno : 0;
}

int Memory::discard(machine::BackingId backing, std::uint64_t offset, std::uint64_t size) {
  return errno_of(madvise(pointer(address(backing, offset)), size, MADV_DONTNEED));
}

bool Memory::write(machine::BackingId backing, std::uint64_t offset,
                   std::span<const std::byte> bytes) const {
  const auto at = static_cast<off_t>(address(backing, offset));
  return pwrite(own_memory(), bytes.data(), bytes.size(), at) == static_cast<ssize_t>(bytes.size());
}

bool Memory::read(machine::BackingId backing, std::uint64_t offset,
                  std::span<std::byte> bytes) const {
  const auto at = static_cast<off_t>(address(backing, offset));
  return pread(own_memory(), bytes.data(), bytes.size(), at) == static_cast<ssize_t>(bytes.size());
}

}  // namespace nptsim::record
