#include "sim/trace/recording.h"

#include <algorithm>
#include <utility>

#include "sim/yaml/load.h"
#include "sim/yaml/read.h"

namespace nptsim::trace {
namespace {

using yaml::MapEntry;
using yaml::Node;

std::string text_of(const Node* node) {
  return node != nullptr && node->is_scalar() ? node->text : std::string();
}

// A number that may be absent, null, or words ("not stated"): then there is none.
std::optional<std::uint64_t> number_of(const Node* node) {
  if (node == nullptr || !node->is_scalar()) return std::nullopt;
  const auto number = yaml::parse_number(node->text);
  if (!number.ok()) return std::nullopt;
  return number.value();
}

std::optional<std::string> said(const Node* node) {
  if (node == nullptr || !node->is_scalar() || node->text.empty()) return std::nullopt;
  return node->text;
}

// `count: 0` says that something was looked for and did not happen.
bool happened(const RecordedEvent& event) {
  return std::none_of(event.fields.begin(), event.fields.end(), [](const auto& field) {
    return field.first == "count" && field.second == "0";
  });
}

std::optional<RecordedScenario> scenario_of(const Node* node) {
  if (node == nullptr) return std::nullopt;
  RecordedScenario scenario;
  scenario.pos = node->pos;
  scenario.file = text_of(node->find("file"));
  scenario.hash = text_of(node->find("hash"));
  if (const Node* point = node->find("point")) {
    for (const MapEntry& entry : point->entries) {
      scenario.point.emplace_back(entry.key.text, entry.value.text);
    }
  }
  return scenario;
}

std::optional<RecordedKvm> kvm_of(const Node* node) {
  if (node == nullptr) return std::nullopt;
  RecordedKvm kvm;
  kvm.paging = text_of(node->find("paging"));
  if (const Node* capabilities = node->find("capabilities")) {
    for (const MapEntry& entry : capabilities->entries) {
      if (const auto value = number_of(&entry.value)) kvm.capabilities[entry.key.text] = *value;
    }
  }
  return kvm;
}

class RecordingReader {
 public:
  explicit RecordingReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  Recording read(const Node& document);

 private:
  RecordedEvent read_event(const Node& node);
  void read_platform(const Node* node, Platform& platform);
  void read_access(const Node* initial, Recording& recording);
  void read_word(const Node& document, const char* key, std::string& to,
                 const std::vector<std::string>& words);

