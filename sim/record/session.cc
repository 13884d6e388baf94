#include "sim/record/session.h"

#include <fmt/format.h>
#include <linux/kvm.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "models/common/register_bank.h"
#include "sim/arch/svm/vcpu.h"
#include "sim/base/hex.h"
#include "sim/isa/deliver.h"
#include "sim/record/calls.h"
#include "sim/record/kvm_api.h"
#include "sim/record/ticks.h"
#include "sim/scenario/build_places.h"

namespace nptsim::record {
namespace {

using Clock = Vcpu::Clock;

constexpr unsigned kTickMicroseconds = 5000;

std::uint64_t bytes_as_number(const void* bytes, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, std::min<std::size_t>(size, sizeof value));
  return value;
}

// `vmm.irqchip`, as models/vmm/bare has it.
Irqchip irqchip_of(const scenario::Scenario& point) {
  const std::string said = point.setting("vmm.irqchip").value_or("full");
  return said == "none" ? Irqchip::kNone : said == "split" ? Irqchip::kSplit : Irqchip::kFull;
}

// As models/vmm/bare answers.
void answer_mmio_read(kvm_run& run) {
  const std::uint64_t word = register_bank_word(run.mmio.phys_addr, run.mmio.len);
  std::memcpy(run.mmio.data, &word, std::min<std::size_t>(run.mmio.len, sizeof word));
}

// A port that nobody has claimed: all ones.
void answer_port_read(kvm_run& run) {
  auto* const data = reinterpret_cast<std::uint8_t*>(&run) + run.io.data_offset;
  std::memset(data, 0xff, std::size_t{run.io.size} * run.io.count);
}

class Session {
 public:
  Session(const scenario::Scenario& point, machine::Machine& start, const Host& host,
          const Limits& limits)
      : point_(point), start_(start), setup_(start.setup()), host_(host), limits_(limits) {}

  Result<Observation, std::string> run();

 private:
  std::optional<std::string> prepare();
  std::optional<std::string> load(const machine::Region& region);
  bool make_slots();
  bool run_due_acts(unsigned vcpu);
  bool aim_breakpoints(unsigned vcpu);
  bool run_vcpu(unsigned vcpu);
  // What KVM_RUN came back with: true if the vCPU goes on.
  bool after(Came came, unsigned vcpu);
  bool after_exit(unsigned vcpu);
  void see_failure(unsigned vcpu);
  void see_mmio(unsigned vcpu, kvm_run& run);
  void see_io(unsigned vcpu, kvm_run& run);
  void take_signals(unsigned vcpu);
  void take_coalesced(unsigned vcpu);
  void end(unsigned vcpu, std::string how, std::string detail, bool registers = true);
  void end_stopped(unsigned vcpu);
  void end_halted(unsigned vcpu, isa::Registers at);
  std::optional<std::uint64_t> top_of_stack(unsigned vcpu, const isa::Registers& at);
  void see(std::string event, unsigned vcpu,
           std::vector<std::pair<std::string, std::string>> fields) {
    seen_.events.push_back({std::move(event), vcpu, std::move(fields)});
  }

