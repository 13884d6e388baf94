#include "models/guest/common/insn_bytes.h"

namespace nptsim::guest {
namespace {

// True if `byte` is a prefix; it is then noted in `head`.
bool take_prefix(InsnHead& head, bool& any_rex, std::uint8_t byte) {
  if (is_rex(byte)) {
    head.rex = split_rex(byte);
    any_rex = true;
    return true;
  }
  switch (byte) {
    case 0x66:
      if (!any_rex) head.data16 = true;
      return true;
    case 0x67:
      head.address32 = true;
      return true;
    case 0xf2:
    case 0xf3:
      head.repeated = true;
      return true;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0xf0:
      return true;
    default:
      return false;
  }
}

}  // namespace

InsnHead read_head(std::span<const std::uint8_t> bytes) {
  InsnReader in(bytes);
  InsnHead head;
  bool any_rex = false;
  std::uint8_t byte = in.byte();
  while (!in.ran_out() && take_prefix(head, any_rex, byte)) {
    ++head.prefix_count;
    byte = in.byte();
  }
  head.opcode = byte;
  head.two_byte = byte == 0x0f;
  if (head.two_byte) head.second = in.byte();
  head.ran_out = in.ran_out();
  // One byte further is looked at only where it counts.
  InsnReader rest(bytes.subspan(in.consumed()));
  head.modrm = rest.byte();
  if (!head.two_byte) head.second = head.modrm;
  const bool msr_by_alias = !head.two_byte && (head.opcode == 0x30 || head.opcode == 0x32);
  if (head.has_modrm() || head.has_immediate() || msr_by_alias) head.ran_out |= rest.ran_out();
  return head;
}

IoRequest io_request(const InsnHead& head, std::uint64_t rdx) {
  IoRequest io;
  if (head.two_byte) return io;
  const std::uint8_t opcode = head.opcode;
  const bool string = opcode >= 0x6c && opcode <= 0x6f;
  const bool immediate = head.has_immediate();
  const bool by_dx = opcode >= 0xec && opcode <= 0xef;
  if (!string && !immediate && !by_dx) return io;
  io.is_io = true;
  io.string = string;
  // 6C/6D are INS, 6E/6F OUTS; E4/E5 and EC/ED IN, E6/E7 and EE/EF OUT.
  io.in = (opcode & 2) == 0;
  io.size = (opcode & 1) == 0 ? 1 : head.data16 && !head.rex.w ? 2 : 4;
  io.port = immediate ? head.second : static_cast<std::uint16_t>(rdx);
  constexpr unsigned kString = 2, kRep = 3, kSize = 4, kAddress32 = 8, kAddress64 = 9, kPort = 16;
  constexpr std::uint64_t kSegmentDs = 3ull << 10;
  io.info = (io.in ? 1 : 0) | std::uint64_t{io.size} << kSize | std::uint64_t{io.port} << kPort |
            bit(head.address32 ? kAddress32 : kAddress64);
  if (string) io.info |= bit(kString) | (io.in ? 0 : kSegmentDs);
  io.repeated = head.repeated;
  if (io.repeated) io.info |= bit(kRep);
  return io;
}

}  // namespace nptsim::guest
