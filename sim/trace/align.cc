#include "sim/trace/align.h"

#include <algorithm>
#include <utility>

namespace nptsim::trace {
namespace {

bool is_code(const EventShape& shape, std::size_t field) {
  return std::find(shape.code.begin(), shape.code.end(), field) != shape.code.end();
}

// A person's words where a number stands otherwise: "virtual address taken as physical".
bool is_description(const Value& value) {
  return value.kind == Value::Kind::kText && value.text.find(' ') != std::string_view::npos;
}

// Somebody who did not write down which error it was.
bool is_some_error(std::string_view expected, std::string_view seen) {
  return seen == "failed" && expected.starts_with('E');
}

bool same_value(const Value& expected, const Value& seen, std::uint64_t mask) {
  if (expected.absent() || seen.absent()) return true;
  if (expected.kind != seen.kind) return is_description(seen);
  if (expected.kind == Value::Kind::kText) {
    return expected.text == seen.text || is_some_error(expected.text, seen.text);
  }
  return (expected.number & mask) == (seen.number & mask);
}

template <class Use>
void for_differing(const EventShape& shape, const Seen& expected, const Seen& seen,
                   bool compare_code, Use&& use) {
  for (std::size_t field = 0; field < shape.fields.size(); ++field) {
    if (same_value(expected.values[field], seen.values[field], shape.mask(field, seen))) continue;
    if (!compare_code && is_code(shape, field)) continue;
    if (!use(field)) return;
  }
}

std::vector<std::string> differing_fields(const EventShape& shape, const Seen& expected,
                                          const Seen& seen) {
  std::vector<std::string> names;
  for_differing(shape, expected, seen, true, [&](std::size_t field) {
    names.push_back(shape.fields[field]);
    return true;
  });
  return names;
}

}  // namespace

Aligner::Aligner(const View& view, const Stream& expected, std::optional<std::size_t> round,
                 AlignRules rules)
    : view_(view),
      expected_(expected),
      round_(round),
      rules_(rules),
      positions_{0},
      switched_on_(view.events().size(), false),
      met_(expected.size(), false) {}

bool Aligner::fits(const Expected& expected, const Seen& seen) const {
  if (expected.seen.event != seen.event) return false;
  bool same = true;
  for_differing(view_.events()[seen.event], expected.seen, seen, rules_.compare_code,
                [&](std::size_t) { return same = false; });
  return same;
}

// A kind of event that the trace has not had yet may not have been switched on, or the trace began
// later.
bool Aligner::may_be_missing(const Expected& expected, bool after_loss) const {
  if (!rules_.watched.empty()) return after_loss || !rules_.watched[expected.seen.event];
  return rules_.excerpt || after_loss || !switched_on_[expected.seen.event];
}

// Everything of the model's that may come next from `from` on, until `use` says that it is enough.
// A round that was gone through once is not gone through again.
template <class Use>
void Aligner::reach(std::size_t from, bool after_loss, Use&& use) {
  std::size_t at = from;
  for (std::size_t steps = 0; steps <= expected_.size(); ++steps) {
    if (at == expected_.size()) {
      if (!round_) return;
      at = *round_;
    }
    if (use(at)) return;
    if (!may_be_missing(expected_[at], after_loss)) return;
    ++at;
  }
}

bool Aligner::is_untold(const Seen& seen) {
  const EventShape& shape = view_.events()[seen.event];
  if (swallow_ && *swallow_ == seen.event) {
    swallow_.reset();
    return true;
  }
  if (shape.origins.empty()) return true;
  for (const auto& [field, text] : shape.untold) {
    if (seen.values[field].kind != Value::Kind::kText || seen.values[field].text != text) continue;
    swallow_ = view_.find(shape.followed_by);
    return true;
  }
  return false;
}

Told Aligner::tell(const Expected& expected) const {
  Told told{view_.describe(expected.seen), expected.rule, ""};
  if (!expected.decided.empty()) {  // "kernel pfn.ok"
    const std::string& last = expected.decided.back();
    told.decided = last.substr(last.find(' ') + 1);
  }
  return told;
}

// Whoever goes round for ever has no end.
void Aligner::finish() {
  if (parting_ || round_ || rules_.watched.empty()) return;
  const Expected* left = nullptr;
  for (const std::size_t position : positions_) {
    const auto from = expected_.begin() + static_cast<std::ptrdiff_t>(position);
    const auto found = std::find_if(
        from, expected_.end(), [&](const Expected& one) { return !may_be_missing(one, false); });
    if (found == expected_.end()) return;
    left = &*found;
  }
  if (left == nullptr) return;
  parting_.emplace();
  parting_->number = counts_.events + 1;
  parting_->seen = "nothing more: the recording is at its end";
  parting_->expected = tell(*left);
}

void Aligner::part(const Seen& seen, bool after_loss) {
  constexpr std::size_t kMostAccepted = 6;
  Parting parting;
  parting.number = counts_.events;
  parting.seen = view_.describe(seen);
  const auto add = [&](const Expected& expected) {
    Told told = tell(expected);
    if (!parting.expected) {
      parting.expected = std::move(told);
      if (expected.seen.event != seen.event) return;
      parting.differs = differing_fields(view_.events()[seen.event], expected.seen, seen);
    } else if (parting.accepted.size() < kMostAccepted) {
      const auto same = [&](const Told& one) { return one.text == told.text; };
      const bool known = parting.expected->text == told.text ||
                         std::any_of(parting.accepted.begin(), parting.accepted.end(), same);
      if (!known) parting.accepted.push_back(std::move(told));
    }
  };
  // First what is of the same kind: that is what was meant.
  for (const bool same_kind : {true, false}) {
    for (const std::size_t position : positions_) {
      reach(position, after_loss, [&](std::size_t at) {
        if ((expected_[at].seen.event == seen.event) == same_kind) add(expected_[at]);
        return parting.accepted.size() == kMostAccepted;
      });
    }
  }
  parting_ = std::move(parting);
}

void Aligner::take(const Seen& seen, bool after_loss) {
  if (parting_) return;
  ++counts_.events;
  if (is_untold(seen)) {
    ++counts_.untold;
    return;
  }
  next_.clear();
  const bool any_missing = rules_.excerpt || after_loss;
  for (const std::size_t position : positions_) {
    reach(position, after_loss, [&](std::size_t at) {
      if (!fits(expected_[at], seen)) return false;
      if (at < position) ++counts_.rounds;
      met_[at] = true;
      if (std::find(next_.begin(), next_.end(), at + 1) == next_.end()) next_.push_back(at + 1);
      // Where anything may be missing the first that fits leaves the most to come.
      return any_missing;
    });
    if (any_missing && !next_.empty()) break;
  }
  if (next_.empty()) return part(seen, after_loss);
  std::sort(next_.begin(), next_.end());
  switched_on_[seen.event] = true;
  positions_.swap(next_);
  ++counts_.agreed;
}

}  // namespace nptsim::trace
