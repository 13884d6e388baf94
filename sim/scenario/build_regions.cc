// The VMM's memory regions, their backings and what lies in them.
#include <algorithm>
#include <array>
#include <string_view>

#include "models/vmm/bare/model.h"
#include "sim/machine/host.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

machine::RegionKind kind_of(Device device) {
  switch (device) {
    case Device::kRam:
      return machine::RegionKind::kRam;
    case Device::kRom:
      return machine::RegionKind::kRom;
    case Device::kPflash:
      return machine::RegionKind::kPflash;
    case Device::kIo:
      return machine::RegionKind::kIo;
    case Device::kNvm:
      return machine::RegionKind::kNvm;
    case Device::kNvmc:
      return machine::RegionKind::kNvmc;
    case Device::kIsaBios:
      return machine::RegionKind::kIsaBios;
  }
  return machine::RegionKind::kIo;
}

// The flash that ends at 4 GiB holds the firmware's code: what QEMU measures without being told
// (QEMU hw/i386/pc_sysfw.c pc_system_flash_map, x86_firmware_configure: flash unit 0).
bool is_measured(const Region& region, bool keyed) {
  if (!keyed || !has_memory(region.device) || region.device == Device::kIsaBios) return false;
  if (region.launch != Launch::kUnsaid) return region.launch == Launch::kEncrypted;
  constexpr std::uint64_t k4G = 1ull << 32;
  return region.device == Device::kPflash && region.gpa.value + region.size == k4G;
}

// The guest's own view decides for RAM that nobody measures: private, unless its tables map the
// page with C=0 only.
bool is_private(const Plan& plan, const Region& region, GuestPhysAddr page) {
  if (!plan.setup.keyed() || region.device != Device::kRam) return false;
  if (region.launch == Launch::kPlain) return false;
  bool shared = false;
  for (const MapEntry& entry : plan.vm.map) {
    if (page < entry.gpa || page - entry.gpa >= entry.size) continue;
    if (entry.c_bit.value_or(true)) return true;
    shared = true;
  }
  return !shared;
}

class ContentsWriter {
 public:
  ContentsWriter(const Plan& plan, machine::Machine& machine)
      : plan_(plan), memory_(machine.memory()) {}

  void write(const Region& region, machine::BackingId backing, bool measured) {
    region_ = &region;
    backing_ = backing;
    measured_ = measured;
    if (region.fill && *region.fill != 0) fill(*region.fill);
    for (const Contents& contents : region.contents) put(contents.offset, contents.bytes);
  }

 private:
  BackedPage page_of(std::uint64_t offset) const {
    for (const machine::Region& region : plan_.setup.regions) {
      if (region.backing == backing_) return backed_page(plan_, region, region_->gpa + offset);
    }
    return {backing_, false, true};
  }
  // What the VMM loads goes through its own mapping, which no private page is in.
  bool through_mapping() const {
    return measured_ || (plan_.setup.snp() && region_->device != Device::kRam);
  }
  // None: the guest has no page there that it could have written.
  machine::BackingId backing(std::uint64_t offset) const {
    if (through_mapping()) return backing_;
    const BackedPage page = page_of(offset);
    return page.present ? page.backing : machine::kNoBacking;
  }

  arch::KeyId key(std::uint64_t offset) const {
    // What is measured is plaintext until the launch.
    if (through_mapping()) return arch::kNoKey;
    const GuestPhysAddr page = (region_->gpa + offset).page_base();
    if (plan_.setup.snp()) {
      return page_of(offset).shared ? arch::kNoKey : plan_.setup.guest_key();
    }
    return is_private(plan_, *region_, page) ? plan_.setup.guest_key() : arch::kNoKey;
  }

  bool all_plain() const {
    if (measured_) return false;
    if (!plan_.setup.keyed()) return true;
    for (std::uint64_t offset = 0; offset < region_->size; offset += kPageSize) {
      if (key(offset)) return false;
    }
    return true;
  }

  // Plaintext that nobody measures takes no memory before somebody looks.
  void fill(std::uint8_t value) {
    if (all_plain() && backing_ < machine::kMaxFilled) {
      machine::set_fill(memory_.store(), backing_, value);
      return;
    }
    std::array<std::uint8_t, kPageSize> page;
    page.fill(value);
    for (std::uint64_t offset = 0; offset < region_->size; offset += kPageSize) {
      const machine::BackingId to = backing(offset);
      if (to == machine::kNoBacking) continue;
      machine::write_backing(memory_, to, offset, page.data(), kPageSize, key(offset));
    }
  }

  void put(std::uint64_t offset, const std::vector<std::uint8_t>& bytes) {
    for (std::uint64_t done = 0; done < bytes.size();) {
      const std::uint64_t at = offset + done;
      const std::uint64_t length = bytes_in_page(at, bytes.size() - done);
      const machine::BackingId to = backing(at);
      if (to != machine::kNoBacking) {
        machine::write_backing(memory_, to, at, bytes.data() + done, length, key(at));
      }
      done += length;
    }
  }

