#include "sim/scenario/large_matrix.h"

#include <map>
#include <mutex>
#include <utility>

#include "sim/scenario/read_scenario.h"
#include "sim/scenario/settings.h"

namespace nptsim::scenario {
namespace {

// Which value each setting has at a point, and a number that points share which differ only in
// parameters of models.
struct Picked {
  std::vector<Setting> settings;
  std::uint64_t text = 0;
};

Picked picked(const std::vector<Setting>& lists, std::uint64_t index) {
  Picked point;
  point.settings.resize(lists.size());
  std::uint64_t weight = 1;
  for (std::size_t i = lists.size(); i-- > 0;) {
    const std::uint64_t count = lists[i].values.size(), value = index % count;
    point.settings[i] = {lists[i].key, {lists[i].values[value]}, lists[i].is_list};
    index /= count;
    if (is_parameter(lists[i])) continue;
    point.text += value * weight;
    weight *= count;
  }
  return point;
}

}  // namespace

struct LargeMatrix::Impl {
  explicit Impl(const Scenario& one) : document(one) {
    for (const Setting& setting : document.set) size *= setting.values.size();
  }

  // What the text of a point is, read once.
  std::shared_ptr<const Reading> reading(const Picked& point) {
    {
      const std::lock_guard lock(mutex);
      if (const auto known = readings.find(point.text); known != readings.end()) {
        return known->second;
      }
    }
    auto read = std::make_shared<const Reading>(read_point(*document.tree, point.settings));
    const std::lock_guard lock(mutex);
    if (readings.size() >= kMostKept) readings.clear();
    return readings.emplace(point.text, std::move(read)).first->second;
  }

  static constexpr std::size_t kMostKept = 4096;
  Scenario document;
  std::uint64_t size = 1;
  std::mutex mutex;
  std::map<std::uint64_t, std::shared_ptr<const Reading>> readings;
};

LargeMatrix::LargeMatrix(const Scenario& document) : impl_(std::make_unique<Impl>(document)) {}
LargeMatrix::~LargeMatrix() = default;

std::uint64_t LargeMatrix::size() const { return impl_->size; }

Result<Point, Diagnostics> LargeMatrix::at(std::uint64_t index,
                                           const Contradiction& contradiction) const {
  const Picked picks = picked(impl_->document.set, index);
  const std::shared_ptr<const Reading> reading = impl_->reading(picks);
  if (!reading->wrong.empty()) return reading->wrong;
  return make_point(reading->scenario, picks.settings, reading->contradictions, contradiction);
}

}  // namespace nptsim::scenario
