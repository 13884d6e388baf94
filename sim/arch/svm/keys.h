// Private or shared: the effective C-bit of an access, and the key that its data goes through.
#ifndef NPTSIM_SIM_ARCH_SVM_KEYS_H_
#define NPTSIM_SIM_ARCH_SVM_KEYS_H_

#include "sim/arch/common/physical_memory.h"
#include "sim/arch/svm/fault.h"

namespace nptsim::svm {

// How the effective C-bit of a data access comes about (APM vol. 2 rev. 3.45, 15.34.5, 15.36).
// Fetches and guest table accesses of an SEV guest are always private.
//
//   guest                                          data
//   no SEV                                         kNever
//   SEV, long mode or legacy PAE paging            kByEntry: the C-bit of the guest's leaf
//   SEV, paging off or 32-bit tables               kAlways: there is no C-bit to choose by
//   SEV with VTE (VMCB 0x90 bit 5; not SEV-ES)     kAlways
//   SNP with the virtual TOM feature               kByTom: below VIRTUAL_TOM
enum class DataC : u8 { kNever, kByEntry, kAlways, kByTom };

struct CRules {
  DataC data = DataC::kNever;
  u64 virtual_tom = 0;
  arch::KeyId guest_key;  // kNoKey for a guest without SEV

  // `entry_c` is the C-bit of the guest's leaf, `gpa` has none.
  bool effective_c(AccessKind kind, bool entry_c, GuestPhysAddr gpa) const {
    if (data == DataC::kNever) return false;
    if (kind == AccessKind::kFetch) return true;
    switch (data) {
      case DataC::kNever:
        return false;
      case DataC::kByEntry:
        return entry_c;
      case DataC::kAlways:
        return true;
      case DataC::kByTom:
        return gpa.value < virtual_tom;
    }
    return false;
  }
  bool table_c() const { return data != DataC::kNever; }

  // APM vol. 2 rev. 3.45, table 15-30:
  //   guest C  nested C   key
  //   0        0          none
  //   0        1          the host's
  //   1        any        the guest's
  arch::KeyId key(bool guest_c, bool nested_c) const {
    if (guest_c) return guest_key;
    return nested_c ? arch::kHostKey : arch::kNoKey;
  }
};

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_KEYS_H_
