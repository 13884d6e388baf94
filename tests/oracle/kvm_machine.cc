#include "tests/oracle/kvm_machine.h"

#include <cstdlib>
#include <iostream>

#include "models/common/kvm_uapi.h"
#include "models/library.h"
#include "sim/scenario/build.h"
#include "sim/scenario/load.h"
#include "sim/scenario/matrix.h"

namespace nptsim::oracle::kvm {
namespace {

// Everything that the builder puts there lies in the RAM's upper half, out of the way. The recorded
// kernel is Linux 6.18; what was recorded is the same in it and in the version named here.
constexpr char kScenario[] = R"(
nptsim: 1
name: a recorded case
machine: { cpu: milan, kernel: kvm-6.18, vmm: bare }
memory: { ram: { gpa: 0, size: 64K } }
start: { npt: cold, cpu: { mode: 32 }, slots: [ { id: 0, gpa: 0, size: 64K, backing: ram } ] }
place: { gdt: 0x8000, idt: 0x9000, tss: 0xa000, code: 0xb000, stack: 0xc000 }
program: { vcpu0: "nop" }
)";
constexpr std::uint64_t kEndPort = 0x80;
// An access with 64K iterations takes some steps each.
constexpr unsigned kMaxSteps = 4'000'000;

template <class T>
T must(Result<T, Diagnostics> result) {
  if (result.ok()) return std::move(result).value();
  for (const Diagnostic& d : result.error()) std::cerr << to_string(d) << "\n";
  std::abort();
}

// The machine before anything is done to it; cases copy it.
const machine::Machine& fresh_machine() {
  static const std::unique_ptr<machine::Machine> kMachine = [] {
    static models::Library library(".");
    const auto scenarios = must(scenario::load_text(kScenario, "replay"));
    const auto points = must(scenario::expand(scenarios.front()));
    return std::move(must(scenario::build(points.front().scenario, library)).machine);
  }();
  return *kMachine;
}

Bytes bytes_of(std::uint64_t word) {
  Bytes out;
  for (unsigned i = 0; i < 8; ++i) out.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
  return out;
}

std::uint64_t hex_of(const machine::Event& event, std::string_view name) {
  return std::get<machine::Hex>(*event.fields.find(name)).value;
}
std::uint64_t count_of(const machine::Event& event, std::string_view name) {
  return std::get<std::uint64_t>(*event.fields.find(name));
}
bool flag_of(const machine::Event& event, std::string_view name) {
  return std::get<bool>(*event.fields.find(name));
}
std::string text_of(const machine::Event& event, std::string_view name) {
  const machine::EventValue* value = event.fields.find(name);
  return value == nullptr ? "" : std::get<std::string>(*value);
}

}  // namespace

Vm::Vm(isa::Mode mode) : machine_(std::make_unique<machine::Machine>(fresh_machine())) {
  machine_->listen(&narrator_);
  if (mode != isa::Mode::k64) return;
  // The first 4 GiB as pages of 1 GiB.
  write(kRam, kIdentityTables, bytes_of((kIdentityTables + 0x1000) | 0x27));
  for (std::uint64_t gib = 0; gib < 4; ++gib) {
    write(kRam, kIdentityTables + 0x1000 + 8 * gib, bytes_of(gib << 30 | 0xe7));
  }
}

Vm::~Vm() { machine_->listen(nullptr); }

std::string Vm::call(std::string_view procedure, std::span<const std::uint64_t> arguments) {
  revive();
  const auto id = machine_->setup().vmm->find_procedure(procedure);
  NPTSIM_CHECK(id.has_value());
  answer_.clear();
  if (procedure == "script_get_dirty_log") bitmap_.clear();
  machine_->run_to_end(machine::kVmmActor, machine::Layer::kVmm, *id, arguments);
  return answer_.empty() ? "0" : answer_;
}

// A VM whose KVM_RUN has failed can be run again, as the recorder did.
void Vm::revive() {
  if (!machine_->vm_outcome()) return;
  auto next = std::make_unique<machine::Machine>(fresh_machine());
  next->store() = std::as_const(*machine_).store();
  machine_ = std::move(next);
  machine_->listen(&narrator_);
}

bool Vm::done(const Access& access) {
  if (machine_->vm_outcome() || machine_->vcpu_outcome(0) || stopped_) return true;
  const auto& v = svm::vcpu_record(std::as_const(*machine_).store(), 0);
  return access.kind != "fetch" && v.registers.rip == access.end_rip &&
         machine::ActorFrames(machine_->store(), 0).empty();
}

