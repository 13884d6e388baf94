// The VMM's memory behind the slots: a real mapping for each backing of a scenario.
#ifndef NPTSIM_SIM_RECORD_MEMORY_H_
#define NPTSIM_SIM_RECORD_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "sim/machine/host.h"

namespace nptsim::record {

class Memory {
 public:
  Memory() = default;
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // 0 or an errno, as everything here.
  int add(machine::BackingId backing, std::uint64_t size);

  // What a slot's userspace_addr says. A backing that is none is an address where nothing is
  // mapped.
  std::uint64_t address(machine::BackingId backing, std::uint64_t offset) const;

  int protect(machine::BackingId backing, std::uint64_t offset, std::uint64_t size,
              machine::HostProtection protection);
  int discard(machine::BackingId backing, std::uint64_t offset, std::uint64_t size);

  // Past any protection, as the kernel itself lets a process look at its own memory
  // (/proc/self/mem). False where nothing is mapped.
  bool write(machine::BackingId backing, std::uint64_t offset,
             std::span<const std::byte> bytes) const;
  bool read(machine::BackingId backing, std::uint64_t offset, std::span<std::byte> bytes) const;

 private:
  struct Mapping {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
  };
  const Mapping* find(machine::BackingId backing) const;

  std::map<machine::BackingId, Mapping> mappings_;
};

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_MEMORY_H_
