#include "sim/arch/svm/cpu.h"

#include <cstring>
#include <optional>

#include "sim/arch/svm/control_registers.h"
#include "sim/arch/svm/guest_port.h"
#include "sim/arch/svm/rmp_execute.h"
#include "sim/arch/svm/sev.h"
#include "sim/arch/svm/specials.h"
#include "sim/arch/svm/vmrun.h"
#include "sim/arch/svm/vmrun_pages.h"
#include "sim/arch/svm/vmsa_load.h"
#include "sim/isa/execute.h"

namespace nptsim::svm {

using isa::Outcome;
using isa::OutcomeKind;

std::string_view name_of(AttemptKind kind) {
  constexpr std::string_view kNames[] = {"retired", "iteration",  "delivered",   "exit",
                                         "halted",  "host-fault", "unsupported", "unspecified"};
  return kNames[static_cast<unsigned>(kind)];
}

u64 event_inj_of(const isa::Event& event) {
  return event.vector | static_cast<u64>(event.type) << 8 | (event.has_error_code ? bit(11) : 0) |
         bit(31) | u64{event.error_code} << 32;
}

isa::Event event_of_inj(u64 event_inj) {
  const bool has_code = has_bit(event_inj, 11);
  return {static_cast<u8>(event_inj), static_cast<isa::EventType>(get_bits(event_inj, 10, 8)),
          has_code, has_code ? static_cast<u32>(event_inj >> 32) : 0};
}

namespace {

// All that make_walk_context() reads of a vCPU.
struct VcpuInputs {
  u64 cr0 = ~0ull, cr3 = 0, cr4 = 0, efer = 0, ac = 0, guest_type = 0, nested_ctl = 0, ncr3 = 0,
      host_efer = 0, host_cr4 = 0, guest_key = 0, sev_features = 0, virtual_tom = 0, asid = 0,
      vmpl = 0;

  // Without a branch for each: it is asked at every attempt.
  bool same(const VcpuRecord& v) const {
    const isa::Registers& r = v.registers;
    const VmcbControl& c = v.control;
    return ((cr0 ^ r.cr0) | (cr3 ^ r.cr3) | (cr4 ^ r.cr4) | (efer ^ r.efer) |
            (ac ^ (r.rflags & isa::kFlagAc)) | (guest_type ^ c.guest_type) |
            (nested_ctl ^ c.nested_ctl) | (ncr3 ^ c.ncr3) | (host_efer ^ c.host_efer) |
            (host_cr4 ^ c.host_cr4) | (guest_key ^ c.guest_key) |
            (sev_features ^ v.state.sev_features) | (virtual_tom ^ v.state.virtual_tom) |
            (asid ^ c.asid) | (vmpl ^ v.state.vmpl)) == 0;
  }
  void remember(const VcpuRecord& v) {
    const isa::Registers& r = v.registers;
    const VmcbControl& c = v.control;
    *this = {r.cr0,
             r.cr3,
             r.cr4,
             r.efer,
             r.rflags & isa::kFlagAc,
             c.guest_type,
             c.nested_ctl,
             c.ncr3,
             c.host_efer,
             c.host_cr4,
             c.guest_key,
             v.state.sev_features,
             v.state.virtual_tom,
             c.asid,
             v.state.vmpl};
  }
};

}  // namespace

// The walk context of the last attempt: nearly always the next one's too.
struct Cpu::Impl {
  const CpuProfile* profile;
  EntryRuleSets rules;
  isa::DecodeCache decode;
  WalkContext context;
  VcpuInputs inputs;

  explicit Impl(const CpuProfile& p) : profile(&p), rules(p) {}

  const WalkContext& context_of(VcpuRecord& v) {
    if (!inputs.same(v)) [[unlikely]] {
      context = make_walk_context(*profile, rules, v);
      inputs.remember(v);
    }
    if (context.pml) context.pml = &v.control;  // the log is this vCPU's
    return context;
  }
};

namespace {

// "These fields are set to the same value as in the VMCB" at every automatic exit of an SNP-active
// guest, with ReflectVC or without (APM vol. 2 rev. 3.45, 15.36.9).
void keep_for_guest(VcpuRecord& v) {
  if (guest_type(v) != GuestType::kSnp) return;
  const ExitRecord& e = v.exit;
  v.state.exit = {e.exit_code, e.exit_info_1, e.exit_info_2, e.exit_int_info, e.nrip};
}

// One attempt.
class Run {
 public:
  Run(const CpuProfile& profile, isa::DecodeCache& decode, const WalkContext& context,
      const Cpu::Place& place, VcpuRecord& vcpu)
      : profile_(profile),
        decode_(decode),
        context_(context),
        place_(place),
        v_(vcpu),
        r_(vcpu.registers),
        port_(place.memory, place.vcpu, vcpu, context, place.listener) {}

