#include "sim/scenario/canonical.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "sim/scenario/settings.h"
#include "sim/yaml/number.h"

namespace nptsim::scenario {
namespace {

using SortedJson = nlohmann::json;  // its objects are sorted by key

// Values of parameters are texts here: only the models know which are numbers or flags.
std::string plain_value(const std::string& text) {
  if (const auto number = yaml::parse_number(text)) return std::to_string(number.value());
  if (text == "on" || text == "true") return "yes";
  if (text == "off" || text == "false") return "no";
  return text;
}

std::string hex_bytes(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

template <class T>
void put(SortedJson& out, const char* key, const T& value, const T& usual) {
  if (value != usual) out[key] = value;
}

void put(SortedJson& out, const char* key, SortedJson value) {
  if (!value.empty()) out[key] = std::move(value);
}

void put(SortedJson& out, const char* key, const Text& text, const Text& usual) {
  put(out, key, text.value, usual.value);
}

void put(SortedJson& out, const char* key, const std::optional<Number>& number) {
  if (number) out[key] = number->value;
}

SortedJson text_list(const std::vector<Text>& list) {
  SortedJson out = SortedJson::array();
  for (const Text& text : list) out.push_back(text.value);
  return out;
}

template <class T>
SortedJson all(const std::vector<T>& list, SortedJson (*one)(const T&)) {
  SortedJson out = SortedJson::array();
  for (const T& item : list) out.push_back(one(item));
  return out;
}

SortedJson machine(const Machine& m) {
  static const Machine kUsual;
  SortedJson out = SortedJson::object();
  put(out, "cpu", m.cpu, kUsual.cpu);
  put(out, "vm", m.vm, kUsual.vm);
  put(out, "kernel", m.kernel, kUsual.kernel);
  put(out, "vmm", m.vmm, kUsual.vmm);
  put(out, "guest", m.guest, kUsual.guest);
  put(out, "firmware", m.firmware, kUsual.firmware);
  put(out, "board", m.board, kUsual.board);
  put(out, "vcpus", m.vcpus.value, kUsual.vcpus.value);
  put(out, "vmpl", m.vmpl.value, kUsual.vmpl.value);
  put(out, "apply", text_list(m.apply));
  return out;
}

SortedJson contents(const Contents& c) {
  return {{"offset", c.offset}, {"bytes", hex_bytes(c.bytes)}};
}

SortedJson region(const Region& r) {
  static const Region kUsual;
  SortedJson out = {{"name", r.name.value}, {"gpa", r.gpa.value}, {"size", r.size}};
  put(out, "device", static_cast<int>(r.device), static_cast<int>(kUsual.device));
  put(out, "model", r.model, kUsual.model);
  put(out, "romd", r.romd, kUsual.romd);
  put(out, "read_only_drive", r.read_only_drive, kUsual.read_only_drive);
  put(out, "secure", r.secure, kUsual.secure);
  put(out, "width", r.width, kUsual.width);
  put(out, "device_width", r.device_width, kUsual.device_width);
  put(out, "sector", r.sector, kUsual.sector);
  put(out, "ids", SortedJson(r.idents));
  put(out, "launch", static_cast<int>(r.launch), static_cast<int>(kUsual.launch));
  put(out, "host_page", r.host_page, kUsual.host_page);
  if (r.fill) out["fill"] = *r.fill;
  put(out, "contents", all(r.contents, contents));
  return out;
}

SortedJson rights(const Rights& r) {
  return std::string(r.present ? "p" : "") + (r.write ? "w" : "") + (r.execute ? "x" : "") +
         (r.user ? "u" : "");
}

SortedJson map_entry(const MapEntry& e) {
  static const MapEntry kUsual;
  SortedJson out = {{"gva", e.gva.value}, {"gpa", e.gpa.value}, {"size", e.size}};
  put(out, "page", e.page, kUsual.page);
  if (e.c_bit) out["c_bit"] = *e.c_bit;
  if (e.rights != kUsual.rights) out["rights"] = rights(e.rights);
  return out;
}

SortedJson argument(const Argument& a) {
  return a.is_number ? SortedJson(a.number) : SortedJson(a.text);
}

SortedJson program_line(const ProgramLine& line) {
  if (line.kind == ProgramLine::Kind::kInstruction) return normal_line(line.text);
  const Directive& d = line.directive;
  SortedJson out = {{"directive", static_cast<int>(d.kind)}};
  put(out, "name", d.name, std::string());
  put(out, "arguments", all(d.arguments, argument));
  put(out, "size", d.size, 0u);
  put(out, "register", d.reg, std::string());
  put(out, "relation", d.relation, std::string());
  return out;
}

// Without the notes of place, so that a text form and a list form are the same program.
SortedJson programs(const std::map<unsigned, Program>& list) {
  SortedJson out = SortedJson::object();
  for (const auto& [vcpu, program] : list) {
    out[std::to_string(vcpu)] = all(program.lines, program_line);
  }
  return out;
}

SortedJson place(const Place& p) { return {{"region", p.region}, {"offset", p.offset}}; }

SortedJson operation(const Operation& o) {
  SortedJson out = {{"name", o.name.value}, {"kernel", o.kernel_address}, {"bytes", o.bytes}};
  for (const auto& [name, number] : o.numbers) out[name] = number.value;
  if (o.backing) out["backing"] = place(*o.backing);
  if (o.from) out["from"] = place(*o.from);
  if (o.guest_memfd) out["guest_memfd"] = place(*o.guest_memfd);
  put(out, "other_file", o.other_file, false);
  put(out, "protection", SortedJson(o.protection));
  put(out, "command", SortedJson(o.command));
  put(out, "type", SortedJson(o.type));
  SortedJson flags = text_list(o.flags);
  std::sort(flags.begin(), flags.end());
  put(out, "flags", flags);
  return out;
}

SortedJson act(const Act& a) {
  SortedJson out = {{"actor", a.actor.value}, {"words", a.words}};
  if (a.operation) out["operation"] = operation(*a.operation);
  if (a.at_label) out["at"] = std::to_string(a.at_vcpu) + "." + *a.at_label;
  return out;
}

SortedJson nested_entry(const NestedEntry& e) {
  SortedJson out = {{"gpa", e.gpa.value}, {"level", e.level}, {"rights", rights(e.rights)}};
  if (e.to) out["to"] = place(*e.to);
  put(out, "set_bits", SortedJson(e.set_bits));
  return out;
}

SortedJson vmpl_masks(const std::map<unsigned, VmplMask>& masks) {
  SortedJson out = SortedJson::object();
  for (const auto& [level, m] : masks) {
    out[std::to_string(level)] = std::string(m.read ? "r" : "") + (m.write ? "w" : "") +
                                 (m.execute_user ? "u" : "") + (m.execute_supervisor ? "s" : "");
  }
  return out;
}

SortedJson page_range(const PageRange& r) {
  SortedJson out = {{"gpa", r.gpa.value}, {"size", r.size}, {"state", static_cast<int>(r.state)}};
  if (r.rmp) out["rmp"] = *r.rmp;
  put(out, "vmpl", vmpl_masks(r.vmpl));
  return out;
}

SortedJson rmp_entry(const RmpEntry& e) {
  SortedJson out = {
      {"spa", place(e.spa)}, {"page", e.page}, {"gpa", e.gpa.value}, {"asid", e.asid}};
  put(out, "assigned", e.assigned, false);
  put(out, "validated", e.validated, false);
  put(out, "immutable", e.immutable, false);
  put(out, "vmsa", e.vmsa, false);
  put(out, "vmpl", vmpl_masks(e.vmpl));
  return out;
}

SortedJson attribute_range(const AttributeRange& r) {
  return {{"gpa", r.gpa.value}, {"size", r.size}, {"private", r.is_private}};
}

SortedJson slot(const Slot& s) {
  SortedJson out = {
      {"id", s.id}, {"gpa", s.gpa.value}, {"size", s.size}, {"backing", place(s.backing)}};
  std::vector<std::string> flags = s.flags;
  std::sort(flags.begin(), flags.end());
  put(out, "flags", SortedJson(flags));
  return out;
}

SortedJson host_range(const HostRange& r) {
  return {
      {"region", r.region}, {"offset", r.offset}, {"size", r.size}, {"protection", r.protection}};
}

SortedJson vector(const Vector& v) {
  return {{"number", v.number}, {"handler", v.handler}, {"vcpu", v.label_vcpu}};
}

SortedJson control_register(const ControlRegister& reg) {
  SortedJson out = SortedJson::object();
  if (reg.value) out["value"] = *reg.value;
  put(out, "bits", SortedJson(reg.bits));
  return out;
}

SortedJson cpu_start(const CpuStart& cpu) {
  SortedJson out = SortedJson::object();
  if (cpu.mode) out["mode"] = *cpu.mode;
  if (cpu.cpl) out["cpl"] = *cpu.cpl;
  for (const auto& [name, value] : cpu.registers) out["registers"][name] = value.value;
  for (const auto& [name, reg] : cpu.control) out["control"][name] = control_register(reg);
  put(out, "tlb", all(cpu.tlb, map_entry));
  return out;
}

SortedJson answer(const Answer& a) {
  SortedJson out = {{"size", a.size}, {"access", a.access}, {"then", a.then.value}};
  put(out, "exit", a.exit, Text{});
  put(out, "ioctl", a.ioctl, Text{});
  if (a.gpa) out["gpa"] = a.gpa->value;
  for (const Text& word : a.error) out["error"].push_back(word.value);
  put(out, "times", a.times.value, std::uint64_t{0});
  return out;
}

SortedJson ghcb_start(const GhcbStart& ghcb) {
  SortedJson out = SortedJson::object();
  put(out, "registered", ghcb.registered, true);
  if (ghcb.version) out["version"] = *ghcb.version;
  put(out, "gpa", ghcb.gpa);
  return out;
}

SortedJson vmsa_start(const VmsaStart& vmsa) {
  SortedJson out = SortedJson::object();
  put(out, "features", text_list(vmsa.features));
  put(out, "vtom", vmsa.vtom);
  put(out, "asid", vmsa.asid);
  return out;
}

SortedJson start(const Start& s) {
  SortedJson out = SortedJson::object();
  put(out, "begin", static_cast<int>(s.begin), static_cast<int>(Begin::kRunning));
  put(out, "warm", s.npt.warm, true);
  put(out, "npt", all(s.npt.entries, nested_entry));
  put(out, "pages", all(s.pages, page_range));
  put(out, "rmp", all(s.rmp, rmp_entry));
  if (s.attributes) out["attributes"] = all(*s.attributes, attribute_range);
  if (s.slots) out["slots"] = all(*s.slots, slot);
  put(out, "generation", s.generation);
  for (const Number& page : s.write_tracked) out["write_tracked"].push_back(page.value);
  put(out, "host", all(s.host, host_range));
  put(out, "vectors", all(s.vectors, vector));
  put(out, "cpu", cpu_start(s.cpu));
  for (const auto& [index, cpu] : s.vcpu) out["vcpu"][std::to_string(index)] = cpu_start(cpu);
  put(out, "vmsa", vmsa_start(s.vmsa));
  if (!s.firmware.fails.empty()) out["firmware"]["fails"] = text_list(s.firmware.fails);
  put(out, "ghcb", ghcb_start(s.ghcb));
  put(out, "answers", all(s.answers, answer));
  return out;
}

SortedJson virtual_machine(const Vm& vm) {
  SortedJson out = SortedJson::object();
  put(out, "machine", machine(vm.machine));
  put(out, "memory", all(vm.memory, region));
  put(out, "map", all(vm.map, map_entry));
  put(out, "program", programs(vm.programs));
  put(out, "start", start(vm.start));
  for (const auto& [name, address] : vm.place) out["place"][name] = address.value;
  return out;
}

SortedJson setting_values(const Setting& setting) {
  SortedJson out = SortedJson::array();
  for (const Text& value : setting.values) out.push_back(plain_value(value.value));
  return out.size() == 1 ? out[0] : out;
}

SortedJson choices(const std::vector<Choice>& list) {
  SortedJson out = SortedJson::object();
  for (const Choice& choice : list) {
    SortedJson& one = out[choice.key.value];
    for (const Text& value : choice.values) one["values"].push_back(plain_value(value.value));
    if (choice.at_label) one["at"] = std::to_string(choice.at_vcpu) + "." + *choice.at_label;
  }
  return out;
}

}  // namespace

std::string canonical_form(const Scenario& scenario) {
  SortedJson out = {{"nptsim", 1}};
  put(out, "vm", virtual_machine(scenario.vm));
  for (const Vm& vm : scenario.vms) out["vms"][vm.name] = virtual_machine(vm);
  // Values for other places are there already, unless they are many.
  for (const Setting& setting : scenario.set) {
    if (!setting.is_list && place_of_setting(setting.key.value) != SettingPlace::kModel) continue;
    out["set"][setting.key.value] = setting_values(setting);
  }
  put(out, "script", all(scenario.script, act));
  if (scenario.explore) {
    put(out, "may", all(scenario.explore->may, act));
    put(out, "choose", choices(scenario.explore->choose));
  }
  return out.dump(-1, ' ', false, SortedJson::error_handler_t::replace);
}

std::string scenario_hash(const Scenario& scenario) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : canonical_form(scenario)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(hash >> shift) & 15];
  return text;
}

}  // namespace nptsim::scenario
