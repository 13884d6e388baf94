// A scenario from a text to a machine, for tests.
#ifndef NPTSIM_TESTS_BUILD_STORY_H_
#define NPTSIM_TESTS_BUILD_STORY_H_

#include <doctest/doctest.h>

#include <string>

#include "sim/scenario/build.h"
#include "sim/scenario/load.h"
#include "sim/scenario/matrix.h"

namespace nptsim::scenario {

inline models::Library& library() {
  static models::Library library(".");  // tests run in the project's folder
  return library;
}

inline std::string text_of(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& one : diagnostics) text += to_string(one) + "\n";
  return text;
}

// The first point of a scenario: `body` is everything but its head.
inline Scenario point_of(const std::string& body) {
  const auto loaded = load_text("nptsim: 1\nname: a test\n" + body, "test.yaml");
  if (!loaded.ok()) FAIL(text_of(loaded.error()));
  const auto points = expand(loaded.value().front());
  if (!points.ok()) FAIL(text_of(points.error()));
  return points.value().front().scenario;
}

// Keeps the scenario for as long as the machine, which does not need it.
struct Story {
  explicit Story(const std::string& body) : scenario(point_of(body)) {
    auto result = build(scenario, library());
    if (!result.ok()) FAIL(text_of(result.error()));
    built = std::move(result).value();
  }

  machine::Machine& machine() { return *built.machine; }
  const machine::Setup& setup() const { return *built.setup; }
  svm::VcpuRecord& vcpu(unsigned n = 0) { return svm::vcpu_record(built.machine->store(), n); }

  Scenario scenario;
  Built built;
};

// What is wrong with it, as text; empty if nothing is.
inline std::string refusal(const std::string& body) {
  const Scenario scenario = point_of(body);
  const auto result = build(scenario, library());
  return result.ok() ? "" : text_of(result.error());
}

inline const std::string kPlain = "machine: { cpu: milan, kernel: kvm-7.0, vmm: bare }\n";
inline const std::string kSealed =
    "machine: { cpu: milan, vm: sev-es-legacy, kernel: kvm-7.0, vmm: bare }\n";
inline const std::string kRam = "memory: { ram: { gpa: 0, size: 16M } }\n";

}  // namespace nptsim::scenario

#endif  // NPTSIM_TESTS_BUILD_STORY_H_
