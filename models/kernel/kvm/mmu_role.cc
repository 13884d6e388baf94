#include "models/kernel/kvm/mmu_role.h"

#include <optional>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/sev.h"

// A vCPU leaves its nested root when the role of its MMU changes: Linux arch/x86/kvm/mmu/mmu.c
// kvm_mmu_reset_context, called by x86.c kvm_post_set_cr0, kvm_post_set_cr4 and set_efer.
namespace nptsim::kvm {
namespace {

namespace code = svm::exit_code;

// KVM_MMU_CR0_ROLE_BITS, KVM_MMU_CR4_ROLE_BITS (mmu.h), KVM_MMU_EFER_ROLE_BITS.
constexpr std::uint64_t kCr4Pke = bit(22);
constexpr std::uint64_t kCr0Role = isa::kCr0Pg | isa::kCr0Wp;
constexpr std::uint64_t kCr4Role =
    isa::kCr4Pse | isa::kCr4Pae | isa::kCr4La57 | isa::kCr4Smep | isa::kCr4Smap | kCr4Pke;
constexpr std::uint64_t kEferRole = isa::kEferLme | isa::kEferNxe;

// The registers as KVM knows those of a guest whose state it cannot read: by its write traps.
struct Known {
  const Field* field;
  std::uint64_t role;
};
std::optional<Known> trapped(std::uint64_t exit) {
  if (exit == code::kCr0WriteTrap) return Known{&vcpu::kKnownCr0, kCr0Role};
  if (exit == code::kCr0WriteTrap + 4) return Known{&vcpu::kKnownCr4, kCr4Role};
  if (exit == code::kEferWriteTrap) return Known{&vcpu::kKnownEfer, kEferRole};
  return std::nullopt;
}

std::uint64_t changed_by_trap(const View& view) {
  const auto known = trapped(view.exit_record().exit_code);
  if (!known) return 0;
  return (vcpu_of(view).get(*known->field) ^ view.exit_record().exit_info_1) & known->role;
}

// A MOV to CR names its register in EXITINFO1[3:0] (APM vol. 2, 15.8.1).
std::uint64_t changed_by_instruction(const OpenView& view) {
  const svm::VcpuRecord& v = view.vcpu_state();
  const isa::Registers& r = v.registers;
  const std::uint64_t value = r.gpr[get_bits(v.exit.exit_info_1, 3, 0)];
  if (v.exit.exit_code == code::kWriteCr0) return (r.cr0 ^ value) & kCr0Role;
  if (v.exit.exit_code == code::kWriteCr0 + 4) return (r.cr4 ^ value) & kCr4Role;
  const bool write = v.exit.exit_code == code::kMsr && v.exit.exit_info_1 != 0;
  if (!write || static_cast<std::uint32_t>(r.gpr[isa::kRcx]) != svm::msr::kEfer) return 0;
  return (r.efer ^ r.gpr[isa::kRax]) & kEferRole;
}

unsigned mmu_role(const View& view) {
  if (view.sealed()) return changed_by_trap(view) != 0;
  return changed_by_instruction(static_cast<const OpenView&>(view)) != 0;
}

// Other vCPUs that have been entered hold the root too.
unsigned root_users(const View& view) {
  for (unsigned other = 0; other < view.setup().vcpus; ++other) {
    const auto state = static_cast<MpState>(kVcpus.at(view.store(), other).get(vcpu::kMpState));
    if (other != view.vcpu() && state == MpState::kRunnable) return 1;
  }
  return 0;
}

}  // namespace

void note_write_trap(View& view) {
  if (const auto known = trapped(view.exit_record().exit_code)) {
    vcpu_of(view).set(*known->field, view.exit_record().exit_info_1);
  }
}

void know_registers(Store& store, unsigned vcpu) {
  const isa::Registers& r = svm::vcpu_record(store, vcpu).registers;
  const Record record = kVcpus.at(store, vcpu);
  record.set(vcpu::kKnownCr0, r.cr0);
  record.set(vcpu::kKnownCr4, r.cr4);
  record.set(vcpu::kKnownEfer, r.efer);
}

void add_mmu_role(rules::Vocabulary& v) {
  v.add(fact<mmu_role>("mmu_role", {"same", "changed"},
                       "the write of CR0, CR4 or EFER changes a bit that nested roots depend on"));
  v.add(
      fact<root_users>("root_users", {"alone", "others"}, "other vCPUs that hold the nested root"));
}

}  // namespace nptsim::kvm
