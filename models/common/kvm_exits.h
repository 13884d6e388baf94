// How KVM_RUN comes back, as any kernel with KVM's interface fills in kvm_run; and the event that
// goes into the guest with the next VMRUN.
#ifndef NPTSIM_MODELS_COMMON_KVM_EXITS_H_
#define NPTSIM_MODELS_COMMON_KVM_EXITS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "models/common/kvm_uapi.h"
#include "sim/isa/deliver.h"
#include "sim/machine/view.h"

namespace nptsim::kvm_uapi {

inline void set_exit_reason(machine::View& view, ExitReason reason) {
  kRuns.at(view.store(), view.vcpu()).set(run::kExitReason, static_cast<std::uint64_t>(reason));
}

// KVM_RUN returns -1.
inline void fail_run(machine::View& view, Errno error) {
  set_exit_reason(view, ExitReason::kErrno);
  kRuns.at(view.store(), view.vcpu()).set(run::kErrno, static_cast<std::uint64_t>(error));
}

inline void exit_for_internal_error(machine::View& view, std::uint64_t suberror) {
  set_exit_reason(view, ExitReason::kInternalError);
  kRuns.at(view.store(), view.vcpu()).set(run::kSuberror, suberror);
}

struct MmioAccess {
  std::uint64_t gpa = 0;
  unsigned length = 0;  // 1 to 8
  std::uint64_t data = 0;
  bool write = false;
};
// For an instruction that the kernel emulates.
inline void exit_for_mmio(machine::View& view, const MmioAccess& access) {
  const Record record = kRuns.at(view.store(), view.vcpu());
  set_exit_reason(view, ExitReason::kMmio);
  record.set(run::kMmioWrite, access.write);
  record.set(run::kMmioLen, access.length);
  record.set(run::kMmioAddress, access.gpa);
  record.set(run::kMmioData, access.data);
  view.say("kvm_exit_mmio", {{"gpa", machine::Hex{access.gpa}},
                             {"len", std::uint64_t{access.length}},
                             {"write", access.write},
                             {"data", machine::Hex{access.data}},
                             {"from", std::string("emulator")}});
}

// The page, and what the access was. KVM_RUN returns -1 with EFAULT.
inline void exit_for_memory_fault(machine::View& view, GuestPhysAddr page, bool is_private) {
  const Record record = kRuns.at(view.store(), view.vcpu());
  set_exit_reason(view, ExitReason::kMemoryFault);
  record.set(run::kErrno, static_cast<std::uint64_t>(Errno::kEfault));
  record.set(run::kFaultGpa, page.value);
  record.set(run::kFaultPrivate, is_private);
  view.say("kvm_exit_memory_fault", {{"gpa", machine::Hex{page.value}},
                                     {"size", std::uint64_t{kPageSize}},
                                     {"private", is_private}});
}

// KVM_EXIT_HYPERCALL with KVM_HC_MAP_GPA_RANGE: user space is to change these pages. Its answer is
// 0 until it says otherwise.
inline void exit_for_map_gpa_range(machine::View& view, std::uint64_t gpa, std::uint64_t pages,
                                   bool is_private) {
  const Record record = kRuns.at(view.store(), view.vcpu());
  set_exit_reason(view, ExitReason::kHypercall);
  record.set(run::kHypercallGpa, gpa);
  record.set(run::kHypercallPages, pages);
  record.set(run::kHypercallPrivate, is_private);
  record.set(run::kHypercallRet, 0);
  view.say("kvm_exit_hypercall",
           {{"gpa", machine::Hex{gpa}}, {"pages", pages}, {"private", is_private}});
}

// EVENTINJ.
inline void queue_exception(machine::View& view, std::uint8_t vector,
                            std::optional<std::uint32_t> error_code) {
  isa::Event event;
  event.vector = vector;
  event.has_error_code = error_code.has_value();
  event.error_code = error_code.value_or(0);
  view.control().event_inj = svm::event_inj_of(event);
}

// The kvm_page_fault line. Before 6.8 the tracepoint kept 32 bits of the error code: the stage of
// the walk is not in them. RIP is told where the host can read it.
template <class AnyView>
machine::EventFields page_fault_line(const AnyView& view, std::uint64_t error_code) {
  const svm::ExitRecord& exit = view.exit_record();
  machine::EventFields fields{{"event", std::string("kvm_page_fault")},
                              {"address", machine::Hex{exit.exit_info_2}},
                              {"error_code", machine::Hex{error_code}}};
  if constexpr (requires { view.vcpu_state(); }) {
    fields.add("rip", machine::Hex{view.vcpu_state().registers.rip});
  }
  return fields;
}

}  // namespace nptsim::kvm_uapi

#endif  // NPTSIM_MODELS_COMMON_KVM_EXITS_H_
