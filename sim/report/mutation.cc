#include "sim/report/mutation.h"

#include <fmt/format.h>

#include <array>
#include <map>

#include "sim/report/json.h"

namespace nptsim::report {
namespace {

constexpr std::array<const char*, 8> kEnds = {"not-run", "noticed",    "stopped",   "unnoticed",
                                              "refused", "equivalent", "unreached", "one-order"};

void count(MutationSummary& sum, MutantEnd end) {
  switch (end) {
    case MutantEnd::kNotRun:
      ++sum.not_run;
      break;
    case MutantEnd::kNoticed:
    case MutantEnd::kStopped:
      ++sum.noticed;
      break;
    case MutantEnd::kUnnoticed:
      ++sum.unnoticed;
      break;
    case MutantEnd::kRefused:
      ++sum.refused;
      break;
    case MutantEnd::kEquivalent:
      ++sum.equivalent;
      break;
    case MutantEnd::kUnreached:
      ++sum.unreached;
      break;
    case MutantEnd::kOneOrder:
      ++sum.one_order;
      break;
  }
}

std::string by_kind(const MutationReport& report) {
  std::map<std::string, MutationSummary> sums;
  for (const Mutant& mutant : report.mutants) {
    count(sums[mutant.model + " " + mutant.kind], mutant.end);
  }
  std::vector<std::vector<std::string>> rows{
      {"", "noticed", "not", "", "unreached", "one order", "equivalent", "refused"}};
  for (const auto& [kind, sum] : sums) {
    rows.push_back({kind, std::to_string(sum.noticed), std::to_string(sum.unnoticed),
                    fmt::format("{:.1f} %", sum.percent()), std::to_string(sum.unreached),
                    std::to_string(sum.one_order), std::to_string(sum.equivalent),
                    std::to_string(sum.refused)});
  }
  std::string out;
  for (const std::string& line : table(rows)) out += line + "\n";
  return out;
}

}  // namespace

double MutationSummary::percent() const {
  const std::size_t all = noticed + unnoticed;
  return all == 0 ? 100.0 : 100.0 * static_cast<double>(noticed) / static_cast<double>(all);
}

MutationSummary summarize(const MutationReport& report) {
  MutationSummary sum;
  for (const Mutant& mutant : report.mutants) {
    count(sum, mutant.end);
  }
  return sum;
}

std::string print_mutation(const MutationReport& report, const Style& style) {
  std::string out;
  for (const Mutant& mutant : report.mutants) {
    if (mutant.end != MutantEnd::kUnnoticed) continue;
    out += style.warn("unnoticed") + " " + mutant.model + " " + mutant.row + ": " +
           printable(mutant.text) + "\n          " + mutant.place + "\n";
  }
  const MutationSummary sum = summarize(report);
  out += "\n" + by_kind(report) + "\n";
  if (report.seed != 0) {
    out += fmt::format("a sample of {} of {} mutants, seed {}\n", report.mutants.size(), report.of,
                       report.seed);
  }
  out += fmt::format(
      "{} noticed ({:.1f} %), {} unnoticed, {} of rows that no point reaches, "
      "{} that another order of steps would show, "
      "{} equivalent, {} refused by the model's checks; {} points\n",
      sum.noticed, sum.percent(), sum.unnoticed, sum.unreached, sum.one_order, sum.equivalent,
      sum.refused, report.points);
  if (report.interrupted) out += fmt::format("interrupted, {} were not tried\n", sum.not_run);
  return out;
}

std::string print_mutation_json(const MutationReport& report) {
  Json json;
  json["nptsim"] = 1;
  json["verb"] = "mutate";
  json["results"] = Json::array();
  for (const Mutant& mutant : report.mutants) {
    Json one;
    one["model"] = mutant.model;
    one["row"] = mutant.row;
    one["kind"] = mutant.kind;
    one["change"] = mutant.text;
    one["place"] = mutant.place;
    one["status"] = kEnds[static_cast<unsigned>(mutant.end)];
    one["by"] = mutant.by;
    one["reached"] = mutant.reached;
    json["results"].push_back(std::move(one));
  }
  const MutationSummary sum = summarize(report);
  json["summary"] = {{"passed", sum.noticed}, {"failed", sum.unnoticed}, {"errors", 0}};
  json["summary"]["unreached"] = sum.unreached;
  json["summary"]["one_order"] = sum.one_order;
  json["summary"]["refused"] = sum.refused;
  json["summary"]["equivalent"] = sum.equivalent;
  json["of"] = report.of;
  if (report.seed != 0) json["seed"] = report.seed;
  json["errors"] = Json::array();
  for (const Diagnostic& one : report.diagnostics) json["errors"].push_back(to_json(one));
  if (report.interrupted) json["interrupted"] = true;
  return dump(json, 1) + "\n";
}

}  // namespace nptsim::report
