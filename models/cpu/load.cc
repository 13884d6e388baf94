#include "models/cpu/load.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "sim/yaml/number.h"

namespace nptsim::models {
namespace {

using svm::CpuFeatures;
using svm::CpuProfile;

struct NumberField {
  std::string_view name;
  unsigned CpuProfile::*member;
};
constexpr NumberField kNumbers[] = {
    {"maxphyaddr", &CpuProfile::maxphyaddr},
    {"reduction", &CpuProfile::reduction},
    {"encrypted_guests", &CpuProfile::encrypted_guests},
    {"min_sev_only_asid", &CpuProfile::min_sev_only_asid},
    {"asids", &CpuProfile::asids},
    {"vmpls", &CpuProfile::vmpls},
};

struct FeatureField {
  std::string_view name;
  bool CpuFeatures::*member;
};
constexpr FeatureField kFeatures[] = {
    {"pages_1g", &CpuFeatures::pages_1g},
    {"la57", &CpuFeatures::la57},
    {"nrips", &CpuFeatures::nrips},
    {"decode_assists", &CpuFeatures::decode_assists},
    {"gmet", &CpuFeatures::gmet},
    {"sss_check", &CpuFeatures::sss_check},
    {"rogpt", &CpuFeatures::rogpt},
    {"pml", &CpuFeatures::pml},
    {"sme", &CpuFeatures::sme},
    {"sev", &CpuFeatures::sev},
    {"sev_es", &CpuFeatures::sev_es},
    {"snp", &CpuFeatures::snp},
    {"vmpl_sss", &CpuFeatures::vmpl_sss},
    {"coherent", &CpuFeatures::coherent},
    {"vte", &CpuFeatures::vte},
    {"vmgexit_parameter", &CpuFeatures::vmgexit_parameter},
    {"virtual_tom", &CpuFeatures::virtual_tom},
    {"hv_in_use_write_allowed", &CpuFeatures::hv_in_use_write_allowed},
};

struct AddressField {
  std::string_view name;
  std::uint64_t svm::RmpTable::*member;
};
constexpr AddressField kRmpAddresses[] = {
    {"rmp_base", &svm::RmpTable::base},
    {"rmp_end", &svm::RmpTable::end},
};

struct SwitchField {
  std::string_view name;
  bool CpuProfile::*member;
};
constexpr SwitchField kSwitches[] = {
    {"memory_encryption", &CpuProfile::memory_encryption},
    {"secure_nested_paging", &CpuProfile::secure_nested_paging},
};

constexpr char kCBit[] = "c_bit";
constexpr char kFeaturePrefix[] = "features.";

std::optional<bool> switch_of(std::string_view text) {
  if (text == "yes" || text == "on" || text == "true" || text == "1") return true;
  if (text == "no" || text == "off" || text == "false" || text == "0") return false;
  return std::nullopt;
}

// One assignment, with what is needed to complain about it.
struct Assignment {
  std::string_view field;
  std::string_view text;
  const SourcePos& pos;
  Diagnostics& diagnostics;

