// The decoders beside a real one (Zydis): they agree on size, length and address except where a
// named quirk says otherwise. So a mistake of the models cannot pass for one of the guests.
#include <Zydis/Zydis.h>

#include <optional>
#include <random>

#include "tests/models/guest/mmio_story.h"

namespace nptsim::guest_test {

namespace {

struct Processor {
  unsigned length = 0;
  unsigned size = 0;
  std::uint64_t offset = 0;  // the effective address, without a segment base
  ZydisDecodedInstruction insn{};

  bool rip_relative() const { return insn.raw.modrm.mod == 0 && insn.raw.modrm.rm == 5; }
  bool no_base() const {
    return insn.raw.modrm.mod == 0 &&
           (insn.raw.modrm.rm == 5 || (insn.raw.modrm.rm == 4 && insn.raw.sib.base == 5));
  }
};

std::uint64_t zydis_address(const ZydisDecodedInstruction& insn, const ZydisDecodedOperand& operand,
                            const isa::Registers& registers) {
  ZydisRegisterContext context{};
  for (unsigned i = 0; i < isa::kGprCount; ++i) {
    context.values[ZYDIS_REGISTER_RAX + i] = registers.gpr[i];
    context.values[ZYDIS_REGISTER_EAX + i] = registers.gpr[i] & 0xffffffff;
  }
  std::uint64_t address = 0;
  REQUIRE(
      ZYAN_SUCCESS(ZydisCalcAbsoluteAddressEx(&insn, &operand, registers.rip, &context, &address)));
  return address;
}

// Nothing if the bytes are no instruction, or one without a memory operand.
std::optional<Processor> decode(const Bytes& bytes, const isa::Registers& registers) {
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  Processor result;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (ZYAN_FAILED(
          ZydisDecoderDecodeFull(&decoder, bytes.data(), bytes.size(), &result.insn, operands))) {
    return std::nullopt;
  }
  for (unsigned i = 0; i < result.insn.operand_count; ++i) {
    if (operands[i].type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
    result.length = result.insn.length;
    result.size = operands[i].size / 8u;
    result.offset = zydis_address(result.insn, operands[i], registers);
    return result;
  }
  return std::nullopt;
}

// Prefixes as an assembler orders them, one of the moves, then anything.
Bytes random_move(std::mt19937_64& random) {
  static const char* const kOpcodes[] = {"88", "89",    "8a",    "8b",    "c6",
                                         "c7", "0f b6", "0f b7", "0f be", "0f bf"};
  Bytes bytes{};
  if (random() % 4 == 0) bytes.push_back(0x66);
  if (random() % 4 == 0) bytes.push_back(0x67);
  if (random() % 2 == 0) bytes.push_back(static_cast<std::uint8_t>(0x40 + random() % 16));
  for (const std::uint8_t byte : from_hex(kOpcodes[random() % std::size(kOpcodes)])) {
    bytes.push_back(byte);
  }
  while (bytes.size() < 15) bytes.push_back(static_cast<std::uint8_t>(random()));
  return bytes;
}

// Zydis 4.0.0 itself takes [disp32 + index] for [r13d + index] with 67h and REX.B; APM vol.
// 3, 1.4.3 says that a SIB base of 5 with mod 0 has no register whatever REX.B is.
bool zydis_is_wrong(const Processor& processor) {
  const auto& raw = processor.insn.raw;
  return processor.insn.address_width == 32 && raw.rex.B && raw.modrm.mod == 0 &&
         raw.modrm.rm == 4 && raw.sib.base == 5;
}

bool is_64_bit_immediate_store(const Processor& processor) {
  return processor.insn.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && processor.insn.opcode == 0xc7 &&
         processor.size == 8;
}

}  // namespace

TEST_CASE("Linux: size, length and address of every move are the processor's") {
  std::mt19937_64 random(1);
  isa::Registers registers = registers_of_story();
  unsigned compared = 0;
  for (unsigned i = 0; i < 20000; ++i) {
    for (auto& gpr : registers.gpr) gpr = random();
    const Bytes bytes = random_move(random);
    const auto processor = decode(bytes, registers);
    if (!processor || zydis_is_wrong(*processor)) continue;
    CAPTURE(fmt::format("{:02x}", fmt::join(bytes, " ")));
    const auto decoded = linux_guest::decode_mmio(bytes, registers);
    REQUIRE(decoded);
    const auto& request = std::get<guest::MmioRequest>(decoded.value());
    CHECK(unsigned{request.size} == processor->size);
    CHECK(unsigned{request.length} == processor->length);
    CHECK(request.address.value == processor->offset);
    ++compared;
  }
  CHECK(compared > 5000);
}

TEST_CASE("OVMF: the same, but for RIP-relative, REX.B with 5, 67h and 64-bit immediates") {
  std::mt19937_64 random(2);
  isa::Registers registers = registers_of_story();
  unsigned compared = 0;
  for (unsigned i = 0; i < 20000; ++i) {
    for (auto& gpr : registers.gpr) gpr = random();
    const Bytes bytes = random_move(random);
    const auto processor = decode(bytes, registers);
    if (!processor) continue;
    const bool rex_b_quirk = processor->no_base() && processor->insn.raw.rex.B;
    if (rex_b_quirk || is_64_bit_immediate_store(*processor)) continue;
    CAPTURE(fmt::format("{:02x}", fmt::join(bytes, " ")));
    const auto decoded = ovmf::decode_mmio(bytes, registers);
    REQUIRE(decoded);
    const guest::MmioRequest& request = decoded.value();
    CHECK(unsigned{request.size} == processor->size);
    CHECK(unsigned{request.length} == processor->length);
    std::uint64_t address = request.address.value;
    if (processor->rip_relative()) address += processor->length;
    if (processor->insn.address_width == 32) address &= 0xffffffff;
    CHECK(address == processor->offset);
    ++compared;
  }
  CHECK(compared > 5000);
}

}  // namespace nptsim::guest_test
