#include "sim/record/calls.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "models/common/kvm_uapi.h"
#include "models/vmm/bare/model.h"
#include "sim/base/bits.h"
#include "sim/base/hex.h"
#include "sim/record/kvm_api.h"

namespace nptsim::record {
namespace {

// Above the user's half of the address space.
constexpr std::uint64_t kKernelAddress = 0xffff888000000000;

using Arguments = std::map<std::string, std::uint64_t>;

Arguments arguments_of(const machine::ScriptAct& act, const Process& process) {
  Arguments named;
  std::size_t i = 0;
  for (const std::string& local : process.setup.vmm->locals_of(act.procedure)) {
    named[local] = i < act.arguments.size() ? act.arguments[i] : 0;
    ++i;
  }
  return named;
}

machine::BackingId backing_of(const Arguments& arguments) {
  return static_cast<machine::BackingId>(arguments.at("backing"));
}

Observed result_of(const char* event, std::vector<std::pair<std::string, std::string>> fields,
                   int error) {
  fields.emplace_back("result", answer_of(error));
  return {event, std::nullopt, std::move(fields)};
}

// A descriptor of a file that is none of KVM's, or of none.
int odd_descriptor(std::uint64_t gmem) {
  if (gmem != kvm_uapi::region::kOtherFile) return -1;
  static const Fd kOther(memfd_create("no guest_memfd", MFD_CLOEXEC));
  return kOther.get();
}

// The region's guest_memfd, made when it is first asked for.
int descriptor_of(std::uint64_t gmem, Process& process) {
  const std::uint64_t index = gmem - 1 - machine::kFirstGmem;
  if (gmem == 0) return 0;
  if (index >= process.setup.regions.size()) return odd_descriptor(gmem);
  auto [file, is_new] = process.guest_memfds.try_emplace(index, -1);
  if (is_new) process.vm.create_guest_memfd(process.setup.regions[index].size, file->second);
  return file->second;
}

SlotCall slot_call(const Arguments& arguments, Process& process) {
  SlotCall call;
  call.id = static_cast<std::uint32_t>(arguments.at("id"));
  call.flags = static_cast<std::uint32_t>(arguments.at("flags"));
  call.gpa = arguments.at("gpa");
  call.size = arguments.at("size");
  call.address = arguments.at("backing") == bare::kNoUserAddress
                     ? kKernelAddress
                     : process.memory.address(backing_of(arguments), arguments.at("offset"));
  if (call.flags & api::kMemGuestMemfd) {
    call.guest_memfd = descriptor_of(arguments.at("gmem"), process);
    call.guest_memfd_offset = arguments.at("gmem_offset");
  }
  return call;
}

// --- the operations ---

std::vector<Observed> set_slot(const Arguments& arguments, Process& process) {
  const SlotCall call = slot_call(arguments, process);
  return {observed_slot(call, process.vm.set_slot(call))};
}

// As the model tells it: the first 64 pages always, others where a bit is set.
std::vector<Observed> get_dirty_log(const Arguments& arguments, Process& process) {
  const auto id = static_cast<std::uint32_t>(arguments.at("id"));
  std::vector<std::uint64_t> bitmap;
  const int error = process.vm.get_dirty_log(id, bitmap);
  std::vector<Observed> seen;
  for (std::size_t i = 0; error == 0 && i < bitmap.size(); ++i) {
    if (i != 0 && bitmap[i] == 0) continue;
    seen.push_back(
        {"dirty_log",
         std::nullopt,
         {{"id", std::to_string(id & 0xffff)}, {"page", hex(64 * i)}, {"bitmap", hex(bitmap[i])}}});
  }
  seen.push_back(result_of("get_dirty_log", {{"id", hex(id)}}, error));
  return seen;
}

std::vector<Observed> ioeventfd(const Arguments& arguments, Process& process) {
  const std::uint64_t gpa = arguments.at("gpa"), length = arguments.at("len");
  const int error = process.vm.add_ioeventfd(gpa, static_cast<std::uint32_t>(length));
  return {result_of("add_ioeventfd", {{"gpa", hex(gpa)}, {"len", std::to_string(length)}}, error)};
}

std::vector<Observed> coalesced(const Arguments& arguments, Process& process) {
  const std::uint64_t gpa = arguments.at("gpa"), size = arguments.at("size");
  const int error = process.vm.add_coalesced(gpa, static_cast<std::uint32_t>(size));
  return {result_of("add_coalesced", {{"gpa", hex(gpa)}, {"size", hex(size)}}, error)};
}

std::vector<Observed> pre_fault(const Arguments& arguments, Process& process) {
  api::PreFaultMemory range;
  range.gpa = arguments.at("gpa");
  range.size = arguments.at("size");
  const bool done = ioctl(process.first_vcpu->fd(), api::kPreFaultMemory, &range) == 0;
  return {result_of("pre_fault_memory",
                    {{"gpa", hex(arguments.at("gpa"))}, {"size", hex(arguments.at("size"))}},
                    done ? 0 : errno)};
}

std::vector<Observed> protect(const Arguments& arguments, Process& process) {
  const auto protection = static_cast<machine::HostProtection>(arguments.at("protection"));
  const int error = process.memory.protect(backing_of(arguments), arguments.at("offset"),
                                           arguments.at("size"), protection);
  return {result_of("protect", {{"protection", std::string(machine::name_of(protection))}}, error)};
}

std::vector<Observed> discard(const Arguments& arguments, Process& process) {
  return {result_of(
      "discard", {},
      process.memory.discard(backing_of(arguments), arguments.at("offset"), arguments.at("size")))};
}

std::vector<Observed> write(const Arguments& arguments, Process& process) {
  const std::uint64_t data = arguments.at("data");
  const auto bytes = std::as_bytes(std::span(&data, 1)).first(arguments.at("size"));
  const bool done = process.memory.write(backing_of(arguments), arguments.at("offset"), bytes);
  return {result_of("write", {}, done ? 0 : EFAULT)};
}

struct Callable {
  std::string_view name;
  std::vector<Observed> (*call)(const Arguments&, Process&);
};
constexpr Callable kCallables[] = {{"set_slot", set_slot},   {"get_dirty_log", get_dirty_log},
                                   {"ioeventfd", ioeventfd}, {"coalesced", coalesced},
                                   {"pre_fault", pre_fault}, {"protect", protect},
                                   {"discard", discard},     {"write", write}};

const Callable* find_callable(std::string_view operation) {
  const auto* const found =
      std::find_if(std::begin(kCallables), std::end(kCallables),
                   [&](const Callable& one) { return one.name == operation; });
  return found == std::end(kCallables) ? nullptr : found;
}

}  // namespace

bool can_be_called(std::string_view operation) { return find_callable(operation) != nullptr; }

std::string answer_of(int error) {
  if (error == 0) return "done";
  const char* const name = strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

Observed observed_slot(const SlotCall& call, int error) {
  return result_of("set_slot",
                   {{"id", hex(call.id)},
                    {"gpa", hex(call.gpa)},
                    {"size", hex(call.size)},
                    {"flags", hex(call.flags)}},
                   error);
}

std::vector<SlotCall> first_slots(const machine::Machine& start, Process& process) {
  std::vector<SlotCall> calls;
  for (const bare::Slot& slot : bare::wanted_slots(start.store())) {
    SlotCall call;
    call.id = slot.id;
    call.flags = (slot.log_dirty ? KVM_MEM_LOG_DIRTY_PAGES : 0u) |
                 (slot.readonly ? KVM_MEM_READONLY : 0u) |
                 (slot.gmem != machine::kNoBacking ? api::kMemGuestMemfd : 0u);
    call.gpa = slot.gpa.value;
    call.size = slot.size;
    call.address = process.memory.address(slot.backing, slot.offset);
    if (slot.gmem != machine::kNoBacking) {
      call.guest_memfd = descriptor_of(std::uint64_t{slot.gmem} + 1, process);
      call.guest_memfd_offset = slot.offset;
    }
    calls.push_back(call);
  }
  return calls;
}

std::vector<Observed> call_for_real(const machine::ScriptAct& act, const std::string& operation,
                                    Process& process) {
  const Callable* const callable = find_callable(operation);
  NPTSIM_CHECK(callable != nullptr);
  return callable->call(arguments_of(act, process), process);
}

}  // namespace nptsim::record
