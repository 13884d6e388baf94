// `then: mmio`: the instruction at RIP is emulated, and what it does to the page of the fault is
// asked of user space. One read and one write of at most 8 bytes, which is what MMIO instructions
// do; more is not settled by an answer.
#include <cstring>
#include <vector>

#include "models/common/define.h"
#include "models/common/kvm_exits.h"
#include "models/kernel/given/answers.h"
#include "sim/isa/decode.h"
#include "sim/isa/execute.h"
#include "sim/machine/guest_lookup.h"
#include "sim/machine/rmp_host.h"

namespace nptsim::given {
namespace {

namespace uapi = kvm_uapi;
using machine::OpenView;
using rules::ActionResult;
using rules::Args;
using namespace define;

enum Emulation : unsigned { kEmulated, kRead, kWrite };

constexpr unsigned kMostBytes = 8;  // of kvm_run.mmio.data

// Memory by the regions of the VM; the page of the fault is a device.
class DevicePort final : public isa::MemoryPort {
 public:
  explicit DevicePort(OpenView& view)
      : view_(view), memory_(view.memory()), fault_(view.exit_record().exit_info_2) {}

  isa::PortStatus load(GuestVirtAddr address, void* data, unsigned size, isa::Privilege) override {
    const auto gpa = place_of(address, size);
    if (!gpa) return isa::PortStatus::kStopped;
    if (!is_device(*gpa)) return read_memory(*gpa, data, size);
    const Record vcpu = kVcpus.at(view_.store(), view_.vcpu());
    if (!vcpu.get(vcpu::kHasRead)) {
      asks_ = uapi::MmioAccess{.gpa = gpa->value, .length = size};
      return isa::PortStatus::kStopped;
    }
    if (reads_++ != 0) return stop_at_gap();
    const std::uint64_t answer = vcpu.get(vcpu::kReadData);
    std::memcpy(data, &answer, size);
    return isa::PortStatus::kOk;
  }

  isa::PortStatus store(GuestVirtAddr address, const void* data, unsigned size,
                        isa::Privilege) override {
    const auto gpa = place_of(address, size);
    if (!gpa) return isa::PortStatus::kStopped;
    if (!is_device(*gpa)) {
      const auto* bytes = static_cast<const char*>(data);
      stores_.push_back({*gpa, std::vector<char>(bytes, bytes + size)});
      return isa::PortStatus::kOk;
    }
    if (writes_) return stop_at_gap();
    writes_ = uapi::MmioAccess{.gpa = gpa->value, .length = size, .write = true};
    std::memcpy(&writes_->data, data, size);
    return isa::PortStatus::kOk;
  }

  isa::PortStatus load_for_update(GuestVirtAddr address, void* data, unsigned size, bool,
                                  isa::Privilege privilege) override {
    return load(address, data, size, privilege);
  }
  isa::PortStatus prepare_store(GuestVirtAddr address, unsigned size, isa::Privilege) override {
    return place_of(address, size) ? isa::PortStatus::kOk : isa::PortStatus::kStopped;
  }

  // What user space has to be asked for, if anything.
  const std::optional<uapi::MmioAccess>& asks() const { return asks_; }
  const std::optional<uapi::MmioAccess>& writes() const { return writes_; }
  bool at_gap() const { return at_gap_; }

  // Behind the instruction: what it stored into memory.
  void commit() {
    for (const Store& one : stores_) {
      const machine::Region* region = view_.setup().region_at(one.gpa);
      const std::uint64_t offset = one.gpa - region->gpa;
      const HostPhysAddr frame =
          machine::populate(view_.store(), region->backing, offset >> kPageShift);
      if (!machine::host_may_write(view_, frame, "kernel")) return;
      machine::write_backing(memory_, region->backing, offset, one.bytes.data(), one.bytes.size());
    }
  }

 private:
  struct Store {
    GuestPhysAddr gpa;
    std::vector<char> bytes;
  };

  isa::PortStatus stop_at_gap() {
    at_gap_ = true;
    return isa::PortStatus::kStopped;
  }
  bool is_device(GuestPhysAddr gpa) const { return gpa.page_base() == fault_.page_base(); }

