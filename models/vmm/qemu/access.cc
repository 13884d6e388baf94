// One KVM_EXIT_MMIO through address_space_rw: found, cut into pieces, copied or answered.
//
// QEMU system/physmem.c: flatview_read_continue and flatview_write_continue go over the access from
// its lowest address up. What lies in directly accessible memory is copied up to the region's end;
// a device gets pieces that memory_access_size allows, each under the big QEMU lock.
#include <algorithm>

#include "models/common/register_bank.h"
#include "models/vmm/qemu/define.h"

namespace nptsim::qemu {

namespace {

std::uint64_t low_bytes(std::uint64_t size) { return size >= 8 ? ~0ull : bit(8 * size) - 1; }

unsigned piece_shift(const View& view) {
  return 8 * static_cast<unsigned>(thread_record(view).get(thread::kPieceAt));
}

bool is_write(const View& view) { return thread_record(view).get(thread::kWrite) != 0; }

// The region's offset of the piece, or its address where no region is.
GuestPhysAddr piece_address(const View& view) {
  const ConstRecord t = thread_record(view);
  return GuestPhysAddr(t.get(thread::kAddress) + t.get(thread::kPieceAt));
}

ActionResult begin_access(View& view, const Args&) {
  const ConstRecord run = run_record(std::as_const(view));
  const Record t = thread_record(view);
  const bool write = run.get(kvm_uapi::run::kMmioWrite) != 0;
  const std::uint64_t length = run.get(kvm_uapi::run::kMmioLen);
  NPTSIM_CHECK(length >= 1 && length <= 8);
  t.set(thread::kAddress, run.get(kvm_uapi::run::kMmioAddress));
  t.set(thread::kWrite, write);
  t.set(thread::kLength, length);
  t.set(thread::kData, write ? run.get(kvm_uapi::run::kMmioData) & low_bytes(length) : 0);
  return ActionResult::done();
}

ActionResult end_access(View& view, const Args&) {
  const Record t = thread_record(view);
  if (!is_write(view)) run_record(view).set(kvm_uapi::run::kMmioData, t.get(thread::kData));
  for (unsigned i = 0; i < thread::kWords; ++i) view.store().write(Space::kVmm, t.base() + i, 0);
  return ActionResult::done();
}

// Over the pieces of the access; the cursor is the number of bytes before the piece.
bool access_pieces(View& view, const Args&, std::uint64_t& cursor) {
  const ConstRecord t = thread_record(std::as_const(view));
  cursor = cursor == rules::kBeforeFirst ? 0 : cursor + t.get(thread::kPieceSize);
  return cursor < t.get(thread::kLength);
}

// flatview_translate: the region at the address, and how much of the access lies in it.
ActionResult translate(View& view, const Args& args) {
  const Record t = thread_record(view);
  t.set(thread::kPieceAt, args.get(0));
  const GuestPhysAddr address = piece_address(view);
  std::uint64_t room = t.get(thread::kLength) - args.get(0);
  std::uint64_t found = 0;
  t.set(thread::kOffset, address.value);
  const auto& regions = view.setup().regions;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const machine::Region& region = regions[i];
    if (found == 0 && region.contains(address)) {
      found = i + 1;
      t.set(thread::kOffset, address - region.gpa);
      room = std::min(room, region.size - (address - region.gpa));
    } else if (region.gpa > address) {
      room = std::min(room, region.gpa - address);
    }
  }
  t.set(thread::kRegion, found);
  if (found != 0) t.set(thread::kOffset, t.get(thread::kOffset) + alias_offset(view));
  t.set(thread::kRoom, room);
  t.set(thread::kPieceSize, room);
  return ActionResult::done();
}

// memory_access_size, for a device without wishes of its own: at most 4 bytes, naturally aligned in
// the region, a power of two.
ActionResult device_piece(View& view, const Args&) {
  const Record t = thread_record(view);
  const std::uint64_t room = t.get(thread::kRoom);
  const std::uint64_t offset = t.get(thread::kOffset);
  std::uint64_t size = 4;
  while (size > room || offset % size != 0) size /= 2;
  t.set(thread::kPieceSize, size);
  return ActionResult::done();
}

ActionResult copy_ram(View& view, const Args&) {
  const ConstRecord t = thread_record(std::as_const(view));
  const std::uint64_t size = t.get(thread::kPieceSize);
  std::uint64_t data = piece_value(view);
  if (is_write(view)) {
    store_mapping(view, region_setup(view), t.get(thread::kOffset), &data, size);
  } else if (load_mapping(view, region_setup(view), t.get(thread::kOffset), &data, size)) {
    set_piece_value(view, data);
  }
  return ActionResult::done();
}

ActionResult drop_write(View& view, const Args&) {
  view.raise_harm("write-lost");
  return ActionResult::done();
}

// unassigned_mem_read gives 0; nothing is there that a write could be lost from.
ActionResult unassigned_access(View& view, const Args&) {
  if (!is_write(view)) set_piece_value(view, 0);
  return ActionResult::done();
}

ActionResult io_access(View& view, const Args&) {
  const ConstRecord t = thread_record(std::as_const(view));
  const std::uint64_t size = t.get(thread::kPieceSize);
  if (!is_write(view)) set_piece_value(view, register_bank_word(piece_address(view).value, size));
  if (view.narrator() != nullptr) view.say("device", device_fields(view));
  return ActionResult::done();
}

}  // namespace

