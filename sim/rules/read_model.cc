#include "sim/rules/read_model.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "sim/rules/merge.h"
#include "sim/rules/row_reader.h"
#include "sim/rules/spelling.h"
#include "sim/yaml/load.h"
#include "sim/yaml/read.h"

namespace nptsim::rules {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostVersions = 64;
constexpr std::size_t kMostIncludes = 64;

const std::vector<std::string> kPartKeys = {"source",       "evidence", "text",       "params",
                                            "capabilities", "stages",   "procedures", "remove",
                                            "move",         "exports"};
const std::vector<std::string> kKindNames = {"kernel", "vmm", "guest", "firmware"};

std::vector<std::string> joined(std::vector<std::string> keys,
                                const std::vector<std::string>& more) {
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}
const std::vector<std::string> kModelKeys =
    joined(joined(kKindNames, {"title", "extends", "include"}), kPartKeys);
const std::vector<std::string> kOverlayKeys =
    joined({"overlay", "base", "source", "evidence", "text", "params"}, kKindNames);

// --- parts that models and overlays share ---

class PartReader {
 public:
  PartReader(Layer& layer, Diagnostics& out)
      : layer_(layer), rows_(layer.name, layer.overlay, out), out_(out) {}

  void read(const yaml::Node& map, RowDefaults defaults) {
    rows_.read_defaults(map, defaults);
    if (const yaml::Node* node = map.find("params")) read_params(*node);
    if (const yaml::Node* node = map.find("capabilities")) read_capabilities(*node);
    if (const yaml::Node* node = map.find("exports")) {
      layer_.exports = rows_.read_words(*node, "exports");
    }
    if (const yaml::Node* node = map.find("stages")) rows_.read_stages(*node, defaults, layer_);
    if (const yaml::Node* node = map.find("procedures")) {
      rows_.read_procedures(*node, defaults, layer_);
    }
    if (const yaml::Node* node = map.find("remove")) rows_.read_removals(*node, layer_);
    if (const yaml::Node* node = map.find("move")) rows_.read_moves(*node, layer_);
  }

  void read_param(const yaml::Node& key, std::string name, const yaml::Node& node) {
    Param param;
    param.name = {std::move(name), key.pos};
    param.origin = rows_.origin_at(key.pos);
    const std::string what = "param " + yaml::quote(key.text);
    if (node.is_scalar()) {  // `mmio_caching: off`: the default only
      param.default_value = Spelled{node.text, node.pos};
      layer_.params.push_back(std::move(param));
      return;
    }
    static const std::vector<std::string> kKeys = {"default", "range", "values", "text", "over"};
    yaml::MapReader reader(node, what, kKeys, out_);
    if (!reader.ok()) return;
    if (const yaml::Node* value = reader.find("default")) {
      param.default_value = rows_.read_word(*value, "default of " + what);
    }
    if (const yaml::Node* values = reader.find("values")) read_values(*values, what, param);
    if (const yaml::Node* range = reader.find("range")) read_range(*range, what, param);
    param.text = reader.text("text").value_or("");
    if (const yaml::Node* over = reader.find("over")) param.over = rows_.read_word(*over, "over");
    layer_.params.push_back(std::move(param));
  }

 private:
  void read_params(const yaml::Node& node) {
    if (node.is_null()) return;
    if (!node.is_map()) return yaml::report_kind(node, "params", "a map of params by name", out_);
    for (const yaml::MapEntry& entry : node.entries) {
      read_param(entry.key, entry.key.text, entry.value);
    }
  }

  void read_values(const yaml::Node& node, const std::string& what, Param& param) {
    param.values = rows_.read_words(node, "values of " + what);
    for (std::size_t i = 0; i < param.values.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (param.values[i].text != param.values[j].text) continue;
        out_.push_back(
            {param.values[i].pos,
             "value " + yaml::quote(param.values[i].text) + " of " + what + " is there twice", "",
             ""});
        return;
      }
    }
    if (param.values.size() < 2) {
      out_.push_back({node.pos, what + " has fewer than two values", "", ""});
    }
  }

