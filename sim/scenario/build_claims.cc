// The events that `expect:` names. A misspelt one would make `none:` hold for ever.
#include <algorithm>
#include <utility>

#include "sim/machine/event_kinds.h"
#include "sim/scenario/build_parts.h"
#include "sim/scenario/matrix.h"

namespace nptsim::scenario::building {
namespace {

void add_deeds(const models::LoadedModel& model, std::vector<std::string>& names) {
  if (!model.program) return;
  for (rules::ProcedureId id = 0; id < model.program->procedure_count(); ++id) {
    names.push_back(model.program->procedure_name(id));
  }
  names.insert(names.end(), model.actions.begin(), model.actions.end());
  for (const auto targets : {model.program->exits(), model.program->ioctls()}) {
    names.insert(names.end(), targets.begin(), targets.end());
  }
}

// What a pattern may be about: kinds of events, actions and procedures of the models.
std::vector<std::string> claimable_names(const models::Stack& stack) {
  std::vector<std::string> names;
  for (const machine::EventKind& kind : machine::event_kinds()) names.emplace_back(kind.name);
  for (const models::LoadedModel* model : {&stack.kernel, &stack.vmm, &stack.guest}) {
    add_deeds(*model, names);
  }
  return names;
}

std::string kind_names() {
  std::string text;
  for (const machine::EventKind& kind : machine::event_kinds()) {
    text += (text.empty() ? "" : ", ") + std::string(kind.name);
  }
  return text;
}

void check_fields(Plan& plan, const EventPattern& pattern) {
  const machine::EventKind* kind = machine::find_event_kind(pattern.kind.value);
  if (kind == nullptr || kind->open) return;
  const auto common = machine::common_fields();
  std::vector<std::string> names(kind->fields.begin(), kind->fields.end());
  names.insert(names.end(), common.begin(), common.end());
  for (const yaml::MapEntry& field : pattern.fields.entries) {
    if (std::find(names.begin(), names.end(), field.key.text) != names.end()) continue;
    plan.diagnostics.push_back(unknown_word(
        field.key.pos, "field of a '" + pattern.kind.value + "' event", field.key.text, names));
  }
}

}  // namespace

void check_claims(Plan& plan) {
  const Expectation* claims = expectation_for(plan.scenario);
  if (claims == nullptr) return;
  const std::vector<std::string> names = claimable_names(*plan.stack);
  const std::string kinds = kind_names();
  const auto check = [&](const EventPattern& pattern) {
    if (std::find(names.begin(), names.end(), pattern.kind.value) == names.end()) {
      Diagnostic unknown = unknown_word(pattern.kind.pos, "event", pattern.kind.value, names);
      unknown.accepted = kinds + ", or an action or procedure of one of the models";
      plan.diagnostics.push_back(std::move(unknown));
      return;
    }
    check_fields(plan, pattern);
  };
  for (const EventPattern& pattern : claims->events) check(pattern);
  for (const EventPattern& pattern : claims->only.value_or(std::vector<EventPattern>{})) {
    check(pattern);
  }
  for (const EventPattern& pattern : claims->none) check(pattern);
  for (const EventCount& count : claims->count) check(count.pattern);
}

}  // namespace nptsim::scenario::building
