// A flash chip as a person would write it down from the data sheet of QEMU's own: one class, no
// rows. It knows nothing of the model under test and shares no code with it.
#ifndef NPTSIM_TESTS_FUZZ_FLASH_TWIN_H_
#define NPTSIM_TESTS_FUZZ_FLASH_TWIN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nptsim::flash_twin {

// What became of the write buffer over QEMU's versions.
enum class Buffer { kNone, kOpenedByCount, kOpenedByData };

struct Shape {
  std::uint64_t size = 0;
  std::uint64_t sector = 4096;
  unsigned bank = 1;  // bytes of the bus
  unsigned chip = 0;  // bytes of each chip, 0: the device was not told
  bool read_only = false;
  bool secure = false;
  Buffer buffer = Buffer::kOpenedByData;
  unsigned places = 1;  // memory slots that come and go with the mode
};

class FlashTwin {
 public:
  FlashTwin(const Shape& shape, std::vector<std::uint8_t> contents)
      : shape_(shape), array_(std::move(contents)) {}

  // One access of the processor that reaches the VMM: 1 to 8 bytes at any offset inside.
  void write(std::uint64_t offset, std::uint64_t value, unsigned size);
  std::uint64_t read(std::uint64_t offset, unsigned size);

  // "cmd 70 wcycle 0 status 80 romd-off"
  std::string state() const;
  const std::vector<std::uint8_t>& array() const { return array_; }
  std::uint64_t slot_changes() const { return slot_changes_; }

 private:
  struct Window {
    std::uint64_t base = 0;
    std::vector<std::uint8_t> bytes;
  };

  void write_piece(std::uint64_t offset, std::uint32_t value, unsigned width);
  std::uint32_t read_piece(std::uint64_t offset, unsigned width);
  void first_cycle(std::uint64_t offset, std::uint8_t byte);
  void second_cycle(std::uint64_t offset, std::uint32_t value, unsigned width);
  void element(std::uint64_t offset, std::uint32_t value, unsigned width);
  bool take_element(std::uint64_t offset, std::uint32_t value, unsigned width);
  void confirm(std::uint8_t byte);
  void open_window(std::uint64_t offset);
  void to_array();
  void set_mode(bool romd);
  std::uint32_t array_at(std::uint64_t offset, unsigned width) const;
  std::uint32_t status_answer(unsigned width) const;
  std::uint32_t query_answer(std::uint64_t offset, unsigned width) const;
  std::uint32_t one_bank_query(std::uint64_t index) const;
  std::uint8_t query_byte(std::uint64_t index) const;
  unsigned chips() const { return shape_.chip == 0 ? 1 : shape_.bank / shape_.chip; }
  std::uint64_t block() const { return (shape_.bank == 1 ? 256 : 2048) * std::uint64_t{chips()}; }

  Shape shape_;
  std::vector<std::uint8_t> array_;
  bool romd_ = true;
  unsigned cmd_ = 0, wcycle_ = 0, status_ = 0x80;
  std::uint64_t left_ = 0;
  std::optional<Window> window_;
  std::uint64_t slot_changes_ = 0;
};

}  // namespace nptsim::flash_twin

#endif  // NPTSIM_TESTS_FUZZ_FLASH_TWIN_H_
