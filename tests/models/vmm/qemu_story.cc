#include "tests/models/vmm/qemu_story.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <utility>

#include "sim/machine/narrator.h"
#include "sim/rules/compile.h"
#include "sim/rules/merge.h"
#include "sim/rules/read_model.h"
#include "sim/yaml/load.h"

namespace nptsim::qemu_test {
namespace {

using machine::Layer;
using machine::Region;
using machine::RegionKind;
using rules::ActionResult;
using rules::Args;

// A kernel that grants every wish, or refuses it if a story says so.
constexpr char kNotesKernel[] = R"(
kernel: notes
params:
  creates: { default: on }
  slots: { default: made, values: [made, EINVAL, EEXIST] }
  attributes: { default: set, values: [set, EINVAL] }
  launches: { default: done, values: [done, EINVAL, EIO] }
procedures:
  vmexit:
    - { id: exit, exit: userspace, source: a test, evidence: inferred }
    - { id: exit.done, return: done, source: a test, evidence: inferred }
  create_vm:
    - { id: create.no, when: { creates: off }, return: { error: EINVAL, info: none }, source: a test, evidence: inferred }
    - { id: create.yes, return: done, source: a test, evidence: inferred }
  create_irqchip:
    - { id: irqchip.full, return: done, source: a test, evidence: inferred }
  split_irqchip:
    - { id: irqchip.split, return: done, source: a test, evidence: inferred }
  create_pit:
    - { id: pit.create, return: done, source: a test, evidence: inferred }
  set_memory_region:
    - { id: slots.einval, when: { slots: EINVAL }, return: { error: EINVAL, info: none }, source: a test, evidence: inferred }
    - { id: slots.eexist, when: { slots: EEXIST }, return: { error: EEXIST, info: none }, source: a test, evidence: inferred }
    - { id: slots.made, do: { take_note: slot }, return: done, source: a test, evidence: inferred }
  set_memory_attributes:
    - { id: attributes.einval, when: { attributes: EINVAL }, return: { error: EINVAL, info: none }, source: a test, evidence: inferred }
    - { id: attributes.set, do: { take_note: attributes }, return: done, source: a test, evidence: inferred }
  unmap_host_range:
    - { id: unmap, do: { take_note: discard }, return: done, source: a test, evidence: inferred }
  fallocate_gmem:
    - { id: fallocate, do: { take_note: punch }, return: done, source: a test, evidence: inferred }
  pre_fault_memory:
    - { id: pre-fault, do: { take_note: pre-fault }, return: done, source: a test, evidence: inferred }
  snp_launch_start:
    - { id: launch-start.einval, when: { launches: EINVAL }, return: { error: EINVAL, info: none }, source: a test, evidence: inferred }
    - { id: launch-start.eio, when: { launches: EIO }, return: { error: EIO, info: none }, source: a test, evidence: inferred }
    - { id: launch-start, return: done, source: a test, evidence: inferred }
  snp_launch_update:
    - { id: launch-update.einval, when: { launches: EINVAL }, return: { error: EINVAL, info: none }, source: a test, evidence: inferred }
    - { id: launch-update.eio, when: { launches: EIO }, return: { error: EIO, info: none }, source: a test, evidence: inferred }
    - { id: launch-update, return: done, source: a test, evidence: inferred }
  snp_launch_finish:
    - { id: launch-finish.einval, when: { launches: EINVAL }, return: { error: EINVAL, info: none }, source: a test, evidence: inferred }
    - { id: launch-finish.eio, when: { launches: EIO }, return: { error: EIO, info: none }, source: a test, evidence: inferred }
    - { id: launch-finish, return: done, source: a test, evidence: inferred }
)";

// Space::kKernel: word 0 counts the requests, each of which is kept as five words.
constexpr std::uint64_t kNoteWords = 5;
enum Note : unsigned { kSlot, kAttributes, kDiscard, kPunch, kPreFault };

struct NoteWords {
  std::uint64_t what = 0, start = 0, size = 0, flag = 0;
};

NoteWords words_of(Store& store, Note note) {
  namespace region = kvm_uapi::region;
  switch (note) {
    case kSlot: {
      const Record r = kvm_uapi::kRegionRequest.at(store, 0);
      return {r.get(region::kSlot), r.get(region::kGpa), r.get(region::kSize),
              r.get(region::kReadonly) | r.get(region::kGmem) << 1};
    }
    case kAttributes: {
      const Record r = kvm_uapi::kAttributesRequest.at(store, 0);
      return {0, r.get(kvm_uapi::attributes::kAddress), r.get(kvm_uapi::attributes::kSize),
              r.get(kvm_uapi::attributes::kPrivate)};
    }
    case kDiscard: {
      const Record r = kvm_uapi::kNotifierRange.at(store, 0);
      return {r.get(kvm_uapi::host_range::kBacking),
              r.get(kvm_uapi::host_range::kFirstPage) << kPageShift,
              r.get(kvm_uapi::host_range::kPages) << kPageShift, 0};
    }
    case kPunch: {
      const Record r = kvm_uapi::kGmemHole.at(store, 0);
      return {r.get(kvm_uapi::hole::kGmem), r.get(kvm_uapi::hole::kOffset),
              r.get(kvm_uapi::hole::kLength), 0};
    }
    case kPreFault: {
      const Record r = kvm_uapi::kPreFaultRequest.at(store, 0);
      return {0, r.get(kvm_uapi::pre_fault::kGpa), r.get(kvm_uapi::pre_fault::kSize), 0};
    }
  }
  return {};
}

ActionResult take_note(machine::View& view, const Args& args) {
  Store& store = view.store();
  const NoteWords words = words_of(store, static_cast<Note>(args.word(0)));
  const std::uint64_t count = store.read(Space::kKernel, 0);
  const std::uint64_t at = 8 + count * kNoteWords;
  const std::uint64_t all[kNoteWords] = {args.word(0), words.what, words.start, words.size,
                                         words.flag};
  for (std::uint64_t i = 0; i < kNoteWords; ++i) store.write(Space::kKernel, at + i, all[i]);
  store.write(Space::kKernel, 0, count + 1);
  return ActionResult::done();
}

// As tests compare it.
std::string text_of(Note note, const NoteWords& words) {
  const std::string range = fmt::format("{:x}+{:x}", words.start, words.size);
  switch (note) {
    case kSlot:
      if (words.size == 0) return fmt::format("delete {}", words.what);
      return fmt::format("add {} {}{}{}", words.what, range, words.flag & 1 ? " ro" : "",
                         words.flag > 1 ? " memfd" : "");
    case kAttributes:
      return (words.flag != 0 ? "private " : "shared ") + range;
    case kDiscard:
      return fmt::format("discard {} {}", words.what, range);
    case kPunch:
      return fmt::format("punch {} {}", words.what, range);
    case kPreFault:
      return "pre-fault " + range;
  }
  return "";
}

const rules::Vocabulary& notes_vocabulary() {
  static const rules::Vocabulary kVocabulary = [] {
    rules::Vocabulary v;
    rules::ActionDef note;
    note.name = "take_note";
    rules::ArgDef what;
    what.name = "what";
    what.kind = rules::ArgKind::kWord;
    what.words = {"slot", "attributes", "discard", "punch", "pre-fault"};
    note.args = {what};
    note.open = rules::action_of<machine::View, take_note>;
    note.sealed = rules::action_of<machine::View, take_note>;
    v.add(std::move(note));
    return v;
  }();
  return kVocabulary;
}

rules::LoadFile with_notes_kernel() {
  return [](const std::string& path) -> Result<yaml::Documents, Diagnostics> {
    if (path == "notes.yaml") return yaml::shared(yaml::load_text(kNotesKernel, path));
    return rules::load_from_disk()(path);
  };
}

[[noreturn]] void stop(const Diagnostics& diagnostics) {
  std::cerr << tell(diagnostics);
  std::abort();
}

template <class Value>
Value must(Result<Value, Diagnostics> result) {
  if (!result.ok()) stop(result.error());
  return std::move(result).value();
}

struct Stack {
  rules::Checked kernel;
  rules::Checked vmm;
};

Result<Stack, Diagnostics> checked_stack(const std::string& version) {
  const rules::LoadFile load = with_notes_kernel();
  auto kernel = rules::load_model("notes.yaml", {}, load);
  if (!kernel.ok()) return kernel.error();
  auto vmm = rules::load_model("models/vmm/qemu/versions/" + version + ".yaml", {}, load);
  if (!vmm.ok()) return vmm.error();
  const rules::LinkedPair linked = rules::link_exports(kernel.value(), vmm.value());
  auto checked_kernel = rules::check(kernel.value(), notes_vocabulary(), linked.lower);
  if (!checked_kernel.ok()) return checked_kernel.error();
  auto checked_vmm = rules::check(vmm.value(), qemu::vocabulary(), linked.upper);
  if (!checked_vmm.ok()) return checked_vmm.error();
  return Stack{checked_kernel.value(), checked_vmm.value()};
}

const Stack& stack_of(const std::string& version) {
  static std::map<std::string, Stack> stacks;
  const auto found = stacks.find(version);
  if (found != stacks.end()) return found->second;
  return stacks.emplace(version, must(checked_stack(version))).first->second;
}

std::shared_ptr<const rules::Program> compiled(const rules::Checked& checked,
                                               const rules::Settings& settings,
                                               rules::WordTable& words) {
  return std::make_shared<const rules::Program>(must(rules::compile(checked, settings, words)));
}

std::uint64_t hex_of(const machine::Event& event, std::string_view name) {
  return std::get<machine::Hex>(*event.fields.find(name)).value;
}
std::string text_of(const machine::Event& event, std::string_view name) {
  return std::get<std::string>(*event.fields.find(name));
}

}  // namespace

