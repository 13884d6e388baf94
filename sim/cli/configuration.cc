#include "sim/cli/configuration.h"

#include <fmt/format.h>

#include <map>
#include <string>

#include "sim/cli/root.h"
#include "sim/report/text.h"
#include "sim/yaml/load.h"

namespace nptsim::cli {
namespace {

using report::ConfigRow;
using report::ConfigSection;

// Longer maps of a guest's tables say nothing more.
constexpr std::size_t kMostRows = 24;

class Describer {
 public:
  Describer(const scenario::Scenario& point, const machine::Setup& setup, models::Library& library)
      : point_(point), setup_(setup), library_(library) {}

  std::vector<ConfigSection> describe() {
    return {machine(), processor(), settings(), memory(), map()};
  }

 private:
  // The scenario's own file is named above the story.
  std::string place(const SourcePos& pos) const {
    if (pos.file == point_.pos.file) return fmt::format("line {}", pos.line);
    SourcePos shown = pos;
    shown.file = without_root(shown.file, library_.root());
    return to_string(shown);
  }
  std::string origin(const SourcePos& pos, const std::string& otherwise = "default") const {
    return pos.line > 0 ? place(pos) : otherwise;
  }
  const scenario::Setting* setting(const std::string& key) const {
    for (const scenario::Setting& one : point_.set) {
      if (one.key.value == key) return &one;
    }
    return nullptr;
  }

  ConfigSection machine();
  ConfigSection processor();
  ConfigSection settings();
  ConfigSection memory();
  ConfigSection map();
  void add_program(const rules::Program* program, const std::string& asked_for,
                   ConfigSection& section);
  std::map<std::string, std::string> defaults_of(rules::ModelKind kind, const std::string& name);

