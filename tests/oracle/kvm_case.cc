#include "tests/oracle/kvm_case.h"

#include <charconv>

#include "sim/yaml/load.h"
#include "sim/yaml/number.h"
#include "tests/oracle/row.h"

namespace nptsim::oracle::kvm {
namespace {

constexpr std::size_t kMaxBytes = 1 << 16;

std::optional<isa::Mode> mode_named(const std::string& name) {
  if (name == "real") return isa::Mode::k16;
  if (name == "prot32") return isa::Mode::k32;
  if (name == "long64") return isa::Mode::k64;
  return std::nullopt;
}

std::string scalar(const yaml::Node& node, std::string_view key) {
  const yaml::Node* found = node.find(key);
  return found != nullptr && found->is_scalar() ? found->text : "";
}

}  // namespace

std::uint64_t to_number(const std::string& text, std::string_view what) {
  const bool hex = text.starts_with("0x");
  std::uint64_t value = 0;
  const char* begin = text.data() + (hex ? 2 : 0);
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(begin, end, value, hex ? 16 : 10);
  if (begin == end || result.ec != std::errc() || result.ptr != end) {
    throw BadStep(std::string(what) + " is no number: " + yaml::quote(text));
  }
  return value;
}

const yaml::Node& Step::at(std::string_view key) const {
  const yaml::Node* found = node_.find(key);
  if (found == nullptr) throw BadStep(std::string(key) + " is missing");
  return *found;
}

std::vector<std::string> Step::keys() const {
  std::vector<std::string> out;
  for (const yaml::MapEntry& entry : node_.entries) out.push_back(entry.key.text);
  return out;
}

std::string Step::text(std::string_view key) const {
  const yaml::Node& node = at(key);
  if (node.is_null()) return "null";
  if (!node.is_scalar()) throw BadStep(std::string(key) + " is no text");
  return node.text;
}

std::uint64_t Step::number(std::string_view key) const { return to_number(text(key), key); }

std::uint64_t Step::number_or(std::string_view key, std::uint64_t otherwise) const {
  return has(key) ? number(key) : otherwise;
}

std::int64_t Step::signed_number(std::string_view key) const {
  const std::string value = text(key);
  const bool negative = value.starts_with("-");
  const std::uint64_t size = to_number(negative ? value.substr(1) : value, key);
  return static_cast<std::int64_t>(negative ? 0 - size : size);
}

Bytes Step::bytes(std::string_view key) const {
  const std::string digits = text(key);
  if (digits.size() % 2 != 0 || digits.size() > 2 * kMaxBytes) {
    throw BadStep(std::string(key) + " is no list of bytes");
  }
  Bytes out;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(to_number("0x" + digits.substr(i, 2), key)));
  }
  return out;
}

std::vector<std::string> Step::texts(std::string_view key) const {
  const yaml::Node& node = at(key);
  if (!node.is_sequence()) throw BadStep(std::string(key) + " is no list");
  std::vector<std::string> out;
  for (const yaml::Node& item : node.items) out.push_back(item.text);
  return out;
}

std::vector<Step> Step::items(std::string_view key) const {
  const yaml::Node& node = at(key);
  if (!node.is_sequence()) throw BadStep(std::string(key) + " is no list");
  std::vector<Step> out;
  for (const yaml::Node& item : node.items) out.emplace_back(item);
  return out;
}

Result<CaseFile, Diagnostics> parse_cases(const std::string& path, const std::string& text) {
  auto documents = yaml::load_text(text, path);
  if (!documents.ok()) return documents.error();
  CaseFile file;
  file.path = path;
  Diagnostics wrong;
  for (yaml::Node& document : documents.value()) {
    if (!document.is_sequence()) wrong.push_back({document.pos, "no list of cases", "cases", ""});
    for (yaml::Node& item : document.items) {
      const yaml::Node* steps = item.find("steps");
      const auto mode = mode_named(scalar(item, "mode"));
      Case one{scalar(item, "id"), scalar(item, "group"), mode.value_or(isa::Mode::k64), {}};
      if (!mode || one.id.empty() || steps == nullptr || !steps->is_sequence()) {
        wrong.push_back({item.pos, "this is no case",
                         "id, group, mode (real, prot32 or long64) and steps", ""});
        continue;
      }
      for (const yaml::Node& step : steps->items) {
        if (step.is_map() && step.find("op") != nullptr && step.find("op")->is_scalar()) {
          one.steps.emplace_back(step);
        } else {
          wrong.push_back({step.pos, "this is no step", "a map with `op`", ""});
        }
      }
      file.cases.push_back(std::move(one));
    }
  }
  if (!wrong.empty()) return wrong;
  return file;
}

Result<CaseFile, Diagnostics> read_cases(const std::string& path) {
  const auto text = read_text(path);
  if (!text) return Diagnostics{{{path, 0, 0}, "the file cannot be read", "", ""}};
  return parse_cases(path, *text);
}

}  // namespace nptsim::oracle::kvm
