// The tables of docs/rmp.md, printed from the code's own.
#ifndef NPTSIM_TESTS_ARCH_RMP_TABLES_H_
#define NPTSIM_TESTS_ARCH_RMP_TABLES_H_

#include <string>

#include "sim/arch/svm/rmp_check.h"
#include "sim/arch/svm/rmp_choices.h"
#include "sim/arch/svm/rmp_states.h"

namespace nptsim::svm {

inline std::string text(std::string_view view) { return std::string(view); }

inline std::string diagram_name(RmpPageState state) {
  std::string name = text(name_of(state));
  std::erase(name, '-');
  return name;
}

// Instructions only: what firmware does is in the table.
inline std::string state_diagram() {
  std::string out = "```mermaid\nstateDiagram-v2\n";
  for (const RmpTransition& t : rmp_transitions()) {
    if (!is_instruction(t.cause) || t.from == t.to) continue;
    out += "  " + diagram_name(t.from) + " --> " + diagram_name(t.to) + ": " +
           text(name_of(t.cause)) + " " + text(t.how) + "\n";
  }
  return out + "```\n";
}

inline std::string state_table() {
  std::string out = "| state | meaning |\n|---|---|\n";
  for (const RmpPageStateText& row : kRmpPageStateTexts) {
    out += "| " + text(row.name) + " | " + text(row.meaning) + " |\n";
  }
  return out;
}

inline std::string transition_table() {
  std::string out = "| from | to | by | how | evidence |\n|---|---|---|---|---|\n";
  for (const RmpTransition& t : rmp_transitions()) {
    out += "| " + text(name_of(t.from)) + " | " + text(name_of(t.to)) + " | " +
           text(name_of(t.cause)) + " | " + text(t.how) + " | " + text(name_of(t.evidence)) +
           " |\n";
  }
  return out;
}

inline std::string name_of_test(RmpTest test) {
  constexpr std::string_view kNames[] = {"covered",
                                         "hypervisor-owned",
                                         "hypervisor-owned (4K)",
                                         "not in use",
                                         "guest-owned",
                                         "reverse map",
                                         "mutable",
                                         "page size",
                                         "validated",
                                         "rights of the VMPL",
                                         "VMSA"};
  return text(kNames[static_cast<unsigned>(test)]);
}

inline std::string access_table() {
  std::string out = "| access | checks, in order |\n|---|---|\n";
  for (const RmpAccessRow& row : rmp_access_rows()) {
    std::string checks;
    for (const RmpTest test : row.checks)
      checks += (checks.empty() ? "" : ", ") + name_of_test(test);
    out += "| " + text(row.name) + " | " + (checks.empty() ? "none" : checks) + " |\n";
  }
  return out;
}

inline std::string hardware_table() {
  std::string out =
      "| page | checks | failure | in use while the guest runs |\n|---|---|---|---|\n";
  for (const HardwarePageRow& row : hardware_page_rows()) {
    std::string checks;
    for (const RmpTest test : row.checks)
      checks += (checks.empty() ? "" : ", ") + name_of_test(test);
    out += "| " + text(row.name) + " | " + checks + " | " + text(name_of(row.failure)) + " | " +
           (row.held ? "yes" : "no") + " |\n";
  }
  return out;
}

inline std::string choice_table() {
  std::string out = "| `cpu.` | without | what it decides |\n|---|---|---|\n";
  const RmpChoices defaults;
  for (const RmpSwitch& s : kRmpSwitches) {
    out += "| `" + text(s.name) + "` | " + (defaults.*s.member ? "on" : "off") + " | " +
           text(s.on) + " |\n";
  }
  for (const RmpRefusalChoice& c : kRmpRefusalChoices) {
    out += "| `" + text(c.name) + "` | " + text(name_of(defaults.*c.member)) + " | " +
           text(c.question) + " |\n";
  }
  return out;
}

}  // namespace nptsim::svm

#endif  // NPTSIM_TESTS_ARCH_RMP_TABLES_H_