  Diagnostics& diagnostics_;
};

// What this form has words for; an unknown one is more likely a slip than news.
void RecordingReader::read_word(const Node& document, const char* key, std::string& to,
                                const std::vector<std::string>& words) {
  const Node* node = document.find(key);
  if (node == nullptr) {
    diagnostics_.push_back({document.pos, std::string("a recording says its ") + key,
                            std::string(key) + ": " + list_of(words), ""});
    return;
  }
  to = yaml::read_word(*node, key, words, diagnostics_).value_or("");
}

void RecordingReader::read_platform(const Node* node, Platform& platform) {
  if (node == nullptr || node->is_null()) return;
  if (!node->is_map()) return yaml::report_kind(*node, "platform", "a map", diagnostics_);
  platform.cpu = said(node->find("cpu"));
  platform.kernel = said(node->find("kernel"));
  platform.qemu = said(node->find("qemu"));
  platform.guest_kernel = said(node->find("guest_kernel"));
  platform.firmware = said(node->find("firmware"));
  platform.maxphyaddr = number_of(node->find("maxphyaddr"));
  platform.cbit = number_of(node->find("cbit"));
  platform.reduction = number_of(node->find("reduction"));
}

void RecordingReader::read_access(const Node* initial, Recording& recording) {
  if (initial == nullptr) return;
  recording.initial = *initial;
  const Node* node = initial->find("access");
  if (node == nullptr || !node->is_map()) return;
  FirstAccess access;
  access.kind = text_of(node->find("kind"));
  access.gpa = number_of(node->find("gpa"));
  if (const auto cbit = number_of(node->find("cbit"))) access.cbit = *cbit != 0;
  if (const auto cpl = number_of(node->find("cpl"))) access.cpl = static_cast<unsigned>(*cpl & 3);
  recording.access = std::move(access);
}

RecordedEvent RecordingReader::read_event(const Node& node) {
  RecordedEvent event;
  event.pos = node.pos;
  if (!node.is_map()) {
    yaml::report_kind(node, "an event", "a map with `event:`", diagnostics_);
    return event;
  }
  event.name = text_of(node.find("event"));
  if (event.name.empty()) {
    diagnostics_.push_back({node.pos, "an event without a name", "event: NAME", ""});
  }
  for (const MapEntry& entry : node.entries) {
    const std::string& key = entry.key.text;
    if (key == "event") continue;
    if (key == "note") {
      event.note = entry.value.text;
    } else if (key == "repeat" && number_of(&entry.value)) {
      event.repeat = *number_of(&entry.value);
    } else if (key == "vcpu") {
      const std::vector<Node> one{entry.value};
      for (const Node& vcpu : entry.value.is_sequence() ? entry.value.items : one) {
        if (const auto number = number_of(&vcpu)) {
          event.vcpus.push_back(static_cast<unsigned>(*number));
        }
      }
    } else if (entry.value.is_scalar()) {
      event.fields.emplace_back(key, entry.value.text);
    }
  }
  return event;
}

Recording RecordingReader::read(const Node& document) {
  static const std::vector<std::string> kKinds = {"recording", "reported_observation",
                                                  "published_test"};
  static const std::vector<std::string> kConfidence = {"high", "medium", "low"};
  Recording recording;
  recording.pos = document.pos;
  if (!document.is_map()) {
    yaml::report_kind(document, "a recording", "a map", diagnostics_);
    return recording;
  }
  recording.id = text_of(document.find("id"));
  recording.title = text_of(document.find("title"));
  if (recording.id.empty()) {
    diagnostics_.push_back({document.pos, "a recording has an id", "id: T01", ""});
  }
  read_word(document, "kind", recording.kind, kKinds);
  read_word(document, "confidence", recording.confidence, kConfidence);
  recording.vm_type = text_of(document.find("vm_type"));
  if (recording.vm_type.empty()) {
    diagnostics_.push_back({document.pos, "a recording says its vm_type",
                            "vm_type: default, sev, sev-es, snp, nested or host", ""});
  }
  if (const Node* source = document.find("source")) {
    for (const char* key : {"medium", "date", "url"}) {
      const std::string part = text_of(source->find(key));
      if (!part.empty()) recording.source += (recording.source.empty() ? "" : ", ") + part;
    }
  }
  read_platform(document.find("platform"), recording.platform);
  read_access(document.find("initial"), recording);
  const Node* events = document.find("events");
  if (events == nullptr || !events->is_sequence()) {
    diagnostics_.push_back({document.pos, "a recording has events", "events: a list", ""});
  } else {
    for (const Node& item : events->items) {
      RecordedEvent event = read_event(item);
      if (happened(event)) recording.events.push_back(std::move(event));
    }
  }
  recording.kvm = kvm_of(document.find("kvm"));
  recording.scenario = scenario_of(document.find("scenario"));
  if (const Node* watched = document.find("watched")) {
    for (const Node& item : watched->items) recording.watched.push_back(item.text);
  }
  if (const Node* endings = document.find("endings")) {
    recording.endings = read_endings(*endings, diagnostics_);
  }
  if (const Node* memory = document.find("memory")) {
    recording.memory = read_memory_changes(*memory, diagnostics_);
  }
  if (const Node* outcome = document.find("outcome")) {
    recording.outcome_class = text_of(outcome->find("class"));
    recording.outcome_detail = text_of(outcome->find("detail"));
  }
  recording.not_modelled = text_of(document.find("not_modelled"));
  recording.predict = text_of(document.find("predict"));
  if (const Node* missing = document.find("missing")) {
    for (const Node& item : missing->items) recording.missing.push_back(item.text);
  }
  return recording;
}

Result<Recording, Diagnostics> read_one(const Result<std::vector<Node>, Diagnostics>& documents,
                                        const std::string& file) {
  if (!documents.ok()) return documents.error();
  if (documents.value().size() != 1) {
    return Diagnostics{{{file, 0, 0}, "a recording is one document", "one document", ""}};
  }
  Diagnostics diagnostics;
  Recording recording = RecordingReader(diagnostics).read(documents.value().front());
  if (!diagnostics.empty()) return diagnostics;
  return recording;
}

}  // namespace

Result<Recording, Diagnostics> load_recording(const std::string& path) {
  return read_one(yaml::load_file(path), path);
}

Result<Recording, Diagnostics> read_recording(std::string_view text, const std::string& file_name) {
  return read_one(yaml::load_text(text, file_name), file_name);
}

std::optional<Seen> see(const RecordedEvent& event, const View& view) {
  const auto which = view.find(event.name);
  if (!which) return std::nullopt;
  Seen seen;
  seen.event = *which;
  const EventShape& shape = view.events()[*which];
  for (const auto& [name, text] : event.fields) {
    const auto field = shape.field(name);
    if (!field) continue;
    const auto number = yaml::parse_number(text);
    seen.values[*field] =
        number.ok() ? Value::of(number.value()) : Value::of(std::string_view(text));
  }
  shape.use_own_words(seen);
  return seen;
}

}  // namespace nptsim::trace
