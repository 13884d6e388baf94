#include "sim/report/events_json.h"

#include <fmt/format.h>

#include <type_traits>

#include "sim/report/json.h"
#include "sim/report/text.h"

namespace nptsim::report {

using machine::Event;
using machine::EventFields;
using machine::EventValue;
using machine::Hex;

namespace {

Json fields_json(const EventFields& fields);

Json value_json(const EventValue& value) {
  return std::visit(
      [](const auto& held) -> Json {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, Hex>) {
          return hex(held.value);
        } else if constexpr (std::is_same_v<T, std::vector<EventFields>>) {
          Json list = Json::array();
          for (const EventFields& record : held) list.push_back(fields_json(record));
          return list;
        } else {
          return held;
        }
      },
      value);
}

// A field never hides one of the six that every event has.
void add_fields(Json& json, const EventFields& fields) {
  for (const auto& [name, value] : fields.list) {
    json[json.contains(name) ? name + "_" : name] = value_json(value);
  }
}

Json fields_json(const EventFields& fields) {
  Json json = Json::object();
  add_fields(json, fields);
  return json;
}

EventFields fields_of(const machine::Outcome& outcome) {
  EventFields fields{{"outcome", std::string(machine::name_of(outcome.kind))}};
  if (outcome.kind == machine::OutcomeKind::kSpins) {
    fields.add("spin", std::string(machine::name_of(outcome.spin)));
  }
  if (outcome.vector) fields.add("vector", static_cast<std::uint64_t>(*outcome.vector));
  if (outcome.error_code) fields.add("error_code", Hex{*outcome.error_code});
  if (outcome.reason_set) fields.add("reason_set", static_cast<std::uint64_t>(*outcome.reason_set));
  if (outcome.reason_code) {
    fields.add("reason_code", static_cast<std::uint64_t>(*outcome.reason_code));
  }
  if (!outcome.at.empty()) fields.add("at", outcome.at);
  if (!outcome.who.empty()) fields.add("who", outcome.who);
  if (!outcome.text.empty()) fields.add("text", outcome.text);
  if (outcome.process_alive) fields.add("process_alive", *outcome.process_alive);
  return fields;
}

}  // namespace

std::string events_header(const std::string& scenario_hash) {
  Json json;
  json["nptsim"] = 1;
  json["events"] = 1;
  json["scenario"] = scenario_hash;
  return dump(json) + "\n";
}

std::string event_line(const Event& event) {
  Json json;
  json["n"] = event.n;
  json["by"] = event.by;
  json["layer"] = machine::name_of(event.layer);
  json["kind"] = event.kind;
  json["rule"] = event.rule;
  json["cause"] = event.cause ? Json(*event.cause) : Json();
  add_fields(json, event.fields);
  return dump(json) + "\n";
}

std::vector<Event> closing_events(const machine::RunResult& run, std::uint64_t next) {
  std::vector<Event> events;
  const auto add = [&](std::string by, const machine::Outcome& outcome) {
    Event event;
    event.n = next++;
    event.by = std::move(by);
    event.layer = machine::Layer::kMonitor;
    event.kind = "outcome";
    event.fields = fields_of(outcome);
    events.push_back(std::move(event));
  };
  for (std::size_t i = 0; i < run.vcpus.size(); ++i) add(fmt::format("vcpu{}", i), run.vcpus[i]);
  add("vm", run.vm);
  return events;
}

}  // namespace nptsim::report