std::string lines(const std::vector<std::string>& lines) {
  return fmt::format("{}", fmt::join(lines, "\n"));
}

std::string tell(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += to_string(diagnostic) + "\n";
  return text;
}

Result<rules::Checked, Diagnostics> checked_qemu(const std::string& version) {
  auto stack = checked_stack(version);
  if (!stack.ok()) return stack.error();
  return stack.value().vmm;
}

std::vector<Region> usual_regions() {
  const auto region = [](const char* name, RegionKind kind, std::uint64_t gpa, std::uint64_t size,
                         machine::BackingId backing) {
    Region r;
    r.name = name;
    r.kind = kind;
    r.gpa = GuestPhysAddr(gpa);
    r.size = size;
    r.backing = backing;
    return r;
  };
  return {region("ram", RegionKind::kRam, kRamBase, 0x10000, 0),
          region("rom", RegionKind::kRom, kRomBase, 0x2000, 1),
          region("apic", RegionKind::kIo, kIoBase, 0x1000, machine::kNoBacking),
          region("flash", RegionKind::kPflash, kFlashBase, kFlashSize, 2)};
}

QemuStory::QemuStory(std::vector<Region> regions, const Options& options)
    : setup_(std::make_shared<machine::Setup>()) {
  rules::WordTable words;
  rules::Settings kernel_settings;
  for (const auto& [name, value] : options.kernel) kernel_settings.values[name] = {value, {}};
  rules::Settings vmm_settings;
  for (const auto& [name, value] : options.params) vmm_settings.values[name] = {value, {}};
  const Stack& stack = stack_of(options.version);
  setup_->kernel = compiled(stack.kernel, kernel_settings, words);
  setup_->vmm = compiled(stack.vmm, vmm_settings, words);
  setup_->guest_type = options.guest;
  setup_->kernel_vm_type = options.kernel_vm_type;
  setup_->regions = std::move(regions);
  setup_->programs.resize(1);
  for (const std::string& ioctl : setup_->vmm->ioctls()) {
    setup_->entries.kernel_by_ioctl.push_back(*setup_->kernel->find_procedure(ioctl));
  }
  machine_ = std::make_unique<machine::Machine>(setup_);
  machine_->listen(&narrator_);
  qemu::prepare(machine_->store(), *setup_);
  kvm_uapi::kVm.at(machine_->store(), 0).set(kvm_uapi::vm::kReadonlyMem, options.readonly_mem);
  for (std::size_t i = 0; i < setup_->regions.size(); ++i) {
    const Region& region = setup_->regions[i];
    if (region.kind == RegionKind::kPflash) {
      fill(i, 0, std::vector<std::uint8_t>(region.size, 0xff));
    }
  }
  if (options.start) run_vmm(machine::kVmmActor, qemu::kEntryStart);
}