  void wrong(std::string accepted) const {
    diagnostics.push_back({pos,
                           std::string(field) + ": " + yaml::quote(text) + " is no value for it",
                           std::move(accepted), ""});
  }
  void to_switch(bool& value) const {
    if (const auto on = switch_of(text)) {
      value = *on;
    } else {
      wrong("yes or no");
    }
  }
  void to_number(unsigned& value) const {
    const auto number = yaml::parse_number(text);
    if (number && number.value() <= ~0u) {
      value = static_cast<unsigned>(number.value());
    } else {
      wrong(yaml::kNumberForms);
    }
  }
  void to_address(std::uint64_t& value) const {
    const auto number = yaml::parse_number(text);
    if (number) {
      value = number.value();
    } else {
      wrong(yaml::kNumberForms);
    }
  }
  void to_refusal(svm::RmpRefusal& value) const {
    std::string names;
    for (unsigned i = 0; i < svm::kRmpRefusals; ++i) {
      const auto refusal = static_cast<svm::RmpRefusal>(i);
      if (svm::name_of(refusal) == text) return void(value = refusal);
      names += (i == 0 ? "" : ", ") + std::string(svm::name_of(refusal));
    }
    wrong(names);
  }
  void to_c_bit(std::optional<unsigned>& value) const {
    const auto number = yaml::parse_number(text);
    if (text == "none") {
      value.reset();
    } else if (number && number.value() < 64) {
      value = static_cast<unsigned>(number.value());
    } else {
      wrong("a bit from 0 to 63, or none");
    }
  }
};

// Hyphens are as good as underscores: CPUID names are written either way.
std::string with_underscores(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

// Where the RMP lies, and what no source settles about it.
bool set_rmp_field(CpuProfile& profile, std::string_view name, const Assignment& value) {
  for (const AddressField& field : kRmpAddresses) {
    if (field.name == name) return value.to_address(profile.rmp.*field.member), true;
  }
  for (const svm::RmpSwitch& field : svm::kRmpSwitches) {
    if (field.name == name) return value.to_switch(profile.rmp_choices.*field.member), true;
  }
  for (const svm::RmpRefusalChoice& field : svm::kRmpRefusalChoices) {
    if (field.name == name) return value.to_refusal(profile.rmp_choices.*field.member), true;
  }
  return false;
}

bool set_profile_field(CpuProfile& profile, std::string_view name, const Assignment& value) {
  for (const NumberField& field : kNumbers) {
    if (field.name == name) return value.to_number(profile.*field.member), true;
  }
  if (name == kCBit) return value.to_c_bit(profile.c_bit), true;
  for (const SwitchField& field : kSwitches) {
    if (field.name == name) return value.to_switch(profile.*field.member), true;
  }
  return set_rmp_field(profile, name, value);
}

bool set_feature(CpuProfile& profile, std::string_view name, const Assignment& value) {
  for (const FeatureField& field : kFeatures) {
    if (field.name == name) return value.to_switch(profile.features.*field.member), true;
  }
  return false;
}

// A value with its origin, or without. Null when there is none.
const yaml::Node* value_of(const yaml::Node& node, const std::string& what,
                           Diagnostics& diagnostics) {
  const yaml::Node* value = &node;
  if (node.is_map()) {
    static const std::vector<std::string> kKeys = {"value", "source", "evidence", "text"};
    for (const yaml::MapEntry& entry : node.entries) {
      if (std::find(kKeys.begin(), kKeys.end(), entry.key.text) != kKeys.end()) continue;
      diagnostics.push_back(unknown_word(entry.key.pos, "key", entry.key.text, kKeys));
    }
    value = node.find("value");
  }
  if (value != nullptr && value->is_scalar()) return value;
  diagnostics.push_back({node.pos, what + ": expected a value, found " + yaml::describe(node),
                         "a value, or { value, source, evidence }", ""});
  return nullptr;
}

// All that is no feature.
void add_profile_names(std::vector<std::string>& names) {
  for (const NumberField& field : kNumbers) names.emplace_back(field.name);
  names.emplace_back(kCBit);
  for (const SwitchField& field : kSwitches) names.emplace_back(field.name);
  for (const AddressField& field : kRmpAddresses) names.emplace_back(field.name);
  for (const svm::RmpSwitch& field : svm::kRmpSwitches) names.emplace_back(field.name);
  for (const svm::RmpRefusalChoice& field : svm::kRmpRefusalChoices) names.emplace_back(field.name);
}

// Keys of the file that say something about it, not of the CPU.
const std::vector<std::string>& description_keys() {
  static const std::vector<std::string> kKeys = {"cpu",     "title",    "text",    "source",
                                                 "sources", "evidence", "aliases", "about"};
  return kKeys;
}

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  CpuProfile read(const yaml::Node& document) {
    if (!document.is_map()) {
      yaml_kind(document);
      return profile_;
    }
    for (const yaml::MapEntry& entry : document.entries) read_entry(entry.key, entry.value);
    if (profile_.name.empty()) {
      diagnostics_.push_back({document.pos, "a CPU without a name", "cpu: NAME", ""});
    }
    return profile_;
  }

 private:
  void yaml_kind(const yaml::Node& node) {
    diagnostics_.push_back(
        {node.pos, "a CPU: expected a map, found " + yaml::describe(node), "cpu: NAME, ...", ""});
  }

  void read_entry(const yaml::Node& key, const yaml::Node& value) {
    if (key.text == "cpu") {
      profile_.name = value.text;
    } else if (key.text == "title") {
      profile_.title = value.text;
    } else if (key.text == "features") {
      read_features(value);
    } else if (!is_description(key.text)) {
      read_value(key, value, false);
    }
  }

  static bool is_description(const std::string& key) {
    const auto& keys = description_keys();
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  }

  void read_features(const yaml::Node& node) {
    if (!node.is_map()) return yaml_kind(node);
    for (const yaml::MapEntry& entry : node.entries) read_value(entry.key, entry.value, true);
  }

  void read_value(const yaml::Node& key, const yaml::Node& node, bool feature) {
    const yaml::Node* value = value_of(node, key.text, diagnostics_);
    if (value == nullptr) return;
    const Assignment assignment{key.text, value->text, value->pos, diagnostics_};
    const std::string name = with_underscores(key.text);
    const bool known = feature ? set_feature(profile_, name, assignment)
                               : set_profile_field(profile_, name, assignment);
    if (known) return;
    std::vector<std::string> names = feature ? cpu_feature_names() : profile_keys();
    diagnostics_.push_back(unknown_word(key.pos, feature ? "feature" : "key", key.text, names));
  }

  static std::vector<std::string> profile_keys() {
    std::vector<std::string> names = {"cpu", "title", "features", "sources", "text"};
    add_profile_names(names);
    return names;
  }

  CpuProfile profile_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<std::string> cpu_feature_names() {
  std::vector<std::string> names;
  for (const FeatureField& field : kFeatures) names.emplace_back(field.name);
  return names;
}

std::vector<std::string> cpu_field_names() {
  std::vector<std::string> names;
  add_profile_names(names);
  for (const FeatureField& field : kFeatures) names.emplace_back(field.name);
  return names;
}

void set_cpu_field(svm::CpuProfile& profile, std::string_view field, std::string_view text,
                   const SourcePos& pos, Diagnostics& diagnostics) {
  const Assignment value{field, text, pos, diagnostics};
  std::string name = with_underscores(field);
  if (name.starts_with(kFeaturePrefix)) name.erase(0, sizeof kFeaturePrefix - 1);
  if (set_profile_field(profile, name, value) || set_feature(profile, name, value)) return;
  const std::vector<std::string> names = cpu_field_names();
  diagnostics.push_back(unknown_word(pos, "value of the CPU", field, names));
}

Result<svm::CpuProfile, Diagnostics> read_cpu(const yaml::Node& document) {
  Diagnostics diagnostics;
  svm::CpuProfile profile = Reader(diagnostics).read(document);
  if (!diagnostics.empty()) return diagnostics;
  return profile;
}

}  // namespace nptsim::models
