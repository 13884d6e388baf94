#include "sim/arch/svm/vmsa_load.h"

#include <array>
#include <cstring>

#include "sim/arch/svm/vmsa.h"

namespace nptsim::svm {
namespace {

class VmsaPage {
 public:
  VmsaPage(const arch::PhysicalMemory& memory, const VcpuRecord& v) {
    memory.read_bytes(HostPhysAddr(v.control.vmsa), bytes_.data(), bytes_.size(),
                      arch::KeyId{v.control.guest_key});
  }

  u64 word(std::string_view name, unsigned size = 8) const {
    u64 value = 0;
    std::memcpy(&value, bytes_.data() + vmsa::offset_of(name), size);
    return value;
  }
  // Selector, attributes, limit and base, as in the VMCB: of the attributes 12 bits.
  isa::Segment segment(std::string_view name) const {
    const unsigned at = vmsa::offset_of(name);
    isa::Segment segment;
    segment.selector = part(at, 2);
    segment.attributes = part(at + 2, 2) & bit_range(11, 0);
    segment.limit = part(at + 4, 4);
    segment.base = part(at + 8, 8);
    return segment;
  }

 private:
  u64 part(unsigned at, unsigned size) const {
    u64 value = 0;
    std::memcpy(&value, bytes_.data() + at, size);
    return value;
  }

  std::array<u8, vmsa::kSize> bytes_{};
};

void load_segments(const VmsaPage& page, isa::Registers& r) {
  static constexpr std::string_view kNames[isa::kSegmentCount] = {"es", "cs", "ss",
                                                                  "ds", "fs", "gs"};
  for (unsigned i = 0; i < isa::kSegmentCount; ++i) r.segments[i] = page.segment(kNames[i]);
  r.gdtr = page.segment("gdtr"), r.ldtr = page.segment("ldtr");
  r.idtr = page.segment("idtr"), r.tr = page.segment("tr");
}

void load_gprs(const VmsaPage& page, isa::Registers& r) {
  static constexpr std::string_view kNames[isa::kGprCount] = {
      "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
  for (unsigned i = 0; i < isa::kGprCount; ++i) r.gpr[i] = page.word(kNames[i]);
}

}  // namespace

void load_vmsa(const arch::PhysicalMemory& memory, VcpuRecord& v) {
  const VmsaPage page(memory, v);
  isa::Registers& r = v.registers;
  load_gprs(page, r);
  load_segments(page, r);
  r.rip = page.word("rip"), r.rflags = page.word("rflags") | isa::kFlagReserved1;
  r.cr0 = page.word("cr0"), r.cr2 = page.word("cr2"), r.cr3 = page.word("cr3");
  r.cr4 = page.word("cr4"), r.efer = page.word("efer");
  r.dr6 = page.word("dr6"), r.dr7 = page.word("dr7"), r.pat = page.word("g_pat");
  r.cpl = page.word("cpl", 1) & 3;
  r.interrupt_shadow = 0;
  v.state.vmpl = page.word("vmpl", 1);
  v.state.sev_features = page.word("sev_features");
  v.state.virtual_tom = page.word("virtual_tom");
  v.state.xcr0 = page.word("xcr0");
  v.pending.halted = 0;
}

}  // namespace nptsim::svm