void QemuStory::run_vmm(unsigned actor, std::string_view procedure,
                        std::initializer_list<std::uint64_t> locals) {
  machine_->run_to_end(actor, Layer::kVmm, *setup_->vmm->find_procedure(procedure), locals);
}

bool QemuStory::access(std::uint64_t gpa, unsigned size, bool write, std::uint64_t& data) {
  const Record page = run();
  page.set(kvm_uapi::run::kMmioAddress, gpa);
  page.set(kvm_uapi::run::kMmioLen, size);
  page.set(kvm_uapi::run::kMmioWrite, write);
  page.set(kvm_uapi::run::kMmioData, data);
  leave(kvm_uapi::ExitReason::kMmio);
  data = page.get(kvm_uapi::run::kMmioData);
  for (const Field& field : kvm_uapi::run::kFields) page.set(field, 0);
  return !machine_->vm_outcome();
}

void QemuStory::write(std::uint64_t gpa, std::uint64_t value, unsigned size) {
  access(gpa, size, true, value);
}

std::uint64_t QemuStory::read(std::uint64_t gpa, unsigned size) {
  std::uint64_t value = 0;
  access(gpa, size, false, value);
  return value;
}

void QemuStory::leave(kvm_uapi::ExitReason reason) {
  run().set(kvm_uapi::run::kExitReason, static_cast<std::uint64_t>(reason));
  run_vmm(0, qemu::kExitUserspace);
}

