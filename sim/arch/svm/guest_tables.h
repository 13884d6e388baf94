// Which page tables a guest has chosen by CR0, CR3, CR4 and EFER (APM vol. 2 rev. 3.45, 5.1).
#ifndef NPTSIM_SIM_ARCH_SVM_GUEST_TABLES_H_
#define NPTSIM_SIM_ARCH_SVM_GUEST_TABLES_H_

#include "sim/arch/svm/entry.h"
#include "sim/isa/registers.h"

namespace nptsim::svm {

enum class GuestPaging : u8 { kOff, kLegacy, kPae, kLong };

struct GuestTables {
  GuestPaging paging = GuestPaging::kOff;
  unsigned levels = 0;  // 0 with paging off
  u64 root = 0;         // GPA of the top table
};

// `c_mask`: the guest's C-bit, no part of the address in CR3; 0 if it has none.
inline GuestTables guest_tables(const isa::Registers& r, u64 c_mask) {
  if (!(r.cr0 & isa::kCr0Pg)) return {};
  if (isa::long_mode_active(r)) {
    const unsigned levels = (r.cr4 & isa::kCr4La57) ? 5 : 4;
    return {GuestPaging::kLong, levels, r.cr3 & bit_range(51, 12) & ~c_mask};
  }
  if (r.cr4 & isa::kCr4Pae) return {GuestPaging::kPae, 3, r.cr3 & bit_range(31, 5)};
  return {GuestPaging::kLegacy, 2, r.cr3 & bit_range(31, 12)};
}

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_GUEST_TABLES_H_
