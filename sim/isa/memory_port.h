// The memory as an instruction sees it: linear addresses, no page tables.
#ifndef NPTSIM_SIM_ISA_MEMORY_PORT_H_
#define NPTSIM_SIM_ISA_MEMORY_PORT_H_

#include "sim/base/address.h"

namespace nptsim::isa {

enum class PortStatus : unsigned char {
  kOk,
  kStopped,  // a fault, an exit, MMIO that is not answered yet: the port knows, nothing has changed
};

// Who asks. Reads of descriptor tables and TSS, and frames pushed for an inner ring, count as
// supervisor accesses whatever the CPL is (APM vol. 2, 5.6.1).
enum class Privilege : unsigned char { kCurrent, kSupervisor };

// How much one access may move: an instruction at most 16 bytes, an event frame at most 64.
inline constexpr unsigned kMaxAccess = 64;

// An access that crosses a page comes as one call; both pages are translated before any byte moves.
class MemoryPort {
 public:
  virtual ~MemoryPort() = default;

  virtual PortStatus load(GuestVirtAddr address, void* data, unsigned size,
                          Privilege privilege) = 0;

  virtual PortStatus store(GuestVirtAddr address, const void* data, unsigned size,
                           Privilege privilege) = 0;

  // The read half of a read-modify-write: faults as a write does. A store() to the same place
  // follows in the same instruction, unless something else makes the instruction fault; a plain
  // port lets that store pass, an emulator's may stop it too.
  virtual PortStatus load_for_update(GuestVirtAddr address, void* data, unsigned size, bool locked,
                                     Privilege privilege) = 0;

  // Translates for a write and writes nothing: for instructions that must know that a destination
  // is good before they do something that cannot be taken back.
  virtual PortStatus prepare_store(GuestVirtAddr address, unsigned size, Privilege privilege) = 0;
};

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_MEMORY_PORT_H_
