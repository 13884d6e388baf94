// `kvm-6.8+qemu-9.1+readonly-no-mmio`: models and overlays as they are named on a command line.
#ifndef NPTSIM_SIM_CLI_MODEL_STACK_H_
#define NPTSIM_SIM_CLI_MODEL_STACK_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "models/library.h"
#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/scenario/scenario.h"
#include "sim/scenario/with_models.h"

namespace nptsim::cli {

struct OverlayName {
  std::string name;  // "readonly-no-mmio", or the path of a file
  std::string text;
  std::string source;
  std::set<std::string> touches;  // "kernel", "vmm": whose rows it changes
};

struct ModelStack {
  std::string label;                          // as it was said
  std::map<std::string, std::string> models;  // "kernel" -> "kvm-6.8"; also "cpu"
  std::vector<OverlayName> overlays;

  // The stack that the overlays were written on.
  ModelStack without_overlays() const;
};

// The families of all models, for words of a command line and of scenarios.
class ModelNames {
 public:
  explicit ModelNames(const models::Library& library);

  // The kind of what goes by this name: "kernel", "cpu", "proposal"; none if there is no such.
  std::optional<std::string> kind_of(const std::string& name) const;
  // "kvm" of "kvm-6.8"; empty for what has none.
  std::string family_of(const std::string& kind, const std::string& name) const;
  const std::vector<std::string>& all() const { return names_; }

 private:
  std::map<std::string, std::string> kinds_;
  std::map<std::pair<std::string, std::string>, std::string> families_;
  std::vector<std::string> names_;
};

// An overlay alone stands for the stack that it was written on (its `base:`) with it on top.
Result<ModelStack, Diagnostics> parse_stack(const std::string& text, const ModelNames& names,
                                            models::Library& library);

// What the stack changes in a scenario, or why it cannot be put there: an overlay of QEMU's rows
// has nothing to say about another VMM.
Result<scenario::ModelsChange, std::string> change_for(const scenario::Scenario& document,
                                                       const ModelStack& stack,
                                                       const ModelNames& names);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_MODEL_STACK_H_
