// One CPU part, as far as outcomes depend on it: the values that models/cpu/*.yaml give.
#ifndef NPTSIM_SIM_ARCH_SVM_CPU_PROFILE_H_
#define NPTSIM_SIM_ARCH_SVM_CPU_PROFILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/arch/svm/rmp_choices.h"
#include "sim/arch/svm/rmp_entry.h"
#include "sim/base/bits.h"

namespace nptsim::svm {

// CPUID Fn8000_0001, Fn8000_000A and Fn8000_001F (APM vol. 2 rev. 3.45, 15.4, 15.25, 15.34). NX is
// not here: every part with SVM has it.
struct CpuFeatures {
  bool pages_1g = true;                  // Fn8000_0001 EDX[26]
  bool la57 = false;                     // Fn0000_0007 ECX[16]
  bool nrips = true;                     // Fn8000_000A EDX[3]
  bool decode_assists = true;            // EDX[7]: instruction bytes at VMCB 0xD0
  bool gmet = false;                     // EDX[17]
  bool sss_check = false;                // EDX[19]
  bool rogpt = false;                    // EDX[21]
  bool pml = false;                      // ECX[4]
  bool sme = false;                      // Fn8000_001F EAX[0]
  bool sev = false;                      // EAX[1]
  bool sev_es = false;                   // EAX[3]
  bool snp = false;                      // EAX[4]
  bool vmpl_sss = false;                 // EAX[7]
  bool coherent = false;                 // EAX[10]: caches are coherent across encryption domains
  bool vte = false;                      // EAX[16]
  bool vmgexit_parameter = false;        // EAX[17]
  bool virtual_tom = false;              // EAX[18]
  bool hv_in_use_write_allowed = false;  // EAX[30]

  bool operator==(const CpuFeatures&) const = default;
};

struct CpuProfile {
  std::string name;
  std::string title;
  unsigned maxphyaddr = 48;        // A: Fn8000_0008 EAX[7:0]
  unsigned reduction = 0;          // R: Fn8000_001F EBX[11:6]
  std::optional<unsigned> c_bit;   // C: Fn8000_001F EBX[5:0]
  bool memory_encryption = false;  // SYSCFG.MemEncryptionModEn
  unsigned encrypted_guests = 0;   // Fn8000_001F ECX: ASIDs 1..N may run encrypted guests
  unsigned min_sev_only_asid = 0;  // Fn8000_001F EDX: ASIDs below are for SEV-ES and SNP
  unsigned asids = 32768;          // Fn8000_000A EBX
  unsigned vmpls = 0;              // Fn8000_001F EBX[15:12]
  CpuFeatures features;
  // What the host's firmware and kernel made of SEV-SNP: SYSCFG.SecureNestedPagingEn, RMP_BASE and
  // RMP_END. The place is the model's choice: above the memory that scenarios use.
  bool secure_nested_paging = false;
  RmpTable rmp{0x0f00'0000, 0x0f90'0000 - 1};
  RmpChoices rmp_choices;  // what no source settles

  bool operator==(const CpuProfile&) const = default;

  // Every access of every guest, and every write of the host, is asked for in the RMP.
  bool checks_rmp() const { return features.snp && secure_nested_paging; }

  // M: how many address bits the host and its nested tables have.
  unsigned host_width() const { return memory_encryption ? maxphyaddr - reduction : maxphyaddr; }

  // The C-bit where it has a meaning in host and nested tables: always 0 without memory encryption.
  std::uint64_t host_c_mask() const { return memory_encryption && c_bit ? bit(*c_bit) : 0; }
  // The C-bit in the tables of an SEV guest.
  std::uint64_t guest_c_mask() const { return c_bit ? bit(*c_bit) : 0; }

  // Address bits that are reserved in nested entries: 51:M without the C-bit. The reduced bits
  // "are treated as reserved" (APM vol. 2 rev. 3.45, 15.34.1).
  std::uint64_t host_reserved_address() const {
    return bit_range(51, host_width()) & ~host_c_mask();
  }
  // In guest entries the whole raw width is an address: the reduction is the host's alone
  // (APM vol. 2 rev. 3.45, 15.34.6). `c_mask` is guest_c_mask() if the C-bit is legal there.
  std::uint64_t guest_reserved_address(std::uint64_t c_mask) const {
    return bit_range(51, maxphyaddr) & ~c_mask;
  }
};

// What contradicts itself in a profile, in plain sentences. Empty for a part that can exist.
std::vector<std::string> contradictions(const CpuProfile& profile);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_CPU_PROFILE_H_
