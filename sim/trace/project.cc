#include "sim/trace/project.h"

#include <algorithm>

#include "sim/report/event_fields.h"
#include "sim/yaml/number.h"

namespace nptsim::trace {
namespace {

constexpr std::string_view kVcpu = "vcpu";
constexpr std::string_view kAnyValue = "*";

std::optional<std::size_t> vcpu_named(std::string_view by) {
  if (!by.starts_with(kVcpu)) return std::nullopt;
  const auto number = yaml::parse_number(by.substr(kVcpu.size()));
  if (!number.ok() || number.value() >= 64) return std::nullopt;
  return number.value();
}

bool holds(const Origin& origin, const machine::Event& event) {
  return std::all_of(origin.where.begin(), origin.where.end(), [&](const auto& claim) {
    const machine::EventValue* value = event.fields.find(claim.first);
    return value != nullptr &&
           (claim.second == kAnyValue || report::value_text(*value) == claim.second);
  });
}

bool same(const Expected& a, const Expected& b) {
  return a.seen.event == b.seen.event && a.seen.values == b.seen.values;
}

}  // namespace

Projection::Projection(const View& view) : view_(view) {
  for (std::uint32_t i = 0; i < view.events().size(); ++i) {
    for (const Origin& origin : view.events()[i].origins) {
      if (origin.at_start) {
        at_start_.push_back({i, &origin});
      } else {
        ways_[origin.kind].push_back({i, &origin});
      }
    }
  }
}

bool Projection::wants(std::string_view kind) const {
  return kind == "decide" || ways_.contains(std::string(kind));
}

void Projection::begin(std::size_t vcpu) {
  while (streams_.size() <= vcpu) {
    streams_.push_back(common_);
    for (const Way& way : at_start_) {
      Expected expected;
      expected.seen.event = way.event;
      expected.own = true;
      streams_.back().push_back(std::move(expected));
    }
  }
}

Value Projection::value_of(const Giving& giving, const machine::Event& event) {
  std::string text = giving.constant;
  if (!giving.from.empty()) {
    const machine::EventValue* value = event.fields.find(giving.from);
    if (value == nullptr) return {};
    text = report::value_text(*value);
    if (!giving.words.empty()) {
      const auto word = giving.words.find(text);
      if (word == giving.words.end()) return {};  // what it is called there is not known
      text = word->second;
    }
  }
  const auto number = yaml::parse_number(text);
  if (number.ok()) return Value::of(number.value());
  return Value::of(std::string_view(texts_.emplace_back(std::move(text))));
}

Expected Projection::expect(const Way& way, const machine::Event& event) {
  Expected expected;
  expected.seen.event = way.event;
  expected.n = event.n;
  expected.rule = event.rule;
  expected.layer = machine::name_of(event.layer);
  const auto decided = decided_.find(event.by);
  if (decided != decided_.end()) expected.decided = decided->second;
  const EventShape& shape = view_.events()[way.event];
  for (const Giving& giving : way.origin->gives) {
    Value value = value_of(giving, event);
    if (value.kind == Value::Kind::kNumber) value.number &= shape.masks[giving.field];
    expected.seen.values[giving.field] = value;
  }
  return expected;
}

void Projection::keep(const Expected& expected, std::optional<std::size_t> vcpu) {
  if (vcpu) {
    begin(*vcpu);
    streams_[*vcpu].push_back(expected);
    return;
  }
  common_.push_back(expected);
  for (Stream& stream : streams_) stream.push_back(expected);
}

void Projection::take(machine::Event event) {
  if (event.kind == "decide") {
    decided_[event.by].push_back(std::string(machine::name_of(event.layer)) + " " + event.rule);
    return;
  }
  const auto vcpu = vcpu_named(event.by);
  const auto ways = ways_.find(event.kind);
  if (ways == ways_.end()) return;
  bool told = false;
  for (const Way& way : ways->second) {
    if (!holds(*way.origin, event)) continue;
    Expected expected = expect(way, event);
    expected.own = vcpu.has_value();
    keep(expected, vcpu);
    told = true;
  }
  if (told) decided_.erase(event.by);
}

void Projection::end(std::size_t vcpus) {
  while (streams_.size() < vcpus) streams_.push_back(common_);
}

// The run goes round at least twice before it says that it spins, so the shortest round at the end
// is the one.
std::optional<std::size_t> round_of(const Stream& stream) {
  constexpr std::size_t kLongest = 4096;
  const std::size_t size = stream.size();
  for (std::size_t length = 1; length <= std::min(size / 2, kLongest); ++length) {
    bool repeats = true;
    for (std::size_t i = size - length; repeats && i < size; ++i) {
      repeats = same(stream[i], stream[i - length]);
    }
    if (repeats) return size - length;
  }
  return std::nullopt;
}

}  // namespace nptsim::trace
