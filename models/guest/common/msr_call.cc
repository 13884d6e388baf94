// CPUID by the MSR protocol: what a guest's #VC handler can do before there is a GHCB page.
#include "models/guest/common/shared.h"
#include "sim/arch/svm/ghcb.h"

namespace nptsim::guest {
namespace {

namespace ghcb = svm::ghcb;
using machine::Hex;

// Numbers of the registers in a request (GHCB specification 2.03, 2.3.1).
constexpr const char* kRegisterWords[] = {"eax", "ebx", "ecx", "edx"};

std::uint32_t leaf_of(const GuestView& view) {
  return static_cast<std::uint32_t>(view.registers().gpr[isa::kRax]);
}

// cpuid_msr: register. The leaf in bits 63:32, the register in 31:30; there is no place for a
// subleaf.
ActionResult cpuid_msr(GuestView& view, const Args& args) {
  const std::uint64_t msr = std::uint64_t{leaf_of(view)} << 32 | std::uint64_t{args.word(0)} << 30 |
                            ghcb::kMsrCpuidRequest;
  view.control().ghcb_msr = msr;
  view.say("ghcb", {{"request", std::string("CPUID")}, {"msr", Hex{msr}}});
  return ActionResult::done();
}

// take_cpuid_msr: into
ActionResult take_cpuid_msr(GuestView& view, const Args& args) {
  const std::uint64_t msr = view.control().ghcb_msr;
  const bool answered = ghcb::msr_code(msr) == ghcb::kMsrCpuid;
  if (answered) args.set(0, msr >> 32);
  view.say("ghcb", {{"answer", std::string(answered ? "cpuid" : "other")}, {"msr", Hex{msr}}});
  return ActionResult::done().give(0, answered ? 0 : 1);
}

// take_cpuid: eax, ebx, ecx, edx. All 64 bits of the registers, as CPUID itself.
ActionResult take_cpuid(GuestView& view, const Args& args) {
  constexpr unsigned kTargets[] = {isa::kRax, isa::kRbx, isa::kRcx, isa::kRdx};
  for (unsigned i = 0; i < 4; ++i) view.registers().gpr[kTargets[i]] = args.get(i);
  return ActionResult::done();
}

// keep_ghcb_msr, put_ghcb_msr: msr
ActionResult keep_ghcb_msr(GuestView& view, const Args& args) {
  args.set(0, view.control().ghcb_msr);
  return ActionResult::done();
}
ActionResult put_ghcb_msr(GuestView& view, const Args& args) {
  view.control().ghcb_msr = args.get(0);
  return ActionResult::done();
}

}  // namespace

void add_msr_protocol(rules::Vocabulary& v) {
  v.add(given("msr_answer", {"cpuid", "other"}, "bits 11:0 of the GHCB MSR after a CPUID request"));
  const std::vector<std::string> words(std::begin(kRegisterWords), std::end(kRegisterWords));
  v.add(action<cpuid_msr>("cpuid_msr", {word_arg("register", words)}, {}, "the GHCB MSR",
                          "a CPUID request of the MSR protocol, for the leaf in EAX"));
  v.add(action<take_cpuid_msr>("take_cpuid_msr", {local_arg("into")}, {"msr_answer"}, "a local",
                               "one register of the answer"));
  v.add(action<take_cpuid>("take_cpuid",
                           {value_arg("eax"), value_arg("ebx"), value_arg("ecx"), value_arg("edx")},
                           {}, "RAX, RBX, RCX, RDX", "the four registers of CPUID"));
  v.add(action<keep_ghcb_msr>("keep_ghcb_msr", {local_arg("msr")}, {}, "a local",
                              "remembers the GHCB MSR"));
  v.add(action<put_ghcb_msr>("put_ghcb_msr", {value_arg("msr")}, {}, "the GHCB MSR",
                             "writes back what was remembered"));
}

}  // namespace nptsim::guest
