// What the tests of scenarios share.
#ifndef NPTSIM_TESTS_SCENARIO_SUPPORT_H_
#define NPTSIM_TESTS_SCENARIO_SUPPORT_H_

#include <doctest/doctest.h>

#include <string>

#include "sim/base/diagnostic.h"
#include "sim/scenario/load.h"
#include "sim/scenario/scenario.h"

namespace nptsim::scenario {

inline std::string all(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += to_string(diagnostic) + "\n";
  return text;
}

inline std::string errors_of(const std::string& text) {
  const Loaded loaded = load_text(text, "f.yaml");
  return loaded ? "" : all(loaded.error());
}

inline Scenario only_scenario(const std::string& text) {
  Loaded loaded = load_text(text, "f.yaml");
  CHECK(errors_of(text) == "");
  REQUIRE(loaded.ok());
  REQUIRE(loaded.value().size() == 1);
  return loaded.value()[0];
}

// A scenario in five lines; `more` follows.
inline std::string small(const std::string& more = "") {
  return "nptsim: 1\n"
         "name: small\n"
         "machine: { cpu: milan, kernel: kvm-7.0 }\n"
         "memory: { ram: { gpa: 0, size: 16M }, flash: { gpa: 0xffc00000, size: 4M, device: pflash "
         "} }\n"
         "program: { vcpu0: nop }\n" +
         more;
}

}  // namespace nptsim::scenario

#endif  // NPTSIM_TESTS_SCENARIO_SUPPORT_H_
