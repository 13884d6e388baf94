#include "sim/trace/draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "models/library_files.h"
#include "sim/yaml/node.h"

namespace nptsim::trace {
namespace {

// EXITINFO1 of #NPF (APM vol. 2 rev. 3.45, 15.25.6 and 15.36.10).
constexpr std::uint64_t kWrite = 1u << 1, kFetch = 1u << 4;
constexpr std::uint64_t kTable = std::uint64_t{1} << 33, kEnc = std::uint64_t{1} << 34;
constexpr std::uint64_t kPage = 4096;

constexpr char kGiven[] = "given";  // the kernel of which only that is known

constexpr std::size_t kMostTouches = 64;           // more is no start for a person
constexpr std::uint64_t kRam = 16 << 20;           // for code, tables and stacks
constexpr std::uint64_t kWindow = 0x10'0000'0000;  // where the draft maps what was touched

// What a person calls a part, and the file of models/cpu for it (AMD's numbers of its server parts:
// the last digit is the generation).
struct PartName {
  std::string_view text;
  std::string_view cpu;
};
constexpr PartName kParts[] = {
    {"Naples", "naples"}, {"7251", "naples"}, {"Rome", "rome"},   {"7742", "rome"},
    {"7302", "rome"},     {"7402", "rome"},   {"Milan", "milan"}, {"7763", "milan"},
    {"7313", "milan"},    {"7543", "milan"},  {"7713", "milan"},  {"Genoa", "genoa"},
    {"9354", "genoa"},    {"9654", "genoa"},  {"Siena", "genoa"}, {"8124", "genoa"},
    {"8224", "genoa"},    {"Turin", "turin"}, {"9575", "turin"},  {"9755", "turin"},
};

struct Candidates {
  std::string key;
  std::vector<std::string> values;
};

std::uint64_t number_of(const Seen& seen, const EventShape& shape, std::string_view name) {
  const auto field = shape.field(name);
  return field ? seen.values[*field].number : 0;
}
bool has(const Seen& seen, const EventShape& shape, std::string_view name) {
  const auto field = shape.field(name);
  return field && seen.values[*field].kind == Value::Kind::kNumber;
}

class Draft {
 public:
  Draft(const Story& story, const std::vector<std::string>& kernels)
      : story_(story), kernels_(kernels) {}
  std::string text();
  // The same for a kernel of which nothing is known: what it did is taken from the recording.
  std::string given_text();
  // Of what is no guest's access.
  std::string host_text(const std::vector<std::string>& bodies);

 private:
  std::string header() const;
  std::string matrix() const;
  bool snp() const { return vm_ == "snp"; }
  bool has_vc() const { return snp() || vm_.starts_with("sev-es"); }
  void choose_machine();
  void choose_cpu();
  void choose_kernel();
  void choose_base();
  std::string regions();
  std::string places() const;
  std::string pages() const;
  std::string handler() const;
  std::string maps() const;
  std::string program(unsigned vcpu) const;
  std::string answers() const;
  std::string document(const std::string& memory) const;
  unsigned vcpus() const;

