// What a checked model has, for people: `nptsim models --facts` and its like.
#ifndef NPTSIM_SIM_RULES_CATALOGUE_H_
#define NPTSIM_SIM_RULES_CATALOGUE_H_

#include <string>
#include <vector>

#include "sim/rules/check.h"
#include "sim/rules/program.h"

namespace nptsim::rules {

struct FactEntry {
  std::string name;
  FactKind kind = FactKind::kComputed;
  std::vector<std::string> values;
  Needs needs = Needs::kNothing;
  bool fixed = false;
  std::vector<Implication> implies;  // also those that follow from columns and the sealed fact
  std::string text;
  std::string source;
};
struct ActionEntry {
  std::string name;
  std::vector<ArgDef> args;
  std::vector<std::string> gives;
  std::string writes;
  bool needs_registers = false;
  std::string text;
};
struct TableEntry {
  std::string name;
  bool is_stage = false;
  bool exported = false;
  std::vector<AnswerShape> answers;
  std::vector<std::string> rows;  // ids, loop bodies after their loop
  SourcePos pos;
};

struct Catalogue {
  std::vector<FactEntry> facts;
  std::vector<ActionEntry> actions;
  std::vector<TableEntry> tables;  // stages, then procedures, in the model's order
};

Catalogue catalogue(const Checked& checked);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_CATALOGUE_H_
