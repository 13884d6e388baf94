#include "tests/oracle/kvm_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "models/kernel/kvm/state.h"
#include "models/vmm/bare/model.h"
#include "tests/oracle/kvm_machine.h"
#include "tests/oracle/kvm_twin.h"

namespace nptsim::oracle::kvm {
namespace {

constexpr char kHostMapping[] = "host-mapping";
constexpr char kDirtyByRead[] = "dirty-by-read";
constexpr char kSmmSlots[] = "smm-slots";
constexpr char kGuestMemfd[] = "guest-memfd";
constexpr char kOldIoctl[] = "old-ioctl";
constexpr char kCapabilities[] = "capabilities";
constexpr char kVmTypes[] = "vm-types";
constexpr char kAttributes[] = "attributes";

constexpr std::size_t kMostExits = 40;
constexpr std::uint64_t kMostBytes = 1 << 24;      // of a backing that is filled
constexpr std::uint64_t kMostOffset = 1ull << 40;  // in a backing

// One case on its way.
class Replay {
 public:
  explicit Replay(const Case& one) : case_(one), vm_(one.mode) {
    host_.set_slot(0, {0, kRamSize, 0, "ram", false});
  }
  Verdict run();

 private:
  using Do = void (Replay::*)(const Step&);
  static const std::map<std::string, Do>& operations();

  machine::BackingId backing(const std::string& name);
  static std::uint64_t offset_of(const Step& step);
  void check(const Step& step, std::string_view what, const std::string& recorded,
             const std::string& model);
  void check(const Step& step, std::string_view what, std::uint64_t recorded, std::uint64_t model) {
    check(step, what, fmt::format("{:#x}", recorded), fmt::format("{:#x}", model));
  }
  void not_shared(const char* reason) { ++verdict_.not_shared[reason]; }

  void note(const Step& step);
  void make_backing(const Step& step);
  void write_backing(const Step& step);
  void write_u64(const Step& step);
  void zero_backing(const Step& step);
  void host_write(const Step& step);
  void peek(const Step& step);
  void peek_u64(const Step& step);
  void peek_ram(const Step& step);
  void set_slot(const Step& step);
  void set_cr3(const Step& step) { cr3_ = step.number("value"); }
  void access(const Step& step);
  void dirty_log(const Step& step);
  void ioeventfd(const Step& step);
  void eventfd_count(const Step& step);
  void protect(const Step& step, machine::HostProtection protection, HostAccess twin);
  void protect_rw(const Step& step) {
    protect(step, machine::HostProtection::kReadWrite, HostAccess::kReadWrite);
  }
  void protect_read(const Step& step) {
    protect(step, machine::HostProtection::kRead, HostAccess::kRead);
  }
  void protect_none(const Step& step) {
    protect(step, machine::HostProtection::kNone, HostAccess::kNone);
  }
  void unmap(const Step& step) {
    protect(step, machine::HostProtection::kUnmapped, HostAccess::kNone);
  }
  void truncate(const Step& step);
  void discard(const Step& step);
  void capability(const Step& step);
  void create_vm(const Step&) { not_shared(kVmTypes); }
  void guest_memfd(const Step&) {
    not_shared(kGuestMemfd);
    gmem_ = true;
  }
  void attributes(const Step&) { not_shared(kAttributes); }

  void compare_exits(const Step& step, const Ran& ran);
  void compare_registers(const Step& step, const Access& access, const Ran& ran);