  // The fault says where its own access goes; the rest by the guest's tables, as this host reads
  // them. Nothing that crosses a page or leaves memory.
  std::optional<GuestPhysAddr> place_of(GuestVirtAddr address, unsigned size) {
    std::optional<GuestPhysAddr> gpa;
    if (address.page_offset() == fault_.page_offset()) {
      gpa = fault_;
    } else if (const auto found = machine::look_up(
                   view_.setup(), memory_, view_.vcpu_state().registers, address, arch::kNoKey)) {
      gpa = found->gpa;
    }
    const bool inside = bytes_in_page(address.value, size) == size;
    const bool device = gpa && is_device(*gpa);
    if (!gpa || !inside || (device && size > kMostBytes) || !(device || is_memory(*gpa))) {
      stop_at_gap();
      return std::nullopt;
    }
    return gpa;
  }
  bool is_memory(GuestPhysAddr gpa) const {
    const machine::Region* region = view_.setup().region_at(gpa);
    return region != nullptr && region->backing != machine::kNoBacking;
  }
  isa::PortStatus read_memory(GuestPhysAddr gpa, void* data, unsigned size) {
    return machine::read_guest_physical(view_.setup(), memory_, gpa, data, size, arch::kNoKey)
               ? isa::PortStatus::kOk
               : stop_at_gap();
  }

  OpenView& view_;
  arch::PhysicalMemory memory_;
  GuestPhysAddr fault_;
  std::optional<uapi::MmioAccess> asks_, writes_;
  std::vector<Store> stores_;
  unsigned reads_ = 0;
  bool at_gap_ = false;
};

// The bytes that the processor gave with the fault, or the guest's memory where this host can read
// it.
bool decode_at_rip(OpenView& view, isa::Instruction& instruction) {
  const svm::VcpuRecord& v = view.vcpu_state();
  unsigned char bytes[15] = {};
  auto count = static_cast<unsigned>(v.exit.insn_count);
  if (count > 0) {
    std::memcpy(bytes, v.exit.insn_bytes, count);
  } else if (!view.setup().keyed()) {
    arch::PhysicalMemory memory = view.memory();
    const GuestVirtAddr at = isa::code_address(v.registers);
    while (count < sizeof bytes &&
           machine::peek_guest(view.setup(), memory, v, at + count, bytes + count, 1)) {
      ++count;
    }
  }
  return isa::decode({bytes, count}, isa::mode_of(v.registers), instruction) ==
         isa::DecodeStatus::kOk;
}

ActionResult gap(OpenView& view) {
  view.end_vm(machine::Outcome(machine::OutcomeKind::kUnspecified,
                               "`mmio` was given for an instruction that is more than one access "
                               "of a device, or that the host cannot read"));
  return ActionResult::done().give(0, kEmulated);
}

ActionResult emulate_instruction(OpenView& view, const Args&) {
  isa::Instruction instruction;
  if (!decode_at_rip(view, instruction)) return gap(view);
  DevicePort port(view);
  const isa::Outcome outcome = isa::execute(instruction, view.vcpu_state().registers, port);
  if (outcome.kind == isa::OutcomeKind::kStopped && port.asks() && !port.at_gap()) {
    uapi::exit_for_mmio(view, *port.asks());
    return ActionResult::done().give(0, kRead);
  }
  kVcpus.at(view.store(), view.vcpu()).set(vcpu::kHasRead, 0);
  kVcpus.at(view.store(), view.vcpu()).set(vcpu::kReadData, 0);
  const bool done =
      outcome.kind == isa::OutcomeKind::kRetired || outcome.kind == isa::OutcomeKind::kIteration;
  if (!done) return gap(view);
  port.commit();
  if (!port.writes()) return ActionResult::done().give(0, kEmulated);
  uapi::exit_for_mmio(view, *port.writes());
  return ActionResult::done().give(0, kWrite);
}

ActionResult take_read(OpenView& view, const Args&) {
  const Record vcpu = kVcpus.at(view.store(), view.vcpu());
  vcpu.set(vcpu::kReadData,
           uapi::kRuns.at(std::as_const(view).store(), view.vcpu()).get(uapi::run::kMmioData));
  vcpu.set(vcpu::kHasRead, 1);
  return ActionResult::done();
}

}  // namespace

void add_emulation(rules::Vocabulary& v) {
  v.add(define::given("emulation", {"done", "read", "write"}, "what user space is asked for"));
  v.add(giving({"emulation"},
               action_in<OpenView, emulate_instruction>(
                   "emulate_instruction", {}, "registers and memory of the guest, kvm_run",
                   "one instruction; the page of the fault is a device")));
  v.add(action_in<OpenView, take_read>("take_read", {}, "the answer to the read",
                                       "kvm_run mmio.data"));
}

}  // namespace nptsim::given
