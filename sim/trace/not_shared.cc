#include "sim/trace/not_shared.h"

#include <algorithm>
#include <span>

#include "sim/base/bits.h"
#include "sim/yaml/number.h"

namespace nptsim::trace {
namespace {

// The event at which they part, and what a recording says up to there.
struct Where {
  const Recording& recording;
  std::span<const RecordedEvent> before;
  const RecordedEvent* event;  // none: behind the last

  bool nested() const { return recording.kvm->paging == "nested"; }
  std::uint64_t cap(const std::string& name) const {
    const auto found = recording.kvm->capabilities.find(name);
    return found == recording.kvm->capabilities.end() ? 0 : found->second;
  }
  bool is(const char* name) const { return event != nullptr && event->name == name; }
  std::uint64_t number(const char* field) const {
    for (const auto& [name, text] : event->fields) {
      const auto value = yaml::parse_number(text);
      if (name == field && value.ok()) return value.value();
    }
    return 0;
  }
};

bool no_pre_fault(const Where& at) {
  return at.is("pre_fault_memory") && at.cap("KVM_CAP_PRE_FAULT_MEMORY") == 0;
}

bool one_address_space(const Where& at) {
  const bool call = at.is("set_slot") || at.is("get_dirty_log");
  return call && get_bits(at.number("id"), 31, 16) != 0 &&
         at.cap("KVM_CAP_MULTI_ADDRESS_SPACE") == 0;
}

bool beyond_the_width(const Where& at) {
  if (at.nested() || !at.is("set_slot")) return false;
  const std::uint64_t width = at.recording.platform.maxphyaddr.value_or(52);
  const std::uint64_t size = at.number("size");
  return width < 64 && size != 0 && (at.number("gpa") + size - 1) >> width != 0;
}

bool marked_by_a_read(const Where& at) { return !at.nested() && at.is("dirty_log"); }

bool host_mapping(const Where& at) {
  const auto forbids = [](const RecordedEvent& event) { return event.name == "protect"; };
  return !at.nested() && std::any_of(at.before.begin(), at.before.end(), forbids);
}

struct Reason {
  bool (*holds)(const Where&);
  const char* text;
};
// tests/oracle/README.md has the same, of other recordings.
constexpr Reason kReasons[] = {
    {no_pre_fault, "the recorded KVM has no KVM_PRE_FAULT_MEMORY, which needs nested paging"},
    {one_address_space, "the recorded KVM has no SMM, hence one address space"},
    // Linux arch/x86/kvm/mmu.h kvm_mmu_max_gfn
    {beyond_the_width,
     "without nested paging KVM takes slots up to 2^52, whatever the processor's width"},
    // Linux arch/x86/kvm/x86.c emulator_write_emulated, mmu/spte.c make_spte
    {marked_by_a_read,
     "the dirty log of an emulated guest has only what was written; with nested paging also what a "
     "read made writable"},
    // Linux arch/x86/kvm/x86.c emulator_read_write_onepage
    {host_mapping,
     "where the host's mapping forbids an access an emulated guest gets MMIO; with nested paging "
     "KVM_RUN fails"},
};

// The event of that number in the vCPU's own stream.
Where place_of(const Recording& recording, const StreamVerdict& stream) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < recording.events.size(); ++i) {
    const std::vector<unsigned>& vcpus = recording.events[i].vcpus;
    const bool own =
        vcpus.empty() || std::find(vcpus.begin(), vcpus.end(), stream.recorded) != vcpus.end();
    if (own && ++number == stream.parting->number) {
      return {recording, std::span(recording.events).first(i), &recording.events[i]};
    }
  }
  return {recording, recording.events, nullptr};
}

}  // namespace

std::string not_shared(const Recording& recording, const Verdict& verdict) {
  if (!recording.kvm || verdict.agreement != Agreement::kParts) return "";
  const auto parted = std::find_if(verdict.streams.begin(), verdict.streams.end(),
                                   [](const auto& one) { return one.parting.has_value(); });
  if (parted == verdict.streams.end()) return "";
  const Where where = place_of(recording, *parted);
  for (const Reason& reason : kReasons) {
    if (reason.holds(where)) return reason.text;
  }
  return "";
}

}  // namespace nptsim::trace