  // "0..9"
  void read_range(const yaml::Node& node, const std::string& what, Param& param) {
    const auto number = [](std::string_view text) -> std::optional<std::int64_t> {
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size() || value < 0)
        return std::nullopt;
      return value;
    };
    const std::size_t dots = node.is_scalar() ? node.text.find("..") : std::string::npos;
    if (dots != std::string::npos) {
      const auto low = number(std::string_view(node.text).substr(0, dots));
      const auto high = number(std::string_view(node.text).substr(dots + 2));
      if (low && high && *low < *high) {
        param.range = std::make_pair(*low, *high);
        return;
      }
    }
    yaml::report_kind(node, "range of " + what, "two numbers like 0..9, the smaller first", out_);
  }

  void read_capabilities(const yaml::Node& node) {
    if (node.is_null()) return;
    const std::string accepted = "a map like { readonly_mem: { default: yes, snp: no } }";
    if (!node.is_map()) return yaml::report_kind(node, "capabilities", accepted, out_);
    for (const yaml::MapEntry& entry : node.entries) {
      Capability capability;
      capability.name = {entry.key.text, entry.key.pos};
      capability.origin = rows_.origin_at(entry.key.pos);
      const std::string what = "capability " + yaml::quote(entry.key.text);
      if (!entry.value.is_map()) {
        yaml::report_kind(entry.value, what, "a map like { default: yes, snp: no }", out_);
        continue;
      }
      for (const yaml::MapEntry& column : entry.value.entries) {
        capability.columns.push_back({{column.key.text, column.key.pos},
                                      rows_.read_word(column.value, "column of " + what)});
      }
      layer_.capabilities.push_back(std::move(capability));
    }
  }

  Layer& layer_;
  RowReader rows_;
  Diagnostics& out_;
};

// The one document of a file; null: there is none. It stays as long as what is returned.
std::shared_ptr<const yaml::Node> load_one(const std::string& path, const LoadFile& load,
                                           Diagnostics& out) {
  const auto loaded = load(path);
  if (!loaded.ok()) {
    out.insert(out.end(), loaded.error().begin(), loaded.error().end());
    return nullptr;
  }
  const yaml::Documents& documents = loaded.value();
  if (documents->size() != 1 || !documents->front().is_map()) {
    out.push_back({{path, 0, 0}, "not one map of keys", "", ""});
    return nullptr;
  }
  return {documents, &documents->front()};
}

// --- models ---

class ModelReader {
 public:
  ModelReader(const LoadFile& load, Diagnostics& out) : load_(load), out_(out) {}

  std::vector<Layer> read(const std::string& path) {
    read_version(path, nullptr);
    return std::move(layers_);
  }

 private:
  // `name` is what `extends:` asked for; the first file is asked for by its path.
  void read_version(const std::string& path, const Spelled* name) {
    if (chain_.size() >= kMostVersions) {
      out_.push_back({name->pos, "more than 64 versions extend each other", "", ""});
      return;
    }
    const auto node = load_one(path, load_, out_);
    if (!node) return;
    yaml::MapReader reader(*node, "model", kModelKeys, out_);
    Layer layer;
    if (!read_kind(*node, layer)) return;
    if (name != nullptr && layer.name != name->text) {
      out_.push_back({layer.pos,
                      "this file is asked for as '" + shown(name->text) + "' and calls itself '" +
                          shown(layer.name) + "'",
                      "", ""});
      return;
    }
    chain_.push_back(layer.name);
    layer.title = reader.text("title").value_or("");
    if (const yaml::Node* extends = reader.find("extends")) read_base(path, *extends);
    if (const yaml::Node* include = reader.find("include")) read_includes(path, *include, layer);
    PartReader(layer, out_).read(*node, {});
    layers_.push_back(std::move(layer));
  }

