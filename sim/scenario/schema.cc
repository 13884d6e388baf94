#include "sim/scenario/schema.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "sim/scenario/keys.h"
#include "sim/yaml/number.h"

namespace nptsim::scenario {
namespace {

// Keys in the order of the tables: the order in which a person meets them.
using Json = nlohmann::ordered_json;

constexpr char kNumberPattern[] = "^(0[xX][0-9a-fA-F_]+|[0-9][0-9_]*)[KMGT]?$";
// The largest integer that every reader of JSON keeps exactly.
constexpr std::uint64_t kExactInteger = 1ull << 53;

class SchemaWriter {
 public:
  Json write(const Section& top) {
    Json out = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", top.about}};
    Json body = section_body(top);
    for (auto& [key, value] : body.items()) out[key] = value;
    out["definitions"] = std::move(definitions_);
    return out;
  }

 private:
  Json schema_of(const Shape& shape) {
    switch (shape.kind) {
      case Shape::Kind::kText:
        return scalar(shape.accepted);
      case Shape::Kind::kNumber:
        return number(shape);
      case Shape::Kind::kYesNo:
        return {{"enum", {true, false, "yes", "no", "on", "off", "true", "false"}}};
      case Shape::Kind::kWord:
        return words(shape);
      case Shape::Kind::kTexts:
        return {{"anyOf", {scalar(""), {{"type", "array"}, {"items", scalar("")}}}}};
      case Shape::Kind::kList:
        return {{"type", "array"}, {"items", schema_of(*shape.item)}};
      case Shape::Kind::kMap:
        return reference(*shape.section);
      case Shape::Kind::kAny:
        return Json::object();
      case Shape::Kind::kEither:
        break;
    }
    Json choices = Json::array();
    for (const Shape& choice : shape.choices) choices.push_back(schema_of(choice));
    return {{"anyOf", std::move(choices)}};
  }

  // What is a text to us may look like a number or a flag to an editor.
  static Json scalar(const std::string& accepted) {
    Json out = {{"type", {"string", "number", "boolean"}}};
    if (!accepted.empty()) out["description"] = accepted;
    return out;
  }

  static Json number(const Shape& shape) {
    Json plain = {{"type", "integer"}, {"minimum", shape.range.min}};
    if (shape.range.max <= kExactInteger) plain["maximum"] = shape.range.max;
    Json text = {{"type", "string"}, {"pattern", kNumberPattern}};
    return {{"anyOf", {std::move(plain), std::move(text)}}};
  }

  static Json words(const Shape& shape) {
    Json list = Json::array();
    for (const std::string& word : shape.words) {
      list.push_back(word);
      if (const auto value = yaml::parse_number(word); value && word.back() <= '9') {
        list.push_back(value.value());
      }
    }
    return {{"enum", std::move(list)}};
  }

  Json reference(const Section& section) {
    if (!definitions_.contains(section.name)) {
      definitions_[section.name] = Json::object();  // a section may contain itself
      definitions_[section.name] = section_body(section);
    }
    return {{"$ref", "#/definitions/" + section.name}};
  }

  Json described(const Shape& shape, const std::string& about) {
    Json body = schema_of(shape);
    // Draft 7 ignores what stands beside a $ref.
    if (body.contains("$ref")) return {{"description", about}, {"allOf", {std::move(body)}}};
    Json out = {{"description", about}};
    for (auto& [key, value] : body.items()) {
      if (key != "description") out[key] = value;
    }
    return out;
  }

  Json section_body(const Section& section) {
    Json out = {{"type", {"object", "null"}},
                {"description", section.about},
                {"additionalProperties", false}};
    Json required = Json::array();
    for (const Key& key : section.keys) {
      out["properties"][key.name] = described(key.shape, key.about);
      if (key.required) required.push_back(key.name);
    }
    if (section.named.fits != nullptr) {
      out["patternProperties"][section.named.pattern] =
          described(section.named.shape.at(0), section.named.about);
    }
    if (!required.empty()) out["required"] = std::move(required);
    return out;
  }

  Json definitions_ = Json::object();
};

}  // namespace

std::string scenario_schema() { return SchemaWriter().write(scenario_keys()).dump(2) + "\n"; }

}  // namespace nptsim::scenario
