#include "sim/trace/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "sim/trace/compare_ending.h"
#include "sim/trace/outcome_class.h"

namespace nptsim::trace {
namespace {

using machine::OutcomeKind;

std::string outcomes_text(const machine::RunResult& run) {
  std::string text;
  for (std::size_t i = 0; i < run.vcpus.size(); ++i) {
    text += fmt::format("{}vcpu{} {}", i == 0 ? "" : ", ", i, machine::name_of(run.vcpus[i].kind));
  }
  return text;
}

// What no source settles, or what the model leaves out.
const machine::Outcome* gap_of(const machine::RunResult& run) {
  const auto is_gap = [](const machine::Outcome& outcome) {
    return outcome.kind == OutcomeKind::kUnspecified || outcome.kind == OutcomeKind::kUndecided;
  };
  if (is_gap(run.vm)) return &run.vm;
  const auto found = std::find_if(run.vcpus.begin(), run.vcpus.end(), is_gap);
  return found == run.vcpus.end() ? nullptr : &*found;
}

}  // namespace

std::string_view name_of(Agreement agreement) {
  constexpr std::string_view kNames[] = {"agrees", "parts", "not modelled"};
  return kNames[static_cast<unsigned>(agreement)];
}

void Candidate::begin(machine::RunResult run) {
  run_ = std::move(run);
  projection_.end(run_.vcpus.size());
}

// A number that the scenario has keeps it. A thread is the first free vCPU to which the like of its
// first event happens; others take the next that is free. The number of vCPUs if there is none.
std::size_t Candidate::vcpu_for(unsigned recorded, const Seen* seen) const {
  const std::size_t vcpus = projection_.streams().size();
  const auto is_taken = [&](std::size_t model) {
    return std::any_of(lanes_.begin(), lanes_.end(),
                       [&](const Lane& lane) { return lane.verdict.model == model; });
  };
  if (recorded < vcpus && !is_taken(recorded)) return recorded;
  if (recorded >= kFirstThread && seen != nullptr) {
    const auto happens_to = [&](const Stream& stream) {
      return std::any_of(stream.begin(), stream.end(), [&](const Expected& one) {
        return one.own && one.n != 0 && one.seen.event == seen->event;
      });
    };
    for (std::size_t model = 0; model < vcpus; ++model) {
      if (!is_taken(model) && happens_to(projection_.streams()[model])) return model;
    }
  }
  std::size_t model = 0;
  while (model < vcpus && is_taken(model)) ++model;
  return model;
}

// One schedule runs the vCPUs one after the other: who comes behind the one that stopped the VM has
// nothing to compare.
bool Candidate::never_ran(std::size_t vcpu) const {
  if (run_.vm.kind != OutcomeKind::kVmKilled && run_.vm.kind != OutcomeKind::kHostFault)
    return false;
  const Stream& stream = projection_.streams()[vcpu];
  return vcpu > 0 &&
         std::none_of(stream.begin(), stream.end(), [](const Expected& one) { return one.own; });
}

Candidate::Lane* Candidate::lane_of(std::optional<unsigned> vcpu, const Seen* seen) {
  if (!vcpu && !lanes_.empty()) return &lanes_[last_];
  const unsigned recorded = vcpu.value_or(0);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i].verdict.recorded == recorded) return &lanes_[last_ = i];
  }
  const std::size_t model = vcpu_for(recorded, seen);
  if (model == projection_.streams().size()) return nullptr;
  const Stream& expected = projection_.streams()[model];
  const bool spins = run_.vcpus[model].kind == OutcomeKind::kSpins;
  Lane lane;
  lane.verdict.recorded = recorded;
  lane.verdict.model = static_cast<unsigned>(model);
  lane.verdict.named = vcpu.has_value();
  lane.verdict.cut = never_ran(model);
  if (!lane.verdict.cut) {
    lane.aligner = std::make_unique<Aligner>(view_, expected,
                                             spins ? round_of(expected) : std::nullopt, rules_);
  }
  last_ = lanes_.size();
  lanes_.push_back(std::move(lane));
  return &lanes_.back();
}

