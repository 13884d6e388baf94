#include "sim/yaml/prescan.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sim/yaml/source_file.h"

namespace nptsim::yaml {
namespace {

// The bytes of the UTF-8 character at the start of `rest`, or 0 if there is none (RFC 3629: no
// overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view rest) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0u;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_high = first == 0xf4 && byte(1) >= 0x90;
    return tail(1) && tail(2) && tail(3) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}

std::string hex_byte(unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

class Prescan {
 public:
  Prescan(std::string_view text, const std::string& file_name, const Limits& limits)
      : text_(text), limits_(limits), pos_{file_name, 1, 1} {}

  Result<std::string, Diagnostic> run() {
    if (text_.size() > limits_.bytes) {
      return Diagnostic{
          {pos_.file, 0, 0}, "the file is too long", file_size_rule(limits_.bytes), ""};
    }
    if (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff")) {
      return at_place("the file is UTF-16", "UTF-8 text");
    }
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
    clean_.reserve(text_.size());
    while (!text_.empty()) {
      if (auto wrong = take_character()) return *wrong;
    }
    return std::move(clean_);
  }

 private:
  Diagnostic at_place(std::string found, std::string accepted) const {
    return {pos_, std::move(found), std::move(accepted), ""};
  }

  std::optional<Diagnostic> take_character() {
    const std::size_t length = utf8_length(text_);
    const auto byte = static_cast<unsigned char>(text_[0]);
    if (length == 0) {
      return at_place("the byte " + hex_byte(byte) + " is not UTF-8", "UTF-8 text");
    }
    if (text_.starts_with("\r\n")) {
      text_.remove_prefix(1);
      return std::nullopt;
    }
    if (auto wrong = judge(static_cast<char>(byte))) return wrong;
    clean_.append(text_.substr(0, length));
    text_.remove_prefix(length);
    ++pos_.column;
    if (byte == '\n') {
      ++pos_.line;
      pos_.column = 1;
    }
    return std::nullopt;
  }

  std::optional<Diagnostic> judge(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t' && pos_.column == 1) {
      return at_place("a tab at the start of the line", "spaces to indent");
    }
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
      return at_place("the control character " + hex_byte(byte), "text; in quotes, an escape");
    }
    return judge_brackets(c);
  }

  // Counted wherever they stand, in texts and comments too: to know better we would have to parse,
  // and a file with so many of them is none that anybody wrote.
  std::optional<Diagnostic> judge_brackets(char c) {
    if (c == '[' || c == '{') ++open_brackets_;
    if ((c == ']' || c == '}') && open_brackets_ > 0) --open_brackets_;
    if (c == '[' || c == '{' || c == ',' || c == ':' || c == '?') ++indicators_;
    if (open_brackets_ > 4 * limits_.depth) {
      return at_place("more than " + std::to_string(4 * limits_.depth) + " brackets are open",
                      "lists and maps at most " + std::to_string(limits_.depth) + " deep");
    }
    if (indicators_ > 2 * limits_.nodes) {
      return at_place(
          "more than " + std::to_string(2 * limits_.nodes) + " brackets, commas and colons",
          "at most " + std::to_string(limits_.nodes) + " values in a file");
    }
    return std::nullopt;
  }

  std::string_view text_;
  const Limits& limits_;
  SourcePos pos_;
  std::string clean_;
  std::size_t open_brackets_ = 0;
  std::size_t indicators_ = 0;
};

}  // namespace

Result<std::string, Diagnostic> prescan(std::string_view text, const std::string& file_name,
                                        const Limits& limits) {
  return Prescan(text, file_name, limits).run();
}

}  // namespace nptsim::yaml
