// QEMU's own records, in Space::kVmm behind what it shares with KVM.
#ifndef NPTSIM_MODELS_VMM_QEMU_STATE_H_
#define NPTSIM_MODELS_VMM_QEMU_STATE_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "models/common/kvm_uapi.h"
#include "sim/base/layout.h"
#include "sim/machine/frames.h"

namespace nptsim::qemu {

// The process as a whole.
namespace process {
inline constexpr Field kBql{"bql", 0, 7, 0, "1 + the thread that holds the big QEMU lock"};
inline constexpr Field kInhibit{"accel_in_ioctl_inhibit", 0, 8, 8,
                                "no vCPU may enter KVM_RUN (accel/accel-blocker.c)"};
inline constexpr Field kFields[] = {kBql, kInhibit};
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

// pflash_cfi01: 1 << CFI[0x2A] bytes for a bank of width 1.
inline constexpr std::uint64_t kWriteBlockSize = 256;
inline constexpr unsigned kWriteBlockWords = kWriteBlockSize / 8;
// Sectors of PC flash (hw/i386/pc_sysfw.c FLASH_SECTOR_SIZE).
inline constexpr std::uint64_t kSectorSize = 4096;

// A memory region: its KVMSlot, and for a flash the PFlashCFI01 behind it. By index in
// Setup::regions.
namespace region {
inline constexpr Field kSlot{"slot", 0, 15, 0, "1 + KVM's slot number; 0: no slot"};
inline constexpr Field kSlotReadonly{"slot.readonly", 0, 16, 16, "KVM_MEM_READONLY"};
inline constexpr Field kRomd{"romd_mode", 0, 17, 17, ""};
inline constexpr Field kCmd{"pflash.cmd", 1, 7, 0, "0x00 stands for read array"};
inline constexpr Field kCycle{"pflash.wcycle", 1, 15, 8, ""};
inline constexpr Field kStatus{"pflash.status", 1, 23, 16, ""};
inline constexpr Field kReadOnly{"pflash.ro", 1, 24, 24, "the drive cannot be written"};
inline constexpr Field kBufferOpen{"pflash.blk_open", 1, 25, 25, "blk_offset is not -1"};
inline constexpr Field kCounter{"pflash.counter", 2, 63, 0, "elements still to come"};
inline constexpr Field kBlockOffset{"pflash.blk_offset", 3, 63, 0, "with blk_open"};
inline constexpr unsigned kBlockBytes = 8;  // the word at which blk_bytes begins
inline constexpr unsigned kWords = kBlockBytes + kWriteBlockWords;

inline constexpr Field kNamed[] = {kSlot,   kSlotReadonly, kRomd,       kCmd,     kCycle,
                                   kStatus, kReadOnly,     kBufferOpen, kCounter, kBlockOffset};
inline constexpr std::string_view kBlockWordNames[kWriteBlockWords] = {
    "blk_bytes[0x00]", "blk_bytes[0x08]", "blk_bytes[0x10]", "blk_bytes[0x18]", "blk_bytes[0x20]",
    "blk_bytes[0x28]", "blk_bytes[0x30]", "blk_bytes[0x38]", "blk_bytes[0x40]", "blk_bytes[0x48]",
    "blk_bytes[0x50]", "blk_bytes[0x58]", "blk_bytes[0x60]", "blk_bytes[0x68]", "blk_bytes[0x70]",
    "blk_bytes[0x78]", "blk_bytes[0x80]", "blk_bytes[0x88]", "blk_bytes[0x90]", "blk_bytes[0x98]",
    "blk_bytes[0xa0]", "blk_bytes[0xa8]", "blk_bytes[0xb0]", "blk_bytes[0xb8]", "blk_bytes[0xc0]",
    "blk_bytes[0xc8]", "blk_bytes[0xd0]", "blk_bytes[0xd8]", "blk_bytes[0xe0]", "blk_bytes[0xe8]",
    "blk_bytes[0xf0]", "blk_bytes[0xf8]"};
constexpr Field block_word(unsigned i) { return {kBlockWordNames[i], kBlockBytes + i, 63, 0, ""}; }
constexpr auto all_fields() {
  std::array<Field, std::size(kNamed) + kWriteBlockWords> fields{};
  unsigned n = 0;
  for (const Field& field : kNamed) fields[n++] = field;
  for (unsigned i = 0; i < kWriteBlockWords; ++i) fields[n++] = block_word(i);
  return fields;
}
inline constexpr auto kFields = all_fields();
inline constexpr RecordLayout kLayout{"qemu region", kWords, kFields};
}  // namespace region
inline constexpr std::uint64_t kMaxRegions = 1024;
inline constexpr RecordArray kRegions{&region::kLayout, Space::kVmm, kvm_uapi::kVmmPrivate + 0x100,
                                      kMaxRegions};

}  // namespace nptsim::qemu

#endif  // NPTSIM_MODELS_VMM_QEMU_STATE_H_
