#include "models/guest/common/shared.h"

#include <utility>

#include <fmt/format.h>

#include "models/guest/common/cpuid_page.h"
#include "models/guest/common/own_code.h"
#include "models/guest/common/string_io.h"
#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/vcpu.h"
#include "sim/machine/frames.h"

namespace nptsim::guest {
namespace {

namespace exit_code = svm::exit_code;
using machine::Outcome;
using machine::OutcomeKind;

constexpr std::uint64_t kExceptionDb = exit_code::kException0 + isa::kDb;
constexpr std::uint64_t kExceptionAc = exit_code::kException0 + isa::kAc;
constexpr std::uint64_t kLastException = 0x5f;

struct VcName {
  std::uint64_t code;
  const char* word;
};
constexpr VcName kVcNames[] = {
    {exit_code::kReadDr7, "read-dr7"},
    {exit_code::kWriteDr7, "write-dr7"},
    {exit_code::kRdtsc, "rdtsc"},
    {exit_code::kRdpmc, "rdpmc"},
    {exit_code::kCpuid, "cpuid"},
    {exit_code::kInvd, "invd"},
    {exit_code::kIoio, "ioio"},
    {exit_code::kMsr, "msr"},
    {exit_code::kVmmcall, "vmmcall"},
    {exit_code::kRdtscp, "rdtscp"},
    {exit_code::kWbinvd, "wbinvd"},
    {exit_code::kMonitor, "monitor"},
    {exit_code::kMwait, "mwait"},
    {exit_code::kNpf, "npf"},
    {exit_code::kPageNotValidated, "not-validated"},
    {kExceptionDb, "db"},
    {kExceptionAc, "ac"},
};
constexpr unsigned kOtherException = std::size(kVcNames), kOtherCode = kOtherException + 1;

// classify: code
ActionResult classify(GuestView&, const Args& args) {
  return ActionResult::done().give(0, vc_index(args.get(0)));
}

unsigned guest_type(const GuestView& view) {
  return static_cast<unsigned>(view.setup().guest_type);
}
unsigned forever(const GuestView&) { return 1; }

// How many #VC handlers are under way, this one included. View::nesting() counts every procedure of
// the guest, calls inside a handler too; a guest's own counter does not.
unsigned vc_depth(const GuestView& view) {
  const auto handler = view.setup().guest->find_procedure("vc_handler");
  if (!handler) return 0;
  const unsigned depth = view.nesting(*handler);
  return depth <= 1 ? 0 : depth == 2 ? 1 : 2;
}

constexpr Message kNotModelled[] = {
    {"snp-cpuid", "CPUID of an SNP guest that was not told where its CPUID page lies"},
    {"cpuid-xss", "what XSS is, for the size of a compacted XSAVE area, is not modelled"},
    {"cpuid-table", "a CPUID page that claims more than 64 entries, and is read all the same"},
    {"cpuid-status", "a status that the code returns without having set it"},
    {"string-io", "INS and OUTS in this handler are not modelled"},
    {"db", "a #DB that arrives as #VC is not modelled"},
    {"early-dr7", "DR7 before the kernel keeps a copy of it is not modelled"},
    {"no-ghcb", "what a guest does before it has a GHCB page is not modelled"},
    {"split-page", "a large page of the guest's own is to be split, and it has no spare page"},
    {"unmapped", "a page-state change of a page that the guest's own tables do not map"},
    {"insn-too-long", "the decoder reads beyond the 15 bytes that are modelled"},
    {"vmgexit", "VMGEXIT outside of SEV-ES is VMMCALL: not modelled as a guest procedure"},
};

ActionResult not_modelled(GuestView& view, const Args& args) {
  view.end_vcpu(Outcome(OutcomeKind::kUndecided, std::string(kNotModelled[args.word(0)].text)));
  return ActionResult::done();
}

// A round of a loop that changes nothing.
ActionResult spin(GuestView&, const Args&) { return ActionResult::done(); }

// set_rax: value
ActionResult set_rax(GuestView& view, const Args& args) {
  view.registers().gpr[isa::kRax] = args.get(0);
  return ActionResult::done();
}

// to_physical: address
ActionResult to_physical(GuestView& view, const Args& args) {
  const GuestView::Lookup found = view.lookup(GuestVirtAddr(args.get(0)));
  if (found.present) args.set(0, found.gpa.value);
  return ActionResult::done();
}

}  // namespace

std::vector<std::string> words_of(std::span<const Message> messages) {
  std::vector<std::string> words;
  for (const Message& message : messages) words.emplace_back(message.word);
  return words;
}

unsigned vc_index(std::uint64_t exit_code) {
  for (unsigned i = 0; i < std::size(kVcNames); ++i) {
    if (kVcNames[i].code == exit_code) return i;
  }
  return exit_code >= exit_code::kException0 && exit_code <= kLastException ? kOtherException
                                                                            : kOtherCode;
}

const std::vector<std::string>& vc_words() {
  static const std::vector<std::string> kWords = [] {
    std::vector<std::string> words;
    for (const VcName& name : kVcNames) words.emplace_back(name.word);
    words.emplace_back("other-exception");
    words.emplace_back("other");
    return words;
  }();
  return kWords;
}

NaePlan common_plan(const VcContext& context, bool msr_write) {
  const auto& gpr = context.registers.gpr;
  NaePlan plan;
  plan.request.exit_code = context.exit_code;
  switch (context.exit_code) {
    case exit_code::kRdtsc:
      plan.outputs = kOutRax | kOutRdx;
      break;
    case exit_code::kRdtscp:
      plan.outputs = kOutRax | kOutRcx | kOutRdx;
      break;
    case exit_code::kRdpmc:
      plan.request.rcx = gpr[isa::kRcx];
      plan.outputs = kOutRax | kOutRdx;
      break;
    case exit_code::kVmmcall:
      plan.request.rax = gpr[isa::kRax];
      plan.request.cpl = context.registers.cpl;
      plan.outputs = kOutRax;
      break;
    case exit_code::kMsr:
      plan.request.info_1 = msr_write;
      plan.request.rcx = gpr[isa::kRcx];
      if (msr_write) {
        plan.request.rax = gpr[isa::kRax];
        plan.request.rdx = gpr[isa::kRdx];
      } else {
        plan.outputs = kOutRax | kOutRdx;
      }
      break;
    default:  // INVD, WBINVD: nothing goes either way
      break;
  }
  return plan;
}

void write_outputs(GuestView& view, unsigned wanted, const GhcbOutputs& outputs) {
  auto& gpr = view.registers().gpr;
  if (wanted & kOutRax) gpr[isa::kRax] = outputs.rax;
  if (wanted & kOutRbx) gpr[isa::kRbx] = outputs.rbx;
  if (wanted & kOutRcx) gpr[isa::kRcx] = outputs.rcx;
  if (wanted & kOutRdx) gpr[isa::kRdx] = outputs.rdx;
}

std::uint64_t xcr0_for_cpuid(const GuestView& view) {
  if (!(view.registers().cr4 & isa::kCr4Osxsave)) return 1;
  return svm::vcpu_record(view.store(), view.vcpu()).state.xcr0;
}

void print(GuestView& view, std::string_view text, std::uint64_t a, std::uint64_t b,
           std::uint64_t c) {
  if (view.narrator() == nullptr) return;
  view.say("text", {{"text", fmt::format(fmt::runtime(text), a, b, c)}});
}

void add_shared(rules::Vocabulary& v) {
  add_own_code(v);
  add_handler(v);
  add_ghcb(v);
  add_msr_protocol(v);
  add_snp_instructions(v);
  add_page_state(v);
  add_c_bit(v);
  add_string_io(v);
  add_cpuid_page(v);
  v.add(fact<guest_type>("guest", {"plain", "sev", "es", "snp"},
                         "what the processor protects, as MSR SEV_STATUS tells the guest", true));
  v.add(
      fact<forever>("forever", {"no", "yes"}, "always yes: for loops that the guest never leaves"));
  v.add(fact<vc_depth>("vc_depth", {"one", "two", "deeper"},
                       "how many #VC handlers are inside each other, this one included", true));
  v.add(given("vc", vc_words(), "the event that the error code of #VC names"));
  v.add(action<classify>("classify", {value_arg("code")}, {"vc"}, "nothing",
                         "names the error code of #VC"));
  v.add(action<not_modelled>("not_modelled", {word_arg("what", words_of(kNotModelled))}, {},
                             "the outcome of the vCPU", "ends the run without an answer"));
  v.add(action<spin>("spin", {}, {}, "nothing", "a round of an empty loop"));
  v.add(action<set_rax>("set_rax", {value_arg("value")}, {}, "RAX", "a procedure's result"));
  v.add(action<to_physical>("to_physical", {local_arg("address")}, {}, "a local",
                            "the physical address behind a linear one, by the guest's tables"));
}

}  // namespace nptsim::guest
