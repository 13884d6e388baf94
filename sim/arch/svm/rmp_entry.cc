#include "sim/arch/svm/rmp_entry.h"

namespace nptsim::svm {
namespace {

// Every field's place is known to the compiler: an entry is taken apart by a shift and a mask each.
template <const Field& field>
constexpr u64 get(RmpWords words) {
  return get_bits(field.word == 0 ? words.q1 : words.q2, field.high, field.low);
}

template <const Field& field>
constexpr void put(RmpWords& words, u64 value) {
  u64& word = field.word == 0 ? words.q1 : words.q2;
  word = with_bits(word, field.high, field.low, value);
}

constexpr std::array<u8, kVmpls> get_permissions(RmpWords words) {
  return {static_cast<u8>(get<rmp_field::kVmpl0>(words)),
          static_cast<u8>(get<rmp_field::kVmpl1>(words)),
          static_cast<u8>(get<rmp_field::kVmpl2>(words)),
          static_cast<u8>(get<rmp_field::kVmpl3>(words))};
}

constexpr void put_permissions(RmpWords& words, const std::array<u8, kVmpls>& rights) {
  put<rmp_field::kVmpl0>(words, rights[0]);
  put<rmp_field::kVmpl1>(words, rights[1]);
  put<rmp_field::kVmpl2>(words, rights[2]);
  put<rmp_field::kVmpl3>(words, rights[3]);
}

}  // namespace

RmpEntry decode(RmpWords words) {
  RmpEntry entry;
  entry.assigned = get<rmp_field::kAssigned>(words);
  entry.size = static_cast<RmpPageSize>(get<rmp_field::kPageSize>(words));
  entry.immutable = get<rmp_field::kImmutable>(words);
  entry.subpage_count = static_cast<unsigned>(get<rmp_field::kSubpageCount>(words));
  entry.gpa = GuestPhysAddr(get<rmp_field::kGpa>(words) << kPageShift);
  entry.asid = static_cast<u32>(get<rmp_field::kAsid>(words));
  entry.vmsa = get<rmp_field::kVmsa>(words);
  entry.validated = get<rmp_field::kValidated>(words);
  entry.lock = get<rmp_field::kLock>(words);
  entry.permissions = get_permissions(words);
  entry.spare = static_cast<u32>(get<rmp_field::kSpare>(words));
  return entry;
}

RmpWords encode(const RmpEntry& entry) {
  RmpWords words;
  put<rmp_field::kAssigned>(words, entry.assigned);
  put<rmp_field::kPageSize>(words, static_cast<u64>(entry.size));
  put<rmp_field::kImmutable>(words, entry.immutable);
  put<rmp_field::kSubpageCount>(words, entry.subpage_count);
  put<rmp_field::kGpa>(words, entry.gpa.page_number());
  put<rmp_field::kAsid>(words, entry.asid);
  put<rmp_field::kVmsa>(words, entry.vmsa);
  put<rmp_field::kValidated>(words, entry.validated);
  put<rmp_field::kLock>(words, entry.lock);
  put_permissions(words, entry.permissions);
  put<rmp_field::kSpare>(words, entry.spare);
  return words;
}

std::vector<std::string> contradictions(const RmpTable& table, unsigned address_bits) {
  constexpr u64 kHardware = 0x2000, kFirmware = 0x100000;
  std::vector<std::string> reasons;
  const u64 all = table.base | (table.end + 1);
  if (table.end < table.base) reasons.emplace_back("RMP_END lies below RMP_BASE");
  if (all % kHardware != 0) {
    reasons.emplace_back("RMP_BASE and RMP_END+1 must be multiples of 8 KByte");
  } else if (all % kFirmware != 0) {
    reasons.emplace_back("RMP_BASE and RMP_END+1 must be multiples of 1 MByte for SNP_INIT");
  }
  if ((table.base | table.end) & ~bit_range(address_bits - 1, 0)) {
    reasons.emplace_back("the RMP lies beyond the physical addresses, or has the C-bit set");
  }
  if (table.covered() == 0) reasons.emplace_back("the RMP has no room for an entry");
  return reasons;
}

HostPhysAddr Rmp::authoritative_page(HostPhysAddr spa) const {
  return aligned(spa).speaks_for_2m() ? spa.align_down(kSize2M) : spa.page_base();
}

RmpEntry Rmp::authoritative(HostPhysAddr spa) const {
  const RmpEntry large = aligned(spa);
  return large.speaks_for_2m() ? large : own(spa);
}

bool Rmp::hypervisor_owned_2m(HostPhysAddr spa) const {
  const HostPhysAddr region = spa.align_down(kSize2M);
  for (unsigned i = 0; i < kPagesIn2M; ++i) {
    const HostPhysAddr page = region + i * kPageSize;
    if (covers(page) && own(page).assigned) return false;
  }
  return true;
}

void Rmp::write(HostPhysAddr spa, const RmpEntry& entry) const {
  NPTSIM_CHECK(covers(spa));
  const RmpWords words = encode(entry);
  const HostPhysAddr at = table_.entry_address(spa);
  memory_->write_word(at, words.q1, arch::kNoKey);
  memory_->write_word(at + 8, words.q2, arch::kNoKey);
}

}  // namespace nptsim::svm