  Attempt instruction() {
    if (event_inj_valid(v_.pending.event)) [[unlikely]]
      return pending_event();
    const isa::Instruction* i = nullptr;
    if (!fetch(i)) [[unlikely]]
      return *ended_;
    const Outcome outcome = isa::execute(*i, r_, port_);
    switch (outcome.kind) {
      [[likely]] case OutcomeKind::kRetired : return {};
      case OutcomeKind::kIteration:
        return {.kind = AttemptKind::kIteration};
      case OutcomeKind::kSpecial:
        return special(*i);
      case OutcomeKind::kUnsupported:
        return unsupported();
      case OutcomeKind::kStopped:
      case OutcomeKind::kException:
        return faulted(outcome, std::nullopt);
    }
    return unsupported();
  }

  Attempt access(const GuestAccess& a, void* data) {
    using enum isa::Privilege;
    isa::PortStatus status = isa::PortStatus::kOk;
    switch (a.kind) {
      case AccessKind::kRead:
        status = port_.load(a.gva, data, a.size, kCurrent);
        break;
      case AccessKind::kWrite:
        status = port_.store(a.gva, data, a.size, kCurrent);
        break;
      case AccessKind::kFetch:
        status = fetch_data(a, data);
        break;
    }
    return status == isa::PortStatus::kOk ? Attempt{} : faulted(Outcome::stopped(), std::nullopt);
  }

  Attempt raise(const isa::Event& event, u64 cr2) {
    return resolve({event, cr2, std::nullopt, failure_}, std::nullopt);
  }

 private:
  // Of a #VC: what an exit for the same event would tell.
  struct VcInfo {
    u64 info_1 = 0;
    u64 info_2 = 0;
    u64 nrip = 0;
  };

  // An event on its way to the guest, and what would be lost if it does not get there.
  struct Raised {
    isa::Event event;
    u64 cr2 = 0;
    std::optional<RuleId> rule;
    FailureKind failure = FailureKind::kNone;
    VcInfo exit = {};

    // A #PF's, and the address of a page that was not validated (APM vol. 2 rev. 3.45, 15.36.10).
    bool has_cr2() const {
      return is_page_fault(event) ||
             (event.vector == isa::kVc && event.error_code == exit_code::kPageNotValidated);
    }
  };

  // ---------------------------------------------------------------- fetch

  bool fetch(const isa::Instruction*& instruction) {
    const GuestVirtAddr at = isa::code_address(r_);
    byte_count_ = static_cast<unsigned>(bytes_in_page(at.value, isa::kMaxInstructionLength));
    if (!port_.fetch(at, bytes_, byte_count_)) return stopped_fetching();
    const isa::Mode mode = isa::mode_of(r_);
    auto found = decode_.lookup(r_.rip, mode, {bytes_, byte_count_});
    if (found.status == isa::DecodeStatus::kNeedsMoreBytes) [[unlikely]] {
      // Only now is the next page asked for.
      const unsigned more = isa::kMaxInstructionLength - byte_count_;
      if (!port_.fetch(at + byte_count_, bytes_ + byte_count_, more)) return stopped_fetching();
      byte_count_ += more;
      found = decode_.lookup(r_.rip, mode, {bytes_, byte_count_});
    }
    if (found.status != isa::DecodeStatus::kOk) [[unlikely]] {
      ended_ = faulted(isa::decode_fault(found.status), std::nullopt);
      return false;
    }
    instruction = found.instruction;
    return true;
  }

  bool stopped_fetching() {
    byte_count_ = 0;  // no instruction bytes for a fault of the fetch itself
    ended_ = faulted(Outcome::stopped(), std::nullopt);
    return false;
  }

  isa::PortStatus fetch_data(const GuestAccess& a, void* data) {
    const auto first = static_cast<unsigned>(bytes_in_page(a.gva.value, a.size));
    const bool good =
        port_.fetch(a.gva, data, first) &&
        (first == a.size ||
         port_.fetch(a.gva + first, static_cast<char*>(data) + first, a.size - first));
    return good ? isa::PortStatus::kOk : isa::PortStatus::kStopped;
  }

