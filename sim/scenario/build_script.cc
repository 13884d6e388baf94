// `script:`: what the VMM's main thread does while the vCPUs run.
#include <algorithm>
#include <map>

#include "models/common/kvm_uapi.h"
#include "models/vmm/bare/model.h"
#include "sim/scenario/build_parts.h"
#include "sim/yaml/number.h"

namespace nptsim::scenario::building {
namespace {

constexpr char kScriptPrefix[] = "script_";
constexpr std::uint64_t kMostOffset = 1ull << 43;  // in a backing; what a slot can have

// Operations on a region are told its number and nothing else.
bool is_about_region(const rules::Exported& exported) {
  return exported.locals == std::vector<std::string>{"region"};
}

// `romd-on` in a line of words is the procedure script_romd_on, `set_slot` in a map
// script_set_slot.
std::string word_of(const rules::Exported& exported) {
  std::string name = exported.name.substr(sizeof kScriptPrefix - 1);
  if (is_about_region(exported)) std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

// In the order of svm::SnpPageType.
constexpr std::string_view kPageTypes[] = {"reserved",   "normal",  "vmsa", "zero",
                                           "unmeasured", "secrets", "cpuid"};

// 0 for a word that is not said; the schema lets no other through.
template <std::size_t kCount>
std::uint64_t index_of(const std::string_view (&words)[kCount], const std::string& word) {
  const auto found = std::find(std::begin(words), std::end(words), word);
  return found == std::end(words) ? 0 : static_cast<std::uint64_t>(found - std::begin(words));
}

class ScriptReader {
 public:
  explicit ScriptReader(Plan& plan) : plan_(plan) {}

  void read(const Act& act) {
    if (act.actor.value != "vmm") {
      plan_.report(act.actor.pos, "acts of '" + act.actor.value + "' are not modelled yet", "vmm");
      return;
    }
    machine::ScriptAct out;
    out.text = "vmm: " + act.text.value;
    const bool good = act.operation ? read_operation(*act.operation, out) : read_words(act, out);
    if (good && place(act, out)) plan_.setup.script.push_back(std::move(out));
  }

 private:
  bool find(const Text& text, const std::string& word, bool about_region,
            rules::ProcedureId& procedure) {
    const models::LoadedModel& vmm = plan_.stack->vmm;
    std::vector<std::string> known;
    for (const rules::Exported& exported : vmm.exported) {
      if (!exported.name.starts_with(kScriptPrefix)) continue;
      if (is_about_region(exported) != about_region) continue;
      known.push_back(word_of(exported));
      if (known.back() == word) procedure = *vmm.program->find_procedure(exported.name);
    }
    if (std::find(known.begin(), known.end(), word) != known.end()) return true;
    plan_.diagnostics.push_back(
        unknown_word(text.pos, "operation of the VMM '" + vmm.name + "'", word, known));
    return false;
  }

  // `flash.mode romd-on`; what stands behind the dot is for people.
  bool read_words(const Act& act, machine::ScriptAct& out) {
    if (act.words.size() != 2) {
      plan_.report(act.text.pos, "'" + act.text.value + "' is no operation of a VMM",
                   "REGION.mode OPERATION, like flash.mode romd-on");
      return false;
    }
    const bool known = find(act.text, act.words[1], true, out.procedure);
    const auto region = region_of(act.text.pos, act.words[0].substr(0, act.words[0].find('.')));
    if (!known || !region) return false;
    out.arguments = {*region};
    return true;
  }

  std::optional<std::uint64_t> region_of(const SourcePos& pos, const std::string& name) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < plan_.setup.regions.size(); ++i) {
      names.push_back(plan_.setup.regions[i].name);
      if (names.back() == name) return i;
    }
    plan_.diagnostics.push_back(unknown_word(pos, "region", name, names));
    return std::nullopt;
  }

