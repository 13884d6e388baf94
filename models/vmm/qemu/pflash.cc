// The callbacks of hw/block/pflash_cfi01.c: what its tables (rows/pflash.yaml) make the chip do.
//
// The array is the region's host mapping (PFlashCFI01.storage), so what the guest launched
// encrypted is ciphertext here, and a byte stored into it turns its 16-byte block into noise for
// the guest.
#include "models/vmm/qemu/pflash.h"

#include <vector>

#include "models/vmm/qemu/define.h"

namespace nptsim::qemu {
namespace {

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
  machine::EventFields fields = device_fields(view);
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
  const std::uint64_t size = region_setup(view).sector_size;
  const std::vector<std::uint8_t> erased(size, 0xff);
  store_mapping(view, region_setup(view), piece_offset(view) & ~(size - 1), erased.data(), size);
  return ActionResult::done();
}

ActionResult flash_store(View& view, const Args&) {
  const std::uint64_t value = piece_value(view);
  store_mapping(view, region_setup(view), piece_offset(view), &value, piece_width(view));
  return ActionResult::done();
}

}  // namespace

void add_pflash_actions(rules::Vocabulary& v) {
  const std::string kChip = "the chip's cmd and wcycle";
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
  v.add(action<flash_erase>("flash_erase", {}, "a sector of the array",
                            "the sector of the offset becomes 0xFF"));
  v.add(action<flash_store>("flash_store", {}, "the array",
                            "overwrites as many bytes as the write has"));
}

}  // namespace nptsim::qemu
