// What may stand where in a scenario, as data: the same tables check a file, name what would be
// accepted, and become the JSON Schema for editors. So these never disagree.
#ifndef NPTSIM_SIM_SCENARIO_SHAPE_H_
#define NPTSIM_SIM_SCENARIO_SHAPE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/yaml/node.h"
#include "sim/yaml/read.h"

namespace nptsim::scenario {

struct Section;

// The form of one value.
struct Shape {
  enum class Kind : std::uint8_t {
    kText,    // `accepted` says what it looks like, when not any text will do
    kNumber,  // in `range`
    kYesNo,
    kWord,    // one of `words`
    kTexts,   // a list of texts; one alone is a list of one
    kList,    // of `item`
    kMap,     // with the keys of `section`
    kAny,     // somebody else looks
    kEither,  // one of `choices`
  };
  Kind kind = Kind::kText;
  std::string accepted;
  bool (*fits)(std::string_view) = nullptr;  // kText: whether this text will do; none: any
  yaml::NumberRange range;
  std::vector<std::string> words;
  std::shared_ptr<const Shape> item;
  const Section* section = nullptr;
  std::vector<Shape> choices;
};

struct Key {
  std::string name;
  std::string about;  // one sentence
  Shape shape;
  bool required = false;
};

// Keys that are names rather than words: of regions, vCPUs, registers, parameters.
struct NamedKeys {
  std::string what;     // "a vCPU like vcpu0"
  std::string pattern;  // the same as a regular expression, for the schema
  bool (*fits)(std::string_view) = nullptr;
  std::string about;
  std::vector<Shape> shape;  // none, or one
};

struct Section {
  std::string name;   // of its definition in the schema
  std::string about;
  std::vector<Key> keys;
  NamedKeys named;    // `fits` is null when there are none
};

Shape text();
Shape text(std::string accepted, bool (*fits)(std::string_view));
Shape number(std::uint64_t min = 0, std::uint64_t max = ~std::uint64_t{0});
Shape yes_no();
Shape word(std::vector<std::string> words);
Shape texts();
Shape list(Shape item);
Shape map(const Section& section);
Shape any();
Shape either(std::vector<Shape> choices);

// After so many diagnostics nobody looks for more.
inline constexpr std::size_t kEnoughDiagnostics = 101;

// Adds a diagnostic for everything below `node` that has not this shape. `path` names the node:
// "memory.flash.gpa". Nothing at all counts as an empty list or map.
void check_shape(const yaml::Node& node, const Shape& shape, const std::string& path,
                 Diagnostics& diagnostics);

// "a number in hex, ... or one of romd, mmio": for the `accepted` of a diagnostic.
std::string accepted_text(const Shape& shape);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_SHAPE_H_
