// What kvm_cpu_exec makes of a return from KVM_RUN when nothing is left to do but to end, and port
// I/O.
#include <cstdio>

#include "models/vmm/qemu/define.h"

namespace nptsim::qemu {
namespace {

using machine::Outcome;
using machine::OutcomeKind;

// strerror() of the C library for what KVM_RUN and the memslot ioctl can give.
std::string error_text(std::uint64_t number) {
  switch (static_cast<kvm_uapi::Errno>(number)) {
    case kvm_uapi::Errno::kNone:
      return "Success";
    case kvm_uapi::Errno::kEperm:
      return "Operation not permitted";
    case kvm_uapi::Errno::kEio:
      return "Input/output error";
    case kvm_uapi::Errno::kEnotty:
      return "Inappropriate ioctl for device";
    case kvm_uapi::Errno::kEnoent:
      return "No such file or directory";
    case kvm_uapi::Errno::kEnomem:
      return "Cannot allocate memory";
    case kvm_uapi::Errno::kEfault:
      return "Bad address";
    case kvm_uapi::Errno::kEexist:
      return "File exists";
    case kvm_uapi::Errno::kEinval:
      return "Invalid argument";
  }
  return "Unknown error " + std::to_string(number);
}

// A line that QEMU prints on its standard error before the one that is the outcome's text.
void print(View& view, std::string line) {
  if (view.narrator() != nullptr) view.say("text", {{"text", std::move(line)}});
}

void end(View& view, OutcomeKind kind, std::string text, bool alive) {
  Outcome outcome(kind, std::move(text));
  outcome.who = "qemu";
  outcome.process_alive = alive;
  view.end_vm(std::move(outcome));
}

// What kvm_set_user_memory_region prints (accel/kvm/kvm-all.c). Which ioctl and which of the errno
// values it was is the row's to know; only the line of the newer ioctl has the flags.
const std::vector<std::string> kIoctlWords = {"v1", "v2"};
std::string slot_line(const View& view, const std::string& error, bool is_v2) {
  const ConstRecord request = kvm_uapi::kRegionRequest.at(view.store(), 0);
  constexpr std::uint64_t kMemLog = 1, kMemReadonly = 2, kMemGuestMemfd = 4;  // KVM_MEM_*
  std::string line = "kvm_set_user_memory_region: KVM_SET_USER_MEMORY_REGION";
  line += std::string(is_v2 ? "2" : "") +
          " failed, slot=" + std::to_string(request.get(kvm_uapi::region::kSlot)) +
          ", start=" + hex(request.get(kvm_uapi::region::kGpa)) +
          ", size=" + hex(request.get(kvm_uapi::region::kSize));
  if (is_v2) {
    const bool memfd = request.get(kvm_uapi::region::kGmem) != 0;
    line += ", flags=" +
            hex((request.get(kvm_uapi::region::kLogDirty) != 0 ? kMemLog : 0) |
                (request.get(kvm_uapi::region::kReadonly) != 0 ? kMemReadonly : 0) |
                (memfd ? kMemGuestMemfd : 0)) +
            // The number of a file that is open is nothing that a model could know.
            ", guest_memfd=" + (memfd ? "FD" : "-1") +
            ", guest_memfd_offset=" + hex(request.get(kvm_uapi::region::kGmemOffset));
  }
  return line + ": " + error;
}

// That, and what kvm_set_phys_mem prints before it aborts.
std::string slot_failure(View& view, const std::string& error, bool is_v2) {
  print(view, slot_line(view, error, is_v2));
  return "kvm_set_phys_mem: error registering slot: " + error;
}

bool is_second_ioctl(const Args& args, unsigned i) { return args.has(i) && args.word(i) == 1; }

// The second argument of stop_vm and refuse: errno of the ioctl that failed.
const std::vector<std::string> kErrnoWords = {"EINVAL", "EEXIST", "EIO"};
std::uint64_t errno_number(const Args& args, unsigned i) {
  using kvm_uapi::Errno;
  constexpr Errno kErrnos[] = {Errno::kEinval, Errno::kEexist, Errno::kEio};
  return static_cast<std::uint64_t>(kErrnos[args.has(i) ? args.word(i) : 0]);
}
std::string errno_argument(const Args& args, unsigned i) {
  return error_text(errno_number(args, i));
}

// kvm_set_memory_attributes, of the request that KVM refused.
std::string attributes_failure(const View& view) {
  namespace attributes = kvm_uapi::attributes;
  constexpr std::uint64_t kPrivate = 8;  // KVM_MEMORY_ATTRIBUTE_PRIVATE
  const ConstRecord request = kvm_uapi::kAttributesRequest.at(view.store(), 0);
  return "failed to set memory (" + hex(request.get(attributes::kAddress)) + "+" +
         hex(request.get(attributes::kSize)) + ") with attr " +
         hex(request.get(attributes::kPrivate) != 0 ? kPrivate : 0) + " error 'Invalid argument'";
}

// --- the end of a VM that ran ---

enum class StopText : unsigned {
  kNotResettable,
  kReset,
  kInternalError,
  kFailEntry,
  kRunFailed,
  kUnknownExit,
  kSlotFailed,
  kLogFailed,
  kUnregisterFailed,
  kNotConverted,
  kNotDiscarded,
  kAttributesFailed,
  kSilent,
};
const std::vector<std::string> kStopWords = {"not-resettable", "reset",         "internal-error",
                                             "fail-entry",     "run-failed",    "unknown-exit",
                                             "slot-failed",    "log-failed",    "unregister-failed",
                                             "not-converted",  "not-discarded", "attributes-failed",
                                             "silent"};

// Of an exit that neither kvm_cpu_exec nor kvm_arch_handle_exit knows, by KVM_EXIT_*.
std::string unknown_exit_text(const View& view) {
  constexpr unsigned kNoExit = 0;  // kErrno: KVM_RUN failed and left none
  constexpr unsigned kNumbers[] = {0, 2, 5, 6, 8, 9, 17, 24, 32, kNoExit, 39, 3};
  static_assert(std::size(kNumbers) == std::size(kvm_uapi::kExitReasonWords));
  const unsigned number = kNumbers[run_record(view).get(kvm_uapi::run::kExitReason)];
  if (number == 0) return "KVM: unknown exit, hardware reason 0";
  return "KVM: unknown exit reason " + std::to_string(number);
}

std::string internal_error_text(const View& view) {
  const std::uint64_t suberror = run_record(view).get(kvm_uapi::run::kSuberror);
  const std::string text = "KVM internal error. Suberror: " + std::to_string(suberror);
  constexpr std::uint64_t kEmulation = 1;  // KVM_INTERNAL_ERROR_EMULATION
  return suberror == kEmulation ? text + "\nemulation failure" : text;
}

std::string stop_text(View& view, StopText which, const Args& args) {
  switch (which) {
    case StopText::kNotResettable:
      return "cpus are not resettable, terminating";
    case StopText::kReset:
      return "the machine is reset";
    case StopText::kInternalError:
      return internal_error_text(view);
    case StopText::kFailEntry:
      return "KVM: entry failed, hardware error " + hex(~0ull);
    case StopText::kRunFailed:
      return "error: kvm run failed " + error_text(run_record(view).get(kvm_uapi::run::kErrno));
    case StopText::kUnknownExit:
      return unknown_exit_text(view);
    case StopText::kSlotFailed:
      return slot_failure(view, errno_argument(args, 2), is_second_ioctl(args, 3));
    case StopText::kLogFailed:
      return slot_line(view, errno_argument(args, 2), is_second_ioctl(args, 3));
    case StopText::kUnregisterFailed:
      return "kvm_set_phys_mem: error unregistering slot: " + errno_argument(args, 2);
    case StopText::kNotConverted:
      return conversion_refused(view);
    case StopText::kNotDiscarded:
      return conversion_overrun(view);
    case StopText::kAttributesFailed:
      return attributes_failure(view);
    case StopText::kSilent:
      return "no message, only a dump of the registers";
  }
  NPTSIM_BUG("a text that does not exist");
}

ActionResult stop_vm(View& view, const Args& args) {
  const auto which = static_cast<StopText>(args.word(0));
  const bool shutdown = which == StopText::kNotResettable || which == StopText::kReset;
  const bool alive = args.word(1) == 0;
  end(view, shutdown ? OutcomeKind::kShutdown : OutcomeKind::kVmKilled,
      stop_text(view, which, args), alive);
  return ActionResult::done();
}

// KVM_SYSTEM_EVENT_SEV_TERM. data[0] is the GHCB MSR: with the MSR protocol's request (GHCBInfo
// 0x100) it carries the reason, code set in bits 15:12 and code in 23:16; otherwise it is the
// address of the GHCB and tells nothing. The lines are LOG_GUEST_ERROR: with -d guest_errors only.
ActionResult guest_terminated(View& view, const Args&) {
  const std::uint64_t data = run_record(std::as_const(view)).get(kvm_uapi::run::kEventData);
  constexpr std::uint64_t kTerminationRequest = 0x100;
  Outcome outcome(OutcomeKind::kGuestTerminated, "Guest crashed");
  outcome.who = "qemu";
  outcome.process_alive = false;  // guest-panicked, whose default action is to shut down
  if (get_bits(data, 11, 0) == kTerminationRequest) {
    outcome.reason_set = static_cast<unsigned>(get_bits(data, 15, 12));
    outcome.reason_code = static_cast<unsigned>(get_bits(data, 23, 16));
    outcome.text = "SEV termination (reason set: " + std::to_string(*outcome.reason_set) +
                   " code: " + std::to_string(*outcome.reason_code) + ")";
  }
  view.end_vm(std::move(outcome));
  return ActionResult::done();
}

// --- the end of a VM that never ran ---

enum class RefuseText : unsigned {
  kNoVmType,
  kPflashNeedsReadonly,
  kSlotFailed,
  kTypeUnknown,
  kFirmwareTooLarge,
  kEsNeedsIrqchip,
  kAttributesFailed,
  kNoFlash0,
  kLaunchStart,
  kLaunchNothing,
  kLaunchPrivate,
  kLaunchUpdate,
  kLaunchCpuid,
  kLaunchFinish
};
const std::vector<std::string> kRefuseWords = {
    "no-vm-type",         "pflash-needs-readonly", "slot-failed",       "type-unknown",
    "firmware-too-large", "es-needs-irqchip",      "attributes-failed", "no-flash0",
    "launch-start",       "launch-nothing",        "launch-private",    "launch-update",
    "launch-cpuid",       "launch-finish"};

// For a type of its own QEMU asks before it creates the VM (target/i386/kvm/kvm.c kvm_get_vm_type);
// a default-type VM fails when it is to become an SEV guest, and one whose KVM_SEV_INIT2 is refused
// (target/i386/sev.c sev_common_kvm_init).
std::string no_vm_type(const View& view) {
  const ConstRecord command = kvm_uapi::kSevCommand.at(view.store(), 0);
  const bool has_type = command.get(kvm_uapi::sev_cmd::kInitRefused) != 0;
  const std::string type = has_type ? "" : view.setup().kernel_vm_type;
  const std::string name = type == "sev"      ? "SEV"
                           : type == "sev-es" ? "SEV-ES"
                           : type == "snp"    ? "SEV-SNP"
                                              : "";
  if (!name.empty()) return "vm-type " + name + " not supported by KVM";
  return "sev_common_kvm_init: failed to initialize ret=-22 fw_error=0 ''";
}

// sev_fw_errlist (target/i386/sev.c): what is newer than the list has no text.
std::string firmware_text(std::uint64_t error) {
  static constexpr const char* kTexts[] = {"",
                                           "Platform state is invalid",
                                           "Guest state is invalid",
                                           "Platform configuration is invalid",
                                           "Buffer too small",
                                           "Platform is already owned",
                                           "Certificate is invalid",
                                           "Policy is not allowed",
                                           "Guest is not active",
                                           "Invalid address",
                                           "Bad signature",
                                           "Bad measurement",
                                           "Asid is already owned",
                                           "Invalid ASID",
                                           "WBINVD is required",
                                           "DF_FLUSH is required",
                                           "Guest handle is invalid",
                                           "Invalid command",
                                           "Guest is active",
                                           "Hardware error",
                                           "Hardware unsafe",
                                           "Feature not supported",
                                           "Invalid parameter",
                                           "Required firmware resource depleted",
                                           "Part-specific integrity check failure"};
  return error < std::size(kTexts) ? kTexts[error] : "unknown error";
}

// A command of the launch that KVM refused: "ret" is what the ioctl said, "fw_error" the AMD-SP.
std::string launch_failure(const View& view, const std::string& command, const Args& args) {
  const std::uint64_t error =
      kvm_uapi::kSevCommand.at(view.store(), 0).get(kvm_uapi::sev_cmd::kError);
  return command + " ret=-" + std::to_string(errno_number(args, 1)) +
         " fw_error=" + std::to_string(error) + " '" + firmware_text(error) + "'";
}

// "%p / %zx". An address of QEMU's own is nothing that a model could know.
std::string launch_nothing(const View& view) {
  namespace update = kvm_uapi::snp_update;
  const ConstRecord part = kvm_uapi::kSnpLaunchUpdate.at(view.store(), 0);
  const std::string address = part.get(update::kNoUserAddress) ? "(nil)" : "(...)";
  return "SNP_LAUNCH_UPDATE called with invalid address/ length: " + address + " / " +
         hex(part.get(update::kLength)).substr(2);
}

ActionResult refuse(View& view, const Args& args) {
  std::string text;
  switch (static_cast<RefuseText>(args.word(0))) {
    case RefuseText::kNoVmType:
      text = no_vm_type(view);
      break;
    case RefuseText::kPflashNeedsReadonly:
      text = "pflash with kvm requires KVM readonly memory support";
      break;
    case RefuseText::kSlotFailed:
      text = slot_failure(view, errno_argument(args, 1), is_second_ioctl(args, 2));
      break;
    case RefuseText::kFirmwareTooLarge:
      text =
          "combined size of system firmware exceeds " + std::to_string(kMaxFirmwareSize) + " bytes";
      break;
    case RefuseText::kNoFlash0:
      text = "pflash1 requires pflash0";
      break;
    case RefuseText::kEsNeedsIrqchip:
      text = "sev_common_kvm_init: SEV-ES guests require in-kernel irqchip support";
      break;
    case RefuseText::kAttributesFailed:
      print(view, attributes_failure(view));
      text = "kvm_set_phys_mem: failed to set memory attribute private: Invalid argument";
      break;
    case RefuseText::kLaunchStart:
      text = launch_failure(view, "sev_snp_launch_start: SNP_LAUNCH_START", args);
      break;
    case RefuseText::kLaunchNothing:
      text = launch_nothing(view);
      break;
    case RefuseText::kLaunchPrivate:
      text = "SEV-SNP: failed to configure initialprivate guest memory";
      break;
    case RefuseText::kLaunchCpuid:
      print(view, launch_failure(view, "SNP_LAUNCH_UPDATE", args));
      text = "SEV-SNP: failed update CPUID page";
      break;
    case RefuseText::kLaunchUpdate:
      text = launch_failure(view, "SNP_LAUNCH_UPDATE", args);
      break;
    case RefuseText::kLaunchFinish:
      text = launch_failure(view, "SNP_LAUNCH_FINISH", args);
      break;
    case RefuseText::kTypeUnknown:
      // No text of QEMU's: nobody can ask it for this.
      text = "this version of QEMU cannot ask KVM for VMs of the type '" +
             view.setup().kernel_vm_type + "'; its SEV guests are made from the default type";
      break;
  }
  end(view, OutcomeKind::kRefused, std::move(text), false);
  return ActionResult::done();
}

// kvm_handle_io, for ports that nobody has claimed: a read gives all ones
// (system/ioport.c unassigned_io_read).
ActionResult port_io(View& view, const Args&) {
  const Record run = run_record(view);
  const unsigned size = static_cast<unsigned>(run.get(kvm_uapi::run::kIoSize));
  if (!run.get(kvm_uapi::run::kIoOut) && size != 0) {
    run.set(kvm_uapi::run::kIoData, bit_range(8 * size - 1, 0));
  }
  return ActionResult::done();
}

// Not a text of QEMU's: the run ends, with the name of the gap.
ActionResult no_model(View& view, const Args&) {
  view.end_vm(Outcome(OutcomeKind::kUndecided, "an interrupt controller in QEMU is not modelled"));
  return ActionResult::done();
}

}  // namespace

void add_run_actions(rules::Vocabulary& v) {
  v.add(action<stop_vm>(
      "stop_vm",
      {word_arg("text", kStopWords), word_arg("process", {"alive", "ended"}),
       word_arg("errno", kErrnoWords, false), word_arg("ioctl", kIoctlWords, false)},
      "the outcome of the VM", "QEMU stops the VM, with the text it prints"));
  v.add(action<guest_terminated>("guest_terminated", {}, "the outcome of the VM",
                                 "the guest asked for its end"));
  v.add(action<refuse>("refuse",
                       {word_arg("text", kRefuseWords), word_arg("errno", kErrnoWords, false),
                        word_arg("ioctl", kIoctlWords, false)},
                       "the outcome of the VM", "QEMU exits before the guest has run"));
  v.add(action<no_model>("no_model", {}, "the outcome of the VM", "this device is not modelled"));
  v.add(action<port_io>("port_io", {}, "kvm_run io.data",
                        "an unassigned port: all ones read, writes ignored"));
}

}  // namespace nptsim::qemu
