// What QEMU's rows may ask.
#include <cstdint>

#include "models/vmm/qemu/define.h"
#include "models/vmm/qemu/flash_shape.h"
#include "models/vmm/qemu/pflash.h"

namespace nptsim::qemu {
namespace {

using machine::RegionKind;
using svm::GuestType;

// --- the VM and the way KVM_RUN came back ---

unsigned guest(const View& view) { return static_cast<unsigned>(view.setup().guest_type); }
unsigned guest_sealed(const View& view) { return view.setup().sealed(); }
// cpus_are_resettable: not once the registers are encrypted.
unsigned resettable(const View& view) { return !view.setup().sealed(); }
unsigned exit_reason(const View& view) {
  return static_cast<unsigned>(run_record(view).get(kvm_uapi::run::kExitReason));
}
// KVM's in-kernel interrupt controller starts the vCPU; nobody here does.
unsigned sipi(const View&) { return 0; }

// --- the machine ---

unsigned has_pflash(const View& view) {
  for (const machine::Region& region : view.setup().regions) {
    if (region.kind == RegionKind::kPflash) return 1;
  }
  return 0;
}
// hw/i386/pc_sysfw.c pc_system_flash_map: the flash chips that lie one below the other from 4 GiB
// on.
struct Chain {
  std::uint64_t size = 0;          // bytes
  unsigned chips = 0, others = 0;  // in the chain, elsewhere
};
Chain firmware_chain(const View& view) {
  constexpr std::uint64_t k4G = 1ull << 32;
  Chain chain;
  const auto& regions = view.setup().regions;
  for (auto region = regions.rbegin(); region != regions.rend(); ++region) {
    if (region->kind != RegionKind::kPflash) continue;
    const bool next = region->gpa.value + region->size == k4G - chain.size;
    if (next) chain.size += region->size;
    ++(next ? chain.chips : chain.others);
  }
  return chain;
}
unsigned firmware_size(const View& view) { return firmware_chain(view).size > kMaxFirmwareSize; }
// pc_system_firmware_init, "Reject gaps": the second drive and no first one. On other boards a chip
// may lie anywhere.
unsigned firmware_gap(const View& view) {
  if (!view.setup().board.pc) return 0;
  const Chain chain = firmware_chain(view);
  return chain.others != 0 && chain.chips == 0;
}
// PCMachineClass: 9.1 is the first machine type whose window below 1 MiB is an alias.
unsigned machine_type(const View& view) {
  const unsigned version = view.setup().board.version;
  return version != 0 && version < 901;
}
unsigned readonly_mem_allowed(const View& view) {
  return static_cast<unsigned>(process_record(view).get(process::kReadonlyMem));
}
unsigned vm_type(const View& view) { return view.setup().kernel_vm_type != "default"; }

// --- locks ---

unsigned bql(const View& view) {
  const std::uint64_t holder = process_record(view).get(process::kBql);
  return holder == 0 ? 0 : holder == thread_of(view) + 1 ? 1 : 2;
}
unsigned ioctl_inhibit(const View& view) {
  return static_cast<unsigned>(process_record(view).get(process::kInhibit));
}

// --- the access and its region ---

unsigned mmio_direction(const View& view) {
  return static_cast<unsigned>(run_record(view).get(kvm_uapi::run::kMmioWrite));
}
const std::vector<std::string> kRegionWords = {"none", "ram", "rom", "rom-device",
                                               "io",   "nvm", "nvmc"};
unsigned region_kind(const View& view) {
  if (!has_region(view)) return 0;
  // A window that is no alias is memory_region_init_ram and memory_region_set_readonly.
  const RegionKind kind = region_setup(view).kind;
  return 1 + static_cast<unsigned>(kind == RegionKind::kIsaBios ? RegionKind::kRom : kind);
}
// What is left of the access lies in a page of an interrupt controller. The kernel's are asked
// before QEMU, so these are QEMU's own.
unsigned interrupt_controller(const View& view) {
  constexpr std::uint64_t kIoapic = 0xfec00000, kApic = 0xfee00000;
  const std::uint64_t page = run_record(view).get(kvm_uapi::run::kMmioAddress) & ~kPageMask;
  return page == kIoapic || page == kApic;
}
unsigned romd(const View& view) {
  return has_region(view) && region_record(view).get(region::kRomd) != 0;
}
unsigned region_slot(const View& view) {
  return has_region(view) && place_record(view).get(region::kSlot) != 0;
}

// --- the flash chip of the region ---

std::uint64_t chip(const View& view, const Field& field) {
  return has_region(view) ? region_record(view).get(field) : 0;
}

struct NamedByte {
  std::uint8_t byte;
  const char* name;
};
// PFlashCFI01.cmd can have no other value.
constexpr NamedByte kCommands[] = {
    {0x00, "0x00"}, {0x10, "0x10"}, {0x20, "0x20"}, {0x40, "0x40"}, {0x60, "0x60"},
    {0x70, "0x70"}, {0x90, "0x90"}, {0x98, "0x98"}, {0xe8, "0xe8"},
};
constexpr NamedByte kBytes[] = {
    {0x00, "0x00"}, {0x01, "0x01"}, {0x10, "0x10"}, {0x20, "0x20"}, {0x40, "0x40"},
    {0x50, "0x50"}, {0x60, "0x60"}, {0x70, "0x70"}, {0x90, "0x90"}, {0x98, "0x98"},
    {0xd0, "0xd0"}, {0xe8, "0xe8"}, {0xf0, "0xf0"}, {0xff, "0xff"},
};

template <std::size_t n>
unsigned find_byte(const NamedByte (&table)[n], std::uint64_t byte) {
  unsigned i = 0;
  while (i < n && table[i].byte != byte) ++i;
  return i;
}
template <std::size_t n>
std::vector<std::string> names(const NamedByte (&table)[n]) {
  std::vector<std::string> names;
  for (const NamedByte& one : table) names.emplace_back(one.name);
  return names;
}

unsigned flash_cmd(const View& view) {
  const unsigned found = find_byte(kCommands, chip(view, region::kCmd));
  NPTSIM_CHECK(found < std::size(kCommands));
  return found;
}
unsigned flash_byte(const View& view) { return find_byte(kBytes, piece_value(view) & 0xff); }
unsigned flash_cycle(const View& view) { return static_cast<unsigned>(chip(view, region::kCycle)); }
unsigned flash_ro(const View& view) { return static_cast<unsigned>(chip(view, region::kReadOnly)); }
unsigned flash_program_error(const View& view) {
  return (chip(view, region::kStatus) & kFlashProgramError) != 0;
}

unsigned flash_secure(const View& view) { return has_region(view) && region_setup(view).secure; }
unsigned flash_buffer(const View& view) {
  return static_cast<unsigned>(chip(view, region::kBufferOpen));
}
unsigned flash_counter(const View& view) { return chip(view, region::kCounter) != 0; }
// pflash_data_write: the whole piece lies in the block that the buffer is of.
unsigned flash_window(const View& view) {
  if (!has_region(view)) return 0;
  const ConstRecord t = thread_record(view);
  const std::uint64_t base = chip(view, region::kBlockOffset);
  const std::uint64_t offset = t.get(thread::kOffset);
  const std::uint64_t end = base + write_block_size(shape_of(view));
  return offset >= base && offset + t.get(thread::kPieceSize) <= end;
}

void add_vm_facts(rules::Vocabulary& v) {
  constexpr bool kFixed = true;
  rules::FactDef type = fact<guest>("guest", {"plain", "sev", "es", "snp"},
                                    "the guest's kind of memory encryption", kFixed);
  type.implies = {{"plain", "guest.sealed", {"no"}},
                  {"sev", "guest.sealed", {"no"}},
                  {"es", "guest.sealed", {"yes"}},
                  {"snp", "guest.sealed", {"yes"}}};
  v.add(std::move(type));
  rules::FactDef sealed =
      fact<guest_sealed>("guest.sealed", kNoYes, "the guest's registers are encrypted", kFixed);
  sealed.implies = {{"yes", "resettable", {"no"}}, {"no", "resettable", {"yes"}}};
  v.add(std::move(sealed));
  v.name_sealed_fact("guest.sealed");
  v.add(fact<resettable>("resettable", kNoYes,
                         "cpus_are_resettable: the vCPUs' registers can be set again", kFixed));
  v.add(fact<has_pflash>("has_pflash", kNoYes, "the machine has a pflash drive", kFixed));
  v.add(
      fact<readonly_mem_allowed>("readonly_mem_allowed", kNoYes,
                                 "kvm_readonly_mem_allowed: the VMM may ask for KVM_MEM_READONLY"));
  v.add(fact<firmware_size>("firmware_size", {"fits", "too-large"},
                            "the flash chips below 4 GiB together, against max-fw-size", kFixed));
  v.add(fact<firmware_gap>("firmware_gap", {"none", "no-flash0"},
                           "a PC's flash chip without the one above it", kFixed));
  v.add(fact<machine_type>("machine_type", {"9.1", "before-9.1"},
                           "the PC's machine type; one without a version is the newest", kFixed));
  v.add(fact<vm_type>("vm_type", {"default", "typed"},
                      "whether KVM is asked for a VM type of its own", kFixed));
}

void add_run_facts(rules::Vocabulary& v) {
  constexpr bool kFixed = true;
  v.add(fact<exit_reason>(
      "exit_reason", {std::begin(kvm_uapi::kExitReasonWords), std::end(kvm_uapi::kExitReasonWords)},
      "kvm_run.exit_reason; errno: KVM_RUN itself failed", kFixed));
  v.add(fact<sipi>("sipi", {"none", "pending"}, "a start-up interrupt for the vCPU that waits"));
  v.add(fact<bql>("bql", {"free", "mine", "taken"}, "the big QEMU lock"));
  v.add(fact<ioctl_inhibit>("ioctl_inhibit", kNoYes,
                            "accel_ioctl_inhibit_begin: vCPUs are kept out of KVM_RUN"));
}

void add_region_facts(rules::Vocabulary& v) {
  constexpr bool kFixed = true;
  v.add(fact<mmio_direction>("mmio_direction", {"read", "write"}, "kvm_run.mmio.is_write", kFixed));
  v.add(fact<region_kind>("region", kRegionWords,
                          "what kind of region the thread is at; rom-device is a flash chip"));
  v.add(fact<interrupt_controller>("interrupt_controller", {"none", "qemu"},
                                   "the access is for an APIC that QEMU has"));
  v.add(fact<romd>("romd", {"off", "on"}, "romd_mode of the region; only a ROM device's matters"));
  v.add(fact<region_slot>("region.slot", {"none", "some"}, "there is a memslot at the place"));
}

void add_flash_facts(rules::Vocabulary& v) {
  std::vector<std::string> bytes = names(kBytes);
  bytes.emplace_back("other");
  rules::FactDef cycle =
      fact<flash_cycle>("flash.wcycle", {"first", "second", "third", "fourth"},
                        "wcycle 0 to 3: which write of a command the next one is");
  // Only a buffered write has so many (QEMU hw/block/pflash_cfi01.c pflash_write).
  cycle.implies = {{"third", "flash.cmd", {"0xe8"}}, {"fourth", "flash.cmd", {"0xe8"}}};
  v.add(std::move(cycle));
  v.add(fact<flash_byte>("flash.byte", std::move(bytes), "the low byte of what is written"));
  v.add(fact<flash_cmd>("flash.cmd", names(kCommands), "the chip's command; 0x00 is read array"));
  v.add(fact<flash_ro>("flash.ro", kNoYes, "the drive behind the chip cannot be written"));
  v.add(fact<flash_program_error>("flash.program_error", kNoYes, "status bit 0x10"));
  v.add(fact<flash_secure>("flash.secure", kNoYes, "only accesses from SMM reach the device"));
  v.add(
      fact<flash_buffer>("flash.buffer", {"closed", "open"}, "blk_offset: a write buffer is open"));
  v.add(fact<flash_counter>("flash.counter", {"zero", "more"},
                            "elements still to come behind this one"));
  v.add(fact<flash_window>("flash.window", {"outside", "inside"},
                           "where the piece lies, seen from the write buffer's block"));
}

}  // namespace

void add_facts(rules::Vocabulary& v) {
  add_vm_facts(v);
  add_run_facts(v);
  add_region_facts(v);
  add_flash_facts(v);
  add_nvm_facts(v);
}

}  // namespace nptsim::qemu