  const scenario::Scenario& point_;
  const machine::Setup& setup_;
  models::Library& library_;
};

ConfigSection Describer::machine() {
  const scenario::Machine& machine = point_.vm.machine;
  ConfigSection section{"Machine", {}};
  const auto add = [&](const char* name, const scenario::Text& text, const std::string& really) {
    std::string value = text.value;
    if (!really.empty() && really != value) value += value.empty() ? really : " = " + really;
    if (!value.empty()) section.rows.push_back({name, value, origin(text.pos)});
  };
  const auto name_of = [](const auto& program) {
    return program == nullptr ? std::string() : program->name();
  };
  add("cpu", machine.cpu, setup_.cpu.title);
  add("vm", machine.vm, "");
  add("kernel", machine.kernel, name_of(setup_.kernel));
  add("vmm", machine.vmm, name_of(setup_.vmm));
  add("guest", machine.guest, name_of(setup_.guest));
  add("firmware", machine.firmware, "");
  add("board", machine.board, "");
  section.rows.push_back(
      {"vcpus", fmt::format("{}", machine.vcpus.value), origin(machine.vcpus.pos)});
  for (const scenario::Text& overlay : machine.apply) add("apply", overlay, "");
  return section;
}

// The values that decide what is reserved and where the key bit is.
ConfigSection Describer::processor() {
  const svm::CpuProfile& cpu = setup_.cpu;
  std::map<std::string, std::string> sources;
  const auto documents = yaml::load_file(library_.root() + "/models/cpu/" + cpu.name + ".yaml");
  if (documents.ok() && documents.value().size() == 1) {
    for (const yaml::MapEntry& entry : documents.value()[0].entries) {
      if (const yaml::Node* source = entry.value.find("source")) {
        sources[entry.key.text] = source->text;
      }
    }
  }
  ConfigSection section{"Processor", {}};
  const auto add = [&](const std::string& name, const std::string& value) {
    const scenario::Setting* set = setting("cpu." + name);
    section.rows.push_back({name, value, set != nullptr ? place(set->key.pos) : sources[name]});
  };
  add("maxphyaddr", fmt::format("{}", cpu.maxphyaddr));
  add("reduction", fmt::format("{}", cpu.reduction));
  if (cpu.c_bit) add("c_bit", fmt::format("{}", *cpu.c_bit));
  add("memory_encryption", cpu.memory_encryption ? "on" : "off");
  section.rows.push_back({"reserved in nested entries",
                          "bits " + fmt::format("{}:{}", 51, cpu.host_width()),
                          "follows from these"});
  if (cpu.host_reserved_address() == 0) section.rows.back().value = "no address bits";
  return section;
}

// By name: where a parameter or capability has its default.
std::map<std::string, std::string> Describer::defaults_of(rules::ModelKind kind,
                                                          const std::string& name) {
  std::vector<rules::Spelled> overlays;
  for (const scenario::Text& overlay : point_.vm.machine.apply) {
    overlays.push_back({overlay.value, overlay.pos});
  }
  std::map<std::string, std::string> places;
  const auto model = library_.model(kind, {name, {}}, overlays);
  if (!model.ok()) return places;
  for (const rules::Param& param : model.value().params) {
    places[param.name.text] = "default, " + place(param.origin.pos);
  }
  for (const rules::Capability& capability : model.value().capabilities) {
    places[capability.name.text] =
        "for vm type " + setup_.kernel_vm_type + ", " + place(capability.origin.pos);
  }
  return places;
}

void Describer::add_program(const rules::Program* program, const std::string& asked_for,
                            ConfigSection& section) {
  if (program == nullptr) return;
  const auto defaults = defaults_of(program->kind(), asked_for);
  const std::string prefix = std::string(rules::name_of(program->kind())) + ".";
  for (const rules::FactInfo& fact : program->facts()) {
    if (fact.kind != rules::FactKind::kParam && fact.kind != rules::FactKind::kCapability) continue;
    const auto value = program->setting(fact.name);
    const scenario::Setting* set = setting(prefix + fact.name);
    const auto found = defaults.find(fact.name);
    std::string from = found == defaults.end() ? "default" : found->second;
    if (set != nullptr) from = place(set->key.pos);
    section.rows.push_back({prefix + fact.name, std::string(value.value_or("")), from});
  }
}

ConfigSection Describer::settings() {
  ConfigSection section{"Settings", {}};
  const scenario::Machine& machine = point_.vm.machine;
  add_program(setup_.kernel.get(), machine.kernel.value, section);
  add_program(setup_.vmm.get(), machine.vmm.value, section);
  add_program(setup_.guest.get(), machine.guest.value, section);
  return section;
}

const char* kind_text(machine::RegionKind kind) {
  switch (kind) {
    case machine::RegionKind::kRam:
      return "RAM";
    case machine::RegionKind::kRom:
      return "ROM";
    case machine::RegionKind::kPflash:
      return "flash chip";
    case machine::RegionKind::kIo:
      return "device registers, no memory";
    case machine::RegionKind::kNvm:
      return "nRF51 non-volatile memory";
    case machine::RegionKind::kNvmc:
      return "registers of the nRF51 non-volatile memory";
    case machine::RegionKind::kIsaBios:
      return "the end of the firmware once more, alias or copy";
  }
  return "";
}

ConfigSection Describer::memory() {
  ConfigSection section{"Memory that the VMM is told of", {}};
  for (const machine::Region& region : setup_.regions) {
    std::string value = fmt::format("{} to {}, {}, {}", hex(region.gpa.value),
                                    hex(region.gpa.value + region.size - 1),
                                    report::size_text(region.size), kind_text(region.kind));
    if (region.kind == machine::RegionKind::kPflash) {
      value += region.romd ? ", romd mode: reads are memory" : ", mmio mode: every access exits";
    }
    if (region.read_only_drive) value += ", read-only drive";
    if (region.secure) value += ", secure";
    if (region.bank_width != 1) value += fmt::format(", width {}", region.bank_width);
    if (region.device_width != 0) value += fmt::format(" of {}", region.device_width);
    if (region.launch_encrypted) value += ", encrypted at launch";
    section.rows.push_back({region.name, value, ""});
  }
  return section;
}

ConfigSection Describer::map() {
  ConfigSection section{"The guest's own tables, beside the identity map", {}};
  for (const scenario::MapEntry& entry : point_.vm.map) {
    if (section.rows.size() == kMostRows) {
      section.rows.push_back({"...", fmt::format("{} more", point_.vm.map.size() - kMostRows), ""});
      break;
    }
    std::string value = fmt::format("gpa {}, {} in pages of {}", hex(entry.gpa.value),
                                    report::size_text(entry.size), report::size_text(entry.page));
    if (entry.c_bit) value += *entry.c_bit ? ", private" : ", shared";
    value += entry.rights.present ? "" : ", not present";
    if (entry.rights.present) value += entry.rights.write ? ", rw" : ", read-only";
    section.rows.push_back({"gva " + hex(entry.gva.value), value, origin(entry.pos)});
  }
  return section;
}

}  // namespace

std::vector<ConfigSection> configuration_of(const scenario::Scenario& point,
                                            const machine::Setup& setup, models::Library& library) {
  return Describer(point, setup, library).describe();
}

}  // namespace nptsim::cli
