#include "tests/fuzz/flash_twin.h"

#include <algorithm>
#include <cstdio>

namespace nptsim::flash_twin {
namespace {

constexpr unsigned kReady = 0x80, kEraseError = 0x20, kProgramError = 0x10;

// The widest power of two up to 4 that fits and is aligned.
unsigned piece_at(std::uint64_t offset, unsigned left) {
  if (left >= 4 && offset % 4 == 0) return 4;
  if (left >= 2 && offset % 2 == 0) return 2;
  return 1;
}

std::uint32_t low(std::uint32_t value, unsigned bytes) {
  return bytes == 4 ? value : value & ((1u << (8 * bytes)) - 1);
}

}  // namespace

void FlashTwin::write(std::uint64_t offset, std::uint64_t value, unsigned size) {
  for (unsigned done = 0; done < size;) {
    const unsigned width = piece_at(offset + done, size - done);
    const auto part = low(static_cast<std::uint32_t>(value >> (8 * done)), width);
    if (!shape_.secure) write_piece(offset + done, part, width);
    done += width;
  }
}

std::uint64_t FlashTwin::read(std::uint64_t offset, unsigned size) {
  std::uint64_t value = 0;
  for (unsigned done = 0; done < size;) {
    const unsigned width = piece_at(offset + done, size - done);
    const std::uint32_t part =
        romd_ || shape_.secure ? array_at(offset + done, width) : read_piece(offset + done, width);
    value |= std::uint64_t{low(part, width)} << (8 * done);
    done += width;
  }
  return value;
}

void FlashTwin::set_mode(bool romd) {
  if (romd_ != romd) slot_changes_ += shape_.places;
  romd_ = romd;
}

void FlashTwin::to_array() {
  set_mode(true);
  cmd_ = wcycle_ = 0;
}

void FlashTwin::write_piece(std::uint64_t offset, std::uint32_t value, unsigned width) {
  const auto byte = static_cast<std::uint8_t>(value);
  switch (wcycle_) {
    case 0:
      set_mode(false);
      return first_cycle(offset, byte);
    case 1:
      return second_cycle(offset, value, width);
    case 2:
      return element(offset, value, width);
    default:
      return confirm(byte);
  }
}

void FlashTwin::first_cycle(std::uint64_t offset, std::uint8_t byte) {
  switch (byte) {
    case 0x20: {
      if (shape_.read_only) {
        status_ |= kEraseError;
      } else {
        const auto begin =
            array_.begin() + static_cast<long>(offset / shape_.sector * shape_.sector);
        std::fill(begin, begin + static_cast<long>(shape_.sector), 0xff);
      }
      status_ |= kReady;
      break;
    }
    case 0xe8:
      status_ |= kReady;
      break;
    case 0x10:
    case 0x40:
    case 0x60:
    case 0x98:
      break;
    case 0x70:
    case 0x90:
      cmd_ = byte;
      return;
    case 0x50:
      status_ = 0;
      return to_array();
    default:  // 0x00, 0xf0, 0xff, and all that is no command
      return to_array();
  }
  cmd_ = byte;
  wcycle_ = 1;
}

void FlashTwin::second_cycle(std::uint64_t offset, std::uint32_t value, unsigned width) {
  const auto byte = static_cast<std::uint8_t>(value);
  switch (cmd_) {
    case 0x10:
    case 0x40:
      if (shape_.read_only) status_ |= kProgramError;
      for (unsigned i = 0; i < width && !shape_.read_only; ++i) {
        array_[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
      }
      status_ |= kReady;
      wcycle_ = 0;
      return;
    case 0x20:
      if (byte != 0xd0) return to_array();
      status_ |= kReady;
      wcycle_ = 0;
      return;
    case 0x60:
      if (byte != 0xd0 && byte != 0x01) return to_array();
      status_ |= kReady;
      wcycle_ = 0;
      return;
    case 0x98:
      if (byte == 0xff) to_array();
      return;
    default:  // 0xe8
      left_ = low(value, shape_.chip == 0 ? shape_.bank : shape_.chip);
      wcycle_ = 2;
      if (shape_.buffer == Buffer::kOpenedByCount) open_window(offset);
      return;
  }
}

void FlashTwin::open_window(std::uint64_t offset) {
  Window window;
  window.base = offset / block() * block();
  const auto begin = array_.begin() + static_cast<long>(window.base);
  window.bytes.assign(begin, begin + static_cast<long>(block()));
  window_ = std::move(window);
}

bool FlashTwin::take_element(std::uint64_t offset, std::uint32_t value, unsigned width) {
  if (shape_.buffer == Buffer::kOpenedByData && !window_ && left_ != 0) open_window(offset);
  if (shape_.read_only) return false;
  std::uint8_t* to = nullptr;
  if (shape_.buffer == Buffer::kNone) {
    to = &array_[offset];
  } else if (window_ && offset >= window_->base &&
             offset + width <= window_->base + window_->bytes.size()) {
    to = &window_->bytes[offset - window_->base];
  }
  if (to == nullptr) return false;
  for (unsigned i = 0; i < width; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return true;
}

void FlashTwin::element(std::uint64_t offset, std::uint32_t value, unsigned width) {
  if (!take_element(offset, value, width)) status_ |= kProgramError;
  status_ |= kReady;
  if (left_ == 0) {
    wcycle_ = 3;
  } else {
    --left_;
  }
}

void FlashTwin::confirm(std::uint8_t byte) {
  const bool buffered = shape_.buffer != Buffer::kNone;
  if (byte != 0xd0 || (buffered && (status_ & kProgramError) != 0)) {
    window_.reset();
    return to_array();
  }
  if (buffered) {
    std::copy(window_->bytes.begin(), window_->bytes.end(),
              array_.begin() + static_cast<long>(window_->base));
    window_.reset();
  }
  status_ |= kReady;
  wcycle_ = 0;
}

std::uint32_t FlashTwin::array_at(std::uint64_t offset, unsigned width) const {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < width; ++i) value |= std::uint32_t{array_[offset + i]} << (8 * i);
  return value;
}

std::uint32_t FlashTwin::read_piece(std::uint64_t offset, unsigned width) {
  if (cmd_ == 0x00) return array_at(offset, width);
  if (cmd_ == 0x98) return query_answer(offset, width);
  if (cmd_ == 0x90) return 0;  // all identifiers are 0
  return status_answer(width);
}

std::uint32_t FlashTwin::status_answer(unsigned width) const {
  if (shape_.chip == 0) return width == 4 ? status_ * 0x10001 : status_;
  std::uint32_t answer = 0;
  for (unsigned at = 0; at < std::max(width, shape_.chip); at += shape_.chip) {
    answer |= status_ << (8 * at);
  }
  return answer;
}

std::uint32_t FlashTwin::query_answer(std::uint64_t offset, unsigned width) const {
  if (shape_.chip == 0) return query_byte((offset & 0xff) / shape_.bank);
  std::uint32_t answer = 0;
  for (unsigned at = 0; at < width; at += shape_.bank) {
    const std::uint64_t index = (offset + at * shape_.bank) / shape_.bank;
    answer |= one_bank_query(index) << (8 * at);
  }
  return answer;
}

std::uint32_t FlashTwin::one_bank_query(std::uint64_t index) const {
  std::uint32_t answer = 0;
  for (unsigned at = 0; at < shape_.bank; at += shape_.chip) {
    answer |= std::uint32_t{query_byte(index)} << (8 * at);
  }
  return answer;
}

std::uint8_t FlashTwin::query_byte(std::uint64_t index) const {
  struct Entry {
    std::uint64_t at;
    std::uint64_t value;
  };
  const std::uint64_t sectors = shape_.size / shape_.sector;
  const std::uint64_t sector = shape_.sector / chips();
  std::uint64_t lowest_bit = 0;
  while (((sectors * sector) >> lowest_bit) % 2 == 0) ++lowest_bit;
  const Entry table[] = {{0x10, 'Q'},
                         {0x11, 'R'},
                         {0x12, 'Y'},
                         {0x13, 1},
                         {0x15, 0x31},
                         {0x1b, 0x45},
                         {0x1c, 0x55},
                         {0x1f, 7},
                         {0x20, 7},
                         {0x21, 10},
                         {0x23, 4},
                         {0x24, 4},
                         {0x25, 4},
                         {0x27, lowest_bit},
                         {0x28, 2},
                         {0x2a, shape_.bank == 1 ? 8u : 11u},
                         {0x2c, 1},
                         {0x2d, sectors - 1},
                         {0x2e, (sectors - 1) / 256},
                         {0x2f, sector / 256},
                         {0x30, sector / 65536},
                         {0x31, 'P'},
                         {0x32, 'R'},
                         {0x33, 'I'},
                         {0x34, '1'},
                         {0x35, '0'},
                         {0x3f, 1}};
  for (const Entry& entry : table) {
    if (entry.at == index) return static_cast<std::uint8_t>(entry.value);
  }
  return 0;
}

std::string FlashTwin::state() const {
  char text[64];
  std::snprintf(text, sizeof text, "cmd %02x wcycle %u status %02x %s", cmd_, wcycle_, status_,
                romd_ ? "romd-on" : "romd-off");
  return text;
}

}  // namespace nptsim::flash_twin
