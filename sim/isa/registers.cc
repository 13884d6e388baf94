#include "sim/isa/registers.h"

namespace nptsim::isa {
namespace {

constexpr std::string_view kNames64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
constexpr std::string_view kNames32[] = {"eax",  "ecx",  "edx",  "ebx", "esp",  "ebp",
                                         "esi",  "edi",  "r8d",  "r9d", "r10d", "r11d",
                                         "r12d", "r13d", "r14d", "r15d"};
constexpr std::string_view kNames16[] = {"ax",   "cx",   "dx",   "bx",  "sp",   "bp",
                                         "si",   "di",   "r8w",  "r9w", "r10w", "r11w",
                                         "r12w", "r13w", "r14w", "r15w"};
constexpr std::string_view kNames8[] = {"al",   "cl",   "dl",   "bl",  "spl",  "bpl",
                                        "sil",  "dil",  "r8b",  "r9b", "r10b", "r11b",
                                        "r12b", "r13b", "r14b", "r15b"};
constexpr std::string_view kSegmentNames[] = {"es", "cs", "ss", "ds", "fs", "gs"};

// Accessed, present, DPL 0; code: execute and read (0x9b), data: read and write (0x93).
constexpr u64 kCodeAttributes = 0x09b;
constexpr u64 kDataAttributes = 0x093;
constexpr u64 kGranularity = bit(11);

u64 code_attributes(Mode mode) {
  switch (mode) {
    case Mode::k64:
      return kCodeAttributes | kGranularity | bit(kAttrLong);
    case Mode::k32:
      return kCodeAttributes | kGranularity | bit(kAttrBig);
    case Mode::k16:
      return kCodeAttributes;
  }
  return kCodeAttributes;
}

}  // namespace

std::string_view gpr_name(unsigned index, unsigned size) {
  if (index >= kGprCount) return "?";
  switch (size) {
    case 1:
      return kNames8[index];
    case 2:
      return kNames16[index];
    case 4:
      return kNames32[index];
    default:
      return kNames64[index];
  }
}

std::string_view segment_name(unsigned index) {
  return index < kSegmentCount ? kSegmentNames[index] : "?";
}

std::string_view mode_name(Mode mode) {
  switch (mode) {
    case Mode::k16:
      return "16-bit";
    case Mode::k32:
      return "32-bit";
    case Mode::k64:
      return "64-bit";
  }
  return "?";
}

Registers flat_registers(Mode mode, u64 rip) {
  Registers r;
  r.rip = rip;
  const bool real = mode == Mode::k16;
  r.cr0 = real ? 0x10 : 0x80000011;  // ET; PG, PE
  if (mode == Mode::k32) r.cr0 = 0x11;
  if (mode == Mode::k64) {
    r.cr4 = bit(5);                        // PAE
    r.efer = bit(8) | kEferLma | bit(11);  // LME, LMA, NXE
  }
  const u64 limit = real ? 0xffff : 0xffffffff;
  const u64 big = real ? 0 : kGranularity | bit(kAttrBig);
  for (Segment& s : r.segments) s = {real ? 0u : 0x10u, kDataAttributes | big, limit, 0};
  r.segments[kCs] = {real ? 0u : 0x8u, code_attributes(mode), limit, 0};
  r.idtr.limit = real ? 0x3ff : 0;
  return r;
}

}  // namespace nptsim::isa
