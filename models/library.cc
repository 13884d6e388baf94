#include "models/library.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <system_error>

#include "models/cpu/load.h"
#include "models/families.h"
#include "models/library_files.h"
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

std::string joined(const std::vector<Spelled>& names) {
  std::string text;
  for (const Spelled& name : names) text += "+" + name.text;
  return text;
}

// A file, read once.
class FileCache {
 public:
  rules::LoadFile loader() {
    return [this](const std::string& path) {
      auto found = files_.find(path);
      if (found == files_.end()) found = files_.emplace(path, disk_(path)).first;
      return found->second;
    };
  }

 private:
  rules::LoadFile disk_ = rules::load_from_disk();
  std::map<std::string, Or<std::vector<yaml::Node>>> files_;
};

struct CheckedModel {
  rules::Checked checked;
  VersionFile file;
};

using SharedModel = std::shared_ptr<const CheckedModel>;
// Linked with each other.
struct HostPair {
  SharedModel kernel;
  SharedModel vmm;
};

SharedModel shared(rules::Checked checked, VersionFile file) {
  return std::make_shared<const CheckedModel>(CheckedModel{std::move(checked), std::move(file)});
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
  FileCache cache;
  std::mutex mutex;  // points of a matrix may be built by several threads
  std::map<std::string, HostPair> hosts;
  std::map<std::string, SharedModel> guests;
  std::map<std::string, std::shared_ptr<const Stack>> stacks;
  std::map<std::pair<std::string, std::string>, std::optional<VersionFile>> versions;  // kind, name
  std::map<std::string, svm::CpuProfile> cpus;  // as their files have them
  std::map<std::string, rules::Model> merged;   // not yet changed
  std::map<ModelKind, Change> changes;

  std::optional<VersionFile> find_version(ModelKind kind, const std::string& name);
  Or<VersionFile> version(ModelKind kind, const Spelled& name);
  Or<std::string> overlay_path(const Spelled& name) const;
  Or<rules::Overlay> overlay(const Spelled& name);
  Or<rules::Model> merge(const VersionFile& file, const std::vector<Spelled>& overlays);
  Or<rules::Model> model(const VersionFile& file, const std::vector<Spelled>& overlays);
  Or<HostPair> host(const StackRequest& request);
  Or<SharedModel> guest(const StackRequest& request);
  Or<svm::CpuProfile> cpu(const Spelled& name);
  Or<LoadedModel> compile(const CheckedModel& model, ModelKind kind, const StackRequest& request,
                          rules::WordTable& words) const;
  struct Parts {
    HostPair host;
    SharedModel guest;  // null: no modelled code
  };
  Or<Parts> parts(const StackRequest& request);
  Or<std::shared_ptr<const Stack>> link_stack(const StackRequest& request,
                                              const Parts& parts) const;
  Or<std::shared_ptr<const Stack>> stack(const StackRequest& request);
};

