#include "sim/cli/sweep_axes.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "sim/scenario/load.h"
#include "sim/scenario/with_models.h"

namespace nptsim::cli {
namespace {

using scenario::Setting;

// More is a mistake: no index of theirs fits into memory.
constexpr std::uint64_t kMostPoints = 1'000'000'000;
constexpr std::uint64_t kMostValues = 100'000;

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

// "45..51", or one value.
bool add_values(std::string_view text, Setting& setting) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    setting.values.push_back({std::string(text), setting.key.pos});
    return !text.empty();
  }
  const auto first = number_of<std::uint64_t>(text.substr(0, dots));
  const auto last = number_of<std::uint64_t>(text.substr(dots + 2));
  if (!first || !last || *last < *first || *last - *first >= kMostValues) return false;
  for (std::uint64_t value = *first; value <= *last; ++value) {
    setting.values.push_back({std::to_string(value), setting.key.pos});
  }
  return true;
}

yaml::Node node_of(const Setting& setting) {
  yaml::Node list;
  list.kind = yaml::NodeKind::kSequence;
  list.pos = setting.key.pos;
  for (const scenario::Text& value : setting.values) {
    yaml::Node item;
    item.kind = yaml::NodeKind::kScalar;
    item.text = value.value;
    item.pos = value.pos;
    list.items.push_back(std::move(item));
  }
  return list;
}

void put(yaml::Node& tree, const Setting& setting) {
  yaml::Node* set = tree.find("set");
  yaml::Node key;
  key.kind = yaml::NodeKind::kScalar;
  key.pos = setting.key.pos;
  if (set == nullptr) {
    key.text = "set";
    tree.entries.push_back({key, {}});
    set = &tree.entries.back().value;
  }
  set->kind = yaml::NodeKind::kMap;
  if (yaml::Node* known = set->find(setting.key.value)) {
    *known = node_of(setting);
    return;
  }
  key.text = setting.key.value;
  set->entries.push_back({std::move(key), node_of(setting)});
}

}  // namespace

Result<Setting, Diagnostics> parse_axis(const std::string& text) {
  const std::size_t equals = text.find('=');
  const SourcePos pos{"--set " + text, 0, 0};
  const Diagnostics bad{
      {pos, "this is no list of values", "KEY=VALUE,VALUE or KEY=FIRST..LAST", ""}};
  if (equals == std::string::npos || equals == 0) return bad;
  Setting setting{{text.substr(0, equals), pos}, {}, true};
  std::string_view rest = std::string_view(text).substr(equals + 1);
  for (;;) {
    const std::size_t comma = rest.find(',');
    if (!add_values(rest.substr(0, comma), setting)) return bad;
    if (comma == std::string_view::npos) return setting;
    rest.remove_prefix(comma + 1);
  }
}

Result<scenario::Scenario, Diagnostics> with_axes(const scenario::Scenario& document,
                                                  const std::vector<Setting>& axes) {
  yaml::Node tree = scenario::with_models(*document.tree, {});
  for (const Setting& setting : axes) put(tree, setting);
  auto read = scenario::read_scenario(tree);
  if (!read.ok()) return read.error();
  std::uint64_t points = 1;
  for (const Setting& setting : read.value().set) {
    points *= setting.values.size();
    if (points <= kMostPoints) continue;
    return Diagnostics{{setting.key.pos,
                        "the lists make more than " + std::to_string(kMostPoints) + " points",
                        "fewer or shorter lists", ""}};
  }
  return read;
}

std::uint64_t Shard::begin(std::uint64_t total) const {
  return total / of * (number - 1) + std::min(number - 1, total % of);
}
std::uint64_t Shard::end(std::uint64_t total) const { return Shard{number + 1, of}.begin(total); }

std::optional<Shard> parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto number = number_of<std::uint64_t>(std::string_view(text).substr(0, slash));
  const auto of = number_of<std::uint64_t>(std::string_view(text).substr(slash + 1));
  if (!number || !of || *number < 1 || *number > *of) return std::nullopt;
  return Shard{*number, *of};
}

}  // namespace nptsim::cli