void Candidate::take(const Seen& seen, std::optional<unsigned> vcpu, bool after_loss,
                     const std::string& place) {
  Lane* lane = lane_of(vcpu, &seen);
  if (lane == nullptr) {
    ++no_lane_;
    return;
  }
  if (lane->aligner == nullptr) return;
  const bool parted = lane->aligner->parting().has_value();
  lane->aligner->take(seen, after_loss);
  if (!parted && lane->aligner->parting()) lane->verdict.place = place;
}

void Candidate::finish(const Recording& recording, const std::vector<MemoryChange>& memory) {
  for (const RecordedEnding& ending : recording.endings) {
    Lane* lane = lane_of(ending.vcpu, nullptr);  // whose stream may have no event at all
    if (lane != nullptr && lane->aligner != nullptr) lane->aligner->finish();
    for (std::string& one : differences(ending, run_)) ending_differs_.push_back(std::move(one));
  }
  if (!recording.memory) return;
  for (std::string& one : differences(*recording.memory, memory)) {
    ending_differs_.push_back(std::move(one));
  }
}

Verdict Candidate::end(const std::string& outcome_class) const {
  Verdict verdict;
  std::uint64_t untold = 0;
  for (const Lane& lane : lanes_) {
    StreamVerdict stream = lane.verdict;
    if (lane.aligner != nullptr) {
      stream.counts = lane.aligner->counts();
      stream.parting = lane.aligner->parting();
    }
    verdict.agreed += stream.counts.agreed;
    untold += stream.counts.untold;
    if (stream.parting) verdict.agreement = Agreement::kParts;
    verdict.streams.push_back(std::move(stream));
  }
  verdict.ending_differs = ending_differs_;
  if (!ending_differs_.empty()) verdict.agreement = Agreement::kParts;
  verdict.outcome_said = outcome_class;
  verdict.outcome_run = outcomes_text(run_);
  const OutcomeClass* wanted = find_outcome_class(outcome_class);
  if (wanted != nullptr && !meets(*wanted, run_)) {
    verdict.outcome_differs = true;
    verdict.agreement = Agreement::kParts;
  }
  if (const machine::Outcome* gap = gap_of(run_)) {
    verdict.agreement = Agreement::kNotModelled;
    verdict.why = gap->text;
  } else if (verdict.agreement == Agreement::kAgrees && verdict.agreed == 0 &&
             (wanted == nullptr || wanted->kinds.empty())) {
    verdict.agreement = Agreement::kNotModelled;
    verdict.why = wanted != nullptr && !wanted->why_not.empty()
                      ? std::string(wanted->why_not)
                      : fmt::format("of {} recorded events the model tells none", untold);
  } else if (no_lane_ > 0 && verdict.agreement == Agreement::kAgrees) {
    verdict.agreement = Agreement::kNotModelled;
    verdict.why = fmt::format("{} events are of more vCPUs than the scenario has", no_lane_);
  }
  return verdict;
}

std::set<std::string> Candidate::rules_met(bool made_only) const {
  std::set<std::string> rules;
  for (const Lane& lane : lanes_) {
    if (lane.aligner == nullptr) continue;
    const Stream& stream = projection_.streams()[lane.verdict.model];
    const std::vector<bool>& met = lane.aligner->met();
    const auto last = std::find(met.rbegin(), met.rend(), true);
    const auto end = static_cast<std::size_t>(met.rend() - last);
    bool begun = false;
    for (std::size_t i = 0; i < end; ++i) {
      begun |= met[i];
      if (!begun) continue;
      const Expected& one = stream[i];
      if (met[i] && !one.rule.empty()) rules.insert(one.layer + " " + one.rule);
      if (!made_only) rules.insert(one.decided.begin(), one.decided.end());
    }
  }
  return rules;
}

std::size_t best_of(const std::vector<Verdict>& verdicts) {
  const auto rank = [](const Verdict& verdict) {
    const unsigned by_agreement = verdict.agreement == Agreement::kAgrees        ? 2
                                  : verdict.agreement == Agreement::kNotModelled ? 0
                                                                                 : 1;
    return std::tuple(by_agreement, verdict.agreed, !verdict.outcome_differs);
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < verdicts.size(); ++i) {
    if (rank(verdicts[i]) > rank(verdicts[best])) best = i;
  }
  return best;
}

}  // namespace nptsim::trace
