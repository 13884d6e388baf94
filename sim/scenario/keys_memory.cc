// The keys of `memory:` and `map:`.
#include "sim/base/address.h"
#include "sim/scenario/forms.h"
#include "sim/scenario/keys.h"

namespace nptsim::scenario {
namespace {

constexpr unsigned kWordBits = 52;
constexpr std::uint64_t kHighestGpa = (1ull << kWordBits) - 1;

const Section& contents_keys() {
  static const Section kSection = {
      "contents",
      "Bytes that lie in a region before anything runs.",
      {
          {"offset", "Where in the region; 0 without.", number()},
          {"bytes", "Pairs of hex digits.",
           text(kBytesForm, [](std::string_view t) { return parse_bytes(t).has_value(); })},
          {"text", "The bytes as text.", text()},
          {"words", "Numbers of 8 bytes each, little-endian.", list(number())},
      },
      {}};
  return kSection;
}

const Section& region_keys() {
  static const Section kSection = {
      "region",
      "A memory region as the VMM is told of it.",
      {
          {"gpa", "Its guest physical address, whole pages.", number(0, kHighestGpa), true},
          {"size", "Its size, whole pages.", number(1, kHighestGpa + 1), true},
          {"device", "What it is; ram without.",
           word({"ram", "rom", "pflash", "isa-bios", "nrf51-nvm", "nrf51-nvmc", "io", "apic",
                 "ioapic", "hpet", "tpm", "vga", "vfio"})},
          {"mode", "Of a pflash, at the start: reads go to memory (romd) or to the device (mmio).",
           word({"romd", "mmio"})},
          {"drive", "Of a pflash: whether its drive can be written.", word({"rw", "ro"})},
          {"width", "Of a pflash: bytes of its bus, 1, 2 or 4; 1 without.", number(1, 4)},
          {"device_width",
           "Of a pflash: bytes of each chip on the bus; 0 or without, the device does not know.",
           number(0, 4)},
          {"sector", "Of a pflash: what one erase command clears; 4K without.",
           number(kPageSize, 1ull << 24)},
          {"ids", "Of a pflash: id0 to id3; all 0 without.", list(number(0, 0xffff))},
          {"secure", "Of a pflash: only accesses from system management mode reach the device.",
           yes_no()},
          {"launch", "Whether its contents are encrypted at launch; without, the VMM's rules say.",
           word({"plain", "encrypted"})},
          {"host_page",
           "What the host maps it with, where it is whole; 4K without. Its host address is aligned "
           "to that.",
           word(page_words())},
          {"fill", "The value of every byte before anything runs.", number(0, 255)},
          {"contents", "Bytes that lie there before anything runs.", list(map(contents_keys()))},
      },
      {}};
  return kSection;
}

}  // namespace

const Section& memory_keys() {
  static const Section kSection = {"memory",
                                   "The regions that the VMM is told of.",
                                   {},
                                   {"a name for a region",
                                    "^[A-Za-z][A-Za-z0-9_-]*$",
                                    is_name,
                                    "A memory region.",
                                    {map(region_keys())}}};
  return kSection;
}

const Section& map_entry_keys() {
  static const Section kSection = {
      "map_entry",
      "A range of guest virtual addresses and where it leads.",
      {
          {"gva", "Guest virtual address, a multiple of `page`.", number(), true},
          {"gpa", "Guest physical address, a multiple of `page`.", number(0, kHighestGpa), true},
          {"size", "Bytes, whole pages; one page without.", number(1, 1ull << 57)},
          {"page", "The size of the entries; 4K without.", word(page_words())},
          {"c_bit", "1: private, 0: shared; without, private where the guest has a key.",
           number(0, 1)},
          {"access", "Rights; rwx for the supervisor without.",
           text(kRightsForm, [](std::string_view t) { return parse_rights(t).has_value(); })},
      },
      {}};
  return kSection;
}

}  // namespace nptsim::scenario
