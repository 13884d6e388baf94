// What a proposal that protects the VMM's own mappings (mprotect) has to ask at launch: which
// regions are measured, and whether KVM may write them then. No row of QEMU's own does.
#include <utility>

#include "models/common/host.h"
#include "models/vmm/qemu/define.h"
#include "sim/machine/host.h"

namespace nptsim::qemu {
namespace {

using machine::Outcome;
using machine::OutcomeKind;

unsigned region_launched(const View& view) {
  return has_region(view) && host::is_launched(view.setup(), region_setup(view));
}

// KVM_SEV_LAUNCH_UPDATE_DATA encrypts in place, so it pins the pages for writing
// (Linux arch/x86/kvm/svm/sev.c sev_launch_update_data, sev_pin_memory with FOLL_WRITE).
unsigned launch_pages(const View& view) {
  for (const machine::Region& region : view.setup().regions) {
    if (!host::is_launched(view.setup(), region)) continue;
    for (std::uint64_t page = 0; page < region.size >> kPageShift; ++page) {
      const auto protection = machine::backing_page(view.store(), region.backing, page).protection;
      if (protection != machine::HostProtection::kReadWrite) return 1;
    }
  }
  return 0;
}

const std::vector<std::string> kWhyWords = {"launch-update", "unaligned"};

ActionResult refuse_launch(View& view, const Args& args) {
  // kvm_set_memory_flags of the patch; the address in it is the host's. And sev_launch_update_data,
  // whose text is recalled: sev_pin_memory answers -ENOMEM for pages that it cannot pin.
  const bool unaligned = args.word(0) == 1;
  Outcome outcome(OutcomeKind::kRefused,
                  unaligned ? "failed to apply memory protection (...) error 'Invalid argument'"
                            : "sev_launch_update_data: LAUNCH_UPDATE ret=-12 fw_error=0 ''");
  outcome.who = "qemu";
  outcome.process_alive = false;
  view.end_vm(std::move(outcome));
  return ActionResult::done();
}

}  // namespace

void add_launch_protection(rules::Vocabulary& v) {
  v.add(fact<region_launched>("region.launched", kNoYes,
                              "the region is measured and encrypted at launch"));
  v.add(
      fact<launch_pages>("launch.pages", {"writable", "protected"},
                         "QEMU's mapping of all that is measured, for KVM_SEV_LAUNCH_UPDATE_DATA"));
  v.add(
      action<refuse_launch>("refuse_launch", {word_arg("why", kWhyWords)}, "the outcome of the VM",
                            "QEMU exits: LAUNCH_UPDATE fails, or mprotect() of an address that is "
                            "not page aligned"));
}

}  // namespace nptsim::qemu
