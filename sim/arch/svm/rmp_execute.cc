#include "sim/arch/svm/rmp_execute.h"

#include "sim/arch/svm/walk.h"

namespace nptsim::svm {
namespace {

using isa::SpecialKind;

u8 vmpls_of(const CpuProfile& profile) {
  return static_cast<u8>(profile.vmpls < kVmpls ? profile.vmpls : kVmpls);
}

}  // namespace

RmpExecutor rmp_executor(const CpuProfile& profile, const WalkContext& context,
                         const VcpuRecord& v) {
  RmpExecutor by = rmp_host_executor(profile);
  by.agent = context.rmp_agent;
  by.long_mode = isa::mode_of(v.registers) == isa::Mode::k64;
  by.cpl = static_cast<u8>(v.registers.cpl);
  return by;
}

RmpExecutor rmp_host_executor(const CpuProfile& profile) {
  RmpExecutor by;
  by.agent.hv_in_use_write_allowed = profile.features.hv_in_use_write_allowed;
  by.agent.choices = profile.rmp_choices;
  by.snp_enabled = profile.checks_rmp();
  by.gpa_bits = profile.maxphyaddr;
  by.vmpls = vmpls_of(profile);
  by.vmpl_sss = profile.features.vmpl_sss;
  return by;
}

RmpExecution RmpInstruction::run(SpecialKind kind, const RmpOperand& operand) {
  RmpExecution done;
  switch (kind) {
    case SpecialKind::kPvalidate:
      done = pvalidate_now();
      break;
    case SpecialKind::kRmpadjust:
      done = rmpadjust_now();
      break;
    case SpecialKind::kRmpquery:
      done = rmpquery_now();
      break;
    default:
      done = by_host_address(kind, operand);
      break;
  }
  if (listener_ != nullptr && !done.failure) tell(kind, done);
  return done;
}

RmpExecution RmpInstruction::pvalidate_now() {
  const isa::Registers& r = v_.registers;
  const u64 rax = by_.long_mode ? r.gpr[isa::kRax] : r.gpr[isa::kRax] & 0xffffffff;
  const PvalidateOperands op = pvalidate_operands(rax, r.gpr[isa::kRcx], r.gpr[isa::kRdx]);
  if (const auto refusal = pvalidate_refusal(by_, op)) return {.result = *refusal};
  if (const auto failure = find(op.gva, page_)) return {.failure = failure};
  return {.result = pvalidate(rmp_, by_, op, page_)};
}

RmpExecution RmpInstruction::rmpadjust_now() {
  const isa::Registers& r = v_.registers;
  const RmpadjustOperands op =
      rmpadjust_operands(r.gpr[isa::kRax], r.gpr[isa::kRcx], r.gpr[isa::kRdx]);
  if (const auto refusal = rmpadjust_refusal(by_, op)) return {.result = *refusal};
  if (const auto failure = find(op.gva, page_)) return {.failure = failure};
  return {.result = rmpadjust(rmp_, by_, op, page_)};
}

RmpExecution RmpInstruction::rmpquery_now() {
  const isa::Registers& r = v_.registers;
  const RmpqueryOperands op = rmpquery_operands(r.gpr[isa::kRax], r.gpr[isa::kRdx]);
  if (const auto refusal = rmpquery_refusal(by_, op)) return {.result = *refusal};
  if (const auto failure = find(op.gva, page_)) return {.failure = failure};
  const RmpqueryResult answer = rmpquery(rmp_, by_, op, page_);
  RmpExecution done{.result = answer.result};
  const bool good = answer.result.ends() && answer.result.code == RmpCode::kSuccess;
  if (good) done.rdx = answer.rdx, done.rcx = answer.rcx;
  return done;
}

// In a guest these can only be refused.
RmpExecution RmpInstruction::by_host_address(SpecialKind kind, const RmpOperand& operand) {
  const HostPhysAddr spa(v_.registers.gpr[isa::kRax]);
  if (kind == SpecialKind::kRmpupdate) return {.result = rmpupdate(rmp_, by_, spa, operand)};
  if (kind == SpecialKind::kPsmash) return {.result = psmash(rmp_, by_, spa)};
  return {.result = rmpread(rmp_, by_, spa).result};
}

// Bits 11:0 of the address are ignored.
std::optional<Failure> RmpInstruction::find(GuestVirtAddr gva, RmpGuestPage& page) {
  WalkContext context = context_;
  context.rmp_final = false;
  const bool write = by_.agent.choices.rmp_instruction_npf_write;
  const Access access{write ? AccessKind::kWrite : AccessKind::kRead, Privilege::kSupervisor};
  Translation t;
  Failure failure;
  const GuestVirtAddr at = gva.page_base();
  const bool good =
      listener_ != nullptr
          ? translate(context, memory_, at, access, ListeningObserver{listener_}, t, failure)
          : translate(context, memory_, at, access, NullObserver{}, t, failure);
  if (!good) return failure;
  page = {at, t.gpa, t.spa, bit(t.nested_shift)};
  found_ = true;
  if (rmp_.covers(t.spa)) before_ = rmp_.words(rmp_.authoritative_page(t.spa));
  return std::nullopt;
}

void RmpInstruction::tell(SpecialKind kind, const RmpExecution& done) const {
  RmpNote note;
  note.instruction = isa::special_name(kind);
  note.rule = done.result.verdict.rule;
  note.ends = done.result.ends();
  note.code = static_cast<u64>(done.result.code);
  note.carry = done.result.carry;
  if (found_) {
    note.gva = page_.gva, note.gpa = page_.gpa;
    note_entry(note, rmp_, page_.spa, before_);
  }
  listener_->on_rmp_instruction(note);
}

void note_entry(RmpNote& note, const Rmp& rmp, HostPhysAddr spa, const RmpWords& before) {
  note.has_page = true;
  note.spa = spa;
  note.covered = rmp.covers(spa);
  if (!note.covered) return;
  const RmpWords after = rmp.words(rmp.authoritative_page(spa));
  note.before[0] = before.q1, note.before[1] = before.q2;
  note.after[0] = after.q1, note.after[1] = after.q2;
}

void flush_after_rmp_change(const CpuProfile& profile, Store& store, unsigned vcpus,
                            HostPhysAddr spa) {
  if (!profile.rmp_choices.rmpupdate_flushes_tlb) return;
  for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
    VcpuRecord& record = vcpu_record(store, vcpu);
    if (record.tlb.enabled)
      Tlb(store, vcpu, record).flush_host_range(spa.align_down(kSize2M), kSize2M);
  }
}

}  // namespace nptsim::svm