void QemuStory::script(std::string_view procedure, std::uint64_t region) {
  run_vmm(machine::kVmmActor, procedure, {region});
}

std::uint8_t QemuStory::byte(std::uint64_t region, std::uint64_t offset, bool guest_key) {
  arch::PhysicalMemory memory = machine_->memory();
  std::uint8_t value = 0;
  machine::read_backing(memory, setup_->regions[region].backing, offset, &value, 1,
                        guest_key ? setup_->guest_key() : arch::kNoKey);
  return value;
}

void QemuStory::fill(std::uint64_t region, std::uint64_t offset, std::vector<std::uint8_t> bytes) {
  arch::PhysicalMemory memory = machine_->memory();
  machine::write_backing(memory, setup_->regions[region].backing, offset, bytes.data(),
                         bytes.size());
}

std::string QemuStory::chip(std::uint64_t region) {
  const Record r = qemu::kRegions.at(machine_->store(), region);
  const std::uint64_t slot = r.get(qemu::region::kSlot);
  return fmt::format("cmd {:02x} wcycle {} status {:02x} {} slot {}", r.get(qemu::region::kCmd),
                     r.get(qemu::region::kCycle), r.get(qemu::region::kStatus),
                     r.get(qemu::region::kRomd) != 0 ? "romd-on" : "romd-off",
                     slot == 0 ? "none" : fmt::format("{}", slot - 1));
}

std::string QemuStory::requests() {
  std::vector<std::string> found;
  const Store& store = std::as_const(*machine_).store();
  for (; requests_seen_ < store.read(Space::kKernel, 0); ++requests_seen_) {
    const std::uint64_t at = 8 + requests_seen_ * kNoteWords;
    const auto word = [&](unsigned i) { return store.read(Space::kKernel, at + i); };
    found.push_back(text_of(static_cast<Note>(word(0)), {word(1), word(2), word(3), word(4)}));
  }
  return lines(found);
}

std::uint64_t QemuStory::request_count() const {
  return std::as_const(*machine_).store().read(Space::kKernel, 0);
}

std::string QemuStory::devices() { return lines(std::exchange(devices_, {})); }

std::string QemuStory::outcome() {
  if (!machine_->vm_outcome()) return "runs";
  const machine::Outcome& outcome = *machine_->vm_outcome();
  std::string text = fmt::format("{} {}: {}", std::string(machine::name_of(outcome.kind)),
                                 outcome.who, outcome.text);
  if (outcome.process_alive) text += *outcome.process_alive ? " (alive)" : " (ended)";
  if (outcome.reason_set) text += fmt::format(" {}:{}", *outcome.reason_set, *outcome.reason_code);
  return text;
}

bool QemuStory::at_rest() {
  const Store& store = std::as_const(*machine_).store();
  // What kvm_init asked the kernel stays; nobody holds a lock.
  const ConstRecord process = qemu::kProcess.at(store, 0);
  if (process.get(qemu::process::kBql) != 0 || process.get(qemu::process::kInhibit) != 0) {
    return false;
  }
  const std::uint64_t begin = qemu::kThreads.base;
  for (std::uint64_t word = begin; word < qemu::kRegions.base; ++word) {
    if (store.read(Space::kVmm, word) != 0) return false;
  }
  for (std::uint64_t word = 0; word < kvm_uapi::region::kLayout.words; ++word) {
    if (store.read(Space::kVmm, kvm_uapi::kRegionRequest.base + word) != 0) return false;
  }
  return true;
}

void QemuStory::take(machine::Event event) {
  if (event.kind == "text") texts_.push_back(text_of(event, "text"));
  if (event.kind != "device") return;
  devices_.push_back(fmt::format("{} {}+{:x} {} = {:x}", text_of(event, "direction"),
                                 text_of(event, "region"), hex_of(event, "offset"),
                                 std::get<std::uint64_t>(*event.fields.find("size")),
                                 hex_of(event, "value")));
}

}  // namespace nptsim::qemu_test
