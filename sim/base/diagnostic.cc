#include "sim/base/diagnostic.h"

#include <algorithm>
#include <cstddef>

namespace nptsim {
namespace {

// A word of an input file may be of any length; beyond this no spelling is worth comparing.
constexpr std::size_t kLongestSpelling = 64;

// Optimal string alignment distance: insert, delete, replace, or swap two neighbours, each costs 1.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string to_string(const SourcePos& pos) {
  std::string text = pos.file;
  if (pos.line > 0) {
    text += ":" + std::to_string(pos.line);
    if (pos.column > 0) text += ":" + std::to_string(pos.column);
  }
  return text;
}

std::string to_string(const Diagnostic& d) {
  std::string text = to_string(d.pos);
  if (!text.empty()) text += ": ";
  text += "error: " + d.found;
  if (!d.suggestion.empty()) text += "; " + d.suggestion;
  if (!d.accepted.empty()) text += " (accepted: " + d.accepted + ")";
  return text;
}

std::string nearest_spelling(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > kLongestSpelling) return "";
  std::string best;
  std::size_t best_cost = 1 + word.size() / 3;  // more changes than that are another word
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestSpelling) continue;
    const std::size_t cost = edit_distance(word, candidate);
    if (cost <= best_cost && (best.empty() || cost < best_cost)) {
      best = candidate;
      best_cost = cost;
    }
  }
  return best;
}

std::string list_of(std::span<const std::string> words, std::string_view last_joint) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0 && i + 1 == words.size()) {
      text += " " + std::string(last_joint) + " ";
    } else if (i > 0) {
      text += ", ";
    }
    text += words[i];
  }
  return text;
}

Diagnostic unknown_word(SourcePos pos, std::string_view what, std::string_view word,
                        std::span<const std::string> candidates) {
  Diagnostic d;
  d.pos = std::move(pos);
  const std::string shown(word.substr(0, kLongestSpelling));
  d.found = "unknown " + std::string(what) + " '" + shown + "'";
  d.accepted = list_of(candidates);
  if (const std::string near = nearest_spelling(word, candidates); !near.empty()) {
    d.suggestion = "did you mean '" + near + "'?";
  }
  return d;
}

}  // namespace nptsim
