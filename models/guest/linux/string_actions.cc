// INS and OUTS: Linux arch/x86/coco/sev/vc-shared.c vc_handle_ioio. Each element is moved by a MOV
// of the kernel's own (vc_read_mem, vc_write_mem), so memory that is MMIO is a nested #VC.
#include <algorithm>
#include <vector>

#include "models/guest/common/own_code.h"
#include "models/guest/linux/parts.h"

namespace nptsim::linux_guest {
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

StringIo string_in(const VcContext& context) {
  return string_of(context, guest::io_request(context.head(), context.registers.gpr[isa::kRdx]));
}

bool is_element_mapped(const GuestView& view, std::uint64_t address, unsigned size) {
  return view.lookup(GuestVirtAddr(address)).present &&
         view.lookup(GuestVirtAddr(address + size - 1)).present;
}

// __get_user and __put_user end at the first element that is not mapped.
std::uint64_t mapped_elements(const GuestView& view, const StringIo& string) {
  std::uint64_t n = 0;
  while (n < string.count && is_element_mapped(view, string.address(n), string.size)) ++n;
  return n;
}

std::uint8_t step_of(const StringIo& string, bool of_memory) {
  return static_cast<std::uint8_t>(of_memory && string.down ? 0u - string.size : string.size);
}

// mov rAX, [rsi]; mov [rdi], rAX; add rsi, step; add rdi, step; dec ecx; jnz: vc_insn_string_read
// and vc_insn_string_write. Only the pointer to memory may go down.
std::vector<std::uint8_t> element_loop(const StringIo& string) {
  std::vector<std::uint8_t> code = guest::mov_code(false, string.size, guest::kModrmAtRsi);
  const std::vector<std::uint8_t> store = guest::mov_code(true, string.size, guest::kModrmAtRdi);
  code.insert(code.end(), store.begin(), store.end());
  const std::uint8_t steps[] = {0x48, 0x83, 0xc6, step_of(string, !string.in),
                                0x48, 0x83, 0xc7, step_of(string, string.in),
                                0xff, 0xc9};
  code.insert(code.end(), std::begin(steps), std::end(steps));
  constexpr std::uint8_t kJnz = 0x75, kNop = 0x90;
  code.push_back(kJnz);
  code.push_back(static_cast<std::uint8_t>(0u - (code.size() + 1)));
  code.push_back(kNop);
  return code;
}

// begin_string: the context, keep_rip, until
ActionResult begin_string(GuestView& view, const Args& args) {
  const StringIo string = string_in(context_of(view, args));
  const bool looks = args.word(kStringArgs + 1) == 0;
  const std::uint64_t n = looks ? mapped_elements(view, string) : string.count;
  constexpr std::uint8_t kNothing[] = {0x90};
  const auto loop = element_loop(string);
  const auto code = n == 0 ? std::span<const std::uint8_t>(kNothing) : std::span(loop);
  const auto registers = guest::copy_registers(view, string, n);
  return guest::begin_copy_code(view, args, kStringArgs, code, registers) ? ActionResult::done()
                                                                          : ActionResult::stopped();
}

// check_string: the context, fault, cr2. The fault is that of vc_read_mem and vc_write_mem.
ActionResult check_string(GuestView& view, const Args& args) {
  const StringIo string = string_in(context_of(view, args));
  const std::uint64_t n = mapped_elements(view, string);
  if (n == string.count) return ActionResult::done().give(0, 0);
  constexpr std::uint64_t kPfProtection = bit(0), kPfWrite = bit(1);
  args.set(kStringArgs, kPfProtection | (string.in ? kPfWrite : 0));
  args.set(kStringArgs + 1, string.address(n));
  return ActionResult::done().give(0, 1);
}

// "ret = regs->cx ? ES_RETRY : ES_OK", with REP or without.
ActionResult string_step(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const guest::IoRequest io = guest::io_request(context.head(), context.registers.gpr[isa::kRdx]);
  const StringIo string = string_of(context, io);
  guest::advance_pointer(view, string);
  std::uint64_t& rcx = view.registers().gpr[isa::kRcx];
  if (io.repeated) rcx -= string.count;
  return ActionResult::done().give(0, rcx != 0 ? 1 : 0);
}

}  // namespace

void add_string_actions(rules::Vocabulary& v) {
  v.add(guest::given("string_io", {"done", "retry"},
                     "ES_OK, or ES_RETRY: the instruction runs again"));
  v.add(guest::action<begin_string>(
      "begin_string",
      context_args({local_arg("keep_rip"), guest::word_arg("until", {"missing", "end"})}), {},
      "registers, the stack below RSP",
      "moves elements between memory and the buffer; the next row goes on behind it"));
  v.add(guest::action<check_string>("check_string",
                                    context_args({local_arg("fault"), local_arg("cr2")}), {"side"},
                                    "locals", "whether all elements are mapped"));
  v.add(guest::action<string_step>("string_step", context_args(), {"string_io"}, "RSI or RDI, RCX",
                                   "the registers after this request"));
}

}  // namespace nptsim::linux_guest