Ran Vm::run(const Access& access) {
  revive();
  if (!access.code.empty()) {
    Bytes code = access.code;
    code.resize(16, 0xf4);
    write(kRam, kCodeAddress, code);
  }
  Store& store = machine_->store();
  for (std::uint64_t word = 0; word < kWordsPerPage; ++word) store.write(Space::kFrames, word, 0);
  svm::VcpuRecord& v = svm::vcpu_record(store, 0);
  v.registers = access.registers;
  v.pending = {};
  v.exit = {};
  exits_.clear();
  stopped_ = false;
  unsigned steps = 0;
  while (!done(access) && steps++ < kMaxSteps) machine_->step(0);

  Ran ran;
  ran.exits = std::move(exits_);
  ran.registers = svm::vcpu_record(std::as_const(*machine_).store(), 0).registers;
  const auto& vm = machine_->vm_outcome();
  const ConstRecord run = kvm_uapi::kRuns.at(std::as_const(*machine_).store(), 0);
  const auto reason = static_cast<kvm_uapi::ExitReason>(run.get(kvm_uapi::run::kExitReason));
  ran.suberror = run.get(kvm_uapi::run::kSuberror);
  if (!vm) {
    const auto& own = machine_->vcpu_outcome(0);
    ran.end = own            ? std::string(machine::name_of(own->kind)) + " " + own->text
              : done(access) ? "ok"
                             : "no end";
  } else if (vm->kind == machine::OutcomeKind::kShutdown) {
    ran.end = "shutdown";
  } else if (reason == kvm_uapi::ExitReason::kInternalError) {
    ran.end = "internal_error";
  } else if (reason == kvm_uapi::ExitReason::kErrno &&
             run.get(kvm_uapi::run::kErrno) == static_cast<unsigned>(kvm_uapi::Errno::kEfault)) {
    ran.end = "EFAULT";
  } else {
    ran.end = vm->text;
  }
  return ran;
}

void Vm::write(machine::BackingId backing, std::uint64_t offset, const Bytes& bytes) {
  arch::PhysicalMemory memory = machine_->memory();
  machine::write_backing(memory, backing, offset, bytes.data(), bytes.size());
}

Bytes Vm::read(machine::BackingId backing, std::uint64_t offset, std::uint64_t size) {
  arch::PhysicalMemory memory = machine_->memory();
  Bytes bytes(size);
  machine::read_backing(memory, backing, offset, bytes.data(), bytes.size());
  return bytes;
}

std::uint64_t Vm::readonly_mem() const {
  return kvm_uapi::kVm.at(std::as_const(*machine_).store(), 0).get(kvm_uapi::vm::kReadonlyMem);
}

std::uint64_t Vm::take_signals() { return std::exchange(signals_, 0); }

void Vm::take(machine::Event event) {
  if (event.kind == "kvm_exit_mmio") {
    exits_.push_back({false, hex_of(event, "gpa"), count_of(event, "len"), flag_of(event, "write"),
                      hex_of(event, "data")});
  } else if (event.kind == "kvm_exit_io") {
    const std::uint64_t port = hex_of(event, "port");
    const ConstRecord run = kvm_uapi::kRuns.at(std::as_const(*machine_).store(), 0);
    stopped_ |= port == kEndPort;
    if (!stopped_) {
      exits_.push_back({true, port, count_of(event, "size"), flag_of(event, "out"),
                        run.get(kvm_uapi::run::kIoData)});
    }
  } else if (event.kind == "do" && text_of(event, "action") == "answer_mmio") {
    const ConstRecord run = kvm_uapi::kRuns.at(std::as_const(*machine_).store(), 0);
    if (!exits_.empty()) exits_.back().data = run.get(kvm_uapi::run::kMmioData);
  } else if (event.kind == "return" && event.layer == machine::Layer::kKernel) {
    const std::string error = text_of(event, "error");
    if (!error.empty()) answer_ = error;
  } else if (event.kind == "dirty_log") {
    bitmap_[hex_of(event, "page") / 64] = hex_of(event, "bitmap");
  } else if (event.kind == "ioeventfd") {
    ++signals_;
  }
}

}  // namespace nptsim::oracle::kvm
