#include "models/guest/common/cpuid_page.h"

#include <algorithm>
#include <optional>

#include "models/guest/common/shared.h"
#include "sim/arch/svm/exits.h"

namespace nptsim::guest {
namespace {

constexpr std::uint32_t kMostEntries = 64;  // SNP_CPUID_COUNT_MAX
constexpr unsigned kFirstEntry = 16;        // behind the count and reserved words

std::uint32_t low_word(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

// The page is mapped one to one and private.
bool read_page(GuestView& view, unsigned offset, void* data, unsigned size) {
  const GuestVirtAddr at(view.setup().cpuid_page->value + offset);
  return view.access(svm::AccessKind::kRead, at, data, size);
}
bool read_entry(GuestView& view, std::uint32_t n, CpuidEntry& entry) {
  return read_page(view, kFirstEntry + n * sizeof entry, &entry, sizeof entry);
}

// --- what there is ---

enum Table : unsigned { kEmpty, kGood, kTooLarge };
Table table_of(std::uint32_t count) {
  return count == 0 ? kEmpty : count <= kMostEntries ? kGood : kTooLarge;
}

// Leaves that some guest does not take as they are.
constexpr std::uint32_t kFeatures = 1, kExtendedFeatures = 7, kTopology = 0xb, kXsave = 0xd,
                        kNodes = 0x8000001e;
enum LeafWord : unsigned { kLeaf1, kLeaf7, kLeafB, kLeafD0, kLeafD1, kLeaf1E, kOtherLeaf };
LeafWord word_of(const CpuidLeaf& asked) {
  switch (asked.leaf) {
    case kFeatures:
      return kLeaf1;
    case kExtendedFeatures:
      return kLeaf7;
    case kTopology:
      return kLeafB;
    case kXsave:
      return asked.subleaf == 0 ? kLeafD0 : asked.subleaf == 1 ? kLeafD1 : kOtherLeaf;
    case kNodes:
      return kLeaf1E;
    default:
      return kOtherLeaf;
  }
}

// The largest leaf of each range, as the table itself says: EAX of its first leaf.
struct Ranges {
  std::uint32_t standard = 0, hypervisor = 0, extended = 0;

  void take(const CpuidEntry& entry) {
    if (entry.leaf == 0) standard = entry.eax;
    if (entry.leaf == 0x40000000) hypervisor = entry.eax;
    if (entry.leaf == 0x80000000) extended = entry.eax;
  }
  bool covers(std::uint32_t leaf) const {
    return leaf <= standard || (leaf >= 0x40000000 && leaf <= hypervisor) ||
           (leaf >= 0x80000000 && leaf <= extended);
  }
};

// look_at_cpuid_table
ActionResult look_at_cpuid_table(GuestView& view, const Args&) {
  std::uint32_t count = 0;
  if (!read_page(view, 0, &count, sizeof count)) return ActionResult::stopped();
  return ActionResult::done().note(count).give(0, table_of(count));
}

unsigned cpuid_page(const GuestView& view) { return view.setup().cpuid_page.has_value(); }

// --- what of it is the hypervisor's, or the guest's own ---

// ask_cpuid: subleaf. The leaf in EAX; the subleaf too, or 0. XCR0 if it is sent.
ActionResult ask_cpuid(GuestView& view, const Args& args) {
  enum : unsigned { kAsked, kZero };
  constexpr unsigned kSubleaf = 0, kXcr0 = 1;
  const CpuidLeaf asked = asked_leaf(view);
  GhcbRequest request;
  request.exit_code = svm::exit_code::kCpuid;
  request.rax = asked.leaf;
  request.rcx = args.word(kSubleaf) == kZero ? 0 : asked.subleaf;
  if (args.word(kXcr0) == 0) request.xcr0 = xcr0_for_cpuid(view);
  return fill_ghcb(view, request) ? ActionResult::done() : ActionResult::stopped();
}

// take_cpuid_answer: eax, ebx, ecx, edx
ActionResult take_cpuid_answer(GuestView& view, const Args& args) {
  constexpr unsigned kAll = kOutRax | kOutRbx | kOutRcx | kOutRdx;
  GhcbOutputs outputs;
  if (!read_outputs(view, kAll, outputs)) return ActionResult::stopped();
  const std::uint64_t values[] = {outputs.rax, outputs.rbx, outputs.rcx, outputs.rdx};
  for (unsigned i = 0; i < 4; ++i) args.set(i, low_word(values[i]));
  return ActionResult::done().give(0, (kAll & ~outputs.valid) != 0);
}

// merge_cpuid: eax to edx, then the hypervisor's. What only it can know of this vCPU.
ActionResult merge_cpuid(GuestView& view, const Args& args) {
  constexpr unsigned kEax = 0, kEbx = 1, kEcx = 2, kEdx = 3, kHypervisor = 4;
  const auto take = [&](unsigned reg, std::uint64_t mask) {
    args.set(reg, (args.get(reg) & ~mask) | (args.get(kHypervisor + reg) & mask));
  };
  constexpr std::uint64_t kAll = bit_range(31, 0);
  switch (word_of(asked_leaf(view))) {
    case kLeaf1:
      take(kEbx, bit_range(31, 24));  // the initial APIC ID
      take(kEdx, bit(9));             // the APIC is on
      break;
    case kLeafB:
      take(kEdx, kAll);  // the extended APIC ID
      break;
    case kLeaf1E:
      take(kEax, kAll);             // the extended APIC ID
      take(kEbx, bit_range(7, 0));  // the compute unit
      take(kEcx, bit_range(7, 0));  // the node
      break;
    default:
      NPTSIM_BUG("a leaf of which the hypervisor has no part");
  }
  return ActionResult::done();
}

constexpr unsigned kOsxsaveBit = 27, kOspkeBit = 4;  // of ECX
constexpr unsigned kCr4Pke = 22;

// own_cpuid_bit: ecx. Whether the guest itself has it on in CR4.
ActionResult own_cpuid_bit(GuestView& view, const Args& args) {
  enum : unsigned { kSetOsxsave, kClearOsxsave, kOspke };
  const std::uint64_t cr4 = view.registers().cr4;
  const bool osxsave = (cr4 & isa::kCr4Osxsave) != 0;
  std::uint64_t ecx = args.get(0);
  if (args.word(1) == kOspke) ecx = with_bits(ecx, kOspkeBit, kOspkeBit, has_bit(cr4, kCr4Pke));
  if (args.word(1) == kSetOsxsave && osxsave) ecx |= bit(kOsxsaveBit);
  if (args.word(1) == kClearOsxsave && !osxsave) ecx &= ~bit(kOsxsaveBit);
  args.set(0, ecx);
  return ActionResult::done();
}

// xsave_size: ebx. snp_cpuid_calc_xsave_size, GetCpuidXSaveSize: of the features that are on,
// from the table's subleaves 2 to 63. A feature without an entry has no size. (XSS is 0.)
ActionResult xsave_size(GuestView& view, const Args& args) {
  constexpr std::uint32_t kLegacySize = 0x240;
  const bool compacted = asked_leaf(view).subleaf == 1;
  const std::uint64_t wanted = xcr0_for_cpuid(view) & ~std::uint64_t{3};
  std::uint64_t found = 0;
  std::uint32_t size = kLegacySize, count = 0;
  if (!read_page(view, 0, &count, sizeof count)) return ActionResult::stopped();
  for (std::uint32_t n = 0; n < std::min(count, kMostEntries); ++n) {
    CpuidEntry entry;
    if (!read_entry(view, n, entry)) return ActionResult::stopped();
    const bool feature = entry.leaf == kXsave && entry.subleaf > 1 && entry.subleaf < 64;
    if (!feature || !has_bit(wanted, entry.subleaf) || has_bit(found, entry.subleaf)) continue;
    found |= bit(entry.subleaf);
    size = compacted ? size + entry.eax : std::max(size, entry.eax + entry.ebx);
  }
  if (found != wanted) return ActionResult::done().give(0, 1);
  args.set(0, size);
  return ActionResult::done().give(0, 0);
}

// EAX of subleaf 1 of leaf 0xD.
ActionResult look_at_xsave(GuestView&, const Args& args) {
  enum : unsigned { kNeither, kXsavec, kXsaves };
  const std::uint64_t eax = args.get(0);
  return ActionResult::done().give(0, has_bit(eax, 3)   ? kXsaves
                                      : has_bit(eax, 1) ? kXsavec
                                                        : kNeither);
}

std::vector<rules::ArgDef> answer_args(const char* before) {
  std::vector<rules::ArgDef> args;
  for (const char* name : {"eax", "ebx", "ecx", "edx"}) {
    args.push_back(local_arg(std::string(before) + name));
  }
  return args;
}

}  // namespace

CpuidLeaf asked_leaf(const GuestView& view) {
  const auto& gpr = view.registers().gpr;
  return {low_word(gpr[isa::kRax]), low_word(gpr[isa::kRcx])};
}

ActionResult look_up_cpuid(GuestView& view, const Args& args, CpuidMatch matches) {
  const CpuidLeaf asked = asked_leaf(view);
  std::uint32_t count = 0;
  if (!read_page(view, 0, &count, sizeof count)) return ActionResult::stopped();
  std::optional<CpuidEntry> found;
  Ranges ranges;
  for (std::uint32_t n = 0; n < std::min(count, kMostEntries); ++n) {
    CpuidEntry entry;
    if (!read_entry(view, n, entry)) return ActionResult::stopped();
    ranges.take(entry);
    if (!found && matches(entry, asked)) found = entry;
  }
  const CpuidEntry answer = found.value_or(CpuidEntry{});
  const std::uint32_t values[] = {answer.eax, answer.ebx, answer.ecx, answer.edx};
  for (unsigned i = 0; i < 4; ++i) args.set(i, values[i]);
  return ActionResult::done()
      .give(0, table_of(count))
      .give(1, found ? 0 : 1)
      .give(2, ranges.covers(asked.leaf) ? 0 : 1)
      .give(3, word_of(asked));
}

void add_cpuid_page(rules::Vocabulary& v) {
  v.add(fact<cpuid_page>("cpuid_page", {"unknown", "placed"},
                         "whether `place: { cpuid: ... }` says where the CPUID page lies", true));
  v.add(given("cpuid_table", {"empty", "good", "too-large"},
              "how many entries the CPUID page claims: none, up to 64, more"));
  v.add(given("cpuid_found", {"found", "missing"}, "whether an entry answers the leaf"));
  v.add(given("cpuid_range", {"inside", "outside"},
              "whether the leaf lies in a range whose end the table tells"));
  v.add(given("cpuid_leaf", {"1", "7", "0xb", "0xd-0", "0xd-1", "0x8000001e", "other"},
              "the leaf, if guests do not take it as it is; of 0xd subleaf 0 or 1"));
  v.add(given("xsave_size", {"known", "unknown"}, "whether each feature in XCR0 has its entry"));
  v.add(given("xsave_form", {"neither", "xsavec", "xsaves"}, "EAX of leaf 0xd, subleaf 1"));
  v.add(given("cpuid_answer", {"valid", "missing"}, "the valid bits of the four registers"));
  v.add(action<look_at_cpuid_table>("look_at_cpuid_table", {}, {"cpuid_table"}, "nothing",
                                    "the number of entries of the CPUID page"));
  v.add(action<ask_cpuid>(
      "ask_cpuid", {word_arg("subleaf", {"asked", "zero"}), word_arg("xcr0", {"sent", "absent"})},
      {}, "the GHCB page", "a CPUID request for the leaf in EAX"));
  v.add(action<take_cpuid_answer>("take_cpuid_answer", answer_args(""), {"cpuid_answer"}, "locals",
                                  "the registers of its answer"));
  std::vector<rules::ArgDef> both = answer_args("");
  for (rules::ArgDef& arg : answer_args("hv_")) both.push_back(std::move(arg));
  v.add(action<merge_cpuid>("merge_cpuid", std::move(both), {}, "locals",
                            "takes from the hypervisor what only it can know"));
  v.add(action<own_cpuid_bit>(
      "own_cpuid_bit",
      {local_arg("ecx"), word_arg("bit", {"set-osxsave", "clear-osxsave", "ospke"})}, {}, "a local",
      "a feature that the guest itself switches on in CR4"));
  v.add(action<xsave_size>("xsave_size", {local_arg("ebx")}, {"xsave_size"}, "a local",
                           "the size of the XSAVE area for XCR0"));
  v.add(action<look_at_xsave>("look_at_xsave", {value_arg("eax")}, {"xsave_form"}, "nothing",
                              "whether XSAVEC or XSAVES is there"));
}

}  // namespace nptsim::guest
