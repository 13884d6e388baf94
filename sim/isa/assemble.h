// Intel syntax to bytes: one instruction, or a program with labels.
#ifndef NPTSIM_SIM_ISA_ASSEMBLE_H_
#define NPTSIM_SIM_ISA_ASSEMBLE_H_

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/isa/registers.h"

namespace nptsim::isa {

struct AssembleError {
  int line = 0;            // index into the lines of assemble_program, from 0
  int column = 1;          // from 1
  std::string found;       // what is wrong, with what was found
  std::string accepted;    // what would be accepted; may be empty
  std::string suggestion;  // the nearest spelling or the mend; may be empty

  bool operator==(const AssembleError&) const = default;
};

// The error as a diagnostic of the text that starts at `text` (its first line and column).
Diagnostic to_diagnostic(const AssembleError& error, const SourcePos& text);

using Labels = std::map<std::string, u64, std::less<>>;

// One instruction, without label or comment, at `address`: for instance "mov al, [rbx + 8]".
Result<std::vector<u8>, AssembleError> assemble(std::string_view line, u64 address, Mode mode,
                                                const Labels& labels = {});

// The bytes of "c6 04 25 10": pairs of hex digits, spaces between pairs are free.
Result<std::vector<u8>, AssembleError> parse_hex_bytes(std::string_view text);

struct Program {
  struct Line {
    int source_line = 0;  // index into the lines given
    u32 offset = 0;       // of its first byte in `bytes`
    u32 length = 0;       // of one instruction, or of all that a "bytes:" line gives
    std::string text;     // without label and comment
  };
  std::vector<u8> bytes;
  std::vector<Line> lines;  // one an instruction, in order
  Labels labels;            // absolute addresses
};

// A line is [label:] [instruction | bytes: "c6 04"] [; comment or # comment]. Labels may be used
// before they are defined. `known` are labels from elsewhere.
Result<Program, AssembleError> assemble_program(std::span<const std::string> lines, u64 origin,
                                                Mode mode, const Labels& known = {});

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_ASSEMBLE_H_
