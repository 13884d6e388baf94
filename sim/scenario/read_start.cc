// `start:`.
#include <string>
#include <utility>

#include "sim/base/address.h"
#include "sim/scenario/forms.h"
#include "sim/scenario/read_parts.h"
#include "sim/scenario/values.h"

namespace nptsim::scenario {
namespace {

using yaml::Node;

Place place_of(const Node& node) {
  Place place = parse_place(node.text).value();
  place.pos = node.pos;
  return place;
}

NestedEntry read_nested_entry(const Node& node) {
  const Values values(node);
  NestedEntry entry;
  entry.pos = node.pos;
  entry.gpa = GuestPhysAddr(values.number("gpa"));
  entry.level = parse_level(values.text("level", "4K")).value();
  if (const Node* to = values.find("to")) {
    entry.to = place_of(*to);
  } else {
    entry.rights = {false, false, false, false};
  }
  if (const Node* rights = values.find("rights")) {
    entry.rights = parse_rights(rights->text).value();
  }
  for (const Node& item : values.items("set_bits")) {
    entry.set_bits.push_back(parse_bit(item.text).value());
  }
  return entry;
}

NestedTables read_nested_tables(const Node& node) {
  NestedTables tables;
  if (node.is_scalar()) tables.warm = node.text == "warm";
  const std::vector<Node>* entries = &node.items;
  if (node.is_map()) {
    const Values values(node);
    tables.warm = values.text("state", "warm") == "warm";
    entries = &values.items("entries");
  }
  for (const Node& item : *entries) tables.entries.push_back(read_nested_entry(item));
  return tables;
}

std::map<unsigned, VmplMask> read_vmpl_masks(const Values& values) {
  std::map<unsigned, VmplMask> masks;
  for (const yaml::MapEntry& entry : values.entries("vmpl")) {
    masks[static_cast<unsigned>(number_of(entry.key))] = parse_vmpl_mask(entry.value.text).value();
  }
  return masks;
}

PageRange read_page_range(const Node& node) {
  const Values values(node);
  PageRange range;
  range.pos = node.pos;
  range.gpa = GuestPhysAddr(values.number("gpa"));
  range.size = values.number("size", kPageSize);
  const std::string state = values.text("state");
  if (state == "accepted") range.state = PageState::kAccepted;
  if (state == "assigned") range.state = PageState::kAssigned;
  if (state == "untouched") range.state = PageState::kUntouched;
  if (state == "shared") range.state = PageState::kShared;
  if (const Node* rmp = values.find("rmp")) range.rmp = parse_page(rmp->text).value();
  range.vmpl = read_vmpl_masks(values);
  return range;
}

RmpEntry read_rmp_entry(const Node& node) {
  const Values values(node);
  RmpEntry entry;
  entry.pos = node.pos;
  entry.spa = place_of(*values.find("spa"));
  entry.page = parse_page(values.text("page", "4K")).value();
  entry.assigned = values.yes_no("assigned");
  entry.validated = values.yes_no("validated");
  entry.immutable = values.yes_no("immutable");
  entry.vmsa = values.yes_no("vmsa");
  entry.gpa = GuestPhysAddr(values.number("gpa"));
  entry.asid = static_cast<std::uint32_t>(values.number("asid"));
  entry.vmpl = read_vmpl_masks(values);
  return entry;
}

AttributeRange read_attribute_range(const Node& node) {
  const Values values(node);
  return {GuestPhysAddr(values.number("gpa")), values.number("size", kPageSize),
          values.text("attribute") == "private", node.pos};
}

Slot read_slot(const Node& node, std::size_t index) {
  const Values values(node);
  Slot slot;
  slot.pos = node.pos;
  slot.id = static_cast<std::uint32_t>(values.number("id", index));
  slot.gpa = GuestPhysAddr(values.number("gpa"));
  slot.size = values.number("size");
  slot.backing = place_of(*values.find("backing"));
  slot.flags = values.plain_texts("flags");
  return slot;
}

void read_host(const yaml::MapEntry& entry, std::vector<HostRange>& out) {
  const std::string& region = entry.key.text;
  if (entry.value.is_scalar()) {
    out.push_back({region, 0, 0, entry.value.text, entry.key.pos});
    return;
  }
  for (const Node& item : entry.value.items) {
    const Values values(item);
    out.push_back({region, values.number("offset"), values.number("size"),
                   values.text("protection"), item.pos});
  }
}

Vector read_vector(const yaml::MapEntry& entry) {
  return {parse_vector(entry.key.text).value(), entry.value.text, 0, entry.value.pos};
}

ControlRegister read_control_register(const Node& node) {
  ControlRegister reg;
  reg.pos = node.pos;
  if (node.is_scalar()) reg.value = number_of(node);
  for (const yaml::MapEntry& bit : node.entries) reg.bits[bit.key.text] = yes_no_of(bit.value);
  return reg;
}

CpuStart read_cpu(const Node& node) {
  const Values values(node);
  CpuStart cpu;
  cpu.pos = node.pos;
  if (values.find("mode")) cpu.mode = static_cast<unsigned>(values.number("mode"));
  if (values.find("cpl")) cpu.cpl = static_cast<unsigned>(values.number("cpl"));
  for (const yaml::MapEntry& entry : values.entries("registers")) {
    cpu.registers[entry.key.text] = {number_of(entry.value), entry.value.pos};
  }
  for (const char* name : {"cr0", "cr4", "efer", "xcr0"}) {
    if (const Node* reg = values.find(name)) cpu.control[name] = read_control_register(*reg);
  }
  for (const Node& item : values.items("tlb")) cpu.tlb.push_back(read_map_entry(item));
  return cpu;
}

VmsaStart read_vmsa(const Node& node) {
  const Values values(node);
  return {values.texts("features"), values.located_number("vtom"), values.located_number("asid")};
}

GhcbStart read_ghcb(const Node& node) {
  GhcbStart ghcb;
  if (node.is_scalar()) {
    ghcb.registered = node.text == "registered";
    return ghcb;
  }
  const Values values(node);
  ghcb.registered = values.text("state", "registered") == "registered";
  if (values.find("version")) ghcb.version = static_cast<unsigned>(values.number("version"));
  ghcb.gpa = values.located_number("gpa");
  return ghcb;
}

Answer read_answer(const Node& node) {
  const Values values(node);
  Answer answer;
  answer.pos = node.pos;
  answer.exit = values.located_text("exit").value_or(Text{});
  answer.ioctl = values.located_text("ioctl").value_or(Text{});
  if (values.find("gpa")) answer.gpa = GuestPhysAddr(values.number("gpa"));
  answer.size = values.number("size", kPageSize);
  answer.access = values.text("access", "rwx");
  answer.error = values.texts("error");
  answer.times = values.located_number("times").value_or(Number{0, node.pos});
  answer.then = values.located_text("then").value_or(Text{});
  return answer;
}

template <class T>
std::vector<T> read_list(const Values& values, std::string_view key, T (*read)(const Node&)) {
  std::vector<T> all;
  for (const Node& item : values.items(key)) all.push_back(read(item));
  return all;
}

Begin read_begin(const std::string& word) {
  if (word == "vmm-start") return Begin::kVmmStart;
  return word == "launch" ? Begin::kLaunch : Begin::kRunning;
}

}  // namespace

Start read_start(const Node& node) {
  const Values values(node);
  Start start;
  start.begin = read_begin(values.text("begin"));
  if (const Node* npt = values.find("npt")) start.npt = read_nested_tables(*npt);
  start.pages = read_list(values, "pages", read_page_range);
  start.rmp = read_list(values, "rmp", read_rmp_entry);
  if (values.find("attributes")) {
    start.attributes = read_list(values, "attributes", read_attribute_range);
  }
  if (values.find("slots")) start.slots.emplace();
  for (const Node& item : values.items("slots")) {
    start.slots->push_back(read_slot(item, start.slots->size()));
  }
  start.generation = values.located_number("generation");
  for (const Node& item : values.items("write_tracked")) {
    start.write_tracked.push_back({number_of(item), item.pos});
  }
  for (const yaml::MapEntry& entry : values.entries("host")) read_host(entry, start.host);
  for (const yaml::MapEntry& entry : values.entries("vectors")) {
    start.vectors.push_back(read_vector(entry));
  }
  if (const Node* cpu = values.find("cpu")) start.cpu = read_cpu(*cpu);
  for (const yaml::MapEntry& entry : values.entries("cpu")) {
    if (const auto vcpu = parse_vcpu(entry.key.text)) start.vcpu[*vcpu] = read_cpu(entry.value);
  }
  if (const Node* vmsa = values.find("vmsa")) start.vmsa = read_vmsa(*vmsa);
  if (const Node* firmware = values.find("firmware")) {
    start.firmware.fails = Values(*firmware).texts("fails");
  }
  if (const Node* ghcb = values.find("ghcb")) start.ghcb = read_ghcb(*ghcb);
  start.answers = read_list(values, "answers", read_answer);
  return start;
}

}  // namespace nptsim::scenario
