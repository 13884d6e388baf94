#include "models/library.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <system_error>

#include "models/cpu/load.h"
#include "models/families.h"
#include "models/library_files.h"
#include "sim/base/once.h"
#include "sim/rules/compile.h"
#include "sim/rules/merge.h"
#include "sim/rules/read_model.h"
#include "sim/rules/words.h"

namespace nptsim::models {
namespace {

using rules::ModelKind;
using rules::Spelled;

template <class T>
using Or = Result<T, Diagnostics>;

bool is_nothing(const std::string& name) { return name.empty() || name == kNoGuest; }

struct CheckedModel {
  rules::Checked checked;
  VersionFile file;
  std::string key;  // equal for equal models with equal neighbours
};

using SharedModel = std::shared_ptr<const CheckedModel>;
using SharedOverlay = std::shared_ptr<const rules::Overlay>;
// Linked with each other.
struct HostPair {
  SharedModel kernel;
  SharedModel vmm;
};

// What a model is merged from: its version's file and the overlays that have a part for its kind. A
// proposal for the kernel leaves the VMM's model the same one.
struct ModelSource {
  VersionFile file;
  std::vector<SharedOverlay> overlays;
  std::string key;  // equal for equal models
};

SharedModel shared(rules::Checked checked, VersionFile file, std::string key) {
  return std::make_shared<const CheckedModel>(
      CheckedModel{std::move(checked), std::move(file), std::move(key)});
}

// The answers of exits and ioctls have names; the machine wants numbers.
machine::Entries link(const Stack& stack, Diagnostics& diagnostics, const SourcePos& pos) {
  machine::Entries entries;
  const rules::Program& kernel = *stack.kernel.program;
  const rules::Program& vmm = *stack.vmm.program;
  const auto find = [&](const rules::Program& program, std::string_view name) {
    const auto id = program.find_procedure(name);
    if (!id) {
      diagnostics.push_back({pos, program.name() + " has no procedure '" + std::string(name) + "'",
                             "models that fit each other", ""});
    }
    return id.value_or(0);
  };
  entries.vmexit = find(kernel, "vmexit");
  entries.vmm_start = vmm.find_procedure("start");
  for (const std::string& name : kernel.exits()) entries.vmm_by_exit.push_back(find(vmm, name));
  for (const std::string& name : vmm.ioctls())
    entries.kernel_by_ioctl.push_back(find(kernel, name));
  return entries;
}

}  // namespace

struct Library::Impl {
  explicit Impl(std::string root) : files(std::move(root)) {}

  LibraryFiles files;
  // Points of a matrix are built by several threads.
  yaml::Files texts;
  Once<Or<SharedOverlay>> overlays;
  Once<Or<std::vector<rules::Layer>>> layers;  // of a version's file
  Once<Or<std::shared_ptr<const rules::Model>>> merged;
  Once<Or<HostPair>> hosts;
  // What was made of the models of one kind.
  struct Made {
    Once<Or<SharedModel>> checked;  // by the model, and by what it may name outside
    Once<Or<LoadedModel>> programs;
  };
  std::array<Made, rules::kModelKinds> made;
  Once<Or<std::shared_ptr<const Stack>>> stacks;
  std::mutex words_mutex;
  rules::WordTable words;  // of all programs: any two of them may meet in a stack
  std::mutex mutex;        // for what follows
  std::map<std::pair<std::string, std::string>, std::optional<VersionFile>> versions;  // kind, name
  std::map<std::string, svm::CpuProfile> cpus;  // as their files have them
  std::map<ModelKind, Change> changes;
  std::optional<std::vector<std::string>> proposals;

