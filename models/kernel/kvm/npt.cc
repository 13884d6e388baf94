#include "models/kernel/kvm/npt.h"

#include "models/kernel/kvm/state.h"
#include "sim/machine/host.h"

namespace nptsim::kvm {
namespace {

// A table on the way: present, writable, user, accessed (make_nonleaf_spte), and KVM's own mark.
constexpr std::uint64_t kTableBits =
    svm::kEntryP | svm::kEntryRw | svm::kEntryUs | svm::kEntryA | bit(kSpteMmuPresent);

std::uint64_t extract_generation(std::uint64_t word) { return mmio_generation_of(word); }
std::uint64_t insert_generation(std::uint64_t word, std::uint64_t generation) {
  return (word & ~kMmioGenerationMask) | mmio_generation_bits(generation);
}
constexpr StampLayout kGenerationStamp{kMmioGenerationMask, extract_generation, insert_generation};

}  // namespace

std::uint64_t mmio_generation_bits(std::uint64_t generation) {
  return get_bits(generation, 7, 0) << 3 | get_bits(generation, 18, 8) << 52;
}

std::uint64_t mmio_generation_of(std::uint64_t spte) {
  return get_bits(spte, 10, 3) | get_bits(spte, 62, 52) << 8;
}

std::uint64_t make_mmio_spte(std::uint64_t mmio_value, std::uint64_t generation,
                             std::uint64_t gpa) {
  constexpr std::uint64_t kAccess = svm::kEntryRw | svm::kEntryUs;
  return mmio_generation_bits(generation) | mmio_value | kAccess | (gpa & ~kPageMask);
}

bool is_mmio_spte(std::uint64_t spte, std::uint64_t mmio_value) {
  return mmio_value != 0 && (spte & mmio_value) == mmio_value && !has_bit(spte, kSpteMmuPresent);
}

std::uint64_t make_spte(HostPhysAddr frame, bool writable, bool host_writable, unsigned level) {
  std::uint64_t spte =
      frame.value | svm::kEntryP | svm::kEntryUs | svm::kEntryA | bit(kSpteMmuPresent);
  if (level > 1) spte = make_large(spte, level);
  if (host_writable) spte |= bit(kSpteHostWritable);
  if (writable) spte |= svm::kEntryRw | svm::kEntryD | bit(kSpteMmuWritable);
  return spte;
}

std::uint64_t make_large(std::uint64_t small, unsigned level) {
  return (small & ~(size_of_level(level) - kPageSize)) | svm::kEntryPs;
}

HostPhysAddr NestedTables::root() const { return HostPhysAddr(kVm.at(*store_, 0).get(vm::kRoot)); }

void NestedTables::free_table(HostPhysAddr table, unsigned level) {
  for (std::uint64_t i = 0; i < kWordsPerPage && level > 1; ++i) {
    const std::uint64_t word = read(table + i * 8);
    if (is_table(word, level)) free_table(HostPhysAddr(word & bit_range(51, 12)), level - 1);
  }
  machine::free_frame(*store_, table);
}

void NestedTables::new_root() {
  if (root().value != 0) free_table(root(), levels_);
  kVm.at(*store_, 0).set(vm::kRoot, machine::allocate_frame(*store_).value);
}

NestedTables::Entry NestedTables::find_or_make(GuestPhysAddr gpa, unsigned level) {
  for (;;) {
    const Entry entry = find(gpa, level);
    if (entry.level == level) return entry;
    NPTSIM_CHECK(!has_bit(entry.word, kSpteMmuPresent));
    write(entry, machine::allocate_frame(*store_).value | kTableBits);
  }
}

bool NestedTables::put(GuestPhysAddr gpa, unsigned level, std::uint64_t word) {
  const Entry entry = find_or_make(gpa, level);
  const bool table = is_table(entry.word, level);
  write(entry, word);
  if (table) free_table(HostPhysAddr(entry.word & bit_range(51, 12)), level - 1);
  return table;
}

void NestedTables::split(const Entry& large) {
  NPTSIM_CHECK(large.level > 1 && has_bit(large.word, kSpteMmuPresent));
  const HostPhysAddr table = machine::allocate_frame(*store_);
  const std::uint64_t step = size_of_level(large.level - 1);
  const std::uint64_t small = large.level == 2 ? large.word & ~svm::kEntryPs : large.word;
  for (std::uint64_t i = 0; i < kWordsPerPage; ++i) {
    store_->write(Space::kDram, (table + i * 8).value / 8, small + i * step);
  }
  write(large, table.value | kTableBits);
}

void NestedTables::write(const Entry& entry, std::uint64_t word) {
  store_->write(Space::kDram, entry.spa.value / 8, word);
}

void NestedTables::write_mmio(const Entry& entry, std::uint64_t word) {
  store_->write_stamped({Space::kDram, entry.spa.value / 8}, word, kGenerationCounter,
                        kGenerationStamp);
}

}  // namespace nptsim::kvm