std::optional<VersionFile> Library::Impl::find_version(ModelKind kind, const std::string& name) {
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

// A name among the proposals, or a path: as it is, or beside the file that names it.
Or<std::string> Library::Impl::overlay_path(const Spelled& name) const {
  const std::vector<std::string> names = files.proposal_names();
  if (std::find(names.begin(), names.end(), name.text) != names.end()) {
    return files.proposal_path(name.text);
  }
  const bool is_path = name.text.find('/') != std::string::npos || name.text.ends_with(".yaml");
  if (!is_path) return Diagnostics{unknown_word(name.pos, "overlay", name.text, names)};
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path beside = fs::path(name.pos.file).parent_path() / name.text;
  if (fs::exists(beside, error)) return beside.lexically_normal().string();
  if (fs::exists(name.text, error)) return name.text;
  return Diagnostics{{name.pos, "there is no file '" + name.text + "'",
                      "a path, from this file's folder or the current one, or a proposal's name",
                      ""}};
}

Or<rules::Overlay> Library::Impl::overlay(const Spelled& name) {
  const auto path = overlay_path(name);
  if (!path.ok()) return path.error();
  return rules::read_overlay(path.value(), cache.loader());
}

Or<rules::Model> Library::Impl::merge(const VersionFile& file,
                                      const std::vector<Spelled>& overlays) {
  std::vector<rules::Overlay> read;
  for (const Spelled& name : overlays) {
    auto one = overlay(name);
    if (!one.ok()) return one.error();
    read.push_back(std::move(one).value());
  }
  auto model = rules::load_model(file.path, read, cache.loader());
  if (!model.ok()) return model.error();
  // Otherwise `extends:` and a scenario would know the same rules by two names. Overlays add theirs
  // behind a plus.
  const std::string own = model.value().name.substr(0, model.value().name.find('+'));
  if (own != file.name) {
    return Diagnostics{{model.value().pos, file.path + " calls itself '" + own + "'",
                        "the name of its file, '" + file.name + "'", ""}};
  }
  return model;
}

Or<rules::Model> Library::Impl::model(const VersionFile& file,
                                      const std::vector<Spelled>& overlays) {
  const std::string key = file.path + "|" + joined(overlays);
  auto known = merged.find(key);
  if (known == merged.end()) {
    auto fresh = merge(file, overlays);
    if (!fresh.ok()) return fresh.error();
    known = merged.emplace(key, std::move(fresh).value()).first;
  }
  rules::Model model = known->second;
  if (const auto change = changes.find(model.kind); change != changes.end()) {
    change->second(model);
  }
  return model;
}

Or<HostPair> Library::Impl::host(const StackRequest& request) {
  const auto kernel_file = version(ModelKind::kKernel, request.kernel);
  if (!kernel_file.ok()) return kernel_file.error();
  const auto vmm_file = version(ModelKind::kVmm, request.vmm);
  if (!vmm_file.ok()) return vmm_file.error();
  const std::string key =
      kernel_file.value().path + "|" + vmm_file.value().path + "|" + joined(request.overlays);
  if (const auto found = hosts.find(key); found != hosts.end()) return found->second;

  auto kernel = model(kernel_file.value(), request.overlays);
  if (!kernel.ok()) return kernel.error();
  auto vmm = model(vmm_file.value(), request.overlays);
  if (!vmm.ok()) return vmm.error();
  const rules::LinkedPair linked = rules::link_exports(kernel.value(), vmm.value());
  auto checked_kernel = rules::check(
      std::move(kernel).value(),
      family_of(ModelKind::kKernel, kernel_file.value().family)->vocabulary(), linked.lower);
  auto checked_vmm =
      rules::check(std::move(vmm).value(),
                   family_of(ModelKind::kVmm, vmm_file.value().family)->vocabulary(), linked.upper);
  Diagnostics diagnostics;
  if (!checked_kernel.ok()) append(diagnostics, checked_kernel.error());
  if (!checked_vmm.ok()) append(diagnostics, checked_vmm.error());
  if (!diagnostics.empty()) return diagnostics;
  const HostPair pair{shared(std::move(checked_kernel).value(), kernel_file.value()),
                      shared(std::move(checked_vmm).value(), vmm_file.value())};
  return hosts.emplace(key, pair).first->second;
}

Or<SharedModel> Library::Impl::guest(const StackRequest& request) {
  const auto file = version(ModelKind::kGuest, request.guest);
  if (!file.ok()) return file.error();
  const std::string key = file.value().path + "|" + joined(request.overlays);
  if (const auto found = guests.find(key); found != guests.end()) return found->second;
  auto merged = model(file.value(), request.overlays);
  if (!merged.ok()) return merged.error();
  auto checked = rules::check(std::move(merged).value(),
                              family_of(ModelKind::kGuest, file.value().family)->vocabulary());
  if (!checked.ok()) return checked.error();
  return guests.emplace(key, shared(std::move(checked).value(), file.value())).first->second;
}

Or<LoadedModel> Library::Impl::compile(const CheckedModel& model, ModelKind kind,
                                       const StackRequest& request, rules::WordTable& words) const {
  rules::Settings settings;
  settings.vm_type = request.vm_type;
  const std::string prefix = std::string(name_of(kind)) + ".";
  for (const auto& [key, value] : request.params) {
    if (key.starts_with(prefix)) settings.values[key.substr(prefix.size())] = value;
  }
  auto program = rules::compile(model.checked, settings, words);
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

namespace {

std::string key_of(const StackRequest& request) {
  std::string key = request.kernel.text + "|" + request.vmm.text + "|" + request.guest.text + "|" +
                    joined(request.overlays) + "|" + request.vm_type;
  for (const auto& [name, value] : request.params) key += "|" + name + "=" + value.text;
  return key;
}

}  // namespace

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
                                                           const Parts& parts) const {
  Diagnostics diagnostics;
  auto result = std::make_shared<Stack>();
  rules::WordTable words;
  const auto take = [&](const CheckedModel& model, ModelKind kind, LoadedModel& out) {
    auto loaded = compile(model, kind, request, words);
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

// Only the compiler runs outside of the lock: it looks at nothing that changes.
Or<std::shared_ptr<const Stack>> Library::Impl::stack(const StackRequest& request) {
  const std::string key = key_of(request);
  std::unique_lock lock(mutex);
  if (const auto found = stacks.find(key); found != stacks.end()) return found->second;
  const auto found_parts = parts(request);
  if (!found_parts.ok()) return found_parts.error();
  lock.unlock();
  const auto linked = link_stack(request, found_parts.value());
  if (!linked.ok()) return linked.error();
  lock.lock();
  return stacks.emplace(key, linked.value())
      .first->second;  // the first one, if somebody was faster
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
  const auto documents = cache.loader()(path);
  if (!documents.ok()) return documents.error();
  if (documents.value().size() != 1) {
    return Diagnostics{{{path, 0, 0}, "expected one document", "", ""}};
  }
  auto profile = read_cpu(documents.value().front());
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
  const std::lock_guard lock(impl_->mutex);
  const auto file = impl_->version(kind, name);
  if (!file.ok()) return file.error();
  return impl_->model(file.value(), overlays);
}

Or<rules::Checked> Library::checked(ModelKind kind, const Spelled& name, const Spelled& peer,
                                    const std::vector<Spelled>& overlays) {
  const std::lock_guard lock(impl_->mutex);
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
  const std::lock_guard lock(impl_->mutex);
  return impl_->overlay(name);
}

void Library::set_change(ModelKind kind, Change change) {
  const std::lock_guard lock(impl_->mutex);
  (kind == ModelKind::kGuest ? impl_->guests.clear() : impl_->hosts.clear());
  impl_->stacks.clear();
  impl_->changes.erase(kind);
  if (change) impl_->changes.emplace(kind, std::move(change));
}

std::optional<std::string> Library::canonical_name(ModelKind kind, const std::string& name) const {
  if (kind == ModelKind::kGuest && is_nothing(name)) return std::string(kNoGuest);
  const std::lock_guard lock(impl_->mutex);
  const auto found = impl_->find_version(kind, name);
  if (!found) return std::nullopt;
  return found->name;
}

}  // namespace nptsim::models
