// What is wrong with an input, where, and how to mend it.
#ifndef NPTSIM_SIM_BASE_DIAGNOSTIC_H_
#define NPTSIM_SIM_BASE_DIAGNOSTIC_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/file_name.h"

namespace nptsim {

// A place in an input file. Lines and columns count from 1; 0 means "the whole file".
struct SourcePos {
  FileName file;
  int line = 0;
  int column = 0;

  bool operator==(const SourcePos&) const = default;
};

// "file:line:column", without the parts that are 0.
std::string to_string(const SourcePos& pos);

struct Diagnostic {
  SourcePos pos;
  std::string found;       // what is wrong, with what was found
  std::string accepted;    // what would be accepted; may be empty
  std::string suggestion;  // the nearest spelling or the mend; may be empty

  bool operator==(const Diagnostic&) const = default;
};

using Diagnostics = std::vector<Diagnostic>;

inline void append(Diagnostics& to, const Diagnostics& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// One line: "file:3:7: error: unknown key 'memroy'; did you mean 'memory'? (accepted: a, b)".
std::string to_string(const Diagnostic& diagnostic);

// The candidate nearest to `word` by edit distance, or "" if none is near enough to be meant.
std::string nearest_spelling(std::string_view word, std::span<const std::string> candidates);

// "a, b or c".
std::string list_of(std::span<const std::string> words, std::string_view last_joint = "or");

// The usual diagnostic for a word that is not one of `candidates`. `what` is e.g. "key".
Diagnostic unknown_word(SourcePos pos, std::string_view what, std::string_view word,
                        std::span<const std::string> candidates);

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_DIAGNOSTIC_H_
