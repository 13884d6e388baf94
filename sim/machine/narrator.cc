#include "sim/machine/narrator.h"

#include <algorithm>
#include <utility>

#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/rmp_instructions.h"
#include "sim/arch/svm/rmp_states.h"
#include "sim/arch/svm/rules.h"
#include "sim/base/bug.h"
#include "sim/machine/event_kinds.h"

namespace nptsim::machine {
namespace {

std::string name_of(svm::EntryKind kind) {
  switch (kind) {
    case svm::EntryKind::kNotPresent:
      return "not-present";
    case svm::EntryKind::kReserved:
      return "reserved";
    case svm::EntryKind::kTable:
      return "table";
    case svm::EntryKind::kLeaf:
      return "leaf";
  }
  return "";
}

std::string name_of(svm::AccessKind kind) {
  switch (kind) {
    case svm::AccessKind::kRead:
      return "read";
    case svm::AccessKind::kWrite:
      return "write";
    case svm::AccessKind::kFetch:
      return "fetch";
  }
  return "";
}

std::string rule_name(svm::RuleId rule) {
  return std::string(svm::kRules[static_cast<unsigned>(rule)].id);
}

std::string text_of(const rules::Program& program, const rules::Answer& answer) {
  std::string text = program.word(answer.word);
  for (const auto& field : answer.fields) {
    if (field.name == rules::kNoWord) break;
    text += " " + program.word(field.name) + "=" + program.word(field.value);
  }
  return text;
}

EventFields record_of(const rules::FactSeen& fact) {
  return {{"fact", std::string(fact.fact)}, {"value", std::string(fact.value)}};
}

std::string text_of(rules::Go how) {
  switch (how) {
    case rules::Go::kExit:
      return "exit";
    case rules::Go::kIoctl:
      return "ioctl";
    default:
      return "call";
  }
}

}  // namespace

namespace {

// An event that the list of kinds does not know could never be claimed by a scenario.
void check_listed(std::string_view kind, const EventFields& fields) {
  const EventKind* known = find_event_kind(kind);
  if (known == nullptr) NPTSIM_BUG("event '" + std::string(kind) + "' is not in the list of kinds");
  for (const auto& [name, value] : fields.list) {
    if (known->open ||
        std::find(known->fields.begin(), known->fields.end(), name) != known->fields.end()) {
      continue;
    }
    NPTSIM_BUG("field '" + name + "' of event '" + std::string(kind) + "' is not in the list");
  }
}

}  // namespace

bool Narrator::tells(std::string_view kind) {
  if (sink_ == nullptr) return false;
  if (sink_->wants(kind)) return true;
  cause_ = next_++;
  sink_->pass_over(cause_);
  return false;
}

std::uint64_t Narrator::emit(std::string kind, EventFields fields, std::string rule) {
  if (sink_ != nullptr) check_listed(kind, fields);
  Event event;
  event.n = next_++;
  event.by = speaker_.by;
  event.layer = speaker_.layer;
  event.kind = std::move(kind);
  event.rule = std::move(rule);
  if (cause_ != 0) event.cause = cause_;
  event.fields = std::move(fields);
  cause_ = event.n;
  const std::uint64_t n = event.n;
  if (sink_ != nullptr) sink_->take(std::move(event));
  return n;
}

void Narrator::decided(const rules::Decision& d) {
  if (coverage_ != nullptr) coverage_->decided(d);
  if (!tells("decide")) return;
  std::vector<EventFields> facts, passed;
  for (const rules::FactSeen& fact : d.consulted) facts.push_back(record_of(fact));
  for (const rules::RowPassed& row : d.passed) {
    passed.push_back(record_of(row.by));
    passed.back().add("row", row.row->id);
  }
  emit("decide",
       {{"stage", std::string(d.stage)},
        {"row", d.row.id},
        {"then", text_of(d.program, d.answer)},
        {"text", d.row.text},
        {"source", d.row.source},
        {"evidence", std::string(rules::name_of(d.row.evidence))},
        {"facts", std::move(facts)},
        {"passed", std::move(passed)}},
       d.row.id);
}

void Narrator::did(const rules::Deed& deed) {
  if (!tells("do")) return;
  EventFields fields{{"action", deed.action.name}};
  const auto values = deed.args.values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].kind == rules::ArgValue::Kind::kAbsent) continue;
    const rules::ArgDef& def = deed.action.args[i];
    if (values[i].kind == rules::ArgValue::Kind::kWord) {
      fields.add(def.name, def.words[values[i].value]);
    } else {
      fields.add(def.name, Hex{deed.args.get(static_cast<unsigned>(i))});
    }
  }
  for (std::size_t i = 0; i < deed.action.gives.size(); ++i) {
    if (!deed.result.has_given(static_cast<unsigned>(i))) continue;
    fields.add("gives", deed.action.gives[i]);
  }
  if (deed.result.is_stopped()) fields.add("stopped", true);
  if (deed.result.has_note()) fields.add("note", Hex{deed.result.noted()});
  fields.add("source", deed.row.source);
  emit("do", std::move(fields), deed.row.id);
}

