// The Reverse Map Table of SEV-SNP: one entry of 16 bytes for each page of 4 KByte of system
// physical memory, which says whose the page is. The entries are words of simulated memory; nothing
// here keeps a copy of them.
//
// What an entry means is architectural (APM vol. 2 rev. 3.45, 15.36); where its bits lie is not.
// The layout here is that of Zen 3 and Zen 4 (PPR of family 19h model 01h, as Linux
// arch/x86/virt/svm/sev.c struct rmpentry_raw and AMD-ASPFW sev_rmp.h rmp_entry_t have it), so that
// raw dumps in recordings can be read.
#ifndef NPTSIM_SIM_ARCH_SVM_RMP_ENTRY_H_
#define NPTSIM_SIM_ARCH_SVM_RMP_ENTRY_H_

#include <array>
#include <string>
#include <vector>

#include "sim/arch/common/physical_memory.h"
#include "sim/arch/svm/entry.h"
#include "sim/base/address.h"
#include "sim/base/layout.h"

namespace nptsim::svm {

// Of an RMP entry, and of the operand that asks for one.
enum class RmpPageSize : u8 { k4K = 0, k2M = 1 };
constexpr u64 bytes_of(RmpPageSize size) { return size == RmpPageSize::k2M ? kSize2M : kPageSize; }

inline constexpr unsigned kVmpls = 4;
inline constexpr unsigned kRmpEntryBytes = 16;
inline constexpr unsigned kPagesIn2M = 512;

// The two quadwords of an entry, as a dump has them: q1 lies at the lower address.
struct RmpWords {
  u64 q1 = 0;
  u64 q2 = 0;

  bool operator==(const RmpWords&) const = default;
};

// Where the fields lie (not architectural, see above).
namespace rmp_field {
inline constexpr Field kAssigned{"Assigned", 0, 0, 0, "a guest's or the AMD-SP's page"};
inline constexpr Field kPageSize{"Page_Size", 0, 1, 1, "0: 4 KByte, 1: 2 MByte"};
inline constexpr Field kImmutable{"Immutable", 0, 2, 2, "only firmware may change the entry"};
inline constexpr Field kSubpageCount{
    "Subpage_Count", 0, 11, 3,
    "in the 2-MByte-aligned entry: how many of the other 511 pages are assigned"};
inline constexpr Field kGpa{"GPA", 0, 50, 12, "the page's only guest physical address"};
inline constexpr Field kAsid{"ASID", 0, 60, 51, "the owner; 0 with Assigned: the AMD-SP"};
inline constexpr Field kVmsa{"VMSA", 0, 61, 61, "the page may be used as a VMSA"};
inline constexpr Field kValidated{"Validated", 0, 62, 62, "the guest has accepted the page"};
inline constexpr Field kLock{"Lock", 0, 63, 63, "the entry is in use or being updated"};
inline constexpr Field kVmpl0{"VMPL0", 1, 7, 0, "rights of VMPL0"};
inline constexpr Field kVmpl1{"VMPL1", 1, 15, 8, "rights of VMPL1"};
inline constexpr Field kVmpl2{"VMPL2", 1, 23, 16, "rights of VMPL2"};
inline constexpr Field kVmpl3{"VMPL3", 1, 31, 24, "rights of VMPL3"};
inline constexpr Field kSpare{"spare", 1, 63, 32, "key select and others that nothing here uses"};
}  // namespace rmp_field
inline constexpr Field kRmpFields[] = {
    rmp_field::kAssigned, rmp_field::kPageSize, rmp_field::kImmutable, rmp_field::kSubpageCount,
    rmp_field::kGpa,      rmp_field::kAsid,     rmp_field::kVmsa,      rmp_field::kValidated,
    rmp_field::kLock,     rmp_field::kVmpl0,    rmp_field::kVmpl1,     rmp_field::kVmpl2,
    rmp_field::kVmpl3,    rmp_field::kSpare,
};
inline constexpr RecordLayout kRmpEntryLayout{"RMP entry", 2, kRmpFields};

// Both in the first word of the 2-MByte-aligned entry: it speaks for all 512 pages.
inline constexpr u64 kSpeaksFor2M = bit(rmp_field::kAssigned.low) | bit(rmp_field::kPageSize.low);

// The widest values that the fields hold.
inline constexpr u64 kRmpGpaMask = bit_range(50, 12);
inline constexpr u32 kRmpAsidMask = 0x3ff;

// An entry taken apart.
struct RmpEntry {
  bool assigned = false;
  RmpPageSize size = RmpPageSize::k4K;
  bool immutable = false;
  unsigned subpage_count = 0;
  GuestPhysAddr gpa;  // bits 50:12
  u32 asid = 0;
  bool vmsa = false;
  bool validated = false;
  bool lock = false;
  std::array<u8, kVmpls> permissions{};
  u32 spare = 0;

