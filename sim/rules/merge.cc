#include "sim/rules/merge.h"

#include <algorithm>
#include <map>

#include "sim/rules/spelling.h"

namespace nptsim::rules {
namespace {

constexpr std::size_t kMostRows = 20000;  // of all layers together

// Where a row is: a list of rows and a place in it.
struct Found {
  std::vector<Row>* list = nullptr;
  std::size_t at = 0;
};

Found find_row(std::vector<Row>& rows, const std::string& id) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].id.text == id) return {&rows, i};
    if (const Found inner = find_row(rows[i].rows, id); inner.list != nullptr) return inner;
  }
  return {};
}

void collect_ids(const std::vector<Row>& rows, std::vector<std::string>& ids) {
  for (const Row& row : rows) {
    ids.push_back(row.id.text);
    collect_ids(row.rows, ids);
  }
}

class Merger {
 public:
  Result<Model, Diagnostics> merge(std::span<const Layer> layers) {
    if (!sizes_ok(layers)) return out_;
    m_.kind = layers[0].kind;
    m_.pos = layers[0].pos;
    for (const Layer& layer : layers) apply(layer);
    drop_empty();
    if (!out_.empty()) return out_;
    return std::move(m_);
  }

 private:
  enum class TableKind { kStage, kProcedure };
  struct Table {
    TableKind kind;
    std::size_t number;
    bool operator==(const Table&) const = default;
  };
  struct Touch {
    std::string overlay;  // the last that added, replaced, moved or removed it
    SourcePos pos;
  };

  bool sizes_ok(std::span<const Layer> layers) {
    NPTSIM_CHECK(!layers.empty());
    std::size_t rows = 0;
    for (const Layer& layer : layers) {
      for (const StageEdit& edit : layer.stages) rows += count_rows(edit.stage.rows);
      for (const ProcedureEdit& edit : layer.procedures) rows += count_rows(edit.procedure.rows);
    }
    if (rows <= kMostRows) return true;
    fail(layers[0].pos, "the files of this model have " + std::to_string(rows) + " rows",
         "at most " + std::to_string(kMostRows));
    return false;
  }

  void fail(const SourcePos& pos, std::string found, std::string accepted = "",
            std::string suggestion = "") {
    out_.push_back({pos, std::move(found), std::move(accepted), std::move(suggestion)});
  }

  void apply(const Layer& layer) {
    layer_ = &layer;
    if (layer.kind != m_.kind) {
      fail(layer.pos, "'" + layer.name + "' is a " + std::string(name_of(layer.kind)) +
                          ", and the model a " + std::string(name_of(m_.kind)));
      return;
    }
    if (m_.layers.empty() || m_.layers.back() != layer.name) m_.layers.push_back(layer.name);
    if (layer.overlay) {
      const std::string suffix = "+" + layer.name;
      m_.name += suffix;
    } else {
      m_.name = layer.name;
      m_.pos = layer.pos;
      if (!layer.title.empty()) m_.title = layer.title;
    }
    for (const Param& param : layer.params) apply_param(param);
    for (const Capability& capability : layer.capabilities) apply_capability(capability);
    for (const Spelled& name : layer.exports) apply_export(name);
    for (const Removal& removal : layer.removals) apply_removal(removal);
    touched_here_.clear();
    for (const StageEdit& edit : layer.stages) apply_stage(edit);
    for (const ProcedureEdit& edit : layer.procedures) apply_procedure(edit);
    for (const Move& move : layer.moves) apply_move(move);
  }

  // --- settings ---

  void apply_param(const Param& param) {
    for (Param& known : m_.params) {
      if (known.name.text != param.name.text) continue;
      if (!may_touch("param '" + param.name.text + "'", known.origin, param.origin, param.over)) {
        return;
      }
      if (param.default_value) known.default_value = param.default_value;
      if (!param.values.empty() || param.range) {
        known.values = param.values;
        known.range = param.range;
      }
      if (!param.text.empty()) known.text = param.text;
      known.origin = param.origin;
      return;
    }
    m_.params.push_back(param);
  }

