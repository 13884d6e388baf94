// Linux before it has a GHCB page: arch/x86/boot/startup/sev-shared.c do_vc_no_ghcb.
#include <algorithm>

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

// __sev_cpuid_hv_msr: a subleaf would get lost on the way.
ActionResult look_at_leaf(GuestView& view, const Args&) {
  const auto& gpr = view.registers().gpr;
  const std::uint32_t leaf = low_half(gpr[isa::kRax]), subleaf = low_half(gpr[isa::kRcx]);
  const bool indexed =
      std::find(std::begin(kIndexed), std::end(kIndexed), leaf) != std::end(kIndexed);
  return ActionResult::done().give(0, indexed && subleaf != 0);
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
}

}  // namespace nptsim::linux_guest
