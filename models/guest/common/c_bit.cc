// The C-bit in the guest's own page tables. The tables are mapped one to one, as they are at the
// start.
#include "models/guest/common/shared.h"
#include "sim/arch/svm/entry.h"

namespace nptsim::guest {
namespace {

constexpr unsigned kLa57 = 12;  // CR4

struct Leaf {
  GuestPhysAddr entry;
  std::uint64_t word = 0;
  unsigned level = 0;  // 0: there is none
};

// False: an access of the walk did not happen yet.
bool find_leaf(GuestView& view, std::uint64_t address, Leaf& leaf) {
  const isa::Registers& r = view.registers();
  const std::uint64_t c_mask = view.setup().cpu.c_bit ? bit(*view.setup().cpu.c_bit) : 0;
  const std::uint64_t frame_mask = bit_range(51, kPageShift) & ~c_mask;
  std::uint64_t table = r.cr3 & frame_mask;
  for (unsigned level = has_bit(r.cr4, kLa57) ? 5 : 4; level != 0; --level) {
    const unsigned shift = kPageShift + 9 * (level - 1);
    leaf.entry = GuestPhysAddr(table + 8 * (address >> shift & 511));
    if (!view.access(svm::AccessKind::kRead, GuestVirtAddr(leaf.entry.value), &leaf.word, 8)) {
      return false;
    }
    leaf.level = leaf.word & svm::kEntryP ? level : 0;
    const bool is_leaf = level == 1 || (leaf.word & svm::kEntryPs);
    if (leaf.level == 0 || is_leaf) return true;
    table = leaf.word & frame_mask;
  }
  return true;
}

// set_c_bit: address, pages, to. Linux __change_page_attr_set_clr, edk2 SetMemoryEncDec.
ActionResult set_c_bit(GuestView& view, const Args& args) {
  enum : unsigned { kDone, kUnmapped, kLarge };
  NPTSIM_CHECK(view.setup().cpu.c_bit.has_value());
  const unsigned c_bit = *view.setup().cpu.c_bit;
  const bool set = args.word(2) == 0;
  const std::uint64_t end = args.get(0) + (args.get(1) << kPageShift);
  for (std::uint64_t at = args.get(0) & ~kPageMask; at < end;) {
    Leaf leaf;
    if (!find_leaf(view, at, leaf)) return ActionResult::stopped();
    if (leaf.level == 0) return ActionResult::done().give(0, kUnmapped);
    const std::uint64_t size = kPageSize << (9 * (leaf.level - 1));
    if (at % size != 0 || end - at < size) return ActionResult::done().give(0, kLarge);
    std::uint64_t word = with_bits(leaf.word, c_bit, c_bit, set);
    const GuestVirtAddr entry(leaf.entry.value);
    if (!view.access(svm::AccessKind::kWrite, entry, &word, sizeof word)) {
      return ActionResult::stopped();
    }
    at += size;
  }
  return ActionResult::done().give(0, kDone);
}

}  // namespace

void add_c_bit(rules::Vocabulary& v) {
  v.add(given("c_bit_changed", {"done", "unmapped", "large"},
              "whether the leaves could be changed; large: one of them is more than the range"));
  v.add(action<set_c_bit>(
      "set_c_bit",
      {value_arg("address"), value_arg("pages"), word_arg("to", {"private", "shared"})},
      {"c_bit_changed"}, "the guest's page tables", "C in the leaves of these pages"));
}

}  // namespace nptsim::guest