  bool read_kind(const yaml::Node& node, Layer& layer) {
    const yaml::MapEntry* kind = nullptr;
    for (const std::string& name : kKindNames) {
      const yaml::MapEntry* entry = node.find_entry(name);
      if (entry == nullptr) continue;
      if (kind != nullptr) {
        out_.push_back({entry->key.pos,
                        "a model is of one kind, and this one also says '" + name + "'", "", ""});
        return false;
      }
      kind = entry;
    }
    if (kind == nullptr) {
      out_.push_back({node.pos, "this model does not say what it is",
                      "kernel: NAME, vmm: NAME, guest: NAME or firmware: NAME", ""});
      return false;
    }
    if (!kind->value.is_scalar() || kind->value.text.empty()) {
      yaml::report_kind(kind->value, kind->key.text, "the model's name", out_);
      return false;
    }
    layer.kind = *model_kind_named(kind->key.text);
    layer.name = kind->value.text;
    layer.pos = kind->value.pos;
    return true;
  }

  void read_base(const std::string& path, const yaml::Node& extends) {
    if (!extends.is_scalar() || extends.text.empty()) {
      return yaml::report_kind(extends, "extends", "the name of a model beside this one", out_);
    }
    const Spelled name{extends.text, extends.pos};
    if (name.text.find('/') != std::string::npos) {
      out_.push_back(
          {name.pos, "extends names a model, not a file: " + yaml::quote(name.text), "", ""});
      return;
    }
    const auto seen = std::find(chain_.begin(), chain_.end(), name.text);
    if (seen != chain_.end()) {
      std::string chain;
      for (auto at = seen; at != chain_.end(); ++at) chain += "'" + shown(*at) + "' extends ";
      out_.push_back(
          {name.pos,
           "models extend each other in a circle: " + chain + "'" + shown(name.text) + "'", "",
           ""});
      return;
    }
    read_version((fs::path(path).parent_path() / (name.text + ".yaml")).generic_string(), &name);
  }

  void read_includes(const std::string& path, const yaml::Node& node, const Layer& owner) {
    RowReader words(owner.name, false, out_);
    const std::vector<Spelled> files = words.read_words(node, "include");
    if (files.size() > kMostIncludes) {
      out_.push_back({node.pos, "more than 64 included files", "", ""});
      return;
    }
    for (const Spelled& file : files) {
      if (!file.text.empty()) read_include(path, file, owner);
    }
  }

  void read_include(const std::string& path, const Spelled& file, const Layer& owner) {
    // From the model's folder; with "../" or "./" in front, from the file that says it.
    fs::path folder = fs::path(path).parent_path();
    const fs::path model_folder = folder.filename() == "versions" ? folder.parent_path() : folder;
    const fs::path said(file.text);
    const bool from_here = !said.empty() && (*said.begin() == ".." || *said.begin() == ".");
    const fs::path whole = ((from_here ? folder : model_folder) / said).lexically_normal();
    const fs::path inside = whole.lexically_relative(model_folder.lexically_normal());
    if (said.is_absolute() || inside.empty() || *inside.begin() == "..") {
      out_.push_back({file.pos, "include leaves the model's folder: " + yaml::quote(file.text),
                      "a path like rows/fault.yaml", ""});
      return;
    }
    const auto part = load_one(whole.generic_string(), load_, out_);
    if (!part) return;
    const yaml::MapReader reader(*part, "row file", kPartKeys, out_);
    Layer layer;
    layer.kind = owner.kind;
    layer.name = owner.name;
    layer.pos = part->pos;
    PartReader(layer, out_).read(*part, {});
    layers_.push_back(std::move(layer));
  }

  const LoadFile& load_;
  Diagnostics& out_;
  std::vector<std::string> chain_;
  std::vector<Layer> layers_;
};

// --- overlays ---

class OverlayReader {
 public:
  explicit OverlayReader(Diagnostics& out) : out_(out) {}

