#include "sim/scenario/shape.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace nptsim::scenario {
namespace {

using yaml::Node;
using yaml::NodeKind;

Shape of_kind(Shape::Kind kind) {
  Shape shape;
  shape.kind = kind;
  return shape;
}

// Whether a node of this kind can have this shape at all.
bool takes(const Shape& shape, NodeKind kind) {
  switch (shape.kind) {
    case Shape::Kind::kText:
    case Shape::Kind::kNumber:
    case Shape::Kind::kYesNo:
    case Shape::Kind::kWord:
      return kind == NodeKind::kScalar;
    case Shape::Kind::kTexts:
      return kind != NodeKind::kMap;
    case Shape::Kind::kList:
      return kind == NodeKind::kSequence || kind == NodeKind::kNull;
    case Shape::Kind::kMap:
      return kind == NodeKind::kMap || kind == NodeKind::kNull;
    case Shape::Kind::kAny:
      return true;
    case Shape::Kind::kEither:
      return std::any_of(shape.choices.begin(), shape.choices.end(),
                         [kind](const Shape& choice) { return takes(choice, kind); });
  }
  return false;
}

std::string named(const std::string& path) { return path.empty() ? "the scenario" : path; }

std::string below(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

const Key* key_named(const Section& section, std::string_view name) {
  const auto found = std::find_if(section.keys.begin(), section.keys.end(),
                                  [name](const Key& key) { return key.name == name; });
  return found == section.keys.end() ? nullptr : &*found;
}

std::vector<std::string> accepted_keys(const Section& section) {
  std::vector<std::string> names;
  for (const Key& key : section.keys) names.push_back(key.name);
  if (section.named.fits != nullptr) names.push_back(section.named.what);
  return names;
}

void check_entry(const yaml::MapEntry& entry, const Section& section, const std::string& path,
                 Diagnostics& diagnostics) {
  if (diagnostics.size() >= kEnoughDiagnostics) return;
  const std::string& name = entry.key.text;
  if (const Key* key = key_named(section, name)) {
    check_shape(entry.value, key->shape, below(path, name), diagnostics);
  } else if (section.named.fits != nullptr && section.named.fits(name)) {
    check_shape(entry.value, section.named.shape.at(0), below(path, name), diagnostics);
  } else {
    diagnostics.push_back(unknown_word(entry.key.pos, "key of " + named(path) + ":",
                                       yaml::printable(name), accepted_keys(section)));
  }
}

void check_map(const Node& node, const Section& section, const std::string& path,
               Diagnostics& diagnostics) {
  for (const yaml::MapEntry& entry : node.entries) check_entry(entry, section, path, diagnostics);
  for (const Key& key : section.keys) {
    if (!key.required || node.find(key.name) != nullptr) continue;
    diagnostics.push_back(
        {node.pos, named(path) + " has no key '" + key.name + "'", accepted_text(key.shape), ""});
  }
}

void check_either(const Node& node, const Shape& shape, const std::string& path,
                  Diagnostics& diagnostics) {
  std::vector<Diagnostics> complaints;
  for (const Shape& choice : shape.choices) {
    if (!takes(choice, node.kind)) continue;
    Diagnostics wrong;
    check_shape(node, choice, path, wrong);
    if (wrong.empty()) return;
    complaints.push_back(std::move(wrong));
  }
  if (complaints.size() == 1) {
    append(diagnostics, complaints[0]);
  } else {
    yaml::report_kind(node, named(path), accepted_text(shape), diagnostics);
  }
}

void check_text(const Node& node, const Shape& shape, const std::string& path,
                Diagnostics& diagnostics) {
  if (!node.is_scalar() || (shape.fits != nullptr && !shape.fits(node.text))) {
    yaml::report_kind(node, named(path), accepted_text(shape), diagnostics);
  }
}

void check_list(const Node& node, const Shape& shape, const std::string& path,
                Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    check_shape(node.items[i], *shape.item, path + "[" + std::to_string(i) + "]", diagnostics);
  }
}

}  // namespace

Shape text() { return {}; }

Shape text(std::string accepted, bool (*fits)(std::string_view)) {
  Shape shape;
  shape.accepted = std::move(accepted);
  shape.fits = fits;
  return shape;
}

Shape number(std::uint64_t min, std::uint64_t max) {
  Shape shape = of_kind(Shape::Kind::kNumber);
  shape.range = {min, max};
  return shape;
}

Shape yes_no() { return of_kind(Shape::Kind::kYesNo); }

Shape word(std::vector<std::string> words) {
  Shape shape = of_kind(Shape::Kind::kWord);
  shape.words = std::move(words);
  return shape;
}

Shape texts() { return of_kind(Shape::Kind::kTexts); }

Shape list(Shape item) {
  Shape shape = of_kind(Shape::Kind::kList);
  shape.item = std::make_shared<const Shape>(std::move(item));
  return shape;
}

Shape map(const Section& section) {
  Shape shape = of_kind(Shape::Kind::kMap);
  shape.section = &section;
  return shape;
}

Shape any() { return of_kind(Shape::Kind::kAny); }

Shape either(std::vector<Shape> choices) {
  Shape shape = of_kind(Shape::Kind::kEither);
  shape.choices = std::move(choices);
  return shape;
}

std::string accepted_text(const Shape& shape) {
  switch (shape.kind) {
    case Shape::Kind::kText:
      return shape.accepted.empty() ? "a text" : shape.accepted;
    case Shape::Kind::kNumber:
      return yaml::kNumberForms;
    case Shape::Kind::kYesNo:
      return "yes, no, on, off";
    case Shape::Kind::kWord:
      return list_of(shape.words);
    case Shape::Kind::kTexts:
      return "a text or a list of texts";
    case Shape::Kind::kList:
      return "a list";
    case Shape::Kind::kMap:
      return "a map with " + list_of(accepted_keys(*shape.section), "and");
    case Shape::Kind::kAny:
      return "anything";
    case Shape::Kind::kEither:
      break;
  }
  std::string all;
  for (const Shape& choice : shape.choices)
    all += (all.empty() ? "" : "; ") + accepted_text(choice);
  return all;
}

void check_shape(const Node& node, const Shape& shape, const std::string& path,
                 Diagnostics& diagnostics) {
  if (diagnostics.size() >= kEnoughDiagnostics) return;
  const std::string what = named(path);
  if (!takes(shape, node.kind)) {
    yaml::report_kind(node, what, accepted_text(shape), diagnostics);
    return;
  }
  switch (shape.kind) {
    case Shape::Kind::kText:
      return check_text(node, shape, path, diagnostics);
    case Shape::Kind::kNumber:
      static_cast<void>(yaml::read_number(node, what, diagnostics, shape.range));
      return;
    case Shape::Kind::kYesNo:
      static_cast<void>(yaml::read_yes_no(node, what, diagnostics));
      return;
    case Shape::Kind::kWord:
      static_cast<void>(yaml::read_word(node, what, shape.words, diagnostics));
      return;
    case Shape::Kind::kTexts:
      static_cast<void>(yaml::read_texts(node, what, diagnostics));
      return;
    case Shape::Kind::kList:
      return check_list(node, shape, path, diagnostics);
    case Shape::Kind::kMap:
      return check_map(node, *shape.section, path, diagnostics);
    case Shape::Kind::kAny:
      return;
    case Shape::Kind::kEither:
      return check_either(node, shape, path, diagnostics);
  }
}

}  // namespace nptsim::scenario