  // ---------------------------------------------------------------- events and faults

  // EVENTINJ: not subject to the intercept of the event itself (APM vol. 2 rev. 3.45, 15.20).
  Attempt pending_event() {
    const isa::Event event = event_of_inj(v_.pending.event);
    v_.pending.event = 0;
    v_.pending.halted = 0;
    const Outcome outcome = isa::deliver_event(event, r_, port_);
    if (outcome.kind == OutcomeKind::kRetired) {
      return {.kind = AttemptKind::kDelivered,
              .rule = RuleId::kEventInjection,
              .event = event,
              .cr2 = r_.cr2};
    }
    return faulted(outcome, event);
  }

  // An instruction, an access or (`during`) a delivery met `outcome`, which is no success.
  Attempt faulted(const Outcome& outcome, std::optional<isa::Event> during) {
    Raised raised;
    if (outcome.kind == OutcomeKind::kException) {
      raised.event = isa::event_of(outcome);
    } else if (outcome.kind == OutcomeKind::kStopped) {
      if (auto end = stopped(port_.failure(), during, raised)) return *end;
    } else {
      return unsupported();
    }
    return resolve(raised, during);
  }

  // What a failed translation raises in the guest; or how the attempt ends.
  std::optional<Attempt> stopped(const Failure& f, const std::optional<isa::Event>& during,
                                 Raised& raised) {
    failure_ = f.kind;
    raised.failure = f.kind;
    switch (f.kind) {
      case FailureKind::kNonCanonical:
        raised.event = {isa::kGp, isa::EventType::kException, true, 0};
        return std::nullopt;
      case FailureKind::kGuestNotPresent:
      case FailureKind::kGuestReserved:
      case FailureKind::kGuestPermission:
        raised.event = {isa::kPf, isa::EventType::kException, true,
                        static_cast<u32>(page_fault_error_code(f, context_.guest_error))};
        raised.cr2 = f.gva.value;
        return std::nullopt;
      case FailureKind::kNestedNotPresent:
      case FailureKind::kNestedReserved:
      case FailureKind::kNestedPermission:
      case FailureKind::kNestedRmp:
        return nested_fault(f, during, raised);
      case FailureKind::kPageNotValidated:
        raised.event = vc_event(exit_code::kPageNotValidated);
        raised.rule = f.rule;
        raised.cr2 = f.gva.value;
        return std::nullopt;
      case FailureKind::kPmlFull:
        return exit(exit_code::kPmlFull, 0, 0, RuleId::kPml, during);
      case FailureKind::kUnspecified:
        return unspecified(f.gap);
      case FailureKind::kNone:
        break;
    }
    NPTSIM_BUG("the port stopped an access without a reason");
  }

  // "#NPF ... only when EXITINFO1[3] = 0" is an automatic exit; the rest is #VC in an SEV-ES guest
  // (APM vol. 2 rev. 3.45, table 15-33).
  std::optional<Attempt> nested_fault(const Failure& f, const std::optional<isa::Event>& during,
                                      Raised& raised) {
    const u64 info_1 = npf_exit_info_1(f, context_.nested_error);
    if (has_sev_es(guest_type(v_)) && (info_1 & kErrorRsv)) {
      const bool data = f.stage == Stage::kFinal && f.access.kind != AccessKind::kFetch;
      raised.event = vc_event(exit_code::kNpf);
      raised.exit = {info_1, npf_exit_info_2(f)};
      raised.rule = data ? RuleId::kNpfVc : RuleId::kNpfVcTable;
      return std::nullopt;
    }
    const RuleId rule = f.kind == FailureKind::kNestedRmp ? f.rule : RuleId::kNpfExit;
    return exit(exit_code::kNpf, info_1, npf_exit_info_2(f), rule, during, true);
  }

  static isa::Event vc_event(u64 code) {
    return {isa::kVc, isa::EventType::kException, true, static_cast<u32>(code)};
  }

  // ReflectVC, below VMPL0 (APM vol. 2 rev. 3.45, 15.36.9).
  bool reflects(const isa::Event& event) const {
    return event.vector == isa::kVc && event.type == isa::EventType::kException &&
           guest_type(v_) == GuestType::kSnp && v_.state.vmpl != 0 &&
           (v_.state.sev_features & kReflectVc);
  }