  Overlay read(const yaml::Node& node) {
    Overlay overlay;
    yaml::MapReader reader(node, "overlay", kOverlayKeys, out_);
    RowReader words("", true, out_);
    if (const yaml::Node* name = reader.require("overlay")) {
      overlay.name = words.read_word(*name, "overlay");
    }
    overlay.source = reader.text("source").value_or("");
    overlay.text = reader.text("text").value_or("");
    if (const yaml::Node* base = reader.find("base")) read_base(*base, overlay);
    RowDefaults defaults;
    words.read_defaults(node, defaults);
    for (const std::string& kind : kKindNames) {
      if (const yaml::Node* part = reader.find(kind)) read_part(kind, *part, defaults, overlay);
    }
    if (const yaml::Node* params = reader.find("params")) read_params(*params, overlay);
    return overlay;
  }

 private:
  void read_base(const yaml::Node& node, Overlay& overlay) {
    yaml::MapReader reader(node, "base", kKindNames, out_);
    if (!reader.ok()) return;
    for (const std::string& kind : kKindNames) {
      const yaml::Node* name = reader.find(kind);
      if (name == nullptr) continue;
      RowReader words("", true, out_);
      overlay.base.emplace_back(*model_kind_named(kind), words.read_word(*name, "base"));
    }
  }

  static Layer& layer_of(const std::string& kind, const SourcePos& pos, Overlay& overlay) {
    const ModelKind wanted = *model_kind_named(kind);
    for (Layer& layer : overlay.layers) {
      if (layer.kind == wanted) return layer;
    }
    Layer layer;
    layer.kind = wanted;
    layer.name = overlay.name.text;
    layer.overlay = true;
    layer.pos = pos;
    overlay.layers.push_back(std::move(layer));
    return overlay.layers.back();
  }

  void read_part(const std::string& kind, const yaml::Node& part, const RowDefaults& defaults,
                 Overlay& overlay) {
    if (part.is_null()) return;
    const yaml::MapReader reader(part, kind, kPartKeys, out_);
    if (!reader.ok()) return;
    PartReader(layer_of(kind, part.pos, overlay), out_).read(part, defaults);
  }

  // `kernel.cap_readonly_no_mmio`: whose param it is stands in front.
  void read_params(const yaml::Node& node, Overlay& overlay) {
    if (node.is_null()) return;
    if (!node.is_map()) return yaml::report_kind(node, "params", "a map of params by name", out_);
    for (const yaml::MapEntry& entry : node.entries) {
      const std::size_t dot = entry.key.text.find('.');
      const std::string kind = entry.key.text.substr(0, dot);
      if (dot == std::string::npos || !model_kind_named(kind)) {
        out_.push_back(
            {entry.key.pos,
             "param " + yaml::quote(entry.key.text) + " of an overlay does not say whose it is",
             "kernel.NAME, vmm.NAME, guest.NAME or firmware.NAME", ""});
        continue;
      }
      PartReader(layer_of(kind, entry.key.pos, overlay), out_)
          .read_param(entry.key, entry.key.text.substr(dot + 1), entry.value);
    }
  }

  Diagnostics& out_;
};

}  // namespace

LoadFile load_from_disk() {
  return [](const std::string& path) { return yaml::shared(yaml::load_file(path)); };
}

Result<std::vector<Layer>, Diagnostics> read_model(const std::string& path, const LoadFile& load) {
  Diagnostics out;
  std::vector<Layer> layers = ModelReader(load, out).read(path);
  if (!out.empty()) return out;
  return layers;
}

Result<Overlay, Diagnostics> read_overlay(const std::string& path, const LoadFile& load) {
  Diagnostics out;
  const auto node = load_one(path, load, out);
  if (!node) return out;
  Overlay overlay = OverlayReader(out).read(*node);
  if (!out.empty()) return out;
  return overlay;
}

void add_overlay(std::vector<Layer>& layers, const Overlay& overlay) {
  const ModelKind kind = layers.front().kind;
  for (const Layer& layer : overlay.layers) {
    if (layer.kind == kind) layers.push_back(layer);
  }
}

Result<Model, Diagnostics> load_model(const std::string& path, std::span<const Overlay> overlays,
                                      const LoadFile& load) {
  auto layers = read_model(path, load);
  if (!layers.ok()) return layers.error();
  for (const Overlay& overlay : overlays) add_overlay(layers.value(), overlay);
  return merge(layers.value());
}

}  // namespace nptsim::rules
