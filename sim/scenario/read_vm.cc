// `machine:`, `memory:`, `map:`, `program:` and `place:`.
#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "sim/scenario/forms.h"
#include "sim/scenario/read_parts.h"
#include "sim/scenario/values.h"

namespace nptsim::scenario {
namespace {

using yaml::Node;

void take(const Values& values, std::string_view key, Text& out) {
  if (auto text = values.located_text(key)) out = std::move(*text);
}

void take(const Values& values, std::string_view key, Number& out) {
  if (auto number = values.located_number(key)) out = std::move(*number);
}

Machine read_machine(const Node& node) {
  const Values values(node);
  Machine machine;
  take(values, "cpu", machine.cpu);
  take(values, "vm", machine.vm);
  take(values, "kernel", machine.kernel);
  take(values, "vmm", machine.vmm);
  take(values, "guest", machine.guest);
  take(values, "firmware", machine.firmware);
  take(values, "board", machine.board);
  take(values, "vcpus", machine.vcpus);
  take(values, "vmpl", machine.vmpl);
  machine.apply = values.texts("apply");
  return machine;
}

void append_word(std::vector<std::uint8_t>& bytes, std::uint64_t word) {
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
}

Contents read_contents(const Node& node, const std::string& path, Diagnostics& diagnostics) {
  const Values values(node);
  Contents contents;
  contents.pos = node.pos;
  contents.offset = values.number("offset");
  const std::string text = values.text("text");
  contents.bytes.assign(text.begin(), text.end());
  if (const Node* bytes = values.find("bytes")) contents.bytes = parse_bytes(bytes->text).value();
  for (const Node& word : values.items("words")) append_word(contents.bytes, number_of(word));
  const int forms = (values.find("bytes") != nullptr ? 1 : 0) +
                    (values.find("text") != nullptr ? 1 : 0) +
                    (values.find("words") != nullptr ? 1 : 0);
  if (forms != 1 || contents.bytes.empty()) {
    diagnostics.push_back({node.pos, path + " says " + (forms > 1 ? "several things" : "nothing"),
                           "one of bytes, text and words", ""});
  }
  return contents;
}

void read_device(const Values& values, Region& region) {
  const Text device = values.located_text("device").value_or(Text{"ram", {}});
  static const std::map<std::string, Device, std::less<>> kDevices = {
      {"ram", Device::kRam},       {"rom", Device::kRom},         {"pflash", Device::kPflash},
      {"nrf51-nvm", Device::kNvm}, {"nrf51-nvmc", Device::kNvmc}, {"isa-bios", Device::kIsaBios}};
  const auto found = kDevices.find(device.value);
  region.device = found == kDevices.end() ? Device::kIo : found->second;
  if (region.device == Device::kIo && device.value != "io") region.model = device;
}

Region read_region(const yaml::MapEntry& entry, const std::string& path, Diagnostics& diagnostics) {
  const Values values(entry.value);
  Region region;
  region.name = text_of(entry.key);
  region.gpa = GuestPhysAddr(values.number("gpa"));
  region.size = values.number("size");
  read_device(values, region);
  region.romd = values.text("mode", "romd") == "romd";
  region.read_only_drive = values.text("drive", "rw") == "ro";
  region.secure = values.yes_no("secure");
  region.width = static_cast<unsigned>(values.number("width", 1));
  region.device_width = static_cast<unsigned>(values.number("device_width"));
  region.sector = values.number("sector", kPageSize);
  for (const Node& ident : values.items("ids")) region.idents.push_back(number_of(ident));
  const std::string launch = values.text("launch");
  if (launch == "plain") region.launch = Launch::kPlain;
  if (launch == "encrypted") region.launch = Launch::kEncrypted;
  region.host_page = parse_page(values.text("host_page", "4K")).value();
  if (const auto fill = values.located_number("fill")) {
    region.fill = static_cast<std::uint8_t>(fill->value);
  }
  std::size_t index = 0;
  for (const Node& item : values.items("contents")) {
    const std::string where = path + ".contents[" + std::to_string(index++) + "]";
    region.contents.push_back(read_contents(item, where, diagnostics));
  }
  return region;
}

std::vector<Region> read_memory(const Node& node, Diagnostics& diagnostics) {
  std::vector<Region> regions;
  for (const yaml::MapEntry& entry : node.entries) {
    regions.push_back(read_region(entry, "memory." + entry.key.text, diagnostics));
  }
  std::stable_sort(regions.begin(), regions.end(),
                   [](const Region& a, const Region& b) { return a.gpa < b.gpa; });
  return regions;
}

}  // namespace

MapEntry read_map_entry(const Node& node) {
  const Values values(node);
  MapEntry entry;
  entry.pos = node.pos;
  entry.gva = GuestVirtAddr(values.number("gva"));
  entry.gpa = GuestPhysAddr(values.number("gpa"));
  entry.page = parse_page(values.text("page", "4K")).value();
  entry.size = values.number("size", entry.page);
  if (const auto c_bit = values.located_number("c_bit")) entry.c_bit = c_bit->value == 1;
  if (const Node* access = values.find("access")) entry.rights = parse_rights(access->text).value();
  return entry;
}

Vm read_vm(const std::string& name, const Node& node, Diagnostics& diagnostics) {
  static const Node kNothing;
  const auto part = [&node](std::string_view key) -> const Node& {
    const Node* found = node.find(key);
    return found == nullptr ? kNothing : *found;
  };
  Vm vm;
  vm.name = name;
  vm.pos = node.pos;
  vm.machine = read_machine(part("machine"));
  vm.memory = read_memory(part("memory"), diagnostics);
  for (const Node& item : part("map").items) vm.map.push_back(read_map_entry(item));
  for (const yaml::MapEntry& entry : part("program").entries) {
    const unsigned vcpu = parse_vcpu(entry.key.text).value();
    vm.programs[vcpu] = read_program(entry.value, "the program of " + entry.key.text, diagnostics);
  }
  vm.start = read_start(part("start"));
  for (const yaml::MapEntry& entry : part("place").entries) {
    vm.place[entry.key.text] = {number_of(entry.value), entry.value.pos};
  }
  return vm;
}

}  // namespace nptsim::scenario