  // Rule vc.reflected: the host learns that there was a #VC, the VMSA of which kind.
  Attempt reflected(const Raised& raised, const std::optional<isa::Event>& during) {
    const u64 code = raised.event.error_code;
    if (code == exit_code::kPageNotValidated) return unspecified(Gap::kReflectNotValidated);
    if (during) return unspecified(Gap::kReflectDelivering);
    const Attempt end = exit(exit_code::kVc, 0, 0, RuleId::kReflectedVc, std::nullopt);
    v_.state.exit = {code, raised.exit.info_1, raised.exit.info_2, 0, raised.exit.nrip};
    return end;
  }

  // Brings an event to the guest, or to the host that intercepts it. `during`: the delivery of
  // which event it hit.
  Attempt resolve(Raised raised, std::optional<isa::Event> during) {
    for (;;) {
      if (auto end = exception_intercept(raised, during)) return *end;
      if (reflects(raised.event)) return reflected(raised, during);
      if (during) {
        switch (isa::combine(*during, raised.event)) {
          case isa::Combined::kSerial:
            break;
          case isa::Combined::kDoubleFault:
            write_cr2(raised);
            raised = {{isa::kDf, isa::EventType::kException, true, 0},
                      0,
                      RuleId::kDoubleFault,
                      raised.failure};
            if (auto end = exception_intercept(raised, during)) return *end;
            break;
          case isa::Combined::kShutdown:
            return exit(exit_code::kShutdown, 0, 0, RuleId::kShutdown, std::nullopt);
        }
      }
      write_cr2(raised);
      const Outcome outcome = isa::deliver_event(raised.event, r_, port_);
      if (outcome.kind == OutcomeKind::kRetired) {
        return {.kind = AttemptKind::kDelivered,
                .rule = raised.rule.value_or(RuleId::kExceptionDelivered),
                .failure = raised.failure,
                .event = raised.event,
                .cr2 = raised.has_cr2() ? raised.cr2 : 0,
                .has_cr2 = raised.has_cr2()};
      }
      during = raised.event;
      Raised next;
      if (outcome.kind == OutcomeKind::kException) {
        next.event = isa::event_of(outcome);
      } else if (outcome.kind == OutcomeKind::kStopped) {
        if (auto end = stopped(port_.failure(), during, next)) return *end;
      } else {
        return unsupported();
      }
      raised = next;
    }
  }

  // CR2 is written when a #PF is delivered, not when it is intercepted (15.12.15).
  void write_cr2(const Raised& raised) {
    if (raised.has_cr2()) r_.cr2 = raised.cr2;
  }
  static bool is_page_fault(const isa::Event& e) {
    return e.vector == isa::kPf && e.type == isa::EventType::kException;
  }

  // APM vol. 2 rev. 3.45, 15.12. For an SEV-ES guest only #MC exits; every other intercepted
  // exception is a #VC.
  std::optional<Attempt> exception_intercept(Raised& raised,
                                             const std::optional<isa::Event>& during) {
    const u64 code = exit_code::kException0 + raised.event.vector;
    if (raised.event.type != isa::EventType::kException || !intercepts(v_.control, code)) {
      return std::nullopt;
    }
    const bool page_fault = is_page_fault(raised.event);
    const u64 info_1 = raised.event.has_error_code ? raised.event.error_code : 0;
    const u64 info_2 = page_fault ? raised.cr2 : 0;
    if (has_sev_es(guest_type(v_)) && !find_automatic_exit(code)) {
      if (raised.event.vector == isa::kVc) return std::nullopt;  // ill-advised, and without effect
      raised = {vc_event(code), 0, RuleId::kNonAutomaticExit, raised.failure, {info_1, info_2, 0}};
      return std::nullopt;
    }
    return exit(code, info_1, info_2, RuleId::kExceptionIntercept, during, page_fault);
  }

  // ---------------------------------------------------------------- ends of an attempt

  Attempt exit(u64 code, u64 info_1, u64 info_2, RuleId rule,
               const std::optional<isa::Event>& during, bool page_fault = false) {
    ExitRecord& e = v_.exit;
    e = ExitRecord{};
    e.exit_code = code;
    e.exit_info_1 = info_1;
    e.exit_info_2 = info_2;
    if (during) e.exit_int_info = event_inj_of(*during);
    // Rule exit.instruction-bytes. After a fault of the fetch itself there are none.
    const bool has_bytes = page_fault && !during && !has_sev_es(guest_type(v_));
    if (has_bytes && profile_.features.decode_assists) {
      e.insn_count = byte_count_;
      std::memcpy(e.insn_bytes, bytes_, byte_count_);
    }
    keep_for_guest(v_);
    leave_guest();
    return {.kind = AttemptKind::kExit, .rule = rule, .failure = failure_, .exit_code = code};
  }

