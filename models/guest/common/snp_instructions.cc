// Instructions that an SNP guest executes on its own pages. They are real ones: the processor
// walks, asks the RMP, and exits, as for any other code.
#include <utility>

#include "models/guest/common/own_code.h"
#include "models/guest/common/shared.h"

namespace nptsim::guest {
namespace {

// With a NOP behind: the processor still has one instruction to retire before the end of the code.
constexpr std::uint8_t kPvalidate[] = {0xf2, 0x0f, 0x01, 0xff, 0x90};
constexpr std::uint8_t kRmpadjust[] = {0xf3, 0x0f, 0x01, 0xfe, 0x90};
// mov rax, cr3; mov cr3, rax
constexpr std::uint8_t kReloadCr3[] = {0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, 0x90};

// rAX: the address, RCX: the page size, RDX: what to do. keep: RIP, RCX, RDX.
struct Operands {
  std::uint64_t address, size, what;
};
ActionResult begin(GuestView& view, const Args& args, unsigned keep,
                   std::span<const std::uint8_t> code, const Operands& operands) {
  if (!run_own_code(view, args, keep, code)) return ActionResult::stopped();
  auto& gpr = view.registers().gpr;
  args.set(keep + 1, gpr[isa::kRcx]);
  args.set(keep + 2, gpr[isa::kRdx]);
  gpr[isa::kRax] = operands.address;
  gpr[isa::kRcx] = operands.size;
  gpr[isa::kRdx] = operands.what;
  return ActionResult::done();
}

// keep_rip, keep_rcx, keep_rdx
void end(GuestView& view, const Args& args) {
  leave_own_code(view);
  isa::Registers& r = view.registers();
  r.rip = args.get(0);
  r.gpr[isa::kRcx] = args.get(1);
  r.gpr[isa::kRdx] = args.get(2);
}

// Numbers of the operations of a page-state change (GHCB specification 2.03, 4.1.6).
constexpr std::uint64_t kToPrivate = 1;

// begin_pvalidate: address, size, operation, keep_rip, keep_rcx, keep_rdx. A page that becomes
// private is validated, one that becomes shared is rescinded.
ActionResult begin_pvalidate(GuestView& view, const Args& args) {
  return begin(view, args, 3, kPvalidate,
               {args.get(0), args.get(1), args.get(2) == kToPrivate ? 1ull : 0ull});
}

// What the C helpers of both guests return: EAX, or 255 for CF=1 (Linux PVALIDATE_FAIL_NOUPDATE,
// edk2 PVALIDATE_RET_NO_RMPUPDATE).
enum Pvalidated : unsigned { kValid, kUnchanged, kSizeMismatch, kFailed };
ActionResult end_pvalidate(GuestView& view, const Args& args) {
  constexpr std::uint32_t kFailSizeMismatch = 6;  // APM vol. 3, PVALIDATE
  constexpr std::uint64_t kNoUpdate = 255;
  end(view, args);
  isa::Registers& r = view.registers();
  const auto code = static_cast<std::uint32_t>(r.gpr[isa::kRax]);
  r.gpr[isa::kRax] = code;
  if (code == kFailSizeMismatch) return ActionResult::done().give(0, kSizeMismatch);
  if (code != 0) return ActionResult::done().give(0, kFailed);
  if (!(r.rflags & isa::kFlagCf)) return ActionResult::done().give(0, kValid);
  r.gpr[isa::kRax] = kNoUpdate;
  return ActionResult::done().give(0, kUnchanged);
}

// begin_rmpadjust: address, attributes, keep_rip, keep_rcx, keep_rdx. Of 4 KByte.
ActionResult begin_rmpadjust(GuestView& view, const Args& args) {
  return begin(view, args, 2, kRmpadjust, {args.get(0), 0, args.get(1)});
}

ActionResult end_rmpadjust(GuestView& view, const Args& args) {
  end(view, args);
  const bool good = static_cast<std::uint32_t>(view.registers().gpr[isa::kRax]) == 0;
  return ActionResult::done().give(0, good ? 0 : 1);
}

// begin_flush_tlb: keep_rip, keep_rax
ActionResult begin_flush_tlb(GuestView& view, const Args& args) {
  if (!run_own_code(view, args, 0, kReloadCr3)) return ActionResult::stopped();
  args.set(1, view.registers().gpr[isa::kRax]);
  return ActionResult::done();
}

ActionResult end_flush_tlb(GuestView& view, const Args& args) {
  leave_own_code(view);
  view.registers().rip = args.get(0);
  view.registers().gpr[isa::kRax] = args.get(1);
  return ActionResult::done();
}

// own_page: into. A page that is the code's own, for looking at: that of the stack.
ActionResult own_page(GuestView& view, const Args& args) {
  args.set(0, (view.registers().gpr[isa::kRsp] - 1) & ~kPageMask);
  return ActionResult::done();
}

std::vector<rules::ArgDef> kept() {
  return {value_arg("keep_rip"), value_arg("keep_rcx"), value_arg("keep_rdx")};
}

}  // namespace

void add_snp_instructions(rules::Vocabulary& v) {
  const std::string registers = "registers, the stack below RSP";
  v.add(given("pvalidated", {"ok", "unchanged", "size-mismatch", "failed"},
              "what PVALIDATE answered; unchanged: CF=1, it was so already"));
  v.add(
      action<begin_pvalidate>("begin_pvalidate",
                              {value_arg("address"), value_arg("size"), value_arg("operation"),
                               local_arg("keep_rip"), local_arg("keep_rcx"), local_arg("keep_rdx")},
                              {}, registers, "runs PVALIDATE; the next row goes on behind it"));
  v.add(action<end_pvalidate>("end_pvalidate", kept(), {"pvalidated"}, registers,
                              "RAX holds the return code, or 255 if nothing changed"));
  v.add(given("rmpadjusted", {"ok", "failed"}, "what RMPADJUST answered"));
  v.add(
      action<begin_rmpadjust>("begin_rmpadjust",
                              {value_arg("address"), value_arg("attributes"), local_arg("keep_rip"),
                               local_arg("keep_rcx"), local_arg("keep_rdx")},
                              {}, registers, "runs RMPADJUST; the next row goes on behind it"));
  v.add(action<end_rmpadjust>("end_rmpadjust", kept(), {"rmpadjusted"}, registers,
                              "RAX holds the return code"));
  v.add(
      action<own_page>("own_page", {local_arg("into")}, {}, "a local", "a page of the code's own"));
  v.add(action<begin_flush_tlb>("begin_flush_tlb", {local_arg("keep_rip"), local_arg("keep_rax")},
                                {}, registers, "loads CR3 anew; the next row goes on behind it"));
  v.add(action<end_flush_tlb>("end_flush_tlb", {value_arg("keep_rip"), value_arg("keep_rax")}, {},
                              registers, "registers are as before"));
}

}  // namespace nptsim::guest