machine::EventFields device_fields(const View& view) {
  const ConstRecord t = thread_record(view);
  return {{"region", region_setup(view).name},
          {"direction", std::string(is_write(view) ? "write" : "read")},
          {"offset", machine::Hex{t.get(thread::kOffset)}},
          {"size", t.get(thread::kPieceSize)},
          {"value", machine::Hex{piece_value(view)}}};
}

std::uint64_t piece_value(const View& view) {
  const ConstRecord t = thread_record(view);
  return (t.get(thread::kData) >> piece_shift(view)) & low_bytes(t.get(thread::kPieceSize));
}

void set_piece_value(View& view, std::uint64_t value) {
  const Record t = thread_record(view);
  const unsigned shift = piece_shift(view);
  const std::uint64_t mask = low_bytes(t.get(thread::kPieceSize)) << shift;
  t.set(thread::kData, (t.get(thread::kData) & ~mask) | ((value << shift) & mask));
}

void add_access_actions(rules::Vocabulary& v) {
  v.add(iterator<access_pieces>("access_pieces",
                                "the access from its lowest byte up, each piece as long as the row "
                                "made it"));
  v.add(action<begin_access>("begin_access", {}, "the thread's access",
                             "takes address, length, direction and data from kvm_run"));
  v.add(action<end_access>("end_access", {}, "kvm_run mmio.data; the thread's access",
                           "gives a read's data to KVM and forgets the access"));
  v.add(action<translate>("translate", {value_arg("at")}, "the thread's piece and region",
                          "flatview_translate: which region the rest of the access begins in"));
  v.add(action<device_piece>("device_piece", {}, "the length of the piece",
                             "memory_access_size: at most 4 bytes, naturally aligned"));
  v.add(action<copy_ram>("copy_ram", {}, "guest memory, or the access's data",
                         "memcpy between the access and the host's mapping, without guest key"));
  v.add(action<drop_write>("drop_write", {}, "the harm flag write-lost",
                           "a write that no device takes goes nowhere, and the guest is not told"));
  v.add(action<unassigned_access>("unassigned_access", {}, "the access's data",
                                  "a read gives 0, a write does nothing"));
  v.add(
      action<io_access>("io_access", {}, "the access's data",
                        "a read gives a pattern that depends on the address, a write is ignored"));
}

}  // namespace nptsim::qemu
