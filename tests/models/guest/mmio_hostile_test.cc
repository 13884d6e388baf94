// Bytes that no compiler wrote: neither decoder reads past them or hands out anything that a
// caller could not use.
#include <random>

#include "tests/models/guest/mmio_story.h"

namespace nptsim::guest_test {

namespace {

constexpr std::size_t kLongest = 15;

// A prefix or two, or none, and the places where an opcode goes.
constexpr const char* kLeads[] = {"",      "66",    "67",    "f3",    "65",         "48",
                                  "41",    "45",    "66 48", "48 66", "2e 65",      "66 67 65",
                                  "f0 67", "c5 f8", "4f",    "c5 f9", "62 f2 7d 48"};

void check_request(const guest::MmioRequest& request, const Bytes& bytes) {
  const bool size_is_known = request.size == 0 || request.size == 1 || request.size == 2 ||
                             request.size == 4 || request.size == 8;
  CHECK(size_is_known);
  CHECK(request.length > 0);
  CHECK(request.length <= bytes.size());
  CHECK((request.data & ~isa::mask_of_size(request.size)) == 0);
  CHECK(request.target.gpr < isa::kGprCount);
  CHECK(request.target.filled_bytes <= 8);
}

// What was decoded from these bytes does not depend on any byte after its length.
void check_ovmf(const Bytes& bytes, const isa::Registers& registers) {
  const auto decoded = ovmf::decode_mmio(bytes, registers);
  if (!decoded) return;
  check_request(decoded.value(), bytes);
  const auto again = ovmf::decode_mmio(std::span(bytes).first(decoded.value().length), registers);
  REQUIRE(again);
  CHECK(again.value() == decoded.value());
}

void check_linux(const Bytes& bytes, const isa::Registers& registers) {
  const auto decoded = linux_guest::decode_mmio(bytes, registers);
  if (!decoded) return;
  if (const auto* request = std::get_if<guest::MmioRequest>(&decoded.value())) {
    CHECK(request->size != 0);
    check_request(*request, bytes);
  }
  const unsigned length = std::visit([](const auto& form) { return form.length; }, decoded.value());
  CHECK(length > 0);
  REQUIRE(length <= bytes.size());
  const auto again = linux_guest::decode_mmio(std::span(bytes).first(length), registers);
  REQUIRE(again);
  CHECK(again.value() == decoded.value());
}

void check_all_lengths(Bytes bytes, const isa::Registers& registers) {
  for (; !bytes.empty(); bytes.pop_back()) {
    CAPTURE(fmt::format("{:02x}", fmt::join(bytes, " ")));
    check_ovmf(bytes, registers);
    check_linux(bytes, registers);
  }
}

}  // namespace

TEST_CASE("every one- and two-byte opcode, after prefixes and before random bytes") {
  std::mt19937_64 random(2026);
  const isa::Registers registers = registers_of_story();
  for (const char* lead : kLeads) {
    for (unsigned opcode = 0; opcode < 512; ++opcode) {
      Bytes bytes = from_hex(lead);
      if (opcode >= 256) bytes.push_back(0x0f);
      bytes.push_back(static_cast<std::uint8_t>(opcode));
      while (bytes.size() < kLongest) bytes.push_back(static_cast<std::uint8_t>(random()));
      check_all_lengths(bytes, registers);
    }
  }
}

TEST_CASE("every ModRM byte of every opcode that a handler knows, with random registers") {
  std::mt19937_64 random(29);
  isa::Registers registers = registers_of_story();
  for (const char* opcode : {"88", "89", "8a", "8b", "c6", "c7", "0f b6", "0f b7", "0f be", "0f bf",
                             "4f 89", "67 8b", "65 89"}) {
    for (unsigned modrm = 0; modrm < 256; ++modrm) {
      for (auto& gpr : registers.gpr) gpr = random();
      Bytes bytes = from_hex(opcode);
      bytes.push_back(static_cast<std::uint8_t>(modrm));
      while (bytes.size() < kLongest) bytes.push_back(static_cast<std::uint8_t>(random()));
      check_all_lengths(bytes, registers);
    }
  }
}

}  // namespace nptsim::guest_test
