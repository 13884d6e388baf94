// The shape of one line, compiled: "vcpu {vcpu:u} reason {reason:w} rip 0x{rip:x}".
//
//     {name:u}   decimal digits          {name:d}   the same, perhaps with a minus
//     {name:x}   hex digits, without 0x  {name:w}   a word: up to a blank
//     {name:r}   up to what follows it, or the end
//     {name:n}   a number with 0x, or decimal without
//
// A line matches when it begins with the shape; what is behind it is somebody else's (kernels add
// fields at the end).
#ifndef NPTSIM_SIM_TRACE_LINE_PATTERN_H_
#define NPTSIM_SIM_TRACE_LINE_PATTERN_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/result.h"
#include "sim/trace/seen.h"

namespace nptsim::trace {

// The whole word as a number: with 0x, else hex digits if `hex`, else decimal.
std::optional<std::uint64_t> read_plain_number(std::string_view word, bool hex);

class LinePattern {
 public:
  // The fields of the shape are looked up in `fields`, and added where they are new. The error says
  // what is wrong with the shape.
  static Result<LinePattern, std::string> compile(std::string_view shape,
                                                  std::vector<std::string>& fields);

  // Fills in the values of `seen`; false if the line is of another shape. Never reads beyond it.
  bool match(std::string_view line, Seen& seen) const;
  // The same, anywhere in the line.
  bool find(std::string_view line, Seen& seen) const;

  // The fields that the shape has, by number.
  std::span<const std::uint8_t> fields() const { return fields_; }
  // Whether it takes this one as hex digits, or as text.
  bool takes_hex(std::uint8_t field) const { return takes(field, Take::kHex); }
  bool takes_text(std::uint8_t field) const {
    return takes(field, Take::kWord) || takes(field, Take::kRest);
  }
  // What the line calls a field: the word before it. Empty if there is none.
  std::string called(std::uint8_t field) const;
  // `seen` as such a line; a field that it does not have is '?'.
  std::string print(const Seen& seen) const;

 private:
  enum class Take : std::uint8_t { kNothing, kDecimal, kSigned, kHex, kWord, kRest, kNumber };
  struct Piece {  // literal text, then a field
    std::string literal;
    Take take = Take::kNothing;
    std::uint8_t field = 0;
  };
  bool match_from(std::string_view line, std::size_t piece, Seen& seen) const;
  bool takes(std::uint8_t field, Take take) const;

  std::vector<Piece> pieces_;
  std::vector<std::uint8_t> fields_;
};

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_LINE_PATTERN_H_
