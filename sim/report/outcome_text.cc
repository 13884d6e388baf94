#include "sim/report/outcome_text.h"

#include <fmt/format.h>

#include "sim/report/text.h"

namespace nptsim::report {

using machine::Outcome;
using machine::OutcomeKind;

namespace {

std::string details(const Outcome& outcome) {
  switch (outcome.kind) {
    case OutcomeKind::kSpins:
      return fmt::format(" ({})", machine::name_of(outcome.spin));
    case OutcomeKind::kException: {
      if (!outcome.vector) return "";
      std::string text = fmt::format(" (vector {}", *outcome.vector);
      if (outcome.error_code) text += ", error code " + hex(*outcome.error_code);
      return text + ")";
    }
    case OutcomeKind::kGuestTerminated:
      if (!outcome.reason_set && !outcome.reason_code) return "";
      return fmt::format(" (reason {}:{})", outcome.reason_set.value_or(0),
                         outcome.reason_code.value_or(0));
    case OutcomeKind::kVmKilled: {
      std::string text = outcome.who.empty() ? "" : " by " + outcome.who;
      if (outcome.process_alive) text += *outcome.process_alive ? ", the process lives on" : "";
      return text;
    }
    case OutcomeKind::kRefused:
      return outcome.who.empty() ? "" : " by " + outcome.who;
    default:
      return "";
  }
}

bool ends_somewhere(OutcomeKind kind) {
  return kind != OutcomeKind::kCompletes && kind != OutcomeKind::kRefused;
}

}  // namespace

std::string describe(const Outcome& outcome) {
  std::string text(machine::name_of(outcome.kind));
  text += details(outcome);
  if (!outcome.at.empty() && ends_somewhere(outcome.kind)) text += " at `" + outcome.at + "`";
  if (!outcome.text.empty()) text += ": " + outcome.text;
  return printable(text);
}

std::string describe(const machine::RunResult& run) {
  if (run.vm.kind != OutcomeKind::kCompletes) return "vm " + describe(run.vm);
  std::string text;
  for (std::size_t i = 0; i < run.vcpus.size(); ++i) {
    if (i > 0) text += ", ";
    text += fmt::format("vcpu{} {}", i, describe(run.vcpus[i]));
  }
  return text;
}

std::vector<std::pair<std::string, std::uint64_t>> values_read(const Outcome& outcome) {
  std::vector<std::pair<std::string, std::uint64_t>> values;
  for (unsigned i = 0; i < isa::kGprCount; ++i) {
    if (i == isa::kRsp || outcome.registers.gpr[i] == 0) continue;
    values.emplace_back(isa::gpr_name(i), outcome.registers.gpr[i]);
  }
  return values;
}

}  // namespace nptsim::report
