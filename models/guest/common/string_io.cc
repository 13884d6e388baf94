#include "models/guest/common/string_io.h"

#include <algorithm>

#include "models/guest/common/own_code.h"

namespace nptsim::guest {

std::uint64_t StringIo::address(std::uint64_t element) const {
  const std::uint64_t distance = element * size;
  return down ? memory - distance : memory + distance;
}

StringIo next_string(const isa::Registers& registers, const IoRequest& io, std::uint64_t wanted) {
  StringIo string;
  string.in = io.in;
  string.size = io.size;
  string.count = std::min<std::uint64_t>(wanted, svm::ghcb::kSharedBufferSize / io.size);
  string.memory = registers.gpr[string.pointer()];
  return string;
}

GhcbRequest string_request(std::uint64_t exit_code, const IoRequest& io, const StringIo& string) {
  GhcbRequest request;
  request.exit_code = exit_code;
  request.info_1 = io.info;
  request.info_2 = string.count;
  request.scratch = true;
  return request;
}

void advance_pointer(GuestView& view, const StringIo& string) {
  view.registers().gpr[string.pointer()] = string.address(string.count);
}

namespace {

constexpr unsigned kKept[] = {isa::kRax, isa::kRcx, isa::kRsi, isa::kRdi};
using KeptWords = std::uint64_t[std::size(kKept)];

// end_string: keep_rip
ActionResult end_string(GuestView& view, const Args& args) {
  return end_copy_code(view, args, 0) ? ActionResult::done() : ActionResult::stopped();
}

}  // namespace

bool begin_copy_code(GuestView& view, const Args& args, unsigned keep_rip,
                     std::span<const std::uint8_t> code, const CopyRegisters& registers) {
  auto& gpr = view.registers().gpr;
  KeptWords words;
  for (unsigned i = 0; i < std::size(kKept); ++i) words[i] = gpr[kKept[i]];
  const GuestVirtAddr room(gpr[isa::kRsp] - kOwnFrame + kCopyBuffer);
  if (!view.access(svm::AccessKind::kWrite, room, words, sizeof words)) return false;
  if (!run_own_code(view, args, keep_rip, code)) return false;
  gpr[isa::kRcx] = registers.rcx;
  gpr[isa::kRsi] = registers.rsi;
  gpr[isa::kRdi] = registers.rdi;
  return true;
}

bool end_copy_code(GuestView& view, const Args& args, unsigned keep_rip) {
  auto& gpr = view.registers().gpr;
  KeptWords words;
  const GuestVirtAddr room(gpr[isa::kRsp] + kCopyBuffer);
  if (!view.access(svm::AccessKind::kRead, room, words, sizeof words)) return false;
  for (unsigned i = 0; i < std::size(kKept); ++i) gpr[kKept[i]] = words[i];
  leave_own_code(view);
  view.registers().rip = args.get(keep_rip);
  return true;
}

CopyRegisters copy_registers(const GuestView& view, const StringIo& string, std::uint64_t rcx) {
  const std::uint64_t buffer = ghcb_page(view).value + svm::ghcb::kSharedBuffer;
  return string.in ? CopyRegisters{rcx, buffer, string.memory}
                   : CopyRegisters{rcx, string.memory, buffer};
}

void add_string_io(rules::Vocabulary& v) {
  v.add(action<end_string>("end_string", {local_arg("keep_rip")}, {}, "registers, the stack",
                           "registers are as before the copy"));
}

}  // namespace nptsim::guest
