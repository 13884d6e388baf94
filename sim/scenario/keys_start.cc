// The keys of `start:`.
#include "sim/scenario/forms.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/registers.h"

namespace nptsim::scenario {
namespace {

constexpr std::uint64_t kHighestAddress = (1ull << 52) - 1;

Shape address() { return number(0, kHighestAddress); }
Shape size() { return number(1, kHighestAddress + 1); }
Shape place() {
  return text(kPlaceForm, [](std::string_view t) { return parse_place(t).has_value(); });
}
Shape bit_numbers() {
  return list(text(kBitForm, [](std::string_view t) { return parse_bit(t).has_value(); }));
}
Shape rights() {
  return text(kRightsForm, [](std::string_view t) { return parse_rights(t).has_value(); });
}

const Section& vmpl_keys() {
  const auto mask = [] {
    return text(kVmplForm, [](std::string_view t) { return parse_vmpl_mask(t).has_value(); });
  };
  static const Section kSection = {"vmpl_masks",
                                   "What each VMPL may do with the page.",
                                   {{"0", "VMPL 0.", mask()},
                                    {"1", "VMPL 1.", mask()},
                                    {"2", "VMPL 2.", mask()},
                                    {"3", "VMPL 3.", mask()}},
                                   {}};
  return kSection;
}

const Section& nested_entry_keys() {
  static const Section kSection = {
      "nested_entry",
      "An entry of the nested page tables.",
      {
          {"gpa", "The guest physical address that it maps.", address(), true},
          {"to", "Where it leads: a host address or a place in a region.", place()},
          {"level", "4K, 2M, 1G, or a level from 1 to 5; 4K without.",
           text(kLevelForm, [](std::string_view t) { return parse_level(t).has_value(); })},
          {"rights", "rwxu without, and none without `to`.", rights()},
          {"set_bits", "Bits set besides: numbers or names.", bit_numbers()},
      },
      {}};
  return kSection;
}

const Section& npt_keys() {
  static const Section kSection = {
      "nested_tables",
      "The nested page tables at the start.",
      {
          {"state", "Whether what the program needs first is mapped; warm without.",
           word({"warm", "cold"})},
          {"entries", "Entries put in after that.", list(map(nested_entry_keys()))},
      },
      {}};
  return kSection;
}

const Section& page_range_keys() {
  static const Section kSection = {
      "page_range",
      "Pages of an SNP guest; a later range holds over an earlier one.",
      {
          {"gpa", "The first page.", address(), true},
          {"size", "Bytes, whole pages; one page without.", size()},
          {"state", "accepted: assigned and validated; untouched: as the host has free pages.",
           word({"accepted", "assigned", "untouched", "shared"}), true},
          {"rmp", "The size of the RMP entries; without, the largest that fits.",
           word({"4K", "2M"})},
          {"vmpl", "What each VMPL may do.", map(vmpl_keys())},
      },
      {}};
  return kSection;
}

const Section& rmp_entry_keys() {
  static const Section kSection = {
      "rmp_entry",
      "A raw RMP entry; what is not said is 0.",
      {
          {"spa", "The page: a host address or a place in a region.", place(), true},
          {"page", "The entry's page size; 4K without.", word({"4K", "2M"})},
          {"assigned", "Assigned to the guest.", yes_no()},
          {"validated", "Validated by the guest.", yes_no()},
          {"immutable", "Immutable to the hypervisor.", yes_no()},
          {"vmsa", "A VMSA page.", yes_no()},
          {"gpa", "The guest physical address.", address()},
          {"asid", "The guest's ASID.", number(0, 0xffff)},
          {"vmpl", "What each VMPL may do.", map(vmpl_keys())},
      },
      {}};
  return kSection;
}

const Section& attribute_keys() {
  static const Section kSection = {
      "attribute_range",
      "Memory attributes that the kernel knows of.",
      {
          {"gpa", "The first page.", address(), true},
          {"size", "Bytes, whole pages; one page without.", size()},
          {"attribute", "What the VMM told the kernel.", word({"private", "shared"}), true},
      },
      {}};
  return kSection;
}

const Section& slot_keys() {
  static const Section kSection = {
      "slot",
      "A memory slot of the kernel.",
      {
          {"id", "Its number; the place in the list without.", number(0, 0xffff)},
          {"gpa", "Its guest physical address.", address(), true},
          {"size", "Bytes, whole pages.", size(), true},
          {"backing", "The place in a region that it is backed by.", place(), true},
          {"flags", "What KVM_SET_USER_MEMORY_REGION2 was told.", texts()},
      },
      {}};
  return kSection;
}

const Section& host_range_keys() {
  static const Section kSection = {
      "host_range",
      "A part of a region's backing.",
      {
          {"offset", "Where it begins; 0 without.", number()},
          {"size", "Bytes, whole pages; to the region's end without.", size()},
          {"protection", "What the host's tables say.",
           word({"rw", "r", "none", "unmapped", "pfnmap-read", "poisoned"}), true},
      },
      {}};
  return kSection;
}

const Section& host_keys() {
  static const Section kSection = {
      "host",
      "Protections of the regions' backings.",
      {},
      {"a region",
       "^[A-Za-z][A-Za-z0-9_-]*$",
       is_name,
       "Of the whole region, or of parts of it.",
       {either({word({"rw", "r", "none", "unmapped", "pfnmap-read", "poisoned"}),
                list(map(host_range_keys()))})}}};
  return kSection;
}

const Section& vectors_keys() {
  static const Section kSection = {
      "vectors",
      "Gates of the guest's IDT.",
      {},
      {kVectorForm,
       "^#?[A-Za-z0-9]+$",
       [](std::string_view t) { return parse_vector(t).has_value(); },
       "model: the guest model's own handler; none: no gate; or a label of a program.",
       {text()}}};
  return kSection;
}

Shape control_register();

const Section& register_keys() {
  static const Section kSection = {
      "registers",
      "Values of registers.",
      {},
      {"a register like rax, rflags or cr2",
       "^[a-z][a-z0-9]*$",
       [](std::string_view t) { return is_start_register(std::string(t)); },
       "The value.",
       {number()}}};
  return kSection;
}

const Section& control_bits_keys() {
  static const Section kSection = {
      "control_bits",
      "Bits on top of the default.",
      {},
      {"a bit's name like smap", "^[A-Za-z][A-Za-z0-9_-]*$", is_name, "On or off.", {yes_no()}}};
  return kSection;
}

Shape control_register() { return either({number(), map(control_bits_keys())}); }

std::vector<Key> cpu_state() {
  return {
      {"mode", "How code is decoded: 64-bit, 32-bit protected or 16-bit real; 64 without.",
       word({"16", "32", "64"})},
      {"cpl", "The privilege level; 0 without.", number(0, 3)},
      {"registers", "Values of registers.", map(register_keys())},
      {"cr0", "A value, or bits on top of the default.", control_register()},
      {"cr4", "A value, or bits on top of the default.", control_register()},
      {"efer", "A value, or bits on top of the default.", control_register()},
      {"xcr0", "A value, or bits on top of the default.", control_register()},
      {"tlb", "Translations that are cached already, right or not.", list(map(map_entry_keys()))},
  };
}

const Section& one_cpu_keys() {
  static const Section kSection = {"cpu_start", "The state of one vCPU.", cpu_state(), {}};
  return kSection;
}

const Section& cpu_keys() {
  static const Section kSection = {"cpus_start",
                                   "The state of the vCPUs.",
                                   cpu_state(),
                                   {"a vCPU like vcpu0",
                                    "^vcpu[0-9]+$",
                                    [](std::string_view t) {
                                      return t.find('.') == std::string_view::npos &&
                                             parse_vcpu(t).has_value();
                                    },
                                    "On top of that, for one vCPU.",
                                    {map(one_cpu_keys())}}};
  return kSection;
}

const Section& vmsa_keys() {
  static const Section kSection = {"vmsa",
                                   "The encrypted state of the vCPUs.",
                                   {
                                       {"features", "SEV features: debug-swap, vtom, ...", texts()},
                                       {"vtom", "Virtual top of memory.", number()},
                                       {"asid", "The guest's ASID.", number(1, 0xffff)},
                                   },
                                   {}};
  return kSection;
}

const Section& firmware_keys() {
  static const Section kSection = {
      "firmware_start",
      "The AMD-SP.",
      {{"fails", "Commands at which it fails, with HWSEV_RET_PLATFORM.",
        list(word({std::begin(kFirmwareCommands), std::end(kFirmwareCommands)}))}},
      {}};
  return kSection;
}

const Section& ghcb_keys() {
  static const Section kSection = {
      "ghcb_start",
      "The guest-hypervisor communication block.",
      {
          {"state", "Whether the guest has one; registered without.", word({"registered", "none"})},
          {"version", "The protocol's version; the highest both know without.", number(1, 3)},
          {"gpa", "What the guest tells the hypervisor, instead of its place.", number()},
      },
      {}};
  return kSection;
}

const Section& answer_keys() {
  static const Section kSection = {
      "answer",
      "What the kernel `given` does at a #VMEXIT, or answers to a call.",
      {
          {"exit", "The exit by its name, like CPUID; a #NPF without.", text()},
          {"ioctl", "Instead of an exit: the call of the VMM, like set_memory_region.", text()},
          {"gpa", "The first page of the fault, or of what is asked for.", address()},
          {"size", "Bytes, whole pages; one page without.", size()},
          {"access", "The accesses that this is for; rwx without.",
           text("letters of r, w, x",
                [](std::string_view t) {
                  return !t.empty() && t.find_first_not_of("rwx") == std::string_view::npos;
                })},
          {"error", "Words of the error code that have to be there: rsvd, rmp, enc, table...",
           texts()},
          {"times", "How often it is given; always without.", number(1, 0xffff)},
          {"then", "What it does.", text(), true},
      },
      {}};
  return kSection;
}

}  // namespace

const Section& start_keys() {
  static const Section kSection = {
      "start",
      "All else that is true before the first step.",
      {
          {"begin", "Where the run begins; running without (refusals are still evaluated).",
           word({"vmm-start", "launch", "running"})},
          {"npt", "The nested page tables: warm, cold, or entries.",
           either({word({"warm", "cold"}), list(map(nested_entry_keys())), map(npt_keys())})},
          {"pages", "Pages of an SNP guest; RAM is accepted without.",
           list(map(page_range_keys()))},
          {"rmp", "Raw RMP entries.", list(map(rmp_entry_keys()))},
          {"attributes", "Memory attributes, when the VMM's rules do not give them.",
           list(map(attribute_keys()))},
          {"slots", "Memory slots, when the VMM's rules do not give them.", list(map(slot_keys()))},
          {"generation",
           "Of the memory slots, which an MMIO entry has 19 bits of; even, but for SNP.", number()},
          {"write_tracked",
           "Guest physical pages whose writes KVM tracks, as shadowing for a nested guest does.",
           list(address())},
          {"host", "Protections of the regions' backings; rw without.", map(host_keys())},
          {"vectors", "Gates of the guest's IDT; the guest model's own without.",
           map(vectors_keys())},
          {"cpu", "The state of the vCPUs.", map(cpu_keys())},
          {"vmsa", "The encrypted state of the vCPUs.", map(vmsa_keys())},
          {"firmware", "The AMD-SP.", map(firmware_keys())},
          {"ghcb", "The GHCB: registered, none, or more.",
           either({word({"registered", "none"}), map(ghcb_keys())})},
          {"answers", "With the kernel `given`: what it does at a fault, an exit or a call.",
           list(map(answer_keys()))},
      },
      {}};
  return kSection;
}

}  // namespace nptsim::scenario
