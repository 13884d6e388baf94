// Software that reads a guest's page tables: the guest's own handlers, or a kernel that emulates an
// instruction of a guest whose memory it can read. No bit is set and nothing faults.
#ifndef NPTSIM_SIM_MACHINE_GUEST_LOOKUP_H_
#define NPTSIM_SIM_MACHINE_GUEST_LOOKUP_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "sim/machine/setup.h"

namespace nptsim::machine {

struct GuestMapping {
  GuestPhysAddr gpa;       // of the byte asked for; without C-bit
  bool c_bit = false;
  bool writable = true;    // all levels
  bool user = true;        // all levels
  bool no_execute = false; // any level, with EFER.NXE
};

// By the tables that CR3 names, read with `key`. Nothing: not mapped, or a table lies where no
// memory is.
std::optional<GuestMapping> look_up(const Setup& setup, arch::PhysicalMemory& memory,
                                    const isa::Registers& registers, GuestVirtAddr address,
                                    arch::KeyId key);

// Bytes of guest physical memory by the VMM's regions, read with `key`; false outside of them.
bool read_guest_physical(const Setup& setup, arch::PhysicalMemory& memory, GuestPhysAddr address,
                         void* data, unsigned size, arch::KeyId key);

// Bytes at a linear address as the guest itself would read them.
bool peek_guest(const Setup& setup, arch::PhysicalMemory& memory, const svm::VcpuRecord& vcpu,
                GuestVirtAddr address, void* data, unsigned size);

// A general register by any of its names ("rax", "eax", "al", ...), rip, rflags, cr2 or cr3.
bool read_register(const isa::Registers& registers, std::string_view name, std::uint64_t& value);

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_GUEST_LOOKUP_H_
