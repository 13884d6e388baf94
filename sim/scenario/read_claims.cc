// `script:`, `expect:` and `explore:`.
#include <algorithm>
#include <string>
#include <utility>

#include "sim/scenario/forms.h"
#include "sim/scenario/read_parts.h"
#include "sim/scenario/values.h"
#include "sim/yaml/number.h"
#include "sim/yaml/read.h"

namespace nptsim::scenario {
namespace {

using yaml::Node;

// ---- acts

std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c != ' ' && c != ',' && c != '\t' && c != '\n') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

Operation read_operation(const yaml::MapEntry& entry) {
  const Values values(entry.value);
  Operation operation;
  operation.name = text_of(entry.key);
  for (const char* key : {"id", "gpa", "size", "len", "asid", "policy"}) {
    if (const auto number = values.located_number(key)) operation.numbers[key] = *number;
  }
  if (const auto backing = values.located_text("backing")) {
    operation.kernel_address = backing->value == "kernel";
    if (backing->value != "none" && !operation.kernel_address) {
      operation.backing = parse_place(backing->value).value();
      operation.backing->pos = backing->pos;
    }
  }
  if (const auto page = values.located_text("page")) {
    operation.backing = parse_place(page->value).value();
    operation.backing->pos = page->pos;
  }
  if (const auto from = values.located_text("from")) {
    operation.from = parse_place(from->value).value();
    operation.from->pos = from->pos;
  }
  if (const auto file = values.located_text("guest_memfd")) {
    operation.other_file = file->value == "other";
    if (file->value != "none" && !operation.other_file) {
      operation.guest_memfd = parse_place(file->value).value();
      operation.guest_memfd->pos = file->pos;
    }
  }
  operation.flags = values.texts("flags");
  operation.command = values.text("command");
  operation.type = values.text("type");
  operation.protection = values.text("protection");
  if (const Node* bytes = values.find("bytes")) operation.bytes = parse_bytes(bytes->text).value();
  return operation;
}

// `vmm: { set_slot: ... }`: one operation.
void read_operation_act(const yaml::MapEntry& entry, Act act, std::vector<Act>& out,
                        Diagnostics& diagnostics) {
  if (entry.value.entries.size() != 1) {
    diagnostics.push_back({entry.value.pos, "an act with several operations, or none",
                           "one operation; what comes after it is an act of its own", ""});
    return;
  }
  act.actor = text_of(entry.key);
  act.operation = read_operation(entry.value.entries[0]);
  act.text = act.operation->name;
  out.push_back(std::move(act));
}

void read_act(const Node& node, std::vector<Act>& out, Diagnostics& diagnostics) {
  const Values values(node);
  Act act;
  if (const auto at = values.located_text("at")) act.at_label = at->value;
  const std::size_t before = out.size();
  int actors = 0;
  for (const yaml::MapEntry& entry : node.entries) {
    if (entry.key.text == "at") continue;
    ++actors;
    if (entry.value.is_map()) {
      read_operation_act(entry, act, out, diagnostics);
      if (out.size() == before) return;
      continue;
    }
    for (Text& text : texts_of(entry.value)) {
      act.actor = text_of(entry.key);
      act.words = split_words(text.value);
      act.text = std::move(text);
      out.push_back(act);
    }
  }
  if (actors == 1 && out.size() > before) return;
  diagnostics.push_back({node.pos, actors > 1 ? "an act of several actors" : "an act of nobody",
                         "one of vmm, host, device, irq and attacker with an operation, and `at`",
                         ""});
}

// ---- expectations

void take(const Values& values, std::string_view key, std::optional<Text>& out) {
  out = values.located_text(key);
}
void take(const Values& values, std::string_view key, std::optional<Number>& out) {
  out = values.located_number(key);
}

ExpectedOutcome read_outcome(const Node& node) {
  const Values values(node);
  ExpectedOutcome expected;
  expected.pos = node.pos;
  take(values, "outcome", expected.outcome);
  take(values, "kind", expected.kind);
  take(values, "at", expected.at);
  take(values, "error_code", expected.error_code);
  take(values, "reason_set", expected.reason_set);
  take(values, "reason_code", expected.reason_code);
  take(values, "who", expected.who);
  take(values, "text", expected.text);
  if (const Node* vector = values.find("vector")) {
    expected.vector = Number{parse_vector(vector->text).value(), vector->pos};
  }
  if (const Node* alive = values.find("process_alive")) {
    expected.process_alive = Located<bool>{yes_no_of(*alive), alive->pos};
  }
  for (const yaml::MapEntry& entry : node.entries) {
    const std::string& key = entry.key.text;
    if (is_outcome_key(key)) continue;
    expected.registers[key] = {number_of(entry.value), entry.value.pos};
  }
  return expected;
}

constexpr char kPatternForm[] = "a kind of event, or one with fields like { npf: { gpa: 2M } }";

bool check_list_of_texts(const Node& node, Diagnostics& diagnostics) {
  if (node.is_scalar()) return true;
  for (const Node& item : node.items) {
    if (item.is_scalar()) continue;
    yaml::report_kind(item, "an item of the list", "a text", diagnostics);
    return false;
  }
  return node.is_sequence();
}

// The value of a field: a text, a list of texts, or a map with one of the words below.
void check_field(const yaml::MapEntry& field, Diagnostics& diagnostics) {
  static const std::vector<std::string> kWords = {"contains", "any", "not"};
  const Node& value = field.value;
  if (value.is_scalar()) return;
  if (value.is_sequence()) {
    check_list_of_texts(value, diagnostics);
    return;
  }
  if (!value.is_map() || value.entries.size() != 1) {
    yaml::report_kind(value, "field " + yaml::quote(field.key.text),
                      "a value, a list of names, or a map with one of contains, any and not",
                      diagnostics);
    return;
  }
  const yaml::MapEntry& entry = value.entries[0];
  if (std::find(kWords.begin(), kWords.end(), entry.key.text) == kWords.end()) {
    diagnostics.push_back(
        unknown_word(entry.key.pos, "comparison", yaml::printable(entry.key.text), kWords));
  } else if (!check_list_of_texts(entry.value, diagnostics)) {
    yaml::report_kind(entry.value, "'" + entry.key.text + "'", "a text or a list of texts",
                      diagnostics);
  }
}

std::optional<EventPattern> read_pattern(const Node& node, Diagnostics& diagnostics,
                                         std::string_view besides = "") {
  EventPattern pattern;
  if (node.is_scalar()) {
    pattern.kind = text_of(node);
    return pattern;
  }
  const yaml::MapEntry* found = nullptr;
  std::size_t others = 0;
  for (const yaml::MapEntry& entry : node.entries) {
    if (entry.key.text == besides) continue;
    found = &entry;
    ++others;
  }
  if (others != 1 || (!found->value.is_map() && !found->value.is_null())) {
    yaml::report_kind(others == 1 ? found->value : node, "an event", kPatternForm, diagnostics);
    return std::nullopt;
  }
  pattern.kind = text_of(found->key);
  pattern.fields = found->value;
  for (const yaml::MapEntry& field : pattern.fields.entries) check_field(field, diagnostics);
  return pattern;
}

std::vector<EventPattern> read_patterns(const std::vector<Node>& items, Diagnostics& diagnostics) {
  std::vector<EventPattern> patterns;
  for (const Node& item : items) {
    if (auto pattern = read_pattern(item, diagnostics)) patterns.push_back(std::move(*pattern));
  }
  return patterns;
}

std::vector<EventCount> read_counts(const Node& node, Diagnostics& diagnostics) {
  std::vector<EventCount> counts;
  for (const yaml::MapEntry& entry : node.entries) {
    EventPattern pattern;
    pattern.kind = text_of(entry.key);
    counts.push_back({std::move(pattern), {number_of(entry.value), entry.value.pos}});
  }
  for (const Node& item : node.items) {
    const Node* times = item.find("times");
    auto pattern = read_pattern(item, diagnostics, "times");
    if (!pattern) continue;
    if (times == nullptr) {
      diagnostics.push_back(
          {item.pos, "a count without `times`", "like { npf: {}, times: 2 }", ""});
    } else if (const auto value = yaml::read_number(*times, "times", diagnostics)) {
      counts.push_back({std::move(*pattern), {*value, times->pos}});
    }
  }
  return counts;
}

std::vector<Expectation> read_expectations(const Node* node, Diagnostics& diagnostics) {
  std::vector<Expectation> all;
  if (node == nullptr) return all;
  if (node->is_map()) all.push_back(read_expectation(*node, diagnostics));
  for (const Node& item : node->items) all.push_back(read_expectation(item, diagnostics));
  return all;
}

ExpectCase read_case(const Node& node, Diagnostics& diagnostics) {
  ExpectCase one;
  for (const yaml::MapEntry& entry : Values(node).entries("when")) {
    one.when.emplace_back(text_of(entry.key), texts_of(entry.value));
  }
  one.expectation = read_expectation(node, diagnostics);
  return one;
}

Choice read_choice(const yaml::MapEntry& entry) {
  Choice choice;
  choice.key = text_of(entry.key);
  if (!entry.value.is_map()) {
    choice.values = texts_of(entry.value);
    return choice;
  }
  const Values values(entry.value);
  choice.values = values.texts("values");
  if (const auto at = values.located_text("at")) choice.at_label = at->value;
  return choice;
}

}  // namespace