  bool operator==(const RmpEntry&) const = default;
  // A 2-MByte entry speaks for all its 512 pages. An entry that is not assigned never does: after
  // RMPUPDATE freed a region of 2 MByte its pages are given away one by one (Linux
  // arch/x86/kvm/svm/sev.c sev_gmem_invalidate).
  bool speaks_for_2m() const { return assigned && size == RmpPageSize::k2M; }
};
RmpEntry decode(RmpWords words);
// The rights of VMPL0 to VMPL3, a byte each.
constexpr u64 rights_word(RmpWords words) { return get_bits(words.q2, 31, 0); }
RmpWords encode(const RmpEntry& entry);

// Rights of a VMPL (APM vol. 2 rev. 3.45, 15.36.7, table 15-37).
inline constexpr u8 kVmplRead = 1, kVmplWrite = 2, kVmplExecuteUser = 4, kVmplExecuteSupervisor = 8,
                    kVmplSupervisorShadowStack = 16;
// What VMPL0 has of a page that was just assigned; the shadow stack bit exists with VmplSSS.
constexpr u8 all_permissions(bool vmpl_sss) { return vmpl_sss ? 0x1f : 0x0f; }
// R=0 with anything else, SSS=1 with XU or XS, XS=1 with XU=0 (table 15-37).
constexpr bool legal_permissions(u8 mask) {
  const bool sss = mask & kVmplSupervisorShadowStack;
  const bool user = mask & kVmplExecuteUser;
  const bool supervisor = mask & kVmplExecuteSupervisor;
  if (!(mask & kVmplRead)) return mask == 0;
  return !(sss && (user || supervisor)) && !(supervisor && !user);
}

// Where the table lies: MSRs C001_0132 and C001_0133. The segmented table (C001_0136) is not
// modelled.
struct RmpTable {
  u64 base = 0;  // RMP_BASE
  u64 end = 0;   // RMP_END: the table's last byte

  // The first 16 KByte are the processor's own (AMD-ASPFW sev_rmp.h rmp_asid_counters_t).
  static constexpr u64 kBookkeeping = 0x4000;

  bool operator==(const RmpTable&) const = default;

  // How many bytes of system physical memory, from 0 on, have entries.
  constexpr u64 covered() const {
    const u64 bytes = end + 1 - base;
    if (end < base || bytes <= kBookkeeping) return 0;
    return (bytes - kBookkeeping) / kRmpEntryBytes * kPageSize;
  }
  bool covers(HostPhysAddr spa) const { return spa.value < covered(); }
  // The whole 2 MByte around `spa`.
  bool covers_2m(HostPhysAddr spa) const {
    return spa.align_down(kSize2M).value + kSize2M <= covered();
  }
  // Of the page of `spa`, which is covered.
  HostPhysAddr entry_address(HostPhysAddr spa) const {
    return HostPhysAddr(base + kBookkeeping + (spa.value >> kPageShift) * kRmpEntryBytes);
  }
};
// What hardware or firmware would not take, in plain sentences: RMP_BASE and RMP_END+1 are 8-KByte
// aligned (APM vol. 2 rev. 3.45, 15.36); SNP_INIT wants 1 MByte and no C-bit (AMD-ASPFW sev_rmp.c
// get_rmp_bounds).
std::vector<std::string> contradictions(const RmpTable& table, unsigned address_bits);

// Reads and writes entries in memory. The table is not encrypted: firmware refuses an RMP_BASE with
// the C-bit (AMD-ASPFW sev_rmp.c get_rmp_bounds), so no key is looked at. Addresses given are
// covered.
class Rmp {
 public:
  Rmp(const RmpTable& table, arch::PhysicalMemory& memory) : table_(table), memory_(&memory) {}

  const RmpTable& table() const { return table_; }
  bool covers(HostPhysAddr spa) const { return table_.covers(spa); }

  // An entry never crosses a page of the table.
  RmpWords words(HostPhysAddr spa) const {
    NPTSIM_CHECK(covers(spa));
    const HostPhysAddr at = table_.entry_address(spa);
    const u64* page = memory_->store().words_of_page(Space::kDram, at.page_number());
    const u64 index = at.page_offset() / 8;
    return {page[index], page[index + 1]};
  }
  u64 first_word(HostPhysAddr spa) const {
    return memory_->read_plain_word(table_.entry_address(spa));
  }
  // The entry of the page itself, also where a 2-MByte entry speaks for it.
  RmpEntry own(HostPhysAddr spa) const { return decode(words(spa)); }
  // The 2-MByte-aligned entry of the region.
  RmpEntry aligned(HostPhysAddr spa) const { return own(spa.align_down(kSize2M)); }
  // The entry that speaks for the page: the aligned one if that is a 2-MByte entry (the other 511
  // are ignored then), else its own.
  RmpEntry authoritative(HostPhysAddr spa) const;
  // The address whose entry that is.
  HostPhysAddr authoritative_page(HostPhysAddr spa) const;
  // Assigned=0: all 512 entries of the 2-MByte region, as far as they are covered.
  bool hypervisor_owned_2m(HostPhysAddr spa) const;

  void write(HostPhysAddr spa, const RmpEntry& entry) const;

 private:
  RmpTable table_;
  arch::PhysicalMemory* memory_;
};

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_RMP_ENTRY_H_
