#include "sim/trace/verdict_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/report/text.h"
#include "sim/yaml/node.h"

namespace nptsim::trace {
namespace {

std::string rule_text(const Told& expected) {
  if (expected.rule.empty() && expected.decided.empty()) return "";
  std::string text = "[" + (expected.rule.empty() ? expected.decided : expected.rule);
  if (!expected.rule.empty() && !expected.decided.empty() && expected.decided != expected.rule) {
    text += ", after " + expected.decided;
  }
  return text + "]";
}

std::string expected_text(const Told& expected) {
  const std::string rule = rule_text(expected);
  return expected.text + (rule.empty() ? "" : "  " + rule);
}

// "vCPU 3", "thread 8600", "vCPU ?".
std::string name_of(const StreamVerdict& stream) {
  if (!stream.named) return "vCPU ?";
  if (stream.recorded >= kFirstThread)
    return fmt::format("thread {}", stream.recorded - kFirstThread);
  return fmt::format("vCPU {}", stream.recorded);
}

std::string assumed_text(const Verdict& verdict) {
  std::string text;
  for (const auto& [key, value] : verdict.assumed) {
    text += (text.empty() ? "" : ", ") + key + "=" + value;
  }
  return text;
}

void add_parting(const StreamVerdict& stream, std::string& out) {
  const Parting& parting = *stream.parting;
  out += fmt::format("  they part at event {} of {}\n", parting.number,
                     stream.place.empty() ? "the recording" : stream.place);
  out += "    seen      " + parting.seen + "\n";
  out += "    expected  " +
         (parting.expected ? expected_text(*parting.expected)
                           : std::string("nothing more: the run is at its end")) +
         "\n";
  if (!parting.differs.empty()) {
    out += "    differs   " + report::join(parting.differs, ", ") + "\n";
  }
  for (const Told& accepted : parting.accepted) {
    out += "    accepted  " + expected_text(accepted) + "\n";
  }
}

void add_stream(const StreamVerdict& stream, std::string& out) {
  const AlignCounts& counts = stream.counts;
  if (stream.cut) {
    out +=
        fmt::format("  {}: not compared, the scenario's VM ended before it ran\n", name_of(stream));
    return;
  }
  out += fmt::format("  {}: {} of {} events agree", name_of(stream), counts.agreed, counts.events);
  if (counts.untold > 0) out += fmt::format(", {} are not told by the model", counts.untold);
  if (counts.rounds > 0) out += fmt::format(", {} times round the spin", counts.rounds);
  if (stream.named && stream.model != stream.recorded) {
    out += fmt::format("; taken for vcpu{}", stream.model);
  }
  out += "\n";
  if (stream.parting) add_parting(stream, out);
}

void add_candidates(const CheckedTrace& trace, const Verdict& best, std::string& out) {
  if (best.assumed.empty()) return;
  const auto agreeing = static_cast<std::size_t>(std::count_if(
      trace.verdicts.begin(), trace.verdicts.end(),
      [](const Verdict& verdict) { return verdict.agreement == Agreement::kAgrees; }));
  out += fmt::format("  assumed: {} ({} of {} candidates agree)\n", assumed_text(best), agreeing,
                     trace.verdicts.size());
  const std::pair<std::string, std::string> given("kernel", "given");
  if (std::find(best.assumed.begin(), best.assumed.end(), given) != best.assumed.end()) {
    out += "  the kernel is given: what it did is no question, the processor's part is\n";
  }
}

report::Json parting_json(const StreamVerdict& stream) {
  const Parting& parting = *stream.parting;
  report::Json json;
  json["event"] = parting.number;
  json["place"] = stream.place;
  json["seen"] = parting.seen;
  json["expected"] = parting.expected ? report::Json(parting.expected->text) : report::Json();
  json["rule"] = parting.expected ? parting.expected->rule : "";
  json["decided"] = parting.expected ? parting.expected->decided : "";
  json["accepted"] = report::Json::array();
  json["differs"] = parting.differs;
  for (const Told& accepted : parting.accepted) json["accepted"].push_back(accepted.text);
  return json;
}

report::Json stream_json(const StreamVerdict& stream) {
  report::Json json;
  const bool thread = stream.recorded >= kFirstThread;
  json["vcpu"] = stream.named && !thread ? report::Json(stream.recorded) : report::Json();
  if (thread) json["thread"] = stream.recorded - kFirstThread;
  json["cut"] = stream.cut;
  json["taken_for"] = stream.model;
  json["events"] = stream.counts.events;
  json["agreed"] = stream.counts.agreed;
  json["not_told"] = stream.counts.untold;
  json["rounds"] = stream.counts.rounds;
  if (stream.parting) json["parts"] = parting_json(stream);
  return json;
}

}  // namespace

const Verdict* best_of(const CheckedTrace& trace) {
  return trace.verdicts.empty() ? nullptr : &trace.verdicts[best_of(trace.verdicts)];
}

Agreement agreement_of(const CheckedTrace& trace) {
  const Verdict* best = best_of(trace);
  return best == nullptr || !trace.not_modelled.empty() ? Agreement::kNotModelled : best->agreement;
}

std::string verdict_text(const CheckedTrace& trace) {
  const Verdict* best = best_of(trace);
  std::string out = fmt::format("{:<12} {}", name_of(agreement_of(trace)), trace.file);
  if (!trace.title.empty()) out += ": " + yaml::printable(trace.title);
  out += "\n";
  if (!trace.source.empty()) out += "  recorded: " + yaml::printable(trace.source) + "\n";
  if (!trace.scenario.empty()) out += "  beside " + trace.scenario + "\n";
  if (!trace.not_modelled.empty()) out += "  because " + trace.not_modelled + "\n";
  if (best != nullptr) {
    if (!best->why.empty()) out += "  because " + best->why + "\n";
    add_candidates(trace, *best, out);
    for (const StreamVerdict& stream : best->streams) add_stream(stream, out);
    for (const std::string& one : best->ending_differs) out += "  differs   " + one + "\n";
    if (!best->outcome_said.empty()) {
      out +=
          fmt::format("  outcome: {} is {}; the model: {}\n", yaml::printable(best->outcome_said),
                      best->outcome_differs ? "not met" : "met", best->outcome_run);
    }
  }
  for (const std::string& name : trace.not_known) out += "  not compared: " + name + "\n";
  if (trace.lines) {
    const TraceCounts& lines = *trace.lines;
    out += fmt::format(
        "  {} lines: {} events, {} of other tracepoints, {} in another shape, {} unknown",
        lines.lines, lines.seen, lines.foreign, lines.misshapen, lines.unknown);
    if (lines.lost > 0) out += fmt::format(", {} reported as lost", lines.lost);
    if (lines.gaps > 0) out += fmt::format(", {} gaps that are not counted", lines.gaps);
    if (lines.overwritten > 0) {
      out += fmt::format(", {} overwritten before the first", lines.overwritten);
    }
    out += "\n";
  }
  for (const std::string& one : trace.missing) {
    out += "  the recording does not say: " + yaml::printable(one) + "\n";
  }
  return out;
}

report::Json verdict_json(const CheckedTrace& trace) {
  const Verdict* best = best_of(trace);
  report::Json json;
  json["file"] = trace.file;
  json["name"] = trace.title;
  json["scenario"] = trace.scenario;
  const Agreement agreement = agreement_of(trace);
  json["status"] = agreement == Agreement::kAgrees  ? "pass"
                   : agreement == Agreement::kParts ? "fail"
                                                    : "error";
  json["agreement"] = name_of(agreement);
  json["why"] = !trace.not_modelled.empty() ? trace.not_modelled : best != nullptr ? best->why : "";
  json["candidates"] = trace.verdicts.size();
  json["assumed"] = report::Json::object();
  json["vcpus"] = report::Json::array();
  if (best != nullptr) {
    for (const auto& [key, value] : best->assumed) json["assumed"][key] = value;
    for (const StreamVerdict& stream : best->streams) {
      json["vcpus"].push_back(stream_json(stream));
    }
    json["outcome"] = {{"recorded", best->outcome_said},
                       {"model", best->outcome_run},
                       {"differs", best->outcome_differs}};
    json["ending_differs"] = best->ending_differs;
  }
  json["not_compared"] = trace.not_known;
  if (trace.lines) {
    json["lines"] = {{"all", trace.lines->lines},       {"events", trace.lines->seen},
                     {"foreign", trace.lines->foreign}, {"misshapen", trace.lines->misshapen},
                     {"unknown", trace.lines->unknown}, {"lost", trace.lines->lost},
                     {"gaps", trace.lines->gaps},       {"overwritten", trace.lines->overwritten}};
  }
  return json;
}

}  // namespace nptsim::trace
