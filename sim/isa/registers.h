// The registers that instructions of the executed set read and write, and what follows from them
// alone: the mode, the default sizes, the address of the code.
#ifndef NPTSIM_SIM_ISA_REGISTERS_H_
#define NPTSIM_SIM_ISA_REGISTERS_H_

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "sim/base/address.h"
#include "sim/base/bits.h"

namespace nptsim::isa {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i64 = std::int64_t;

// In the encoding order of ModRM.reg with REX.R.
enum Gpr : u8 {
  kRax,
  kRcx,
  kRdx,
  kRbx,
  kRsp,
  kRbp,
  kRsi,
  kRdi,
  kR8,
  kR9,
  kR10,
  kR11,
  kR12,
  kR13,
  kR14,
  kR15
};
inline constexpr unsigned kGprCount = 16;

// In the encoding order of ModRM.reg.
enum SegmentIndex : u8 { kEs, kCs, kSs, kDs, kFs, kGs };
inline constexpr unsigned kSegmentCount = 6;

// A segment register with its hidden part, as the VMCB and the VMSA keep it (APM vol. 2, 15.5.1 and
// appendix B): `attributes` are descriptor bits 55:52 in 11:8 and 47:40 in 7:0, `limit` is in
// bytes (granularity already applied).
struct Segment {
  u64 selector = 0;
  u64 attributes = 0;
  u64 limit = 0;
  u64 base = 0;

  bool operator==(const Segment&) const = default;
};

// Bits of Segment::attributes.
inline constexpr unsigned kAttrAccessed = 0;    // type bit 0
inline constexpr unsigned kAttrReadable = 1;    // code: readable; data: writable
inline constexpr unsigned kAttrConforming = 2;  // code: conforming; data: expand-down
inline constexpr unsigned kAttrCode = 3;        // type bit 3
inline constexpr unsigned kAttrNotSystem = 4;   // S
inline constexpr unsigned kAttrPresent = 7;     // P; DPL is in 6:5
inline constexpr unsigned kAttrLong = 9;        // L
inline constexpr unsigned kAttrBig = 10;        // D or B

inline constexpr unsigned kXmmCount = 16;

// Only words: the struct lives inside a word store.
struct Registers {
  u64 gpr[kGprCount] = {};
  u64 rip = 0;
  u64 rflags = 2;
  Segment segments[kSegmentCount];
  Segment gdtr, idtr, ldtr, tr;
  u64 cr0 = 0, cr2 = 0, cr3 = 0, cr4 = 0, cr8 = 0;
  u64 efer = 0;
  u64 dr6 = 0xffff0ff0, dr7 = 0x400;
  u64 pat = 0x0007040600070406;
  u64 cpl = 0;
  u64 interrupt_shadow = 0;  // 1 for one instruction after STI, MOV SS and POP SS
  u64 xmm[kXmmCount][2] = {};

