// The callbacks of hw/block/pflash_cfi01.c: what its tables (rows/pflash.yaml) make the chip do.
//
// The array is the region's host mapping (PFlashCFI01.storage), so what the guest launched
// encrypted is ciphertext here, and a byte stored into it turns its 16-byte block into noise for
// the guest.
#include "models/vmm/qemu/pflash.h"

#include <array>
#include <cstring>

#include "models/vmm/qemu/define.h"

namespace nptsim::qemu {
namespace {

std::uint64_t offset_of(const View& view) { return thread_record(view).get(thread::kOffset); }
std::uint64_t width_of(const View& view) { return thread_record(view).get(thread::kPieceSize); }

// Only the lowest byte of a write is looked at as a command.
std::uint64_t command_byte(const View& view) { return piece_value(view) & 0xff; }

void set_status_bits(View& view, std::uint64_t bits) {
  const Record r = region_record(view);
  r.set(region::kStatus, r.get(region::kStatus) | bits);
}

// --- the callback around a row of the tables ---

ActionResult flash_begin(View& view, const Args&) {
  const ConstRecord r = region_record(std::as_const(view));
  const Record t = thread_record(view);
  t.set(thread::kCmdBefore, r.get(region::kCmd));
  t.set(thread::kCycleBefore, r.get(region::kCycle));
  t.set(thread::kStatusBefore, r.get(region::kStatus));
  t.set(thread::kRomdBefore, r.get(region::kRomd));
  return ActionResult::done();
}

std::string romd_word(std::uint64_t on) { return on != 0 ? "romd-on" : "romd-off"; }

void tell_callback(View& view) {
  const ConstRecord r = region_record(std::as_const(view));
  const ConstRecord t = thread_record(std::as_const(view));
  const bool write = t.get(thread::kWrite) != 0;
  machine::EventFields fields{{"region", region_setup(view).name},
                              {"direction", std::string(write ? "write" : "read")},
                              {"offset", machine::Hex{offset_of(view)}},
                              {"size", width_of(view)},
                              {"value", machine::Hex{piece_value(view)}}};
  const auto pair = [&](const std::string& name, std::uint64_t before, std::uint64_t after) {
    fields.add(name + "_before", machine::Hex{before}).add(name, machine::Hex{after});
  };
  pair("cmd", t.get(thread::kCmdBefore), r.get(region::kCmd));
  pair("wcycle", t.get(thread::kCycleBefore), r.get(region::kCycle));
  pair("status", t.get(thread::kStatusBefore), r.get(region::kStatus));
  fields.add("mode_before", romd_word(t.get(thread::kRomdBefore)))
      .add("mode", romd_word(r.get(region::kRomd)));
  view.say("device", std::move(fields));
}

ActionResult flash_end(View& view, const Args&) {
  if (view.narrator() != nullptr) tell_callback(view);
  const Record t = thread_record(view);
  for (const Field& field :
       {thread::kCmdBefore, thread::kCycleBefore, thread::kStatusBefore, thread::kRomdBefore}) {
    t.set(field, 0);
  }
  return ActionResult::done();
}

// --- command and status ---

ActionResult flash_next(View& view, const Args& args) {
  const Record r = region_record(view);
  r.set(region::kCmd, command_byte(view));
  r.set(region::kCycle, args.get(0));
  return ActionResult::done();
}

ActionResult flash_stay(View& view, const Args& args) {
  region_record(view).set(region::kCycle, args.get(0));
  return ActionResult::done();
}

ActionResult flash_reset_command(View& view, const Args&) {
  const Record r = region_record(view);
  r.set(region::kCmd, 0);
  r.set(region::kCycle, 0);
  return ActionResult::done();
}

ActionResult flash_status(View& view, const Args& args) {
  set_status_bits(view, args.get(0));
  return ActionResult::done();
}

ActionResult flash_clear_status(View& view, const Args&) {
  region_record(view).set(region::kStatus, 0);
  return ActionResult::done();
}

// --- the array ---

ActionResult flash_erase(View& view, const Args&) {
  std::array<std::uint8_t, kSectorSize> erased;
  erased.fill(0xff);
  store_mapping(view, region_setup(view), offset_of(view) & ~(kSectorSize - 1), erased.data(),
                erased.size());
  return ActionResult::done();
}

ActionResult flash_store(View& view, const Args&) {
  const std::uint64_t value = piece_value(view);
  store_mapping(view, region_setup(view), offset_of(view), &value, width_of(view));
  return ActionResult::done();
}

// --- the write buffer ---

using BlockBytes = std::array<std::uint64_t, kWriteBlockWords>;

void write_block_words(View& view, const BlockBytes& words) {
  const Record r = region_record(view);
  for (unsigned i = 0; i < kWriteBlockWords; ++i) r.set(region::block_word(i), words[i]);
}

BlockBytes block_words(const View& view) {
  const ConstRecord r = region_record(view);
  BlockBytes words;
  for (unsigned i = 0; i < kWriteBlockWords; ++i) words[i] = r.get(region::block_word(i));
  return words;
}

// blk_offset = -1; what the buffer held means nothing any more.
void close_buffer(View& view) {
  const Record r = region_record(view);
  r.set(region::kBufferOpen, 0);
  r.set(region::kBlockOffset, 0);
  write_block_words(view, {});
}

// Number of elements - 1, as wide as the bank: one byte.
ActionResult flash_buffer_count(View& view, const Args&) {
  region_record(view).set(region::kCounter, command_byte(view));
  return ActionResult::done();
}

// pflash_blk_write_start: the window lies where the first data write goes.
void open_buffer(View& view) {
  const Record r = region_record(view);
  const std::uint64_t base = offset_of(view) & ~(kWriteBlockSize - 1);
  BlockBytes words;
  if (!load_mapping(view, region_setup(view), base, words.data(), kWriteBlockSize)) return;
  r.set(region::kBufferOpen, 1);
  r.set(region::kBlockOffset, base);
  write_block_words(view, words);
}

// pflash_data_write with an open buffer. False if the write is not wholly inside the window.
bool write_to_buffer(View& view) {
  const std::uint64_t base = region_record(std::as_const(view)).get(region::kBlockOffset);
  const std::uint64_t offset = offset_of(view);
  if (offset < base || offset + width_of(view) > base + kWriteBlockSize) return false;
  BlockBytes words = block_words(view);
  const std::uint64_t value = piece_value(view);
  std::memcpy(reinterpret_cast<char*>(words.data()) + (offset - base), &value, width_of(view));
  write_block_words(view, words);
  return true;
}

// A count of 0 (one element) opens no buffer, so it can never be stored (commit 2563be6317).
ActionResult flash_buffer_data(View& view, const Args&) {
  const Record r = region_record(view);
  const bool read_only = r.get(region::kReadOnly) != 0;
  if (!r.get(region::kBufferOpen) && r.get(region::kCounter) != 0) open_buffer(view);
  const bool stored = !read_only && r.get(region::kBufferOpen) && write_to_buffer(view);
  set_status_bits(view, stored ? kFlashReady : kFlashReady | kFlashProgramError);
  if (r.get(region::kCounter) == 0) {
    r.set(region::kCycle, 3);
  } else {
    r.set(region::kCounter, r.get(region::kCounter) - 1);
  }
  return ActionResult::done();
}

ActionResult flash_buffer_flush(View& view, const Args&) {
  const BlockBytes words = block_words(view);
  const std::uint64_t base = region_record(std::as_const(view)).get(region::kBlockOffset);
  store_mapping(view, region_setup(view), base, words.data(), kWriteBlockSize);
  close_buffer(view);
  return ActionResult::done();
}

ActionResult flash_buffer_abort(View& view, const Args&) {
  close_buffer(view);
  return ActionResult::done();
}

// --- answers ---

ActionResult flash_read_array(View& view, const Args&) {
  std::uint64_t value = 0;
  if (load_mapping(view, region_setup(view), offset_of(view), &value, width_of(view))) {
    set_piece_value(view, value);
  }
  return ActionResult::done();
}

// Without device-width a 4-byte read sees two chips of 16 bits.
ActionResult flash_read_status(View& view, const Args&) {
  const std::uint64_t status = region_record(std::as_const(view)).get(region::kStatus);
  set_piece_value(view, width_of(view) > 2 ? status | status << 16 : status);
  return ActionResult::done();
}

// One byte, whatever the width.
ActionResult flash_read_query(View& view, const Args&) {
  set_piece_value(view, cfi_byte(region_setup(view).size, offset_of(view) & 0xff));
  return ActionResult::done();
}

ActionResult flash_give(View& view, const Args& args) {
  set_piece_value(view, args.get(0));
  return ActionResult::done();
}

}  // namespace

void add_pflash_actions(rules::Vocabulary& v) {
  const std::string kChip = "the chip's cmd and wcycle";
  const std::string kAnswer = "the access's data";
  v.add(
      action<flash_begin>("flash_begin", {}, "the thread's note of the chip", "a callback begins"));
  v.add(action<flash_end>("flash_end", {}, "the thread's note of the chip",
                          "a callback ends; the event `device` tells of it"));
  v.add(action<flash_next>("flash_next", {number_arg("wcycle", 3)}, kChip,
                           "the byte written becomes the command"));
  v.add(action<flash_stay>("flash_stay", {number_arg("wcycle", 3)}, "the chip's wcycle",
                           "the command stays"));
  v.add(action<flash_reset_command>("flash_reset_command", {}, kChip, "back to read array"));
  v.add(action<flash_status>("flash_status", {number_arg("set", 0xff)}, "the status register",
                             "sets bits: 0x80 ready, 0x20 erase error, 0x10 program error"));
  v.add(action<flash_clear_status>("flash_clear_status", {}, "the status register",
                                   "all bits to 0, the ready bit too"));
  v.add(action<flash_erase>("flash_erase", {}, "4096 bytes of the array",
                            "the sector of the offset becomes 0xFF"));
  v.add(action<flash_store>("flash_store", {}, "the array",
                            "overwrites as many bytes as the write has"));
  v.add(action<flash_buffer_count>("flash_buffer_count", {}, "the chip's counter",
                                   "number of elements - 1, its low 8 bits"));
  v.add(action<flash_buffer_data>("flash_buffer_data", {},
                                  "write buffer, counter, wcycle and status",
                                  "one element into the write buffer, or a program error"));
  v.add(action<flash_buffer_flush>("flash_buffer_flush", {}, "256 bytes of the array; the buffer",
                                   "the whole window is stored"));
  v.add(action<flash_buffer_abort>("flash_buffer_abort", {}, "the write buffer", "drops it"));
  v.add(action<flash_read_array>("flash_read_array", {}, kAnswer, "bytes of the array"));
  v.add(
      action<flash_read_status>("flash_read_status", {}, kAnswer, "the status; twice in 4 bytes"));
  v.add(action<flash_read_query>("flash_read_query", {}, kAnswer, "a byte of the CFI table"));
  v.add(action<flash_give>("flash_give", {number_arg("value", 0xffffffff)}, kAnswer,
                           "a fixed value"));
}

}  // namespace nptsim::qemu
