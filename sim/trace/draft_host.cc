#include "sim/trace/draft_host.h"

#include <fmt/format.h>

#include "sim/base/address.h"
#include "sim/base/bits.h"
#include "sim/yaml/number.h"

namespace nptsim::trace {
namespace {

constexpr char kMemory[] = "memory:\n  ram: { gpa: 0, size: 16M }\n";
constexpr char kIdle[] = "program: { vcpu0: \"nop\" }\n";

// A page of the host's that the draft's guest does not use, and its neighbours.
constexpr std::uint64_t kHostPage = 0x1200000, kNeighbour = 0x1208000;

std::optional<std::uint64_t> number_in(const yaml::Node* map, std::string_view key) {
  const yaml::Node* node = map != nullptr && map->is_map() ? map->find(key) : nullptr;
  if (node == nullptr || !node->is_scalar()) return std::nullopt;
  const auto number = yaml::parse_number(node->text);
  return number.ok() ? std::optional(number.value()) : std::nullopt;
}

std::optional<std::uint64_t> number_in(const Seen& seen, const EventShape& shape,
                                       std::string_view name) {
  const auto field = shape.field(name);
  if (!field || seen.values[*field].kind != Value::Kind::kNumber) return std::nullopt;
  return seen.values[*field].number;
}

const char* yes(bool value) { return value ? "yes" : "no"; }

}  // namespace

void HostStory::take(const Recording& recording) {
  const yaml::Node& initial = recording.initial;
  if (!initial.is_map()) return;
  if (const yaml::Node* rmp = initial.find("rmp")) {
    const auto is = [&](std::string_view key) { return number_in(rmp, key).value_or(0) != 0; };
    // "not assigned", in words.
    entry_.assigned = rmp->is_map() ? is("assigned") : !rmp->text.starts_with("not");
    entry_.immutable = is("immutable");
    entry_.vmsa = is("vmsa");
    entry_.validated = is("validated");
    entry_.large = is("pagesize");
    entry_.gpa = number_in(rmp, "gpa").value_or(0);
    entry_.asid = number_in(rmp, "asid").value_or(0);
  }
  if (const yaml::Node* access = initial.find("access"); access != nullptr && access->is_map()) {
    const yaml::Node* to = access->find("to");
    update_to_guest_ = to == nullptr || to->text != "shared";
  }
}

void HostStory::take(const Seen& seen, const EventShape& shape) {
  const auto number = [&](std::string_view name) { return number_in(seen, shape, name); };
  if (!fault_ && (shape.name == "host_pf" || shape.name == "page_fault_kernel")) {
    fault_ = number("error_code");
  }
  if (!update_ && shape.name == "rmpupdate") {
    update_ = Update{number("level").value_or(1) > 1, update_to_guest_};
  }
  if (!device_ && shape.name == "iommu_rmp_fault" && number("gpa")) {
    constexpr std::uint64_t kRw = 0x20;  // Linux drivers/iommu/amd/amd_iommu_types.h EVENT_FLAG_RW
    device_ = Device{*number("gpa"), (number("flags").value_or(kRw) & kRw) != 0};
  }
  const bool ends = shape.name == "guest_termination" || shape.name == "vmgexit_msr";
  if (!termination_ && ends && number("reason_set") && number("reason_code")) {
    termination_ = Termination{*number("reason_set") & 0xf, *number("reason_code") & 0xff};
  }
  if (!ghcb_ && shape.name == "vmgexit") ghcb_ = number("ghcb_gpa");
}

std::vector<std::string> HostStory::bodies() const {
  std::vector<std::string> all;
  host_write(all);
  rmpupdate(all);
  device(all);
  if (all.empty()) termination(all);
  if (all.empty()) unregistered(all);
  return all;
}

// The entry as the recording has it, and a store by whom the error code names.
void HostStory::host_write(std::vector<std::string>& out) const {
  constexpr unsigned kUser = 2;  // of a #PF's error code
  if (!fault_) return;
  const std::uint64_t gpa = entry_.gpa & ~kPageMask;
  const std::string entry = fmt::format(
      "{{ spa: {:#x}, assigned: {}, immutable: {}, vmsa: {}, validated: {}, page: {}, gpa: {:#x}, "
      "asid: {:#x} }}",
      kHostPage, yes(entry_.assigned), yes(entry_.immutable), yes(entry_.vmsa),
      yes(entry_.validated), entry_.large ? "2M" : "4K", gpa, entry_.asid);
  out.push_back(fmt::format(
      "{}start:\n  rmp: [ {} ]\nscript:\n  - {{ vmm: {{ host_write: {{ page: {:#x}, bytes: "
      "\"55\"{} "
      "}} }} }}\n{}",
      kMemory, entry, kHostPage, has_bit(*fault_, kUser) ? "" : ", flags: [kernel]", kIdle));
}

// What it met: an immutable page, an entry of 2 MByte around it, one of 4 KByte inside of it, an
// address that is none.
void HostStory::rmpupdate(std::vector<std::string>& out) const {
  if (!update_) return;
  const auto update = [&](std::uint64_t page, bool large, bool to_guest) {
    const std::string owner = to_guest ? ", gpa: 0x8000000, asid: 1" : "";
    std::string flags = to_guest ? "assigned" : "";
    if (large) flags += flags.empty() ? "2M" : ", 2M";
    return fmt::format("  - {{ vmm: {{ rmpupdate: {{ page: {:#x}{}, flags: [{}] }} }} }}\n", page,
                       owner, flags);
  };
  const bool large = update_->large, to_guest = update_->to_guest;
  const std::uint64_t page = large ? kHostPage : kNeighbour;
  const std::string wanted = update(page, large, to_guest);
  out.push_back(fmt::format("{}start:\n  rmp: [ {{ spa: {:#x}, immutable: yes }} ]\nscript:\n{}{}",
                            kMemory, page, wanted, kIdle));
  const std::string before = update(large ? kNeighbour : kHostPage, !large, true);
  out.push_back(fmt::format("{}script:\n{}{}{}", kMemory, before, wanted, kIdle));
  out.push_back(fmt::format("{}script:\n{}{}", kMemory, update(kNeighbour, true, to_guest), kIdle));
}

// The page is shared, and pages of the guest's own lie in the same 2 MByte.
void HostStory::device(std::vector<std::string>& out) const {
  if (!device_) return;
  const std::uint64_t offset = device_->gpa & kPageMask & ~std::uint64_t{7};
  const std::string bytes = device_->write ? ", bytes: \"55\"" : "";
  out.push_back(fmt::format(
      "{}start:\n  pages: [ {{ gpa: 0x300000, size: 4K, state: shared }} ]\nmap:\n  - {{ gva: "
      "0x300000, gpa: 0x300000, size: 4K, c_bit: 0 }}\nscript:\n  - {{ vmm: {{ device_{}: {{ gpa: "
      "{:#x}, page: ram+{:#x}{}, flags: [2M] }} }}, at: there }}\nprogram:\n  vcpu0: |\n    mov "
      "rbx, "
      "0x300000\n    mov rax, [rbx]\n    there:\n    nop\n",
      kMemory, device_->write ? "write" : "read", device_->gpa, 0x300000 + offset, bytes));
}

// By the MSR protocol: reason set in 15:12, code in 23:16 (GHCB specification 2.03, 2.3.1).
void HostStory::termination(std::vector<std::string>& out) const {
  if (!termination_) return;
  const std::uint64_t msr = 0x100 | termination_->set << 12 | termination_->code << 16;
  out.push_back(fmt::format(
      "{}program:\n  vcpu0: |\n    mov ecx, 0xc0010130\n    mov eax, {:#x}\n    xor edx, edx\n    "
      "wrmsr\n    vmgexit\n",
      kMemory, msr));
}

void HostStory::unregistered(std::vector<std::string>& out) const {
  if (!ghcb_) return;
  const std::uint64_t page = *ghcb_ & ~kPageMask;
  const bool elsewhere = page >= (16u << 20);
  out.push_back(fmt::format(
      "{}{}start: {{ ghcb: none }}\nprogram:\n  vcpu0: |\n    mov ecx, 0xc0010130\n    mov eax, "
      "{:#x}\n    mov edx, {:#x}\n    wrmsr\n    vmgexit\n",
      kMemory, elsewhere ? fmt::format("  ghcb: {{ gpa: {:#x}, size: 4K }}\n", page) : "",
      get_bits(page, 31, 0), get_bits(page, 63, 32)));
}

}  // namespace nptsim::trace
