#include "models/guest/common/own_code.h"

#include <algorithm>
#include <vector>

#include "sim/base/bug.h"

namespace nptsim::guest {
namespace {

using Code = std::vector<std::uint8_t>;

constexpr std::uint8_t kNop = 0x90;

// mov al/ax/eax/rax, [rax], one after the other; the offset of the one for a size.
constexpr std::uint8_t kLoads[] = {0x48, 0x8b, 0x00, 0x8b, 0x00, 0x66, 0x8b, 0x00, 0x8a, 0x00};
struct LoadAt {
  unsigned size, offset, length;
};
constexpr LoadAt kLoadAt[] = {{8, 0, 3}, {4, 3, 2}, {2, 5, 3}, {1, 8, 2}};

const LoadAt& load_of(unsigned size) {
  const auto* found = std::find_if(std::begin(kLoadAt), std::end(kLoadAt),
                                   [&](const LoadAt& load) { return load.size == size; });
  NPTSIM_CHECK(found != std::end(kLoadAt));
  return *found;
}

constexpr std::uint8_t kAtRcx = 0x01, kDxAtRcx = 0x11;

bool is_mov_size(std::uint64_t size) { return size == 1 || size == 2 || size == 4 || size == 8; }

// A size that no MOV has: one byte is what such a request gets.
unsigned mov_size(const Args& args, unsigned i) {
  return is_mov_size(args.get(i)) ? static_cast<unsigned>(args.get(i)) : 1;
}

// begin_load: address, size, keep_rip, keep_rcx
ActionResult begin_load(GuestView& view, const Args& args) {
  const Code code = mov_code(false, mov_size(args, 1), kAtRcx);
  if (!run_own_code(view, args, 2, code)) return ActionResult::stopped();
  isa::Registers& r = view.registers();
  args.set(3, r.gpr[isa::kRcx]);
  r.gpr[isa::kRax] = 0;
  r.gpr[isa::kRcx] = args.get(0);
  return ActionResult::done();
}

// end_load: keep_rip, keep_rcx
ActionResult end_load(GuestView& view, const Args& args) {
  leave_own_code(view);
  isa::Registers& r = view.registers();
  r.rip = args.get(0);
  r.gpr[isa::kRcx] = args.get(1);
  return ActionResult::done();
}

// begin_store: address, value, size, keep_rip, keep_rcx, keep_rdx
ActionResult begin_store(GuestView& view, const Args& args) {
  const Code code = mov_code(true, mov_size(args, 2), kDxAtRcx);
  if (!run_own_code(view, args, 3, code)) return ActionResult::stopped();
  isa::Registers& r = view.registers();
  args.set(4, r.gpr[isa::kRcx]);
  args.set(5, r.gpr[isa::kRdx]);
  r.gpr[isa::kRcx] = args.get(0);
  r.gpr[isa::kRdx] = args.get(1);
  return ActionResult::done();
}

// end_store: keep_rip, keep_rcx, keep_rdx
ActionResult end_store(GuestView& view, const Args& args) {
  leave_own_code(view);
  isa::Registers& r = view.registers();
  r.rip = args.get(0);
  r.gpr[isa::kRcx] = args.get(1);
  r.gpr[isa::kRdx] = args.get(2);
  return ActionResult::done();
}

// begin_copy: address, size, keep_rip, keep_rcx, keep_rsi, keep_rdi
ActionResult begin_copy(GuestView& view, const Args& args) {
  const std::uint64_t size = std::min<std::uint64_t>(args.get(1), kMaxCopy);
  if (!run_own_code(view, args, 2, copy_mem_code(size))) return ActionResult::stopped();
  isa::Registers& r = view.registers();
  args.set(3, r.gpr[isa::kRcx]);
  args.set(4, r.gpr[isa::kRsi]);
  args.set(5, r.gpr[isa::kRdi]);
  r.gpr[isa::kRcx] = size >> 3;
  r.gpr[isa::kRsi] = args.get(0);
  r.gpr[isa::kRdi] = r.gpr[isa::kRsp] + kCopyBuffer;
  return ActionResult::done();
}

// end_copy: size, keep_rip, keep_rcx, keep_rsi, keep_rdi
ActionResult end_copy(GuestView& view, const Args& args) {
  isa::Registers& r = view.registers();
  std::uint64_t first = 0;
  const auto size = static_cast<unsigned>(std::min<std::uint64_t>(args.get(0), 8));
  const GuestVirtAddr buffer(r.gpr[isa::kRsp] + kCopyBuffer);
  if (size != 0 && !view.access(svm::AccessKind::kRead, buffer, &first, size)) {
    return ActionResult::stopped();
  }
  leave_own_code(view);
  r.rip = args.get(1);
  r.gpr[isa::kRcx] = args.get(2);
  r.gpr[isa::kRsi] = args.get(3);
  r.gpr[isa::kRdi] = args.get(4);
  r.gpr[isa::kRax] = first;
  return ActionResult::done();
}

// halt_forever: keep_rip. hlt; jmp to it.
ActionResult halt_forever(GuestView& view, const Args& args) {
  const Code code = {0xf4, 0xeb, 0xfd, kNop};
  return run_own_code(view, args, 0, code) ? ActionResult::done() : ActionResult::stopped();
}

}  // namespace

Code mov_code(bool store, unsigned size, std::uint8_t modrm) {
  Code code;
  if (size == 2) code.push_back(0x66);
  if (size == 8) code.push_back(0x48);
  const unsigned opcode = (store ? 0x88u : 0x8au) | (size == 1 ? 0u : 1u);
  code.push_back(static_cast<std::uint8_t>(opcode));
  code.push_back(modrm);
  code.push_back(kNop);
  return code;
}

Code copy_mem_code(std::uint64_t size) {
  return {0xfc,                                                            // cld
          0xf3, 0x48, 0xa5,                                                // rep movsq
          0x48, 0xc7, 0xc1, static_cast<std::uint8_t>(size & 7), 0, 0, 0,  // mov rcx, n
          0xf3, 0xa4,                                                      // rep movsb
          kNop};
}

bool enter_own_code(GuestView& view, std::span<const std::uint8_t> code) {
  std::uint8_t bytes[32] = {};
  NPTSIM_CHECK(code.size() <= sizeof bytes);
  std::copy(code.begin(), code.end(), bytes);
  std::uint64_t& rsp = view.registers().gpr[isa::kRsp];
  const GuestVirtAddr at(rsp - kOwnFrame);
  if (!view.access(svm::AccessKind::kWrite, at, bytes, static_cast<unsigned>(code.size()))) {
    return false;
  }
  rsp = at.value;
  return true;
}

bool run_own_code(GuestView& view, const Args& args, unsigned keep_rip,
                  std::span<const std::uint8_t> code) {
  if (!enter_own_code(view, code)) return false;
  args.set(keep_rip, view.registers().rip);
  const std::uint64_t begin = view.registers().gpr[isa::kRsp];
  view.run_native(begin, begin + code.size());
  return true;
}

void leave_own_code(GuestView& view) { view.registers().gpr[isa::kRsp] += kOwnFrame; }

bool OwnLoads::begin() {
  if (args_.get(keep_rip_) != 0) return true;
  if (!enter_own_code(view_, kLoads)) return false;
  args_.set(keep_rax_, view_.registers().gpr[isa::kRax]);
  args_.set(keep_rip_, view_.registers().rip);
  return true;
}

bool OwnLoads::load(std::uint64_t address, unsigned size, std::uint64_t& value) {
  isa::Registers& r = view_.registers();
  const LoadAt& load = load_of(size);
  const std::uint64_t at = r.gpr[isa::kRsp] + load.offset;
  const bool completed = r.rip == at + load.length;
  if (completed) {
    value = r.gpr[isa::kRax] & isa::mask_of_size(size);
  } else {
    r.gpr[isa::kRax] = address;
    r.rip = at;
    value = 0;
    if (!view_.access(svm::AccessKind::kRead, GuestVirtAddr(address), &value, size)) return false;
  }
  r.rip = args_.get(keep_rip_);
  return true;
}

void OwnLoads::end() {
  leave_own_code(view_);
  view_.registers().gpr[isa::kRax] = args_.get(keep_rax_);
  view_.registers().rip = args_.get(keep_rip_);
  args_.set(keep_rax_, 0);
  args_.set(keep_rip_, 0);
}

bool begin_element(GuestView& view, bool write, unsigned size, const Args& args, unsigned keep_rip,
                   unsigned keep_rax) {
  if (!run_own_code(view, args, keep_rip, mov_code(write, size, write ? kModrmAtRdi : kModrmAtRsi)))
    return false;
  if (!write) args.set(keep_rax, view.registers().gpr[isa::kRax]);
  return true;
}

void end_element(GuestView& view, bool write, const Args& args, unsigned keep_rip,
                 unsigned keep_rax) {
  leave_own_code(view);
  view.registers().rip = args.get(keep_rip);
  args.set(keep_rip, 0);
  if (!write) return;
  view.registers().gpr[isa::kRax] = args.get(keep_rax);
  args.set(keep_rax, 0);
}

void add_own_code(rules::Vocabulary& v) {
  const std::string registers = "registers, the stack below RSP";
  v.add(action<begin_load>(
      "begin_load",
      {value_arg("address"), value_arg("size"), local_arg("keep_rip"), local_arg("keep_rcx")}, {},
      registers, "runs MOV rAX, [RCX]; the next row goes on behind it"));
  v.add(action<end_load>("end_load", {value_arg("keep_rip"), value_arg("keep_rcx")}, {}, registers,
                         "RAX holds what was read"));
  v.add(action<begin_store>("begin_store",
                            {value_arg("address"), value_arg("value"), value_arg("size"),
                             local_arg("keep_rip"), local_arg("keep_rcx"), local_arg("keep_rdx")},
                            {}, registers, "runs MOV [RCX], rDX; the next row goes on behind it"));
  v.add(action<end_store>("end_store",
                          {value_arg("keep_rip"), value_arg("keep_rcx"), value_arg("keep_rdx")}, {},
                          registers, "registers are as before the store"));
  v.add(action<begin_copy>("begin_copy",
                           {value_arg("address"), value_arg("size"), local_arg("keep_rip"),
                            local_arg("keep_rcx"), local_arg("keep_rsi"), local_arg("keep_rdi")},
                           {}, registers,
                           "runs REP MOVSQ and REP MOVSB into a buffer on the stack"));
  v.add(action<end_copy>("end_copy",
                         {value_arg("size"), value_arg("keep_rip"), value_arg("keep_rcx"),
                          value_arg("keep_rsi"), value_arg("keep_rdi")},
                         {}, registers, "RAX holds the first 8 bytes that were read"));
  v.add(action<halt_forever>("halt_forever", {local_arg("keep_rip")}, {}, registers,
                             "runs HLT in a loop"));
}

}  // namespace nptsim::guest
