// The write buffer of hw/block/pflash_cfi01.c: pflash_blk_write_start, _flush and _abort, and the
// count of elements. When a buffer is opened, and whether there is one at all, is for the rows.
#include <cstring>
#include <vector>

#include "models/vmm/qemu/define.h"
#include "models/vmm/qemu/flash_shape.h"

namespace nptsim::qemu {
namespace {

std::uint64_t block_of(const View& view) { return write_block_size(shape_of(view)); }
std::uint64_t window_of(const View& view) { return region_record(view).get(region::kBlockOffset); }

// Word `i` of blk_bytes.
std::uint64_t block_word(const View& view, std::uint64_t i) {
  return region_index(view) * block::kMostWords + i;
}

void close_buffer(View& view) {
  const Record r = region_record(view);
  r.set(region::kBufferOpen, 0);
  r.set(region::kBlockOffset, 0);
  // What the buffer held means nothing any more.
  for (std::uint64_t i = 0; i < block_of(view) / 8; ++i) {
    kBlocks.at(view.store(), block_word(view, i)).set(block::kBytes, 0);
  }
}

// Number of elements - 1, as wide as a chip or, if that is not said, the bank.
ActionResult flash_buffer_count(View& view, const Args&) {
  const FlashShape flash = shape_of(view);
  const unsigned bytes = flash.device_width != 0 ? flash.device_width : flash.bank_width;
  region_record(view).set(region::kCounter, piece_value(view) & bit_range(8 * bytes - 1, 0));
  return ActionResult::done();
}

ActionResult flash_buffer_open(View& view, const Args&) {
  const Record r = region_record(view);
  const std::uint64_t size = block_of(view);
  const std::uint64_t base = piece_offset(view) & ~(size - 1);
  std::vector<std::uint64_t> words(size / 8);
  if (!load_mapping(view, region_setup(view), base, words.data(), size)) {
    return ActionResult::done();
  }
  r.set(region::kBufferOpen, 1);
  r.set(region::kBlockOffset, base);
  for (std::uint64_t i = 0; i < words.size(); ++i) {
    kBlocks.at(view.store(), block_word(view, i)).set(block::kBytes, words[i]);
  }
  return ActionResult::done();
}

// A piece is naturally aligned, so it lies in one word.
ActionResult flash_buffer_store(View& view, const Args&) {
  const std::uint64_t at = piece_offset(view) - window_of(view);
  const Record word = kBlocks.at(view.store(), block_word(view, at / 8));
  const auto low = static_cast<unsigned>(8 * (at % 8));
  const auto high = static_cast<unsigned>(low + 8 * piece_width(view) - 1);
  word.set(block::kBytes, with_bits(word.get(block::kBytes), high, low, piece_value(view)));
  return ActionResult::done();
}

ActionResult flash_buffer_step(View& view, const Args&) {
  const Record r = region_record(view);
  r.set(region::kStatus, r.get(region::kStatus) | kFlashReady);
  const std::uint64_t left = r.get(region::kCounter);
  if (left == 0) {
    r.set(region::kCycle, 3);
  } else {
    r.set(region::kCounter, left - 1);
  }
  return ActionResult::done();
}

ActionResult flash_buffer_flush(View& view, const Args&) {
  std::vector<std::uint64_t> words(block_of(view) / 8);
  for (std::uint64_t i = 0; i < words.size(); ++i) {
    words[i] = kBlocks.at(std::as_const(view).store(), block_word(view, i)).get(block::kBytes);
  }
  store_mapping(view, region_setup(view), window_of(view), words.data(), 8 * words.size());
  close_buffer(view);
  return ActionResult::done();
}

ActionResult flash_buffer_abort(View& view, const Args&) {
  close_buffer(view);
  return ActionResult::done();
}

}  // namespace

void add_pflash_buffer_actions(rules::Vocabulary& v) {
  v.add(action<flash_buffer_count>("flash_buffer_count", {}, "the chip's counter",
                                   "number of elements - 1, as wide as a chip or the bank"));
  v.add(action<flash_buffer_open>("flash_buffer_open", {}, "the write buffer",
                                  "takes the block of the offset as it is in the array"));
  v.add(action<flash_buffer_store>("flash_buffer_store", {}, "the write buffer",
                                   "one element into the write buffer"));
  v.add(action<flash_buffer_step>("flash_buffer_step", {}, "counter, wcycle and status",
                                  "ready; one element less to come, or now the confirmation"));
  v.add(action<flash_buffer_flush>("flash_buffer_flush", {}, "a block of the array; the buffer",
                                   "the whole window is stored"));
  v.add(action<flash_buffer_abort>("flash_buffer_abort", {}, "the write buffer", "drops it"));
}

}  // namespace nptsim::qemu