  const Plan& plan_;
  arch::PhysicalMemory memory_;
  const Region* region_ = nullptr;
  machine::BackingId backing_ = 0;
  bool measured_ = false;
};

// What the VMM itself loads is there before the launch; the rest the guest has written by now.
bool is_vmm_image(const Region& region, const machine::Region& setup) {
  return setup.launch_encrypted || region.device == Device::kRom ||
         region.device == Device::kPflash || region.device == Device::kNvm;
}

// The order of the VMM's list is that of the scenario's regions, so the indices agree.
void write_contents(const Plan& plan, machine::Machine& machine, bool images) {
  ContentsWriter writer(plan, machine);
  for (std::size_t i = 0; i < plan.vm.memory.size(); ++i) {
    const machine::Region& region = plan.setup.regions[i];
    if (region.backing == machine::kNoBacking) continue;
    if (is_vmm_image(plan.vm.memory[i], region) != images) continue;
    writer.write(plan.vm.memory[i], region.backing, region.launch_encrypted);
  }
}

void write_piece(const Plan& plan, arch::PhysicalMemory& memory, const Piece& piece) {
  const machine::Region* region = plan.setup.region_at(piece.gpa);
  NPTSIM_CHECK(region != nullptr && region->backing != machine::kNoBacking);
  for (std::uint64_t done = 0; done < piece.bytes.size();) {
    const GuestPhysAddr at = piece.gpa + done;
    const std::uint64_t length = bytes_in_page(at.value, piece.bytes.size() - done);
    const BackedPage page = backed_page(plan, *region, at);
    const bool shared = piece.shared || page.shared;
    if (page.present) {
      machine::write_backing(memory, page.backing, at - region->gpa, piece.bytes.data() + done,
                             length, shared ? arch::kNoKey : plan.setup.guest_key());
    }
    done += length;
  }
}

// The only region of this kind, for the registers that erase it.
void link_registers(Plan& plan, std::size_t index) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < plan.setup.regions.size(); ++i) {
    if (plan.setup.regions[i].kind != machine::RegionKind::kNvm) continue;
    ++found;
    plan.setup.regions[index].of = i;
  }
  if (found == 1) return;
  plan.report(plan.vm.memory[index].name.pos,
              "there " + std::string(found == 0 ? "is no array" : "are several arrays") +
                  " that these registers could be of",
              "one region with device: nrf51-nvm");
}

// QEMU hw/i386/pc_sysfw.c pc_isa_bios_init, hw/i386/x86-common.c x86_isa_bios_init: the last bytes,
// at most 128 KiB, of the firmware that ends at 4 GiB, so that they end at 1 MiB.
void link_isa_bios(Plan& plan, std::size_t index) {
  constexpr std::uint64_t k4G = 1ull << 32, k1M = 1ull << 20, kMost = 128 << 10;
  machine::Region& window = plan.setup.regions[index];
  const SourcePos& pos = plan.vm.memory[index].name.pos;
  if (plan.stack->vmm.family == "bare") {
    return plan.report(pos, "an isa-bios window, but this VMM makes no aliases and no copies",
                       "machine.vmm: qemu");
  }
  for (std::size_t i = 0; i < plan.setup.regions.size(); ++i) {
    const machine::Region& firmware = plan.setup.regions[i];
    if (i == index || firmware.backing == machine::kNoBacking) continue;
    if (firmware.gpa.value + firmware.size != k4G) continue;
    window.of = i;
    const std::uint64_t size = std::min(firmware.size, kMost);
    if (window.size == size && window.gpa.value == k1M - size) return;
    return plan.report(pos, "the isa-bios window of '" + firmware.name + "' lies elsewhere",
                       "gpa: " + hex(k1M - size) + ", size: " + hex(size));
  }
  plan.report(pos, "there is no firmware that an isa-bios window could show",
              "a region of flash, ROM or RAM that ends at 4 GiB");
}

// RAM; and with QEMU its ROMs, which for such a guest are RAM (hw/i386/pc.c pc_memory_init, commit
// 413a674507).
bool has_guest_memfd(const Plan& plan, const Region& region) {
  if (!plan.setup.snp()) return false;
  const bool rom = region.device == Device::kRom && plan.stack->vmm.family == "qemu";
  return region.device == Device::kRam || rom;
}

void link_region(Plan& plan, std::size_t index) {
  if (plan.setup.regions[index].kind == machine::RegionKind::kNvmc) link_registers(plan, index);
  if (plan.setup.regions[index].kind == machine::RegionKind::kIsaBios) link_isa_bios(plan, index);
}

struct SlotFlag {
  std::string_view name;
  bool bare::Slot::*member;
};
constexpr SlotFlag kSlotFlags[] = {{"readonly", &bare::Slot::readonly},
                                   {"log_dirty", &bare::Slot::log_dirty}};

