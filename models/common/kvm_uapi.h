// The interface between KVM and its VMM: what both sides read and write, as words.
//
// The shared kvm_run page and the arguments of an ioctl lie in Space::kVmm. Neither model knows
// more of the other than this (Linux include/uapi/linux/kvm.h).
#ifndef NPTSIM_MODELS_COMMON_KVM_UAPI_H_
#define NPTSIM_MODELS_COMMON_KVM_UAPI_H_

#include <cstdint>
#include <string_view>

#include "sim/base/layout.h"

namespace nptsim::kvm_uapi {

// kvm_run.exit_reason, and how KVM_RUN itself returned. kErrno: KVM_RUN returned -1.
enum class ExitReason : std::uint8_t {
  kNone,
  kIo,             // KVM_EXIT_IO 2
  kHlt,            // KVM_EXIT_HLT 5
  kMmio,           // KVM_EXIT_MMIO 6
  kShutdown,       // KVM_EXIT_SHUTDOWN 8
  kFailEntry,      // KVM_EXIT_FAIL_ENTRY 9
  kInternalError,  // KVM_EXIT_INTERNAL_ERROR 17
  kSevTerm,        // KVM_EXIT_SYSTEM_EVENT 24, type KVM_SYSTEM_EVENT_SEV_TERM 6
  kApResetHold,    // KVM_EXIT_AP_RESET_HOLD 32
  kErrno,
  kMemoryFault,  // KVM_EXIT_MEMORY_FAULT 39; KVM_RUN returned -1
  kHypercall,    // KVM_EXIT_HYPERCALL 3, KVM_HC_MAP_GPA_RANGE
};
inline constexpr std::string_view kExitReasonWords[] = {
    "none",           "io",       "hlt",           "mmio",  "shutdown",     "fail-entry",
    "internal-error", "sev-term", "ap-reset-hold", "errno", "memory-fault", "hypercall"};

// Linux include/uapi/asm-generic/errno-base.h.
enum class Errno : std::uint8_t {
  kNone = 0,
  kEperm = 1,
  kEnoent = 2,
  kEio = 5,
  kEnomem = 12,
  kEfault = 14,
  kEexist = 17,
  kEinval = 22,
  kEnotty = 25
};

// One kvm_run page a vCPU, in Space::kVmm.
namespace run {
inline constexpr Field kExitReason{"exit_reason", 0, 7, 0, "ExitReason"};
inline constexpr Field kErrno{"errno", 0, 15, 8, "with exit_reason errno"};
inline constexpr Field kSuberror{"internal.suberror", 0, 23, 16, "with internal-error"};
inline constexpr Field kMmioWrite{"mmio.is_write", 1, 0, 0, "1 for a write"};
inline constexpr Field kMmioLen{"mmio.len", 1, 15, 8, "bytes, 1 to 8"};
inline constexpr Field kMmioAddress{"mmio.phys_addr", 2, 63, 0, "GPA"};
inline constexpr Field kMmioData{"mmio.data", 3, 63, 0, "little-endian"};
inline constexpr Field kIoPort{"io.port", 4, 15, 0, ""};
inline constexpr Field kIoSize{"io.size", 4, 23, 16, "bytes"};
inline constexpr Field kIoOut{"io.direction", 4, 24, 24, "1 for OUT"};
inline constexpr Field kIoCount{"io.count", 4, 63, 32, "elements"};
inline constexpr Field kIoData{"io.data", 5, 63, 0, "of IN each element; of OUT 8 bytes"};
inline constexpr Field kEventData{"system_event.data[0]", 6, 63, 0, "with sev-term: the GHCB MSR"};
inline constexpr Field kFaultPrivate{"memory_fault.flags: PRIVATE", 0, 24, 24, "the access was"};
// No kernel sets this one; a proposal does, and it has no number yet.
inline constexpr Field kFaultMmio{"memory_fault.flags: MMIO", 0, 31, 31, "not a conversion"};
inline constexpr Field kFaultGpa{"memory_fault.gpa", 7, 63, 0, "of the page"};
inline constexpr Field kHypercallPrivate{"hypercall.args[2]: ENCRYPTED", 0, 25, 25, ""};
inline constexpr Field kHypercallRet{"hypercall.ret", 0, 26, 26, "0: done"};
inline constexpr Field kHypercallGpa{"hypercall.args[0]", 8, 63, 0, "GPA"};
inline constexpr Field kHypercallPages{"hypercall.args[1]", 9, 63, 0, "pages"};
inline constexpr Field kFields[] = {
    kExitReason,       kErrno,        kSuberror,     kMmioWrite,      kMmioLen,
    kMmioAddress,      kMmioData,     kIoPort,       kIoSize,         kIoOut,
    kIoData,           kEventData,    kFaultGpa,     kFaultPrivate,   kFaultMmio,
    kHypercallPrivate, kHypercallRet, kHypercallGpa, kHypercallPages, kIoCount};
inline constexpr RecordLayout kLayout{"kvm_run", 16, kFields};
}  // namespace run
inline constexpr RecordArray kRuns{&run::kLayout, Space::kVmm, 0, 64};

// struct kvm_userspace_memory_region2 of the ioctl under way. The host address is a backing and an
// offset in it.
namespace region {
inline constexpr Field kSlot{"slot", 0, 15, 0, ""};
inline constexpr Field kLogDirty{"KVM_MEM_LOG_DIRTY_PAGES", 0, 16, 16, "flag 1"};
inline constexpr Field kReadonly{"KVM_MEM_READONLY", 0, 17, 17, "flag 2"};
inline constexpr Field kNoUserAddress{"userspace_addr: above user space", 0, 18, 18, ""};
inline constexpr Field kAddressSpace{"slot: address space", 0, 47, 32, "1 is SMM's"};
inline constexpr Field kOtherFlags{"other flags", 5, 63, 0, ""};
inline constexpr Field kGpa{"guest_phys_addr", 1, 63, 0, ""};
inline constexpr Field kSize{"memory_size", 2, 63, 0, "bytes; 0 deletes"};
inline constexpr Field kBacking{"userspace_addr: mapping", 3, 31, 0, "backing"};
inline constexpr Field kOffset{"userspace_addr: offset", 4, 63, 0, "bytes"};
inline constexpr Field kGmem{"guest_memfd", 6, 31, 0, "backing + 1; 0: KVM_MEM_GUEST_MEMFD is off"};
inline constexpr std::uint64_t kClosedFile = 0xffffffff;  // a descriptor that is not open
inline constexpr std::uint64_t kOtherFile =
    0xfffffffe;  // of a file that is no guest_memfd of the VM
inline constexpr Field kGmemOffset{"guest_memfd_offset", 7, 63, 0, "bytes"};
inline constexpr Field kFields[] = {kSlot,         kLogDirty,   kReadonly, kNoUserAddress,
                                    kAddressSpace, kGpa,        kSize,     kBacking,
                                    kOffset,       kOtherFlags, kGmem,     kGmemOffset};
inline constexpr RecordLayout kLayout{"kvm_userspace_memory_region2", 8, kFields};
}  // namespace region
inline constexpr RecordArray kRegionRequest{&region::kLayout, Space::kVmm, 0x1000, 1};

// struct kvm_dirty_log. The bitmap itself is told by events.
namespace dirty_log {
inline constexpr Field kSlot{"slot", 0, 31, 0, "address space in bits 31:16"};
inline constexpr Field kFields[] = {kSlot};
inline constexpr RecordLayout kLayout{"kvm_dirty_log", 1, kFields};
}  // namespace dirty_log
inline constexpr RecordArray kDirtyLogRequest{&dirty_log::kLayout, Space::kVmm, 0x1020, 1};

// struct kvm_ioeventfd.
namespace ioeventfd {
inline constexpr Field kAddress{"addr", 0, 63, 0, "GPA"};
inline constexpr Field kLength{"len", 1, 31, 0, "bytes; 0: of any length"};
inline constexpr Field kFields[] = {kAddress, kLength};
inline constexpr RecordLayout kLayout{"kvm_ioeventfd", 2, kFields};
}  // namespace ioeventfd
inline constexpr RecordArray kIoeventfdRequest{&ioeventfd::kLayout, Space::kVmm, 0x1028, 1};

// struct kvm_coalesced_mmio_zone.
namespace coalesced_zone {
inline constexpr Field kAddress{"addr", 0, 63, 0, "GPA"};
inline constexpr Field kSize{"size", 1, 31, 0, "bytes"};
inline constexpr Field kFields[] = {kAddress, kSize};
inline constexpr RecordLayout kLayout{"kvm_coalesced_mmio_zone", 2, kFields};
}  // namespace coalesced_zone
inline constexpr RecordArray kCoalescedRequest{&coalesced_zone::kLayout, Space::kVmm, 0x102c, 1};

// struct kvm_coalesced_mmio_ring, mapped into user space behind kvm_run.
namespace coalesced {
inline constexpr Field kFirst{"first", 0, 31, 0, "the first used entry; user space advances it"};
inline constexpr Field kLast{"last", 0, 63, 32, "the first free entry; the kernel advances it"};
inline constexpr Field kFields[] = {kFirst, kLast};
inline constexpr RecordLayout kLayout{"kvm_coalesced_mmio_ring", 4, kFields};
// KVM_COALESCED_MMIO_MAX: what fits in a page, (4096 - 8) / 24.
inline constexpr std::uint32_t kEntries = 170;
}  // namespace coalesced
inline constexpr RecordArray kCoalescedRing{&coalesced::kLayout, Space::kVmm, 0x1100, 1};
namespace coalesced_entry {
inline constexpr Field kAddress{"phys_addr", 0, 63, 0, "GPA"};
inline constexpr Field kLength{"len", 1, 31, 0, "bytes"};
inline constexpr Field kData{"data", 2, 63, 0, "little-endian"};
inline constexpr Field kFields[] = {kAddress, kLength, kData};
inline constexpr RecordLayout kLayout{"kvm_coalesced_mmio", 4, kFields};
}  // namespace coalesced_entry
inline constexpr RecordArray kCoalescedEntries{&coalesced_entry::kLayout, Space::kVmm, 0x1200,
                                               coalesced::kEntries};

// struct kvm_pre_fault_memory.
namespace pre_fault {
inline constexpr Field kGpa{"gpa", 0, 63, 0, "of what is left"};
inline constexpr Field kSize{"size", 1, 63, 0, "bytes that are left"};
inline constexpr Field kProgress{"some of it is done", 2, 0, 0, ""};
inline constexpr Field kFields[] = {kGpa, kSize, kProgress};
inline constexpr RecordLayout kLayout{"kvm_pre_fault_memory", 4, kFields};
}  // namespace pre_fault
inline constexpr RecordArray kPreFaultRequest{&pre_fault::kLayout, Space::kVmm, 0x1040, 1};

// struct kvm_memory_attributes.
namespace attributes {
inline constexpr Field kAddress{"address", 0, 63, 0, "GPA"};
inline constexpr Field kSize{"size", 1, 63, 0, "bytes"};
inline constexpr Field kPrivate{"KVM_MEMORY_ATTRIBUTE_PRIVATE", 2, 0, 0, ""};
inline constexpr Field kFields[] = {kAddress, kSize, kPrivate};
inline constexpr RecordLayout kLayout{"kvm_memory_attributes", 4, kFields};
}  // namespace attributes
inline constexpr RecordArray kAttributesRequest{&attributes::kLayout, Space::kVmm, 0x1038, 1};

// KVM_MEMORY_ENCRYPT_OP with the commands of an SNP launch: struct kvm_sev_cmd.error, what the
// AMD-SP answered (sim/arch/svm/snp_firmware.h FirmwareStatus; 0 where it was not asked).
namespace sev_cmd {
inline constexpr Field kError{"error", 0, 31, 0, "the firmware's"};
inline constexpr Field kInitRefused{"init_refused", 1, 0, 0, "the command was KVM_SEV_INIT2"};
inline constexpr Field kFields[] = {kError, kInitRefused};
inline constexpr RecordLayout kLayout{"kvm_sev_cmd", 2, kFields};
}  // namespace sev_cmd
inline constexpr RecordArray kSevCommand{&sev_cmd::kLayout, Space::kVmm, 0x1050, 1};

// struct kvm_sev_snp_launch_start; the ioctl is snp_launch_start.
namespace snp_start {
inline constexpr Field kPolicy{"policy", 0, 63, 0, ""};
inline constexpr Field kFlags{"flags", 1, 15, 0, "must be 0"};
inline constexpr Field kFields[] = {kPolicy, kFlags};
inline constexpr RecordLayout kLayout{"kvm_sev_snp_launch_start", 2, kFields};
// Bits 16 and 17 have to be set: SMT is allowed, and a reserved one. The ABI version is 0.0.
inline constexpr std::uint64_t kUsualPolicy = 0x30000;
}  // namespace snp_start
inline constexpr RecordArray kSnpLaunchStart{&snp_start::kLayout, Space::kVmm, 0x1052, 1};

// struct kvm_sev_snp_launch_update; the ioctl is snp_launch_update. It answers what is left:
// gfn_start, len and uaddr have moved by what was done.
namespace snp_update {
inline constexpr Field kGfn{"gfn_start", 0, 63, 0, ""};
inline constexpr Field kLength{"len", 1, 63, 0, "bytes"};
inline constexpr Field kType{"type", 2, 7, 0, "1 normal, 3 zero, 4 unmeasured, 5 secrets, 6 CPUID"};
inline constexpr Field kFlags{"flags", 2, 31, 16, "must be 0"};
inline constexpr Field kNoUserAddress{"uaddr: none", 2, 32, 32, "for type 3"};
inline constexpr Field kBacking{"uaddr: mapping", 3, 31, 0, "backing"};
inline constexpr Field kOffset{"uaddr: offset", 4, 63, 0, "bytes"};
inline constexpr Field kFields[] = {kGfn,           kLength,  kType,  kFlags,
                                    kNoUserAddress, kBacking, kOffset};
inline constexpr RecordLayout kLayout{"kvm_sev_snp_launch_update", 5, kFields};
}  // namespace snp_update
inline constexpr RecordArray kSnpLaunchUpdate{&snp_update::kLayout, Space::kVmm, 0x1054, 1};

// struct kvm_sev_snp_launch_finish, without what is signed; the ioctl is snp_launch_finish.
namespace snp_finish {
inline constexpr Field kFlags{"flags", 0, 15, 0, "must be 0"};
inline constexpr Field kFields[] = {kFlags};
inline constexpr RecordLayout kLayout{"kvm_sev_snp_launch_finish", 1, kFields};
}  // namespace snp_finish
inline constexpr RecordArray kSnpLaunchFinish{&snp_finish::kLayout, Space::kVmm, 0x105a, 1};

// fallocate(FALLOC_FL_KEEP_SIZE | ...) of a guest_memfd; the "ioctl" is fallocate_gmem.
namespace hole {
inline constexpr Field kGmem{"fd", 0, 31, 0, "backing"};
inline constexpr Field kPunch{"FALLOC_FL_PUNCH_HOLE", 0, 32, 32, "else pages are allocated"};
inline constexpr Field kKeepSize{"FALLOC_FL_KEEP_SIZE", 0, 33, 33, "has to be set"};
inline constexpr Field kOffset{"offset", 1, 63, 0, "bytes"};
inline constexpr Field kLength{"len", 2, 63, 0, "bytes"};
inline constexpr Field kFields[] = {kGmem, kPunch, kKeepSize, kOffset, kLength};
inline constexpr RecordLayout kLayout{"fallocate", 3, kFields};
}  // namespace hole
inline constexpr RecordArray kGmemHole{&hole::kLayout, Space::kVmm, 0x105c, 1};

// A change to the host's mapping of a backing: what the MMU notifier tells KVM.
namespace host_range {
inline constexpr Field kBacking{"mapping", 0, 31, 0, "backing"};
inline constexpr Field kFirstPage{"first page", 1, 63, 0, ""};
inline constexpr Field kPages{"pages", 2, 63, 0, ""};
inline constexpr Field kFields[] = {kBacking, kFirstPage, kPages};
inline constexpr RecordLayout kLayout{"mmu_notifier_range", 4, kFields};
}  // namespace host_range
inline constexpr RecordArray kNotifierRange{&host_range::kLayout, Space::kVmm, 0x1030, 1};

// What the kernel answers when the VMM asks on the VM's file descriptor; set by create_vm.
namespace vm {
inline constexpr Field kReadonlyMem{"KVM_CAP_READONLY_MEM", 0, 0, 0, ""};
inline constexpr Field kFields[] = {kReadonlyMem};
inline constexpr RecordLayout kLayout{"vm fd", 1, kFields};
}  // namespace vm
inline constexpr RecordArray kVm{&vm::kLayout, Space::kVmm, 0x1010, 1};

// The part of Space::kVmm from here on is the VMM's own.
inline constexpr std::uint64_t kVmmPrivate = 0x2000;

}  // namespace nptsim::kvm_uapi

#endif  // NPTSIM_MODELS_COMMON_KVM_UAPI_H_