  const Case& case_;
  Vm vm_;
  Twin host_;
  Verdict verdict_;
  std::map<std::string, machine::BackingId> backings_;
  std::map<std::string, std::uint64_t> sizes_;
  std::map<std::string, bool> private_;  // else what is discarded comes back
  std::uint64_t cr3_ = kIdentityTables;
  bool gmem_ = false;  // from here on the case is about a guest_memfd
};

void Replay::check(const Step& step, std::string_view what, const std::string& recorded,
                   const std::string& model) {
  if (recorded == model) return;
  std::string name = step.op();
  if (step.has("kind")) name += " " + step.text("kind");
  if (step.has("name")) name += " (" + step.text("name") + ")";
  verdict_.differences.push_back(fmt::format("line {}: {}: {}: recorded {}, model {}", step.line(),
                                             name, what, recorded, model));
}

// --- memory ---

machine::BackingId Replay::backing(const std::string& name) {
  const auto found = backings_.find(name);
  if (found == backings_.end()) throw BadStep("there is no backing " + yaml::quote(name));
  return found->second;
}

std::uint64_t Replay::offset_of(const Step& step) {
  const std::uint64_t offset = step.number_or("offset", 0);
  if (offset >= kMostOffset) throw BadStep("an offset that large");
  return offset;
}

void Replay::make_backing(const Step& step) {
  const std::string name = step.text("name");
  const std::uint64_t size = step.number("size");
  if (size > kMostBytes) throw BadStep("a backing that large is not filled");
  const auto id = static_cast<machine::BackingId>(100 + backings_.size());
  backings_.emplace(name, id);
  sizes_[name] = size;
  Bytes bytes(size, static_cast<std::uint8_t>(step.number_or("fill_byte", 0)));
  if (step.has("fill")) {
    const std::uint64_t k = step.number("fill");
    for (std::uint64_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::uint8_t>(k * 37 + i * 7 + (i >> 8) * 29);
    }
  }
  vm_.write(backing(name), 0, bytes);
  private_[name] = step.number_or("private", 0) != 0;
  if (step.has("map")) {
    if (step.text("map") != "private_readonly")
      throw BadStep("map " + yaml::quote(step.text("map")));
    const std::uint64_t arguments[] = {backing(name), 0, size,
                                       static_cast<std::uint64_t>(machine::HostProtection::kRead)};
    vm_.call("script_protect", arguments);
    host_.protect(name, 0, size, HostAccess::kRead);
  }
}

void Replay::write_backing(const Step& step) {
  vm_.write(backing(step.text("backing")), offset_of(step), step.bytes("bytes"));
}

void Replay::write_u64(const Step& step) {
  Bytes bytes;
  for (unsigned i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(step.number("value") >> (8 * i)));
  }
  vm_.write(backing(step.text("backing")), offset_of(step), bytes);
}

void Replay::zero_backing(const Step& step) {
  const std::string name = step.text("backing");
  vm_.write(backing(name), 0, Bytes(sizes_[name], 0));
}

// One byte of user space's own; which does not matter to the dirty log.
void Replay::host_write(const Step& step) {
  const std::uint64_t arguments[] = {backing(step.text("backing")), offset_of(step), 0x5a, 1};
  vm_.call("script_write", arguments);
}

std::string hex(const Bytes& bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

void Replay::peek(const Step& step) {
  if (gmem_) return not_shared(kGuestMemfd);
  ++verdict_.compared;
  const std::string name = step.text("backing");
  Bytes recorded = step.bytes("bytes");
  const Bytes model = vm_.read(backing(name), offset_of(step), recorded.size());
  bool tainted = false;
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    if (!host_.is_tainted(name, offset_of(step) + i)) continue;
    tainted |= recorded[i] != model[i];
    recorded[i] = model[i];
  }
  if (tainted) not_shared(kHostMapping);
  check(step, "bytes", hex(recorded), hex(model));
}

void Replay::peek_u64(const Step& step) {
  ++verdict_.compared;
  std::uint64_t word = 0;
  const Bytes bytes = vm_.read(backing(step.text("backing")), offset_of(step), 8);
  for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{bytes[i]} << (8 * i);
  check(step, "value", step.number("value"), word);
}

void Replay::peek_ram(const Step& step) {
  ++verdict_.compared;
  const Bytes bytes = step.bytes("bytes");
  const std::uint64_t gpa = step.number("gpa");
  if (gpa >= kRamSize) throw BadStep("there is no RAM");
  check(step, "bytes", hex(bytes), hex(vm_.read(kRam, gpa, bytes.size())));
}

// Most notes are for people; one says what is in RAM: "guest RAM at 0x2000 holds bytes
// a0,a1,a2,...".
void Replay::note(const Step& step) {
  constexpr std::string_view kAt = "guest RAM at ", kHolds = " holds bytes ";
  constexpr std::uint64_t kHowMany = 0x100;
  const std::string text = step.text("text");
  const std::size_t holds = text.find(kHolds);
  if (!text.starts_with(kAt) || holds == std::string::npos) return;
  const std::uint64_t gpa = to_number(text.substr(kAt.size(), holds - kAt.size()), "text");
  const std::string first = text.substr(holds + kHolds.size(), 2);
  if (gpa > kRamSize - kHowMany) throw BadStep("there is no RAM");
  Bytes bytes(kHowMany);
  const std::uint64_t value = to_number("0x" + first, "text");
  for (std::uint64_t i = 0; i < kHowMany; ++i) bytes[i] = static_cast<std::uint8_t>(value + i);
  vm_.write(kRam, gpa, bytes);
}

// --- slots ---

std::uint64_t flags_of(const Step& step) {
  std::uint64_t flags = 0;
  for (const std::string& flag : step.texts("flags")) {
    if (flag == "log_dirty") {
      flags |= 1;
    } else if (flag == "readonly") {
      flags |= 2;
    } else if (flag == "guest_memfd") {
      flags |= 4;
    } else {
      flags |= to_number(flag, "flags");
    }
  }
  return flags;
}

void Replay::set_slot(const Step& step) {
  const std::uint64_t id = step.number("slot"), flags = flags_of(step);
  constexpr std::uint64_t kGuestMemfdFlag = 4;
  if ((flags & kGuestMemfdFlag) != 0) {
    if (step.op() != "set_slot2") return not_shared(kOldIoctl);
    gmem_ = true;
    return not_shared(kGuestMemfd);
  }
  if (id >> 16 == 1) return not_shared(kSmmSlots);
  std::uint64_t offset = offset_of(step), mapping = machine::kNoBacking;
  const std::string key = step.has("uaddr") ? "uaddr" : "backing";
  const std::string address = step.has(key) ? step.text(key) : "null";
  const std::string name = address.substr(0, address.find('+'));
  if (address == "kernel") {
    mapping = bare::kNoUserAddress;
  } else if (address != "null" && address != "unmapped") {
    mapping = backing(name);
    if (name != address) offset += to_number(address.substr(name.size() + 1), key);
  }
  if (offset >= kMostOffset) throw BadStep("an offset that large");
  const std::uint64_t gpa = step.number("gpa"), size = step.number("size");
  const std::uint64_t arguments[] = {id, flags, gpa, size, mapping, offset};
  const std::string rc = vm_.call("script_set_slot", arguments);
  ++verdict_.compared;
  check(step, "rc", step.text("rc"), rc);
  if (step.text("rc") == "0") host_.set_slot(id, {gpa, size, offset, name, (flags & 2) != 0});
}

// --- accesses ---

std::string text_of(const Exit& exit) {
  Bytes data;
  for (std::uint64_t i = 0; i < exit.length && i < 8; ++i) {
    data.push_back(static_cast<std::uint8_t>(exit.data >> (8 * i)));
  }
  return fmt::format("{} {:#x}+{} {} {}", exit.io ? "io" : "mmio", exit.address, exit.length,
                     exit.write ? "write" : "read", hex(data));
}

std::string text_of(const Step& exit) {
  if (exit.text("exit") == "io") {
    return text_of(Exit{true, exit.number("port"), exit.number("size"), exit.number("out") != 0,
                        exit.number("data")});
  }
  return fmt::format("mmio {:#x}+{} {} {}", exit.number("gpa"), exit.number("len"),
                     exit.number("write") != 0 ? "write" : "read", exit.text("data"));
}

void Replay::compare_exits(const Step& step, const Ran& ran) {
  check(step, "nexits", step.number("nexits"), ran.exits.size());
  const std::vector<Step> recorded = step.items("exits");
  const std::size_t shown = std::min({recorded.size(), ran.exits.size(), kMostExits});
  for (std::size_t i = 0; i < shown; ++i) {
    const std::string said = text_of(recorded[i]), model = text_of(ran.exits[i]);
    check(step, fmt::format("exit {}", i), said, model);
    if (said != model) return;
  }
}

// By how much a register has moved, at the width that the mode gives it.
std::int64_t moved(std::uint64_t from, std::uint64_t to, isa::Mode mode) {
  const std::uint64_t by = to - from;
  if (mode == isa::Mode::k16) return static_cast<std::int16_t>(by);
  if (mode == isa::Mode::k32) return static_cast<std::int32_t>(by);
  return static_cast<std::int64_t>(by);
}

void Replay::compare_registers(const Step& step, const Access& access, const Ran& ran) {
  const isa::Registers &from = access.registers, &to = ran.registers;
  const bool unknown_rax = ran.end != "ok" && !step.has("value");  // what it was is not recorded
  // CMPXCHG8B has EDX:EAX; 16 bytes do not touch RAX.
  const unsigned width = access.kind == "cmpxchg8b" ? 4 : std::min(access.size, 8u);
  const std::uint64_t mask = isa::mask_of_size(width);
  if (!unknown_rax) check(step, "rax", step.number("rax") & mask, to.gpr[isa::kRax] & mask);
  if (step.has("zf")) check(step, "zf", step.number("zf"), (to.rflags & isa::kFlagZf) != 0);
  if (step.has("rcx")) {
    check(step, "rcx", step.number("rcx"),
          to.gpr[isa::kRcx] & (case_.mode == isa::Mode::k16 ? 0xffff : ~0ull));
  }
  const auto advance = [&](const char* key, std::uint64_t before, std::uint64_t after) {
    if (!step.has(key)) return;
    check(step, key, fmt::format("{}", step.signed_number(key)),
          fmt::format("{}", moved(before, after, case_.mode)));
  };
  advance("rsi_adv", from.gpr[isa::kRsi], to.gpr[isa::kRsi]);
  advance("rdi_adv", from.gpr[isa::kRdi], to.gpr[isa::kRdi]);
  advance("rsp_adv", from.gpr[isa::kRsp], to.gpr[isa::kRsp]);
  advance("rip_adv", from.rip, to.rip);
}

void Replay::access(const Step& step) {
  const Access access = make_access(step, case_.mode, cr3_);
  if (gmem_) return not_shared(kGuestMemfd);
  const bool forbidden = host_.host_forbids(access, step);
  if (!forbidden && host_.touches_tainted(access, step)) {
    vm_.run(access);
    return not_shared(kHostMapping);
  }
  const Ran ran = vm_.run(access);
  host_.touch(access, step);
  if (forbidden) {
    not_shared(kHostMapping);
    host_.taint(access, step);
    check(step, "end with nested paging", "EFAULT", ran.end);
    return;
  }
  ++verdict_.compared;
  check(step, "end", step.text("end"), ran.end);
  if (step.text("end") != ran.end) return;
  if (step.has("suberror")) check(step, "suberror", step.number("suberror"), ran.suberror);
  compare_exits(step, ran);
  compare_registers(step, access, ran);
}

// --- dirty log, eventfds, host mappings ---

// With nested paging a page that is only read is mapped writable at once, if the host's mapping
// allows it, and counts as dirty (Linux arch/x86/kvm/mmu/spte.c make_spte).
void Replay::dirty_log(const Step& step) {
  const std::uint64_t id = step.number("slot"), recorded = step.number("bitmap");
  const std::uint64_t arguments[] = {id};
  const std::string rc = vm_.call("script_get_dirty_log", arguments);
  ++verdict_.compared;
  check(step, "rc", step.text("rc"), rc);
  const auto found = vm_.bitmap().find(0);
  std::uint64_t model = found == vm_.bitmap().end() ? 0 : found->second;
  for (const std::uint64_t page : host_.read_pages[id]) {
    if (page >= 64 || has_bit(recorded, page) || !has_bit(model, page)) continue;
    model &= ~bit(page);
    not_shared(kDirtyByRead);
  }
  check(step, "bitmap", recorded, model);
}

void Replay::ioeventfd(const Step& step) {
  const std::uint64_t arguments[] = {step.number("gpa"), step.number("len")};
  ++verdict_.compared;
  check(step, "rc", step.text("rc"), vm_.call("script_ioeventfd", arguments));
}

void Replay::eventfd_count(const Step& step) {
  ++verdict_.compared;
  check(step, "value", step.number("value"), vm_.take_signals());
}

void Replay::protect(const Step& step, machine::HostProtection protection, HostAccess twin) {
  const std::string name = step.text("backing");
  const std::uint64_t offset = offset_of(step), size = step.number("size");
  if (size > kMostBytes) throw BadStep("a range that large");
  const std::uint64_t arguments[] = {backing(name), offset, size,
                                     static_cast<std::uint64_t>(protection)};
  vm_.call("script_protect", arguments);
  host_.protect(name, offset, size, twin);
}

void Replay::truncate(const Step& step) {
  const std::string name = step.text("backing");
  const std::uint64_t size = step.number("size"), old = sizes_[name];
  if (size >= old) return;
  const std::uint64_t arguments[] = {
      backing(name), size, old - size,
      static_cast<std::uint64_t>(machine::HostProtection::kUnmapped)};
  vm_.call("script_protect", arguments);
  host_.protect(name, size, old - size, HostAccess::kNone);
}

void Replay::discard(const Step& step) {
  const std::uint64_t size = step.number("size");
  if (size > kMostBytes) throw BadStep("a range that large");
  const std::string name = step.text("backing");
  const std::uint64_t arguments[] = {backing(name), offset_of(step), size};
  if (private_[name]) vm_.call("script_discard", arguments);
}

void Replay::capability(const Step& step) {
  const std::string name = step.text("name");
  const std::string key = step.has("vm") ? "vm" : "value";
  if (name != "KVM_CAP_READONLY_MEM" && name != "KVM_CAP_NR_MEMSLOTS") {
    return not_shared(kCapabilities);
  }
  ++verdict_.compared;
  check(step, key, step.number(key),
        name == "KVM_CAP_NR_MEMSLOTS" ? nptsim::kvm::kUserSlots : vm_.readonly_mem());
}

const std::map<std::string, Replay::Do>& Replay::operations() {
  static const std::map<std::string, Do> kOperations = {
      {"note", &Replay::note},
      {"backing", &Replay::make_backing},
      {"write_backing", &Replay::write_backing},
      {"write_u64", &Replay::write_u64},
      {"zero_backing", &Replay::zero_backing},
      {"host_write", &Replay::host_write},
      {"peek", &Replay::peek},
      {"peek_u64", &Replay::peek_u64},
      {"peek_ram", &Replay::peek_ram},
      {"set_slot", &Replay::set_slot},
      {"set_slot_raw", &Replay::set_slot},
      {"set_slot2", &Replay::set_slot},
      {"set_cr3", &Replay::set_cr3},
      {"access", &Replay::access},
      {"dirty_log", &Replay::dirty_log},
      {"ioeventfd", &Replay::ioeventfd},
      {"eventfd_count", &Replay::eventfd_count},
      {"mprotect_rw", &Replay::protect_rw},
      {"mprotect_read", &Replay::protect_read},
      {"mprotect_none", &Replay::protect_none},
      {"munmap", &Replay::unmap},
      {"ftruncate", &Replay::truncate},
      {"madvise_dontneed", &Replay::discard},
      {"cap", &Replay::capability},
      {"create_vm", &Replay::create_vm},
      {"create_guest_memfd", &Replay::guest_memfd},
      {"fill", &Replay::guest_memfd},
      {"peek_memfd", &Replay::guest_memfd},
      {"set_memory_attributes", &Replay::attributes},
  };
  return kOperations;
}

// A key that nobody reads would be a part of the case that is left out.
void check_keys(const Step& step) {
  static const std::set<std::string> kKnown = {
      "op",       "name",    "size",   "fill", "fill_byte", "private", "memfd",   "map",     "slot",
      "flags",    "gpa",     "uaddr",  "rc",   "value",     "id",      "system",  "vm",      "type",
      "backing",  "offset",  "bytes",  "text", "kind",      "exits",   "nexits",  "end",     "rax",
      "suberror", "rip_adv", "newval", "zf",   "rcx",       "rsi_adv", "rdi_adv", "rsp_adv", "src",
      "count",    "df",      "bitmap", "len",  "attributes"};
  for (const std::string& key : step.keys()) {
    if (!kKnown.contains(key)) throw BadStep("key " + yaml::quote(key) + " of " + step.op());
  }
}

Verdict Replay::run() {
  for (const Step& step : case_.steps) {
    const auto found = operations().find(step.op());
    try {
      if (found == operations().end()) throw BadStep("op " + yaml::quote(step.op()));
      check_keys(step);
      (this->*found->second)(step);
    } catch (const std::exception& bad) {
      // What follows depends on a step that was not done.
      ++verdict_.unknown[bad.what()];
      break;
    }
  }
  return std::move(verdict_);
}

}  // namespace

