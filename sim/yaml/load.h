// Reads YAML text. Whatever the text, the answer is a tree or diagnostics: never an exception, and
// never more memory or time than the limits allow.
//
// Less than all of YAML on purpose. Refused: tags, merge keys (`<<`), keys that are lists or maps,
// the same key twice, tabs at the start of a line, text that is not UTF-8, control characters.
// Anchors and aliases work; what an alias repeats counts as if it were written out.
#ifndef NPTSIM_SIM_YAML_LOAD_H_
#define NPTSIM_SIM_YAML_LOAD_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/yaml/node.h"

namespace nptsim::yaml {

struct Limits {
  std::size_t bytes = std::size_t{4} << 20;  // of a file
  std::size_t depth = 64;                    // of lists and maps in each other
  std::size_t nodes = 200'000;               // in all documents of a file, aliases written out
  std::size_t text = std::size_t{8} << 20;   // bytes of all scalars, aliases written out
  std::size_t documents = 10'000;            // in a file
};

// The documents of a file, in order. Empty documents are left out, so an empty file has none.
Result<std::vector<Node>, Diagnostics> load_file(const std::string& path, const Limits& = {});
Result<std::vector<Node>, Diagnostics> load_text(std::string_view text,
                                                 const std::string& file_name, const Limits& = {});

}  // namespace nptsim::yaml

#endif  // NPTSIM_SIM_YAML_LOAD_H_