  // The procedure's locals by their names.
  bool read_operation(const Operation& operation, machine::ScriptAct& out) {
    if (!find(operation.name, operation.name.value, false, out.procedure)) return false;
    const bool raw = is_raw(operation);
    if (!(raw ? read_pages(operation) : read_backing(operation)) || !read_flags(operation) ||
        !read_guest_memfd(operation)) {
      return false;
    }
    std::uint64_t data = 0;
    for (std::size_t i = 0; i < operation.bytes.size() && i < 8; ++i) {
      data |= std::uint64_t{operation.bytes[i]} << (8 * i);
    }
    if (operation.bytes.size() > 8) {
      plan_.report(operation.name.pos, "more bytes than one store has", "one to eight bytes");
      return false;
    }
    std::map<std::string, std::uint64_t> values = {
        {"backing", backing_},
        {"offset", offset_},
        {"flags", flags_},
        {"from_backing", from_backing_},
        {"from_offset", from_offset_},
        {"data", data},
        {"command", index_of(kFirmwareCommands, operation.command)},
        {"type", index_of(kPageTypes, operation.type)},
        {"policy", kvm_uapi::snp_start::kUsualPolicy},
        {"gmem", gmem_},
        {"gmem_offset", gmem_offset_}};
    if (const auto protection = host_protection(operation.protection)) {
      values["protection"] = static_cast<std::uint64_t>(*protection);
    }
    if (!operation.bytes.empty()) values["size"] = operation.bytes.size();
    for (const auto& [name, number] : operation.numbers) values[name] = number.value;
    for (const std::string& local : plan_.stack->vmm.program->locals_of(out.procedure)) {
      out.arguments.push_back(values[local]);
    }
    return true;
  }

  bool read_backing(const Operation& operation) {
    backing_ = operation.kernel_address ? bare::kNoUserAddress : machine::kNoBacking;
    offset_ = 0;
    if (!operation.backing) return true;
    const Place& place = *operation.backing;
    const auto region = region_of(place.pos, place.region);
    if (!region) return false;
    backing_ = plan_.setup.regions[*region].backing;
    offset_ = place.offset;
    if (backing_ != machine::kNoBacking && fits(operation, *region)) return true;
    plan_.report(place.pos, "not in the memory of a region, or not whole pages of it",
                 "a region with memory, or a region and an offset like ram+0x1000");
    return false;
  }

  bool read_guest_memfd(const Operation& operation) {
    gmem_ = operation.other_file ? kvm_uapi::region::kOtherFile : kvm_uapi::region::kClosedFile;
    gmem_offset_ = 0;
    if (!operation.guest_memfd) return true;
    const auto region = region_of(operation.guest_memfd->pos, operation.guest_memfd->region);
    if (!region) return false;
    gmem_ = machine::kFirstGmem + *region + 1;
    gmem_offset_ = operation.guest_memfd->offset;
    return true;
  }

  // On pages of the host, by their address or in a region.
  static bool is_raw(const Operation& operation) {
    static constexpr std::string_view kRaw[] = {
        "host_write", "host_read", "device_write", "device_read", "copy_page",
        "map_page",   "rmpupdate", "psmash",       "rmpread",     "firmware"};
    return std::find(std::begin(kRaw), std::end(kRaw), operation.name.value) != std::end(kRaw);
  }

  bool read_pages(const Operation& operation) {
    from_backing_ = machine::kNoBacking, from_offset_ = 0;
    const bool good = read_page(*operation.backing, backing_, offset_);
    return good && (!operation.from || read_page(*operation.from, from_backing_, from_offset_));
  }

  bool read_page(const Place& place, std::uint64_t& backing, std::uint64_t& offset) {
    backing = machine::kNoBacking;
    offset = place.offset;
    if (place.region.empty()) return true;
    const auto region = region_of(place.pos, place.region);
    if (!region) return false;
    backing = plan_.setup.regions[*region].backing;
    if (backing != machine::kNoBacking && place.offset < plan_.setup.regions[*region].size) {
      return true;
    }
    plan_.report(place.pos, "not in the memory of a region",
                 "a host address, or a region and an offset like ram+0x1000");
    return false;
  }

