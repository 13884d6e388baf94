// Where a guest's own things lie in its physical memory, unless `place:` moves them. In 64-bit mode
// they are mapped to the same linear addresses. docs/places.md is the table for people.
#ifndef NPTSIM_SIM_SCENARIO_BUILD_PLACES_H_
#define NPTSIM_SIM_SCENARIO_BUILD_PLACES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/address.h"
#include "sim/isa/registers.h"
#include "sim/scenario/located.h"

namespace nptsim::scenario::building {

// Of each vCPU: programs may be this long, stacks are this large.
inline constexpr std::uint64_t kCodeStride = 0x4000;
inline constexpr std::uint64_t kRealModeCodeStride = 0x1000;
inline constexpr std::uint64_t kStackStride = 0x4000;
// Behind each other in a vCPU's stack area; a stack begins at its upper end.
inline constexpr std::uint64_t kDoubleFaultStackEnd = 0x1000;
inline constexpr std::uint64_t kVcStackEnd = 0x2000;
inline constexpr std::uint64_t kKernelStackEnd = 0x3000;  // RSP0
inline constexpr std::uint64_t kProgramStackEnd = 0x4000;

inline constexpr std::uint64_t kTssStride = 0x80;
inline constexpr std::uint64_t kStubStride = 0x10;  // from one gate's code to the next
inline constexpr unsigned kVectors = 256;

struct Places {
  GuestPhysAddr gdt{0x1000};
  GuestPhysAddr idt{0x2000};
  GuestPhysAddr tss{0x3000};
  GuestPhysAddr handlers{0x4000};  // stubs of modelled handlers; on the next page those of nobody
  GuestPhysAddr ghcb{0x10000};
  GuestPhysAddr code{0x20000};
  GuestPhysAddr stack{0x60000};
  GuestPhysAddr tables{0x100000};
  std::optional<GuestPhysAddr> cpuid, spare;  // nowhere unless it is said
  std::uint64_t code_stride = kCodeStride;

  GuestPhysAddr code_of(unsigned vcpu) const { return code + vcpu * code_stride; }
  GuestPhysAddr stack_of(unsigned vcpu) const { return stack + vcpu * kStackStride; }
  GuestPhysAddr ghcb_of(unsigned vcpu) const { return ghcb + vcpu * kPageSize; }
  GuestPhysAddr tss_of(unsigned vcpu) const { return tss + vcpu * kTssStride; }
  // Vectors that share no code with each other, so that an outcome can tell them apart.
  GuestPhysAddr stub_of(unsigned vector) const { return handlers + vector * kStubStride; }
  GuestPhysAddr nobody_of(unsigned vector) const {
    return handlers + kPageSize + vector * kStubStride;
  }
  std::uint64_t handlers_size() const { return 2 * kPageSize; }
};

// What lies where, whole pages, for mapping, checking and warming up.
struct Area {
  std::string name;  // the key of `place:`
  GuestPhysAddr gpa;
  std::uint64_t size = 0;
  bool user = false;
  bool execute = false;
  bool shared = false;
  unsigned vcpu = 0;  // whose it is; of several: the first's
};

// The defaults of a mode, moved as `moved` says.
Places make_places(isa::Mode mode, const std::map<std::string, Number>& moved);

struct Plan;
// All but the page tables, whose size comes of the rest.
std::vector<Area> areas_without_tables(const Plan& plan);

}  // namespace nptsim::scenario::building

#endif  // NPTSIM_SIM_SCENARIO_BUILD_PLACES_H_
