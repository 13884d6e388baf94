// The #VMEXIT under way and the fault it brought.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/exits.h"

namespace nptsim::kvm {
namespace {

namespace code = svm::exit_code;

struct ExitWord {
  std::uint64_t code;
  const char* word;
};
constexpr ExitWord kExitWords[] = {
    {code::kNpf, "npf"},         {code::kVmgexit, "vmgexit"}, {code::kCpuid, "cpuid"},
    {code::kMsr, "msr"},         {code::kIoio, "ioio"},       {code::kVmmcall, "vmmcall"},
    {code::kHlt, "hlt"},         {code::kInvd, "invd"},       {code::kWbinvd, "wbinvd"},
    {code::kRdpmc, "rdpmc"},     {code::kMonitor, "monitor"}, {code::kMwait, "mwait"},
    {code::kInvlpga, "invlpga"}, {code::kPause, "pause"},     {code::kShutdown, "shutdown"},
    {code::kInvalid, "invalid"}, {code::kRdpru, "rdpru"},     {code::kRdtscp, "rdtscp"},
    {code::kVc, "vc"},
};
constexpr unsigned kCodes = sizeof kExitWords / sizeof kExitWords[0];
// Ranges come after the single codes.
constexpr unsigned kCr = kCodes, kSvmInstruction = kCodes + 1, kException = kCodes + 2,
                   kOtherExit = kCodes + 3;

std::vector<std::string> exit_words() {
  std::vector<std::string> words;
  for (const ExitWord& row : kExitWords) words.emplace_back(row.word);
  words.insert(words.end(), {"cr", "svm-instruction", "exception", "other"});
  return words;
}

unsigned exit_of(const View& view) {
  const std::uint64_t exit = view.exit_record().exit_code;
  for (unsigned i = 0; i < kCodes; ++i) {
    if (kExitWords[i].code == exit) return i;
  }
  if (exit < code::kReadDr0 || exit == code::kCr0Selective) return kCr;
  if (exit >= code::kVmrun && exit <= code::kSkinit) return kSvmInstruction;
  if (exit >= code::kException0 && exit < code::kIntr) return kException;
  return kOtherExit;
}

template <std::uint64_t mask>
unsigned fault_has(const View& view) {
  return (view.exit_record().exit_info_1 & mask) != 0;
}

unsigned fault_stage(const View& view) {
  return (view.exit_record().exit_info_1 & svm::kErrorTable) != 0;
}

// EXITINTINFO: the exit interrupted the delivery of an event.
unsigned delivering(const View& view) {
  return svm::event_inj_valid(view.exit_record().exit_int_info);
}

// What svm_check_emulate_instruction gets: a pointer only with decode assists.
unsigned insn(const View& view) {
  if (!view.setup().cpu.features.decode_assists) return 0;
  return view.exit_record().insn_count == 0 ? 1 : 2;
}

unsigned cpl(const OpenView& view) { return view.vcpu_state().registers.cpl == 3; }

// Linux svm.c: "smap && (!smep || is_user)" with no instruction bytes.
unsigned smap_quirk(const OpenView& view) {
  const isa::Registers& r = view.vcpu_state().registers;
  constexpr unsigned kSmep = 20, kSmap = 21;
  const bool user = r.cpl == 3;
  if (!has_bit(r.cr4, kSmap) || (has_bit(r.cr4, kSmep) && !user)) return 0;
  return user ? 1 : 2;
}

template <unsigned (*compute)(const OpenView&)>
rules::FactDef register_fact(std::string name, std::vector<std::string> values, std::string text) {
  auto def = fact_in<OpenView, compute>(std::move(name), std::move(values), std::move(text));
  def.needs = rules::Needs::kRegisters;
  return def;
}

}  // namespace

void add_exit_facts(rules::Vocabulary& v) {
  constexpr bool kFixed = true;
  v.add(fact<exit_of>("exit", exit_words(), "the reason of the #VMEXIT", kFixed));
  v.add(fact<fault_has<svm::kErrorP>>("fault.present", kNoYes, "EXITINFO1 bit 0", kFixed));
  v.add(fact<fault_has<svm::kErrorRw>>("fault.write", kNoYes, "EXITINFO1 bit 1", kFixed));
  v.add(fact<fault_has<svm::kErrorRsv>>("fault.rsvd", kNoYes, "EXITINFO1 bit 3", kFixed));
  v.add(fact<fault_has<svm::kErrorId>>("fault.fetch", kNoYes, "EXITINFO1 bit 4", kFixed));
  v.add(fact<fault_has<svm::kErrorRmp>>("fault.rmp", kNoYes, "EXITINFO1 bit 31", kFixed));
  v.add(fact<fault_has<svm::kErrorEnc>>("fault.enc", kNoYes, "EXITINFO1 bit 34", kFixed));
  v.add(fact<fault_stage>("fault.stage", {"final", "table"}, "EXITINFO1 bits 32 and 33", kFixed));
  v.add(fact<delivering>("delivering", kNoYes, "EXITINTINFO holds an event", kFixed));
  v.add(fact<insn>("insn", {"none", "empty", "bytes"},
                   "instruction bytes in the VMCB: no decode assists, none given, some", kFixed));
  v.add(register_fact<cpl>("cpl", {"kernel", "user"}, "the guest's privilege: below 3, or 3"));
  v.add(register_fact<smap_quirk>("smap_quirk", {"no", "user", "kernel"},
                                  "the condition of AMD erratum 1096"));
}

}  // namespace nptsim::kvm
