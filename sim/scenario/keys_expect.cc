// The keys of `expect:` and `explore:`.
#include <algorithm>

#include "sim/scenario/expect.h"
#include "sim/scenario/forms.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/registers.h"

namespace nptsim::scenario {
namespace {

bool is_vm_name(std::string_view text) {
  return text.ends_with(".vm") && is_name(text.substr(0, text.size() - 3));
}

const Section& outcome_keys() {
  static const Section kSection = {
      "outcome",
      "How a vCPU or a VM ends; what is not said may be anything.",
      {
          {"outcome", "How it ends.", word(outcome_words())},
          {"kind", "Of a spin: who goes round.", word(spin_words())},
          {"at", "The source line at which it ends.", text()},
          {"vector", "Of an exception: a number or a name like #VC.",
           text(kVectorForm, [](std::string_view t) { return parse_vector(t).has_value(); })},
          {"error_code", "Of an exception.", number()},
          {"reason_set", "Of a termination that the guest asked for.", number(0, 15)},
          {"reason_code", "Of a termination that the guest asked for.", number(0, 255)},
          {"who", "Who refused, or stopped the VM.", text()},
          {"text", "A part of what a person would see.", text()},
          {"process_alive", "Whether the VMM's process lives on.", yes_no()},
      },
      {"a register like rax, al or cf",
       "^[a-z][a-z0-9]*$",
       [](std::string_view t) { return is_register(std::string(t)); },
       "Its value at the end.",
       {number()}}};
  return kSection;
}

const Section& when_keys() {
  static const Section kSection = {"when",
                                   "The points of a matrix: each key has one of its values.",
                                   {},
                                   {"a key of `set:` or `machine:`",
                                    "^[A-Za-z][A-Za-z0-9_.-]*$",
                                    is_dotted_name,
                                    "The value, or a list of them.",
                                    {texts()}}};
  return kSection;
}

const Section& times_keys() {
  static const Section kSection = {
      "times",
      "How often events happen, by kind.",
      {},
      {"a kind of event", "^[a-z][a-z0-9_-]*$", is_name, "The number.", {number()}}};
  return kSection;
}

std::vector<Key> claims() {
  return {
      {"vm", "How the VM as a whole ends.", map(outcome_keys())},
      {"harm", "The harm flags that are raised, and no others; none without.",
       list(word(harm_words()))},
      {"seen_by", "Who notices.", word(seen_by_words())},
      {"events", "Happen in this order; others may happen between them.", list(any())},
      {"only", "Of the kinds named here these happen, in this order, and no others.", list(any())},
      {"none", "Never happen.", list(any())},
      {"count", "Happen so often: by kind, or a list of patterns with `times:`.",
       either({map(times_keys()), list(any())})},
  };
}

NamedKeys by_vcpu() {
  return {"a vCPU like vcpu0",
          "^([A-Za-z][A-Za-z0-9_-]*\\.)?(vcpu[0-9]+|vm)$",
          [](std::string_view t) { return parse_vcpu(t).has_value() || is_vm_name(t); },
          "How this vCPU ends.",
          {map(outcome_keys())}};
}

Shape one_or_more_expectations() {
  return either({map(expectation_keys()), list(map(expectation_keys()))});
}

const Section& delayed_choice_keys() {
  static const Section kSection = {"choice",
                                   "A choice that is made later.",
                                   {{"values", "What can be picked.", texts(), true},
                                    {"at", "The label of a vCPU at which it is picked.", text()}},
                                   {}};
  return kSection;
}

const Section& choose_keys() {
  static const Section kSection = {"choose",
                                   "One value of each, picked at the start.",
                                   {},
                                   {"a parameter like cpu.stale_tlb",
                                    "^[A-Za-z][A-Za-z0-9_.-]*$",
                                    is_dotted_name,
                                    "The values.",
                                    {either({texts(), map(delayed_choice_keys())})}}};
  return kSection;
}

}  // namespace

bool is_outcome_key(std::string_view key) {
  const auto& keys = outcome_keys().keys;
  return std::any_of(keys.begin(), keys.end(), [key](const Key& k) { return k.name == key; });
}

const Section& expectation_keys() {
  static const Section kSection = {"expectation", "What happens.", claims(), by_vcpu()};
  return kSection;
}

const Section& expect_case_keys() {
  static const Section kSection = [] {
    Section section = {"expect_case", "What happens at some points of a matrix.", claims(),
                       by_vcpu()};
    section.keys.insert(section.keys.begin(),
                        {"when", "The points that this is for; all without.", map(when_keys())});
    return section;
  }();
  return kSection;
}

const Section& explore_keys() {
  static const Section kSection = {
      "explore",
      "What is judged over all interleavings.",
      {
          {"may", "Acts that happen at any step, or never.", list(map(act_keys()))},
          {"choose", "One value of each, picked at the start or at a label.", map(choose_keys())},
          {"possible", "There is an interleaving in which this happens.",
           one_or_more_expectations()},
          {"always", "This happens in every interleaving.", one_or_more_expectations()},
          {"never", "This happens in no interleaving.", one_or_more_expectations()},
          {"eventually", "Comes about in every interleaving, like `vcpu0 progresses`.", texts()},
      },
      {}};
  return kSection;
}

}  // namespace nptsim::scenario
