#include "sim/isa/asm_tokens.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace nptsim::isa {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}
bool in_word(char c) { return starts_word(c) || is_digit(c); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

// The power of two of a size suffix, or 0.
unsigned suffix_shift(char c) {
  switch (lower(c)) {
    case 'k':
      return 10;
    case 'm':
      return 20;
    case 'g':
      return 30;
    case 't':
      return 40;
    default:
      return 0;
  }
}

struct Radix {
  int base = 10;
  std::string_view digits;
};

Radix radix_of(std::string_view word) {
  if (word.starts_with("0x") || word.starts_with("0X")) return {16, word.substr(2)};
  if (word.starts_with("0b") || word.starts_with("0B")) return {2, word.substr(2)};
  return {10, word};
}

bool parse_number(std::string_view word, u64& value) {
  Radix radix = radix_of(word);
  unsigned shift = 0;
  if (!radix.digits.empty()) shift = suffix_shift(radix.digits.back());
  if (shift != 0) radix.digits.remove_suffix(1);
  const char* const end = radix.digits.data() + radix.digits.size();
  const auto [stop, error] = std::from_chars(radix.digits.data(), end, value, radix.base);
  if (error != std::errc() || stop != end) return false;
  if (shift != 0 && value >> (64 - shift) != 0) return false;
  value <<= shift;
  return true;
}

std::string_view word_at(std::string_view line, std::size_t from) {
  std::size_t to = from;
  while (to < line.size() && in_word(line[to])) ++to;
  return line.substr(from, to - from);
}

Token make_token(TokenKind kind, std::string_view text, std::size_t at) {
  return {kind, lower_case(text), std::string(text), 0, static_cast<int>(at) + 1};
}

constexpr std::string_view kPunctuation = "[]+-*,:";

}  // namespace

AssembleError error_at(int column, std::string found, std::string accepted,
                       std::string suggestion) {
  return {0, column, std::move(found), std::move(accepted), std::move(suggestion)};
}

Result<std::vector<Token>, AssembleError> tokenize(std::string_view line) {
  std::vector<Token> tokens;
  std::size_t i = 0;
  while (i < line.size()) {
    const char c = line[i];
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++i;
    } else if (in_word(c)) {
      const std::string_view word = word_at(line, i);
      Token token = make_token(is_digit(c) ? TokenKind::kNumber : TokenKind::kWord, word, i);
      if (token.kind == TokenKind::kNumber && !parse_number(word, token.value)) {
        return error_at(token.column, "'" + token.spelling + "' is not a 64-bit number",
                        "decimal, 0x hexadecimal, 0b binary, each with an optional K, M, G or T");
      }
      tokens.push_back(std::move(token));
      i += word.size();
    } else if (kPunctuation.find(c) != std::string_view::npos) {
      tokens.push_back(make_token(TokenKind::kPunctuation, line.substr(i, 1), i));
      ++i;
    } else {
      return error_at(static_cast<int>(i) + 1, "unexpected character '" + std::string(1, c) + "'",
                      "words, numbers and any of " + std::string(kPunctuation));
    }
  }
  tokens.push_back(make_token(TokenKind::kEnd, "", line.size()));
  return tokens;
}

}  // namespace nptsim::isa