  Made& made_of(ModelKind kind) { return made[static_cast<std::size_t>(kind)]; }
  rules::LoadFile loader() {
    return [this](const std::string& path) { return texts.get(path); };
  }
  std::optional<VersionFile> find_version(ModelKind kind, const std::string& name);
  Or<VersionFile> version(ModelKind kind, const Spelled& name);
  bool is_proposal(const std::string& name);
  Or<std::string> overlay_path(const Spelled& name);
  std::string spelled_out(const std::vector<Spelled>& overlays);
  Or<SharedOverlay> overlay(const std::string& path);
  Or<ModelSource> source_of(ModelKind kind, const VersionFile& file,
                            const std::vector<Spelled>& overlays);
  Or<rules::Model> merge(const ModelSource& source);
  Or<std::shared_ptr<const rules::Model>> model(const ModelSource& source);
  Or<HostPair> make_host(const ModelSource& kernel, const ModelSource& vmm);
  Or<HostPair> host(const StackRequest& request);
  Or<SharedModel> check(const rules::Model& model, const ModelSource& source,
                        const rules::Outside& outside);
  Or<SharedModel> guest(const StackRequest& request);
  Or<svm::CpuProfile> cpu(const Spelled& name);
  Or<LoadedModel> compile(const CheckedModel& model, ModelKind kind,
                          const rules::Settings& settings);
  Or<LoadedModel> program(const CheckedModel& model, ModelKind kind, const StackRequest& request);
  struct Parts {
    HostPair host;
    SharedModel guest;  // null: no modelled code
  };
  Or<Parts> parts(const StackRequest& request);
  Or<std::shared_ptr<const Stack>> link_stack(const StackRequest& request, const Parts& parts);
  std::string key_of(const StackRequest& request);
  Or<std::shared_ptr<const Stack>> stack(const StackRequest& request);
};

std::optional<VersionFile> Library::Impl::find_version(ModelKind kind, const std::string& name) {
  const std::lock_guard lock(mutex);
  const std::string kind_name(name_of(kind));
  const auto known = versions.find({kind_name, name});
  if (known != versions.end()) return known->second;
  return versions[{kind_name, name}] = files.find_version(kind_name, name);
}

Or<VersionFile> Library::Impl::version(ModelKind kind, const Spelled& name) {
  const std::string kind_name(name_of(kind));
  const std::optional<VersionFile> found = find_version(kind, name.text);
  if (!found) {
    std::vector<std::string> names;
    for (const VersionFile& version : files.versions(kind_name)) names.push_back(version.name);
    if (kind == ModelKind::kGuest) names.emplace_back(kNoGuest);
    return Diagnostics{unknown_word(name.pos, kind_name, name.text, names)};
  }
  if (family_of(kind, found->family) == nullptr) {
    return Diagnostics{{name.pos,
                        found->path + ": there is no code for the family '" + found->family + "'",
                        "", ""}};
  }
  return *found;
}

// Listed once: every point of a sweep with overlays asks.
bool Library::Impl::is_proposal(const std::string& name) {
  const std::lock_guard lock(mutex);
  if (!proposals) proposals = files.proposal_names();
  return std::find(proposals->begin(), proposals->end(), name) != proposals->end();
}

// A name among the proposals, or a path: as it is, or beside the file that names it.
Or<std::string> Library::Impl::overlay_path(const Spelled& name) {
  if (is_proposal(name.text)) return files.proposal_path(name.text);
  const bool is_path = name.text.find('/') != std::string::npos || name.text.ends_with(".yaml");
  if (!is_path) {
    return Diagnostics{unknown_word(name.pos, "overlay", name.text, files.proposal_names())};
  }
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path beside = fs::path(name.pos.file.text()).parent_path() / name.text;
  if (fs::exists(beside, error)) return beside.lexically_normal().string();
  if (fs::exists(name.text, error)) return name.text;
  return Diagnostics{{name.pos, "there is no file '" + name.text + "'",
                      "a path, from this file's folder or the current one, or a proposal's name",
                      ""}};
}

// As a part of keys. The same word is another file beside another scenario.
std::string Library::Impl::spelled_out(const std::vector<Spelled>& overlays) {
  std::string text;
  for (const Spelled& name : overlays) {
    const auto path = overlay_path(name);
    text += "+" + (path.ok() ? path.value() : name.text);
  }
  return text;
}

Or<SharedOverlay> Library::Impl::overlay(const std::string& path) {
  return overlays.get(path, [&]() -> Or<SharedOverlay> {
    auto read = rules::read_overlay(path, loader());
    if (!read.ok()) return read.error();
    return std::make_shared<const rules::Overlay>(std::move(read).value());
  });
}

Or<ModelSource> Library::Impl::source_of(ModelKind kind, const VersionFile& file,
                                         const std::vector<Spelled>& names) {
  ModelSource source{file, {}, file.path};
  for (const Spelled& name : names) {
    const auto path = overlay_path(name);
    if (!path.ok()) return path.error();
    auto one = overlay(path.value());
    if (!one.ok()) return one.error();
    const auto& parts = one.value()->layers;
    if (std::none_of(parts.begin(), parts.end(),
                     [&](const rules::Layer& part) { return part.kind == kind; })) {
      continue;
    }
    source.overlays.push_back(std::move(one).value());
    source.key += "+" + path.value();
  }
  return source;
}

Or<rules::Model> Library::Impl::merge(const ModelSource& source) {
  const std::string& path = source.file.path;
  auto all = layers.get(path, [&] { return rules::read_model(path, loader()); });
  if (!all.ok()) return all.error();
  for (const SharedOverlay& overlay : source.overlays) rules::add_overlay(all.value(), *overlay);
  auto model = rules::merge(all.value());
  if (!model.ok()) return model.error();
  // Otherwise `extends:` and a scenario would know the same rules by two names. Overlays add theirs
  // behind a plus.
  const std::string own = model.value().name.substr(0, model.value().name.find('+'));
  if (own != source.file.name) {
    return Diagnostics{{model.value().pos, path + " calls itself '" + own + "'",
                        "the name of its file, '" + source.file.name + "'", ""}};
  }
  return model;
}

Or<std::shared_ptr<const rules::Model>> Library::Impl::model(const ModelSource& source) {
  using Shared = std::shared_ptr<const rules::Model>;
  auto model = merged.get(source.key, [&]() -> Or<Shared> {
    auto made = merge(source);
    if (!made.ok()) return made.error();
    return std::make_shared<const rules::Model>(std::move(made).value());
  });
  if (!model.ok()) return model;
  const std::lock_guard lock(mutex);
  const auto change = changes.find(model.value()->kind);
  if (change == changes.end()) return model;
  auto changed = std::make_shared<rules::Model>(*model.value());
  change->second(*changed);
  return Shared(std::move(changed));
}

// Versions of a VMM seldom export other things, so a kernel is not checked again for each.
Or<SharedModel> Library::Impl::check(const rules::Model& model, const ModelSource& source,
                                     const rules::Outside& outside) {
  const std::string key = source.key + "|" + to_string(outside);
  return made_of(model.kind).checked.get(key, [&]() -> Or<SharedModel> {
    auto result =
        rules::check(model, family_of(model.kind, source.file.family)->vocabulary(), outside);
    if (!result.ok()) return result.error();
    return shared(std::move(result).value(), source.file, key);
  });
}

Or<HostPair> Library::Impl::make_host(const ModelSource& kernel_source,
                                      const ModelSource& vmm_source) {
  const auto kernel = model(kernel_source);
  if (!kernel.ok()) return kernel.error();
  const auto vmm = model(vmm_source);
  if (!vmm.ok()) return vmm.error();
  const rules::LinkedPair linked = rules::link_exports(*kernel.value(), *vmm.value());
  const auto checked_kernel = check(*kernel.value(), kernel_source, linked.lower);
  const auto checked_vmm = check(*vmm.value(), vmm_source, linked.upper);
  Diagnostics diagnostics;
  if (!checked_kernel.ok()) append(diagnostics, checked_kernel.error());
  if (!checked_vmm.ok()) append(diagnostics, checked_vmm.error());
  if (!diagnostics.empty()) return diagnostics;
  return HostPair{checked_kernel.value(), checked_vmm.value()};
}

Or<HostPair> Library::Impl::host(const StackRequest& request) {
  const auto kernel = version(ModelKind::kKernel, request.kernel);
  if (!kernel.ok()) return kernel.error();
  const auto vmm = version(ModelKind::kVmm, request.vmm);
  if (!vmm.ok()) return vmm.error();
  const auto kernel_source = source_of(ModelKind::kKernel, kernel.value(), request.overlays);
  if (!kernel_source.ok()) return kernel_source.error();
  const auto vmm_source = source_of(ModelKind::kVmm, vmm.value(), request.overlays);
  if (!vmm_source.ok()) return vmm_source.error();
  return hosts.get(kernel_source.value().key + "|" + vmm_source.value().key,
                   [&] { return make_host(kernel_source.value(), vmm_source.value()); });
}

Or<SharedModel> Library::Impl::guest(const StackRequest& request) {
  const auto file = version(ModelKind::kGuest, request.guest);
  if (!file.ok()) return file.error();
  const auto source = source_of(ModelKind::kGuest, file.value(), request.overlays);
  if (!source.ok()) return source.error();
  const auto merged_model = model(source.value());
  if (!merged_model.ok()) return merged_model.error();
  return check(*merged_model.value(), source.value(), {});
}

Or<LoadedModel> Library::Impl::compile(const CheckedModel& model, ModelKind kind,
                                       const rules::Settings& settings) {
  std::unique_lock lock(words_mutex);
  auto program = rules::compile(model.checked, settings, words);
  lock.unlock();
  if (!program.ok()) return program.error();
  LoadedModel loaded;
  loaded.name = model.file.name;
  loaded.family = model.file.family;
  loaded.program = std::make_shared<const rules::Program>(std::move(program).value());
  loaded.prepare = family_of(kind, model.file.family)->prepare;
  loaded.exported = model.checked.exported();
  loaded.actions = family_of(kind, model.file.family)->vocabulary().action_names();
  return loaded;
}

// A kernel's program is the same one under every VMM that hears the same exits.
Or<LoadedModel> Library::Impl::program(const CheckedModel& model, ModelKind kind,
                                       const StackRequest& request) {
  rules::Settings settings;
  settings.vm_type = request.vm_type;
  std::string key = model.key + "|" + settings.vm_type;
  const std::string prefix = std::string(name_of(kind)) + ".";
  for (const auto& [name, value] : request.params) {
    if (!name.starts_with(prefix)) continue;
    settings.values[name.substr(prefix.size())] = value;
    key += "|" + name + "=" + value.text;
  }
  return made_of(kind).programs.get(key, [&] { return compile(model, kind, settings); });
}

// All that the stack is made of: read and checked once, whoever asks first.
Or<Library::Impl::Parts> Library::Impl::parts(const StackRequest& request) {
  Diagnostics diagnostics;
  Parts parts;
  const auto host_pair = host(request);
  if (host_pair.ok()) {
    parts.host = host_pair.value();
  } else {
    append(diagnostics, host_pair.error());
  }
  if (!is_nothing(request.guest.text)) {
    const auto checked_guest = guest(request);
    if (checked_guest.ok()) {
      parts.guest = checked_guest.value();
    } else {
      append(diagnostics, checked_guest.error());
    }
  }
  if (!diagnostics.empty()) return diagnostics;
  return parts;
}

Or<std::shared_ptr<const Stack>> Library::Impl::link_stack(const StackRequest& request,
                                                           const Parts& parts) {
  Diagnostics diagnostics;
  auto result = std::make_shared<Stack>();
  const auto take = [&](const CheckedModel& model, ModelKind kind, LoadedModel& out) {
    auto loaded = program(model, kind, request);
    if (!loaded.ok()) return append(diagnostics, loaded.error());
    out = std::move(loaded).value();
  };
  take(*parts.host.kernel, ModelKind::kKernel, result->kernel);
  take(*parts.host.vmm, ModelKind::kVmm, result->vmm);
  if (parts.guest) take(*parts.guest, ModelKind::kGuest, result->guest);
  if (!parts.guest) result->guest.name = result->guest.family = kNoGuest;
  if (diagnostics.empty()) result->entries = link(*result, diagnostics, request.kernel.pos);
  if (!diagnostics.empty()) return diagnostics;
  return std::shared_ptr<const Stack>(std::move(result));
}

std::string Library::Impl::key_of(const StackRequest& request) {
  std::string key = request.kernel.text + "|" + request.vmm.text + "|" + request.guest.text + "|" +
                    spelled_out(request.overlays) + "|" + request.vm_type;
  for (const auto& [name, value] : request.params) key += "|" + name + "=" + value.text;
  return key;
}

Or<std::shared_ptr<const Stack>> Library::Impl::stack(const StackRequest& request) {
  return stacks.get(key_of(request), [&]() -> Or<std::shared_ptr<const Stack>> {
    const auto found = parts(request);
    if (!found.ok()) return found.error();
    return link_stack(request, found.value());
  });
}

Library::Library(std::string root) : impl_(std::make_unique<Impl>(std::move(root))) {}
Library::~Library() = default;
Library::Library(Library&&) noexcept = default;
Library& Library::operator=(Library&&) noexcept = default;

const std::string& Library::root() const { return impl_->files.root(); }

std::vector<Listed> Library::list() const {
  const LibraryFiles& files = impl_->files;
  std::vector<Listed> all;
  for (const std::string& name : files.cpu_names()) {
    all.push_back(files.describe("cpu", "", name, files.cpu_path(name)));
  }
  for (const char* kind : {"kernel", "vmm", "guest"}) {
    for (const VersionFile& version : files.versions(kind)) {
      all.push_back(files.describe(kind, version.family, version.name, version.path));
      // The newest of a family also goes by the family's name.
      const auto newest = files.find_version(kind, version.family);
      if (newest && newest->name == version.name && version.name != version.family) {
        all.back().aliases.push_back(version.family);
      }
    }
  }
  all.push_back({"guest", kNoGuest, kNoGuest, "No modelled code", "", {}, {}, {}});
  for (const std::string& name : files.proposal_names()) {
    all.push_back(files.describe("proposal", "", name, files.proposal_path(name)));
  }
  return all;
}

Or<svm::CpuProfile> Library::Impl::cpu(const Spelled& name) {
  if (const auto known = cpus.find(name.text); known != cpus.end()) return known->second;
  const std::vector<std::string> names = files.cpu_names();
  if (std::find(names.begin(), names.end(), name.text) == names.end()) {
    return Diagnostics{unknown_word(name.pos, "cpu", name.text, names)};
  }
  const std::string path = files.cpu_path(name.text);
  const auto documents = texts.get(path);
  if (!documents.ok()) return documents.error();
  if (documents.value()->size() != 1) {
    return Diagnostics{{{path, 0, 0}, "expected one document", "", ""}};
  }
  auto profile = read_cpu(documents.value()->front());
  if (!profile.ok()) return profile.error();
  return cpus.emplace(name.text, std::move(profile).value()).first->second;
}

Or<svm::CpuProfile> Library::any_cpu(const Spelled& name, const CpuOverrides& overrides) {
  const std::lock_guard lock(impl_->mutex);
  auto profile = impl_->cpu(name);
  if (!profile.ok()) return profile.error();
  svm::CpuProfile result = std::move(profile).value();
  Diagnostics diagnostics;
  for (const auto& [field, value] : overrides) {
    set_cpu_field(result, field, value.text, value.pos, diagnostics);
  }
  if (!diagnostics.empty()) return diagnostics;
  return result;
}

Or<svm::CpuProfile> Library::cpu(const Spelled& name, const CpuOverrides& overrides) {
  auto profile = any_cpu(name, overrides);
  if (!profile.ok()) return profile.error();
  Diagnostics diagnostics;
  for (const std::string& reason : svm::contradictions(profile.value())) {
    diagnostics.push_back({overrides.empty() ? name.pos : overrides.begin()->second.pos,
                           "no CPU '" + name.text + "' can be like this: " + reason, "", ""});
  }
  if (!diagnostics.empty()) return diagnostics;
  return std::move(profile).value();
}

Or<std::shared_ptr<const Stack>> Library::stack(const StackRequest& request) {
  return impl_->stack(request);
}

Or<rules::Model> Library::model(ModelKind kind, const Spelled& name,
                                const std::vector<Spelled>& overlays) {
  const auto file = impl_->version(kind, name);
  if (!file.ok()) return file.error();
  const auto source = impl_->source_of(kind, file.value(), overlays);
  if (!source.ok()) return source.error();
  const auto model = impl_->model(source.value());
  if (!model.ok()) return model.error();
  return *model.value();
}

Or<rules::Checked> Library::checked(ModelKind kind, const Spelled& name, const Spelled& peer,
                                    const std::vector<Spelled>& overlays) {
  StackRequest request;
  request.overlays = overlays;
  if (kind == ModelKind::kGuest) {
    request.guest = name;
    auto guest = impl_->guest(request);
    if (!guest.ok()) return guest.error();
    return guest.value()->checked;
  }
  const bool is_kernel = kind == ModelKind::kKernel;
  request.kernel = is_kernel ? name : peer;
  request.vmm = is_kernel ? peer : name;
  auto pair = impl_->host(request);
  if (!pair.ok()) return pair.error();
  return (is_kernel ? pair.value().kernel : pair.value().vmm)->checked;
}

Or<rules::Overlay> Library::overlay(const Spelled& name) {
  const auto path = impl_->overlay_path(name);
  if (!path.ok()) return path.error();
  const auto overlay = impl_->overlay(path.value());
  if (!overlay.ok()) return overlay.error();
  return *overlay.value();
}

void Library::set_change(ModelKind kind, Change change) {
  // A model of another kind that sees the change in what this one exports has another key then.
  impl_->made_of(kind).checked.clear();
  impl_->made_of(kind).programs.clear();
  impl_->hosts.clear();
  impl_->stacks.clear();
  const std::lock_guard lock(impl_->mutex);
  impl_->changes.erase(kind);
  if (change) impl_->changes.emplace(kind, std::move(change));
}

std::optional<std::string> Library::canonical_name(ModelKind kind, const std::string& name) const {
  if (kind == ModelKind::kGuest && is_nothing(name)) return std::string(kNoGuest);
  const auto found = impl_->find_version(kind, name);
  if (!found) return std::nullopt;
  return found->name;
}

}  // namespace nptsim::models