void set_flags(Plan& plan, const Slot& slot, bare::Slot& out) {
  for (const std::string& name : slot.flags) {
    bool known = false;
    for (const SlotFlag& flag : kSlotFlags) {
      if (flag.name != name) continue;
      out.*flag.member = true;
      known = true;
    }
    if (!known) plan.report(slot.pos, "slot flag '" + name + "'", "readonly or log_dirty");
  }
}

}  // namespace

bool has_memory(Device device) { return device != Device::kIo && device != Device::kNvmc; }

void describe_regions(Plan& plan) {
  for (std::size_t i = 0; i < plan.vm.memory.size(); ++i) {
    const Region& region = plan.vm.memory[i];
    machine::Region out;
    out.name = region.name.value;
    out.kind = kind_of(region.device);
    out.gpa = region.gpa;
    out.size = region.size;
    if (has_memory(region.device)) out.backing = static_cast<machine::BackingId>(i);
    if (has_guest_memfd(plan, region))
      out.gmem = machine::kFirstGmem + static_cast<machine::BackingId>(i);
    out.romd = region.romd;
    out.read_only_drive = region.read_only_drive;
    out.secure = region.secure;
    out.bank_width = region.width;
    out.device_width = region.device_width;
    out.sector_size = region.sector;
    std::copy_n(region.idents.begin(), region.idents.size(), out.idents.begin());
    out.launch_encrypted = is_measured(region, plan.setup.keyed());
    plan.setup.regions.push_back(std::move(out));
  }
  for (std::size_t i = 0; i < plan.vm.memory.size(); ++i) link_region(plan, i);
}

void map_large_pages(const Plan& plan, machine::Machine& machine) {
  for (std::size_t i = 0; i < plan.vm.memory.size(); ++i) {
    const machine::Region& region = plan.setup.regions[i];
    const std::uint64_t page = plan.vm.memory[i].host_page;
    if (page == kPageSize || region.backing == machine::kNoBacking) continue;
    const auto size = page == kSize1G ? machine::HostPageSize::k1G : machine::HostPageSize::k2M;
    machine::set_large_pages(machine.store(), region.backing, size, region.size / page);
  }
}

void write_vmm_images(const Plan& plan, machine::Machine& machine) {
  write_contents(plan, machine, true);
}

void write_image(const Plan& plan, machine::Machine& machine) {
  write_contents(plan, machine, false);
  arch::PhysicalMemory memory = machine.memory();
  for (const Piece& piece : plan.image) write_piece(plan, memory, piece);
}

void set_raw_slots(Plan& plan, machine::Machine& machine) {
  if (!plan.vm.start.slots) return;
  std::vector<bare::Slot> slots;
  for (const Slot& slot : *plan.vm.start.slots) {
    bare::Slot out;
    out.id = slot.id;
    out.gpa = slot.gpa;
    out.size = slot.size;
    out.offset = slot.backing.offset;
    for (const machine::Region& region : plan.setup.regions) {
      if (region.name != slot.backing.region) continue;
      out.backing = region.backing;
      out.gmem = region.gmem;
    }
    if (slot.backing.region.empty() || out.backing == machine::kNoBacking) {
      plan.report(slot.pos, "the slot's backing is not in the memory of a region",
                  "a region, or a region and an offset like ram+0x1000");
    }
    set_flags(plan, slot, out);
    slots.push_back(out);
  }
  if (slots.size() > bare::kMaxSlots) {
    plan.report((*plan.vm.start.slots)[bare::kMaxSlots].pos, "too many slots",
                "at most " + std::to_string(bare::kMaxSlots));
    return;
  }
  bare::set_slots(machine.store(), slots);
}

void protect_backings(const Plan& plan, machine::Machine& machine) {
  for (const HostRange& range : plan.vm.start.host) {
    for (std::size_t i = 0; i < plan.setup.regions.size(); ++i) {
      const machine::Region& region = plan.setup.regions[i];
      if (region.name != range.region || region.backing == machine::kNoBacking) continue;
      const std::uint64_t end = range.size == 0 ? region.size : range.offset + range.size;
      const auto protection = host_protection(range.protection);
      NPTSIM_CHECK(protection.has_value());
      machine::protect_range(machine.store(), region.backing, range.offset >> kPageShift,
                             ((end - range.offset) + kPageMask) >> kPageShift, *protection);
    }
  }
}

// `read` is also written `r`.
std::optional<machine::HostProtection> host_protection(const std::string& word) {
  for (unsigned i = 0; i < machine::kHostProtections; ++i) {
    const auto protection = static_cast<machine::HostProtection>(i);
    if (machine::name_of(protection) == word) return protection;
  }
  if (word == "r") return machine::HostProtection::kRead;
  return std::nullopt;
}

}  // namespace nptsim::scenario::building