  bool may_touch(const std::string& what, const Origin& before, const Origin& now,
                 const Spelled& over) {
    if (!now.overlay || !before.overlay || before.layer == now.layer) return true;
    return over_is(what, Touch{before.layer, before.pos}, now.pos, over);
  }

  bool over_is(const std::string& what, const Touch& touch, const SourcePos& pos,
               const Spelled& over) {
    if (over.text == touch.overlay) return true;
    fail(
        pos,
        what + " is also changed by overlay '" + touch.overlay + "' (" + to_string(touch.pos) + ")",
        "", "say `over: " + touch.overlay + "` if this one is meant to replace that");
    return false;
  }

  void apply_capability(const Capability& capability) {
    for (Capability& known : m_.capabilities) {
      if (known.name.text != capability.name.text) continue;
      for (const auto& column : capability.columns) {
        const auto same =
            std::find_if(known.columns.begin(), known.columns.end(),
                         [&](const auto& other) { return other.first.text == column.first.text; });
        if (same == known.columns.end()) {
          known.columns.push_back(column);
        } else {
          same->second = column.second;
        }
      }
      return;
    }
    m_.capabilities.push_back(capability);
  }

  void apply_export(const Spelled& name) {
    for (const Spelled& known : m_.exports) {
      if (known.text == name.text) return;
    }
    m_.exports.push_back(name);
  }

  // --- tables ---

  std::vector<Row>& rows_of(Table table) {
    return table.kind == TableKind::kStage ? m_.stages[table.number].rows
                                           : m_.procedures[table.number].rows;
  }
  std::string spell(Table table) const {
    return table.kind == TableKind::kStage
               ? "stage '" + m_.stages[table.number].name.text + "'"
               : "procedure '" + m_.procedures[table.number].name.text + "'";
  }

  void apply_stage(const StageEdit& edit) {
    std::size_t i = 0;
    while (i < m_.stages.size() && m_.stages[i].name.text != edit.stage.name.text) ++i;
    const bool known = i < m_.stages.size();
    if (!known) m_.stages.push_back({edit.stage.name, {}});
    apply_rows({TableKind::kStage, i}, known, edit.replace, edit.over, edit.stage.name,
               edit.stage.rows);
  }

  void apply_procedure(const ProcedureEdit& edit) {
    const Procedure& procedure = edit.procedure;
    std::size_t i = 0;
    while (i < m_.procedures.size() && m_.procedures[i].name.text != procedure.name.text) ++i;
    const bool known = i < m_.procedures.size();
    if (!known) m_.procedures.push_back({procedure.name, {}, {}, {}, 0});
    if (edit.says_locals) {
      m_.procedures[i].locals = procedure.locals;
      m_.procedures[i].own_locals = procedure.own_locals;
    }
    if (edit.says_takes) m_.procedures[i].takes = procedure.takes;
    apply_rows({TableKind::kProcedure, i}, known, edit.replace, edit.over, procedure.name,
               procedure.rows);
  }

  void apply_rows(Table table, bool known, bool replace, const Spelled& over, const Spelled& name,
                  const std::vector<Row>& rows) {
    if (replace) {
      if (!known) {
        fail(name.pos, spell(table) + " is to be replaced, but there is none before");
        return;
      }
      replace_all(table, over, name.pos);
    }
    const bool fresh = !known || replace;
    for (const Row& row : rows) apply_row(table, fresh, row);
  }

  void replace_all(Table table, const Spelled& over, const SourcePos& pos) {
    std::vector<std::string> ids;
    collect_ids(rows_of(table), ids);
    for (const std::string& id : ids) {
      const auto touch = touched_.find(id);
      if (layer_->overlay && touch != touched_.end() && touch->second.overlay != layer_->name &&
          !over_is("row '" + id + "' of " + spell(table), touch->second, pos, over)) {
        return;
      }
      forget(id);
    }
    rows_of(table).clear();
  }

