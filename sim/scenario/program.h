// The program of a vCPU: lines of assembler text, kept as they are, and directives, taken apart.
//
//   .call NAME [ARGUMENT, ...]        runs a procedure of the guest's model
//   .load ADDRESS [, SIZE [, REG]]    reads 1, 2, 4 or 8 bytes (8) into a register (rax)
//   .store ADDRESS, VALUE [, SIZE]    writes them
//   .fetch ADDRESS                    fetches an instruction there
//   .label NAME                       a place that `at:` and jumps can name; `NAME:` does the same
//   .check REG RELATION VALUE         stops the run when it does not hold; == != < <= > >=
//   .vmpl N                           what follows runs at this VMPL
//
// `#` and `;` begin a comment.
#ifndef NPTSIM_SIM_SCENARIO_PROGRAM_H_
#define NPTSIM_SIM_SCENARIO_PROGRAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/scenario/located.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {

// One of a directive's arguments: a number, or a name for somebody else to resolve.
struct Argument {
  std::string text;
  bool is_number = false;
  std::uint64_t number = 0;
  SourcePos pos;
};

struct Directive {
  enum class Kind : std::uint8_t { kCall, kLoad, kStore, kFetch, kLabel, kCheck, kVmpl };
  Kind kind = Kind::kCall;
  std::string name;                  // kCall: a procedure; kLabel: the label; kCheck: a register
  std::vector<Argument> arguments;   // kCall: all; kLoad, kFetch: address; kStore: address, value;
                                     // kCheck: the value; kVmpl: the level
  unsigned size = 0;                 // kLoad, kStore: bytes
  std::string reg;                   // kLoad: where the value goes
  std::string relation;              // kCheck
};

struct ProgramLine {
  enum class Kind : std::uint8_t { kInstruction, kDirective };
  Kind kind = Kind::kInstruction;
  std::string text;                  // without comment and white space at the ends; a label may
                                     // stand before an instruction; `bytes: "c6 04"` is one too
  Directive directive;               // kDirective
  SourcePos pos;                     // of the first character of `text`
};

struct Program {
  std::vector<ProgramLine> lines;    // no empty ones
  std::vector<Text> labels;          // of `.label` and of `name:`, in order
  SourcePos pos;

  bool has_label(const std::string& label) const;
};

// Reads a text, or a list of texts and `{ bytes: "..." }`. `what` is e.g. "program of vcpu0".
Program read_program(const yaml::Node& node, const std::string& what, Diagnostics& diagnostics);

// The line without its comment, white space made single, for comparing source lines.
std::string normal_line(const std::string& line);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_PROGRAM_H_
