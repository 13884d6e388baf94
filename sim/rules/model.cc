#include "sim/rules/model.h"

#include <array>

namespace nptsim::rules {
namespace {

constexpr std::array<std::string_view, kModelKinds> kKinds = {"kernel", "vmm", "guest", "firmware"};
constexpr std::array<std::string_view, 8> kEvidence = {
    "", "recorded", "spec", "code", "mailing-list", "inferred", "recalled", "given"};

}  // namespace

std::string_view name_of(ModelKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::optional<ModelKind> model_kind_named(std::string_view name) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (kKinds[i] == name) return static_cast<ModelKind>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Evidence evidence) {
  return kEvidence[static_cast<std::size_t>(evidence)];
}

std::optional<Evidence> evidence_named(std::string_view name) {
  for (std::size_t i = 1; i < kEvidence.size(); ++i) {
    if (kEvidence[i] == name) return static_cast<Evidence>(i);
  }
  return std::nullopt;
}

const std::vector<std::string>& evidence_names() {
  static const std::vector<std::string> names(kEvidence.begin() + 1, kEvidence.end());
  return names;
}

std::size_t count_rows(const std::vector<Row>& rows) {
  std::size_t count = rows.size();
  for (const Row& row : rows) count += count_rows(row.rows);
  return count;
}

}  // namespace nptsim::rules
