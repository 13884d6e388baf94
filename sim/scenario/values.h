// The values of a map whose shape has been checked: nothing here can be wrong any more, so nothing
// here reports. What is absent is the default.
#ifndef NPTSIM_SIM_SCENARIO_VALUES_H_
#define NPTSIM_SIM_SCENARIO_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/scenario/located.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {

std::uint64_t number_of(const yaml::Node& node);
bool yes_no_of(const yaml::Node& node);
Text text_of(const yaml::Node& node);
std::vector<Text> texts_of(const yaml::Node& node);  // one text alone is a list of one

class Values {
 public:
  explicit Values(const yaml::Node& map) : map_(map) {}

  const SourcePos& pos() const { return map_.pos; }
  const yaml::Node* find(std::string_view key) const { return map_.find(key); }

  std::uint64_t number(std::string_view key, std::uint64_t otherwise = 0) const;
  bool yes_no(std::string_view key, bool otherwise = false) const;
  std::string text(std::string_view key, std::string otherwise = "") const;
  std::vector<Text> texts(std::string_view key) const;
  std::vector<std::string> plain_texts(std::string_view key) const;

  std::optional<Text> located_text(std::string_view key) const;
  std::optional<Number> located_number(std::string_view key) const;

  // The items of a list, the entries of a map; none when the key is absent.
  const std::vector<yaml::Node>& items(std::string_view key) const;
  const std::vector<yaml::MapEntry>& entries(std::string_view key) const;

 private:
  const yaml::Node& map_;
};

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_VALUES_H_
