// What a scenario claims. Judging a run against it is judge.h's matter.
#ifndef NPTSIM_SIM_SCENARIO_EXPECT_H_
#define NPTSIM_SIM_SCENARIO_EXPECT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/scenario/located.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {

// How one vCPU, or the VM, is to end. What is not said may be anything.
struct ExpectedOutcome {
  SourcePos pos;
  std::optional<Text> outcome;             // one of outcome_words()
  std::optional<Text> kind;                // of a spin: fault, kernel, vmm, guest
  std::optional<Text> at;                  // the source line; white space and comments do not count
  std::optional<Number> vector;
  std::optional<Number> error_code;
  std::optional<Number> reason_set;
  std::optional<Number> reason_code;
  std::optional<Text> who;
  std::optional<Text> text;                // a part of what a person would see
  std::optional<Located<bool>> process_alive;
  std::map<std::string, Number> registers;  // "rax", "al", "cf", ...
};

// An event by its kind and some of its fields. Also matches a `do` or `call` of that name, so that
// `none: [ psmash ]` reads well.
//
//   number     equal by value, however it is written
//   word       equal text; yes/on/true and no/off/false for a flag
//   list       a set of names: exactly these, in any order
//   { contains: [...] }   a set of names: at least these
//   { any: [...] }        one of these values
//   { not: value }        anything else, or no such field
//
// `by`, `layer` and `rule` are fields of every event.
struct EventPattern {
  Text kind;
  yaml::Node fields;                       // a map; null when only the kind counts
};

struct EventCount {
  EventPattern pattern;
  Number times;
};

struct Expectation {
  SourcePos pos;
  std::map<std::string, ExpectedOutcome> vcpus;   // "vcpu0", or "a.vcpu0" with several VMs
  std::map<std::string, ExpectedOutcome> vms;     // "vm", or "a.vm"
  std::optional<Located<std::vector<std::string>>> harm;  // these flags, no others; unsaid: none
  std::optional<Text> seen_by;
  std::vector<EventPattern> events;               // happen in this order, others may be between
  std::optional<std::vector<EventPattern>> only;  // of the kinds named, just these
  std::vector<EventPattern> none;                 // never happen
  std::vector<EventCount> count;                  // happen so often
};

// One item of a list under `expect:`.
struct ExpectCase {
  // Key of `set:` or of `machine:` -> values that it is for. Empty: for all points.
  std::vector<std::pair<Text, std::vector<Text>>> when;
  Expectation expectation;
};

// Whether a key of an outcome is one of its own, and no register.
bool is_outcome_key(std::string_view key);

const std::vector<std::string>& outcome_words();
const std::vector<std::string>& spin_words();
const std::vector<std::string>& harm_words();
const std::vector<std::string>& seen_by_words();

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_EXPECT_H_
