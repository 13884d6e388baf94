// KVM's own records, in Space::kKernel.
#ifndef NPTSIM_MODELS_KERNEL_KVM_STATE_H_
#define NPTSIM_MODELS_KERNEL_KVM_STATE_H_

#include <cstdint>
#include <optional>

#include "sim/base/address.h"
#include "sim/base/layout.h"
#include "sim/machine/host.h"

namespace nptsim::kvm {

// struct kvm and what kvm_amd decides at module load.
namespace vm {
inline constexpr Field kGeneration{"memslots.generation", 0, 63, 0, "counts memslot updates"};
inline constexpr Field kUpdating{"memslots.update_in_progress", 1, 0, 0,
                                 "KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS, bit 63 of the generation"};
inline constexpr Field kGenerationWrapped{"memslots.generation_wrapped", 1, 1, 1,
                                          "the low 19 bits became 0 in the latest update"};
inline constexpr Field kMmioValue{"shadow_mmio_value", 2, 63, 0, "0: MMIO caching is off"};
inline constexpr Field kRoot{"tdp_mmu_root", 3, 63, 0, "SPA of the nested root table"};
inline constexpr Field kSlots{"memslots.used", 4, 31, 0, "records below this may be used"};
inline constexpr Field kCreated{"created", 4, 32, 32, ""};
inline constexpr Field kIrqchip{"irqchip_mode", 4, 34, 33, "Irqchip"};
inline constexpr Field kRingExact{"coalesced ring: room", 4, 35, 35,
                                  "1: tested by the next index, 0: by a difference"};
inline constexpr Field kX2apic{"CPUID: x2APIC", 4, 36, 36, ""};
inline constexpr Field kX2apicChecks{"x2APIC: refused", 4, 38, 37,
                                     "1: the upper half of 32-bit registers, 2: and ICR's bits"};
inline constexpr Field kNoApicHole{"KVM_X86_QUIRK_LAPIC_MMIO_HOLE", 4, 39, 39, "1: disabled"};
inline constexpr Field kPit{"vpit", 4, 51, 50, "PitMode"};
inline constexpr Field kPitCounts{"vpit: period", 4, 52, 52, "channel 0's timer was started"};
inline constexpr Field kPioInPlace{"emulator_pio_in: buffer", 4, 53, 53,
                                   "1: a device reads into the caller's, 0: zeros come first"};
inline constexpr Field kSpeaker{"port 0x61", 4, 55, 54, "gate of channel 2, speaker data"};
inline constexpr Field kTrackedCount{"write_tracked", 4, 47, 40, "gfns"};
// struct kvm_sev_info, and where a launch ioctl of an SNP guest stands.
inline constexpr Field kLaunched{"pre_fault_allowed", 4, 48, 48, "SNP_LAUNCH_FINISH was"};
inline constexpr Field kBugged{"vm_bugged", 4, 49, 49, "KVM_BUG_ON: every ioctl fails"};
inline constexpr Field kSnpContext{"sev_info.snp_context", 5, 63, 0, "SPA of the context page"};
inline constexpr Field kPopulateDone{"populate: done", 6, 31, 0, "pages"};
inline constexpr Field kPopulatePages{"populate: npages", 6, 63, 32, "up to the slot's end"};
inline constexpr Field kVmsaNext{"launch_update_vmsa: vcpu", 7, 7, 0, ""};
inline constexpr Field kHoleNext{"punch_hole: index", 7, 63, 8, "page of the file"};
inline constexpr Field kFields[] = {
    kGeneration, kUpdating,     kGenerationWrapped, kMmioValue,     kRoot,      kSlots,
    kCreated,    kIrqchip,      kRingExact,         kTrackedCount,  kLaunched,  kBugged,
    kX2apic,     kX2apicChecks, kNoApicHole,        kPit,           kPitCounts, kPioInPlace,
    kSpeaker,    kSnpContext,   kPopulateDone,      kPopulatePages, kVmsaNext,  kHoleNext};
inline constexpr RecordLayout kLayout{"kvm", 16, kFields};
}  // namespace vm
inline constexpr RecordArray kVm{&vm::kLayout, Space::kKernel, 0, 1};

// Which interrupt controllers are KVM's own: none, the local APICs (KVM_CAP_SPLIT_IRQCHIP), or all
// (KVM_CREATE_IRQCHIP).
enum class Irqchip : std::uint8_t { kNone, kSplit, kFull };
// KVM_CREATE_PIT2, without and with KVM_PIT_SPEAKER_DUMMY.
enum class PitMode : std::uint8_t { kNone, kPlain, kSpeaker };
// vcpu->arch.mp_state.
enum class MpState : std::uint8_t { kRunnable, kResetHold, kInitReceived, kHalted };

// struct kvm_memory_slot.
namespace slot {
inline constexpr Field kUsed{"used", 0, 0, 0, ""};
inline constexpr Field kInvalid{"KVM_MEMSLOT_INVALID", 0, 1, 1, "being deleted or moved"};
inline constexpr Field kReadonly{"KVM_MEM_READONLY", 0, 2, 2, ""};
inline constexpr Field kLogDirty{"KVM_MEM_LOG_DIRTY_PAGES", 0, 3, 3, ""};
inline constexpr Field kId{"id", 0, 31, 16, ""};
inline constexpr Field kAddressSpace{"as_id", 0, 47, 32, "1 is SMM's"};
inline constexpr Field kBaseGfn{"base_gfn", 1, 63, 0, ""};
inline constexpr Field kPages{"npages", 2, 63, 0, ""};
inline constexpr Field kBacking{"userspace_addr: mapping", 3, 31, 0, "backing"};
inline constexpr Field kOffset{"userspace_addr: offset", 4, 63, 0, "bytes"};
inline constexpr Field kGmem{"gmem: file", 5, 31, 0, "backing + 1; 0: KVM_MEM_GUEST_MEMFD is off"};
inline constexpr Field kGmemOffset{"gmem: offset", 6, 63, 0, "bytes"};
inline constexpr Field kFields[] = {kUsed,    kInvalid, kReadonly, kLogDirty, kId,   kAddressSpace,
                                    kBaseGfn, kPages,   kBacking,  kOffset,   kGmem, kGmemOffset};
inline constexpr RecordLayout kLayout{"memslot", 8, kFields};
}  // namespace slot
// KVM_USER_MEM_SLOTS: 32767 less 3 of the kernel's own (Linux arch/x86/include/asm/kvm_host.h), in
// each address space.
inline constexpr std::uint64_t kUserSlots = 32764;
inline constexpr std::uint64_t kMaxSlots = 2 * kUserSlots;
inline constexpr RecordArray kSlots{&slot::kLayout, Space::kKernel, 0x100000, kMaxSlots};

// kvm_memory_slot.dirty_bitmap: a bit a page, by record.
inline constexpr std::uint64_t kDirtyBitmaps = 1ull << 40;
inline constexpr std::uint64_t kDirtyWordsPerSlot = 1ull << 25;  // 2^31 pages
constexpr WordRef dirty_word(std::uint64_t record, std::uint64_t page) {
  return {Space::kKernel, kDirtyBitmaps + record * kDirtyWordsPerSlot + page / 64};
}
bool logs_dirty(const Store& store, std::uint64_t gfn);
// mark_page_dirty_in_slot: nothing for a slot that does not log.
void mark_page_dirty(Store& store, std::uint64_t gfn);

// KVM_MMIO_BUS: its devices in the order of the kernel's own array, the used ones first.
namespace bus {
enum class Kind : std::uint8_t { kNone, kIoeventfd, kZone, kIoapic };
inline constexpr Field kKind{"device", 0, 1, 0, "Kind"};
inline constexpr Field kLength{"len", 0, 63, 32, "bytes; 0: an ioeventfd of any length"};
inline constexpr Field kAddress{"addr", 1, 63, 0, ""};
inline constexpr Field kFields[] = {kKind, kLength, kAddress};
inline constexpr RecordLayout kLayout{"kvm_io_range", 2, kFields};
}  // namespace bus
inline constexpr std::uint64_t kMaxBusDevices = 4096;
inline constexpr RecordArray kBus{&bus::kLayout, Space::kKernel, 0x200000, kMaxBusDevices};

// struct kvm_ioapic.
inline constexpr unsigned kIoapicPins = 24;
namespace ioapic {
inline constexpr Field kSelect{"ioregsel", 0, 7, 0, ""};
inline constexpr Field kId{"id", 0, 11, 8, ""};
inline constexpr Field kFields[] = {kSelect, kId};
inline constexpr RecordLayout kLayout{"kvm_ioapic", 32, kFields};
// Words 4 on; bit 16 is inverted.
constexpr Field table(unsigned pin) { return {"redirtbl", 4 + pin, 63, 0, ""}; }
}  // namespace ioapic
inline constexpr RecordArray kIoapic{&ioapic::kLayout, Space::kKernel, 0x7000, 1};

// struct kvm_kpic_state, as far as a guest can see it: master, then slave.
namespace pic {
inline constexpr Field kImr{"imr", 0, 7, 0, ""};
inline constexpr Field kElcr{"elcr", 0, 15, 8, ""};
inline constexpr Field kInitState{"init_state", 0, 17, 16, "the word that comes next"};
inline constexpr Field kInit4{"init4", 0, 18, 18, "four words, not three"};
inline constexpr Field kReadIsr{"read_reg_select", 0, 19, 19, "1: ISR, 0: IRR"};
inline constexpr Field kPoll{"poll", 0, 20, 20, ""};
inline constexpr Field kVectors{"irq_base", 0, 28, 24, "bits 7:3"};
inline constexpr Field kFields[] = {kImr, kElcr, kInitState, kInit4, kReadIsr, kPoll, kVectors};
inline constexpr RecordLayout kLayout{"kvm_kpic_state", 1, kFields};
}  // namespace pic
inline constexpr RecordArray kPics{&pic::kLayout, Space::kKernel, 0x7100, 2};

// struct kvm_kpit_channel_state.
namespace pit {
inline constexpr Field kCount{"count", 0, 15, 0, "0: 65536"};
inline constexpr Field kLatchedCount{"latched_count", 0, 31, 16, ""};
inline constexpr Field kStatus{"status", 0, 39, 32, "latched"};
inline constexpr Field kWriteLatch{"write_latch", 0, 47, 40, ""};
inline constexpr Field kMode{"mode", 0, 55, 48, "inverted: after a reset it is 0xff"};
inline constexpr Field kRwMode{"rw_mode", 1, 1, 0, ""};
inline constexpr Field kReadState{"read_state", 1, 4, 2, "RW_STATE_*"};
inline constexpr Field kWriteState{"write_state", 1, 7, 5, "RW_STATE_*"};
inline constexpr Field kCountLatched{"count_latched", 1, 9, 8, ""};
inline constexpr Field kStatusLatched{"status_latched", 1, 10, 10, ""};
inline constexpr Field kBcd{"bcd", 1, 11, 11, ""};
inline constexpr Field kFields[] = {kCount,        kLatchedCount,  kStatus,    kWriteLatch,
                                    kMode,         kRwMode,        kReadState, kWriteState,
                                    kCountLatched, kStatusLatched, kBcd};
inline constexpr RecordLayout kLayout{"kvm_kpit_channel_state", 2, kFields};
}  // namespace pit
inline constexpr RecordArray kPitChannels{&pit::kLayout, Space::kKernel, 0x7110, 3};

// The registers of a vCPU's local APIC, one word for each 16 bytes of its page: the difference from
// the value after a reset.
struct LapicArray {
  std::uint64_t base = 0;
  constexpr std::uint64_t at_word(unsigned vcpu, unsigned index) const {
    return base + vcpu * 64 + index;
  }
};
inline constexpr LapicArray kLapics{0x8000};

// struct kvm_vcpu, as far as an outcome depends on it.
namespace vcpu {
inline constexpr Field kFaultGpa{"fault.addr", 0, 63, 0, ""};
inline constexpr Field kFaultError{"fault.error_code", 1, 63, 0, "EXITINFO1"};
inline constexpr Field kCacheValid{"mmio_cache.valid", 2, 0, 0, ""};
inline constexpr Field kCacheGfn{"mmio_cache.mmio_gfn", 3, 63, 0, ""};
inline constexpr Field kCacheGeneration{"mmio_cache.mmio_gen", 4, 63, 0, ""};
inline constexpr Field kFaultFrame{"fault.pfn", 5, 63, 0, "SPA that hva_to_pfn found"};
inline constexpr Field kGoalLevel{"fault.goal_level", 6, 6, 5,
                                  "2: a 2-MByte leaf, 3: of 1 GByte; else 4K"};
inline constexpr Field kMapWritable{"fault.map_writable", 6, 0, 0, ""};
inline constexpr unsigned kMaxReads = 16;
inline constexpr Field kWakeup{"wakeup", 6, 1, 1, "something ended HLT"};
inline constexpr Field kMpState{"mp_state", 6, 4, 3, "MpState"};
inline constexpr Field kRetryValid{"last_retry.valid", 6, 2, 2, "the two words below count"};
// The emulator: answers that user space has given to this instruction so far, in order.
inline constexpr Field kReads{"emulator.mem_read.count", 7, 7, 0, ""};
inline constexpr Field kReadBytes{"emulator.mem_read.pending_len", 7, 15, 8, ""};
inline constexpr Field kFragments{"mmio_nr_fragments", 7, 23, 16, "writes for user space"};
inline constexpr Field kFragmentNext{"mmio_cur_fragment", 7, 31, 24, ""};
inline constexpr Field kReadData0{"emulator.mem_read.data[0]", 8, 63, 0, ""};  // words 8 to 23
// VMGEXIT: the snapshot of the guest's GHCB.
inline constexpr Field kGhcbGpa{"ghcb_gpa", 24, 63, 0, ""};
inline constexpr Field kExitCode{"ghcb.sw_exit_code", 25, 63, 0, ""};
inline constexpr Field kExitInfo1{"ghcb.sw_exit_info_1", 26, 63, 0, ""};
inline constexpr Field kExitInfo2{"ghcb.sw_exit_info_2", 27, 63, 0, ""};
inline constexpr Field kScratch{"ghcb.sw_scratch", 28, 63, 0, ""};
inline constexpr Field kValid0{"ghcb.valid_bitmap[0]", 29, 63, 0, ""};
inline constexpr Field kValid1{"ghcb.valid_bitmap[1]", 30, 63, 0, ""};
inline constexpr Field kUsage{"ghcb.usage", 31, 31, 0, ""};
inline constexpr Field kRax{"ghcb.rax", 32, 63, 0, ""};
inline constexpr Field kRbx{"ghcb.rbx", 33, 63, 0, ""};
inline constexpr Field kRcx{"ghcb.rcx", 34, 63, 0, ""};
inline constexpr Field kRdx{"ghcb.rdx", 35, 63, 0, ""};
inline constexpr Field kRsi{"ghcb.rsi", 36, 63, 0, ""};
inline constexpr Field kXcr0{"ghcb.xcr0", 37, 63, 0, ""};
inline constexpr Field kCpl{"ghcb.cpl", 38, 7, 0, ""};
inline constexpr Field kMmioGpa{"ghcb.mmio.gpa", 39, 63, 0, "of the next piece"};
inline constexpr Field kMmioLeft{"ghcb.mmio.left", 40, 31, 0, "bytes that are still to do"};
inline constexpr Field kMmioDone{"ghcb.mmio.done", 40, 63, 32, "bytes done"};
inline constexpr Field kJumpTable{"ap_jump_table", 41, 63, 0, ""};
// Words 42 on: the fragments, kFragmentWords each: GPA, length, data.
inline constexpr unsigned kFirstFragment = 42, kFragmentWords = 3, kMaxFragments = 8;
// Behind them: where unprotect-and-retry was tried last.
inline constexpr Field kRetryRip{"last_retry_eip", 66, 63, 0, ""};
inline constexpr Field kRetryGpa{"last_retry_addr", 67, 63, 0, ""};
inline constexpr Field kApicBase{"apic_base", 68, 63, 0, "the difference from that after a reset"};
inline constexpr Field kRegisteredGhcb{"ghcb_registered_gpa", 69, 63, 0, "of an SNP guest"};
inline constexpr Field kPscEntry{"psc_idx", 70, 15, 0, "of a page-state change under way"};
inline constexpr Field kKnownCr0{"cr0", 71, 63, 0, "of a sealed guest: as its write traps told"};
inline constexpr Field kKnownCr4{"cr4", 72, 63, 0, "the same"};
inline constexpr Field kKnownEfer{"efer", 73, 63, 0, "the same"};
inline constexpr Field kPscEntries{"psc_inflight", 70, 31, 16, "entries that user space works on"};
inline constexpr Field kApWaiting{"snp_ap_waiting_for_reset", 70, 40, 40, ""};
inline constexpr Field kUpdateState{"KVM_REQ_UPDATE_PROTECTED_GUEST_STATE", 70, 41, 41, ""};
inline constexpr Field kSnpVmsaGpa{"snp_vmsa_gpa", 74, 63, 0, "of the next VMSA; 0: INVALID_PAGE"};
// INS and OUTS of a VMGEXIT.
inline constexpr Field kStringLeft{"sev_pio_count", 75, 31, 0, "elements that are still to do"};
inline constexpr Field kStringDone{"sev_pio_data", 75, 63, 32, "bytes done"};
inline constexpr Field kOwnVmsa{"sev_es.vmsa", 76, 63, 0, "SPA of the page that KVM gave it"};
inline constexpr Field kPsmashRet{"psmash_ret", 70, 39, 32, "of the RMP fault under way"};
inline constexpr Field kFields[] = {kFaultGpa,
                                    kFaultError,
                                    kCacheValid,
                                    kCacheGfn,
                                    kCacheGeneration,
                                    kFaultFrame,
                                    kMapWritable,
                                    kWakeup,
                                    kReads,
                                    kReadBytes,
                                    kFragments,
                                    kFragmentNext,
                                    kReadData0,
                                    kGhcbGpa,
                                    kExitCode,
                                    kExitInfo1,
                                    kExitInfo2,
                                    kScratch,
                                    kValid0,
                                    kValid1,
                                    kUsage,
                                    kRax,
                                    kRbx,
                                    kRcx,
                                    kRdx,
                                    kRsi,
                                    kXcr0,
                                    kCpl,
                                    kMmioGpa,
                                    kMmioLeft,
                                    kMmioDone,
                                    kJumpTable,
                                    kRetryValid,
                                    kRetryRip,
                                    kRetryGpa,
                                    kMpState,
                                    kApicBase,
                                    kRegisteredGhcb,
                                    kPscEntry,
                                    kPscEntries,
                                    kPsmashRet,
                                    kApWaiting,
                                    kUpdateState,
                                    kSnpVmsaGpa,
                                    kGoalLevel,
                                    kKnownCr0,
                                    kKnownCr4,
                                    kKnownEfer,
                                    kStringLeft,
                                    kStringDone,
                                    kOwnVmsa};
inline constexpr RecordLayout kLayout{"kvm_vcpu", 80, kFields};
}  // namespace vcpu
inline constexpr RecordArray kVcpus{&vcpu::kLayout, Space::kKernel, 0x4000, 64};

// What a KVM that runs several VMPLs keeps of each of a vCPU's four: record 4 * vCPU + VMPL.
namespace vmpl {
inline constexpr unsigned kLevels = 4;  // SVM_SEV_VMPL_MAX
inline constexpr Field kVmsa{"vmsa_info.hpa", 0, 63, 0, "0: INVALID_PAGE"};
inline constexpr Field kVmsaGpa{"vmsa_info.gpa", 1, 63, 0, "of the next VMSA; 0: INVALID_PAGE"};
inline constexpr Field kGhcbMsr{"ghcb_gpa", 2, 63, 0, "while another VMPL runs"};
inline constexpr Field kRegisteredGhcb{"ghcb_registered_gpa", 3, 63, 0, "the same"};
inline constexpr Field kWaiting{"ap_waiting_for_reset", 4, 0, 0, ""};
inline constexpr Field kKnown{"initialized", 4, 1, 1, "the words above count"};
// Of the vCPU, in the record of its VMPL0.
inline constexpr Field kCurrent{"snp_current_vmpl", 4, 5, 4, ""};
inline constexpr Field kFields[] = {kVmsa,    kVmsaGpa, kGhcbMsr, kRegisteredGhcb,
                                    kWaiting, kKnown,   kCurrent};
inline constexpr RecordLayout kLayout{"vmpl of a vCPU", 5, kFields};
}  // namespace vmpl
inline constexpr RecordArray kVmpls{&vmpl::kLayout, Space::kKernel, 0x7400, 64 * vmpl::kLevels};

// gfns whose page KVM shadows for a nested guest: writes to them are not let through
// (mmu_page_track).
namespace tracked {
inline constexpr Field kGfn{"gfn", 0, 63, 0, ""};
inline constexpr Field kFields[] = {kGfn};
inline constexpr RecordLayout kLayout{"write-tracked gfn", 1, kFields};
}  // namespace tracked
inline constexpr RecordArray kTracked{&tracked::kLayout, Space::kKernel, 0x6000, 64};

// The generation counts in steps of the number of address spaces (address_spaces() in define.h).
// MMIO entries keep 19 bits of it.
inline constexpr std::uint64_t kMmioGenerationModulus = 1ull << 19;
inline constexpr CounterId kGenerationCounter = 0;

// The generation whole, as the vCPU's MMIO cache keeps it.
inline constexpr StampLayout kWholeGenerationStamp{
    ~0ull, [](std::uint64_t word) { return word; },
    [](std::uint64_t, std::uint64_t stamp) { return stamp; }};

// A slot and how it answers for a page.
struct FoundSlot {
  bool invalid = false;
  bool readonly = false;
  machine::BackingId backing = machine::kNoBacking;
  std::uint64_t page = 0;  // of the backing
};
// A slot's record: its words and its number.
struct SlotRecord {
  const std::uint64_t* words = nullptr;
  std::uint64_t index = 0;

  explicit operator bool() const { return words != nullptr; }
  std::uint64_t get(const Field& field) const { return field_of(words, field); }
};
// gfn_to_memslot, by the used records; of the address space that is not SMM's.
SlotRecord slot_record_of(const Store& store, std::uint64_t gfn);
std::optional<FoundSlot> slot_of(const Store& store, std::uint64_t gfn);
// The record of a slot number, if it is in use.
std::optional<std::uint64_t> slot_with_id(const Store& store, std::uint64_t address_space,
                                          std::uint64_t id);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_STATE_H_