  void forget(const std::string& id) {
    tables_.erase(id);
    removed_by_[id] = layer_->name;
    if (layer_->overlay) touched_[id] = {layer_->name, layer_->pos};
  }

  void apply_row(Table table, bool fresh, const Row& row) {
    const std::string& id = row.id.text;
    if (!id.empty() && !touched_here_.emplace(id, row.origin.pos).second) {
      fail(row.origin.pos,
           "row '" + id + "' is there twice; the other is at " + to_string(touched_here_[id]));
      return;
    }
    const auto at = tables_.find(id);
    if (!id.empty() && at != tables_.end()) {
      replace_row(table, at->second, row);
    } else {
      add_row(table, fresh, row);
    }
  }

  void replace_row(Table table, Table is_in, const Row& row) {
    const std::string& id = row.id.text;
    if (!(is_in == table)) {
      fail(row.origin.pos, "row '" + id + "' is in " + spell(is_in) + ", not in " + spell(table));
      return;
    }
    if (row.place != Place::kNone) {
      fail(row.origin.pos, "row '" + id + "' is there already, so it keeps its place", "",
           "put it elsewhere with `move: { " + id + ": ... }`");
      return;
    }
    if (!touch(row.id, row.origin.pos, row.over)) return;
    const Found found = find_row(rows_of(table), id);
    NPTSIM_CHECK(found.list != nullptr);
    std::vector<std::string> ids;
    collect_ids((*found.list)[found.at].rows, ids);
    for (const std::string& inner : ids) tables_.erase(inner);
    (*found.list)[found.at] = row;
    register_row(table, row);
  }

  void add_row(Table table, bool fresh, const Row& row) {
    std::vector<Row>& rows = rows_of(table);
    Found place{&rows, rows.size()};
    if (row.place == Place::kNone && !fresh) {
      refuse_without_place(table, row);
      return;
    }
    if (!touch(row.id, row.origin.pos, row.over)) return;
    if (row.place == Place::kFirst) place.at = 0;
    if (row.place == Place::kBefore || row.place == Place::kAfter) {
      place = find_anchor(table, row.anchor);
      if (place.list == nullptr) return;
      if (row.place == Place::kAfter) ++place.at;
    }
    place.list->insert(place.list->begin() + static_cast<std::ptrdiff_t>(place.at), row);
    register_row(table, row);
  }

  void refuse_without_place(Table table, const Row& row) {
    std::vector<std::string> ids;
    collect_ids(rows_of(table), ids);
    const std::string near = nearest_spelling(row.id.text, ids);
    std::string found =
        "row '" + row.id.text + "' is new in " + spell(table) + " and does not say where it goes";
    const auto removed = removed_by_.find(row.id.text);
    if (removed != removed_by_.end())
      found += "; '" + removed->second + "' has removed the old one";
    fail(row.origin.pos, std::move(found), "before: ID, after: ID, first: yes or last: yes",
         near.empty() ? "" : "did you mean the row '" + near + "'?");
  }

  void register_row(Table table, const Row& row) {
    if (!row.id.text.empty()) {
      tables_.insert_or_assign(row.id.text, table);
      removed_by_.erase(row.id.text);
    }
    for (const Row& inner : row.rows) {
      if (layer_->overlay) touched_[inner.id.text] = {layer_->name, inner.origin.pos};
      register_row(table, inner);
    }
  }

  // Notes that this layer touches the row; false if another overlay did and that is not wanted.
  bool touch(const Spelled& id, const SourcePos& pos, const Spelled& over) {
    if (!layer_->overlay) return true;
    const auto before = touched_.find(id.text);
    if (before != touched_.end() && before->second.overlay != layer_->name) {
      if (!over_is("row '" + id.text + "'", before->second, pos, over)) return false;
    } else if (!over.text.empty()) {
      fail(over.pos, "overlay '" + over.text + "' does not touch row '" + id.text + "'", "",
           "leave `over` out, or apply that overlay before this one");
      return false;
    }
    touched_[id.text] = {layer_->name, pos};
    return true;
  }