  const scenario::Scenario& point_;
  machine::Machine& start_;
  const machine::Setup& setup_;
  const Host& host_;
  const Limits& limits_;
  Memory memory_;
  Vm vm_;
  std::vector<std::unique_ptr<Vcpu>> vcpus_;
  std::optional<Process> process_;
  Observation seen_;
  std::optional<std::string> trouble_;
  std::size_t next_act_ = 0;
  std::uint64_t exits_ = 0;
  bool over_ = false;  // for every vCPU
};

// --- before anything runs ---

std::optional<std::string> Session::load(const machine::Region& region) {
  if (const int error = memory_.add(region.backing, region.size)) {
    return fmt::format("memory for {}: {}", region.name.empty() ? "a region" : region.name,
                       std::strerror(error));
  }
  const trace::ReadPage model = trace::pages_of(start_);
  trace::PageWords words;
  for (std::uint64_t page = 0; page < region.size / kPageSize; ++page) {
    if (!model(region.backing, page, words)) continue;
    if (std::all_of(words.begin(), words.end(), [](std::uint64_t word) { return word == 0; })) {
      continue;
    }
    memory_.write(region.backing, page * kPageSize, std::as_bytes(std::span(words)));
  }
  return std::nullopt;
}

std::optional<std::string> Session::prepare() {
  if (const int error = vm_.create(host_, irqchip_of(point_))) {
    return std::string("KVM_CREATE_VM: ") + std::strerror(error);
  }
  const std::string pit = point_.setting("vmm.pit").value_or("none");
  if (pit != "none" && irqchip_of(point_) == Irqchip::kFull) {
    if (const int error = vm_.create_pit(pit == "speaker")) {
      return std::string("KVM_CREATE_PIT2: ") + std::strerror(error);
    }
  }
  std::vector<machine::BackingId> loaded;
  for (const machine::Region& region : setup_.regions) {
    if (region.backing == machine::kNoBacking) continue;
    if (std::find(loaded.begin(), loaded.end(), region.backing) != loaded.end()) continue;
    loaded.push_back(region.backing);
    if (auto trouble = load(region)) return trouble;
  }
  for (unsigned i = 0; i < setup_.vcpus; ++i) {
    vcpus_.push_back(std::make_unique<Vcpu>());
    if (auto trouble = vcpus_.back()->create(host_, vm_, i)) return trouble;
    const auto& record = svm::vcpu_record(std::as_const(start_).store(), i);
    if (auto trouble = vcpus_.back()->set_registers(record.registers)) return trouble;
  }
  process_.emplace(Process{setup_, memory_, vm_, vcpus_.front().get(), {}});
  return std::nullopt;
}

// Protections that hold from the start are the model's own pages'.
void protect_as_said(const machine::Machine& start, const machine::Setup& setup, Memory& memory) {
  for (const machine::Region& region : setup.regions) {
    if (region.backing == machine::kNoBacking) continue;
    for (std::uint64_t page = 0; page < region.size / kPageSize; ++page) {
      const auto protection = machine::backing_page(start.store(), region.backing, page).protection;
      if (protection == machine::HostProtection::kReadWrite) continue;
      memory.protect(region.backing, page * kPageSize, kPageSize, protection);
    }
  }
}

// The VMM's start-up is told where the scenario begins with it.
bool Session::make_slots() {
  const bool told = point_.vm.start.begin == scenario::Begin::kVmmStart;
  for (const SlotCall& call : first_slots(start_, *process_)) {
    const int error = vm_.set_slot(call);
    if (told || error != 0) seen_.events.push_back(observed_slot(call, error));
    if (error == 0) continue;
    end(0, "refused", "KVM_SET_USER_MEMORY_REGION2 failed: " + answer_of(error), false);
    return false;
  }
  return true;
}

// --- the script ---

// In its order; an act with a label waits until its vCPU is there. True: something was done.
bool Session::run_due_acts(unsigned vcpu) {
  bool any = false;
  while (next_act_ < setup_.script.size()) {
    const machine::ScriptAct& act = setup_.script[next_act_];
    if (act.at_vcpu) {
      if (*act.at_vcpu != vcpu || vcpus_[vcpu]->registers().rip != act.at_address) break;
    }
    const std::string& operation = point_.script[next_act_].operation->name.value;
    for (Observed& one : call_for_real(act, operation, *process_)) {
      seen_.events.push_back(std::move(one));
    }
    ++next_act_;
    any = true;
  }
  return any;
}

std::uint64_t linear(const isa::Registers& registers, std::uint64_t rip) {
  isa::Registers there = registers;
  there.rip = rip;
  return isa::code_address(there).value;
}

// The end of the program, and the place of the next act.
bool Session::aim_breakpoints(unsigned vcpu) {
  const isa::Registers now = vcpus_[vcpu]->registers();
  std::vector<std::uint64_t> addresses{linear(now, setup_.programs[vcpu].end)};
  if (next_act_ < setup_.script.size()) {
    const machine::ScriptAct& act = setup_.script[next_act_];
    if (act.at_vcpu == vcpu) addresses.push_back(linear(now, act.at_address));
  }
  trouble_ = vcpus_[vcpu]->stop_at(addresses);
  return !trouble_;
}

// --- the vCPUs ---

bool Session::run_vcpu(unsigned vcpu) {
  if (setup_.programs.size() <= vcpu || setup_.programs[vcpu].lines.empty()) return true;
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(limits_.milliseconds);
  for (;;) {
    run_due_acts(vcpu);
    if (vcpus_[vcpu]->registers().rip == setup_.programs[vcpu].end) {
      end(vcpu, "progress", "The program's end was reached.");
      return true;
    }
    if (!aim_breakpoints(vcpu)) return false;
    const Came came = vcpus_[vcpu]->run(deadline);
    if (limits_.interrupted != nullptr && *limits_.interrupted) {
      trouble_ = "interrupted";
      return false;
    }
    if (!after(came, vcpu)) return !over_;
    // Who exits all the time gets no signal in between.
    if (Clock::now() < deadline) continue;
    end_stopped(vcpu);
    return true;
  }
}

bool Session::after(Came came, unsigned vcpu) {
  const Vcpu& one = *vcpus_[vcpu];
  take_signals(vcpu);
  switch (came) {
    case Came::kBreakpoint:
      return true;
    case Came::kHalted:
      end_halted(vcpu, one.registers());
      return false;
    case Came::kTime:
      end_stopped(vcpu);
      return false;
    case Came::kErrno:
      see_failure(vcpu);
      return false;
    case Came::kExit:
      break;
  }
  if (++exits_ < limits_.exits) return after_exit(vcpu);
  end_stopped(vcpu);
  return false;
}

// A memory fault is told beside the error (api.rst 5 KVM_EXIT_MEMORY_FAULT).
void Session::see_failure(unsigned vcpu) {
  const Vcpu& one = *vcpus_[vcpu];
  over_ = true;
  if (one.error() == EFAULT && one.shared().exit_reason == api::kExitMemoryFault) {
    api::MemoryFault fault{};
    std::memcpy(&fault, &one.shared().mmio, sizeof fault);  // the same union
    see("KVM_EXIT_MEMORY_FAULT", vcpu,
        {{"gpa", hex(fault.gpa)}, {"size", hex(fault.size)}, {"flags", hex(fault.flags)}});
  } else {
    see("kvm_run", vcpu, {{"result", answer_of(one.error())}});
  }
  end(vcpu, "vmm_exit_error", "KVM_RUN failed: " + answer_of(one.error()));
}

void Session::see_mmio(unsigned vcpu, kvm_run& run) {
  std::vector<std::pair<std::string, std::string>> fields = {
      {"gpa", hex(run.mmio.phys_addr)},
      {"len", std::to_string(run.mmio.len)},
      {"write", run.mmio.is_write ? "yes" : "no"}};
  if (run.mmio.is_write) {
    fields.emplace_back("data", hex(bytes_as_number(run.mmio.data, run.mmio.len)));
  } else {
    answer_mmio_read(run);
  }
  see("KVM_EXIT_MMIO", vcpu, std::move(fields));
}

void Session::see_io(unsigned vcpu, kvm_run& run) {
  const bool out = run.io.direction == KVM_EXIT_IO_OUT;
  if (!out) answer_port_read(run);
  see("KVM_EXIT_IO", vcpu,
      {{"port", hex(run.io.port)},
       {"out", out ? "yes" : "no"},
       {"size", std::to_string(run.io.size)},
       {"count", std::to_string(run.io.count)}});
}

bool Session::after_exit(unsigned vcpu) {
  kvm_run& run = vcpus_[vcpu]->shared();
  bool goes_on = false;
  switch (run.exit_reason) {
    case KVM_EXIT_MMIO:
      see_mmio(vcpu, run);
      goes_on = true;
      break;
    case KVM_EXIT_IO:
      see_io(vcpu, run);
      goes_on = true;
      break;
    case KVM_EXIT_HLT:
      end_halted(vcpu, vcpus_[vcpu]->registers());
      break;
    case KVM_EXIT_SHUTDOWN:
      over_ = true;
      see("KVM_EXIT_SHUTDOWN", vcpu, {});
      end(vcpu, "shutdown", "KVM_EXIT_SHUTDOWN", false);
      break;
    case KVM_EXIT_INTERNAL_ERROR:
      over_ = true;
      see("KVM_EXIT_INTERNAL_ERROR", vcpu, {{"suberror", std::to_string(run.internal.suberror)}});
      end(vcpu, "vmm_exit_error", "KVM_EXIT_INTERNAL_ERROR");
      break;
    default:
      over_ = true;
      see("KVM_EXIT", vcpu, {{"reason", std::to_string(run.exit_reason)}});
      end(vcpu, "vmm_exit_error", fmt::format("KVM_EXIT {}", run.exit_reason));
  }
  take_coalesced(vcpu);
  return goes_on;
}

// Eventfds count: between two exits nobody knows their order.
void Session::take_signals(unsigned vcpu) {
  for (const Ioeventfd& one : vm_.ioeventfds()) {
    std::uint64_t count = 0;
    if (read(one.event.get(), &count, sizeof count) != sizeof count) continue;
    for (std::uint64_t i = 0; i < count; ++i) see("ioeventfd", vcpu, {{"gpa", hex(one.gpa)}});
  }
}

// models/vmm/bare empties the ring at every exit.
void Session::take_coalesced(unsigned vcpu) {
  api::CoalescedRing* const ring = vcpus_[vcpu]->coalesced_ring();
  if (ring == nullptr) return;
  while (ring->first != ring->last) {
    const kvm_coalesced_mmio& one = ring->entries[ring->first];
    see("coalesced", vcpu,
        {{"gpa", hex(one.phys_addr)},
         {"len", std::to_string(one.len)},
         {"data", hex(bytes_as_number(one.data, one.len))}});
    ring->first = (ring->first + 1) % std::size(ring->entries);
  }
}

// --- how it ends ---

void Session::end(unsigned vcpu, std::string how, std::string detail, bool registers) {
  Ending ending;
  ending.vcpu = vcpu;
  ending.how = std::move(how);
  ending.detail = std::move(detail);
  if (registers) ending.registers = vcpus_[vcpu]->registers();
  seen_.endings.push_back(std::move(ending));
}

// Its registers are those of some moment, and so is its memory.
void Session::end_stopped(unsigned vcpu) {
  seen_.stopped = true;
  end(vcpu, "spin",
      fmt::format("It did not end within {} ms and {} exits to user space.", limits_.milliseconds,
                  limits_.exits),
      false);
}

// Behind the gates that lead to nobody lie HLTs (docs/places.md): who halts there met an exception.
void Session::end_halted(unsigned vcpu, isa::Registers at) {
  const std::uint64_t hlt = at.rip - 1;
  const scenario::building::Places places =
      scenario::building::make_places(isa::mode_of(at), point_.vm.place);
  constexpr unsigned kExceptions = 32;
  const std::uint64_t nobody = places.nobody_of(0).value;
  if (hlt < nobody || hlt >= places.nobody_of(kExceptions).value) {
    return end(vcpu, "vmm_exit", "HLT, with nothing to wait for.");
  }
  end(vcpu, "exception", "An exception that nobody handles.", false);
  Ending& ending = seen_.endings.back();
  ending.vector = static_cast<unsigned>((hlt - nobody) / scenario::building::kStubStride);
  at.rip = hlt;
  ending.registers = at;
  if (isa::pushes_error_code(static_cast<std::uint8_t>(*ending.vector))) {
    ending.error_code = top_of_stack(vcpu, at);
  }
}

// Where the processor has pushed the error code last.
std::optional<std::uint64_t> Session::top_of_stack(unsigned vcpu, const isa::Registers& at) {
  const bool wide = isa::mode_of(at) == isa::Mode::k64;
  const std::uint64_t base = wide ? 0 : at.segments[isa::kSs].base;
  const auto gpa = vcpus_[vcpu]->translate(base + at.gpr[isa::kRsp]);
  const machine::Region* const region = gpa ? setup_.region_at(GuestPhysAddr(*gpa)) : nullptr;
  std::uint64_t word = 0;
  if (region == nullptr || region->backing == machine::kNoBacking ||
      !memory_.read(region->backing, *gpa - region->gpa.value,
                    std::as_writable_bytes(std::span(&word, 1)))) {
    return std::nullopt;
  }
  return word & 0xffffffff;  // the rest is not the error code's
}

Result<Observation, std::string> Session::run() {
  if (auto trouble = prepare()) return *trouble;
  const Ticks ticks(kTickMicroseconds);
  if (make_slots()) {
    protect_as_said(start_, setup_, memory_);
    for (unsigned vcpu = 0; vcpu < setup_.vcpus && !over_ && !trouble_; ++vcpu) run_vcpu(vcpu);
  }
  if (trouble_) return *trouble_;
  if (!seen_.stopped) {
    const trace::ReadPage after = [&](machine::BackingId backing, std::uint64_t page,
                                      trace::PageWords& words) {
      return memory_.read(backing, page * kPageSize, std::as_writable_bytes(std::span(words)));
    };
    seen_.memory = trace::changes_between(setup_, trace::pages_of(start_), after);
  }
  return std::move(seen_);
}

}  // namespace

Result<Observation, std::string> run_for_real(const scenario::Scenario& point,
                                              machine::Machine& start, const Host& host,
                                              const Limits& limits) {
  return Session(point, start, host, limits).run();
}

}  // namespace nptsim::record
