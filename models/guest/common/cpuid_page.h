// The CPUID page of an SNP guest: leaves that the AMD-SP has compared with the processor at the
// launch (SNP_LAUNCH_UPDATE of type CPUID), so that the guest need not believe its hypervisor.
#ifndef NPTSIM_MODELS_GUEST_COMMON_CPUID_PAGE_H_
#define NPTSIM_MODELS_GUEST_COMMON_CPUID_PAGE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "models/guest/common/define.h"

namespace nptsim::guest {

// SEV-SNP firmware ABI, 7.1; Linux struct snp_cpuid_fn.
struct CpuidEntry {
  std::uint32_t leaf = 0, subleaf = 0;
  std::uint64_t xcr0 = 0, xss = 0;
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  std::uint64_t reserved = 0;
};
static_assert(sizeof(CpuidEntry) == 48);

struct CpuidLeaf {
  std::uint32_t leaf = 0, subleaf = 0;
};
// The leaf that the interrupted code asks for, in EAX and ECX.
CpuidLeaf asked_leaf(const GuestView& view);

// Which entries answer a leaf: the guests differ.
using CpuidMatch = bool (*)(const CpuidEntry& entry, const CpuidLeaf& asked);

// look_up_cpuid: eax, ebx, ecx, edx. The first entry that matches; zeros without one.
ActionResult look_up_cpuid(GuestView& view, const Args& args, CpuidMatch matches);
template <CpuidMatch matches>
ActionResult look_up_cpuid(GuestView& view, const Args& args) {
  return look_up_cpuid(view, args, matches);
}

// Its declaration, for the actions of a family.
template <CpuidMatch matches>
rules::ActionDef look_up_cpuid_action(std::string name = "look_up_cpuid") {
  return action<look_up_cpuid<matches>>(
      std::move(name), {local_arg("eax"), local_arg("ebx"), local_arg("ecx"), local_arg("edx")},
      {"cpuid_table", "cpuid_found", "cpuid_range", "cpuid_leaf"}, "locals",
      "looks for the leaf in the CPUID page");
}

// The facts, and what guests do with an answer; part of add_shared.
void add_cpuid_page(rules::Vocabulary& vocabulary);

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_CPUID_PAGE_H_