  void leave_guest() {
    if (!v_.pending.in_guest) return;
    v_.pending.in_guest = 0;
    release_vmrun_pages(profile_, place_.memory, v_);
  }

  Attempt unsupported() const { return {.kind = AttemptKind::kUnsupported}; }
  Attempt unspecified(Gap gap) const {
    return {.kind = AttemptKind::kUnspecified,
            .rule = RuleId::kUnspecified,
            .gap = gap,
            .failure = failure_};
  }

  // ---------------------------------------------------------------- special instructions

  Attempt special(const isa::Instruction& i) {
    const isa::Special s = isa::describe_special(i, r_);
    const Native native = special_row(s.kind).native;
    if (native == Native::kVmgexit) return vmgexit(i, s);
    const Decision decision = decide(s);
    switch (decision.verdict) {
      case Verdict::kNative:
        return natively(i, s, native);
      case Verdict::kExit:
        return intercepted(i, s, decision.rule);
      case Verdict::kVc:
        break;
    }
    const InterceptInfo info = intercept_info(s, i, profile_.features.decode_assists);
    return resolve({vc_event(exit_code_of(s)),
                    0,
                    decision.rule,
                    FailureKind::kNone,
                    {info.info_1, info.info_2, s.next_rip}},
                   std::nullopt);
  }

  // The intercepts that look at operands come before the plain ones.
  Decision decide(const isa::Special& s) const {
    const bool msr = s.kind == isa::SpecialKind::kRdmsr || s.kind == isa::SpecialKind::kWrmsr;
    if (msr && msr_is_direct(v_.control, static_cast<u32>(s.leaf))) return {};
    return decide_special(v_.control, exit_code_of(s));
  }

  Attempt intercepted(const isa::Instruction& i, const isa::Special& s, RuleId rule) {
    const u64 code = exit_code_of(s);
    const bool sealed = has_sev_es(guest_type(v_));
    const InterceptInfo info = intercept_info(s, i, profile_.features.decode_assists && !sealed);
    const AutomaticExit* automatic = find_automatic_exit(code);
    if (sealed && automatic && automatic->rip_advanced) isa::retire_special(i, r_);
    const Attempt end = exit(code, info.info_1, info.info_2, rule, std::nullopt);
    // The saved rIP of an SEV-ES guest is in its VMSA; that nRIP is not shown either is inferred.
    if (profile_.features.nrips && !sealed) v_.exit.nrip = s.next_rip;
    return end;
  }

  // APM vol. 2 rev. 3.45, 15.35.6.
  Attempt vmgexit(const isa::Instruction& i, const isa::Special& s) {
    if (!has_sev_es(guest_type(v_))) {
      isa::Special as_vmmcall = s;
      as_vmmcall.kind = isa::SpecialKind::kVmmcall;
      if (!intercepts(v_.control, exit_code::kVmmcall)) return undefined_opcode();
      return intercepted(i, as_vmmcall, RuleId::kVmgexit);
    }
    isa::retire_special(i, r_);
    const Attempt end = exit(exit_code::kVmgexit, 0, 0, RuleId::kVmgexit, std::nullopt);
    if (v_.state.sev_features & kVmgexitParameter) {
      v_.exit.vmgexit_rax = r_.gpr[isa::kRax];
      v_.exit.vmgexit_cpl = r_.cpl;
    }
    return end;
  }

  Attempt undefined_opcode() { return resolve({{isa::kUd}, 0, {}, {}}, std::nullopt); }
  Attempt general_protection() { return faulted(Outcome::exception(isa::kGp, 0), std::nullopt); }

