#include "sim/rules/spelling.h"

#include <vector>

namespace nptsim::rules {
namespace {

constexpr std::size_t kManyCandidates = 24;
constexpr std::size_t kLongestShown = 64;

}  // namespace

std::string shown(std::string_view text) {
  if (text.size() <= kLongestShown) return std::string(text);
  return std::string(text.substr(0, kLongestShown)) + "...";
}

Diagnostic unknown_name(SourcePos pos, const std::string& what, std::string_view word,
                        std::span<const std::string> candidates) {
  Diagnostic d = unknown_word(std::move(pos), what, word, candidates);
  if (candidates.size() <= kManyCandidates) return d;
  d.accepted.clear();
  const std::size_t dot = word.find('.');
  if (dot == std::string_view::npos) return d;
  std::vector<std::string> group;
  for (const std::string& candidate : candidates) {
    if (candidate.compare(0, dot + 1, word.substr(0, dot + 1)) == 0) group.push_back(candidate);
  }
  if (group.size() <= kManyCandidates) d.accepted = list_of(group);
  return d;
}

Diagnostic unknown_value(SourcePos pos, const std::string& fact, std::string_view value,
                         std::span<const std::string> values) {
  Diagnostic d = unknown_word(std::move(pos), "value", value, values);
  d.found = "'" + fact + "' cannot be '" + shown(value) + "'";
  const bool number = value.find_first_not_of("0123456789") == std::string_view::npos;
  if (number) d.suggestion.clear();  // another number is not a spelling of it
  return d;
}

}  // namespace nptsim::rules
