// Typed readers: a node becomes a value, or a diagnostic is added and nothing comes back, so that a
// caller goes on and collects all that is wrong.
//
// `what` names the value in diagnostics: "size of region 'ram'".
#ifndef NPTSIM_SIM_YAML_READ_H_
#define NPTSIM_SIM_YAML_READ_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/yaml/node.h"
#include "sim/yaml/number.h"

namespace nptsim::yaml {

struct NumberRange {
  std::uint64_t min = 0;
  std::uint64_t max = ~std::uint64_t{0};
};

// A line of a text, and where it begins in the file.
struct TextLine {
  std::string text;
  SourcePos pos;
};

// "what: expected X, found a list".
void report_kind(const Node& node, std::string_view what, std::string_view accepted, Diagnostics&);

std::optional<std::string> read_text(const Node&, std::string_view what, Diagnostics&);
std::optional<std::uint64_t> read_number(const Node&, std::string_view what, Diagnostics&,
                                         NumberRange = {});
// yes, no, on, off, true, false.
std::optional<bool> read_yes_no(const Node&, std::string_view what, Diagnostics&);
// One of `words`.
std::optional<std::string> read_word(const Node&, std::string_view what,
                                     std::span<const std::string> words, Diagnostics&);
// A list of texts; one text alone is a list of one, nothing at all an empty list.
std::optional<std::vector<std::string>> read_texts(const Node&, std::string_view what,
                                                   Diagnostics&);
// The lines of a text, without an empty one at the end.
std::vector<TextLine> lines_of(const Node& scalar);

// Reads a map whose keys are known. All keys that are not in `keys` are reported at once, when the
// reader is made; a node that is no map is reported too, and then has no keys.
class MapReader {
 public:
  MapReader(const Node& node, std::string what, std::span<const std::string> keys,
            Diagnostics& diagnostics);

  // Whether the node is a map at all.
  bool ok() const { return map_ != nullptr; }
  const Node& node() const { return node_; }

  const Node* find(std::string_view key) const;
  // Reports a missing key.
  const Node* require(std::string_view key);

  // The value of a key that may be absent; a wrong value is reported and counts as absent.
  std::optional<std::string> text(std::string_view key);
  std::optional<std::uint64_t> number(std::string_view key, NumberRange range = {});
  std::optional<bool> yes_no(std::string_view key);
  std::optional<std::string> word(std::string_view key, std::span<const std::string> words);
  std::vector<std::string> texts(std::string_view key);

  // "size of region 'ram'".
  std::string what(std::string_view key) const;

 private:
  const Node& node_;
  const Node* map_ = nullptr;
  std::string what_;
  Diagnostics& diagnostics_;
};

}  // namespace nptsim::yaml

#endif  // NPTSIM_SIM_YAML_READ_H_
