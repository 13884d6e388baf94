#include "sim/machine/guest_lookup.h"

#include "sim/arch/svm/guest_tables.h"

namespace nptsim::machine {
namespace {

// 32-bit tables have entries of 4 bytes, all others of 8.
unsigned entry_size(const svm::GuestTables& tables) {
  return tables.paging == svm::GuestPaging::kLegacy ? 4 : 8;
}
unsigned index_bits(const svm::GuestTables& tables) {
  return tables.paging == svm::GuestPaging::kLegacy ? 10 : 9;
}

}  // namespace

bool read_guest_physical(const Setup& setup, arch::PhysicalMemory& memory, GuestPhysAddr address,
                         void* data, unsigned size, arch::KeyId key) {
  const Region* region = setup.region_at(address);
  if (region == nullptr || region->backing == kNoBacking) return false;
  if (!region->contains(address + (size - 1))) return false;
  std::uint64_t offset = address - region->gpa;
  // A window that the VMM made an alias never gets frames of its own.
  if (region->kind == RegionKind::kIsaBios &&
      !backing_page(memory.store(), region->backing, offset >> kPageShift).frame) {
    const Region& firmware = setup.regions[region->of];
    offset += firmware.size - region->size;
    region = &firmware;
  }
  // An SNP guest's private pages lie elsewhere than its shared ones.
  const bool own = key != arch::kNoKey && region->gmem != kNoBacking;
  read_backing(memory, own ? region->gmem : region->backing, offset, data, size, key);
  return true;
}

std::optional<GuestMapping> look_up(const Setup& setup, arch::PhysicalMemory& memory,
                                    const isa::Registers& registers, GuestVirtAddr address,
                                    arch::KeyId key) {
  const std::uint64_t c_mask = setup.keyed() ? setup.cpu.guest_c_mask() : 0;
  const svm::GuestTables tables = svm::guest_tables(registers, c_mask);
  GuestMapping mapping;
  if (tables.paging == svm::GuestPaging::kOff) {
    mapping.gpa = GuestPhysAddr(address.value);
    mapping.c_bit = setup.keyed();
    return mapping;
  }
  const unsigned entry_bytes = entry_size(tables);
  std::uint64_t table = tables.root;
  for (unsigned level = tables.levels; level >= 1; --level) {
    const unsigned shift = kPageShift + (level - 1) * index_bits(tables);
    const std::uint64_t index = get_bits(address.value, shift + index_bits(tables) - 1, shift);
    const GuestPhysAddr at(table + index * entry_bytes);
    std::uint64_t entry = 0;
    if (!read_guest_physical(setup, memory, at, &entry, entry_bytes, key)) return std::nullopt;
    if (!(entry & svm::kEntryP)) return std::nullopt;
    const bool has_rights = !(tables.levels == 3 && level == 3);  // a PDPTE of legacy PAE has none
    if (has_rights) {
      mapping.writable &= (entry & svm::kEntryRw) != 0;
      mapping.user &= (entry & svm::kEntryUs) != 0;
    }
    mapping.no_execute |= (registers.efer & isa::kEferNxe) && (entry & svm::kEntryNx);
    const std::uint64_t physical = entry & bit_range(51, 12) & ~c_mask;
    const bool leaf = level == 1 || (has_rights && level <= 3 && (entry & svm::kEntryPs));
    if (leaf) {
      const std::uint64_t offset = bit_range(shift - 1, 0);
      mapping.gpa = GuestPhysAddr((physical & ~offset) | (address.value & offset));
      mapping.c_bit =
          tables.paging == svm::GuestPaging::kLegacy ? setup.keyed() : (entry & c_mask) != 0;
      return mapping;
    }
    table = physical;
  }
  return std::nullopt;
}

bool peek_guest(const Setup& setup, arch::PhysicalMemory& memory, const svm::VcpuRecord& vcpu,
                GuestVirtAddr address, void* data, unsigned size) {
  for (unsigned done = 0; done < size;) {
    const GuestVirtAddr at = address + done;
    const auto part = static_cast<unsigned>(bytes_in_page(at.value, size - done));
    const auto mapping = look_up(setup, memory, vcpu.registers, at, setup.guest_key());
    if (!mapping) return false;
    const arch::KeyId key = mapping->c_bit ? setup.guest_key() : arch::kNoKey;
    if (!read_guest_physical(setup, memory, mapping->gpa, static_cast<char*>(data) + done, part,
                             key)) {
      return false;
    }
    done += part;
  }
  return true;
}

bool read_register(const isa::Registers& registers, std::string_view name, std::uint64_t& value) {
  for (unsigned i = 0; i < isa::kGprCount; ++i) {
    for (const unsigned size : {8u, 4u, 2u, 1u}) {
      if (isa::gpr_name(i, size) != name) continue;
      value = registers.gpr[i] & isa::mask_of_size(size);
      return true;
    }
  }
  struct Named {
    std::string_view name;
    std::uint64_t value;
  };
  const Named others[] = {{"rip", registers.rip}, {"rflags", registers.rflags},
                          {"cr0", registers.cr0}, {"cr2", registers.cr2},
                          {"cr3", registers.cr3}, {"cr4", registers.cr4},
                          {"cpl", registers.cpl}, {"efer", registers.efer}};
  for (const Named& other : others) {
    if (other.name == name) return value = other.value, true;
  }
  return false;
}

}  // namespace nptsim::machine
