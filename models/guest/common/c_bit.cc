// The guest's own page tables, as far as it changes them: C-bits, and large leaves that become
// tables. They are mapped one to one, as they are at the start.
#include <array>
#include <optional>
#include <utility>

#include "models/guest/common/shared.h"
#include "sim/arch/svm/entry.h"
#include "sim/base/bug.h"

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

std::uint64_t size_of(const Leaf& leaf) { return kPageSize << (9 * (leaf.level - 1)); }
// Whether the range from `at` to `end` has only a part of it.
bool is_more(const Leaf& leaf, std::uint64_t at, std::uint64_t end) {
  return at % size_of(leaf) != 0 || end - at < size_of(leaf);
}
bool write_entry(GuestView& view, GuestPhysAddr entry, std::uint64_t word) {
  return view.access(svm::AccessKind::kWrite, GuestVirtAddr(entry.value), &word, sizeof word);
}

std::uint64_t range_begin(const Args& args) { return args.get(0) & ~kPageMask; }
std::uint64_t range_end(const Args& args) { return args.get(0) + (args.get(1) << kPageShift); }

// set_c_bit: address, pages, to. Linux __change_page_attr_set_clr, edk2 SetMemoryEncDec. A range
// whose leaves were split begins again at its first page.
ActionResult set_c_bit(GuestView& view, const Args& args) {
  enum : unsigned { kDone, kUnmapped, kLarge };
  NPTSIM_CHECK(view.setup().cpu.c_bit.has_value());
  const unsigned c_bit = *view.setup().cpu.c_bit;
  const bool set = args.word(2) == 0;
  const std::uint64_t end = range_end(args);
  for (std::uint64_t at = range_begin(args); at < end;) {
    Leaf leaf;
    if (!find_leaf(view, at, leaf)) return ActionResult::stopped();
    if (leaf.level == 0) return ActionResult::done().give(0, kUnmapped);
    if (is_more(leaf, at, end)) return ActionResult::done().give(0, kLarge);
    if (!write_entry(view, leaf.entry, with_bits(leaf.word, c_bit, c_bit, set))) {
      return ActionResult::stopped();
    }
    at += size_of(leaf);
  }
  return ActionResult::done().give(0, kDone);
}

// --- large leaves ---

constexpr unsigned kTableEntries = 512, kChunk = 8;  // entries of a table, and in one store
constexpr unsigned kLargePat = 12, kSmallPat = 7;

// The word of the first of the smaller leaves: the same rights and C-bit. In a leaf of 4 KByte the
// PAT bit has the place of PS (APM vol. 2, 5.4.1).
std::uint64_t smaller_word(const Leaf& leaf) {
  if (leaf.level > 2) return leaf.word;
  const std::uint64_t word = leaf.word & ~(svm::kEntryPs | bit(kLargePat));
  return with_bits(word, kSmallPat, kSmallPat, has_bit(leaf.word, kLargePat));
}

// A page that was never a table: its first word is 0. False: an access did not happen yet.
bool find_spare(GuestView& view, std::optional<GuestPhysAddr>& found) {
  const auto& pages = view.setup().spare_pages;
  for (unsigned n = 0; pages && n < machine::Setup::kSparePages && !found; ++n) {
    const GuestPhysAddr page = *pages + n * kPageSize;
    std::uint64_t first = 0;
    if (!view.access(svm::AccessKind::kRead, GuestVirtAddr(page.value), &first, sizeof first)) {
      return false;
    }
    if (first == 0) found = page;
  }
  return true;
}

// The first word comes last: until then the page is a spare one.
bool fill_table(GuestView& view, GuestPhysAddr table, const Leaf& leaf) {
  const std::uint64_t step = size_of(leaf) / kTableEntries;
  for (unsigned n = kTableEntries; n != 0;) {
    n -= kChunk;
    std::uint64_t word = smaller_word(leaf) + n * step;
    std::array<std::uint64_t, kChunk> words{};
    for (std::uint64_t& entry : words) entry = std::exchange(word, word + step);
    const GuestVirtAddr at(table.value + n * sizeof word);
    if (!view.access(svm::AccessKind::kWrite, at, words.data(), sizeof words)) return false;
  }
  return true;
}

// split_leaf: address, pages, as. The first leaf of the range that is more than the range. The
// table is filled before the entry leads to it.
ActionResult split_leaf(GuestView& view, const Args& args) {
  enum : unsigned { kSplit, kNoPage };
  enum : unsigned { kLinux, kEdk2 };
  // Linux _KERNPG_TABLE; edk2 IA32_PG_P | IA32_PG_RW.
  const std::uint64_t flags =
      svm::kEntryP | svm::kEntryRw | (args.word(2) == kLinux ? svm::kEntryA | svm::kEntryD : 0);
  const std::uint64_t end = range_end(args), c_mask = bit(view.setup().cpu.c_bit.value());
  Leaf leaf;
  std::uint64_t at = range_begin(args);
  for (; at < end; at += size_of(leaf)) {
    if (!find_leaf(view, at, leaf)) return ActionResult::stopped();
    if (leaf.level == 0 || is_more(leaf, at, end)) break;
  }
  // Another vCPU may have been here: whoever changes the leaves looks again.
  if (at >= end || leaf.level == 0) return ActionResult::done().give(0, kSplit);
  std::optional<GuestPhysAddr> table;
  if (!find_spare(view, table)) return ActionResult::stopped();
  if (!table) return ActionResult::done().give(0, kNoPage);
  if (!fill_table(view, *table, leaf)) return ActionResult::stopped();
  if (!write_entry(view, leaf.entry, table->value | flags | c_mask)) return ActionResult::stopped();
  return ActionResult::done().note(size_of(leaf)).give(0, kSplit);
}

// look_at_leaf_size: address
ActionResult look_at_leaf_size(GuestView& view, const Args& args) {
  Leaf leaf;
  if (!find_leaf(view, args.get(0), leaf)) return ActionResult::stopped();
  return ActionResult::done().give(0, leaf.level);
}

}  // namespace

void add_c_bit(rules::Vocabulary& v) {
  v.add(given("c_bit_changed", {"done", "unmapped", "large"},
              "whether the leaves could be changed; large: one of them is more than the range"));
  v.add(action<set_c_bit>(
      "set_c_bit",
      {value_arg("address"), value_arg("pages"), word_arg("to", {"private", "shared"})},
      {"c_bit_changed"}, "the guest's page tables", "C in the leaves of these pages"));
  v.add(given("split", {"done", "no-page"}, "whether the guest had a page for a new table"));
  v.add(action<split_leaf>(
      "split_leaf", {value_arg("address"), value_arg("pages"), word_arg("as", {"linux", "edk2"})},
      {"split"}, "the guest's page tables",
      "the first leaf that is more than the range becomes a table"));
  v.add(given("leaf_size", {"none", "4k", "2m", "1g"}, "the leaf that maps an address"));
  v.add(action<look_at_leaf_size>("look_at_leaf_size", {value_arg("address")}, {"leaf_size"},
                                  "nothing", "how the guest's own tables map an address"));
}

}  // namespace nptsim::guest