void Narrator::called(const rules::CallNote& note) {
  if (!tells("call")) return;
  emit("call",
       {{"how", text_of(note.how)},
        {"target", std::string(note.target)},
        {"text", note.row.text},
        {"source", note.row.source}},
       note.row.id);
}

void Narrator::returned(const rules::ReturnNote& note) {
  if (!tells("return")) return;
  EventFields fields = {{"procedure", std::string(note.procedure)},
                        {"result", text_of(note.program, note.answer)}};
  for (const auto& field : note.answer.fields) {
    if (field.name == rules::kNoWord) break;
    fields.add(note.program.word(field.name), note.program.word(field.value));
  }
  fields.add("text", note.row.text).add("source", note.row.source);
  emit("return", std::move(fields), note.row.id);
}

void Narrator::entered(const rules::Program& program, const rules::RowInfo& row) {
  if (coverage_ != nullptr) coverage_->entered(program, row);
}

void Narrator::waits(const rules::Program&, const rules::RowInfo& row,
                     const rules::FactSeen& fact) {
  if (!tells("wait")) return;
  EventFields fields = record_of(fact);
  emit("wait", std::move(fields), row.id);
}

void Narrator::on_entry_read(const svm::EntryRead& read) {
  if (!tells_walks_) return;
  const bool nested = read.tables == svm::WhichTables::kNested;
  EventFields entry{{"tables", std::string(nested ? "nested" : "guest")},
                    {"level", static_cast<std::uint64_t>(read.level)},
                    {nested ? "gpa" : "entry_gpa", Hex{read.gpa.value}},
                    {"spa", Hex{read.spa.value}},
                    {"word", Hex{read.word}},
                    {"is", name_of(read.meaning.kind)}};
  if (nested) {
    entry.add("for", read.stage == svm::Stage::kTable
                         ? "guest table level " + std::to_string(read.guest_level)
                         : std::string("the final address"));
  }
  if (read.meaning.reserved_bits != 0) entry.add("reserved", Hex{read.meaning.reserved_bits});
  entries_.push_back(std::move(entry));
}

void Narrator::on_entry_write(const svm::EntryWrite& write) {
  if (!tells_walks_) return;
  entries_.push_back(
      {{"tables", std::string(write.tables == svm::WhichTables::kNested ? "nested" : "guest")},
       {"level", static_cast<std::uint64_t>(write.level)},
       {"spa", Hex{write.spa.value}},
       {"before", Hex{write.before}},
       {"after", Hex{write.after}},
       {"is", std::string("accessed-dirty")}});
}

void Narrator::on_translated(const svm::Translated& t, svm::RuleId rule) {
  if (!tells("walk")) return;
  emit("walk",
       {{"access", name_of(t.access.kind)},
        {"gva", Hex{t.gva.value}},
        {"gpa", Hex{t.gpa.value}},
        {"spa", Hex{t.spa.value}},
        {"c", t.is_private},
        {"tlb", t.from_tlb},
        {"entries", std::exchange(entries_, {})}},
       rule_name(rule));
}

