// Short forms for declaring facts and actions of views: each says one thing once.
#ifndef NPTSIM_MODELS_KERNEL_KVM_DEFINE_H_
#define NPTSIM_MODELS_KERNEL_KVM_DEFINE_H_

#include <string>
#include <utility>
#include <vector>

#include "models/common/define.h"
#include "models/common/kvm_exits.h"
#include "models/common/kvm_uapi.h"
#include "models/kernel/kvm/state.h"
#include "sim/machine/view.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::kvm {

using kvm_uapi::queue_exception;
using machine::OpenView;
using machine::SealedView;
using machine::View;
using rules::ActionResult;
using rules::Args;
using namespace define;

// The vCPU's own record, and the page it shares with user space.
inline Record vcpu_of(View& view) { return kVcpus.at(view.store(), view.vcpu()); }
inline ConstRecord vcpu_of(const View& view) { return kVcpus.at(view.store(), view.vcpu()); }
inline Record vm_of(View& view) { return kVm.at(view.store(), 0); }
inline ConstRecord vm_of(const View& view) { return kVm.at(view.store(), 0); }
inline Record run_of(View& view) { return kvm_uapi::kRuns.at(view.store(), view.vcpu()); }
inline ConstRecord run_of(const View& view) {
  return kvm_uapi::kRuns.at(view.store(), view.vcpu());
}

// Two with SMM support, one for a VM that has private memory (Linux arch/x86/include/asm/kvm_host.h
// kvm_arch_nr_memslot_as_ids, 6.8).
inline std::uint64_t address_spaces(const View& view) { return view.setup().snp() ? 1 : 2; }

// An action that reads or writes the guest's registers: there is no form for a sealed guest.
template <ActionResult (*act)(OpenView&, const Args&)>
rules::ActionDef open_action(std::string name, std::vector<rules::ArgDef> args, std::string writes,
                             std::string text) {
  return define::action_in<OpenView, act>(std::move(name), std::move(args), std::move(writes),
                                          std::move(text));
}

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_DEFINE_H_
