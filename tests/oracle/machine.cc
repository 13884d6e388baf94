#include "tests/oracle/machine.h"

#include <cstring>

namespace nptsim::oracle {
namespace {

using arch::kNoKey;
using arch::PhysicalMemory;

// The memory layout of README.md.
constexpr u64 kBase = 0x2000000;
constexpr u64 kData = 0x2221000;
constexpr u64 kCode = kBase + 0x20000;
constexpr u64 kLinearCode = 0x400000, kLinearCode32 = 0x20000;
constexpr u64 kLinearIdt = 0x100002221000;
constexpr u64 kDataValue = 0x8877665544d9010f;
constexpr u64 kRax = 0xa5a5a5a5a5a5a5a5;

// Where each entry of a row lies.
constexpr std::array<u64, kEntryCount> kPlaces = {
    kBase + 0x1000 + 8 * 1,      // n4
    kBase + 0x5000 + 8 * 0,      // n3
    kBase + 0x6000 + 8 * 0x11,   // n2
    kBase + 0x7000 + 8 * 0x21,   // n1
    kBase + 0x7000 + 8 * 0x22,   // n1b
    kBase + 0x11000 + 8 * 0x20,  // g4
    kBase + 0x12000 + 8 * 0,     // g3
    kBase + 0x13000 + 8 * 0x11,  // g2
    kBase + 0x14000 + 8 * 0x21,  // g1
    kBase + 0x14000 + 8 * 0x22,  // g1b
    kBase + 0x4000 + 8 * 0x11,   // p4
    kBase + 0x4000 + 8 * 0x12,   // p3
    kBase + 0x4000 + 8 * 0x13,   // p2
    kBase + 0x4000 + 8 * 0x14,   // p1
    kBase + 0x1000 + 8 * 0,      // t4
    kBase + 0x2000 + 8 * 0,      // t3
    kBase + 0x3000 + 8 * 0,      // t2
    kBase + 0x4000 + 8 * 0x21,   // d1
    kBase + 8 * 0,               // n5
};

unsigned entries_of(const Row& row) { return row.five_levels ? kEntryCount : kEntryCount - 1; }

svm::CpuProfile profile_with(unsigned maxphyaddr) {
  svm::CpuProfile profile;
  profile.name = "recorded";
  profile.maxphyaddr = maxphyaddr;
  profile.features.la57 = true;
  return profile;
}

// The program: one access to [rbx], then VMMCALL.
std::vector<svm::u8> code_of(const Row& row) {
  std::vector<svm::u8> code;
  if (row.access == 'm') code.push_back(0xf0);
  if (row.size == 2) code.push_back(0x66);
  if (row.size == 8) code.push_back(0x48);
  const bool byte = row.size == 1;
  switch (row.access) {
    case 'r':
      code.insert(code.end(), {svm::u8(byte ? 0x8a : 0x8b), 0x03});
      break;
    case 'w':
      code.insert(code.end(), {svm::u8(byte ? 0x88 : 0x89), 0x03});
      break;
    case 'm':
      code.insert(code.end(), {svm::u8(byte ? 0xfe : 0xff), 0x03});
      break;
    default:
      code.clear();
      break;
  }
  code.insert(code.end(), {0x0f, 0x01, 0xd9});
  return code;
}

u64 data_of(const Row& row) { return kData + (row.gva & kPageMask); }

}  // namespace

Machine::Machine() {
  write_constants();
  svm::reset_vcpu(store_, 0);
}

void Machine::write_constants() {
  for (u64 n : {0x15, 0x16, 0x17, 0x20})
    set_word(kBase + 0x4000 + 8 * n, (kBase + n * 0x1000) | 0x67);
  set_word(kBase + 0x11000, 0x15027);
  set_word(kBase + 0x15000, 0x16027);
  set_word(kBase + 0x16000 + 8 * 2, 0x17027);
}

svm::Cpu& Machine::cpu_for(unsigned maxphyaddr) {
  Part& part = parts_[maxphyaddr];
  if (!part.cpu) {
    part.profile = profile_with(maxphyaddr);
    part.cpu = std::make_unique<svm::Cpu>(part.profile);
  }
  return *part.cpu;
}

void Machine::write_row(const Row& row) {
  for (unsigned e = 0; e < kEntryCount; ++e) set_word(kPlaces[e], row.entries[e]);
  set_word(kBase + 0x17000, row.cpl == 3 ? 0x20067 : 0x20063);
}

// Set V leaves the data page empty: its gates are empty gates.
void Machine::write_data(const Row& row) {
  PhysicalMemory memory(store_);
  const u64 zero[3] = {};
  if (data_ != 0) memory.write_bytes(HostPhysAddr(data_ - 8), zero, sizeof zero, kNoKey);
  data_ = 0;
  if (row.access == 'i') return;
  const u64 data[3] = {0x1111111111111111, kDataValue, 0x2222222222222222};
  data_ = data_of(row);
  memory.write_bytes(HostPhysAddr(data_ - 8), data, sizeof data, kNoKey);
}

void Machine::write_code(const Row& row) {
  const std::vector<svm::u8> code = code_of(row);
  u64 words[2] = {};
  std::memcpy(words, code.data(), code.size());
  set_word(kCode, words[0]);
  set_word(kCode + 8, words[1]);
}

void Machine::set_registers(const Row& row) {
  svm::VcpuRecord& v = svm::vcpu_record(store_, 0);
  v.exit = {};
  v.pending = {};
  const u64 code = row.long_mode ? kLinearCode : kLinearCode32;
  isa::Registers& r = v.registers;
  r = isa::flat_registers(row.long_mode ? isa::Mode::k64 : isa::Mode::k32,
                          row.access == 'x' ? row.gva : code);
  r.cpl = row.cpl;
  r.cr3 = 0x11000;
  r.cr0 = bit(0) | (row.gwp ? bit(16) : 0) | (row.long_mode ? bit(31) : 0);
  r.cr4 = bit(5) | (row.gsmep ? bit(20) : 0) | (row.gsmap ? bit(21) : 0);
  r.efer = (row.long_mode ? bit(8) | bit(10) : 0) | (row.gnxe ? bit(11) : 0);
  r.rflags = 2;
  r.gpr[isa::kRax] = row.long_mode ? kRax : kRax & 0xffffffff;
  r.gpr[isa::kRbx] = row.gva;
  r.idtr.base = kLinearIdt;
  r.idtr.limit = 0xfff;

  svm::VmcbControl& c = v.control;
  c.asid = 1;
  c.tlb_control = 1;
  c.event_inj = row.inj;
  c.ncr3 = row.five_levels ? kBase : kBase + 0x1000;
  c.host_efer = bit(8) | bit(10) | bit(12) | (row.hnxe ? bit(11) : 0);
  c.host_cr4 = bit(5) | (row.hsmep ? bit(20) : 0) | (row.five_levels ? bit(12) : 0);
  for (u64& word : c.intercepts) word = 0;
  c.intercepts[1] = 0xffffffff;  // all exceptions
  for (u64 code : {svm::exit_code::kVmmcall, svm::exit_code::kVmrun, svm::exit_code::kShutdown}) {
    svm::set_intercept(c, code);
  }
}

Observed Machine::run(const Row& row) {
  write_row(row);
  write_data(row);
  write_code(row);
  set_registers(row);
  svm::Cpu& cpu = cpu_for(row.maxphyaddr);
  PhysicalMemory memory(store_);
  const svm::Cpu::Place place{memory, 0, nullptr};
  const u64 first_rip = svm::vcpu_record(store_, 0).registers.rip;
  svm::Attempt attempt = cpu.vmrun(place);
  // The access and the VMMCALL; or a delivery.
  for (int i = 0; i < 3 && attempt.kind == svm::AttemptKind::kRetired; ++i) {
    attempt = cpu.attempt_instruction(place);
  }
  return observe(row, attempt, first_rip);
}

Observed Machine::observe(const Row& row, const svm::Attempt& attempt, u64 first_rip) {
  Observed o;
  o.ended = attempt.kind == svm::AttemptKind::kExit;
  if (!o.ended) {
    o.text = svm::name_of(attempt.kind);
    if (attempt.gap != svm::Gap::kNone)
      o.text += std::string(" ") + std::string(svm::text_of(attempt.gap).id);
  }
  const svm::VcpuRecord& v = svm::vcpu_record(store_, 0);
  o.exit = v.exit.exit_code;
  o.info1 = v.exit.exit_info_1;
  o.info2 = v.exit.exit_info_2;
  o.intinfo = v.exit.exit_int_info;
  o.rip_delta = v.registers.rip - first_rip;
  o.rax = v.registers.gpr[isa::kRax];
  const u64 at = data_of(row);
  o.mem = PhysicalMemory(store_).read(HostPhysAddr(at), 8, kNoKey);
  for (unsigned e = 0; e < entries_of(row); ++e) {
    const u64 now = word(kPlaces[e]);
    if (now != row.entries[e]) o.changed.push_back({static_cast<Entry>(e), now});
  }
  return o;
}

}  // namespace nptsim::oracle
