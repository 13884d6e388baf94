// Regions, the guest's own tables and places: aligned, inside the address space, apart.
#include <algorithm>
#include <string>
#include <utility>

#include "sim/base/address.h"
#include "sim/base/hex.h"
#include "sim/scenario/check.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {
namespace {

constexpr unsigned kGpaBits = 52;  // APM vol. 2, 5.3: the most that an entry can hold
constexpr unsigned kGvaBits = 57;  // with five levels; four have 48
constexpr std::uint64_t kGpaEnd = 1ull << kGpaBits;

std::string page_text(std::uint64_t page) {
  return page == kSize1G ? "1G" : page == kSize2M ? "2M" : "4K";
}

void check_aligned(const SourcePos& pos, const std::string& what, std::uint64_t value,
                   std::uint64_t unit, Diagnostics& diagnostics) {
  if (value % unit == 0) return;
  diagnostics.push_back(
      {pos, what + " " + hex(value) + " is not aligned", "a multiple of " + page_text(unit), ""});
}

void check_inside(const SourcePos& pos, const std::string& what, std::uint64_t begin,
                  std::uint64_t size, Diagnostics& diagnostics) {
  if (begin < kGpaEnd && size <= kGpaEnd - begin) return;
  diagnostics.push_back(
      {pos, what + " ends beyond 52 bits", "guest physical addresses below " + hex(kGpaEnd), ""});
}

bool canonical(std::uint64_t gva) {
  const auto high = static_cast<std::int64_t>(gva) >> (kGvaBits - 1);
  return high == 0 || high == -1;
}

void check_contents(const Region& region, const std::string& what, Diagnostics& diagnostics) {
  for (const Contents& contents : region.contents) {
    if (contents.offset <= region.size && contents.bytes.size() <= region.size - contents.offset) {
      continue;
    }
    diagnostics.push_back({contents.pos, "contents of " + what + " end beyond it",
                           "offsets below " + hex(region.size), ""});
  }
}

bool is_usual_flash(const Region& region) {
  return region.romd && !region.read_only_drive && !region.secure && region.width == 1 &&
         region.device_width == 0 && region.sector == kPageSize && region.idents.empty();
}

// hw/block/pflash_cfi01.c pflash_cfi01_realize takes any width; its code knows 1, 2 and 4.
bool is_width(unsigned width) { return width == 1 || width == 2 || width == 4; }

void check_flash(const Region& region, const std::string& what, Diagnostics& diagnostics) {
  const SourcePos& pos = region.name.pos;
  if (!is_width(region.width)) {
    diagnostics.push_back({pos, "width of " + what + " is 3", "1, 2 or 4", ""});
  }
  if (region.device_width != 0 &&
      (!is_width(region.device_width) || region.device_width > region.width)) {
    diagnostics.push_back({pos, what + " has chips that are wider than its bus, or 3 wide",
                           "a device_width of 1, 2 or 4 that is not above width", ""});
  }
  if ((region.sector & (region.sector - 1)) != 0 || region.size % region.sector != 0) {
    diagnostics.push_back({pos, "the sectors of " + what + " do not fill it",
                           "a power of two that divides its size", ""});
  }
  // The write block of four chips of one byte is 8 KiB (pflash_cfi01_fill_cfi_table), and QEMU
  // copies it whole.
  if (region.device_width == 1 && region.width == 4 && region.size % (2 * kPageSize) != 0) {
    diagnostics.push_back({pos, "the write blocks of " + what + " do not fill it",
                           "a multiple of 8K for four chips", ""});
  }
  if (!region.idents.empty() && region.idents.size() != 4) {
    diagnostics.push_back({pos, "ids of " + what + " are not four", "id0 to id3", ""});
  }
}

// hugetlbfs gives whole pages, which nobody fills for a model to keep.
void check_1g(const Region& region, const std::string& what, Diagnostics& diagnostics) {
  const SourcePos& pos = region.name.pos;
  check_aligned(pos, "size of " + what, region.size, kSize1G, diagnostics);
  if (region.device != Device::kRam) {
    diagnostics.push_back({pos, what + " is no RAM, but has pages of 1G", "host_page: 2M", ""});
  }
  if (region.fill.value_or(0) != 0) {
    diagnostics.push_back(
        {pos, "fill of " + what + " would take all of its pages", "contents at an offset", ""});
  }
}

void check_region(const Region& region, Diagnostics& diagnostics) {
  const std::string what = "region " + yaml::quote(region.name.value);
  const SourcePos& pos = region.name.pos;
  check_aligned(pos, "gpa of " + what, region.gpa.value, kPageSize, diagnostics);
  check_aligned(pos, "size of " + what, region.size, kPageSize, diagnostics);
  check_inside(pos, what, region.gpa.value, region.size, diagnostics);
  if (region.device == Device::kPflash) {
    check_flash(region, what, diagnostics);
  } else if (!is_usual_flash(region)) {
    diagnostics.push_back(
        {pos, what + " has a mode or drive but is no pflash", "", "say device: pflash"});
  }
  if (region.device == Device::kIsaBios && (region.fill || !region.contents.empty())) {
    diagnostics.push_back({pos, what + " has contents of its own", "",
                           "its contents are those of the firmware below 4 GiB"});
  }
  const bool is_registers = region.device == Device::kIo || region.device == Device::kNvmc;
  if (is_registers && (region.fill || !region.contents.empty())) {
    diagnostics.push_back({pos, what + " has contents but is a device", "", "say device: ram"});
  }
  if (region.host_page == kSize1G) check_1g(region, what, diagnostics);
  check_contents(region, what, diagnostics);
}

void check_regions_apart(const std::vector<Region>& regions, Diagnostics& diagnostics) {
  for (std::size_t i = 1; i < regions.size(); ++i) {
    const Region& below = regions[i - 1];
    const Region& region = regions[i];
    if (region.gpa - below.gpa >= below.size) continue;
    diagnostics.push_back({region.name.pos,
                           "region " + yaml::quote(region.name.value) + " at " +
                               hex(region.gpa.value) + " overlaps " +
                               yaml::quote(below.name.value) + ", which ends at " +
                               hex(below.gpa.value + below.size),
                           "regions that lie apart", ""});
  }
}

void check_map_entry(const MapEntry& entry, Diagnostics& diagnostics) {
  check_aligned(entry.pos, "gva", entry.gva.value, entry.page, diagnostics);
  check_aligned(entry.pos, "gpa", entry.gpa.value, entry.page, diagnostics);
  check_aligned(entry.pos, "size", entry.size, entry.page, diagnostics);
  check_inside(entry.pos, "the entry's gpa", entry.gpa.value, entry.size, diagnostics);
  const std::uint64_t last = entry.gva.value + (entry.size - 1);
  if (last < entry.gva.value || !canonical(entry.gva.value) || !canonical(last)) {
    diagnostics.push_back({entry.pos, "gva " + hex(entry.gva.value) + " is not canonical",
                           "addresses whose bits 63 to 56 are equal", ""});
  }
}

void check_map_apart(const std::vector<MapEntry>& map, Diagnostics& diagnostics) {
  std::vector<const MapEntry*> sorted;
  for (const MapEntry& entry : map) sorted.push_back(&entry);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const MapEntry* a, const MapEntry* b) { return a->gva < b->gva; });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i]->gva - sorted[i - 1]->gva >= sorted[i - 1]->size) continue;
    const SourcePos& other = sorted[i - 1]->pos;
    diagnostics.push_back({sorted[i]->pos,
                           "gva " + hex(sorted[i]->gva.value) + " is mapped already, at line " +
                               std::to_string(other.line),
                           "ranges that lie apart", ""});
  }
}

void check_places(const Vm& vm, Diagnostics& diagnostics) {
  std::map<std::uint64_t, std::string> taken;
  for (const auto& [name, place] : vm.place) {
    check_aligned(place.pos, "place." + name, place.value, kPageSize, diagnostics);
    check_inside(place.pos, "place." + name, place.value, kPageSize, diagnostics);
    const auto [other, is_new] = taken.emplace(place.value, name);
    if (is_new) continue;
    diagnostics.push_back({place.pos, "place." + name + " is where " + other->second + " lies",
                           "places that lie apart", ""});
  }
}

}  // namespace

void check_memory(const Vm& vm, Diagnostics& diagnostics) {
  for (const Region& region : vm.memory) check_region(region, diagnostics);
  check_regions_apart(vm.memory, diagnostics);
  for (const MapEntry& entry : vm.map) check_map_entry(entry, diagnostics);
  check_map_apart(vm.map, diagnostics);
  check_places(vm, diagnostics);
}

}  // namespace nptsim::scenario