  Attempt natively(const isa::Instruction& i, const isa::Special& s, Native native) {
    switch (native) {
      case Native::kRegisters:
        return by_registers(i);
      case Native::kControl:
        return control_write(i, s);
      case Native::kInterrupt:
        return software_interrupt(i, s);
      case Native::kMsr:
        return msr_access(i, s);
      case Native::kTsc:
        return read_time(i, s);
      case Native::kXcr:
        return extended_control(i, s);
      case Native::kSwapgs:
        isa::complete_swapgs(i, r_, v_.state.kernel_gs_base);
        return {};
      case Native::kFlushPage:
        port_.tlb().flush_page(s.address, v_.control.asid);
        isa::retire_special(i, r_);
        return {};
      case Native::kFlushAsid:
        port_.tlb().flush_asid(v_.control.asid);
        isa::retire_special(i, r_);
        return {};
      case Native::kHalt:
        isa::retire_special(i, r_);
        v_.pending.halted = 1;
        return {.kind = AttemptKind::kHalted};
      case Native::kRmp:
        return rmp_instruction(i, s);
      case Native::kUd:
        return undefined_opcode();
      case Native::kCpuidGap:
        return unspecified(Gap::kCpuidWithoutIntercept);
      case Native::kPortGap:
        return unspecified(Gap::kPortWithoutIntercept);
      case Native::kVmgexit:
      case Native::kUnsupported:
        break;
    }
    return unsupported();
  }

  Attempt by_registers(const isa::Instruction& i) {
    const Outcome outcome = isa::complete_natively(i, r_, port_);
    switch (outcome.kind) {
      case OutcomeKind::kRetired:
        return {};
      case OutcomeKind::kStopped:
      case OutcomeKind::kException:
        return faulted(outcome, std::nullopt);
      default:
        return unsupported();
    }
  }

  // MOV to CR, CLTS, LMSW. The write traps are taken behind the instruction, for SEV-ES too
  // (APM vol. 2 rev. 3.45, 15.35.3).
  Attempt control_write(const isa::Instruction& i, const isa::Special& s) {
    const bool mov = s.kind == isa::SpecialKind::kWriteCr;
    const unsigned index = mov ? s.index : 0;
    const ControlRegisters before = control_registers(r_);
    if (mov) {
      if (!control_write_allowed(profile_, v_, index, s.value)) return general_protection();
      const bool selective = index == 0 && intercepts(v_.control, exit_code::kCr0Selective) &&
                             selective_cr0_write(r_.cr0, s.value);
      if (selective && !has_sev_es(guest_type(v_))) {
        const Attempt end = exit(exit_code::kCr0Selective, 0, 0, RuleId::kIntercept, std::nullopt);
        if (profile_.features.nrips) v_.exit.nrip = s.next_rip;
        return end;
      }
    }
    const Attempt end = by_registers(i);
    if (end.kind != AttemptKind::kRetired) return end;
    r_.cr3 = stored_cr3(r_);
    flush_after_control_write(port_.tlb(), before, v_, mov && index == 3);
    const u64 trap = exit_code::kCr0WriteTrap + index;
    if (!intercepts(v_.control, trap)) return end;
    return exit(trap, mov ? s.value : r_.cr0, 0, RuleId::kIntercept, std::nullopt);
  }

  // A fault on the way to the handler leaves rIP at the instruction; EXITINTINFO names the event.
  Attempt software_interrupt(const isa::Instruction& i, const isa::Special& s) {
    const bool int_n = s.kind == isa::SpecialKind::kInt;
    const isa::Event event{s.vector,
                           int_n ? isa::EventType::kSoftware : isa::EventType::kException};
    const Outcome outcome = isa::complete_natively(i, r_, port_);
    if (outcome.kind == OutcomeKind::kRetired) {
      return {.kind = AttemptKind::kDelivered, .rule = RuleId::kExceptionDelivered, .event = event};
    }
    return faulted(outcome, event);
  }

  Attempt msr_access(const isa::Instruction& i, const isa::Special& s) {
    const auto number = static_cast<u32>(s.leaf);
    if (s.kind == isa::SpecialKind::kRdmsr) {
      u64 value = 0;
      if (!read_msr(v_, number, value)) return unspecified(Gap::kMsrWithoutModel);
      isa::complete_read_edx_eax(i, r_, value);
      return {};
    }
    const ControlRegisters before = control_registers(r_);
    switch (write_msr(profile_, v_, number, s.value)) {
      case MsrWrite::kDone:
        break;
      case MsrWrite::kRefused:
        return general_protection();
      case MsrWrite::kUnknown:
        return unspecified(Gap::kMsrWithoutModel);
    }
    isa::retire_special(i, r_);
    flush_after_control_write(port_.tlb(), before, v_, false);
    if (number == msr::kEfer && intercepts(v_.control, exit_code::kEferWriteTrap)) {
      return exit(exit_code::kEferWriteTrap, s.value, 0, RuleId::kIntercept, std::nullopt);
    }
    return {};
  }

