#include "sim/report/milestones.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>

#include "sim/report/event_fields.h"
#include "sim/report/text.h"

namespace nptsim::report {
namespace {

using machine::Event;

// How something was done, not what was decided.
constexpr std::array<std::string_view, 5> kTooFine = {"walk", "do", "call", "return", "change"};

std::string detail_of(const Event& event) {
  if (event.kind == "npf") return join(words_field(event.fields, "error"), " ");
  if (event.kind == "decide") return "-> " + text_field(event.fields, "then");
  if (event.kind == "vc" || event.kind == "deliver") {
    std::string text = fmt::format("vector {}", number_field(event.fields, "vector").value_or(0));
    if (event.kind != "vc") return text;
    return text + " error " + hex(number_field(event.fields, "error_code").value_or(0));
  }
  // Words and flags, never numbers: of an exit its name, of a device what it did.
  std::vector<std::string> words;
  for (const auto& [name, value] : event.fields.list) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* flag = std::get_if<bool>(&value);
    if (text != nullptr && name != "source" && name != "sentence") words.push_back(*text);
    if (flag != nullptr && *flag) words.push_back(name);
  }
  return join(words, " ");
}

}  // namespace

std::string milestone_of(const Event& event) {
  for (const std::string_view kind : kTooFine) {
    if (event.kind == kind) return "";
  }
  std::string line = event.by + " " + std::string(machine::name_of(event.layer)) + " " + event.kind;
  if (!event.rule.empty()) line += " " + event.rule;
  const std::string detail = detail_of(event);
  return detail.empty() ? line : line + " " + detail;
}

// FNV-1a, 64 bits.
std::string digest_of(const std::vector<std::string>& lines) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const std::string& line : lines) {
    for (const char c : line) add(static_cast<unsigned char>(c));
    add('\n');
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace nptsim::report
