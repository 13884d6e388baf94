#include "sim/report/event_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/exits.h"
#include "sim/isa/outcome.h"
#include "sim/report/event_fields.h"

namespace nptsim::report {

using machine::Event;
using machine::EventFields;

namespace {

using Lines = std::vector<std::string>;

// "label  text text", the text wrapped under itself.
void add_labelled(std::string_view label, const std::string& text, const TellingStyle& how,
                  Lines& lines) {
  constexpr std::size_t kLabel = 10;
  bool first = true;
  constexpr std::size_t kMargin = kLabel + 2;
  for (const std::string& line : wrap(text, how.width > kMargin + 20 ? how.width - kMargin : 20)) {
    lines.push_back("  " + how.style.faint(pad(first ? label : "", kLabel)) + line);
    first = false;
  }
}

std::string marked_evidence(const std::string& evidence, const Style& style) {
  if (evidence.empty()) return "";
  return " (" + (is_weak(evidence) ? style.warn(evidence) : evidence) + ")";
}

// A line that may be long, what does not fit below it.
Lines hanging(const std::string& text, const TellingStyle& how) {
  Lines lines;
  for (const std::string& line : wrap(text, how.width)) {
    lines.push_back(lines.empty() ? line : "    " + line);
  }
  return lines;
}

// The sentence of a rule, its source, how it is known.
void add_rule(const Event& event, const TellingStyle& how, Lines& lines) {
  if (how.told != nullptr && !how.told->rules.insert({event.layer, event.rule}).second) return;
  const RuleNote* note = how.book != nullptr ? how.book->find(event.layer, event.rule) : nullptr;
  std::string sentence = text_field(event.fields, "sentence");
  if (sentence.empty()) sentence = text_field(event.fields, "text");
  std::string source = text_field(event.fields, "source");
  std::string evidence = text_field(event.fields, "evidence");
  if (note != nullptr) {
    if (sentence.empty()) sentence = note->text;
    if (source.empty()) source = note->source;
    if (evidence.empty()) evidence = note->evidence;
  }
  if (!sentence.empty()) add_labelled("rule", sentence, how, lines);
  if (!source.empty()) {
    add_labelled("source", printable(source) + marked_evidence(evidence, how.style), how, lines);
  }
}

// Of a row that does, calls or returns: told only where it has a sentence, else each would be three
// lines.
Lines with_sentence(const Event& event, const TellingStyle& how, Lines lines) {
  const RuleNote* note = how.book != nullptr ? how.book->find(event.layer, event.rule) : nullptr;
  const bool has_one = !text_field(event.fields, "text").empty() || (note && !note->text.empty());
  if (has_one) add_rule(event, how, lines);
  return lines;
}

std::string id_of(const Event& event, const TellingStyle& how) {
  return event.rule.empty() ? "" : "  " + how.style.faint("[" + event.rule + "]");
}

Lines tell_walk(const Event& event, const TellingStyle& how) {
  const bool failed = has_failed(event.fields);
  if (!failed && !how.walk.all && text_field(event.fields, "access") == "fetch") return {};
  Lines lines{walk_line(event.fields) + id_of(event, how)};
  if (!failed && how.told != nullptr) {
    const auto leaf = last_nested_leaf(event.fields);
    if (!leaf || !how.told->entries.insert(*leaf).second) return lines;
  }
  for (const std::string& line : walk_entries(event.fields, how.walk)) lines.push_back("  " + line);
  if (failed) add_rule(event, how, lines);
  return lines;
}

// What each bit means is said once.
std::string npf_bits(std::uint64_t info, const TellingStyle& how) {
  const bool is_new = how.told == nullptr || how.told->error_words.insert(info).second;
  std::vector<std::string> parts;
  for (const svm::ErrorBit& row : svm::kNpfBits) {
    if (!(info & row.mask)) continue;
    parts.push_back(is_new ? fmt::format("{} ({})", row.name, row.meaning) : std::string(row.name));
  }
  return join(parts, ", ");
}

Lines tell_npf(const Event& event, const TellingStyle& how) {
  const std::uint64_t info = number_field(event.fields, "exit_info_1").value_or(0);
  Lines lines{how.style.strong("#NPF") + " exit 0x400, error " +
              join(words_field(event.fields, "error"), " ") + id_of(event, how)};
  add_labelled("INFO1", hex(info) + ": " + npf_bits(info, how), how, lines);
  add_labelled(
      "INFO2",
      hex(number_field(event.fields, "exit_info_2").value_or(0)) + ": the guest physical address",
      how, lines);
  if (const auto vectoring = number_field(event.fields, "exit_int_info")) {
    add_labelled("INTINFO", hex(*vectoring) + ": while this event was delivered", how, lines);
  }
  add_rule(event, how, lines);
  return lines;
}

Lines tell_exit(const Event& event, const TellingStyle& how) {
  Lines lines{how.style.strong("#VMEXIT") + " " + text_field(event.fields, "name") + " (" +
              hex(number_field(event.fields, "code").value_or(0)) + "), EXITINFO1 " +
              hex(number_field(event.fields, "exit_info_1").value_or(0)) + ", EXITINFO2 " +
              hex(number_field(event.fields, "exit_info_2").value_or(0)) + id_of(event, how)};
  add_rule(event, how, lines);
  return lines;
}

std::string exception_name(std::uint64_t vector) {
  switch (vector) {
    case isa::kDe:
      return "#DE";
    case isa::kDb:
      return "#DB";
    case isa::kBp:
      return "#BP";
    case isa::kUd:
      return "#UD";
    case isa::kDf:
      return "#DF";
    case isa::kNp:
      return "#NP";
    case isa::kGp:
      return "#GP";
    case isa::kPf:
      return "#PF";
    case isa::kAc:
      return "#AC";
    case isa::kMc:
      return "#MC";
    case isa::kHv:
      return "#HV";
    case isa::kVc:
      return "#VC";
    default:
      return fmt::format("vector {}", vector);
  }
}

Lines tell_delivery(const Event& event, const TellingStyle& how) {
  const std::uint64_t vector = number_field(event.fields, "vector").value_or(0);
  std::string line = how.style.strong(exception_name(vector)) + " is delivered to the guest";
  if (const auto code = number_field(event.fields, "error_code")) {
    line += ", error code " + hex(*code);
    if (vector == isa::kVc) line += " (" + svm::exit_name(*code) + ")";
  }
  if (const auto cr2 = number_field(event.fields, "cr2")) line += ", CR2 " + hex(*cr2);
  Lines lines{line + id_of(event, how)};
  add_rule(event, how, lines);
  return lines;
}

std::string fact_text(const EventFields& fact) {
  return text_field(fact, "fact") + "=" + text_field(fact, "value");
}

// "slot=rw rules out a.one, a.two; hva=write a.three".
std::string passed_text(const std::vector<EventFields>& passed, bool all) {
  constexpr std::size_t kMostNamed = 6;
  std::vector<std::pair<std::string, std::vector<std::string>>> by_fact;
  for (const EventFields& row : passed) {
    const std::string fact = fact_text(row);
    const auto known = std::find_if(by_fact.begin(), by_fact.end(),
                                    [&](const auto& group) { return group.first == fact; });
    auto& group = known != by_fact.end() ? *known : by_fact.emplace_back(fact, Lines{});
    group.second.push_back(text_field(row, "row"));
  }
  std::vector<std::string> groups;
  for (auto& [fact, rows] : by_fact) {
    const std::size_t more = all || rows.size() <= kMostNamed ? 0 : rows.size() - kMostNamed;
    rows.resize(rows.size() - more);
    groups.push_back(join(rows, ", ") + (more > 0 ? fmt::format(" and {} more", more) : "") + " (" +
                     fact + ")");
  }
  return join(groups, "; ");
}

Lines tell_decision(const Event& event, const TellingStyle& how) {
  Lines lines{"decides " +
              how.style.strong(text_field(event.fields, "stage") + ": " +
                               text_field(event.fields, "then")) +
              "  [" + event.rule + "]"};
  std::vector<std::string> facts;
  for (const EventFields& fact : records_field(event.fields, "facts")) {
    facts.push_back(fact_text(fact));
  }
  const std::string passed = passed_text(records_field(event.fields, "passed"), how.all);
  add_labelled("because", facts.empty() ? "nothing else holds" : join(facts, ", "), how, lines);
  if (!passed.empty()) add_labelled("not", passed, how, lines);
  add_rule(event, how, lines);
  return lines;
}

Lines tell_deed(const Event& event, const TellingStyle& how) {
  const std::string action = text_field(event.fields, "action");
  if (!how.all && action.starts_with("trace_")) return {};  // the trace line itself is an event
  std::string line = "does " + action;
  const std::string rest = fields_text(event.fields, {"action", "source", "text", "stopped"});
  if (!rest.empty()) line += ": " + rest;
  if (flag_field(event.fields, "stopped")) line += " (cannot finish now, will be done again)";
  return with_sentence(event, how, hanging(line + id_of(event, how), how));
}

Lines tell_call(const Event& event, const TellingStyle& how) {
  const std::string target = text_field(event.fields, "target");
  const std::string kind = text_field(event.fields, "how");
  const std::string line = kind == "exit"    ? "returns to user space: " + target
                           : kind == "ioctl" ? "asks the kernel: " + target
                                             : "calls " + target;
  return with_sentence(event, how, {line + id_of(event, how)});
}

Lines tell_return(const Event& event, const TellingStyle& how) {
  const std::string line = "returns " + text_field(event.fields, "result") + " from " +
                           text_field(event.fields, "procedure");
  return with_sentence(event, how, {line + id_of(event, how)});
}

std::string tell_text(const Event& event) {
  const std::string rest = fields_text(event.fields, {"text"});
  return "\"" + printable(text_field(event.fields, "text")) + "\"" +
         (rest.empty() ? "" : " (" + rest + ")");
}

Lines tell_other(const Event& event, const TellingStyle& how) {
  const std::string rest = fields_text(event.fields, {"source", "sentence", "evidence"});
  Lines lines = hanging(
      how.style.strong(event.kind) + (rest.empty() ? "" : ": " + rest) + id_of(event, how), how);
  if (!event.rule.empty() && event.fields.find("sentence") != nullptr) add_rule(event, how, lines);
  return lines;
}

}  // namespace

std::vector<std::string> tell_event(const Event& event, const TellingStyle& how) {
  if (event.kind == "walk") return tell_walk(event, how);
  if (event.kind == "npf") return tell_npf(event, how);
  if (event.kind == "exit") return tell_exit(event, how);
  if (event.kind == "vc" || event.kind == "deliver") return tell_delivery(event, how);
  if (event.kind == "decide") return tell_decision(event, how);
  if (event.kind == "do") return tell_deed(event, how);
  if (event.kind == "call") return tell_call(event, how);
  if (event.kind == "return") return tell_return(event, how);
  if (event.kind == "wait") {
    return {"waits while " + fact_text(event.fields) + id_of(event, how)};
  }
  if (event.kind == "text") return {tell_text(event)};
  if (event.kind == "trace") {
    const std::string rest = fields_text(event.fields, {"event"});
    return {"trace line " + text_field(event.fields, "event") + (rest.empty() ? "" : ": " + rest)};
  }
  if (event.kind == "harm") return {how.style.bad("harm: " + text_field(event.fields, "flag"))};
  return tell_other(event, how);
}

std::string event_summary(const Event& event) {
  std::string line =
      fmt::format("{} {} {} {}", event.n, event.by, machine::name_of(event.layer), event.kind);
  if (!event.rule.empty()) line += " " + event.rule;
  if (event.cause) line += fmt::format(" <{}", *event.cause);
  const std::string rest = fields_text(event.fields, {"source", "sentence", "text"});
  return printable(rest.empty() ? line : line + ": " + rest);
}

}  // namespace nptsim::report
