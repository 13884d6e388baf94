// Rows and tables from YAML nodes.
#ifndef NPTSIM_SIM_RULES_ROW_READER_H_
#define NPTSIM_SIM_RULES_ROW_READER_H_

#include <string>

#include "sim/rules/model.h"
#include "sim/yaml/node.h"

namespace nptsim::rules {

// What rows take when they do not say it themselves.
struct RowDefaults {
  Spelled source;
  Evidence evidence = Evidence::kNone;
};

class RowReader {
 public:
  RowReader(std::string layer, bool overlay, Diagnostics& out)
      : layer_(std::move(layer)), overlay_(overlay), out_(out) {}

  // `stages:` and `procedures:`, each a map by name; and what a table may remove or move inside.
  void read_stages(const yaml::Node& node, const RowDefaults& defaults, Layer& layer);
  void read_procedures(const yaml::Node& node, const RowDefaults& defaults, Layer& layer);

  void read_removals(const yaml::Node& node, Layer& layer);
  void read_moves(const yaml::Node& node, Layer& layer);
  // Reads `source` and `evidence` beside rows.
  void read_defaults(const yaml::Node& map, RowDefaults& defaults);

  // A scalar, or a diagnostic and nothing.
  Spelled read_word(const yaml::Node& node, const std::string& what);
  // A list of words; one alone is a list of one.
  std::vector<Spelled> read_words(const yaml::Node& node, const std::string& what);
  Origin origin_at(const SourcePos& pos) const { return {layer_, overlay_, pos}; }

 private:
  struct TableHead;
  void read_table(const yaml::Node& key, const yaml::Node& node, bool stage, TableHead& head,
                  const RowDefaults& defaults, Layer& layer);
  std::vector<Row> read_rows(const yaml::Node& node, bool stage, const RowDefaults& defaults,
                             unsigned depth);
  Row read_row(const yaml::Node& node, bool stage, const RowDefaults& defaults, unsigned depth);
  void read_flow(const yaml::Node& node, Row& row, const RowDefaults& defaults, unsigned depth);
  void read_place(const yaml::Node& node, Row& row);
  std::vector<Condition> read_conditions(const yaml::Node& node, const std::string& what);
  Condition read_condition(const yaml::Node& fact, const yaml::Node& value);
  std::vector<ActionUse> read_actions(const yaml::Node& node);
  ActionUse read_use(const yaml::Node& node, const std::string& what);
  std::vector<Argument> read_arguments(const yaml::Node& node, const std::string& what);
  AnswerUse read_answer(const yaml::Node& node, const std::string& what);
  void fail(const SourcePos& pos, std::string found, std::string accepted = "",
            std::string suggestion = "");

  std::string layer_;
  bool overlay_;
  Diagnostics& out_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_ROW_READER_H_
