// The events that `expect:` names. A misspelt one would make `none:` hold for ever.
#include <algorithm>
#include <utility>

#include "sim/machine/event_kinds.h"
#include "sim/scenario/build_parts.h"
#include "sim/scenario/matrix.h"

namespace nptsim::scenario::building {
namespace {

// Actions and procedures; `visit` says whether to stop.
template <class Visit>
bool any_deed(const models::LoadedModel& model, Visit&& visit) {
  if (!model.program) return false;
  for (rules::ProcedureId id = 0; id < model.program->procedure_count(); ++id) {
    if (visit(model.program->procedure_name(id))) return true;
  }
  for (const std::string& action : model.actions) {
    if (visit(action)) return true;
  }
  for (const auto targets : {model.program->exits(), model.program->ioctls()}) {
    if (std::any_of(targets.begin(), targets.end(), visit)) return true;
  }
  return false;
}

// What a pattern may be about: kinds of events, actions and procedures of the models.
template <class Visit>
bool any_claimable(const models::Stack& stack, Visit&& visit) {
  for (const machine::EventKind& kind : machine::event_kinds()) {
    if (visit(kind.name)) return true;
  }
  return any_deed(stack.kernel, visit) || any_deed(stack.vmm, visit) ||
         any_deed(stack.guest, visit);
}

std::vector<std::string> claimable_names(const models::Stack& stack) {
  std::vector<std::string> names;
  any_claimable(stack, [&](std::string_view name) {
    names.emplace_back(name);
    return false;
  });
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
  const auto check = [&](const EventPattern& pattern) {
    const std::string& claimed = pattern.kind.value;
    const auto is_it = [&](std::string_view name) { return name == claimed; };
    if (!any_claimable(*plan.stack, is_it)) {
      Diagnostic unknown =
          unknown_word(pattern.kind.pos, "event", claimed, claimable_names(*plan.stack));
      unknown.accepted = kind_names() + ", or an action or procedure of one of the models";
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
