#include "sim/trace/line_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace nptsim::trace {
namespace {

// The value of a hex digit, or 16 and more.
constexpr std::array<std::uint8_t, 256> kHexDigits = [] {
  std::array<std::uint8_t, 256> digits{};
  for (auto& digit : digits) digit = 0xff;
  for (unsigned i = 0; i < 10; ++i) digits['0' + i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 0; i < 6; ++i) {
    digits['a' + i] = digits['A' + i] = static_cast<std::uint8_t>(10 + i);
  }
  return digits;
}();

unsigned digit_of(char c) { return kHexDigits[static_cast<unsigned char>(c)]; }

// Takes digits off the front; none, or more than 64 bits: no number.
bool take_hex(std::string_view& line, std::uint64_t& number) {
  std::size_t at = 0;
  std::uint64_t value = 0;
  for (; at < line.size(); ++at) {
    const unsigned digit = digit_of(line[at]);
    if (digit > 15) break;
    if (value >> 60) return false;
    value = value << 4 | digit;
  }
  line.remove_prefix(at);
  number = value;
  return at > 0;
}

bool take_decimal(std::string_view& line, std::uint64_t& number) {
  std::size_t at = 0;
  std::uint64_t value = 0;
  for (; at < line.size(); ++at) {
    const unsigned digit = digit_of(line[at]);
    if (digit > 9) break;
    if (value > (~std::uint64_t{0} - digit) / 10) return false;
    value = value * 10 + digit;
  }
  line.remove_prefix(at);
  number = value;
  return at > 0;
}

bool take_signed(std::string_view& line, std::uint64_t& number) {
  const bool minus = !line.empty() && line.front() == '-';
  if (minus) line.remove_prefix(1);
  if (!take_decimal(line, number)) return false;
  if (minus) number = 0 - number;
  return true;
}

bool take_number(std::string_view& line, std::uint64_t& number) {
  if (!line.starts_with("0x")) return take_signed(line, number);
  line.remove_prefix(2);
  return take_hex(line, number);
}

std::size_t end_of_word(std::string_view line) {
  const std::size_t end = line.find_first_of(" \t");
  return end == std::string_view::npos ? line.size() : end;
}

}  // namespace

std::optional<std::uint64_t> read_plain_number(std::string_view word, bool hex) {
  std::uint64_t number = 0;
  const bool marked = word.starts_with("0x");
  const bool good = hex && !marked ? take_hex(word, number) : take_number(word, number);
  if (!good || !word.empty()) return std::nullopt;
  return number;
}

Result<LinePattern, std::string> LinePattern::compile(std::string_view shape,
                                                      std::vector<std::string>& fields) {
  constexpr std::string_view kKinds = "udxwrn";
  constexpr Take kTakes[] = {Take::kDecimal, Take::kSigned, Take::kHex,
                             Take::kWord,    Take::kRest,   Take::kNumber};
  LinePattern pattern;
  while (!shape.empty()) {
    Piece piece;
    const std::size_t open = shape.find('{');
    piece.literal = std::string(shape.substr(0, open));
    shape.remove_prefix(piece.literal.size());
    if (!shape.empty()) {
      const std::size_t close = shape.find('}');
      const std::size_t colon = shape.find(':');
      if (close == std::string_view::npos || colon == std::string_view::npos ||
          colon + 2 != close || colon < 2) {
        return fmt::format("'{}' is no field like {{name:x}}", shape.substr(0, 40));
      }
      const std::size_t kind = kKinds.find(shape[colon + 1]);
      if (kind == std::string_view::npos) {
        return fmt::format("a field is not taken as '{}' (accepted: {})", shape[colon + 1], kKinds);
      }
      piece.take = kTakes[kind];
      const std::string name(shape.substr(1, colon - 1));
      auto known = std::find(fields.begin(), fields.end(), name);
      if (known == fields.end()) {
        if (fields.size() == kMostFields) return std::string("an event has 16 fields at most");
        known = fields.insert(fields.end(), name);
      }
      piece.field = static_cast<std::uint8_t>(known - fields.begin());
      pattern.fields_.push_back(piece.field);
      shape.remove_prefix(close + 1);
    }
    pattern.pieces_.push_back(std::move(piece));
  }
  if (pattern.pieces_.empty()) return std::string("a line has some text");
  return pattern;
}

bool LinePattern::match_from(std::string_view line, std::size_t first, Seen& seen) const {
  for (std::size_t i = first; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    const std::size_t length = piece.literal.size();
    if (line.size() < length || std::memcmp(line.data(), piece.literal.data(), length) != 0) {
      return false;
    }
    line.remove_prefix(length);
    Value& value = seen.values[piece.field];
    std::size_t end = 0;
    bool good = true;
    switch (piece.take) {
      case Take::kNothing:
        continue;
      case Take::kDecimal:
        good = take_decimal(line, value.number);
        break;
      case Take::kSigned:
        good = take_signed(line, value.number);
        break;
      case Take::kHex:
        good = take_hex(line, value.number);
        break;
      case Take::kNumber:
        good = take_number(line, value.number);
        break;
      case Take::kWord:
        end = end_of_word(line);
        value = Value::of(line.substr(0, end));
        line.remove_prefix(end);
        if (end == 0) return false;
        continue;
      case Take::kRest:
        end = i + 1 < pieces_.size() ? line.find(pieces_[i + 1].literal) : line.size();
        if (end == std::string_view::npos) return false;
        value = Value::of(line.substr(0, end));
        line.remove_prefix(end);
        continue;
    }
    if (!good) return false;
    value.kind = Value::Kind::kNumber;
  }
  return true;
}

bool LinePattern::takes(std::uint8_t field, Take take) const {
  return std::any_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
    return piece.take == take && piece.field == field;
  });
}

std::string LinePattern::called(std::uint8_t field) const {
  for (const Piece& piece : pieces_) {
    if (piece.take == Take::kNothing || piece.field != field) continue;
    std::string_view literal = piece.literal;
    if (literal.ends_with("0x")) literal.remove_suffix(2);
    while (!literal.empty() && std::string_view(" =:[").find(literal.back()) != literal.npos) {
      literal.remove_suffix(1);
    }
    const std::size_t begin = literal.find_last_of(" ,=:[(");
    return std::string(begin == literal.npos ? literal : literal.substr(begin + 1));
  }
  return "";
}

bool LinePattern::match(std::string_view line, Seen& seen) const {
  return match_from(line, 0, seen);
}

bool LinePattern::find(std::string_view line, Seen& seen) const {
  const std::string& first = pieces_.front().literal;
  for (std::size_t at = line.find(first); at != std::string_view::npos;
       at = line.find(first, at + 1)) {
    if (match_from(line.substr(at), 0, seen)) return true;
    if (first.empty()) return false;
  }
  return false;
}

std::string LinePattern::print(const Seen& seen) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.literal;
    if (piece.take == Take::kNothing) continue;
    const Value& value = seen.values[piece.field];
    if (value.kind == Value::Kind::kAbsent) {
      text += '?';
    } else if (value.kind == Value::Kind::kText) {
      text += value.text;
    } else if (piece.take == Take::kHex) {
      text += fmt::format("{:x}", value.number);
    } else if (piece.take == Take::kNumber) {
      text += fmt::format("0x{:x}", value.number);
    } else if (piece.take == Take::kSigned) {
      text += fmt::format("{}", static_cast<std::int64_t>(value.number));
    } else {
      text += fmt::format("{}", value.number);
    }
  }
  return text;
}

}  // namespace nptsim::trace
