#include "models/kernel/kvm/emulator_port.h"

#include <algorithm>
#include <cstring>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/fault.h"
#include "models/kernel/kvm/guest_memory.h"
#include "models/kernel/kvm/guest_walk.h"
#include "models/kernel/kvm/mmio_bus.h"
#include "sim/arch/svm/exit_info.h"

namespace nptsim::kvm {
namespace {

constexpr unsigned kFragment = 8;  // KVM_MMIO fragments: kvm_run.mmio.data

// vcpu_is_mmio_gpa: APIC_DEFAULT_PHYS_BASE is MMIO to the emulator, whatever slot is there.
bool is_apic_page(GuestPhysAddr gpa) {
  constexpr std::uint64_t kApicDefaultPhysBase = 0xfee00000;
  return gpa.page_base().value == kApicDefaultPhysBase;
}

}  // namespace

EmulatorPort::EmulatorPort(machine::OpenView& view, bool use_fault_gpa)
    : view_(view), use_fault_gpa_(use_fault_gpa) {}

// KVM takes the GPA of the fault when the page offset matches, which is how it can emulate for an
// SEV guest, whose tables are ciphertext to it; else it walks the guest's tables by the guest's own
// rights (emulator_read_write_onepage, vcpu_mmio_gva_to_gpa).
std::optional<GuestPhysAddr> EmulatorPort::translate(GuestVirtAddr address, WalkFor access,
                                                     isa::Privilege privilege) {
  if (use_fault_gpa_ && fault_gpa(view_).page_offset() == address.page_offset()) {
    return fault_gpa(view_);
  }
  const bool user = privilege == isa::Privilege::kCurrent && view_.vcpu_state().registers.cpl == 3;
  const GuestTranslation found = walk_guest_tables(view_, address, access, user);
  if (!found.gpa) page_fault_ = PageFault{address, found.error_code};
  return found.gpa;
}

unsigned EmulatorPort::read_devices(GuestPhysAddr gpa, char* data, unsigned size) {
  unsigned done = 0;
  while (done < size) {
    const unsigned length = std::min(size - done, kFragment);
    const DeviceAnswer answer = read_mmio_device(view_, gpa + done, data + done, length);
    if (answer == DeviceAnswer::kNotMine) break;
    if (answer == DeviceAnswer::kNoData) {
      end_at_gap(view_, "KVM's emulator reads on with what its buffer held before");
    }
    done += length;
  }
  return done;
}

// Memory, then the kernel's devices, which take pieces from the front (vcpu_mmio_read); user space
// is to be asked for the rest.
void EmulatorPort::read_piece(GuestPhysAddr gpa, char* data, unsigned size) {
  if (!is_apic_page(gpa) && read_guest(view_, gpa, data, size)) return;
  for (unsigned done = read_devices(gpa, data, size); done < size; done += kFragment) {
    asked_.push_back({gpa + done, data + done, std::min(size - done, kFragment)});
  }
}

// With what user space has answered so far; or the next request.
bool EmulatorPort::take_answers() {
  const ConstRecord vcpu = vcpu_of(static_cast<const View&>(view_));
  for (const Asked& asked : asked_) {
    if (answers_used_ >= vcpu.get(vcpu::kReads)) {
      pending_read_ = MmioFragment{asked.gpa, asked.length, 0};
      return false;
    }
    const std::uint64_t index = vcpu.base() + vcpu::kReadData0.word + answers_used_++;
    const std::uint64_t answer = view_.store().read(Space::kKernel, index);
    std::memcpy(asked.data, &answer, asked.length);
  }
  return true;
}

// emulator_read_write: both pages are translated, and what is memory is read, before user space is
// asked for anything.
isa::PortStatus EmulatorPort::load(GuestVirtAddr address, void* data, unsigned size,
                                   isa::Privilege privilege) {
  asked_.clear();
  for (unsigned done = 0; done < size;) {
    const auto part = static_cast<unsigned>(bytes_in_page((address + done).value, size - done));
    const auto gpa = translate(address + done, WalkFor::kRead, privilege);
    if (!gpa) return isa::PortStatus::kStopped;
    read_piece(*gpa, static_cast<char*>(data) + done, part);
    done += part;
  }
  return take_answers() ? isa::PortStatus::kOk : isa::PortStatus::kStopped;
}

isa::PortStatus EmulatorPort::prepare_store(GuestVirtAddr address, unsigned size,
                                            isa::Privilege privilege) {
  for (unsigned done = 0; done < size;) {
    if (!translate(address + done, WalkFor::kWrite, privilege)) return isa::PortStatus::kStopped;
    done += static_cast<unsigned>(bytes_in_page((address + done).value, size - done));
  }
  return isa::PortStatus::kOk;
}

// x86_emulate_insn reads by the rights of a read, and only says "write" in the #PF; whether the
// destination can be written is seen when it is, and user space has been asked by then.
isa::PortStatus EmulatorPort::load_for_update(GuestVirtAddr address, void* data, unsigned size,
                                              bool, isa::Privilege privilege) {
  const isa::PortStatus status = load(address, data, size, privilege);
  if (page_fault_) page_fault_->error_code |= static_cast<std::uint32_t>(svm::kErrorRw);
  return status;
}

isa::PortStatus EmulatorPort::store(GuestVirtAddr address, const void* data, unsigned size,
                                    isa::Privilege privilege) {
  for (unsigned done = 0; done < size;) {
    const auto part = static_cast<unsigned>(bytes_in_page((address + done).value, size - done));
    const auto gpa = translate(address + done, WalkFor::kWrite, privilege);
    if (!gpa) return isa::PortStatus::kStopped;
    const auto* bytes = static_cast<const char*>(data) + done;
    stores_.push_back({*gpa, std::vector<char>(bytes, bytes + part)});
    done += part;
  }
  return isa::PortStatus::kOk;
}

unsigned EmulatorPort::fetch(GuestVirtAddr address, void* data, unsigned size) {
  unsigned done = 0;
  while (done < size) {
    const auto part = static_cast<unsigned>(bytes_in_page((address + done).value, size - done));
    const auto gpa = translate(address + done, WalkFor::kFetch, isa::Privilege::kCurrent);
    if (!gpa || !read_guest(view_, *gpa, static_cast<char*>(data) + done, part)) break;
    done += part;
  }
  return done;
}

std::vector<MmioFragment> EmulatorPort::commit() {
  std::vector<MmioFragment> fragments;
  for (const Store& store : stores_) {
    const auto size = static_cast<unsigned>(store.bytes.size());
    if (!is_apic_page(store.gpa) && write_guest(view_, store.gpa, store.bytes.data(), size)) {
      continue;
    }
    // vcpu_mmio_write: the devices take pieces from the front, user space gets the rest.
    unsigned done = 0;
    while (done < size && write_mmio_device(view_, store.gpa + done, store.bytes.data() + done,
                                            std::min(size - done, kFragment))) {
      done += std::min(size - done, kFragment);
    }
    for (; done < size; done += kFragment) {
      MmioFragment fragment{store.gpa + done, std::min(size - done, kFragment), 0};
      std::memcpy(&fragment.data, store.bytes.data() + done, fragment.length);
      fragments.push_back(fragment);
    }
  }
  stores_.clear();
  return fragments;
}

}  // namespace nptsim::kvm
