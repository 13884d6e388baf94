#include "sim/cli/checked_model.h"

#include <optional>

namespace nptsim::cli {

using models::Listed;

Result<rules::Checked, Diagnostics> checked_with_peer(
    models::Library& library, const std::vector<Listed>& all, rules::ModelKind kind,
    const std::string& name, const std::string& peer, const std::vector<rules::Spelled>& overlays) {
  std::vector<std::string> peers = {peer};
  if (peer.empty() && kind != rules::ModelKind::kGuest) {
    peers.clear();
    const char* other = kind == rules::ModelKind::kKernel ? "vmm" : "kernel";
    for (const Listed& listed : all) {
      if (listed.kind == other) peers.insert(peers.begin(), listed.name);
    }
  }
  std::optional<Diagnostics> first_error;
  for (const std::string& one : peers) {
    auto model = library.checked(kind, {name, {}}, {one, {}}, overlays);
    if (model.ok()) return model;
    if (!first_error) first_error = model.error();
  }
  if (first_error) return *first_error;
  return Diagnostics{{{}, "there is no other side to check '" + name + "' with", "", ""}};
}

}  // namespace nptsim::cli
