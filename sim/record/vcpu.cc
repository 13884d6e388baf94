#include "sim/record/vcpu.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "sim/base/bits.h"
#include "sim/record/kvm_api.h"

namespace nptsim::record {
namespace {

constexpr std::size_t kBreakpoints = 4;

std::string failed(const char* what) { return fmt::format("{}: {}", what, std::strerror(errno)); }

// All that this host's KVM can give a guest.
std::optional<std::string> set_cpuid(int kvm, int vcpu) {
  const auto list = std::make_unique<api::CpuidList>();
  if (ioctl(kvm, api::kGetSupportedCpuid, list.get()) < 0) return failed("KVM_GET_SUPPORTED_CPUID");
  if (ioctl(vcpu, api::kSetCpuid2, list.get()) < 0) return failed("KVM_SET_CPUID2");
  return std::nullopt;
}

// Attributes as the VMCB has them (sim/isa/registers.h), bit by bit.
kvm_segment segment_of(const isa::Segment& from) {
  kvm_segment to{};
  to.base = from.base;
  to.limit = static_cast<__u32>(from.limit);
  to.selector = static_cast<__u16>(from.selector);
  const std::uint64_t bits = from.attributes;
  to.type = static_cast<__u8>(get_bits(bits, 3, 0));
  to.s = has_bit(bits, 4);
  to.dpl = static_cast<__u8>(get_bits(bits, 6, 5));
  to.present = has_bit(bits, 7);
  to.avl = has_bit(bits, 8);
  to.l = has_bit(bits, 9);
  to.db = has_bit(bits, 10);
  to.g = has_bit(bits, 11);
  to.unusable = !to.present;
  return to;
}

isa::Segment segment_of(const kvm_segment& from) {
  isa::Segment to;
  to.base = from.base;
  to.limit = from.limit;
  to.selector = from.selector;
  to.attributes = from.type | from.s << 4 | from.dpl << 5 | from.present << 7 | from.avl << 8 |
                  from.l << 9 | from.db << 10 | from.g << 11;
  return to;
}

// isa::Gpr is in the order of encodings, kvm_regs is not.
template <class Regs, class Use>
void for_each_gpr(Regs& regs, Use&& use) {
  use(isa::kRax, regs.rax), use(isa::kRcx, regs.rcx), use(isa::kRdx, regs.rdx);
  use(isa::kRbx, regs.rbx), use(isa::kRsp, regs.rsp), use(isa::kRbp, regs.rbp);
  use(isa::kRsi, regs.rsi), use(isa::kRdi, regs.rdi), use(isa::kR8, regs.r8);
  use(isa::kR9, regs.r9), use(isa::kR10, regs.r10), use(isa::kR11, regs.r11);
  use(isa::kR12, regs.r12), use(isa::kR13, regs.r13), use(isa::kR14, regs.r14);
  use(isa::kR15, regs.r15);
}

// isa::SegmentIndex.
template <class Sregs, class Use>
void for_each_segment(Sregs& sregs, Use&& use) {
  use(isa::kEs, sregs.es), use(isa::kCs, sregs.cs), use(isa::kSs, sregs.ss);
  use(isa::kDs, sregs.ds), use(isa::kFs, sregs.fs), use(isa::kGs, sregs.gs);
}

kvm_dtable table_of(const isa::Segment& from) {
  kvm_dtable to{};
  to.base = from.base;
  to.limit = static_cast<__u16>(from.limit);
  return to;
}

}  // namespace

Vcpu::~Vcpu() {
  if (run_ != nullptr) munmap(run_, run_size_);
}

std::optional<std::string> Vcpu::create(const Host& host, const Vm& vm, unsigned index) {
  fd_ = Fd(ioctl(vm.fd(), KVM_CREATE_VCPU, index));
  if (!fd_.open()) return failed("KVM_CREATE_VCPU");
  const int size = ioctl(host.fd(), KVM_GET_VCPU_MMAP_SIZE, 0);
  if (size <= 0) return failed("KVM_GET_VCPU_MMAP_SIZE");
  run_size_ = static_cast<std::size_t>(size);
  void* const run = mmap(nullptr, run_size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd(), 0);
  if (run == MAP_FAILED) return failed("mmap of kvm_run");
  run_ = static_cast<kvm_run*>(run);
  ring_page_ = std::max(0, host.cap(KVM_CAP_COALESCED_MMIO));
  return set_cpuid(host.fd(), fd());
}

api::CoalescedRing* Vcpu::coalesced_ring() {
  if (ring_page_ == 0) return nullptr;
  auto* const page = reinterpret_cast<char*>(run_) + std::size_t{4096} * ring_page_;
  return reinterpret_cast<api::CoalescedRing*>(page);
}

std::optional<std::string> Vcpu::set_registers(const isa::Registers& registers) {
  kvm_sregs sregs{};
  if (ioctl(fd(), KVM_GET_SREGS, &sregs) < 0) return failed("KVM_GET_SREGS");
  for_each_segment(
      sregs, [&](unsigned index, kvm_segment& to) { to = segment_of(registers.segments[index]); });
  sregs.tr = segment_of(registers.tr);
  sregs.ldt = segment_of(registers.ldtr);
  sregs.gdt = table_of(registers.gdtr);
  sregs.idt = table_of(registers.idtr);
  sregs.cr0 = registers.cr0;
  sregs.cr2 = registers.cr2;
  sregs.cr3 = registers.cr3;
  sregs.cr4 = registers.cr4;
  sregs.cr8 = registers.cr8;
  sregs.efer = registers.efer;
  if (ioctl(fd(), KVM_SET_SREGS, &sregs) < 0) return failed("KVM_SET_SREGS");
  kvm_regs regs{};
  for_each_gpr(regs, [&](unsigned index, __u64& to) { to = registers.gpr[index]; });
  regs.rip = registers.rip;
  regs.rflags = registers.rflags;
  if (ioctl(fd(), KVM_SET_REGS, &regs) < 0) return failed("KVM_SET_REGS");
  kvm_fpu fpu{};
  if (ioctl(fd(), KVM_GET_FPU, &fpu) < 0) return failed("KVM_GET_FPU");
  std::memcpy(fpu.xmm, registers.xmm, sizeof fpu.xmm);
  if (ioctl(fd(), KVM_SET_FPU, &fpu) < 0) return failed("KVM_SET_FPU");
  // With an interrupt controller all but the first wait for a start-up interrupt.
  kvm_mp_state state{KVM_MP_STATE_RUNNABLE};
  if (ioctl(fd(), KVM_SET_MP_STATE, &state) < 0) return failed("KVM_SET_MP_STATE");
  return std::nullopt;
}

isa::Registers Vcpu::registers() const {
  isa::Registers out;
  kvm_regs regs{};
  kvm_sregs sregs{};
  kvm_fpu fpu{};
  if (ioctl(fd(), KVM_GET_REGS, &regs) < 0 || ioctl(fd(), KVM_GET_SREGS, &sregs) < 0 ||
      ioctl(fd(), KVM_GET_FPU, &fpu) < 0) {
    return out;
  }
  for_each_gpr(regs, [&](unsigned index, __u64& from) { out.gpr[index] = from; });
  out.rip = regs.rip;
  out.rflags = regs.rflags;
  for_each_segment(
      sregs, [&](unsigned index, kvm_segment& from) { out.segments[index] = segment_of(from); });
  out.cr0 = sregs.cr0;
  out.cr2 = sregs.cr2;
  out.cr3 = sregs.cr3;
  out.cr4 = sregs.cr4;
  out.cr8 = sregs.cr8;
  out.efer = sregs.efer;
  out.cpl = out.segments[isa::kSs].attributes >> 5 & 3;
  std::memcpy(out.xmm, fpu.xmm, sizeof fpu.xmm);
  return out;
}

std::optional<std::uint64_t> Vcpu::translate(std::uint64_t linear) const {
  kvm_translation translation{};
  translation.linear_address = linear;
  if (ioctl(fd(), KVM_TRANSLATE, &translation) < 0 || !translation.valid) return std::nullopt;
  return translation.physical_address;
}

// DR7: bit 2n+1 switches breakpoint n on for all tasks, R/W and LEN 0 are an instruction (APM
// vol. 2 rev. 3.45, 13.1.1.4); bit 10 reads as one.
std::optional<std::string> Vcpu::stop_at(std::span<const std::uint64_t> addresses) {
  kvm_guest_debug debug{};
  debug.arch.debugreg[7] = bit(10);
  for (std::size_t i = 0; i < addresses.size() && i < kBreakpoints; ++i) {
    debug.arch.debugreg[i] = addresses[i];
    debug.arch.debugreg[7] |= bit(2 * i + 1);
  }
  if (!addresses.empty()) debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
  if (ioctl(fd(), KVM_SET_GUEST_DEBUG, &debug) < 0) return failed("KVM_SET_GUEST_DEBUG");
  return std::nullopt;
}

bool Vcpu::halted() const {
  kvm_mp_state state{};
  return ioctl(fd(), KVM_GET_MP_STATE, &state) == 0 && state.mp_state == KVM_MP_STATE_HALTED;
}

Came Vcpu::run(Clock::time_point deadline) {
  for (;;) {
    error_ = ioctl(fd(), KVM_RUN, 0) < 0 ? errno : 0;
    if (error_ == 0 && run_->exit_reason == KVM_EXIT_DEBUG) return Came::kBreakpoint;
    if (error_ == 0) return Came::kExit;
    if (error_ != EINTR && error_ != EAGAIN) return Came::kErrno;
    if (halted()) return Came::kHalted;
    if (Clock::now() >= deadline) return Came::kTime;
  }
}

}  // namespace nptsim::record
