#include "sim/trace/read_view.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "models/library_files.h"
#include "sim/yaml/load.h"
#include "sim/yaml/read.h"

namespace nptsim::trace {
namespace {

using yaml::MapEntry;
using yaml::MapReader;
using yaml::Node;

class ViewReader {
 public:
  ViewReader(const std::string& kernel, Diagnostics& diagnostics)
      : kernel_(kernel), diagnostics_(diagnostics) {}

  void read_file(const Node& document, View& view);

 private:
  void read_event(const Node& node, View& view);
  void read_lines(const Node& list, EventShape& shape);
  void read_line(const Node& node, EventShape& shape);
  std::vector<std::uint64_t> read_bits(const Node* bits, EventShape& shape);
  void read_origin(const Node& node, EventShape& shape);
  Giving read_giving(const MapEntry& entry, EventShape& shape);
  void read_record(const Node* record, EventShape& shape);
  void read_untold(const Node* list, EventShape& shape);
  std::uint8_t field(const Node& name, EventShape& shape);
  bool is_newer(const std::string& since) const {
    return !kernel_.empty() && models::older_name(kernel_, since);
  }

  const std::string& kernel_;
  Diagnostics& diagnostics_;
};

const std::vector<std::string> kFileKeys = {"trace_format", "text", "events"};
const std::vector<std::string> kEventKeys = {"event", "system",      "text",   "source", "lines",
                                             "from",  "code",        "nested", "fields", "untold",
                                             "log",   "followed_by", "record"};
const std::vector<std::string> kLineKeys = {"line", "since", "other", "bits", "source", "text"};
const std::vector<std::string> kOriginKeys = {"kind", "where", "give", "at_start"};
const std::vector<std::string> kRecordKeys = {"of", "words", "also"};
const std::vector<std::string> kGivingKeys = {"of", "words"};

// A field that no line has may still be in recordings.
std::uint8_t ViewReader::field(const Node& name, EventShape& shape) {
  if (const auto known = shape.field(name.text)) return *known;
  if (shape.fields.size() == kMostFields) {
    diagnostics_.push_back({name.pos, "an event has 16 fields at most", "", ""});
    return 0;
  }
  shape.fields.push_back(name.text);
  return static_cast<std::uint8_t>(shape.fields.size() - 1);
}

std::vector<std::uint64_t> ViewReader::read_bits(const Node* bits, EventShape& shape) {
  std::vector<std::uint64_t> masks(kMostFields, ~std::uint64_t{0});
  if (bits == nullptr) return masks;
  for (const MapEntry& entry : bits->entries) {
    const auto width =
        yaml::read_number(entry.value, "bits of " + entry.key.text, diagnostics_, {1, 64});
    if (!width || *width == 64) continue;
    masks[field(entry.key, shape)] = (std::uint64_t{1} << *width) - 1;
  }
  return masks;
}

void ViewReader::read_line(const Node& node, EventShape& shape) {
  MapReader map(node, "line of " + shape.name, kLineKeys, diagnostics_);
  const auto text = map.text("line");
  if (!text) return;
  auto pattern = LinePattern::compile(*text, shape.fields);
  if (!pattern.ok()) {
    diagnostics_.push_back({node.pos, pattern.error(), "", ""});
    return;
  }
  const std::string since = map.text("since").value_or("");
  std::vector<std::uint64_t> masks = read_bits(map.find("bits"), shape);
  if (is_newer(since) || map.yes_no("other").value_or(false)) {
    // Still understood, after the version's own: a trace may come from another kernel than is said,
    // or by another program.
    shape.lines.push_back(std::move(pattern).value());
    shape.line_masks.push_back(std::move(masks));
    return;
  }
  shape.masks = masks;
  shape.lines.insert(shape.lines.begin(), std::move(pattern).value());
  shape.line_masks.insert(shape.line_masks.begin(), std::move(masks));
}

void ViewReader::read_lines(const Node& list, EventShape& shape) {
  for (const Node& item : list.items) read_line(item, shape);
}

Giving ViewReader::read_giving(const MapEntry& entry, EventShape& shape) {
  Giving giving;
  giving.field = field(entry.key, shape);
  const Node& value = entry.value;
  if (value.is_scalar()) {
    if (value.text.starts_with("=")) {
      giving.constant = value.text.substr(1);
    } else {
      giving.from = value.text;
    }
    return giving;
  }
  MapReader map(value, entry.key.text + " of " + shape.name, kGivingKeys, diagnostics_);
  giving.from = map.text("of").value_or("");
  if (giving.from.empty()) diagnostics_.push_back({value.pos, "of which field?", "of: FIELD", ""});
  if (const Node* words = map.find("words")) {
    for (const MapEntry& word : words->entries) giving.words[word.key.text] = word.value.text;
  }
  return giving;
}

void ViewReader::read_origin(const Node& node, EventShape& shape) {
  MapReader map(node, "from of " + shape.name, kOriginKeys, diagnostics_);
  Origin origin;
  origin.at_start = map.yes_no("at_start").value_or(false);
  origin.kind = map.text("kind").value_or("");
  if (origin.kind.empty() && !origin.at_start) {
    diagnostics_.push_back({node.pos, "which kind of event?", "kind: KIND", ""});
  }
  if (const Node* where = map.find("where")) {
    for (const MapEntry& entry : where->entries) {
      origin.where.emplace_back(entry.key.text, entry.value.text);
    }
  }
  if (const Node* give = map.find("give")) {
    for (const MapEntry& entry : give->entries) origin.gives.push_back(read_giving(entry, shape));
  }
  shape.origins.push_back(std::move(origin));
}

// `record: { rip: guest_rip, reason: { of: exit_reason, words: { 0x400: npf } } }`.
void ViewReader::read_record(const Node* record, EventShape& shape) {
  if (record == nullptr) return;
  for (const MapEntry& entry : record->entries) {
    const std::uint8_t which = field(entry.key, shape);
    if (entry.value.is_scalar()) {
      shape.record_names[which] = entry.value.text;
      continue;
    }
    MapReader map(entry.value, "record of " + shape.name, kRecordKeys, diagnostics_);
    if (const auto of = map.text("of")) shape.record_names[which] = *of;
    const Node* words = map.find("words");
    if (words == nullptr) continue;
    for (const MapEntry& word : words->entries) {
      const auto number = yaml::read_number(word.key, "number of a word", diagnostics_);
      if (number) shape.record_words[which][*number] = word.value.text;
    }
    if (const Node* also = map.find("also")) {
      for (const MapEntry& word : also->entries) {
        shape.other_words[which][word.key.text] = word.value.text;
      }
    }
  }
}

void ViewReader::read_untold(const Node* list, EventShape& shape) {
  if (list == nullptr) return;
  for (const Node& item : list->items) {
    for (const MapEntry& entry : item.entries) {
      shape.untold.emplace_back(field(entry.key, shape), entry.value.text);
    }
  }
}

void ViewReader::read_event(const Node& node, View& view) {
  MapReader map(node, "event", kEventKeys, diagnostics_);
  EventShape shape;
  shape.name = map.text("event").value_or("");
  if (shape.name.empty()) {
    if (map.ok()) diagnostics_.push_back({node.pos, "an event has a name", "event: NAME", ""});
    return;
  }
  shape.system = map.text("system").value_or("");
  shape.source = map.text("source").value_or("");
  shape.nested = map.yes_no("nested").value_or(false);
  shape.log = map.yes_no("log").value_or(false);
  shape.followed_by = map.text("followed_by").value_or("");
  if (const Node* lines = map.find("lines")) read_lines(*lines, shape);
  if (const Node* more = map.find("fields")) {
    for (const Node& name : more->items) field(name, shape);
  }
  if (const Node* from = map.find("from")) {
    for (const Node& item : from->items) read_origin(item, shape);
  }
  for (const std::string& name : map.texts("code")) {
    if (const auto which = shape.field(name)) shape.code.push_back(*which);
  }
  read_untold(map.find("untold"), shape);
  read_record(map.find("record"), shape);
  shape.vcpu = shape.field("vcpu");
  shape.masks.resize(kMostFields, ~std::uint64_t{0});
  if (kernel_.empty()) {
    shape.narrowest.resize(kMostFields, ~std::uint64_t{0});
    for (const auto& masks : shape.line_masks) {
      for (std::size_t i = 0; i < kMostFields; ++i) shape.narrowest[i] &= masks[i];
    }
  }
  for (std::uint8_t i = 0; i < shape.fields.size(); ++i) {
    shape.hex.push_back(std::any_of(shape.lines.begin(), shape.lines.end(),
                                    [&](const LinePattern& line) { return line.takes_hex(i); }));
  }
  for (const auto& [which, name] : shape.record_names) shape.called.emplace(name, which);
  for (const LinePattern& line : shape.lines) {
    for (const std::uint8_t which : line.fields()) shape.called.emplace(line.called(which), which);
  }
  view.events().push_back(std::move(shape));
}

void ViewReader::read_file(const Node& document, View& view) {
  MapReader map(document, "trace format", kFileKeys, diagnostics_);
  if (!map.ok()) return;
  map.require("trace_format");
  const Node* events = map.require("events");
  if (events == nullptr) return;
  for (const Node& item : events->items) read_event(item, view);
}

// The formats that lie below a project's folder, in a fixed order.
std::vector<std::string> format_files(const std::string& root) {
  namespace fs = std::filesystem;
  constexpr const char* kName = "trace-format.yaml";
  std::vector<std::string> files;
  std::error_code error;
  for (const char* kind : {"kernel", "vmm", "guest"}) {
    for (const auto& entry : fs::directory_iterator(root + "/models/" + kind, error)) {
      const fs::path file = entry.path() / kName;
      if (fs::exists(file, error)) files.push_back(file.string());
    }
  }
  std::sort(files.begin(), files.end());
  files.push_back(root + "/traces/" + kName);
  return files;
}

}  // namespace

Diagnostics add_to_view(const std::string& path, const std::string& kernel, View& view) {
  const auto documents = yaml::load_file(path);
  if (!documents.ok()) return documents.error();
  Diagnostics diagnostics;
  ViewReader reader(kernel, diagnostics);
  for (const Node& document : documents.value()) reader.read_file(document, view);
  view.index();
  return diagnostics;
}

Result<View, Diagnostics> load_view(const ViewRequest& request) {
  View view;
  for (const std::string& file : format_files(request.root)) {
    Diagnostics diagnostics = add_to_view(file, request.kernel, view);
    if (!diagnostics.empty()) return diagnostics;
  }
  return view;
}

}  // namespace nptsim::trace
