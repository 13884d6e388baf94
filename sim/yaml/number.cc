#include "sim/yaml/number.h"

#include <optional>

namespace nptsim::yaml {
namespace {

constexpr char kNotANumber[] = "is not a number";
constexpr char kTooLarge[] = "does not fit into 64 bits";

std::optional<unsigned> suffix_shift(char c) {
  switch (c) {
    case 'K':
      return 10;
    case 'M':
      return 20;
    case 'G':
      return 30;
    case 'T':
      return 40;
    default:
      return std::nullopt;
  }
}

std::optional<unsigned> digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

// An underscore stands between two digits.
Result<std::uint64_t, std::string> parse_digits(std::string_view digits, unsigned base) {
  std::uint64_t value = 0;
  bool after_digit = false;
  bool too_large = false;
  for (const char c : digits) {
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    const std::optional<unsigned> digit = digit_value(c);
    if (!digit || *digit >= base) return std::string(kNotANumber);
    after_digit = true;
    too_large |= __builtin_mul_overflow(value, std::uint64_t{base}, &value);
    too_large |= __builtin_add_overflow(value, std::uint64_t{*digit}, &value);
  }
  if (!after_digit) return std::string(kNotANumber);
  if (too_large) return std::string(kTooLarge);
  return value;
}

}  // namespace

Result<std::uint64_t, std::string> parse_number(std::string_view text) {
  if (text.starts_with('-')) return std::string("is negative");
  std::optional<unsigned> shift;
  if (!text.empty()) shift = suffix_shift(text.back());
  if (shift) text.remove_suffix(1);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (!hex && text.size() > 1 && text[0] == '0' && digit_value(text[1])) {
    return std::string("begins with 0 but is not hex");
  }
  auto value = parse_digits(hex ? text.substr(2) : text, hex ? 16 : 10);
  if (!value || !shift) return value;
  if (value.value() > (~std::uint64_t{0} >> *shift)) return std::string(kTooLarge);
  return value.value() << *shift;
}

}  // namespace nptsim::yaml