  // RMPUPDATE takes 16 bytes at RCX from memory.
  Attempt rmp_instruction(const isa::Instruction& i, const isa::Special& s) {
    RmpOperand operand;
    const bool updates = s.kind == isa::SpecialKind::kRmpupdate && profile_.checks_rmp();
    if (updates && port_.load(GuestVirtAddr(r_.gpr[isa::kRcx]), &operand, sizeof operand,
                              isa::Privilege::kCurrent) != isa::PortStatus::kOk) {
      return faulted(Outcome::stopped(), std::nullopt);
    }
    RmpInstruction instruction(profile_, context_, place_.memory, v_, place_.listener);
    const RmpExecution done = instruction.run(s.kind, operand);
    if (done.failure) return rmp_stopped(*done.failure);
    if (!done.result.ends()) return rmp_faulted(done.result.verdict);
    if (done.rdx) isa::write_gpr(r_, isa::kRdx, 8, *done.rdx);
    if (done.rcx) isa::write_gpr(r_, isa::kRcx, 8, *done.rcx);
    const bool changes =
        s.kind == isa::SpecialKind::kPvalidate || s.kind == isa::SpecialKind::kRmpadjust;
    if (changes && profile_.rmp_choices.guest_rmp_flushes_tlb) {
      port_.tlb().flush_asid(v_.control.asid);  // more than it must
    }
    isa::complete_rmp_instruction(i, r_, static_cast<u32>(done.result.code), done.result.carry);
    return {.rule = done.result.verdict.rule};
  }

  Attempt rmp_stopped(const Failure& failure) {
    Raised raised;
    if (auto end = stopped(failure, std::nullopt, raised)) return *end;
    return resolve(raised, std::nullopt);
  }

  Attempt rmp_faulted(const RmpVerdict& verdict) {
    switch (verdict.outcome) {
      case RmpOutcome::kNpf:
        return exit(exit_code::kNpf, verdict.error_code, verdict.address, verdict.rule,
                    std::nullopt);
      case RmpOutcome::kVc:
        return resolve({vc_event(exit_code::kPageNotValidated), verdict.address, verdict.rule,
                        FailureKind::kPageNotValidated},
                       std::nullopt);
      case RmpOutcome::kGeneralProtection:
        return general_protection();
      case RmpOutcome::kInvalidOpcode:
        return undefined_opcode();
      case RmpOutcome::kUnspecified:
        return unspecified(Gap::kPvalidateVmpl);
      default:
        NPTSIM_BUG("an RMP instruction of a guest ended like the host's");
    }
  }

  Attempt read_time(const isa::Instruction& i, const isa::Special& s) {
    if (s.kind == isa::SpecialKind::kRdtsc) {
      isa::complete_read_edx_eax(i, r_, v_.state.tsc);
    } else if (s.kind == isa::SpecialKind::kRdtscp) {
      isa::complete_rdtscp(i, r_, v_.state.tsc, static_cast<u32>(v_.state.tsc_aux));
    } else {
      isa::complete_read_gpr(i, r_, v_.state.tsc_aux);
    }
    return {};
  }

  Attempt extended_control(const isa::Instruction& i, const isa::Special& s) {
    if (s.leaf != 0) return general_protection();
    if (s.kind == isa::SpecialKind::kXgetbv) {
      isa::complete_read_edx_eax(i, r_, v_.state.xcr0);
      return {};
    }
    if (!has_bit(s.value, 0)) return general_protection();  // x87 state cannot be off
    v_.state.xcr0 = s.value;
    isa::retire_special(i, r_);
    return {};
  }

