#include "sim/scenario/keys.h"

#include "sim/scenario/forms.h"

namespace nptsim::scenario {
namespace {

constexpr char kNamePattern[] = "^[A-Za-z][A-Za-z0-9_-]*$";
constexpr char kDottedPattern[] = "^[A-Za-z][A-Za-z0-9_.-]*$";
constexpr char kVcpuPattern[] = "^vcpu[0-9]+$";

bool is_plain_vcpu(std::string_view text) {
  return text.find('.') == std::string_view::npos && parse_vcpu(text).has_value();
}

const Section& bytes_line_keys() {
  static const Section kSection = {
      "bytes_line",
      "A line of a program given as bytes.",
      {{"bytes", "The instruction's bytes.",
        text(kBytesForm, [](std::string_view t) { return parse_bytes(t).has_value(); }), true}},
      {}};
  return kSection;
}

const Section& program_keys() {
  static const Section kSection = {
      "program",
      "What each vCPU runs.",
      {},
      {"a vCPU like vcpu0",
       kVcpuPattern,
       is_plain_vcpu,
       "Assembler text in Intel syntax, one instruction or directive a line, or a list of such "
       "lines "
       "and `bytes:`.",
       {either({text(), list(either({text(), map(bytes_line_keys())}))})}}};
  return kSection;
}

const Section& set_keys() {
  static const Section kSection = {"set",
                                   "Parameters of models, machine keys, or values below `memory`, "
                                   "`start`, `place` and `program` "
                                   "by their path. A list makes a matrix.",
                                   {},
                                   {"a parameter like kernel.mmio_caching",
                                    kDottedPattern,
                                    is_dotted_name,
                                    "The value, or a list of values for a matrix.",
                                    {texts()}}};
  return kSection;
}

const Section& vms_keys();

std::vector<Key> vm_sections() {
  return {
      {"machine", "Which models make the machine.", map(machine_keys())},
      {"memory", "The regions that the VMM is told of, by name.", map(memory_keys())},
      {"map",
       "The guest's own page tables. What is not said is mapped to itself, and private where the "
       "guest has a key.",
       list(map(map_entry_keys()))},
      {"program", "What each vCPU runs.", map(program_keys())},
      {"start", "All else that is true before the first step.", map(start_keys())},
      {"place", "Moves what lies at documented places.", map(place_keys())},
  };
}

const Section& vm_keys() {
  static const Section kSection = {"vm", "One of several virtual machines.", vm_sections(), {}};
  return kSection;
}

const Section& vms_keys() {
  static const Section kSection = {
      "vms",
      "Several virtual machines by name; what the top level says holds for each of them.",
      {},
      {"a name for a VM", kNamePattern, is_name, "One virtual machine.", {map(vm_keys())}}};
  return kSection;
}

std::vector<Key> described() {
  return {
      {"nptsim", "The version of this format.", number(1, 1), true},
      {"name", "One line that says what happens.", text(), true},
      {"about", "Teaching text in Markdown; `explain` and the pages show it.", text()},
      {"sources", "Who says so: a list of references.", texts()},
      {"like",
       "A file, relative to this one, whose first scenario is loaded first: maps merge, anything "
       "else "
       "is replaced, a key with nothing behind it is taken away. Its `expect`, `explore` and "
       "`xfail` "
       "come along unless this scenario has a program of its own.",
       text()},
  };
}

std::vector<Key> judged() {
  return {
      {"vms", "Several virtual machines.", map(vms_keys())},
      {"set", "Parameters; a list makes a matrix.", map(set_keys())},
      {"script", "What other actors do, in order.", list(map(act_keys()))},
      {"expect", "What happens in reality; a list with `when:` for a matrix.",
       either({map(expectation_keys()), list(map(expect_case_keys()))})},
      {"explore", "What is judged over all interleavings.", map(explore_keys())},
      {"xfail", "Why the expectation is known not to be met.", text()},
  };
}

}  // namespace

const Section& machine_keys() {
  static const Section kSection = {
      "machine",
      "Which models make the machine; `nptsim models` lists them.",
      {
          {"cpu", "The processor.", text()},
          {"vm", "The type of the VM, as KVM calls it.",
           word({"default", "sev", "sev-es", "snp", "sev-legacy", "sev-es-legacy", "realm", "td",
                 "arm"})},
          {"kernel", "The host's kernel.", text()},
          {"vmm", "The virtual machine monitor; bare without.", text()},
          {"guest", "Whose handlers the guest has; none without.", text()},
          {"firmware", "The security processor's or monitor's firmware.", text()},
          {"board",
           "A PC's machine type, like q35 or pc-q35-9.0: what depends on it, and the window of its "
           "firmware below 1 MiB. Other devices are regions of `memory`.",
           text()},
          {"vcpus", "How many vCPUs there are; 1 without.", number(1, kMaxVcpus)},
          {"vmpl", "The privilege level that the vCPUs start at; 0 without.", number(0, 3)},
          {"apply", "Overlays, in order.", texts()},
      },
      {}};
  return kSection;
}

const Section& operation_keys() {
  constexpr std::uint64_t kMostBytes = 1ull << 43;  // of a backing: what a slot can be
  const auto backing = [](bool required) {
    return Key{"backing",
               "A place in a region's memory; `none`: nothing is mapped there; `kernel`: "
               "no address of user space.",
               text(kPlaceForm, [](std::string_view t) { return parse_place(t).has_value(); }),
               required};
  };
  const auto id = [] {
    return Key{"id", "The slot; its address space in bits 31:16.", number(0, 0xffffffff), true};
  };
  const auto size = [] { return Key{"size", "Bytes, whole pages.", number(1, kMostBytes), true}; };
  static const Section kSetSlot = {
      "set_slot",
      "KVM_SET_USER_MEMORY_REGION2, right or wrong.",
      {id(),
       {"gpa", "guest_phys_addr; 0 without.", number()},
       {"size", "memory_size; 0 without, which deletes the slot.", number()},
       backing(false),
       {"flags", "readonly, log_dirty, guest_memfd, or numbers.", texts()},
       {"guest_memfd",
        "The file of that flag, and the offset in it: a region, whose guest_memfd it is; `none`: a "
        "descriptor that is not open; `other`: of another kind of file.",
        text(kPlaceForm, [](std::string_view t) { return parse_place(t).has_value(); })}},
      {}};
  static const Section kDirtyLog = {"get_dirty_log", "KVM_GET_DIRTY_LOG.", {id()}, {}};
  static const Section kIoeventfd = {
      "ioeventfd",
      "KVM_IOEVENTFD: a guest's write of this length signals an eventfd.",
      {{"gpa", "The address.", number(), true}, {"len", "Bytes; any without.", number()}},
      {}};
  static const Section kCoalesced = {
      "coalesced",
      "KVM_REGISTER_COALESCED_MMIO: writes to the zone wait in a ring.",
      {{"gpa", "The address.", number(), true}, {"size", "Bytes.", number(1, 0xffffffff), true}},
      {}};
  static const Section kPreFault = {
      "pre_fault",
      "KVM_PRE_FAULT_MEMORY of vCPU 0, right or wrong.",
      {{"gpa", "The address.", number(), true}, {"size", "Bytes.", number(), true}},
      {}};
  static const Section kProtect = {
      "protect",
      "mprotect, munmap or ftruncate of memory behind slots.",
      {backing(true),
       size(),
       {"protection", "What is allowed from now on.", word({"rw", "r", "none", "unmapped"}), true}},
      {}};
  static const Section kDiscard = {
      "discard", "madvise(MADV_DONTNEED): the pages are zero again.", {backing(true), size()}, {}};
  static const Section kWrite = {
      "write",
      "A store of the VMM through its own mapping.",
      {backing(true),
       {"bytes", "One to eight.",
        text(kBytesForm, [](std::string_view t) { return parse_bytes(t).has_value(); }), true}},
      {}};
  const auto place = [](const char* key, const char* text_of_key) {
    return Key{key, text_of_key,
               text(kPlaceForm, [](std::string_view t) { return parse_place(t).has_value(); }),
               true};
  };
  const auto page = [place] {
    return place("page",
                 "A host address or a place in a region: of private memory, where the "
                 "guest has such a page there.");
  };
  static const Section kHostWrite = {
      "host_write",
      "A store of the host to any page; the RMP checks it.",
      {page(),
       {"bytes", "One to eight.",
        text(kBytesForm, [](std::string_view t) { return parse_bytes(t).has_value(); }), true},
       {"flags", "kernel: by the host's kernel; without, by the VMM.", texts()}},
      {}};
  static const Section kHostRead = {
      "host_read", "Eight bytes of any page, as the host sees them.", {page()}, {}};
  const auto iommu_page = [&]() -> std::vector<Key> {
    return {{"gpa", "What the device asks for.", number(), true},
            page(),
            {"flags", "2M: the IOMMU's entry is as large.", texts()}};
  };
  static const Section kDeviceRead = {
      "device_read", "Eight bytes as a device gets them.", iommu_page(), {}};
  static const Section kDeviceWrite = [&] {
    Section section{
        "device_write", "A store of a device; the IOMMU asks the RMP.", iommu_page(), {}};
    section.keys.push_back(
        {"bytes", "One to eight.",
         text(kBytesForm, [](std::string_view t) { return parse_bytes(t).has_value(); }), true});
    return section;
  }();
  static const Section kCopyPage = {"copy_page",
                                    "A page as the host sees it, ciphertext and all, to another.",
                                    {place("from", "The page that is read."), page()},
                                    {}};
  static const Section kMapPage = {
      "map_page",
      "A leaf of the nested tables, with all rights; the TLBs are flushed.",
      {{"gpa", "Which guest physical page.", number(), true},
       page(),
       {"flags", "2M: a large leaf.", texts()}},
      {}};
  static const Section kRmpupdate = {"rmpupdate",
                                     "RMPUPDATE, right or wrong.",
                                     {page(),
                                      {"gpa", "The GPA of the entry; 0 without.", number()},
                                      {"asid", "The owner; 0 without.", number(0, 0xffffffff)},
                                      {"flags", "assigned, immutable, 2M.", texts()}},
                                     {}};
  static const Section kPsmash = {"psmash", "PSMASH, right or wrong.", {page()}, {}};
  static const Section kRmpread = {"rmpread", "RMPREAD.", {page()}, {}};
  static const Section kSetAttributes = {"set_attributes",
                                         "KVM_SET_MEMORY_ATTRIBUTES.",
                                         {{"gpa", "The first page.", number(), true},
                                          {"size", "Bytes.", number(), true},
                                          {"flags", "private; shared without.", texts()}},
                                         {}};
  const auto flags = [](const char* text_of_key) { return Key{"flags", text_of_key, texts()}; };
  const auto page_type = [](bool required) {
    return Key{"type", "The page type.",
               word({"normal", "vmsa", "zero", "unmeasured", "secrets", "cpuid", "reserved"}),
               required};
  };
  static const Section kLaunchStart = {
      "snp_launch_start",
      "KVM_SEV_SNP_LAUNCH_START, right or wrong.",
      {{"policy", "The guest policy; 0x30000 without.", number()}, flags("Numbers; 0 without.")},
      {}};
  static const Section kLaunchUpdate = {"snp_launch_update",
                                        "KVM_SEV_SNP_LAUNCH_UPDATE, right or wrong.",
                                        {{"gpa", "gfn_start, as an address.", number(), true},
                                         {"size", "len.", number(), true},
                                         page_type(true),
                                         backing(false),
                                         flags("Numbers; 0 without.")},
                                        {}};
  static const Section kLaunchFinish = {
      "snp_launch_finish", "KVM_SEV_SNP_LAUNCH_FINISH.", {flags("Numbers; 0 without.")}, {}};
  static const Section kFallocate = {"fallocate",
                                     "fallocate of the guest_memfd behind a region.",
                                     {backing(true),
                                      {"size", "Bytes.", number(), true},
                                      flags("punch_hole, keep_size (without it the call fails).")},
                                     {}};
  static const Section kDestroyVm = {
      "destroy_vm",
      "close() of the descriptors of the VM, its vCPUs and its guest_memfds.",
      {},
      {}};
  static const Section kFirmware = {
      "firmware",
      "A command of the AMD-SP, right or wrong.",
      {{"command", "Which.", word({std::begin(kFirmwareCommands), std::end(kFirmwareCommands)}),
        true},
       place("page", "The page, or the context page of a command on a guest."),
       page_type(false),
       {"asid", "Of activate.", number(0, 0xffffffff)},
       {"from", "The context page of launch-update; without, the first guest that there is.",
        text(kPlaceForm, [](std::string_view t) { return parse_place(t).has_value(); })},
       flags("2M: the page size of the command.")},
      {}};
  static const Section kSection = {
      "vmm_operation",
      "One call that a VMM without rules of its own (`vmm: bare`) makes.",
      {{"set_slot", "KVM_SET_USER_MEMORY_REGION2.", map(kSetSlot)},
       {"get_dirty_log", "KVM_GET_DIRTY_LOG.", map(kDirtyLog)},
       {"ioeventfd", "KVM_IOEVENTFD.", map(kIoeventfd)},
       {"coalesced", "KVM_REGISTER_COALESCED_MMIO.", map(kCoalesced)},
       {"pre_fault", "KVM_PRE_FAULT_MEMORY.", map(kPreFault)},
       {"protect", "mprotect, munmap or ftruncate.", map(kProtect)},
       {"discard", "madvise(MADV_DONTNEED).", map(kDiscard)},
       {"write", "A store of the VMM's own.", map(kWrite)},
       {"set_attributes", "KVM_SET_MEMORY_ATTRIBUTES.", map(kSetAttributes)},
       {"snp_launch_start", "KVM_SEV_SNP_LAUNCH_START.", map(kLaunchStart)},
       {"snp_launch_update", "KVM_SEV_SNP_LAUNCH_UPDATE.", map(kLaunchUpdate)},
       {"snp_launch_finish", "KVM_SEV_SNP_LAUNCH_FINISH.", map(kLaunchFinish)},
       {"fallocate", "fallocate of a guest_memfd.", map(kFallocate)},
       {"destroy_vm", "The VM's descriptors are closed.", map(kDestroyVm)},
       {"firmware", "A command of the AMD-SP.", map(kFirmware)},
       {"host_write", "A store of the host to any page.", map(kHostWrite)},
       {"host_read", "A load of the host from any page.", map(kHostRead)},
       {"device_write", "A store of a device.", map(kDeviceWrite)},
       {"device_read", "A load of a device.", map(kDeviceRead)},
       {"copy_page", "A page copied by the host.", map(kCopyPage)},
       {"map_page", "A nested leaf changed by the host.", map(kMapPage)},
       {"rmpupdate", "RMPUPDATE.", map(kRmpupdate)},
       {"psmash", "PSMASH.", map(kPsmash)},
       {"rmpread", "RMPREAD.", map(kRmpread)}},
      {}};
  return kSection;
}

const Section& act_keys() {
  static const Section kSection = {
      "act",
      "What an actor does: one actor, its operation, and when.",
      {
          {"vmm",
           "An operation of the VMM's main thread, like `flash.mode romd-on`; with `vmm: bare` one "
           "call as a map.",
           either({texts(), map(operation_keys())})},
          {"host", "An operation of the host's kernel, like `reclaim flash`.", texts()},
          {"device", "An operation of a device.", texts()},
          {"irq", "An interrupt.", texts()},
          {"attacker", "An operation of a hostile host.", texts()},
          {"at", "The label of a vCPU at which it happens; without, before the vCPUs start.",
           text()},
      },
      {}};
  return kSection;
}

const Section& place_keys() {
  const auto page = [] { return number(0, ~0ull); };
  static const Section kSection = {
      "place",
      "Moves what lies at documented places. Guest physical addresses, whole pages.",
      {
          {"code", "The programs.", page()},
          {"tables", "The guest's page tables.", page()},
          {"stack", "The vCPUs' stacks.", page()},
          {"gdt", "The guest's GDT.", page()},
          {"idt", "The guest's IDT.", page()},
          {"tss", "The guest's TSS.", page()},
          {"handlers", "The addresses at which modelled handlers are entered.", page()},
          {"ghcb", "The vCPUs' GHCBs.", page()},
          {"vmsa", "The vCPUs' VMSAs.", page()},
          {"secrets", "The secrets page of an SNP guest.", page()},
          {"cpuid", "The CPUID page of an SNP guest; without, it knows of none.", page()},
          {"spare", "16 KByte that the guest's kernel has free for new page tables; without, none.",
           page()},
      },
      {}};
  return kSection;
}

const Section& scenario_keys() {
  static const Section kSection = [] {
    Section section = {"scenario", "A scenario of nptsim.", described(), {}};
    for (Key& key : vm_sections()) section.keys.push_back(std::move(key));
    for (Key& key : judged()) section.keys.push_back(std::move(key));
    return section;
  }();
  return kSection;
}

std::vector<std::string> key_names(const Section& section) {
  std::vector<std::string> names;
  for (const Key& key : section.keys) names.push_back(key.name);
  return names;
}

const std::vector<std::string>& vm_section_names() {
  static const std::vector<std::string> kNames = {"machine", "memory", "map",
                                                  "program", "start",  "place"};
  return kNames;
}

}  // namespace nptsim::scenario
