#include "sim/cli/lint_models.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "sim/cli/checked_model.h"
#include "sim/cli/comparison.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/model_stack.h"
#include "sim/cli/root.h"
#include "sim/rules/graph.h"
#include "sim/rules/merge.h"
#include "sim/rules/read_model.h"
#include "sim/rules/same_row.h"

namespace nptsim::cli {
namespace {

using models::Listed;
using report::PointResult;
using rules::ModelKind;

using Rows = std::map<std::string, const rules::Row*>;

void collect(const std::vector<rules::Row>& rows, Rows& by_id) {
  for (const rules::Row& row : rows) {
    by_id[row.id.text] = &row;
    collect(row.rows, by_id);
  }
}

Rows rows_of(const rules::Model& model) {
  Rows rows;
  for (const rules::Stage& stage : model.stages) collect(stage.rows, rows);
  for (const rules::Procedure& procedure : model.procedures) collect(procedure.rows, rows);
  return rows;
}

// The rows that a layer writes down.
std::vector<const rules::Row*> rows_of(const rules::Layer& layer) {
  std::vector<const rules::Row*> rows;
  for (const rules::StageEdit& edit : layer.stages) {
    for (const rules::Row& row : edit.stage.rows) rows.push_back(&row);
  }
  for (const rules::ProcedureEdit& edit : layer.procedures) {
    for (const rules::Row& row : edit.procedure.rows) rows.push_back(&row);
  }
  return rows;
}

class ModelLinter {
 public:
  explicit ModelLinter(models::Library& library) : library_(library), all_(library.list()) {}

  std::vector<PointResult> lint() {
    std::vector<PointResult> results;
    for (const Listed& listed : all_) {
      if (listed.file.empty() || listed.kind == "cpu") continue;
      found_.clear();
      listed.kind == "proposal" ? lint_proposal(listed) : lint_version(listed);
      results.push_back(result(listed));
    }
    return results;
  }

 private:
  std::string place(const SourcePos& pos) const {
    SourcePos shown = pos;
    shown.file = without_root(shown.file, library_.root());
    return to_string(shown);
  }
  void find(const SourcePos& pos, const std::string& sentence) {
    const std::string at = place(pos);
    found_.push_back(at.empty() ? sentence : at + ": " + sentence);
  }
  void find(const Diagnostics& diagnostics) {
    for (Diagnostic one : diagnostics) {
      one.pos.file = without_root(one.pos.file, library_.root());
      found_.push_back(to_string(one));
    }
  }

  PointResult result(const Listed& listed) const {
    PointResult result;
    result.file = without_root(listed.file, library_.root());
    result.name = listed.kind + " " + listed.name;
    result.differences = found_;
    result.status = found_.empty() ? report::Status::kPass : report::Status::kFail;
    return result;
  }

  void lint_version(const Listed& listed) {
    const auto kind = rules::model_kind_named(listed.kind);
    const auto checked = checked_with_peer(library_, all_, *kind, listed.name, "");
    if (!checked.ok()) return find(checked.error());
    find_unreached(checked.value(), {});
    auto layers = rules::read_model(listed.file, rules::load_from_disk());
    if (!layers.ok()) return find(layers.error());
    compare_last_layer(layers.value());
  }

  // An overlay may well cut off what was there before; only what it brings itself is its matter.
  void find_unreached(const rules::Checked& checked, const std::string& only_file) {
    for (const rules::Unreached& one : rules::unreached(checked)) {
      if (!only_file.empty() && one.pos.file != only_file) continue;
      find(one.pos, "nothing leads to the " + one.what + " '" + one.name + "'");
    }
  }

  // What this version's own file says again as it was.
  void compare_last_layer(const std::vector<rules::Layer>& layers) {
    if (layers.size() < 2 || layers.back().name == layers.front().name) return;
    const auto before = rules::merge(std::span(layers).first(layers.size() - 1));
    if (before.ok()) compare(before.value(), layers.back());
  }

  void compare(const rules::Model& before, const rules::Layer& layer) {
    const Rows known = rows_of(before);
    for (const rules::Row* row : rows_of(layer)) {
      const auto old = known.find(row->id.text);
      if (old == known.end() || !rules::does_the_same(*old->second, *row)) continue;
      if (layer.overlay || rules::says_the_same(*old->second, *row)) {
        find(row->origin.pos, "row '" + row->id.text +
                                  "' differs in nothing from the one that it replaces (" +
                                  place(old->second->origin.pos) + ")");
      }
    }
  }

