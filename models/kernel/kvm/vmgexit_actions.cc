// What KVM does for a VMGEXIT.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "models/kernel/kvm/cpuid.h"
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/guest_memory.h"
#include "models/kernel/kvm/mmio_bus.h"
#include "models/kernel/kvm/vmgexit.h"
#include "sim/arch/svm/cpu.h"
#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/ghcb.h"
#include "sim/base/hex.h"

namespace nptsim::kvm {
namespace {

namespace ghcb = svm::ghcb;
namespace uapi = kvm_uapi;
using machine::Hex;

// GHCB_SCRATCH_AREA_LIMIT: 16 pages.
constexpr std::uint64_t kScratchLimit = 16 * kPageSize;

std::uint64_t read_ghcb(View& view, unsigned offset, unsigned size) {
  std::uint64_t value = 0;
  read_guest(view, GuestPhysAddr(vcpu_of(view).get(vcpu::kGhcbGpa)) + offset, &value, size);
  return value;
}
void write_ghcb(View& view, unsigned offset, std::uint64_t value, unsigned size) {
  write_guest(view, GuestPhysAddr(vcpu_of(view).get(vcpu::kGhcbGpa)) + offset, &value, size);
}
std::uint64_t read_field(View& view, const ghcb::GhcbField& field) {
  return read_ghcb(view, field.offset, field.size);
}
// Writes a field and its valid bit.
void write_field(View& view, const ghcb::GhcbField& field, std::uint64_t value) {
  write_ghcb(view, field.offset, value, field.size);
  ghcb::ValidBitmap bitmap{read_ghcb(view, ghcb::kValidBitmap, 8),
                           read_ghcb(view, ghcb::kValidBitmap + 8, 8)};
  bitmap.set(field);
  write_ghcb(view, ghcb::kValidBitmap, bitmap.low, 8);
  write_ghcb(view, ghcb::kValidBitmap + 8, bitmap.high, 8);
}

// sev_es_sync_from_ghcb: a register counts only with its valid bit; the bitmap is kept aside and
// cleared in the guest's page.
ActionResult sync_from_ghcb(View& view, const Args&) {
  const Record vcpu = vcpu_of(view);
  vcpu.set(vcpu::kGhcbGpa, view.control().ghcb_msr & ~kPageMask);
  const ghcb::ValidBitmap bitmap{read_ghcb(view, ghcb::kValidBitmap, 8),
                                 read_ghcb(view, ghcb::kValidBitmap + 8, 8)};
  vcpu.set(vcpu::kValid0, bitmap.low);
  vcpu.set(vcpu::kValid1, bitmap.high);
  const auto keep = [&](const Field& field, const ghcb::GhcbField& source) {
    vcpu.set(field, bitmap.has(source) ? read_field(view, source) : 0);
  };
  keep(vcpu::kRax, ghcb::kRax);
  keep(vcpu::kRbx, ghcb::kRbx);
  keep(vcpu::kRcx, ghcb::kRcx);
  keep(vcpu::kRdx, ghcb::kRdx);
  keep(vcpu::kRsi, ghcb::kRsi);
  keep(vcpu::kXcr0, ghcb::kXcr0);
  keep(vcpu::kCpl, ghcb::kCpl);
  keep(vcpu::kScratch, ghcb::kScratch);
  vcpu.set(vcpu::kExitCode, read_field(view, ghcb::kExitCode));
  vcpu.set(vcpu::kExitInfo1, read_field(view, ghcb::kExitInfo1));
  vcpu.set(vcpu::kExitInfo2, read_field(view, ghcb::kExitInfo2));
  vcpu.set(vcpu::kUsage, read_ghcb(view, ghcb::kUsage, 4));
  write_ghcb(view, ghcb::kValidBitmap, 0, 8);
  write_ghcb(view, ghcb::kValidBitmap + 8, 0, 8);
  view.say("trace", {{"event", std::string("kvm_vmgexit_enter")},
                     {"exit_reason", Hex{vcpu.get(vcpu::kExitCode)}},
                     {"exit_info1", Hex{vcpu.get(vcpu::kExitInfo1)}},
                     {"exit_info2", Hex{vcpu.get(vcpu::kExitInfo2)}}});
  return ActionResult::done();
}

// The answer is written the way svm_vmgexit_set_return_code does, and shows in an event.
void answer(View& view, std::uint64_t info_1, std::uint64_t info_2) {
  write_field(view, ghcb::kExitInfo1, info_1);
  write_field(view, ghcb::kExitInfo2, info_2);
}

ActionResult ghcb_no_action(View& view, const Args&) {
  answer(view, ghcb::kOk, 0);
  return ActionResult::done();
}

ActionResult ghcb_error(View& view, const Args& args) {
  answer(view, ghcb::kMalformed, args.get(0));
  view.say("ghcb", {{"error", args.get(0)}});
  return ActionResult::done();
}

// The layout is EVENTINJ's (APM vol. 2, 15.20); KVM gives the vector without an error code.
ActionResult ghcb_exception(View& view, const Args& args) {
  isa::Event event;
  event.vector = static_cast<std::uint8_t>(args.get(0));
  answer(view, ghcb::kException, svm::event_inj_of(event));
  return ActionResult::done();
}

// For hypervisors that are no KVM: any answer.
ActionResult ghcb_answer(View& view, const Args& args) {
  answer(view, args.get(0), args.get(1));
  return ActionResult::done();
}

ActionResult ghcb_hv_features(View& view, const Args& args) {
  answer(view, ghcb::kOk, args.get(0));
  return ActionResult::done();
}

// sev_handle_vmgexit, SVM_VMGEXIT_AP_JUMP_TABLE: 0 sets, 1 gets, anything else is invalid input.
ActionResult ap_jump_table(View& view, const Args&) {
  const Record vcpu = vcpu_of(view);
  // One table for the VM: kept with its first vCPU.
  const Record vm_wide = kVcpus.at(view.store(), 0);
  switch (vcpu.get(vcpu::kExitInfo1)) {
    case 0:
      vm_wide.set(vcpu::kJumpTable, vcpu.get(vcpu::kExitInfo2));
      break;
    case 1:
      answer(view, ghcb::kOk, vm_wide.get(vcpu::kJumpTable));
      break;
    default:
      answer(view, ghcb::kMalformed, ghcb::kInvalidInput);
  }
  return ActionResult::done();
}

// sev_vcpu_deliver_sipi_vector: SW_EXITINFO2, or the result of the MSR's response, is not 0. The
// vCPU runs since its first start-up interrupt, so this one is a later one.
ActionResult end_reset_hold(View& view, const Args& args) {
  if (args.word(0) == 0) {
    answer(view, ghcb::kOk, 1);
  } else {
    view.control().ghcb_msr = 1ull << 12 | ghcb::kMsrApResetHold;
  }
  return ActionResult::done();
}

// sev_es_sync_to_ghcb: RAX to RDX go back with their valid bits, whatever the event was.
ActionResult sync_to_ghcb(View& view, const Args&) {
  const Record vcpu = vcpu_of(view);
  write_field(view, ghcb::kRax, vcpu.get(vcpu::kRax));
  write_field(view, ghcb::kRbx, vcpu.get(vcpu::kRbx));
  write_field(view, ghcb::kRcx, vcpu.get(vcpu::kRcx));
  write_field(view, ghcb::kRdx, vcpu.get(vcpu::kRdx));
  view.say("trace", {{"event", std::string("kvm_vmgexit_exit")},
                     {"exit_info1", Hex{read_field(view, ghcb::kExitInfo1)}},
                     {"exit_info2", Hex{read_field(view, ghcb::kExitInfo2)}}});
  return ActionResult::done();
}

// --- MMIO requests ---

constexpr std::uint64_t kPiece = 8;  // kvm_run.mmio.data

// The kernel's own devices take what they know, from the front; the rest is for user space (Linux
// arch/x86/kvm/x86.c kvm_sev_es_mmio_write, vcpu_mmio_write; kvm_sev_es_mmio_read, vcpu_mmio_read).
// A device that has nothing to say leaves the guest's own bytes in the buffer. A request of no
// bytes is offered to them all the same ("do ... while (len)").
ActionResult ghcb_mmio_begin(View& view, const Args&) {
  const Record vcpu = vcpu_of(view);
  const GuestPhysAddr gpa(vcpu.get(vcpu::kExitInfo1)), scratch(vcpu.get(vcpu::kScratch));
  const std::uint64_t size = vcpu.get(vcpu::kExitInfo2);
  const bool write = vcpu.get(vcpu::kExitCode) == ghcb::kMmioWrite;
  std::uint64_t done = 0;
  do {
    const auto length = static_cast<unsigned>(std::min(size - done, kPiece));
    std::uint64_t data = 0;
    read_guest(view, scratch + done, &data, length);
    if (write) {
      if (!write_mmio_device(view, gpa + done, &data, length)) break;
    } else {
      const DeviceAnswer answer = read_mmio_device(view, gpa + done, &data, length);
      if (answer == DeviceAnswer::kNotMine) break;
      write_guest(view, scratch + done, &data, length);
    }
    done += length;
  } while (done < size);
  vcpu.set(vcpu::kMmioGpa, gpa.value + done);
  vcpu.set(vcpu::kMmioLeft, size - done);
  vcpu.set(vcpu::kMmioDone, done);
  return ActionResult::done();
}

// The direction of the request, or that of the vCPU's own mmio_is_write, which this path never
// sets.
ActionResult ghcb_mmio_piece(View& view, const Args& args) {
  constexpr unsigned kRequest = 0;
  const Record vcpu = vcpu_of(view);
  const bool write = args.word(0) == kRequest && vcpu.get(vcpu::kExitCode) == ghcb::kMmioWrite;
  const std::uint64_t length = std::min(vcpu.get(vcpu::kMmioLeft), kPiece);
  std::uint64_t data = 0;
  if (write) {
    read_guest(view, GuestPhysAddr(vcpu.get(vcpu::kScratch)) + vcpu.get(vcpu::kMmioDone), &data,
               static_cast<unsigned>(length));
  }
  const Record run = run_of(view);
  run.set(uapi::run::kExitReason, static_cast<std::uint64_t>(uapi::ExitReason::kMmio));
  run.set(uapi::run::kMmioWrite, write);
  run.set(uapi::run::kMmioLen, length);
  run.set(uapi::run::kMmioAddress, vcpu.get(vcpu::kMmioGpa));
  run.set(uapi::run::kMmioData, data);
  view.say("kvm_exit_mmio", {{"gpa", Hex{vcpu.get(vcpu::kMmioGpa)}},
                             {"len", length},
                             {"write", write},
                             {"data", Hex{data}},
                             {"from", std::string("vmgexit")}});
  return ActionResult::done();
}

// What user space answers to a read goes into the buffer. Of a write request (a later piece of it,
// asked as a read) only the GHCB itself shows that: a copy of other memory is not written back.
ActionResult ghcb_mmio_complete(View& view, const Args&) {
  const Record vcpu = vcpu_of(view);
  const Record run = run_of(view);
  const std::uint64_t length = run.get(uapi::run::kMmioLen);
  const bool in_ghcb = (vcpu.get(vcpu::kScratch) & ~kPageMask) == vcpu.get(vcpu::kGhcbGpa);
  if (!run.get(uapi::run::kMmioWrite) &&
      (in_ghcb || vcpu.get(vcpu::kExitCode) == ghcb::kMmioRead)) {
    const std::uint64_t data = run.get(uapi::run::kMmioData);
    write_guest(view, GuestPhysAddr(vcpu.get(vcpu::kScratch)) + vcpu.get(vcpu::kMmioDone), &data,
                static_cast<unsigned>(length));
  }
  vcpu.set(vcpu::kMmioGpa, vcpu.get(vcpu::kMmioGpa) + length);
  vcpu.set(vcpu::kMmioDone, vcpu.get(vcpu::kMmioDone) + length);
  vcpu.set(vcpu::kMmioLeft, vcpu.get(vcpu::kMmioLeft) - length);
  return ActionResult::done();
}

// --- the MSR protocol ---

// GHCB_MSR_SEV_INFO: versions in 63:48 and 47:32, the C-bit's position in 31:24.
ActionResult msr_sev_info(View& view, const Args& args) {
  const std::uint64_t max_version = args.get(0), min_version = args.get_or(1, 1);
  const std::uint64_t c_bit = view.setup().cpu.c_bit.value_or(0);
  view.control().ghcb_msr = max_version << 48 | min_version << 32 | c_bit << 24 | ghcb::kMsrSevInfo;
  return ActionResult::done();
}

// The leaf's CPUID intercept runs with RCX 0. set_ghcb_msr_bits puts the value and the code: what
// lies between them, the register's number and reserved bits, stays as it was.
ActionResult msr_cpuid(View& view, const Args&) {
  const std::uint64_t request = view.control().ghcb_msr, reg = get_bits(request, 31, 30);
  const CpuidAnswer answer = cpuid(view, static_cast<std::uint32_t>(request >> 32));
  const std::uint64_t values[] = {answer.eax, answer.ebx, answer.ecx, answer.edx};
  view.control().ghcb_msr =
      with_bits(with_bits(request, 63, 32, values[reg]), 11, 0, ghcb::kMsrCpuid);
  return ActionResult::done();
}

// For hypervisors that are no KVM: "there is no such leaf".
ActionResult msr_cpuid_zero(View& view, const Args&) {
  const std::uint64_t reg = get_bits(view.control().ghcb_msr, 31, 30);
  view.control().ghcb_msr = reg << 30 | ghcb::kMsrCpuid;
  return ActionResult::done();
}

ActionResult msr_hv_features(View& view, const Args& args) {
  view.control().ghcb_msr = args.get(0) << 12 | ghcb::kMsrHvFeatures;
  return ActionResult::done();
}

// What the host's log says: a request by the MSR has reason set and code, one by the page the two
// fields as they are (set in 3:0 and code in 11:4 of SW_EXITINFO1).
void log_termination(View& view, bool from_page) {
  const std::string begin = "SEV-ES guest requested termination: ";
  if (from_page) {
    const ConstRecord vcpu = vcpu_of(std::as_const(view));
    const std::uint64_t reason = vcpu.get(vcpu::kExitInfo1), info = vcpu.get(vcpu::kExitInfo2);
    view.say("text", {{"text", begin + "reason " + hex(reason) + " info " + hex(info)}});
    view.say("trace", {{"event", std::string("guest_termination_by_page")},
                       {"info_1", Hex{reason}},
                       {"info_2", Hex{info}}});
    return;
  }
  const std::uint64_t msr = view.control().ghcb_msr;
  const std::uint64_t set = ghcb::terminate_set(msr), code = ghcb::terminate_code(msr);
  view.say("text", {{"text", begin + hex(set) + ":" + hex(code)}});
  view.say("trace", {{"event", std::string("guest_termination")},
                     {"reason_set", Hex{set}},
                     {"reason_code", Hex{code}}});
}

ActionResult system_event_sev_term(View& view, const Args& args) {
  enum : unsigned { kMsr, kPage, kRefused };
  const bool from_page = args.word(0) == kPage;
  const Record run = run_of(view);
  run.set(uapi::run::kExitReason, static_cast<std::uint64_t>(uapi::ExitReason::kSevTerm));
  run.set(uapi::run::kEventData,
          from_page ? vcpu_of(view).get(vcpu::kGhcbGpa) : view.control().ghcb_msr);
  if (args.word(0) != kRefused) log_termination(view, from_page);
  return ActionResult::done();
}

}  // namespace

ScratchPlace classify_scratch(const View& view) {
  const ConstRecord vcpu = vcpu_of(view);
  const std::uint64_t begin = vcpu.get(vcpu::kScratch);
  const bool string = vcpu.get(vcpu::kExitCode) == svm::exit_code::kIoio;
  const std::uint64_t length = string ? string_bytes(view) : vcpu.get(vcpu::kExitInfo2);
  if (begin == 0) return ScratchPlace::kZero;
  const std::uint64_t end = begin + length;
  if (end < begin) return ScratchPlace::kWraps;
  const std::uint64_t page = vcpu.get(vcpu::kGhcbGpa);
  if ((begin & ~kPageMask) == page) {
    const bool inside = begin >= page + ghcb::kSharedBuffer &&
                        end <= page + ghcb::kSharedBuffer + ghcb::kSharedBufferSize;
    return inside ? ScratchPlace::kSharedBuffer : ScratchPlace::kGhcbOutsideBuffer;
  }
  if (length > kScratchLimit) return ScratchPlace::kElsewhereTooLong;
  if (length == 0) return ScratchPlace::kElsewhere;  // kvm_read_guest has nothing to read
  for (std::uint64_t at = begin & ~kPageMask; at < end; at += kPageSize) {
    const auto found = slot_of(view.store(), at >> kPageShift);
    if (!found || found->invalid) return ScratchPlace::kElsewhereUnreadable;
  }
  return ScratchPlace::kElsewhere;
}

void add_vmgexit_actions(rules::Vocabulary& v) {
  v.add(action<sync_from_ghcb>("sync_from_ghcb", {}, "the snapshot; the guest's valid bitmap",
                               "takes the registers that the guest marked valid"));
  v.add(
      action<ghcb_no_action>("ghcb_no_action", {}, "the GHCB", "SW_EXITINFO1 = SW_EXITINFO2 = 0"));
  v.add(action<ghcb_error>("ghcb_error", {number_arg("code", 6)}, "the GHCB",
                           "SW_EXITINFO1 = 2 (malformed), SW_EXITINFO2 = the code"));
  v.add(action<ghcb_exception>("ghcb_exception", {number_arg("vector", 31)}, "the GHCB",
                               "SW_EXITINFO1 = 1: the guest is to raise the exception itself"));
  v.add(action<ghcb_answer>("ghcb_answer",
                            {number_arg("info_1", ~0ull), number_arg("info_2", ~0ull)}, "the GHCB",
                            "SW_EXITINFO1 and SW_EXITINFO2 as said: for hostile hypervisors"));
  v.add(action<ghcb_hv_features>("ghcb_hv_features", {number_arg("bitmap", 63)}, "the GHCB",
                                 "the feature bitmap"));
  v.add(action<ap_jump_table>("ap_jump_table", {}, "the VM's jump table or the GHCB",
                              "sets or tells the AP jump table"));
  v.add(action<end_reset_hold>("end_reset_hold", {word_arg("asked", {"page", "msr"})},
                               "the GHCB or its MSR", "the answer: a start-up interrupt came"));
  v.add(action<sync_to_ghcb>("sync_to_ghcb", {}, "the GHCB", "RAX to RDX with their valid bits"));
  v.add(action<ghcb_mmio_begin>("ghcb_mmio_begin", {}, "the request", "address and length"));
  v.add(action<ghcb_mmio_piece>("ghcb_mmio_piece", {word_arg("direction", {"request", "read"})},
                                "kvm_run", "KVM_EXIT_MMIO for the next piece"));
  v.add(action<ghcb_mmio_complete>("ghcb_mmio_complete", {}, "the scratch area, the request",
                                   "takes the answer and goes on to the next piece"));
  v.add(action<msr_sev_info>(
      "msr_sev_info", {number_arg("max_version", 0xffff), number_arg("min_version", 0xffff, false)},
      "the GHCB MSR", "versions and C-bit position; the smallest version is 1 if not said"));
  v.add(action<msr_cpuid>("msr_cpuid", {}, "the GHCB MSR", "the register that was asked for"));
  v.add(action<msr_cpuid_zero>("msr_cpuid_zero", {}, "the GHCB MSR",
                               "0 for the register: for hostile hypervisors"));
  v.add(action<msr_hv_features>("msr_hv_features", {number_arg("bitmap", 63)}, "the GHCB MSR",
                                "the feature bitmap"));
  v.add(action<system_event_sev_term>("system_event_sev_term",
                                      {word_arg("from", {"msr", "page", "refused"})}, "kvm_run",
                                      "KVM_EXIT_SYSTEM_EVENT, KVM_SYSTEM_EVENT_SEV_TERM"));
}

}  // namespace nptsim::kvm
