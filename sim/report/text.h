// Small pieces of text. Nothing here asks the locale anything.
#ifndef NPTSIM_SIM_REPORT_TEXT_H_
#define NPTSIM_SIM_REPORT_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/hex.h"

namespace nptsim::report {

// "16M", "4K", "0x1234" when it is no whole number of K.
std::string size_text(std::uint64_t bytes);

// How many characters a terminal shows: UTF-8 sequences count once.
std::size_t width_of(std::string_view text);
// `text` with spaces up to `width` characters, and at least one behind it if it is longer.
std::string pad(std::string_view text, std::size_t width);

std::string join(const std::vector<std::string>& words, std::string_view separator);

// The words of `text` in lines of at most `width` characters. Line breaks of the text stay when
// they mean something in Markdown: an empty line, a list item, code.
std::vector<std::string> wrap(std::string_view text, std::size_t width);
std::vector<std::string> split_lines(std::string_view text);

// Control characters made visible, so that no input can drive a terminal.
std::string printable(std::string_view text);

// The same for text and attributes of XML, SVG and HTML alike. XML 1.0 has no way to write most
// control characters.
std::string markup(std::string_view text);

// Rows of cells as lines, columns as wide as needed, two spaces between; no spaces at line ends.
std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows);

// What stands out on a terminal; without colour the text as it is.
struct Style {
  bool colour = false;
  std::string good(std::string_view text) const { return paint("32", text); }
  std::string bad(std::string_view text) const { return paint("31;1", text); }
  std::string warn(std::string_view text) const { return paint("33", text); }
  std::string strong(std::string_view text) const { return paint("1", text); }
  std::string faint(std::string_view text) const { return paint("2", text); }

 private:
  std::string paint(const char* code, std::string_view text) const {
    if (!colour) return std::string(text);
    return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
  }
};

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_TEXT_H_
