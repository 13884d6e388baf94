#include "sim/report/parting.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "sim/report/event_fields.h"

namespace nptsim::report {
namespace {

using machine::Event;

// How a decision came about, and who says so: two versions of a row may differ there and do the
// same.
constexpr std::array<std::string_view, 6> kSaidNotDone = {"facts",  "passed",   "text",
                                                          "source", "evidence", "sentence"};

bool counts(const Event& event) { return event.kind != "trace" && event.kind != "walk"; }

bool is_done(std::string_view field) {
  return std::find(kSaidNotDone.begin(), kSaidNotDone.end(), field) == kSaidNotDone.end();
}

// A text that a person would see is what happens; the one beside a row is not.
bool same_fields(const Event& a, const Event& b) {
  auto left = a.fields.list.begin();
  auto right = b.fields.list.begin();
  const auto skip = [](auto& at, auto end, bool all) {
    while (!all && at != end && !is_done(at->first)) ++at;
  };
  const bool all = a.kind == "text";
  for (;;) {
    skip(left, a.fields.list.end(), all);
    skip(right, b.fields.list.end(), all);
    const bool done = left == a.fields.list.end();
    if (done || right == b.fields.list.end()) return done && right == b.fields.list.end();
    if (left->first != right->first || value_text(left->second) != value_text(right->second)) {
      return false;
    }
    ++left, ++right;
  }
}

bool same(const Event& a, const Event& b) {
  return a.kind == b.kind && a.rule == b.rule && a.layer == b.layer && a.by == b.by &&
         same_fields(a, b);
}

std::string line_of(const Event& event) {
  std::string line = event.by + " " + std::string(machine::name_of(event.layer)) + ": ";
  if (event.kind == "decide") {
    return line + "decides " + text_field(event.fields, "stage") + ": " +
           text_field(event.fields, "then");
  }
  line += event.kind;
  if (event.kind == "text") return line + " \"" + text_field(event.fields, "text") + "\"";
  const std::string rest = fields_text(
      event.fields, {"text", "source", "evidence", "sentence", "entries", "facts", "passed"});
  return rest.empty() ? line : line + ": " + rest;
}

// The row of this event, or of the nearest one before it.
const Event* ruled(std::span<const Event> events, std::size_t at) {
  for (std::size_t i = std::min(at + 1, events.size()); i-- > 0;) {
    if (!events[i].rule.empty()) return &events[i];
  }
  return nullptr;
}

PartingSide side(std::span<const Event> events, std::size_t at, const RuleBook& book) {
  PartingSide side;
  if (at < events.size()) side.event = line_of(events[at]);
  const Event* by = ruled(events, at);
  if (by == nullptr) return side;
  side.rule = by->rule;
  side.layer = machine::name_of(by->layer);
  const RuleNote* note = book.find(by->layer, by->rule);
  if (note == nullptr) return side;
  side.text = note->text;
  side.source = note->source;
  side.evidence = note->evidence;
  return side;
}

std::size_t next(std::span<const Event> events, std::size_t at) {
  while (at < events.size() && !counts(events[at])) ++at;
  return at;
}

}  // namespace

std::optional<Parting> part(std::span<const Event> before, const RuleBook& before_rules,
                            std::span<const Event> after, const RuleBook& after_rules) {
  std::size_t left = next(before, 0), right = next(after, 0);
  while (left < before.size() && right < after.size() && same(before[left], after[right])) {
    left = next(before, left + 1);
    right = next(after, right + 1);
  }
  if (left >= before.size() && right >= after.size()) return std::nullopt;
  return Parting{side(before, left, before_rules), side(after, right, after_rules)};
}

}  // namespace nptsim::report
