#include "sim/scenario/forms.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>

#include "sim/yaml/number.h"

namespace nptsim::scenario {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

// The letters of `text` without '-', or nothing when one is not in `allowed` or stands twice.
std::optional<std::string> letters(std::string_view text, std::string_view allowed) {
  std::string found;
  for (const char c : text) {
    if (c == '-') continue;
    if (allowed.find(c) == std::string_view::npos || found.find(c) != std::string::npos) {
      return std::nullopt;
    }
    found += c;
  }
  if (found.empty()) return std::nullopt;
  return found;
}

bool has(const std::string& text, char c) { return text.find(c) != std::string::npos; }

std::optional<std::uint64_t> small_number(std::string_view text, std::uint64_t max) {
  const auto value = yaml::parse_number(text);
  if (!value || value.value() > max) return std::nullopt;
  return value.value();
}

using NamedNumber = std::pair<std::string_view, unsigned>;

template <std::size_t size>
std::optional<unsigned> find_number(const std::array<NamedNumber, size>& list,
                                    std::string_view name) {
  for (const auto& [word, value] : list) {
    if (word == name) return value;
  }
  return std::nullopt;
}

// APM vol. 2, table 8-1.
constexpr std::array<NamedNumber, 21> kVectors = {
    {{"de", 0},  {"db", 1},  {"nmi", 2}, {"bp", 3},  {"of", 4},  {"br", 5},  {"ud", 6},
     {"nm", 7},  {"df", 8},  {"ts", 10}, {"np", 11}, {"ss", 12}, {"gp", 13}, {"pf", 14},
     {"mf", 16}, {"ac", 17}, {"mc", 18}, {"xf", 19}, {"cp", 21}, {"hv", 28}, {"vc", 29}}};

// APM vol. 2, 5.3: page-translation-table entry fields.
constexpr std::array<NamedNumber, 9> kEntryBits = {{{"present", 0},
                                                    {"write", 1},
                                                    {"user", 2},
                                                    {"pwt", 3},
                                                    {"pcd", 4},
                                                    {"accessed", 5},
                                                    {"dirty", 6},
                                                    {"global", 8},
                                                    {"nx", 63}}};

}  // namespace

std::optional<Rights> parse_rights(std::string_view text) {
  if (text == "none") return Rights{false, false, false, false};
  const auto found = letters(text, "rwxus");
  if (!found || !has(*found, 'r') || (has(*found, 'u') && has(*found, 's'))) return std::nullopt;
  return Rights{true, has(*found, 'w'), has(*found, 'x'), has(*found, 'u')};
}

std::optional<VmplMask> parse_vmpl_mask(std::string_view text) {
  if (text == "none") return VmplMask{};
  const auto found = letters(text, "rwxus");
  if (!found) return std::nullopt;
  const bool both = has(*found, 'x');
  return VmplMask{has(*found, 'r'), has(*found, 'w'), both || has(*found, 'u'),
                  both || has(*found, 's')};
}

std::optional<Place> parse_place(std::string_view text) {
  Place place;
  if (const auto address = yaml::parse_number(text)) {
    place.offset = address.value();
    return place;
  }
  const std::size_t plus = text.find('+');
  if (!is_name(text.substr(0, plus))) return std::nullopt;
  place.region = std::string(text.substr(0, plus));
  if (plus == std::string_view::npos) return place;
  const auto offset = yaml::parse_number(text.substr(plus + 1));
  if (!offset) return std::nullopt;
  place.offset = offset.value();
  return place;
}

const std::vector<std::string>& page_words() {
  static const std::vector<std::string> kWords = {"4K", "2M", "1G"};
  return kWords;
}

std::optional<std::uint64_t> parse_page(std::string_view text) {
  const auto& words = page_words();
  if (std::find(words.begin(), words.end(), text) == words.end()) return std::nullopt;
  return yaml::parse_number(text).value();
}

std::optional<unsigned> parse_level(std::string_view text) {
  constexpr std::array<NamedNumber, 8> kLevels = {
      {{"4K", 1}, {"2M", 2}, {"1G", 3}, {"1", 1}, {"2", 2}, {"3", 3}, {"4", 4}, {"5", 5}}};
  return find_number(kLevels, text);
}

std::optional<unsigned> parse_vector(std::string_view text) {
  if (const auto value = small_number(text, 255)) return static_cast<unsigned>(*value);
  if (text.starts_with('#')) text.remove_prefix(1);
  return find_number(kVectors, lower(text));
}

std::optional<unsigned> parse_bit(std::string_view text) {
  if (const auto value = small_number(text, 63)) return static_cast<unsigned>(*value);
  return find_number(kEntryBits, lower(text));
}

std::optional<std::vector<std::uint8_t>> parse_bytes(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  const auto digit = [](char c) -> int {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ' || text[at] == '\n') {
      ++at;
      continue;
    }
    if (at + 1 >= text.size() || digit(text[at]) < 0 || digit(text[at + 1]) < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<std::uint8_t>(digit(text[at]) * 16 + digit(text[at + 1])));
    at += 2;
  }
  if (bytes.empty()) return std::nullopt;
  return bytes;
}

std::optional<unsigned> parse_vcpu(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot != std::string_view::npos) {
    if (!is_name(text.substr(0, dot))) return std::nullopt;
    text.remove_prefix(dot + 1);
  }
  if (!text.starts_with("vcpu") || text.size() > 6 || text.size() < 5) return std::nullopt;
  text.remove_prefix(4);
  if (!std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  const auto value = small_number(text, kMaxVcpus - 1);
  if (!value) return std::nullopt;
  return static_cast<unsigned>(*value);
}

bool is_name(std::string_view text) {
  return !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
  });
}

bool is_dotted_name(std::string_view text) {
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!is_name(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace nptsim::scenario