  Found find_anchor(Table table, const Spelled& anchor) {
    const Found found = find_row(rows_of(table), anchor.text);
    if (found.list != nullptr) return found;
    refuse_id(anchor, "row of " + spell(table), rows_of(table));
    return {};
  }

  void refuse_id(const Spelled& id, const std::string& what, const std::vector<Row>& rows) {
    const auto removed = removed_by_.find(id.text);
    if (removed != removed_by_.end()) {
      fail(id.pos,
           "row '" + id.text + "' is not there any more: '" + removed->second + "' has removed it");
      return;
    }
    std::vector<std::string> ids;
    collect_ids(rows, ids);
    out_.push_back(unknown_name(id.pos, what, id.text, ids));
  }

  std::optional<Table> table_with(const Spelled& id) {
    const auto at = tables_.find(id.text);
    if (at != tables_.end()) return at->second;
    std::vector<std::string> ids;
    for (const auto& [known, table] : tables_) ids.push_back(known);
    if (const auto removed = removed_by_.find(id.text); removed != removed_by_.end()) {
      fail(id.pos,
           "row '" + id.text + "' is not there any more: '" + removed->second + "' has removed it");
    } else {
      out_.push_back(unknown_name(id.pos, "row", id.text, ids));
    }
    return std::nullopt;
  }

  void apply_removal(const Removal& removal) {
    const std::optional<Table> table = table_with(removal.id);
    if (!table || !touch(removal.id, removal.id.pos, removal.over)) return;
    const Found found = find_row(rows_of(*table), removal.id.text);
    NPTSIM_CHECK(found.list != nullptr);
    std::vector<std::string> ids = {removal.id.text};
    collect_ids((*found.list)[found.at].rows, ids);
    for (const std::string& id : ids) forget(id);
    found.list->erase(found.list->begin() + static_cast<std::ptrdiff_t>(found.at));
  }

  void apply_move(const Move& move) {
    const std::optional<Table> table = table_with(move.id);
    if (!table || !touch(move.id, move.id.pos, move.over)) return;
    std::vector<Row>& rows = rows_of(*table);
    const Found from = find_row(rows, move.id.text);
    NPTSIM_CHECK(from.list != nullptr);
    Row row = std::move((*from.list)[from.at]);
    from.list->erase(from.list->begin() + static_cast<std::ptrdiff_t>(from.at));
    Found to{&rows, move.place == Place::kFirst ? 0 : rows.size()};
    if (move.place == Place::kBefore || move.place == Place::kAfter) {
      to = find_anchor(*table, move.anchor);
      if (to.list == nullptr)
        to = {&rows, rows.size()};  // refused anyway
      else if (move.place == Place::kAfter)
        ++to.at;
    }
    to.list->insert(to.list->begin() + static_cast<std::ptrdiff_t>(to.at), std::move(row));
  }

  // A table without rows is no table.
  void drop_empty() {
    std::erase_if(m_.stages, [](const Stage& stage) { return stage.rows.empty(); });
    std::erase_if(m_.procedures, [](const Procedure& p) { return p.rows.empty(); });
  }

  Model m_;
  Diagnostics out_;
  const Layer* layer_ = nullptr;
  std::map<std::string, Table, std::less<>> tables_;  // of every row that is there
  std::map<std::string, Touch> touched_;              // by overlays
  std::map<std::string, std::string> removed_by_;
  std::map<std::string, SourcePos> touched_here_;  // by the layer that is applied
};

}  // namespace

Result<Model, Diagnostics> merge(std::span<const Layer> layers) { return Merger().merge(layers); }

}  // namespace nptsim::rules