  // The words of an operation that is no slot's.
  static std::optional<std::uint64_t> flag_of(const Operation& operation, const std::string& word) {
    const std::string& name = operation.name.value;
    if (name == "set_attributes" && word == "private") return 1;
    if (name == "fallocate" && word == "punch_hole") return 1;
    if (name == "fallocate" && word == "keep_size") return 2;
    if (name == "host_write" && word == "kernel") return 8;
    if (name.starts_with("snp_launch")) {
      const auto number = yaml::parse_number(word);
      return number.ok() ? std::optional(number.value()) : std::nullopt;
    }
    static constexpr std::string_view kWithSize[] = {"rmpupdate", "map_page", "firmware",
                                                     "device_write", "device_read"};
    if (std::find(std::begin(kWithSize), std::end(kWithSize), name) == std::end(kWithSize)) {
      return std::nullopt;
    }
    if (word == "2M") return 4;
    if (name != "rmpupdate") return std::nullopt;
    if (word == "assigned") return 1;
    if (word == "immutable") return 2;
    return std::nullopt;
  }

  static std::string accepted_flags(const std::string& name) {
    if (name == "rmpupdate") return "assigned, immutable or 2M";
    if (name == "set_attributes") return "private";
    if (name == "fallocate") return "punch_hole or keep_size";
    if (name == "host_write") return "kernel";
    return name.starts_with("snp_launch") ? "numbers" : "2M";
  }

  // What KVM is told may be wrong; a system call on memory is to succeed. (mprotect and madvise of
  // a part of a hugetlbfs page do not: Linux mm/hugetlb.c hugetlb_vm_op_split.)
  bool fits(const Operation& operation, std::size_t index) const {
    const machine::Region& region = plan_.setup.regions[index];
    const std::uint64_t unit = plan_.vm.memory[index].host_page == kSize1G ? kSize1G : kPageSize;
    const std::string& name = operation.name.value;
    if (name == "set_slot" || name == "snp_launch_update") return offset_ < kMostOffset;
    if (name == "fallocate") return region.gmem != machine::kNoBacking;
    if (operation.name.value == "write") return offset_ + operation.bytes.size() <= region.size;
    const std::uint64_t size = operation.numbers.at("size").value;
    return (offset_ | size) % unit == 0 && offset_ <= region.size && size <= region.size - offset_;
  }

  bool read_flags(const Operation& operation) {
    flags_ = 0;
    for (const Text& flag : operation.flags) {
      if (const auto bits = flag_of(operation, flag.value)) {
        flags_ |= *bits;
        continue;
      }
      if (operation.name.value != "set_slot") {
        plan_.report(flag.pos, "flag '" + flag.value + "' of " + operation.name.value,
                     accepted_flags(operation.name.value));
        return false;
      }
      const auto number = yaml::parse_number(flag.value);
      if (flag.value == "log_dirty") {
        flags_ |= 1;
      } else if (flag.value == "readonly") {
        flags_ |= 2;
      } else if (flag.value == "guest_memfd") {
        flags_ |= 4;
      } else if (number.ok()) {
        flags_ |= number.value();
      } else {
        plan_.report(flag.pos, "slot flag '" + flag.value + "'",
                     "readonly, log_dirty, guest_memfd or a number");
        return false;
      }
    }
    return true;
  }

  bool place(const Act& act, machine::ScriptAct& out) {
    if (!act.at_label) return true;
    const auto address = label_address(plan_, act.at_vcpu, *act.at_label);
    if (!address) {
      plan_.report(act.text.pos, "there is no label '" + *act.at_label + "'", "a program's label");
      return false;
    }
    out.at_vcpu = act.at_vcpu;
    out.at_address = *address;
    return true;
  }

  Plan& plan_;
  std::uint64_t backing_ = 0, offset_ = 0, from_backing_ = 0, from_offset_ = 0, flags_ = 0;
  std::uint64_t gmem_ = 0, gmem_offset_ = 0;
};

}  // namespace

void read_script(Plan& plan) {
  ScriptReader reader(plan);
  for (const Act& act : plan.scenario.script) reader.read(act);
}

}  // namespace nptsim::scenario::building