const std::vector<NotShared>& not_shared_reasons() {
  static const std::vector<NotShared> kReasons = {
      {kHostMapping,
       "the host's mapping forbids the access: the recorder's emulator falls back to MMIO, a "
       "nested "
       "fault ends KVM_RUN with EFAULT, which is what the model is held to"},
      {kDirtyByRead,
       "the first read of a page that logs maps it writable and marks it; the emulator marks "
       "writes "
       "only"},
      {kSmmSlots,
       "the recorded kernel was built without SMM, so it has one address space; the modelled one "
       "has "
       "two"},
      {kGuestMemfd,
       "files behind slots are not replayed; scenarios/mmio/guest-memfd-slots.yaml claims what the "
       "calls answer"},
      {kOldIoctl,
       "a script calls KVM_SET_USER_MEMORY_REGION2, which knows one flag more than the recorded "
       "call"},
      {kCapabilities,
       "answers of KVM_CHECK_EXTENSION are not modelled, but for KVM_CAP_READONLY_MEM and "
       "KVM_CAP_NR_MEMSLOTS"},
      {kVmTypes,
       "the recorded host has no SEV; the types that a host offers are rows of create_vm"},
      {kAttributes,
       "KVM_SET_MEMORY_ATTRIBUTES is not replayed; scenarios/snp/attributes.yaml claims what it "
       "answers"},
  };
  return kReasons;
}

