// All models that there are, and the way from their names to programs that run.
//
// The only place that knows which C++ code belongs to which family of models. Files are read from
// the project's folder when they are asked for; what has been read and checked is kept, so the
// points of a matrix share it.
#ifndef NPTSIM_MODELS_LIBRARY_H_
#define NPTSIM_MODELS_LIBRARY_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/arch/svm/cpu_profile.h"
#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/base/store.h"
#include "sim/machine/setup.h"
#include "sim/rules/check.h"
#include "sim/rules/model.h"
#include "sim/rules/program.h"

namespace nptsim::models {

// One thing that a scenario can name.
struct Listed {
  std::string kind;    // "cpu", "kernel", "vmm", "guest" or "proposal"
  std::string family;  // "kvm", "qemu", ...; empty for CPUs and proposals
  std::string name;    // "kvm-7.0"
  std::string title;
  std::string file;
  std::vector<std::string> aliases;  // other names of the same
  std::vector<std::string> sources;  // the different `source:` texts in its own file
  Diagnostics problems;              // the file cannot be read; then only kind, name and file hold
};

// Which models, and how they are set. Every name knows where it was written.
struct StackRequest {
  rules::Spelled kernel;
  rules::Spelled vmm;
  rules::Spelled guest;                          // "none" or empty: no modelled code
  std::vector<rules::Spelled> overlays;          // names of proposals, or paths of files
  std::string vm_type = "default";               // the kernel's: the column of each capability
  std::map<std::string, rules::Spelled> params;  // "kernel.mmio_caching"; all with a kind in front
};

using Prepare = void (*)(Store&, const machine::Setup&);

// One model, compiled with its settings.
struct LoadedModel {
  std::string name;  // the version's own: "qemu-10.2" for "qemu"
  std::string family;
  std::shared_ptr<const rules::Program> program;  // null: it has no rules (guest none)
  Prepare prepare = nullptr;
  std::vector<rules::Exported> exported;  // what others may enter, with the locals it takes
  std::vector<std::string> actions;       // that its rows may name, whether or not they do
};

struct Stack {
  LoadedModel kernel;
  LoadedModel vmm;
  LoadedModel guest;
  machine::Entries entries;
};

class Library {
 public:
  // `root` is the project's folder: the one with `models` in it.
  explicit Library(std::string root);
  ~Library();
  Library(Library&&) noexcept;
  Library& operator=(Library&&) noexcept;

  const std::string& root() const;

  // By kind, then by name, older versions first.
  std::vector<Listed> list() const;

  // Fields of the profile by name ("reduction", "features.gmet" or just "gmet"), from
  // `set: { cpu.reduction: 5 }`.
  using CpuOverrides = std::map<std::string, rules::Spelled>;

  // Refused when it contradicts itself.
  Result<svm::CpuProfile, Diagnostics> cpu(const rules::Spelled& name,
                                           const CpuOverrides& overrides = {});
  // Also one that no part can be; svm::contradictions() says why.
  Result<svm::CpuProfile, Diagnostics> any_cpu(const rules::Spelled& name,
                                               const CpuOverrides& overrides = {});

  // Checked, linked and compiled.
  Result<std::shared_ptr<const Stack>, Diagnostics> stack(const StackRequest& request);

  // The model alone, not yet checked: for whoever shows it, or merges it himself.
  Result<rules::Model, Diagnostics> model(rules::ModelKind kind, const rules::Spelled& name,
                                          const std::vector<rules::Spelled>& overlays = {});
  // Checked, but linked to nothing: its exits and ioctls lead to what `peer` exports (the VMM of a
  // kernel, the kernel of a VMM).
  Result<rules::Checked, Diagnostics> checked(rules::ModelKind kind, const rules::Spelled& name,
                                              const rules::Spelled& peer,
                                              const std::vector<rules::Spelled>& overlays = {});

  // A proposal by name, or by the path of its file.
  Result<rules::Overlay, Diagnostics> overlay(const rules::Spelled& name);

  // Every model of this kind is changed like this before it is checked; none: as the files have it.
  // What was made of models before is forgotten. For tools that ask who would notice a change.
  using Change = std::function<void(rules::Model&)>;
  void set_change(rules::ModelKind kind, Change change);

  // The version's own name for a name or an alias ("qemu" -> "qemu-10.2"); none if there is no such
  // model.
  std::optional<std::string> canonical_name(rules::ModelKind kind, const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nptsim::models

#endif  // NPTSIM_MODELS_LIBRARY_H_
