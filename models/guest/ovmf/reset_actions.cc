// OVMF's reset vector: edk2 OvmfPkg/ResetVector/Ia32/AmdSev.nasm.inc SevEsIdtVmmComm.
#include "models/guest/common/cpuid_page.h"
#include "models/guest/ovmf/parts.h"

namespace nptsim::ovmf {
namespace {

using guest::GuestView;
using rules::ActionResult;
using rules::Args;

constexpr std::uint16_t kCpuidLength = 2;

// "add word [esp], CPUID_INSN_LEN": 16 bits of the saved EIP, without a carry into the others. The
// error code lies below it, in a slot of the mode's size.
ActionResult skip_cpuid(GuestView& view, const Args&) {
  const isa::Registers& r = view.registers();
  const unsigned slot = isa::long_mode_active(r) ? 8 : 4;
  const GuestVirtAddr at(r.gpr[isa::kRsp] + slot);
  std::uint16_t ip = 0;
  if (!view.access(svm::AccessKind::kRead, at, &ip, sizeof ip)) return ActionResult::stopped();
  ip = static_cast<std::uint16_t>(ip + kCpuidLength);
  if (!view.access(svm::AccessKind::kWrite, at, &ip, sizeof ip)) return ActionResult::stopped();
  return ActionResult::done().note(ip);
}

// SnpCpuidLookup: "we assume requested CPUID sub-leaf/index is 0".
bool matches_first_subleaf(const guest::CpuidEntry& entry, const guest::CpuidLeaf& asked) {
  return entry.leaf == asked.leaf && entry.subleaf == 0;
}

}  // namespace

void add_reset_actions(rules::Vocabulary& v) {
  v.add(guest::action<skip_cpuid>("skip_cpuid", {}, {}, "the saved EIP on the stack",
                                  "moves its lower half past CPUID"));
  v.add(guest::look_up_cpuid_action<matches_first_subleaf>("look_up_cpuid_reset"));
}

}  // namespace nptsim::ovmf