void Narrator::on_failure(const svm::Failure& f) {
  if (!tells("walk")) return;
  EventFields fields{{"access", name_of(f.access.kind)},
                     {"gva", Hex{f.gva.value}},
                     {"failure", std::string(svm::name_of(f.kind))}};
  if (svm::has_gpa(f.kind)) {
    fields.add("gpa", Hex{f.gpa.value});
    fields.add("stage", std::string(f.stage == svm::Stage::kFinal ? "final" : "table"));
  }
  if (f.spa.value != 0) fields.add("spa", Hex{f.spa.value});
  fields.add("level", static_cast<std::uint64_t>(f.level));
  fields.add("c", f.is_private);
  fields.add("entries", std::exchange(entries_, {}));
  const svm::Rule& rule = svm::kRules[static_cast<unsigned>(f.rule)];
  fields.add("sentence", std::string(rule.sentence)).add("source", std::string(rule.source));
  emit("walk", std::move(fields), std::string(rule.id));
}

// The page's state in the words of the firmware (rmp_states.h), before and after.
void Narrator::on_rmp_instruction(const svm::RmpNote& n) {
  if (!tells("rmp")) return;
  EventFields fields{{"instruction", std::string(n.instruction)}};
  if (n.ends) {
    fields.add("result", std::string(svm::name_of(static_cast<svm::RmpCode>(n.code))));
    fields.add("carry", n.carry);
  }
  if (n.has_page) {
    if (n.gva.value != 0) fields.add("gva", Hex{n.gva.value});
    fields.add("gpa", Hex{n.gpa.value}).add("spa", Hex{n.spa.value});
  }
  if (n.has_page && n.covered) {
    const svm::RmpWords before{n.before[0], n.before[1]}, after{n.after[0], n.after[1]};
    fields.add("from", std::string(svm::name_of(svm::page_state(svm::decode(before)))));
    fields.add("to", std::string(svm::name_of(svm::page_state(svm::decode(after)))));
    fields.add("entry", Hex{after.q1}).add("rights", Hex{svm::rights_word(after)});
  }
  const svm::Rule& rule = svm::rule_of(n.rule);
  fields.add("sentence", std::string(rule.sentence)).add("source", std::string(rule.source));
  emit("rmp", std::move(fields), std::string(rule.id));
}

void Narrator::attempted(const svm::Attempt& attempt, const svm::ExitRecord& exit,
                         std::optional<std::uint64_t> rip) {
  const svm::Rule& rule = svm::kRules[static_cast<unsigned>(attempt.rule)];
  const auto add_rule = [&](EventFields& fields) {
    fields.add("sentence", std::string(rule.sentence)).add("source", std::string(rule.source));
  };
  if (attempt.kind == svm::AttemptKind::kExit) {
    EventFields fields;
    const bool npf = attempt.exit_code == svm::exit_code::kNpf;
    if (!tells(npf ? "npf" : "exit")) return;
    if (npf) {
      fields = {{"gpa", Hex{exit.exit_info_2}},
                {"error", svm::error_words(exit.exit_info_1)},
                {"exit_info_1", Hex{exit.exit_info_1}},
                {"exit_info_2", Hex{exit.exit_info_2}}};
    } else {
      fields = {{"code", Hex{exit.exit_code}},
                {"name", svm::exit_name(exit.exit_code)},
                {"exit_info_1", Hex{exit.exit_info_1}},
                {"exit_info_2", Hex{exit.exit_info_2}}};
    }
    if (exit.exit_int_info != 0) fields.add("exit_int_info", Hex{exit.exit_int_info});
    if (rip) fields.add("rip", Hex{*rip});
    fields.add("registers_visible", rip.has_value());
    add_rule(fields);
    emit(npf ? "npf" : "exit", std::move(fields), std::string(rule.id));
  } else if (attempt.kind == svm::AttemptKind::kHostFault) {
    EventFields fields{{"vector", static_cast<std::uint64_t>(attempt.event.vector)},
                       {"error_code", Hex{attempt.event.error_code}}};
    add_rule(fields);
    emit("host_fault", std::move(fields), std::string(rule.id));
  } else if (attempt.kind == svm::AttemptKind::kDelivered) {
    const bool vc = attempt.event.vector == isa::kVc;
    if (!tells(vc ? "vc" : "deliver")) return;
    EventFields fields{{"vector", static_cast<std::uint64_t>(attempt.event.vector)}};
    if (attempt.event.has_error_code) fields.add("error_code", Hex{attempt.event.error_code});
    if (attempt.has_cr2) fields.add("cr2", Hex{attempt.cr2});
    add_rule(fields);
    emit(vc ? "vc" : "deliver", std::move(fields), std::string(rule.id));
  }
}

}  // namespace nptsim::machine