  const Story& story_;
  const std::vector<std::string>& kernels_;
  std::string vm_, cpu_, kernel_;
  std::uint64_t base_ = 0;  // of the RAM
  std::vector<Candidates> candidates_;
};

void Draft::choose_cpu() {
  const std::string& said = story_.platform.cpu.value_or("");
  for (const PartName& part : kParts) {
    if (said.find(part.text) != std::string::npos) {
      cpu_ = part.cpu;
      return;
    }
  }
  const bool old = story_.platform.cbit == 47;
  cpu_ = old ? "rome" : "milan";
  if (!old) candidates_.push_back({"cpu", {"milan", "genoa"}});
}

void Draft::choose_kernel() {
  const auto named = kernel_named(story_.platform.kernel.value_or(""), kernels_);
  const std::string oldest = snp() ? "kvm-6.11" : kernels_.front();
  if (named && !models::older_name(*named, oldest)) {
    kernel_ = *named;
    return;
  }
  // A kernel that had its support before the project's first one is the nearest that there is.
  std::vector<std::string> some = {oldest};
  for (const char* one : {"kvm-6.8", "kvm-6.11", "kvm-7.0"}) {
    const bool known = std::find(kernels_.begin(), kernels_.end(), one) != kernels_.end();
    if (known && models::older_name(some.back(), one)) some.emplace_back(one);
  }
  kernel_ = some.front();
  if (some.size() > 1) candidates_.push_back({"kernel", some});
}

void Draft::choose_machine() {
  vm_ = story_.vm_type;
  const bool private_access = std::any_of(story_.touches.begin(), story_.touches.end(),
                                          [](const Touch& one) { return (one.error & kEnc) != 0; });
  if (vm_.empty()) vm_ = private_access ? "snp" : story_.ghcb_requests ? "sev-es" : "default";
  choose_cpu();
  choose_kernel();
  // Types of their own for SEV and SEV-ES came with 6.10.
  if (vm_ == "sev" || vm_ == "sev-es") {
    vm_ += "-legacy";
    const bool typed = !models::older_name(kernel_, "kvm-6.10");
    if (typed) candidates_.push_back({"vm", {vm_, vm_ == "sev-legacy" ? "sev" : "sev-es"}});
  }
}

unsigned Draft::vcpus() const {
  unsigned most = 0;
  for (const Touch& touch : story_.touches) most = std::max(most, touch.vcpu);
  return most + 1;
}

// The RAM of the draft lies where nothing was touched: behind what was touched there may be memory,
// read-only memory, or nothing.
void Draft::choose_base() {
  const auto is_touched = [&](std::uint64_t base) {
    const auto lies_in = [&](std::uint64_t at) { return at >= base && at - base < kRam; };
    return std::any_of(story_.touches.begin(), story_.touches.end(),
                       [&](const Touch& one) { return lies_in(one.gpa); }) ||
           std::any_of(story_.read_only.begin(), story_.read_only.end(), [&](const auto& slot) {
             return lies_in(slot.first) || (slot.first < base && base - slot.first < slot.second);
           });
  };
  base_ = 8 << 20;
  while (is_touched(base_)) base_ += kRam;
}

std::string Draft::regions() {
  std::string text = fmt::format("  ram: {{ gpa: {:#x}, size: {}M }}\n", base_, kRam >> 20);
  std::vector<std::uint64_t> pages;
  for (const Touch& touch : story_.touches) pages.push_back(touch.gpa / kPage * kPage);
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  constexpr std::size_t kMostTried = 3;  // each multiplies the candidates
  for (std::size_t i = 0; i < pages.size(); ++i) {
    text += fmt::format("  touched{}: {{ gpa: {:#x}, size: 4K, device: ram }}\n", i, pages[i]);
    if (i >= kMostTried) continue;
    std::vector<std::string> kinds = {"ram", "io"};
    if (!snp()) kinds.emplace_back("rom");
    candidates_.push_back({fmt::format("memory.touched{}.device", i), kinds});
  }
  for (std::size_t i = 0; i < story_.read_only.size(); ++i) {
    const auto& [start, size] = story_.read_only[i];
    text += fmt::format(
        "  rom{}: {{ gpa: {:#x}, size: {:#x}, device: rom }}\n", i, start / kPage * kPage,
        std::clamp((size + kPage - 1) / kPage, std::uint64_t{1}, std::uint64_t{1} << 20) * kPage);
  }
  return text;
}

// docs/places.md, from the base on.
std::string Draft::places() const {
  constexpr std::pair<std::string_view, std::uint64_t> kPlaces[] = {
      {"gdt", 0x1000},   {"idt", 0x2000},    {"tss", 0x3000},     {"handlers", 0x4000},
      {"code", 0x20000}, {"stack", 0x60000}, {"tables", 0x100000}};
  std::string text;
  for (const auto& [name, offset] : kPlaces) {
    text += fmt::format("{}{}: {:#x}", text.empty() ? "" : ", ", name, base_ + offset);
  }
  if (vm_ != "default" && !vm_.starts_with("sev-legacy") && vm_ != "sev") {
    text += fmt::format(", ghcb: {:#x}", base_ + 0x10000);
  }
  return "place: { " + text + " }\n";
}

// A private access that left as a memory fault met a page that nobody had made private.
std::string Draft::pages() const {
  std::string text;
  for (const Touch& touch : story_.touches) {
    const bool untouched = (touch.error & kEnc) != 0 && !touch.memory_fault;
    text += fmt::format("    - {{ gpa: {:#x}, size: 4K, state: {} }}\n", touch.gpa / kPage * kPage,
                        untouched ? "untouched" : "shared");
  }
  return text;
}

// An SNP guest accepts a page that it has not validated, unless the recording ends with its #VC:
// the guest asks for its end, stands still, or is done with the process and goes on.
std::string Draft::handler() const {
  const std::string& end = story_.outcome_class;
  const std::string done = "    done:\n    nop\n";
  if (end == "guest_process_killed") return "    vc:\n    nop\n" + done;
  if (end == "guest_terminated") {
    return "    vc:\n    mov ecx, 0xc0010130\n    mov eax, 0x100\n    xor edx, edx\n    wrmsr\n"
           "    vmgexit\n" +
           done;
  }
  if (end.starts_with("guest_") || !snp()) {
    return "    vc:\n    mov rdi, [rsp]\n    dead:\n    jmp dead\n" + done;
  }
  return "    vc:\n    mov rax, cr2\n    xor ecx, ecx\n    mov edx, 1\n    pvalidate\n"
         "    add rsp, 8\n    iretq\n    done:\n    nop\n";
}

std::string Draft::maps() const {
  std::string text;
  std::uint64_t at = kWindow;
  for (const Touch& touch : story_.touches) {
    const bool shared = vm_ != "default" && (touch.error & kEnc) == 0;
    text += fmt::format("  - {{ gva: {:#x}, gpa: {:#x}, size: 4K{} }}\n", at,
                        touch.gpa / kPage * kPage, shared ? ", c_bit: 0" : "");
    at += kPage;
  }
  return text;
}

std::string Draft::program(unsigned vcpu) const {
  std::string text;
  std::uint64_t at = kWindow;
  for (const Touch& touch : story_.touches) {
    const std::uint64_t address = at + touch.gpa % kPage;
    at += kPage;
    if (touch.vcpu != vcpu) continue;
    text += fmt::format("    mov rbx, {:#x}\n", address);
    if (touch.error & kFetch) {
      text += "    jmp rbx\n";
    } else {
      text += (touch.error & kWrite) != 0 ? "    mov [rbx], al\n" : "    mov al, [rbx]\n";
    }
  }
  if (text.empty()) return "    nop\n";
  if (has_vc() && vcpu == 0) text += "    jmp done\n" + handler();
  return text;
}

bool names_kernel(const Story& story, const std::vector<std::string>& kernels) {
  return kernel_named(story.platform.kernel.value_or(""), kernels).has_value();
}

// Where no event shows what the kernel did, the guest went on: its page was mapped. The last touch
// of a guest that spins is the one that was not.
std::string Draft::answers() const {
  std::string text;
  const bool sealed = vm_.starts_with("sev-es") || snp();
  for (const Touch& touch : story_.touches) {
    const bool spins = story_.outcome_class == "spin" && &touch == &story_.touches.back();
    const bool enc = snp() && (touch.error & kEnc) != 0;
    std::string then = touch.then;
    if (then.empty()) then = spins ? "retry" : enc ? "assign" : "map";
    if (then == "mmio" && sealed) then = "mmio-entry";
    const char* access = (touch.error & kFetch) != 0   ? "x"
                         : (touch.error & kWrite) != 0 ? "w"
                                                       : "r";
    text += fmt::format("    - {{ gpa: {:#x}, access: {},{} then: {} }}\n",
                        touch.gpa / kPage * kPage, access, enc ? " error: [enc]," : "", then);
  }
  return text;
}

std::string Draft::header() const {
  std::string out = "nptsim: 1\n";
  const std::string title = story_.title.empty() ? "a trace" : yaml::printable(story_.title);
  out += fmt::format("name: \"Draft: {}\"\n", title);
  if (!story_.source.empty()) {
    std::string source = yaml::printable(story_.source);
    std::replace(source.begin(), source.end(), '"', '\'');
    out += fmt::format("sources:\n  - \"{}\"\n", source);
  }
  out += fmt::format("machine: {{ cpu: {}, vm: {}, kernel: {}, vmm: bare, vcpus: {} }}\n", cpu_,
                     vm_, kernel_, vcpus());
  return out;
}

// What the recording does not say, as lists.
std::string Draft::matrix() const {
  std::string out = candidates_.empty() ? "" : "set:\n";
  for (const Candidates& one : candidates_) {
    out += fmt::format("  {}: [{}]\n", one.key, fmt::join(one.values, ", "));
  }
  return out;
}

std::string Draft::document(const std::string& memory) const {
  std::string out = header() + "memory:\n" + memory;
  const std::string map = maps();
  if (!map.empty()) out += "map:\n" + map;
  out += matrix();
  const bool given = kernel_ == kGiven;
  if (!story_.read_only.empty()) {
    out += "start: { begin: vmm-start }\n";  // whether the slots are made at all is the question
  } else if (has_vc() || given) {
    out += "start:\n";
    if (has_vc()) out += "  vectors: { 29: vc }\n";
    if (snp()) out += "  pages:\n" + pages();
    if (given) out += "  answers:\n" + answers();
  }
  out += places();
  if (story_.any_page) out += "# Which page it was the recording does not say.\n";
  if (has_vc()) out += "# What the guest does at #VC is what the recording ends with.\n";
  out += "program:\n";
  for (unsigned vcpu = 0; vcpu < vcpus(); ++vcpu) {
    out += fmt::format("  vcpu{}: |\n{}", vcpu, program(vcpu));
  }
  return out;
}

std::string Draft::text() {
  choose_machine();
  choose_base();
  return document(regions());
}

// The host's RMP needs an SNP guest, or a host that could run one.
std::string Draft::host_text(const std::vector<std::string>& bodies) {
  choose_machine();
  if (vm_ == "default" || vm_ == "host") {
    vm_ = "snp";
    candidates_.clear();
    choose_kernel();
  }
  std::string text;
  for (const std::string& body : bodies) {
    if (!text.empty()) text += "---\n";
    text += header() + matrix() + body;
  }
  return text;
}

std::string Draft::given_text() {
  choose_machine();
  choose_base();
  const std::string memory = regions();
  std::erase_if(candidates_, [](const Candidates& one) {
    return one.key == "kernel" || one.key.starts_with("memory.");
  });
  kernel_ = kGiven;
  candidates_.push_back({"kernel", {kGiven}});
  return document(memory);
}

}  // namespace

StoryTeller::StoryTeller(const View& view) : view_(view) {}

// Every page once for each way to touch it; what only the walk of the guest's own tables met is the
// guest's business.
void StoryTeller::touch(std::uint64_t gpa, std::uint64_t error, unsigned vcpu) {
  constexpr std::uint64_t kWays = kWrite | kFetch | kEnc | kTable;
  if ((error & kTable) != 0 || story_.touches.size() >= kMostTouches) return;
  const bool known =
      std::any_of(story_.touches.begin(), story_.touches.end(), [&](const Touch& one) {
        return one.gpa / kPage == gpa / kPage && ((one.error ^ error) & kWays) == 0;
      });
  if (!known) story_.touches.push_back({gpa, error, vcpu, false, ""});
}

// What the kernel did about the latest touch, where an event shows it.
void StoryTeller::answer(const Seen& seen, const EventShape& shape) {
  if (story_.touches.empty()) return;
  Touch& last = story_.touches.back();
  if (shape.name == "KVM_EXIT_MEMORY_FAULT") {
    last.memory_fault = true;
    last.then = "memory-fault";
    return;
  }
  if (shape.name == "KVM_EXIT_MMIO" || shape.name == "kvm_mmio") last.then = "mmio";
  if (shape.name == "KVM_EXIT_INTERNAL_ERROR") last.then = "internal-error";
  if (shape.name == "KVM_EXIT_SHUTDOWN") last.then = "shutdown";
  const auto field = shape.field("reason");
  if (shape.name != "kvm_userspace_exit" || !field) return;
  const std::string_view reason = seen.values[*field].text;
  constexpr std::uint64_t kEfault = 14;
  if (reason == "KVM_EXIT_MMIO") last.then = "mmio";
  if (reason == "KVM_EXIT_INTERNAL_ERROR") last.then = "internal-error";
  if (reason == "KVM_EXIT_SHUTDOWN") last.then = "shutdown";
  if (reason == "error" && number_of(seen, shape, "number") == kEfault) last.then = "efault";
}

// As Candidate does it (verdict.h), so that the draft's vCPUs are taken for the right ones. None:
// there are more streams than a machine has vCPUs.
std::optional<unsigned> StoryTeller::vcpu_for(std::optional<unsigned> recorded) {
  if (!recorded && !vcpus_.empty()) return last_;
  const unsigned number = recorded.value_or(0);
  if (const auto known = vcpus_.find(number); known != vcpus_.end()) return last_ = known->second;
  const auto is_taken = [&](unsigned vcpu) {
    return std::any_of(vcpus_.begin(), vcpus_.end(),
                       [&](const auto& one) { return one.second == vcpu; });
  };
  unsigned vcpu = number < kMostVcpus && !is_taken(number) ? number : 0;
  while (vcpu < kMostVcpus && is_taken(vcpu)) ++vcpu;
  if (vcpu == kMostVcpus) return std::nullopt;
  vcpus_.emplace(number, vcpu);
  return last_ = vcpu;
}

void StoryTeller::take(const Seen& seen, std::optional<unsigned> vcpu) {
  const EventShape& shape = view_.events()[seen.event];
  ++story_.events;
  story_.host.take(seen, shape);
  if (shape.nested && not_modelled_.empty()) {
    not_modelled_ = "a nested hypervisor runs here (" + shape.name + "), and none is modelled";
  }
  if (shape.name == "kvm_vmgexit_enter")
    story_.ghcb_requests = story_.ghcb_requests.value_or(0) + 1;
  constexpr std::uint64_t kReadOnly = 2;  // KVM_MEM_READONLY
  if (shape.name == "KVM_SET_USER_MEMORY_REGION2" && has(seen, shape, "start") &&
      (number_of(seen, shape, "flags") & kReadOnly) != 0 &&
      story_.read_only.size() < kMostTouches) {
    story_.read_only.emplace_back(number_of(seen, shape, "start"), number_of(seen, shape, "size"));
  }
  const auto mine = vcpu_for(vcpu);
  if (!mine) return;
  const unsigned who = *mine;
  if (has(seen, shape, "gpa") && has(seen, shape, "error_code")) {
    touch(number_of(seen, shape, "gpa"), number_of(seen, shape, "error_code"), who);
  } else if (has(seen, shape, "info2") && has(seen, shape, "info1")) {
    const auto reason = shape.field("reason");
    const bool npf = !reason || seen.values[*reason].text == "npf";
    if (npf) touch(number_of(seen, shape, "info2"), number_of(seen, shape, "info1"), who);
  } else if (has(seen, shape, "gpa") && has(seen, shape, "info1")) {
    touch(number_of(seen, shape, "gpa"), number_of(seen, shape, "info1"), who);
  } else if (has(seen, shape, "gpa") && has(seen, shape, "info1_low")) {
    touch(number_of(seen, shape, "gpa"), number_of(seen, shape, "info1_low"), who);
  } else if (shape.name == "KVM_EXIT_MEMORY_FAULT" && has(seen, shape, "gpa")) {
    touch(number_of(seen, shape, "gpa"), (number_of(seen, shape, "flags") & 8) != 0 ? kEnc : 0,
          who);
  }
  answer(seen, shape);
}

void StoryTeller::take(const Recording& recording) {
  story_.title = recording.title;
  story_.source = recording.source;
  story_.vm_type = recording.vm_type;
  story_.platform = recording.platform;
  story_.outcome_class = recording.outcome_class;
  story_.host.take(recording);
  for (const RecordedEvent& event : recording.events) {
    const auto seen = see(event, view_);
    if (!seen) continue;
    std::optional<unsigned> vcpu;
    if (!event.vcpus.empty()) vcpu = event.vcpus[0];
    take(*seen, vcpu);
  }
  // A page that is not said is taken to be any.
  constexpr std::uint64_t kAnyPage = 0x300000;
  const bool says_how = recording.access && (recording.access->kind.find("read") == 0 ||
                                             recording.access->kind.find("write") == 0 ||
                                             recording.access->kind.find("fetch") == 0);
  const bool of_guest = recording.vm_type != "host" && story_.host.bodies().empty();
  if (says_how && of_guest && story_.touches.empty()) {
    const std::string& kind = recording.access->kind;
    std::uint64_t error = 0;
    if (kind.find("write") != std::string::npos) error |= kWrite;
    if (kind.find("fetch") != std::string::npos) error |= kFetch;
    if (recording.access->cbit.value_or(false)) error |= kEnc;
    story_.any_page = !recording.access->gpa.has_value();
    touch(recording.access->gpa.value_or(kAnyPage), error, 0);
  }
  if (recording.vm_type == "nested") {
    not_modelled_ = "nested hypervisors are not modelled";
  } else if (recording.vm_type == "host" && story_.host.bodies().empty()) {
    not_modelled_ = "no guest is involved: what the host did needs a scenario written by hand";
  }
}

std::optional<std::string> kernel_named(const std::string& text,
                                        const std::vector<std::string>& kernels) {
  // The first "number.number".
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool begins =
        text[at] >= '0' && text[at] <= '9' &&
        (at == 0 || !((text[at - 1] >= '0' && text[at - 1] <= '9') || text[at - 1] == '.'));
    if (!begins) continue;
    std::size_t end = at;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    if (end + 1 >= text.size() || text[end] != '.' || text[end + 1] < '0' || text[end + 1] > '9') {
      continue;
    }
    ++end;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    std::string name = "kvm-" + text.substr(at, end - at);
    // A candidate of a release may lack what the release has.
    const bool candidate = text.compare(end, 3, "-rc") == 0;
    std::optional<std::string> found;
    for (const std::string& kernel : kernels) {
      if (models::older_name(name, kernel) || (candidate && kernel == name)) break;
      found = kernel;
    }
    return found ? found : std::optional(kernels.front());
  }
  return std::nullopt;
}

Drafted draft(const StoryTeller& teller, const std::vector<std::string>& kernels) {
  const Story& story = teller.story();
  if (!teller.not_modelled().empty()) return {"", teller.not_modelled()};
  if (story.touches.empty() && story.read_only.empty()) {
    const std::vector<std::string> bodies = story.host.bodies();
    if (!bodies.empty()) return {Draft(story, kernels).host_text(bodies), ""};
    return {"",
            "the recording does not say which address was touched: a scenario has to be written"};
  }
  std::string text = Draft(story, kernels).text();
  // Of a kernel that nobody names it is tried, last of all, what it was seen to do.
  const bool unnamed = !names_kernel(story, kernels) && story.read_only.empty();
  if (unnamed) text += "---\n" + Draft(story, kernels).given_text();
  return {std::move(text), ""};
}

}  // namespace nptsim::trace
