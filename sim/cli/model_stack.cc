#include "sim/cli/model_stack.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace nptsim::cli {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = text.find('+', begin);
    words.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return words;
    begin = end + 1;
  }
}

bool is_path(const std::string& word) {
  return word.find('/') != std::string::npos || word.ends_with(".yaml");
}

// A path is as seen from here, not from the folder of some scenario.
std::string overlay_name(const std::string& word) {
  std::error_code error;
  if (!is_path(word)) return word;
  const auto absolute = std::filesystem::absolute(word, error);
  return error ? word : absolute.lexically_normal().string();
}

class Parser {
 public:
  Parser(const std::string& text, const ModelNames& names, models::Library& library)
      : names_(names), library_(library) {
    stack_.label = text;
  }

  Result<ModelStack, Diagnostics> parse() {
    for (const std::string& word : split(stack_.label)) take(word);
    if (!diagnostics_.empty()) return diagnostics_;
    for (const auto& [kind, name] : base_) stack_.models.try_emplace(kind, name);
    return std::move(stack_);
  }

 private:
  void take(const std::string& word) {
    const auto kind = names_.kind_of(word);
    if (is_path(word) || kind == "proposal") return take_overlay(word);
    if (!kind) {
      diagnostics_.push_back(unknown_word({}, "model or overlay", word, names_.all()));
    } else if (!stack_.models.emplace(*kind, word).second) {
      diagnostics_.push_back({{},
                              "'" + stack_.label + "' names two models of the kind " + *kind,
                              "one of each, and overlays",
                              ""});
    }
  }

  void take_overlay(const std::string& word) {
    OverlayName overlay{overlay_name(word), "", "", {}};
    const auto read = library_.overlay({overlay.name, {}});
    if (!read.ok()) {
      append(diagnostics_, read.error());
      return;
    }
    overlay.text = read.value().text;
    overlay.source = read.value().source;
    for (const rules::Layer& layer : read.value().layers) {
      overlay.touches.insert(std::string(rules::name_of(layer.kind)));
    }
    for (const auto& [kind, name] : read.value().base) {
      base_.emplace(std::string(rules::name_of(kind)), name.text);
    }
    stack_.overlays.push_back(std::move(overlay));
  }

  const ModelNames& names_;
  models::Library& library_;
  ModelStack stack_;
  std::map<std::string, std::string> base_;
  Diagnostics diagnostics_;
};

// The names that a document has for a kind: of its `machine:` and of a list in `set:`.
std::vector<std::string> names_in(const scenario::Scenario& document, const std::string& kind) {
  const scenario::Machine& machine = document.vm.machine;
  for (const scenario::Setting& setting : document.set) {
    if (setting.key.value != kind) continue;
    std::vector<std::string> values;
    for (const scenario::Text& value : setting.values) values.push_back(value.value);
    return values;
  }
  if (kind == "cpu") return {machine.cpu.value};
  if (kind == "kernel") return {machine.kernel.value};
  if (kind == "vmm") return {machine.vmm.value};
  if (kind == "guest") return {machine.guest.value};
  return {};
}

}  // namespace

ModelStack ModelStack::without_overlays() const {
  ModelStack base = *this;
  base.overlays.clear();
  base.label.clear();
  for (const auto& [kind, name] : models) base.label += (base.label.empty() ? "" : "+") + name;
  return base;
}

ModelNames::ModelNames(const models::Library& library) {
  for (const models::Listed& listed : library.list()) {
    std::vector<std::string> names = listed.aliases;
    names.push_back(listed.name);
    for (const std::string& name : names) {
      kinds_.emplace(name, listed.kind);
      families_[{listed.kind, name}] = listed.family;
      names_.push_back(name);
    }
  }
}

std::optional<std::string> ModelNames::kind_of(const std::string& name) const {
  const auto found = kinds_.find(name);
  if (found == kinds_.end()) return std::nullopt;
  return found->second;
}

std::string ModelNames::family_of(const std::string& kind, const std::string& name) const {
  const auto found = families_.find({kind, name});
  return found == families_.end() ? "" : found->second;
}

Result<ModelStack, Diagnostics> parse_stack(const std::string& text, const ModelNames& names,
                                            models::Library& library) {
  return Parser(text, names, library).parse();
}

Result<scenario::ModelsChange, std::string> change_for(const scenario::Scenario& document,
                                                       const ModelStack& stack,
                                                       const ModelNames& names) {
  scenario::ModelsChange change;
  for (const auto& model : stack.models) {
    const auto& kind = model.first;
    const auto& name = model.second;
    const std::string family = names.family_of(kind, name);
    const std::vector<std::string> own = names_in(document, kind);
    const bool same_family = std::all_of(own.begin(), own.end(), [&](const std::string& one) {
      return names.family_of(kind, one) == family;
    });
    if (same_family) {
      change.machine[kind] = name;
      continue;
    }
    // A scenario of another VMM or guest keeps it, unless an overlay is about the one that it
    // lacks.
    for (const OverlayName& overlay : stack.overlays) {
      if (!overlay.touches.contains(kind)) continue;
      return overlay.name + " changes rows of " + family + ", and this scenario's " + kind +
             " is '" + own.front() + "'";
    }
  }
  for (const OverlayName& overlay : stack.overlays) change.apply.push_back(overlay.name);
  return change;
}

}  // namespace nptsim::cli
