// A guest with code, data, IDT and handlers, to make one attempt after the other.
#ifndef NPTSIM_TESTS_ARCH_VCPU_BENCH_H_
#define NPTSIM_TESTS_ARCH_VCPU_BENCH_H_

#include <initializer_list>
#include <vector>

#include "sim/arch/svm/cpu.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/sev.h"
#include "tests/arch/guest_builder.h"

namespace nptsim::svm {

inline constexpr u64 kCodeVa = 0x400000, kDataVa = 0x500000, kIdtVa = 0x600000, kStackVa = 0x700000,
                     kGdtVa = 0x800000, kHandlerVa = 0x401000;
inline constexpr u64 kCodeGpa = 0x100000, kDataGpa = 0x200000, kIdtGpa = 0x300000,
                     kStackGpa = 0x301000, kGdtGpa = 0x302000;

// Milan's widths: A=48, R=5, C=51, with everything on.
inline CpuProfile milan_profile() {
  CpuProfile p;
  p.name = "milan";
  p.reduction = 5, p.c_bit = 51, p.memory_encryption = true;
  p.encrypted_guests = 509, p.vmpls = 4;
  p.features.sme = p.features.sev = p.features.sev_es = p.features.snp = true;
  p.features.gmet = true;
  return p;
}

struct VcpuBench {
  explicit VcpuBench(CpuProfile p, GuestType type = GuestType::kPlain)
      : profile(std::move(p)), guest(store, 0), cpu(profile) {
    VcpuRecord& first = v();
    first.control.guest_type = static_cast<u64>(type);
    if (has_sev(type)) first.control.guest_key = arch::guest_key(1, 1).word;
    if (type == GuestType::kSnp) first.state.sev_features = kSnpActive;
    const u64 pages[][2] = {{kCodeVa, kCodeGpa},   {kHandlerVa, kCodeGpa + 0x1000},
                            {kDataVa, kDataGpa},   {kIdtVa, kIdtGpa},
                            {kStackVa, kStackGpa}, {kGdtVa, kGdtGpa}};
    for (const auto& [gva, gpa] : pages) guest.map(gva, gpa, kGoodLeaf);
    encrypted = has_sev(type);
    if (encrypted) make_private();
    set_tables();
    code({0x48, 0x8b, 0x03});  // mov rax, [rbx]
    isa::Registers& r = v().registers;
    r.gpr[isa::kRbx] = kDataVa;
    r.gpr[isa::kRsp] = kStackVa + 0x1000 - 64;
    VmcbControl& c = v().control;
    for (u64 n : {exit_code::kCpuid, exit_code::kHlt, exit_code::kIoio, exit_code::kMsr,
                  exit_code::kVmmcall, exit_code::kShutdown}) {
      set_intercept(c, n);
    }
  }

  VcpuRecord& v() { return guest.record(); }
  arch::PhysicalMemory memory() {
    return encrypted ? arch::PhysicalMemory(store, 1) : arch::PhysicalMemory(store);
  }
  arch::KeyId key() { return arch::KeyId{v().control.guest_key}; }
  Cpu::Place place() {
    dram = memory();
    return {dram, 0, listener};
  }
  Attempt step() { return cpu.attempt_instruction(place()); }

  void code(std::initializer_list<u8> bytes) {
    memory().write_bytes(HostPhysAddr(guest.spa_of(kCodeGpa)), bytes.begin(), bytes.size(), key());
    v().registers.rip = kCodeVa;
  }
  void set_data(u64 value, arch::KeyId k) {
    memory().write_word(HostPhysAddr(guest.spa_of(kDataGpa)), value, k);
  }
  // A gate of the IDT; 0 takes it away.
  void gate(unsigned vector, u64 handler) {
    const u64 low =
        handler ? (handler & 0xffff) | 8ull << 16 | 0x8e00ull << 32 | (handler >> 16 & 0xffff) << 48
                : 0;
    const HostPhysAddr at(guest.spa_of(kIdtGpa) + 16 * vector);
    memory().write_word(at, low, key());
    memory().write_word(at + 8, handler >> 32, key());
  }
  u64 nested_leaf(u64 gpa) { return guest.nested_entry(gpa, 1); }
  u64 guest_leaf(u64 gva) { return guest.guest_entry(gva, 1); }
  u64 get(u64 spa, arch::KeyId k) { return memory().read_word(HostPhysAddr(spa), k); }
  void set(u64 spa, u64 value, arch::KeyId k) { memory().write_word(HostPhysAddr(spa), value, k); }
  // Nested entries are the host's: no key.
  void set_nested(u64 gpa, u64 clear, u64 add) {
    const u64 at = nested_leaf(gpa);
    set(at, (get(at, arch::kNoKey) & ~clear) | add, arch::kNoKey);
  }

  Store store;
  arch::PhysicalMemory dram{store};  // of place()
  CpuProfile profile;
  GuestBuilder guest;
  Cpu cpu;
  WalkListener* listener = nullptr;
  bool encrypted = false;

 private:
  // The guest's tables were built in the clear: written again through its key, all leafs with C=1.
  void make_private() {
    for (u64 gva : {kCodeVa, kHandlerVa, kDataVa, kIdtVa, kStackVa, kGdtVa}) {
      guest.set_word(guest.guest_entry(gva, 1), guest.word(guest.guest_entry(gva, 1)) | bit(51));
    }
    arch::PhysicalMemory m = memory();
    const u64 first_table = v().registers.cr3;
    for (u64 gpa = first_table; gpa < first_table + 16 * kPageSize; gpa += kPageSize) {
      const u64 spa = guest.spa_of(gpa);
      if (spa < kPageSize) break;
      for (u64 i = 0; i < 512; ++i) {
        const HostPhysAddr at(spa + 8 * i);
        words_.push_back(m.read_plain_word(at));
      }
      for (u64 i = 0; i < 512; ++i) m.write_word(HostPhysAddr(spa + 8 * i), words_[i], key());
      words_.clear();
    }
  }
  // A code segment at selector 8, the IDT's limit for 32 gates.
  void set_tables() {
    const HostPhysAddr gdt(guest.spa_of(kGdtGpa));
    memory().write_word(gdt + 8, 0x00209b0000000000, key());
    memory().write_word(gdt + 16, 0x0000930000000000, key());
    isa::Registers& r = v().registers;
    r.gdtr.base = kGdtVa, r.gdtr.limit = 0x1f;
    r.idtr.base = kIdtVa, r.idtr.limit = 0x1ff;
  }
  std::vector<u64> words_;
};

}  // namespace nptsim::svm

#endif  // NPTSIM_TESTS_ARCH_VCPU_BENCH_H_
