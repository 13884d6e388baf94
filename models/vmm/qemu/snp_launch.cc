// The launch of an SNP guest: records of what is to be measured, handed to KVM one after the other
// (target/i386/sev.c sev_snp_launch_start, sev_snp_launch_update, sev_snp_launch_finish).
#include "models/common/snp_launch.h"

#include "models/vmm/qemu/define.h"

namespace nptsim::qemu {
namespace {

namespace update = kvm_uapi::snp_update;

ConstRecord launch_request(const View& view) {
  return kvm_uapi::kSnpLaunchUpdate.at(view.store(), 0);
}

// --- facts ---

// "if (!data->hva || !data->len)"
unsigned launch_part(const View& view) {
  const ConstRecord request = launch_request(view);
  return !request.get(update::kNoUserAddress) && request.get(update::kLength) != 0;
}
unsigned launch_left(const View& view) { return launch_request(view).get(update::kLength) != 0; }

unsigned launch_type(const View& view) {
  constexpr std::uint64_t kCpuid = 6;  // KVM_SEV_SNP_PAGE_TYPE_CPUID
  return launch_request(view).get(update::kType) == kCpuid;
}

// --- actions ---

ActionResult ask_launch_start(View& view, const Args& args) {
  kvm_uapi::ask_snp_launch_start(view.store(), args.get(0), args.get(1));
  return ActionResult::done();
}

ActionResult ask_launch_update(View& view, const Args& args) {
  kvm_uapi::ask_snp_launch_update(view.store(), {.gpa = args.get(0),
                                                 .size = args.get(1),
                                                 .type = args.get(2),
                                                 .backing = args.get(3),
                                                 .offset = args.get(4),
                                                 .flags = args.get(5)});
  return ActionResult::done();
}

// kvm_set_memory_attributes_private, of the whole record.
ActionResult ask_launch_attributes(View& view, const Args&) {
  namespace attributes = kvm_uapi::attributes;
  const ConstRecord part = launch_request(std::as_const(view));
  const Record request = kvm_uapi::kAttributesRequest.at(view.store(), 0);
  request.set(attributes::kAddress, part.get(update::kGfn) << kPageShift);
  request.set(attributes::kSize, part.get(update::kLength));
  request.set(attributes::kPrivate, 1);
  return ActionResult::done();
}

ActionResult ask_launch_finish(View& view, const Args& args) {
  kvm_uapi::ask_snp_launch_finish(view.store(), args.get(0));
  return ActionResult::done();
}

}  // namespace

void add_snp_launch(rules::Vocabulary& v) {
  v.add(fact<launch_part>("launch.part", {"nothing", "some"},
                          "the record has memory of the VMM's, and a length"));
  v.add(fact<launch_left>("launch.left", kNoYes, "len: KVM has not done all of the record"));
  v.add(fact<launch_type>("launch.type", {"other", "cpuid"}, "of the record"));
  v.add(action<ask_launch_start>("ask_launch_start", {value_arg("policy"), value_arg("flags")},
                                 "struct kvm_sev_snp_launch_start", "what KVM is to start"));
  v.add(action<ask_launch_update>("ask_launch_update",
                                  {value_arg("gpa"), value_arg("size"), value_arg("type"),
                                   value_arg("backing"), value_arg("offset"), value_arg("flags")},
                                  "struct kvm_sev_snp_launch_update",
                                  "the record that is to be launched"));
  v.add(action<ask_launch_attributes>("ask_launch_attributes", {}, "struct kvm_memory_attributes",
                                      "the record becomes private first"));
  v.add(action<ask_launch_finish>("ask_launch_finish", {value_arg("flags")},
                                  "struct kvm_sev_snp_launch_finish", "the end of the launch"));
}

}  // namespace nptsim::qemu
