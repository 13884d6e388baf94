#include "sim/scenario/judge.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "sim/base/hex.h"
#include "sim/scenario/forms.h"
#include "sim/scenario/match_event.h"
#include "sim/scenario/matrix.h"
#include "sim/scenario/program.h"
#include "sim/scenario/registers.h"

namespace nptsim::scenario {
namespace {

using machine::Event;
using machine::Outcome;
using machine::OutcomeKind;
using machine::RunResult;

// "spins (fault) at 'mov al, [rbx]'".
std::string describe_outcome(const Outcome& outcome) {
  std::string text(machine::name_of(outcome.kind));
  if (outcome.kind == OutcomeKind::kSpins) {
    text += " (" + std::string(machine::name_of(outcome.spin)) + ")";
  }
  if (outcome.vector) text += ", vector " + std::to_string(*outcome.vector);
  if (outcome.error_code) text += ", error code " + hex(*outcome.error_code);
  if (outcome.reason_set && outcome.reason_code) {
    text += ", reason " + hex(*outcome.reason_set) + ":" + hex(*outcome.reason_code);
  }
  if (!outcome.who.empty()) text += ", by " + outcome.who;
  if (!outcome.at.empty()) text += " at '" + normal_line(outcome.at) + "'";
  if (!outcome.text.empty()) text += ": " + outcome.text;
  return text;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// Source lines are the same if they differ in white space, case, comment or a label in front.
std::string plain_line(const std::string& line) {
  std::string plain = lower(normal_line(line));
  const std::size_t colon = plain.find(": ");
  if (colon != std::string::npos && is_dotted_name(plain.substr(0, colon)) &&
      plain.substr(0, colon) != "bytes") {
    plain.erase(0, colon + 2);
  }
  return plain;
}

std::string number_or_nothing(const std::optional<std::uint64_t>& value) {
  return value ? hex(*value) : "nothing";
}

// One vCPU's, or the VM's, claims against how it ended.
class OutcomeJudge {
 public:
  OutcomeJudge(std::string name, const ExpectedOutcome& expected, const Outcome& outcome,
               std::vector<Difference>& differences)
      : name_(std::move(name)), expected_(expected), outcome_(outcome), differences_(differences) {}

  void run() {
    if (!same_outcome()) return;  // the rest would only repeat that
    const std::string spin(machine::name_of(outcome_.spin));
    if (expected_.kind) compare(*expected_.kind, "kind", spin);
    if (expected_.at && plain_line(expected_.at->value) != plain_line(outcome_.at)) {
      say(expected_.at->pos, "at '" + expected_.at->value + "'", "'" + outcome_.at + "'");
    }
    if (expected_.who) compare(*expected_.who, "who", outcome_.who);
    if (expected_.text && outcome_.text.find(expected_.text->value) == std::string::npos) {
      say(expected_.text->pos, "a text with '" + expected_.text->value + "'",
          "'" + outcome_.text + "'");
    }
    compare(expected_.vector, "vector", as_number(outcome_.vector));
    compare(expected_.error_code, "error_code", outcome_.error_code);
    compare(expected_.reason_set, "reason_set", as_number(outcome_.reason_set));
    compare(expected_.reason_code, "reason_code", as_number(outcome_.reason_code));
    if (expected_.process_alive) compare_alive(*expected_.process_alive);
    for (const auto& [name, value] : expected_.registers) {
      compare(value, name.c_str(), register_value(outcome_.registers, name));
    }
  }

 private:
  static std::optional<std::uint64_t> as_number(const std::optional<unsigned>& value) {
    return value ? std::optional<std::uint64_t>(*value) : std::nullopt;
  }

  bool same_outcome() {
    const std::string happened(machine::name_of(outcome_.kind));
    const bool undecided = outcome_.kind == OutcomeKind::kUndecided;
    const bool same = expected_.outcome && expected_.outcome->value == happened;
    if (!undecided && (same || !expected_.outcome)) return true;
    const bool gap = undecided || outcome_.kind == OutcomeKind::kUnspecified;
    const std::string wanted = expected_.outcome ? expected_.outcome->value : "an outcome";
    add({expected_.outcome ? expected_.outcome->pos : expected_.pos,
         name_ + ": expected " + wanted + ", but it is " + describe_outcome(outcome_), gap});
    return false;
  }

  void compare(const Text& wanted, const char* what, const std::string& happened) {
    if (wanted.value != happened) {
      say(wanted.pos, std::string(what) + " " + wanted.value,
          happened.empty() ? "nothing" : happened);
    }
  }

  void compare(const std::optional<Number>& wanted, const char* what,
               const std::optional<std::uint64_t>& happened) {
    if (!wanted || happened == wanted->value) return;
    say(wanted->pos, std::string(what) + " " + hex(wanted->value), number_or_nothing(happened));
  }

  void compare_alive(const Located<bool>& wanted) {
    if (outcome_.process_alive == wanted.value) return;
    const std::string happened = !outcome_.process_alive   ? "nothing"
                                 : *outcome_.process_alive ? "yes"
                                                           : "no";
    say(wanted.pos, std::string("process_alive ") + (wanted.value ? "yes" : "no"), happened);
  }

  void say(const SourcePos& pos, const std::string& wanted, const std::string& happened) {
    add({pos, name_ + ": expected " + wanted + ", but it is " + happened, false});
  }

  void add(Difference difference) { differences_.push_back(std::move(difference)); }

  const std::string name_;
  const ExpectedOutcome& expected_;
  const Outcome& outcome_;
  std::vector<Difference>& differences_;
};

// ---- events

class EventsJudge {
 public:
  EventsJudge(const Expectation& expectation, const std::vector<Event>& events,
              std::vector<Difference>& differences)
      : expectation_(expectation), events_(events), differences_(differences) {}

  void run() {
    judge_order();
    if (expectation_.only) judge_only(*expectation_.only);
    for (const EventPattern& pattern : expectation_.none) judge_none(pattern);
    for (const EventCount& count : expectation_.count) judge_count(count);
  }

 private:
  void judge_order() {
    std::size_t from = 0;
    for (const EventPattern& pattern : expectation_.events) {
      const auto found =
          std::find_if(events_.begin() + static_cast<std::ptrdiff_t>(from), events_.end(),
                       [&](const Event& event) { return matches(pattern, event); });
      if (found == events_.end()) {
        report_missing(pattern, from);
        continue;  // what is expected later may still be there
      }
      from = static_cast<std::size_t>(found - events_.begin()) + 1;
    }
  }

  void report_missing(const EventPattern& pattern, std::size_t from) {
    std::string sentence = "expected the event " + describe(pattern);
    if (from > 0) sentence += " after event " + std::to_string(events_[from - 1].n);
    sentence += ", but it does not happen";
    const auto earlier =
        std::find_if(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(from),
                     [&](const Event& event) { return matches(pattern, event); });
    if (earlier != events_.begin() + static_cast<std::ptrdiff_t>(from)) {
      sentence += "; it happens earlier, as event " + std::to_string(earlier->n);
    } else {
      sentence += nearest(pattern, from);
    }
    differences_.push_back({pattern.kind.pos, std::move(sentence), false});
  }

  // The event of this kind with the fewest wrong fields, the later part of the run first.
  std::string nearest(const EventPattern& pattern, std::size_t from) const {
    const Event* best = nullptr;
    std::size_t fewest = 0;
    for (std::size_t step = 0; step < events_.size(); ++step) {
      const Event& event = events_[(from + step) % events_.size()];
      if (!same_kind(pattern, event)) continue;
      const std::size_t wrong = mismatches(pattern, event).size();
      if (best == nullptr || wrong < fewest) {
        best = &event;
        fewest = wrong;
      }
    }
    if (best == nullptr) return "; no event of that kind does";
    std::string text = "; nearest is " + describe(*best);
    for (const std::string& sentence : mismatches(pattern, *best)) text += "; " + sentence;
    return text;
  }

  // The events whose kind is named, in order, are exactly the list.
  void judge_only(const std::vector<EventPattern>& patterns) {
    std::size_t at = 0;
    for (const Event& event : events_) {
      const bool named = std::any_of(patterns.begin(), patterns.end(),
                                     [&](const EventPattern& p) { return same_kind(p, event); });
      if (!named) continue;
      if (at == patterns.size()) {
        differences_.push_back(
            {patterns.back().kind.pos,
             "expected no more events of the kinds in `only`, but there is " + describe(event),
             false});
        return;
      }
      if (!matches(patterns[at], event)) {
        differences_.push_back({patterns[at].kind.pos,
                                "expected " + describe(patterns[at]) +
                                    " as the next event of the kinds in `only`, but it is " +
                                    describe(event),
                                false});
        return;
      }
      ++at;
    }
    if (at < patterns.size()) report_missing(patterns[at], 0);
  }

  void judge_none(const EventPattern& pattern) {
    const auto found = std::find_if(events_.begin(), events_.end(),
                                    [&](const Event& event) { return matches(pattern, event); });
    if (found == events_.end()) return;
    differences_.push_back(
        {pattern.kind.pos,
         "expected no event " + describe(pattern) + ", but there is " + describe(*found), false});
  }

  void judge_count(const EventCount& count) {
    const auto times = static_cast<std::uint64_t>(
        std::count_if(events_.begin(), events_.end(),
                      [&](const Event& event) { return matches(count.pattern, event); }));
    if (times == count.times.value) return;
    differences_.push_back({count.times.pos,
                            "expected the event " + describe(count.pattern) + " " +
                                std::to_string(count.times.value) + " times, but it happens " +
                                std::to_string(times) + " times",
                            false});
  }

  const Expectation& expectation_;
  const std::vector<Event>& events_;
  std::vector<Difference>& differences_;
};

// ---- the whole

void judge_harm(const Expectation& expectation, const RunResult& result,
                std::vector<Difference>& differences) {
  const SourcePos pos = expectation.harm ? expectation.harm->pos : expectation.pos;
  std::set<std::string> wanted;
  if (expectation.harm) {
    wanted.insert(expectation.harm->value.begin(), expectation.harm->value.end());
  }
  for (const std::string& flag : wanted) {
    if (result.harm.contains(flag)) continue;
    differences.push_back({pos, "expected the harm " + flag + ", but it is not done", false});
  }
  for (const std::string& flag : result.harm) {
    if (wanted.contains(flag)) continue;
    differences.push_back({pos, "the harm " + flag + " is done, and not expected", false});
  }
}

// An outcome that nobody claims anything about may be anything, but not a gap.
void judge_gap(const std::string& name, const Outcome& outcome, const SourcePos& pos,
               std::vector<Difference>& differences) {
  if (outcome.kind != OutcomeKind::kUndecided && outcome.kind != OutcomeKind::kUnspecified) return;
  differences.push_back({pos, name + " is " + describe_outcome(outcome), true});
}

void judge_outcomes(const Expectation& expectation, const RunResult& result,
                    std::vector<Difference>& differences) {
  for (std::size_t i = 0; i < result.vcpus.size(); ++i) {
    const std::string name = "vcpu" + std::to_string(i);
    const auto claim = expectation.vcpus.find(name);
    if (claim == expectation.vcpus.end()) {
      judge_gap(name, result.vcpus[i], expectation.pos, differences);
    } else {
      OutcomeJudge(name, claim->second, result.vcpus[i], differences).run();
    }
  }
  for (const auto& [name, claim] : expectation.vcpus) {
    const auto index = parse_vcpu(name);
    if (index && *index < result.vcpus.size()) continue;
    differences.push_back({claim.pos, name + ": it does not run", false});
  }
  const auto claim = expectation.vms.find("vm");
  if (claim == expectation.vms.end()) {
    judge_gap("vm", result.vm, expectation.pos, differences);
  } else {
    OutcomeJudge("vm", claim->second, result.vm, differences).run();
  }
}

std::string all_sentences(const std::vector<Difference>& differences) {
  std::string text;
  for (const Difference& difference : differences) {
    text += (text.empty() ? "" : "; ") + difference.sentence;
  }
  return text;
}

Verdict with_xfail(const Text& reason, std::vector<Difference> differences) {
  if (differences.empty()) {
    return {Status::kFail,
            {{reason.pos, "marked xfail (" + reason.value + "), but all is as expected", false}},
            ""};
  }
  return {Status::kPass, std::move(differences), "a known disagreement: " + reason.value};
}

}  // namespace

std::vector<Difference> judge(const Expectation& expectation, const RunResult& result) {
  std::vector<Difference> differences;
  judge_outcomes(expectation, result, differences);
  judge_harm(expectation, result, differences);
  if (expectation.seen_by && expectation.seen_by->value != result.seen_by) {
    differences.push_back({expectation.seen_by->pos,
                           "expected that it is seen by " + expectation.seen_by->value +
                               ", but it is seen by " + result.seen_by,
                           false});
  }
  EventsJudge(expectation, result.events, differences).run();
  return differences;
}

Verdict judge_point(const Scenario& point, const RunResult& result) {
  static const Expectation kNothing;
  const Expectation* expectation = expectation_for(point);
  std::vector<Difference> differences =
      judge(expectation == nullptr ? kNothing : *expectation, result);
  if (expectation == nullptr && !point.expect.empty()) {
    differences.push_back(
        {point.expect[0].expectation.pos, "no item of `expect` is for this point", false});
  }
  const bool only_gaps = std::all_of(differences.begin(), differences.end(),
                                     [](const Difference& d) { return d.incomplete; });
  // A run that came to no end neither meets nor misses a claim.
  if (!differences.empty() && only_gaps) {
    const std::string why = all_sentences(differences);
    return {Status::kIncomplete, std::move(differences), why};
  }
  if (point.xfail) return with_xfail(*point.xfail, std::move(differences));
  const Status status = differences.empty() ? Status::kPass : Status::kFail;
  return {status, std::move(differences), ""};
}

}  // namespace nptsim::scenario
