#include "sim/report/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "sim/report/json.h"

namespace nptsim::report {
namespace {

// A part is one line of JSON that says which part of what it is, one for each cell, and then the
// points: how many in a row come to which cell.
constexpr int kPartVersion = 1;

Json header_json(const Sweep& part) {
  Json json;
  json["nptsim"] = 1;
  json["sweep_part"] = kPartVersion;
  json["file"] = part.file;
  json["name"] = part.name;
  json["hash"] = part.hash;
  json["first"] = part.first;
  json["count"] = part.points.size();
  json["incomplete"] = part.incomplete;
  json["axes"] = Json::array();
  for (const SweepAxis& axis : part.axes) {
    json["axes"].push_back({{"key", axis.key}, {"values", axis.values}});
  }
  json["cells"] = Json::array();
  for (const SweepCell& cell : part.cells) {
    json["cells"].push_back({cell.outcome, cell.seen_by, cell.why});
  }
  return json;
}

Diagnostics bad_part(const std::string& file, int line, const std::string& what) {
  return {{{file, line, 0}, what, "the output of nptsim sweep --shard", ""}};
}

bool read_header(const Json& json, Sweep& part, std::uint64_t& count) {
  if (!json.is_object() || json.value("sweep_part", 0) != kPartVersion) return false;
  part.file = json.at("file");
  part.name = json.at("name");
  part.hash = json.at("hash");
  part.first = json.at("first");
  part.incomplete = json.at("incomplete");
  count = json.at("count");
  for (const Json& axis : json.at("axes")) {
    part.axes.push_back({axis.at("key"), axis.at("values")});
  }
  for (const Json& cell : json.at("cells")) {
    part.cells.push_back({cell.at(0), cell.at(1), cell.at(2)});
  }
  return true;
}

// "12 3": twelve points come to cell 3.
bool read_run(std::string_view line, std::uint64_t& times, std::uint32_t& cell) {
  const char* end = line.data() + line.size();
  const auto first = std::from_chars(line.data(), end, times);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return false;
  const auto second = std::from_chars(first.ptr + 1, end, cell);
  return second.ec == std::errc() && second.ptr == end;
}

}  // namespace

std::uint64_t Sweep::total() const {
  std::uint64_t total = 1;
  for (const SweepAxis& axis : axes) total *= axis.values.size();
  return total;
}

std::size_t Sweep::value_of(std::uint64_t index, std::size_t axis) const {
  for (std::size_t i = axes.size(); --i > axis;) index /= axes[i].values.size();
  return index % axes[axis].values.size();
}

PointValues Sweep::point(std::uint64_t index) const {
  PointValues point;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    point.emplace_back(axes[i].key, axes[i].values[value_of(index, i)]);
  }
  return point;
}

std::vector<std::size_t> relevant_axes(const Sweep& sweep) {
  std::vector<std::size_t> relevant;
  std::uint64_t weight = 1;
  for (std::size_t axis = sweep.axes.size(); axis-- > 0;) {
    const std::uint64_t count = sweep.axes[axis].values.size();
    bool matters = false;
    for (std::uint64_t i = 0; i < sweep.points.size() && !matters; ++i) {
      const std::uint64_t value = i / weight % count;
      matters = sweep.points[i] != sweep.points[i - value * weight];
    }
    if (matters) relevant.insert(relevant.begin(), axis);
    weight *= count;
  }
  return relevant;
}

std::string print_part(const Sweep& part) {
  std::string out = dump(header_json(part)) + "\n";
  for (std::size_t i = 0; i < part.points.size();) {
    std::size_t end = i;
    while (end < part.points.size() && part.points[end] == part.points[i]) ++end;
    out += fmt::format("{} {}\n", end - i, part.points[i]);
    i = end;
  }
  return out;
}

Result<Sweep, Diagnostics> read_part(const std::string& text, const std::string& file) {
  Sweep part;
  std::uint64_t count = 0;
  const std::size_t head = text.find('\n');
  try {
    const Json json = Json::parse(text.substr(0, head));
    if (!read_header(json, part, count)) return bad_part(file, 1, "this is no part of a sweep");
  } catch (const Json::exception&) {
    return bad_part(file, 1, "this is no part of a sweep");
  }
  int number = 1;
  std::string_view rest = head == std::string::npos ? "" : std::string_view(text).substr(head + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::uint64_t times = 0;
    std::uint32_t cell = 0;
    ++number;
    if (!read_run(rest.substr(0, end), times, cell) || cell >= part.cells.size() ||
        times > count - part.points.size()) {
      return bad_part(file, number, "this line does not fit to the first one");
    }
    part.points.insert(part.points.end(), times, cell);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (part.points.size() != count) {
    return bad_part(file, number,
                    "the part ends after " + std::to_string(part.points.size()) + " of " +
                        std::to_string(count) + " points");
  }
  return part;
}

Result<Sweep, Diagnostics> merge_parts(std::vector<Sweep> parts) {
  if (parts.empty()) return Diagnostics{{{}, "there are no parts", "", ""}};
  std::stable_sort(parts.begin(), parts.end(), [](const Sweep& a, const Sweep& b) {
    return std::pair(a.first, a.points.size()) < std::pair(b.first, b.points.size());
  });
  Sweep whole;
  whole.file = parts[0].file;
  whole.name = parts[0].name;
  whole.hash = parts[0].hash;
  whole.axes = parts[0].axes;
  std::map<SweepCell, std::uint32_t> numbers;
  for (const Sweep& part : parts) {
    if (part.hash != whole.hash || part.axes != whole.axes) {
      return Diagnostics{
          {{},
           "these are parts of different sweeps: '" + whole.name + "' and '" + part.name + "'",
           "",
           ""}};
    }
    if (part.first != whole.points.size()) {
      const bool twice = part.first < whole.points.size();
      return Diagnostics{{{},
                          "the points from " +
                              std::to_string(twice ? part.first : whole.points.size()) +
                              " on are " + (twice ? "there twice" : "missing"),
                          "",
                          ""}};
    }
    whole.incomplete |= part.incomplete;
    for (const std::uint32_t cell : part.points) {
      const auto next = static_cast<std::uint32_t>(numbers.size());
      const auto [at, fresh] = numbers.emplace(part.cells[cell], next);
      if (fresh) whole.cells.push_back(part.cells[cell]);
      whole.points.push_back(at->second);
    }
  }
  if (whole.points.size() != whole.total()) {
    return Diagnostics{
        {{}, "the points from " + std::to_string(whole.points.size()) + " on are missing", "", ""}};
  }
  return whole;
}

}  // namespace nptsim::report
