// QEMU's own records, in Space::kVmm behind what it shares with KVM.
#ifndef NPTSIM_MODELS_VMM_QEMU_STATE_H_
#define NPTSIM_MODELS_VMM_QEMU_STATE_H_

#include <cstdint>

#include "models/common/kvm_uapi.h"
#include "sim/base/layout.h"
#include "sim/machine/frames.h"

namespace nptsim::qemu {

// The process as a whole.
namespace process {
inline constexpr Field kBql{"bql", 0, 7, 0, "1 + the thread that holds the big QEMU lock"};
inline constexpr Field kInhibit{"accel_in_ioctl_inhibit", 0, 8, 8,
                                "no vCPU may enter KVM_RUN (accel/accel-blocker.c)"};
inline constexpr Field kReadonlyMem{"kvm_readonly_mem_allowed", 0, 16, 16,
                                    "asked once, in kvm_init"};
inline constexpr Field kFields[] = {kBql, kInhibit, kReadonlyMem};
inline constexpr RecordLayout kLayout{"qemu", 8, kFields};
}  // namespace process
inline constexpr RecordArray kProcess{&process::kLayout, Space::kVmm, kvm_uapi::kVmmPrivate, 1};

// What a thread is at: the access of one KVM_EXIT_MMIO, cut into pieces, and the region that rows
// talk about. All zero between two accesses.
namespace thread {
inline constexpr Field kRegion{"region", 0, 15, 0, "1 + index of the region under way"};
inline constexpr Field kWrite{"access.is_write", 0, 16, 16, ""};
inline constexpr Field kLength{"access.len", 0, 27, 24, "bytes, 1 to 8"};
inline constexpr Field kPieceAt{"piece.at", 0, 35, 32, "bytes of the access before the piece"};
inline constexpr Field kPieceSize{"piece.size", 0, 43, 40, "bytes"};
inline constexpr Field kRoom{"piece.room", 0, 51, 48, "bytes up to the end of region or access"};
inline constexpr Field kAddress{"access.addr", 1, 63, 0, "GPA"};
inline constexpr Field kData{"access.data", 2, 63, 0, "little-endian"};
inline constexpr Field kOffset{"piece.offset", 3, 63, 0, "in the region"};
// The flash chip when the callback began, for the event that tells of it.
inline constexpr Field kCmdBefore{"callback.cmd", 4, 7, 0, ""};
inline constexpr Field kCycleBefore{"callback.wcycle", 4, 15, 8, ""};
inline constexpr Field kStatusBefore{"callback.status", 4, 23, 16, ""};
inline constexpr Field kRomdBefore{"callback.romd_mode", 4, 24, 24, ""};
inline constexpr unsigned kWords = 8;
inline constexpr Field kFields[] = {kRegion,      kWrite,        kLength,    kPieceAt, kPieceSize,
                                    kRoom,        kAddress,      kData,      kOffset,  kCmdBefore,
                                    kCycleBefore, kStatusBefore, kRomdBefore};
inline constexpr RecordLayout kLayout{"qemu thread", kWords, kFields};
}  // namespace thread
// By actor: the vCPU threads, then the main thread.
inline constexpr RecordArray kThreads{&thread::kLayout, Space::kVmm, kvm_uapi::kVmmPrivate + 0x10,
                                      machine::kVmmActor + 1};

// A memory region: its KVMSlot, and the device behind it. By index in Setup::regions.
namespace region {
inline constexpr Field kSlot{"slot", 0, 15, 0, "1 + KVM's slot number; 0: no slot"};
inline constexpr Field kSlotReadonly{"slot.readonly", 0, 16, 16, "KVM_MEM_READONLY"};
inline constexpr Field kRomd{"romd_mode", 0, 17, 17, ""};
inline constexpr Field kAlias{"alias", 0, 47, 32,
                              "1 + index of the region that it shows; 0: its own"};
// PFlashCFI01 (hw/block/pflash_cfi01.c).
inline constexpr Field kCmd{"pflash.cmd", 1, 7, 0, "0x00 stands for read array"};
inline constexpr Field kCycle{"pflash.wcycle", 1, 15, 8, ""};
inline constexpr Field kStatus{"pflash.status", 1, 23, 16, ""};
inline constexpr Field kReadOnly{"pflash.ro", 1, 24, 24, "the drive cannot be written"};
inline constexpr Field kBufferOpen{"pflash.blk_open", 1, 25, 25, "blk_offset is not -1"};
inline constexpr Field kCounter{"pflash.counter", 2, 63, 0, "elements still to come"};
inline constexpr Field kBlockOffset{"pflash.blk_offset", 3, 63, 0, "with blk_open"};
// NRF51NVMState (hw/nvram/nrf51_nvm.c), in the record of the array.
inline constexpr Field kNvmConfig{"nvm.config", 4, 1, 0, "bit 0: WEN, bit 1: EEN"};
inline constexpr Field kFields[] = {kSlot,       kSlotReadonly, kRomd,        kAlias,
                                    kCmd,        kCycle,        kStatus,      kReadOnly,
                                    kBufferOpen, kCounter,      kBlockOffset, kNvmConfig};
inline constexpr RecordLayout kLayout{"qemu region", 8, kFields};
}  // namespace region
inline constexpr std::uint64_t kMaxRegions = 1024;
inline constexpr RecordArray kRegions{&region::kLayout, Space::kVmm, kvm_uapi::kVmmPrivate + 0x100,
                                      kMaxRegions};

// PFlashCFI01.blk_bytes, word by word: room for the largest write block for each region.
namespace block {
inline constexpr Field kBytes{"pflash.blk_bytes", 0, 63, 0, "8 bytes of the open write buffer"};
inline constexpr Field kFields[] = {kBytes};
inline constexpr RecordLayout kLayout{"qemu write buffer", 1, kFields};
// 1 << CFI[0x2A] = 2 KiB for a wide bank, of at most four chips (pflash_cfi01_fill_cfi_table).
inline constexpr std::uint64_t kMostWords = 4 * 2048 / 8;
}  // namespace block
inline constexpr RecordArray kBlocks{&block::kLayout, Space::kVmm,
                                     kRegions.base + kMaxRegions* region::kLayout.words,
                                     kMaxRegions* block::kMostWords};

}  // namespace nptsim::qemu

#endif  // NPTSIM_MODELS_VMM_QEMU_STATE_H_