Verdict replay(const Case& one) { return Replay(one).run(); }

void add(CaseTally& tally, const Case& one, const Verdict& verdict) {
  for (Count* count : {&tally.all, &tally.by_group[one.group]}) {
    ++count->cases;
    if (!verdict.differences.empty()) {
      ++count->differ;
    } else if (!verdict.unknown.empty()) {
      ++count->unknown;
    } else if (verdict.not_shared.empty()) {
      ++count->match;
    } else {
      ++(verdict.compared == 0 ? count->nothing : count->partly);
    }
  }
  tally.steps += verdict.compared;
  for (const auto& [reason, steps] : verdict.not_shared) {
    tally.not_shared[one.group][reason] += steps;
    tally.not_shared_steps += steps;
  }
  for (const auto& [what, times] : verdict.unknown) tally.unknown[what] += times;
  std::vector<std::string>& first = tally.first_differences[one.group];
  if (verdict.differences.empty() || first.size() >= CaseTally::kFirst) return;
  first.push_back(one.id + ": " + verdict.differences.front());
}

CaseTally replay(const CaseFile& file) {
  CaseTally tally;
  for (const Case& one : file.cases) add(tally, one, replay(one));
  return tally;
}

std::string report(const CaseTally& tally) {
  std::string text = fmt::format("{:<10} {:>6} {:>6} {:>7} {:>8} {:>7} {:>8}\n", "group", "cases",
                                 "match", "partly", "nothing", "unknown", "differ");
  const auto line = [&](const std::string& name, const Count& c) {
    text += fmt::format("{:<10} {:>6} {:>6} {:>7} {:>8} {:>7} {:>8}\n", name, c.cases, c.match,
                        c.partly, c.nothing, c.unknown, c.differ);
  };
  for (const auto& [group, count] : tally.by_group) line(group, count);
  line("all", tally.all);
  text += fmt::format("{} steps compared, {} not shared\n", tally.steps, tally.not_shared_steps);
  for (const auto& [group, reasons] : tally.not_shared) {
    for (const auto& [reason, steps] : reasons) {
      text += fmt::format("not shared: {} {}: {} steps\n", group, reason, steps);
    }
  }
  for (const NotShared& reason : not_shared_reasons()) {
    text += fmt::format("  {}: {}\n", reason.name, reason.why);
  }
  for (const auto& [what, times] : tally.unknown) {
    text += fmt::format("unknown: {} ({} times)\n", what, times);
  }
  for (const auto& [group, list] : tally.first_differences) {
    for (const std::string& difference : list) text += fmt::format("differs: {}\n", difference);
  }
  return text;
}

}  // namespace nptsim::oracle::kvm
