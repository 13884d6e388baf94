// Linux's CPUID, before it has a GHCB page and of an SNP guest: arch/x86/boot/startup/sev-shared.c.
#include <algorithm>

#include "models/guest/common/cpuid_page.h"
#include "models/guest/linux/parts.h"

namespace nptsim::linux_guest {
namespace {

using guest::GuestView;
using guest::value_arg;
using rules::ActionResult;
using rules::Args;

// cpuid_function_is_indexed (arch/x86/include/asm/cpuid/api.h).
constexpr std::uint32_t kIndexed[] = {0x04, 0x07, 0x0b, 0x0d, 0x0f, 0x10, 0x12,      0x14,
                                      0x17, 0x18, 0x1d, 0x1e, 0x1f, 0x24, 0x8000001d};

constexpr std::uint32_t kLargestLeaf = 0x80000000, kSevLeaf = 0x8000001f;
constexpr unsigned kSevBit = 1;

std::uint32_t low_half(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

bool is_indexed(std::uint32_t leaf) {
  return std::find(std::begin(kIndexed), std::end(kIndexed), leaf) != std::end(kIndexed);
}

// snp_cpuid_get_validated_func: of leaf 0xD, subleaves 0 and 1, only the entry for the legacy area.
bool matches_leaf(const guest::CpuidEntry& entry, const guest::CpuidLeaf& asked) {
  if (entry.leaf != asked.leaf) return false;
  if (is_indexed(asked.leaf) && entry.subleaf != asked.subleaf) return false;
  if (entry.leaf != 0xd || entry.subleaf > 1) return true;
  return (entry.xcr0 == 1 || entry.xcr0 == 3) && entry.xss == 0;
}

// __sev_cpuid_hv_msr: a subleaf would get lost on the way.
ActionResult look_at_leaf(GuestView& view, const Args&) {
  const auto& gpr = view.registers().gpr;
  const std::uint32_t leaf = low_half(gpr[isa::kRax]), subleaf = low_half(gpr[isa::kRcx]);
  return ActionResult::done().give(0, is_indexed(leaf) && subleaf != 0);
}

// check_cpuid: eax. "Do sanity checks on the CPUID results to make sure the hypervisor does not
// trick the kernel into the no-sev path."
ActionResult check_cpuid(GuestView& view, const Args& args) {
  const std::uint32_t leaf = low_half(view.registers().gpr[isa::kRax]);
  const std::uint64_t eax = args.get(0);
  const bool denied =
      (leaf == kLargestLeaf && eax < kSevLeaf) || (leaf == kSevLeaf && !has_bit(eax, kSevBit));
  return ActionResult::done().give(0, denied);
}

}  // namespace

void add_boot_actions(rules::Vocabulary& v) {
  v.add(guest::given("subleaf", {"none", "lost"},
                     "whether CPUID asks for a subleaf that the MSR protocol cannot name"));
  v.add(guest::given("sev_in_cpuid", {"told", "denied"},
                     "whether the answer says that there is no SEV"));
  v.add(guest::action<look_at_leaf>("look_at_leaf", {}, {"subleaf"}, "nothing",
                                    "the leaf in EAX and the subleaf in ECX"));
  v.add(guest::action<check_cpuid>("check_cpuid", {value_arg("eax")}, {"sev_in_cpuid"}, "nothing",
                                   "looks for SEV in the answer"));
  v.add(guest::look_up_cpuid_action<matches_leaf>());
}

}  // namespace nptsim::linux_guest
