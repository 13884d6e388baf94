// QEMU hw/block/pflash_cfi01.c pflash_read: status, query and identifiers, as wide as they are
// asked for. Without `device-width` the device keeps to what it did before it knew of chips.
#include <bit>

#include "models/vmm/qemu/define.h"
#include "models/vmm/qemu/flash_shape.h"
#include "models/vmm/qemu/pflash.h"

namespace nptsim::qemu {
namespace {

std::uint32_t mask_of_bytes(unsigned bytes) { return bytes >= 4 ? ~0u : (1u << (8 * bytes)) - 1; }

// deposit32(): `bytes` bytes of `value` into `word` at byte `at`.
std::uint32_t put_bytes(std::uint32_t word, unsigned at, unsigned bytes, std::uint32_t value) {
  const std::uint32_t mask = mask_of_bytes(bytes);
  return (word & ~(mask << (8 * at))) | ((value & mask) << (8 * at));
}

// What one chip answers, once for every chip of the bank.
std::uint32_t on_all_chips(const FlashShape& flash, std::uint32_t one) {
  std::uint32_t all = one;
  for (unsigned at = flash.device_width; at < flash.bank_width; at += flash.device_width) {
    all = put_bytes(all, at, flash.device_width, all);
  }
  return all;
}

// A table is addressed in units of the bank.
std::uint64_t in_bank_units(const FlashShape& flash, std::uint64_t offset) {
  return offset >> std::countr_zero(flash.bank_width);
}

// With `device-width`: a read that is wider than the bank is several answers side by side. The
// offsets step by i * bank_width with i in bytes already (pflash_read).
template <class OneAnswer>
std::uint32_t side_by_side(const FlashShape& flash, std::uint64_t offset, unsigned width,
                           OneAnswer one) {
  std::uint32_t answer = ~0u;
  for (unsigned i = 0; i < width; i += flash.bank_width) {
    const std::uint32_t part = one(in_bank_units(flash, offset + i * flash.bank_width));
    answer = put_bytes(answer, i, flash.bank_width, part);
  }
  return answer;
}

// pflash_devid_query. Offsets 2 and 3, the lock status, are not emulated.
std::uint32_t chip_ident(const FlashShape& flash, std::uint64_t index) {
  const std::uint64_t low = index & 0xff;
  return low > 1 ? 0 : on_all_chips(flash, flash.idents[low]);
}

}  // namespace

std::uint32_t flash_status_answer(const FlashShape& flash, std::uint32_t status, unsigned width) {
  if (flash.device_width == 0) return width > 2 ? status | status << 16 : status;
  std::uint32_t answer = status;
  for (unsigned at = flash.device_width; at + flash.device_width <= width;
       at += flash.device_width) {
    answer |= status << (8 * at);
  }
  return answer;
}

std::uint32_t flash_query_answer(const FlashShape& flash, std::uint64_t offset, unsigned width) {
  if (flash.device_width == 0) return cfi_byte(flash, in_bank_units(flash, offset & 0xff));
  return side_by_side(flash, offset, width, [&](std::uint64_t index) {
    return on_all_chips(flash, cfi_byte(flash, index));
  });
}

std::uint32_t flash_ident_answer(const FlashShape& flash, std::uint64_t offset, unsigned width) {
  if (flash.device_width != 0) {
    return side_by_side(flash, offset, width,
                        [&](std::uint64_t index) { return chip_ident(flash, index); });
  }
  const std::uint64_t index = in_bank_units(flash, offset & 0xff);
  if (index > 1) return 0;
  return static_cast<std::uint32_t>(flash.idents[2 * index] << 8 | flash.idents[2 * index + 1]);
}

namespace {

ActionResult flash_read_array(View& view, const Args&) {
  std::uint64_t value = 0;
  if (load_mapping(view, region_setup(view), piece_offset(view), &value, piece_width(view))) {
    set_piece_value(view, value);
  }
  return ActionResult::done();
}

ActionResult flash_read_status(View& view, const Args&) {
  const std::uint64_t status = region_record(std::as_const(view)).get(region::kStatus);
  set_piece_value(view, flash_status_answer(shape_of(view), static_cast<std::uint32_t>(status),
                                            piece_width(view)));
  return ActionResult::done();
}

ActionResult flash_read_query(View& view, const Args&) {
  set_piece_value(view, flash_query_answer(shape_of(view), piece_offset(view), piece_width(view)));
  return ActionResult::done();
}

ActionResult flash_read_ident(View& view, const Args&) {
  set_piece_value(view, flash_ident_answer(shape_of(view), piece_offset(view), piece_width(view)));
  return ActionResult::done();
}

}  // namespace

void add_pflash_answer_actions(rules::Vocabulary& v) {
  const std::string kAnswer = "the access's data";
  v.add(action<flash_read_array>("flash_read_array", {}, kAnswer, "bytes of the array"));
  v.add(action<flash_read_status>("flash_read_status", {}, kAnswer,
                                  "the status, of each chip of the bank"));
  v.add(action<flash_read_query>("flash_read_query", {}, kAnswer, "bytes of the CFI table"));
  v.add(action<flash_read_ident>("flash_read_ident", {}, kAnswer, "id0 to id3"));
}

}  // namespace nptsim::qemu