std::vector<Act> read_acts(const std::vector<Node>& items, Diagnostics& diagnostics) {
  std::vector<Act> acts;
  for (const Node& item : items) read_act(item, acts, diagnostics);
  return acts;
}

Expectation read_expectation(const Node& node, Diagnostics& diagnostics) {
  const Values values(node);
  Expectation expectation;
  expectation.pos = node.pos;
  for (const yaml::MapEntry& entry : node.entries) {
    const std::string& key = entry.key.text;
    if (key == "vm" || key.ends_with(".vm"))
      expectation.vms[key] = read_outcome(entry.value);
    else if (parse_vcpu(key))
      expectation.vcpus[key] = read_outcome(entry.value);
  }
  if (const Node* harm = values.find("harm")) {
    expectation.harm = {values.plain_texts("harm"), harm->pos};
  }
  expectation.seen_by = values.located_text("seen_by");
  expectation.events = read_patterns(values.items("events"), diagnostics);
  if (values.find("only")) expectation.only = read_patterns(values.items("only"), diagnostics);
  expectation.none = read_patterns(values.items("none"), diagnostics);
  if (const Node* count = values.find("count")) {
    expectation.count = read_counts(*count, diagnostics);
  }
  return expectation;
}

std::vector<ExpectCase> read_expect(const Node& node, Diagnostics& diagnostics) {
  std::vector<ExpectCase> cases;
  if (node.is_map()) cases.push_back(read_case(node, diagnostics));
  for (const Node& item : node.items) cases.push_back(read_case(item, diagnostics));
  return cases;
}

Explore read_explore(const Node& node, Diagnostics& diagnostics) {
  const Values values(node);
  Explore explore;
  explore.pos = node.pos;
  explore.may = read_acts(values.items("may"), diagnostics);
  for (const yaml::MapEntry& entry : values.entries("choose")) {
    explore.choose.push_back(read_choice(entry));
  }
  explore.possible = read_expectations(values.find("possible"), diagnostics);
  explore.always = read_expectations(values.find("always"), diagnostics);
  explore.never = read_expectations(values.find("never"), diagnostics);
  explore.eventually = values.texts("eventually");
  return explore;
}

}  // namespace nptsim::scenario