  void lint_proposal(const Listed& listed) {
    const auto overlay = library_.overlay({listed.name, {}});
    if (!overlay.ok()) return find(overlay.error());
    const SourcePos whole{listed.file, 0, 0};
    if (overlay.value().source.empty()) find(whole, "the overlay has no `source:`");
    if (overlay.value().text.empty())
      find(whole, "the overlay has no `text:` that says what it is");
    for (const rules::Layer& layer : overlay.value().layers)
      lint_layer(listed, overlay.value(), layer);
  }

  void lint_layer(const Listed& listed, const rules::Overlay& overlay, const rules::Layer& layer) {
    const std::string kind(rules::name_of(layer.kind));
    const auto base = base_of(overlay, layer.kind);
    if (!base)
      return find(layer.pos,
                  "the overlay changes rows of a " + kind + ", and has no `base:` for it");
    const std::string peer_kind = layer.kind == ModelKind::kKernel ? "vmm" : "kernel";
    const auto peer = base_of(overlay, *rules::model_kind_named(peer_kind)).value_or("");
    const auto checked =
        checked_with_peer(library_, all_, layer.kind, *base, peer, {{listed.name, {}}});
    if (!checked.ok()) return find(checked.error());
    find_unreached(checked.value(), listed.file);
    const auto before = library_.model(layer.kind, {*base, {}});
    if (before.ok()) compare(before.value(), layer);
    find_vanished(listed, layer.kind, *base);
  }

  static std::optional<std::string> base_of(const rules::Overlay& overlay, ModelKind kind) {
    for (const auto& [one, name] : overlay.base) {
      if (one == kind) return name.text;
    }
    return std::nullopt;
  }

  // Later versions of what it was written on.
  void find_vanished(const Listed& listed, ModelKind kind, const std::string& base) {
    const std::string own = library_.canonical_name(kind, base).value_or(base);
    bool later = false;
    std::string family;
    for (const Listed& version : all_) {
      if (version.kind != rules::name_of(kind)) continue;
      if (version.name == own) {
        later = true;
        family = version.family;
        continue;
      }
      if (!later || version.family != family) continue;
      const auto model = library_.model(kind, {version.name, {}}, {{listed.name, {}}});
      if (model.ok()) continue;
      find({listed.file, 0, 0}, "it cannot be put on " + version.name + " any more:");
      find(model.error());
    }
  }

  models::Library& library_;
  std::vector<Listed> all_;
  std::vector<std::string> found_;
};

// Pairs of versions that follow one another, of every family.
std::vector<std::pair<Listed, Listed>> neighbours(const models::Library& library) {
  std::vector<std::pair<Listed, Listed>> pairs;
  const std::vector<Listed> all = library.list();
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Listed& before = all[i - 1];
    const Listed& after = all[i];
    if (before.kind == after.kind && before.family == after.family && !after.family.empty()) {
      pairs.emplace_back(before, after);
    }
  }
  return pairs;
}

bool tells_apart(const report::DiffReport& report) {
  return std::any_of(report.rows.begin(), report.rows.end(), [](const report::DiffRow& row) {
    return row.changed() || row.cells.back().parting.has_value();
  });
}

}  // namespace

std::vector<PointResult> lint_models(models::Library& library) {
  return ModelLinter(library).lint();
}

std::vector<PointResult> lint_versions(const Options& options, models::Library& library) {
  const ModelNames names(library);
  std::vector<PointResult> results;
  for (const auto& [before, after] : neighbours(library)) {
    PointResult result;
    result.file = without_root(after.file, library.root());
    result.name = after.kind + " " + after.name + " after " + before.name;
    const std::vector<ModelStack> stacks = {{before.name, {{before.kind, before.name}}, {}},
                                            {after.name, {{after.kind, after.name}}, {}}};
    const bool apart = tells_apart(compare_models(options, stacks, names, library, Partings::kAll));
    if (interrupted()) break;  // half of a comparison says nothing
    if (!apart) {
      result.status = report::Status::kFail;
      result.differences.push_back("no scenario tells " + before.name + " and " + after.name +
                                   " apart");
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace nptsim::cli
