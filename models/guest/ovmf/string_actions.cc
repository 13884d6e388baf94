// INS and OUTS: edk2 OvmfPkg/Library/CcExitLib/CcExitVcHandler.c IoioExit. The bytes are moved by
// CopyMem, whose REP MOVS this handler could not decode itself.
#include <array>

#include "models/guest/common/own_code.h"
#include "models/guest/ovmf/parts.h"

namespace nptsim::ovmf {
namespace {

using guest::context_args;
using guest::context_of;
using guest::GuestView;
using guest::local_arg;
using guest::StringIo;
using guest::VcContext;
using rules::ActionResult;
using rules::Args;

constexpr unsigned kStringArgs = guest::kContextArgs;

enum StringProgress : unsigned { kStringDone, kStringMore };

guest::IoRequest string_io_in(const VcContext& context) {
  return guest::io_request(context.head(), context.registers.gpr[isa::kRdx]);
}

ActionResult string_start(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const guest::IoRequest io = string_io_in(context);
  return ActionResult::done()
      .give(0, string_of(context, io).count == 0 ? kStringDone : kStringMore)
      .give(1, io.in ? 0 : 1);
}

// begin_string: the context, keep_rip
ActionResult begin_string(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const StringIo string = string_of(context, string_io_in(context));
  const auto code = guest::copy_mem_code(string.bytes());
  const auto registers = guest::copy_registers(view, string, string.bytes() >> 3);
  return guest::begin_copy_code(view, args, kStringArgs, code, registers) ? ActionResult::done()
                                                                          : ActionResult::stopped();
}

ActionResult string_pointer(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  guest::advance_pointer(view, string_of(context, string_io_in(context)));
  return ActionResult::done();
}

// OpCount is RCX, or 1.
ActionResult string_step(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const guest::IoRequest io = string_io_in(context);
  if (!io.repeated) return ActionResult::done().give(0, kStringDone);
  std::uint64_t& rcx = view.registers().gpr[isa::kRcx];
  rcx -= string_of(context, io).count;
  return ActionResult::done().give(0, rcx == 0 ? kStringDone : kStringMore);
}

}  // namespace

void add_string_actions(rules::Vocabulary& v) {
  v.add(guest::given("string_io", {"done", "more"}, "whether elements are left for a request"));
  v.add(guest::given("string_direction", {"in", "out"}, "INS or OUTS"));
  v.add(guest::action<string_start>("string_start", context_args(),
                                    {"string_io", "string_direction"}, "nothing",
                                    "what there is to do"));
  v.add(guest::action<begin_string>("begin_string", context_args({local_arg("keep_rip")}), {},
                                    "registers, the stack below RSP",
                                    "CopyMem between memory and the buffer; the next row goes on "
                                    "behind it"));
  v.add(guest::action<string_pointer>("string_pointer", context_args(), {}, "RSI or RDI",
                                      "behind these elements"));
  v.add(guest::action<string_step>("string_step", context_args(), {"string_io"}, "RCX",
                                   "these elements are done"));
}

}  // namespace nptsim::ovmf
