// Short forms for declaring facts and actions of views: each says one thing once.
#ifndef NPTSIM_MODELS_KERNEL_KVM_DEFINE_H_
#define NPTSIM_MODELS_KERNEL_KVM_DEFINE_H_

#include <string>
#include <utility>
#include <vector>

#include "models/common/kvm_uapi.h"
#include "models/kernel/kvm/state.h"
#include "sim/machine/view.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::kvm {

using machine::OpenView;
using machine::SealedView;
using machine::View;
using rules::ActionResult;
using rules::Args;

inline const std::vector<std::string> kNoYes = {"no", "yes"};

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
inline std::uint64_t address_spaces(const View& view) {
  return view.setup().guest_type == svm::GuestType::kSnp ? 1 : 2;
}

// A fact that any view can compute.
template <unsigned (*compute)(const View&)>
rules::FactDef fact(std::string name, std::vector<std::string> values, std::string text,
                    bool fixed = false) {
  rules::FactDef def;
  def.name = std::move(name);
  def.values = std::move(values);
  def.compute = rules::fact_of<View, compute>;
  def.fixed = fixed;
  def.text = std::move(text);
  return def;
}

// An action that needs nothing of the guest's registers: one form for both views.
template <ActionResult (*act)(View&, const Args&)>
rules::ActionDef action(std::string name, std::vector<rules::ArgDef> args, std::string writes,
                        std::string text) {
  rules::ActionDef def;
  def.name = std::move(name);
  def.args = std::move(args);
  def.writes = std::move(writes);
  def.text = std::move(text);
  def.open = rules::action_of<View, act>;
  def.sealed = rules::action_of<View, act>;
  return def;
}

// An action that reads or writes the guest's registers: there is no form for a sealed guest.
template <ActionResult (*act)(OpenView&, const Args&)>
rules::ActionDef open_action(std::string name, std::vector<rules::ArgDef> args, std::string writes,
                             std::string text) {
  rules::ActionDef def;
  def.name = std::move(name);
  def.args = std::move(args);
  def.writes = std::move(writes);
  def.text = std::move(text);
  def.open = rules::action_of<OpenView, act>;
  return def;
}

inline rules::ArgDef word_arg(std::string name, std::vector<std::string> words) {
  rules::ArgDef arg;
  arg.name = std::move(name);
  arg.kind = rules::ArgKind::kWord;
  arg.words = std::move(words);
  return arg;
}

inline rules::ArgDef number_arg(std::string name, std::uint64_t max, bool required = true) {
  rules::ArgDef arg;
  arg.name = std::move(name);
  arg.kind = rules::ArgKind::kInteger;
  arg.max = max;
  arg.required = required;
  return arg;
}

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_DEFINE_H_
