// The two-dimensional walk: a guest's linear address through its own tables, each entry of which
// lies at a guest physical address that the nested tables translate first (APM vol. 2 rev. 3.45,
// 15.25.5 and 15.25.6). The numbers in the comments are the steps of this order:
//
//   guest_access(gva):                             nested_translate(gpa):
//   G1 canonical, else #GP                         N1 from the top: P, else #NPF
//   G2 each level: nested_translate(entry's gpa)   N2 reserved bits, else #NPF with RSV
//   G3   P, reserved bits, else #PF                N3 rights of all levels together, else #NPF
//   G4 rights of all levels together, else #PF     N4 A in all entries, D in the leaf
//   G5 A in all entries, D in the leaf
//   G6 nested_translate(final gpa)
//   G7 RMP checks (rmp_check.h)                  N5 RMP checks of a guest table, with SNP on
//
// So a guest #PF beats a #NPF of the final address, and a #NPF on a table beats what deeper levels
// would give. Rights are one decision a walk, not one a level.
//
// Free choices, both rules marked "inferred": a walk that fails N3 or G4 sets no A or D bits of its
// dimension (npt.accessed-dirty, guest.accessed-dirty).
//
// A failed translation is a value (fault.h) that knows no exception or exit code.
#ifndef NPTSIM_SIM_ARCH_SVM_WALK_H_
#define NPTSIM_SIM_ARCH_SVM_WALK_H_

#include "sim/arch/common/physical_memory.h"
#include "sim/arch/svm/walk_context.h"
#include "sim/arch/svm/walk_observer.h"

namespace nptsim::svm {

struct Translation {
  HostPhysAddr spa;
  GuestPhysAddr gpa;
  arch::KeyId key;       // what the data goes through
  u64 guest_rights = 0;  // all levels together, X inverted from NX; D is the leaf's
  u64 nested_rights = 0;
  u8 page_shift = 12;         // of the smaller of both pages
  bool is_private = false;    // the effective C-bit
  bool data_private = false;  // the same for data: a fetch is always private
  bool nested_c = false;
  bool global = false;   // the guest leaf's G bit
  u8 nested_shift = 12;  // of the nested leaf
};

// What the data of the access goes through, or why there is no translation. Sets A and D bits.
template <class Observer>
bool translate(const WalkContext& context, arch::PhysicalMemory& memory, GuestVirtAddr gva,
               Access access, Observer observer, Translation& result, Failure& failure);

extern template bool translate(const WalkContext&, arch::PhysicalMemory&, GuestVirtAddr, Access,
                               NullObserver, Translation&, Failure&);
extern template bool translate(const WalkContext&, arch::PhysicalMemory&, GuestVirtAddr, Access,
                               ListeningObserver, Translation&, Failure&);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_WALK_H_
