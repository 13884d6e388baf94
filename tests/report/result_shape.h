// The shape of a report in JSON, as docs/formats.md tells it: what is wrong with one, in a
// sentence.
#ifndef NPTSIM_TESTS_REPORT_RESULT_SHAPE_H_
#define NPTSIM_TESTS_REPORT_RESULT_SHAPE_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace nptsim::report {

using AnyJson = nlohmann::ordered_json;

inline std::string problem_of_outcome(const AnyJson& outcome) {
  static const std::set<std::string> kWords = {
      "completes",   "exception", "spins",   "waits",     "guest-terminated", "shutdown",
      "unspecified", "undecided", "refused", "vm-killed", "host-fault"};
  if (!outcome.is_object() || !outcome.contains("outcome")) return "an outcome is no object";
  if (!kWords.contains(outcome["outcome"].get<std::string>())) return "an outcome has no such word";
  const bool spins = outcome["outcome"] == "spins";
  if (spins != outcome.contains("kind")) return "`kind` belongs to spins, and to nothing else";
  const AnyJson registers = outcome.value("registers", AnyJson::object());
  for (const auto& [name, value] : registers.items()) {
    if (!value.is_string() || !value.get<std::string>().starts_with("0x")) {
      return "register " + name + " is no hex string";
    }
  }
  return "";
}

inline std::string problem_of_result(const AnyJson& result) {
  for (const char* key : {"file", "name", "why", "hash"}) {
    if (!result.contains(key) || !result[key].is_string()) return std::string(key) + " is no text";
  }
  const std::string status = result.value("status", "");
  if (status != "pass" && status != "fail" && status != "error") return "status is " + status;
  if (status == "error" && result["why"] == "") return "an error does not say why";
  if (!result.value("point", AnyJson()).is_object()) return "point is no object";
  for (const auto& [key, value] : result["point"].items()) {
    if (!value.is_string()) return "point " + key + " is no text";
  }
  if (!result.value("outcomes", AnyJson()).is_object()) return "outcomes is no object";
  for (const auto& [vcpu, outcome] : result["outcomes"].items()) {
    if (!vcpu.starts_with("vcpu")) return vcpu + " is no vCPU";
    if (const std::string problem = problem_of_outcome(outcome); !problem.empty()) return problem;
  }
  if (!result.value("harm", AnyJson()).is_array()) return "harm is no list";
  if (!result.value("differences", AnyJson()).is_array()) return "differences is no list";
  if (!result.contains("vm") || !result.contains("seen_by")) return "vm or seen_by is missing";
  const bool ran = !result["outcomes"].empty();
  if (!ran) return result["vm"].is_null() && result["seen_by"].is_null() ? "" : "it did not run";
  return problem_of_outcome(result["vm"]);
}

inline std::string problem_of_report(const AnyJson& json) {
  if (json.value("nptsim", 0) != 1) return "`nptsim` is not 1";
  if (!json.value("verb", AnyJson()).is_string()) return "`verb` is no text";
  if (!json.value("results", AnyJson()).is_array()) return "`results` is no list";
  std::size_t passed = 0, failed = 0, errors = 0;
  for (const AnyJson& result : json["results"]) {
    if (const std::string problem = problem_of_result(result); !problem.empty()) {
      return problem + ": " + result.dump();
    }
    passed += result["status"] == "pass";
    failed += result["status"] == "fail";
    errors += result["status"] == "error";
  }
  const AnyJson summary = json.value("summary", AnyJson::object());
  if (summary.value("passed", passed + 1) != passed) return "`passed` is wrong";
  if (summary.value("failed", failed + 1) != failed) return "`failed` is wrong";
  if (summary.value("errors", errors + 1) != errors) return "`errors` is wrong";
  const AnyJson errors_list = json.value("errors", AnyJson::array());
  for (const AnyJson& error : errors_list) {
    for (const char* key : {"file", "found", "accepted", "suggestion", "text"}) {
      if (!error.value(key, AnyJson()).is_string()) return std::string(key) + " of an error";
    }
    if (!error.value("line", AnyJson()).is_number()) return "line of an error";
    if (!error.value("column", AnyJson()).is_number()) return "column of an error";
  }
  return "";
}

}  // namespace nptsim::report

#endif  // NPTSIM_TESTS_REPORT_RESULT_SHAPE_H_
