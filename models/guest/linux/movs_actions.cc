// MOVS on MMIO: Linux arch/x86/coco/sev/vc-handle.c vc_handle_mmio_movs. The two halves are MOVs of
// the kernel's own, real ones, so that a nested #VC finds an instruction to decode.
#include "models/guest/common/own_code.h"
#include "models/guest/linux/mmio_decode.h"
#include "models/guest/linux/parts.h"

namespace nptsim::linux_guest {
namespace {

using guest::context_args;
using guest::context_of;
using guest::GuestView;
using guest::local_arg;
using guest::VcContext;
using rules::ActionResult;
using rules::Args;

constexpr unsigned kKeepRax = guest::kContextArgs, kKeepRip = kKeepRax + 1;

MmioMovs movs_in(const VcContext& context) {
  return std::get<MmioMovs>(decode_mmio(context.insn.bytes(), context.registers).value());
}

bool is_mapped(const GuestView& view, GuestVirtAddr address, unsigned size) {
  return view.lookup(address).present && view.lookup(address + (size - 1)).present;
}

// __get_user and __put_user report a failing access by the exception table's fix-up of its #PF,
// which here is a look ahead. The arguments behind the context are the fault and CR2. The fault is
// vc_read_mem's or vc_write_mem's own: "protection" although the page is missing.
ActionResult check_side(GuestView& view, const Args& args, bool write) {
  const MmioMovs movs = movs_in(context_of(view, args));
  const GuestVirtAddr address = write ? movs.destination : movs.source;
  if (is_mapped(view, address, movs.size)) return ActionResult::done().give(0, 0);
  constexpr std::uint64_t kPfProtection = bit(0), kPfWrite = bit(1);
  args.set(kKeepRax, kPfProtection | (write ? kPfWrite : 0));
  args.set(kKeepRip, address.value);
  return ActionResult::done().give(0, 1);
}
ActionResult check_source(GuestView& view, const Args& args) {
  return check_side(view, args, false);
}

ActionResult begin_read(GuestView& view, const Args& args) {
  const MmioMovs movs = movs_in(context_of(view, args));
  return guest::begin_element(view, false, movs.size, args, kKeepRip, kKeepRax)
             ? ActionResult::done()
             : ActionResult::stopped();
}
ActionResult end_read(GuestView& view, const Args& args) {
  guest::end_element(view, false, args, kKeepRip, kKeepRax);
  return ActionResult::done();
}
ActionResult check_destination(GuestView& view, const Args& args) {
  const std::uint64_t rax = args.get(kKeepRax);
  ActionResult result = check_side(view, args, true);
  // RAX holds the element; what it held before is the interrupted code's.
  if (result.given(0) == 1) view.registers().gpr[isa::kRax] = rax;
  return result;
}
ActionResult begin_write(GuestView& view, const Args& args) {
  const MmioMovs movs = movs_in(context_of(view, args));
  return guest::begin_element(view, true, movs.size, args, kKeepRip, kKeepRax)
             ? ActionResult::done()
             : ActionResult::stopped();
}
ActionResult end_write(GuestView& view, const Args& args) {
  guest::end_element(view, true, args, kKeepRip, kKeepRax);
  return ActionResult::done();
}

// RSI, RDI and with REP RCX go on by one element.
ActionResult movs_step(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const MovsRegisters after = apply_movs(movs_in(context), context.registers);
  auto& gpr = view.registers().gpr;
  gpr[isa::kRsi] = after.rsi;
  gpr[isa::kRdi] = after.rdi;
  gpr[isa::kRcx] = after.rcx;
  return ActionResult::done().give(0, after.retry ? 1 : 0);
}

}  // namespace

void add_movs_actions(rules::Vocabulary& v) {
  v.add(guest::given("side", {"mapped", "missing"}, "the operand of a MOVS looked at last"));
  v.add(guest::given("movs", {"done", "retry"},
                     "ES_OK, or ES_RETRY: the instruction runs again for its next element"));
  const auto args = context_args({local_arg("keep_rax"), local_arg("keep_rip")});
  const auto fault_args = context_args({local_arg("fault"), local_arg("cr2")});
  const std::string registers = "registers, the stack below RSP";
  v.add(guest::action<check_source>("check_source", fault_args, {"side"}, "locals",
                                    "whether the source is mapped"));
  v.add(guest::action<begin_read>("begin_read", args, {}, registers,
                                  "vc_read_mem; the next row goes on behind it"));
  v.add(guest::action<end_read>("end_read", args, {}, registers, "RAX holds the element"));
  v.add(guest::action<check_destination>("check_destination", fault_args, {"side"}, "locals, RAX",
                                         "whether the destination is mapped"));
  v.add(guest::action<begin_write>("begin_write", args, {}, registers,
                                   "vc_write_mem; the next row goes on behind it"));
  v.add(guest::action<end_write>("end_write", args, {}, registers,
                                 "RAX is the interrupted code's again"));
  v.add(guest::action<movs_step>("movs_step", context_args(), {"movs"}, "RSI, RDI, RCX",
                                 "the registers after one element"));
}

}  // namespace nptsim::linux_guest
