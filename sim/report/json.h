// Results as JSON (docs/formats.md): one shape for every verb that has results.
#ifndef NPTSIM_SIM_REPORT_JSON_H_
#define NPTSIM_SIM_REPORT_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "sim/report/result.h"

namespace nptsim::report {

// Keys stay in the order in which they are added, so the same results give the same bytes.
using Json = nlohmann::ordered_json;

// Bytes that are no UTF-8 become U+FFFD; nothing throws.
std::string dump(const Json& json, int indent = -1);

Json to_json(const PointValues& point);
Json to_json(const machine::Outcome& outcome);
Json outcomes_json(const machine::RunResult& run);
Json to_json(const Diagnostic& diagnostic);
Json to_json(const PointResult& result);
Json to_json(const Report& report);

// The whole report, with a line break at its end.
std::string print_json(const Report& report);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_JSON_H_
