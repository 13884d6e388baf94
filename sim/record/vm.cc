#include "sim/record/vm.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <utility>

#include "sim/base/address.h"
#include "sim/record/kvm_api.h"

namespace nptsim::record {
namespace {

// What a split irqchip reserves routes for; any number does where no device raises a line.
constexpr std::uint64_t kIoapicPins = 24;

int call(int fd, unsigned long request, const void* argument) {
  return ioctl(fd, request, argument) < 0 ? errno : 0;
}

int create_irqchip(int vm, Irqchip irqchip) {
  if (irqchip == Irqchip::kNone) return 0;
  if (irqchip == Irqchip::kFull) return call(vm, KVM_CREATE_IRQCHIP, nullptr);
  kvm_enable_cap split{};
  split.cap = KVM_CAP_SPLIT_IRQCHIP;
  split.args[0] = kIoapicPins;
  return call(vm, KVM_ENABLE_CAP, &split);
}

}  // namespace

int Vm::create(const Host& host, Irqchip irqchip) {
  fd_ = Fd(ioctl(host.fd(), KVM_CREATE_VM, api::kDefaultVm));
  if (!fd_.open()) return errno;
  region2_ = host.cap(api::kCapUserMemory2) > 0;
  return create_irqchip(fd(), irqchip);
}

int Vm::create_pit(bool speaker) {
  kvm_pit_config config{};
  config.flags = speaker ? KVM_PIT_SPEAKER_DUMMY : 0;
  return call(fd(), KVM_CREATE_PIT2, &config);
}

// Before 6.8 there is no guest_memfd, and the call has no room for one.
int Vm::set_slot(const SlotCall& slot) {
  int error = 0;
  if (region2_) {
    api::MemoryRegion2 region;
    region.slot = slot.id;
    region.flags = slot.flags;
    region.guest_phys_addr = slot.gpa;
    region.memory_size = slot.size;
    region.userspace_addr = slot.address;
    region.guest_memfd = static_cast<std::uint32_t>(slot.guest_memfd);
    region.guest_memfd_offset = slot.guest_memfd_offset;
    error = call(fd(), api::kSetUserMemoryRegion2, &region);
  } else {
    kvm_userspace_memory_region region{};
    region.slot = slot.id;
    region.flags = slot.flags;
    region.guest_phys_addr = slot.gpa;
    region.memory_size = slot.size;
    region.userspace_addr = slot.address;
    error = call(fd(), KVM_SET_USER_MEMORY_REGION, &region);
  }
  if (error == 0) pages_[slot.id] = slot.size >> kPageShift;
  return error;
}

int Vm::get_dirty_log(std::uint32_t id, std::vector<std::uint64_t>& bitmap) {
  const auto slot = pages_.find(id);
  const std::uint64_t pages = slot == pages_.end() ? 0 : slot->second;
  bitmap.assign(pages / 64 + 1, 0);
  kvm_dirty_log log{};
  log.slot = id;
  log.dirty_bitmap = bitmap.data();
  const int error = call(fd(), KVM_GET_DIRTY_LOG, &log);
  bitmap.resize((pages + 63) / 64);
  return error;
}

int Vm::add_ioeventfd(std::uint64_t gpa, std::uint32_t length) {
  Fd event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  kvm_ioeventfd one{};
  one.addr = gpa;
  one.len = length;
  one.fd = event.get();
  const int error = call(fd(), KVM_IOEVENTFD, &one);
  if (error == 0) ioeventfds_.push_back({gpa, length, std::move(event)});
  return error;
}

int Vm::add_coalesced(std::uint64_t gpa, std::uint32_t size) {
  kvm_coalesced_mmio_zone zone{};
  zone.addr = gpa;
  zone.size = size;
  return call(fd(), KVM_REGISTER_COALESCED_MMIO, &zone);
}

int Vm::create_guest_memfd(std::uint64_t size, int& fd) {
  api::CreateGuestMemfd file;
  file.size = size;
  Fd made(ioctl(this->fd(), api::kCreateGuestMemfd, &file));
  if (!made.open()) return errno;
  fd = made.get();
  files_.push_back(std::move(made));
  return 0;
}

}  // namespace nptsim::record
