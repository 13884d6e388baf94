#include "sim/arch/svm/vmsa_load.h"

#include <array>
#include <cstring>

#include "sim/arch/svm/vmsa.h"

namespace nptsim::svm {
namespace {

using VmsaBytes = std::array<u8, vmsa::kSize>;

// The two directions have the same list of fields (`exchange_vmsa`).
class VmsaReader {
 public:
  explicit VmsaReader(const VmsaBytes& bytes) : bytes_(&bytes) {}

  template <class T>
  void field(unsigned at, T& value, unsigned size) {
    u64 word = 0;
    std::memcpy(&word, bytes_->data() + at, size);
    value = static_cast<T>(word);
  }

 private:
  const VmsaBytes* bytes_;
};

class VmsaWriter {
 public:
  explicit VmsaWriter(VmsaBytes& bytes) : bytes_(&bytes) {}

  template <class T>
  void field(unsigned at, const T& value, unsigned size) {
    const u64 word = value;
    std::memcpy(bytes_->data() + at, &word, size);
  }

 private:
  VmsaBytes* bytes_;
};

template <class Page, class T>
void vmsa_word(Page& page, std::string_view name, T& value, unsigned size = 8) {
  page.field(vmsa::offset_of(name), value, size);
}

// Selector, attributes, limit and base, as in the VMCB: of the attributes 12 bits.
template <class Page>
void vmsa_segment(Page& page, std::string_view name, isa::Segment& segment) {
  const unsigned at = vmsa::offset_of(name);
  page.field(at, segment.selector, 2);
  page.field(at + 2, segment.attributes, 2);
  segment.attributes &= bit_range(11, 0);
  page.field(at + 4, segment.limit, 4);
  page.field(at + 8, segment.base, 8);
}

template <class Page>
void exchange_vmsa_segments(Page& page, isa::Registers& r) {
  static constexpr std::string_view kNames[isa::kSegmentCount] = {"es", "cs", "ss",
                                                                  "ds", "fs", "gs"};
  for (unsigned i = 0; i < isa::kSegmentCount; ++i) vmsa_segment(page, kNames[i], r.segments[i]);
  vmsa_segment(page, "gdtr", r.gdtr), vmsa_segment(page, "ldtr", r.ldtr);
  vmsa_segment(page, "idtr", r.idtr), vmsa_segment(page, "tr", r.tr);
}

template <class Page>
void exchange_vmsa_gprs(Page& page, isa::Registers& r) {
  static constexpr std::string_view kNames[isa::kGprCount] = {
      "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
  for (unsigned i = 0; i < isa::kGprCount; ++i) vmsa_word(page, kNames[i], r.gpr[i]);
}

template <class Page>
void exchange_vmsa_exit(Page& page, GuestExit& exit) {
  vmsa_word(page, "guest_exit_code", exit.code);
  vmsa_word(page, "guest_exit_info_1", exit.info_1);
  vmsa_word(page, "guest_exit_info_2", exit.info_2);
  vmsa_word(page, "guest_exit_int_info", exit.int_info);
  vmsa_word(page, "guest_nrip", exit.nrip);
}

template <class Page>
void exchange_vmsa(Page& page, VcpuRecord& v) {
  isa::Registers& r = v.registers;
  exchange_vmsa_gprs(page, r);
  exchange_vmsa_segments(page, r);
  vmsa_word(page, "rip", r.rip), vmsa_word(page, "rflags", r.rflags);
  vmsa_word(page, "cr0", r.cr0), vmsa_word(page, "cr2", r.cr2), vmsa_word(page, "cr3", r.cr3);
  vmsa_word(page, "cr4", r.cr4), vmsa_word(page, "efer", r.efer);
  vmsa_word(page, "dr6", r.dr6), vmsa_word(page, "dr7", r.dr7), vmsa_word(page, "g_pat", r.pat);
  vmsa_word(page, "cpl", r.cpl, 1);
  vmsa_word(page, "vmpl", v.state.vmpl, 1);
  vmsa_word(page, "sev_features", v.state.sev_features);
  vmsa_word(page, "virtual_tom", v.state.virtual_tom);
  vmsa_word(page, "xcr0", v.state.xcr0);
  exchange_vmsa_exit(page, v.state.exit);
}

VmsaBytes read_vmsa(const arch::PhysicalMemory& memory, u64 page, u64 key) {
  VmsaBytes bytes{};
  memory.read_bytes(HostPhysAddr(page), bytes.data(), bytes.size(), arch::KeyId{key});
  return bytes;
}

}  // namespace

void load_vmsa(const arch::PhysicalMemory& memory, VcpuRecord& v) {
  const VmsaBytes bytes = read_vmsa(memory, v.control.vmsa, v.control.guest_key);
  VmsaReader page(bytes);
  exchange_vmsa(page, v);
  v.registers.rflags |= isa::kFlagReserved1;
  v.registers.cpl &= 3;
  v.registers.interrupt_shadow = 0;
  v.pending.halted = 0;
}

void store_vmsa(arch::PhysicalMemory& memory, VcpuRecord& v) {
  VmsaBytes bytes = read_vmsa(memory, v.pending.vmsa, v.control.guest_key);
  VmsaWriter page(bytes);
  exchange_vmsa(page, v);
  // The hypervisor's bit of EFER, without which VMRUN does not take the page back.
  const u64 efer = v.registers.efer | isa::kEferSvme;
  vmsa_word(page, "efer", efer);
  memory.write_bytes(HostPhysAddr(v.pending.vmsa), bytes.data(), bytes.size(),
                     arch::KeyId{v.control.guest_key});
}

}  // namespace nptsim::svm