  const CpuProfile& profile_;
  isa::DecodeCache& decode_;
  const WalkContext& context_;
  const Cpu::Place& place_;
  VcpuRecord& v_;
  isa::Registers& r_;
  GuestPort port_;
  std::optional<Attempt> ended_;
  FailureKind failure_ = FailureKind::kNone;
  unsigned byte_count_ = 0;
  u8 bytes_[16];
};

}  // namespace

Cpu::Cpu(const CpuProfile& profile) : impl_(std::make_unique<Impl>(profile)) {}
Cpu::~Cpu() = default;
const EntryRuleSets& Cpu::entry_rules() const { return impl_->rules; }
Cpu::Cpu(Cpu&&) noexcept = default;
Cpu& Cpu::operator=(Cpu&&) noexcept = default;
const CpuProfile& Cpu::profile() const { return *impl_->profile; }

Attempt Cpu::attempt_instruction(const Place& place) {
  VcpuRecord& v = vcpu_record(place.memory.store(), place.vcpu);
  return Run(*impl_->profile, impl_->decode, impl_->context_of(v), place, v).instruction();
}

Attempt Cpu::attempt_access(const Place& place, const GuestAccess& access, void* data) {
  NPTSIM_CHECK(access.size >= 1 && access.size <= isa::kMaxAccess);
  VcpuRecord& v = vcpu_record(place.memory.store(), place.vcpu);
  return Run(*impl_->profile, impl_->decode, impl_->context_of(v), place, v).access(access, data);
}

Attempt Cpu::deliver(const Place& place, const isa::Event& event, u64 cr2) {
  VcpuRecord& v = vcpu_record(place.memory.store(), place.vcpu);
  return Run(*impl_->profile, impl_->decode, impl_->context_of(v), place, v).raise(event, cr2);
}

namespace {

// A page that VMRUN may not have: #GP(0) in the host, or VMEXIT_INVALID
// (APM vol. 2 rev. 3.45, table 15-40).
Attempt refused_page(VcpuRecord& v, const RmpVerdict& verdict) {
  if (verdict.outcome == RmpOutcome::kGeneralProtection) {
    return {.kind = AttemptKind::kHostFault,
            .rule = verdict.rule,
            .event = {isa::kGp, isa::EventType::kException, true, 0}};
  }
  v.exit = ExitRecord{};
  v.exit.exit_code = exit_code::kInvalid;
  return {.kind = AttemptKind::kExit, .rule = verdict.rule, .exit_code = exit_code::kInvalid};
}

Attempt illegal_state(VcpuRecord& v) {
  v.exit = ExitRecord{};
  v.exit.exit_code = exit_code::kInvalid;
  v.pending.in_guest = 0;
  return {
      .kind = AttemptKind::kExit, .rule = RuleId::kVmrunInvalid, .exit_code = exit_code::kInvalid};
}

}  // namespace

Attempt Cpu::vmrun(const Place& place) {
  VcpuRecord& v = vcpu_record(place.memory.store(), place.vcpu);
  if (has_other_vmsa(v)) {
    const RmpVerdict verdict = check_vmrun_pages(*impl_->profile, place.memory, v);
    if (!verdict.allowed()) return refused_page(v, verdict);
    if (still_owns_vmsa(*impl_->profile, place.memory, v)) store_vmsa(place.memory, v);
    load_vmsa(place.memory, v);
    v.pending.vmsa = v.control.vmsa;
    if (!loaded_state_is_legal(v.registers)) return illegal_state(v);
  }
  v.pending.vmsa = v.control.vmsa;
  if (!vmrun_state_is_legal(*impl_->profile, v)) return illegal_state(v);
  if (!host_is_64_bit(v)) {
    return {
        .kind = AttemptKind::kUnspecified, .rule = RuleId::kUnspecified, .gap = Gap::kHostPaging};
  }
  if (const RmpVerdict verdict = check_vmrun_pages(*impl_->profile, place.memory, v);
      !verdict.allowed()) {
    return refused_page(v, verdict);
  }
  if (!hold_vmrun_pages(*impl_->profile, place.memory, v)) {
    return {.kind = AttemptKind::kUnspecified, .rule = RuleId::kUnspecified, .gap = Gap::kPageHeld};
  }
  Tlb(place.memory.store(), place.vcpu, v)
      .flush_by_tlb_control(v.control.tlb_control, v.control.asid);
  v.pending.event = event_inj_valid(v.control.event_inj) ? v.control.event_inj : 0;
  v.control.event_inj = 0;
  v.pending.in_guest = 1;
  return {};
}

Attempt Cpu::external_exit(const Place& place, u64 code, u64 info_1, u64 info_2) {
  VcpuRecord& v = vcpu_record(place.memory.store(), place.vcpu);
  v.exit = ExitRecord{};
  v.exit.exit_code = code;
  v.exit.exit_info_1 = info_1;
  v.exit.exit_info_2 = info_2;
  // An injected event that was not delivered yet is not lost.
  v.exit.exit_int_info = std::exchange(v.pending.event, 0);
  keep_for_guest(v);
  if (v.pending.in_guest) release_vmrun_pages(*impl_->profile, place.memory, v);
  v.pending.in_guest = 0;
  const bool automatic = has_sev_es(guest_type(v));
  return {.kind = AttemptKind::kExit,
          .rule = automatic ? RuleId::kAutomaticExit : RuleId::kIntercept,
          .exit_code = code};
}

}  // namespace nptsim::svm