  bool operator==(const Registers&) const = default;
};
static_assert(std::is_standard_layout_v<Registers> && std::is_trivially_copyable_v<Registers>);
static_assert(sizeof(Registers) % sizeof(u64) == 0);

// RFLAGS (APM vol. 2, 3.1.6).
inline constexpr u64 kFlagCf = bit(0), kFlagReserved1 = bit(1), kFlagPf = bit(2), kFlagAf = bit(4),
                     kFlagZf = bit(6), kFlagSf = bit(7), kFlagTf = bit(8), kFlagIf = bit(9),
                     kFlagDf = bit(10), kFlagOf = bit(11), kFlagIopl = bit_range(13, 12),
                     kFlagNt = bit(14), kFlagRf = bit(16), kFlagVm = bit(17), kFlagAc = bit(18),
                     kFlagVif = bit(19), kFlagVip = bit(20), kFlagId = bit(21);
inline constexpr u64 kArithmeticFlags = kFlagCf | kFlagPf | kFlagAf | kFlagZf | kFlagSf | kFlagOf;

// Control register bits (APM vol. 2, 3.1).
inline constexpr u64 kCr0Pe = bit(0), kCr0Mp = bit(1), kCr0Em = bit(2), kCr0Ts = bit(3),
                     kCr0Ne = bit(5), kCr0Wp = bit(16), kCr0Nw = bit(29), kCr0Cd = bit(30),
                     kCr0Pg = bit(31);
inline constexpr u64 kCr4Tsd = bit(2), kCr4Pse = bit(4), kCr4Pae = bit(5), kCr4Pge = bit(7),
                     kCr4Pce = bit(8), kCr4Osfxsr = bit(9), kCr4Osxmmexcpt = bit(10),
                     kCr4Umip = bit(11), kCr4La57 = bit(12), kCr4Fsgsbase = bit(16),
                     kCr4Osxsave = bit(18), kCr4Smep = bit(20), kCr4Smap = bit(21);
inline constexpr u64 kEferLme = bit(8), kEferLma = bit(10), kEferNxe = bit(11), kEferSvme = bit(12);

enum class Mode : u8 { k16, k32, k64 };

constexpr unsigned bits_of(Mode mode) {
  return mode == Mode::k16 ? 16 : mode == Mode::k32 ? 32 : 64;
}
constexpr unsigned default_operand_size(Mode mode) { return mode == Mode::k16 ? 2 : 4; }
constexpr unsigned default_address_size(Mode mode) { return bits_of(mode) / 8; }

// How the code at CS:rIP is decoded (APM vol. 2, table 4-4): CS.L counts only in long mode.
inline Mode mode_of(const Registers& r) {
  const u64 cs = r.segments[kCs].attributes;
  if ((r.efer & kEferLma) && has_bit(cs, kAttrLong)) return Mode::k64;
  return has_bit(cs, kAttrBig) ? Mode::k32 : Mode::k16;
}

inline bool protected_mode(const Registers& r) { return r.cr0 & kCr0Pe; }
inline bool long_mode_active(const Registers& r) { return r.efer & kEferLma; }
inline bool virtual_8086(const Registers& r) {
  return protected_mode(r) && (r.rflags & kFlagVm) && !long_mode_active(r);
}

// Linear addresses have 48 significant bits, 57 with CR4.LA57 (APM vol. 2, 5.3.1).
inline bool canonical(const Registers& r, u64 address) {
  const unsigned shift = (r.cr4 & kCr4La57) ? 64 - 57 : 64 - 48;
  return static_cast<u64>(static_cast<i64>(address << shift) >> shift) == address;
}

// Where the next instruction is fetched. The fetch itself is the caller's: it has rights of its
// own.
inline GuestVirtAddr code_address(const Registers& r) {
  if (mode_of(r) == Mode::k64) return GuestVirtAddr(r.rip);
  return GuestVirtAddr((r.segments[kCs].base + r.rip) & 0xffffffff);
}

constexpr u64 mask_of_size(unsigned bytes) { return bytes >= 8 ? ~0ull : bit(bytes * 8) - 1; }

constexpr u64 sign_extend(u64 value, unsigned bytes) {
  const unsigned shift = 64 - 8 * (bytes > 8 ? 8 : bytes);
  return static_cast<u64>(static_cast<i64>(value << shift) >> shift);
}

// The architectural write of a general register: 8 and 16 bits leave the rest, 32 bits clear bits
// 63:32 (APM vol. 1, 3.1.2).
inline void write_gpr(Registers& r, unsigned index, unsigned size, u64 value) {
  if (size >= 4) {
    r.gpr[index] = value & mask_of_size(size);
  } else {
    const u64 mask = mask_of_size(size);
    r.gpr[index] = (r.gpr[index] & ~mask) | (value & mask);
  }
}

inline unsigned dpl_of(u64 attributes) { return get_bits(attributes, 6, 5); }

// "rax", "eax", "ax", "al" for sizes 8, 4, 2, 1.
std::string_view gpr_name(unsigned index, unsigned size = 8);
std::string_view segment_name(unsigned index);
std::string_view mode_name(Mode mode);

// A flat 64-bit, 32-bit or 16-bit real-mode machine at `rip`: CPL 0, no IDT, segments loaded with
// the usual flat values (real mode: base 0, limit 0xffff). What tests and scenarios start from.
Registers flat_registers(Mode mode, u64 rip);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_REGISTERS_H_
