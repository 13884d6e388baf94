#include "models/guest/common/vc_context.h"

#include <algorithm>
#include <bit>

#include "models/guest/common/own_code.h"
#include "sim/base/bug.h"

namespace nptsim::guest {
namespace {

// From the saved RIP on: RIP, CS, RFLAGS, RSP, SS.
struct SavedFrame {
  std::uint64_t rip, cs, rflags, rsp, ss;
};

// read_frame: rip, rsp, flags
ActionResult read_frame(GuestView& view, const Args& args) {
  SavedFrame frame{};
  const GuestVirtAddr at(view.registers().gpr[isa::kRsp] + kSavedRip);
  if (!view.access(svm::AccessKind::kRead, at, &frame, sizeof frame)) {
    return ActionResult::stopped();
  }
  args.set(0, frame.rip);
  args.set(1, frame.rsp);
  args.set(2, pack_flags(frame.cs, frame.rflags));
  return ActionResult::done().give(0, (frame.cs & 3) == 3);
}

// advance: rip, by
ActionResult advance(GuestView& view, const Args& args) {
  std::uint64_t rip = args.get(0) + args.get(1);
  const GuestVirtAddr at(view.registers().gpr[isa::kRsp] + kSavedRip);
  if (!view.access(svm::AccessKind::kWrite, at, &rip, sizeof rip)) return ActionResult::stopped();
  return ActionResult::done().note(rip);
}

// With 15 bytes there is an end even where a handler would read on.
bool wants_more(const VcContext& context, const FetchPlan& plan) {
  return context.insn.count() < kMaxInsn && !plan.complete(context);
}

bool is_mapped(const GuestView& view, std::uint64_t address, unsigned size) {
  return view.lookup(GuestVirtAddr(address)).present &&
         view.lookup(GuestVirtAddr(address + size - 1)).present;
}

}  // namespace

std::vector<rules::ArgDef> context_args(std::vector<rules::ArgDef> more) {
  std::vector<rules::ArgDef> args = {value_arg("code"),  value_arg("rip"), value_arg("rsp"),
                                     value_arg("flags"), local_arg("low"), local_arg("high")};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

VcContext context_of(const GuestView& view, const Args& args) {
  VcContext context;
  context.exit_code = args.get(0);
  context.registers = view.registers();
  context.registers.rip = args.get(1);
  context.registers.gpr[isa::kRsp] = args.get(2);
  context.registers.rflags = args.get(3) & 0xffffffff;
  context.registers.cpl = args.get(3) >> 32 & 3;
  context.insn = InsnBytes(args.get(4), args.get(5));
  return context;
}

bool set_register(GuestView& view, unsigned gpr, std::uint64_t value) {
  isa::Registers& r = view.registers();
  if (gpr != isa::kRsp) {
    r.gpr[gpr] = value;
    return true;
  }
  return view.access(svm::AccessKind::kWrite, GuestVirtAddr(r.gpr[isa::kRsp] + kSavedRsp), &value,
                     sizeof value);
}

unsigned piece_in_page(const VcContext& context) {
  const std::uint64_t address = context.registers.rip + context.insn.count();
  const std::uint64_t room = bytes_in_page(address, 8);
  const unsigned wanted = kMaxInsn - context.insn.count();
  return std::bit_floor(std::min(wanted, static_cast<unsigned>(room)));
}

Fetched fetch_insn(GuestView& view, const Args& args, const FetchPlan& plan) {
  constexpr unsigned kKeepRax = kContextArgs, kKeepRip = kContextArgs + 1;
  OwnLoads loads(view, args, kKeepRax, kKeepRip);
  if (!loads.begin()) return Fetched::kStopped;
  bool missing = false;
  VcContext context = context_of(view, args);
  // In a page of user mode only a read with RFLAGS.AC passes SMAP (Linux: stac, clac).
  const std::uint64_t ac = context.user() ? isa::kFlagAc : 0;
  while (wants_more(context, plan)) {
    const std::uint64_t address = context.registers.rip + context.insn.count();
    const unsigned size = plan.piece(context);
    missing = plan.looks_first && !is_mapped(view, address, size);
    if (missing) break;
    std::uint64_t value = 0;
    view.registers().rflags |= ac;
    if (!loads.load(address, size, value)) return Fetched::kStopped;
    view.registers().rflags &= ~ac;
    context.insn.append(value, size);
    args.set(4, context.insn.low());
    args.set(5, context.insn.high());
  }
  loads.end();
  if (!missing) return Fetched::kDone;
  return context.insn.count() == 0 ? Fetched::kNothing : Fetched::kPartly;
}

void add_handler(rules::Vocabulary& v) {
  v.add(given("mode", {"kernel", "user"}, "where the #VC came from, by the saved CS"));
  v.add(action<read_frame>("read_frame", {local_arg("rip"), local_arg("rsp"), local_arg("flags")},
                           {"mode"}, "locals", "reads the frame that the processor pushed"));
  v.add(action<advance>("advance", {value_arg("rip"), value_arg("by")}, {},
                        "the saved RIP on the stack", "moves it past the instruction"));
}

}  // namespace nptsim::guest
