// What Debian 12's header of the KVM interface (Linux 6.1) does not have yet. Numbers of the
// interface never change: Linux include/uapi/linux/kvm.h.
#ifndef NPTSIM_SIM_RECORD_KVM_API_H_
#define NPTSIM_SIM_RECORD_KVM_API_H_

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <cstdint>

namespace nptsim::record::api {

// KVM_SET_USER_MEMORY_REGION2 (6.8).
struct MemoryRegion2 {
  std::uint32_t slot = 0;
  std::uint32_t flags = 0;
  std::uint64_t guest_phys_addr = 0;
  std::uint64_t memory_size = 0;
  std::uint64_t userspace_addr = 0;
  std::uint64_t guest_memfd_offset = 0;
  std::uint32_t guest_memfd = 0;
  std::uint32_t pad1 = 0;
  std::uint64_t pad2[14] = {};
};
static_assert(sizeof(MemoryRegion2) == 160);
inline constexpr unsigned long kSetUserMemoryRegion2 = _IOW(KVMIO, 0x49, MemoryRegion2);

// KVM_CREATE_GUEST_MEMFD (6.8).
struct CreateGuestMemfd {
  std::uint64_t size = 0;
  std::uint64_t flags = 0;
  std::uint64_t reserved[6] = {};
};
inline constexpr unsigned long kCreateGuestMemfd = _IOWR(KVMIO, 0xd4, CreateGuestMemfd);

// KVM_PRE_FAULT_MEMORY (6.11), of a vCPU.
struct PreFaultMemory {
  std::uint64_t gpa = 0;
  std::uint64_t size = 0;
  std::uint64_t flags = 0;
  std::uint64_t padding[5] = {};
};
inline constexpr unsigned long kPreFaultMemory = _IOWR(KVMIO, 0xd5, PreFaultMemory);

// struct kvm_cpuid2 with room. In C++ the header's own has its entries, and so its ioctls, 4 bytes
// off: an empty struct before a flexible array is a byte there (include/uapi/linux/stddef.h
// __DECLARE_FLEX_ARRAY).
struct CpuidList {
  std::uint32_t nent = 256;  // room at first, then how many there are
  std::uint32_t padding = 0;
  kvm_cpuid_entry2 entries[256] = {};
};
inline constexpr unsigned kCpuidHeader = 8;
inline constexpr unsigned long kGetSupportedCpuid =
    _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, kCpuidHeader);
inline constexpr unsigned long kSetCpuid2 = _IOC(_IOC_WRITE, KVMIO, 0x90, kCpuidHeader);

// struct kvm_coalesced_mmio_ring, for the same reason.
struct CoalescedRing {
  std::uint32_t first;
  std::uint32_t last;
  kvm_coalesced_mmio entries[(4096 - 8) / sizeof(kvm_coalesced_mmio)];
};

// Capabilities (6.8 to 6.11), and the exit that came with them.
inline constexpr int kCapUserMemory2 = 231, kCapMemoryFaultInfo = 232, kCapMemoryAttributes = 233,
                     kCapGuestMemfd = 234, kCapVmTypes = 235, kCapPreFaultMemory = 236;
inline constexpr std::uint32_t kExitMemoryFault = 39;
inline constexpr std::uint64_t kMemoryFaultPrivate = 1ull << 3;
struct MemoryFault {  // kvm_run.memory_fault
  std::uint64_t flags;
  std::uint64_t gpa;
  std::uint64_t size;
};

inline constexpr std::uint32_t kMemGuestMemfd = 1u << 2;  // KVM_MEM_GUEST_MEMFD

// KVM_X86_*_VM, Linux arch/x86/include/uapi/asm/kvm.h: bits of what KVM_CAP_VM_TYPES answers.
inline constexpr unsigned kDefaultVm = 0, kSwProtectedVm = 1, kSevVm = 2, kSevEsVm = 3, kSnpVm = 4;

}  // namespace nptsim::record::api

#endif  // NPTSIM_SIM_RECORD_KVM_API_H_
