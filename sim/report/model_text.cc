#include "sim/report/model_text.h"

#include <fmt/format.h>

#include "sim/report/rule_book.h"

namespace nptsim::report {
namespace {

constexpr std::size_t kBookWidth = 100;

using rules::Row;

std::vector<std::string> texts_of(const std::vector<rules::Spelled>& words) {
  std::vector<std::string> texts;
  for (const rules::Spelled& word : words) texts.push_back(word.text);
  return texts;
}

std::string conditions_text(const std::vector<rules::Condition>& conditions) {
  std::vector<std::string> texts;
  for (const rules::Condition& condition : conditions) {
    texts.push_back(condition.fact.text + (condition.inverted ? " is not " : " is ") +
                    join(texts_of(condition.values), " or "));
  }
  return join(texts, ", ");
}

std::string arguments_text(const std::vector<rules::Argument>& arguments) {
  std::string text;
  for (const rules::Argument& argument : arguments) {
    text += (text.empty() ? "" : ", ");
    text += argument.name.text.empty() ? argument.value.text
                                       : argument.name.text + " " + argument.value.text;
  }
  return text;
}

std::string use_text(const rules::ActionUse& use) {
  const std::string arguments = arguments_text(use.args);
  return arguments.empty() ? use.name.text : use.name.text + " (" + arguments + ")";
}

std::string answer_text(const rules::AnswerUse& answer) {
  std::string text = answer.word.text;
  for (const auto& [name, value] : answer.fields) text += ", " + name.text + " " + value.text;
  return text;
}

std::string go_text(const Row& row) {
  const char* verb = nullptr;
  switch (row.go) {
    case rules::Go::kNowhere:
      return "";
    case rules::Go::kDecide:
      verb = "decides";
      break;
    case rules::Go::kCall:
      verb = "calls";
      break;
    case rules::Go::kExit:
      verb = "exits to";
      break;
    case rules::Go::kIoctl:
      verb = "asks for";
      break;
  }
  std::string text = fmt::format("{} {}", verb, row.target.text);
  if (const std::string with = arguments_text(row.with); !with.empty()) text += " with " + with;
  return text;
}

std::string loop_text(const Row& row) {
  if (row.loop == rules::LoopKind::kEach) return "for each " + use_text(row.iterator);
  if (row.loop == rules::LoopKind::kRepeat) {
    return "repeats while " + conditions_text(row.while_holds);
  }
  return "";
}

class RowPrinter {
 public:
  RowPrinter(const Style& style, std::string& out) : style_(style), out_(out) {}

  void print(const Row& row, bool in_stage, std::size_t indent) {
    out_ += std::string(indent, ' ') + style_.strong(row.id.text);
    if (row.origin.overlay) out_ += "  " + style_.warn("from overlay " + row.origin.layer);
    out_ += "\n";
    indent_ = indent + 4;
    if (!row.when.empty()) line("when", conditions_text(row.when));
    line("", loop_text(row));
    if (row.new_step) line("", "a new step begins");
    if (!row.wait.empty()) line("waits", "until " + conditions_text(row.wait));
    std::vector<std::string> deeds;
    for (const rules::ActionUse& use : row.actions) deeds.push_back(use_text(use));
    line("does", join(deeds, ", "));
    line("", go_text(row));
    if (row.answer) line(in_stage ? "then" : "returns", answer_text(*row.answer));
    line("", row.text);
    const std::string evidence(rules::name_of(row.evidence));
    line("", style_.faint(row.source.text) + " (" +
                 (is_weak(evidence) ? style_.warn(evidence) : evidence) + ")");
    for (const Row& inner : row.rows) print(inner, in_stage, indent + 2);
  }

 private:
  void line(std::string_view label, const std::string& text) {
    if (text.empty()) return;
    const std::string head = label.empty() ? "" : std::string(label) + " ";
    std::string margin(indent_, ' ');
    for (const std::string& part : wrap(head + text, kBookWidth - indent_)) {
      out_ += margin + part + "\n";
      margin = std::string(indent_ + 2, ' ');
    }
  }

  const Style& style_;
  std::string& out_;
  std::size_t indent_ = 0;
};

std::string settings_text(const rules::Model& model) {
  std::string out;
  for (const rules::Param& param : model.params) {
    std::string values = param.values.empty() ? "on or off" : join(texts_of(param.values), " or ");
    if (param.range) values = fmt::format("{} to {}", param.range->first, param.range->second);
    out += fmt::format("  {}: {}", param.name.text, values);
    if (param.default_value) out += ", default " + param.default_value->text;
    out += param.text.empty() ? "\n" : "\n    " + param.text + "\n";
  }
  for (const rules::Capability& capability : model.capabilities) {
    std::vector<std::string> columns;
    for (const auto& [vm, value] : capability.columns) {
      columns.push_back(vm.text + " " + value.text);
    }
    out += "  " + capability.name.text + ": " + join(columns, ", ") + "\n";
  }
  return out;
}

std::string needs_text(rules::Needs needs) {
  return needs == rules::Needs::kRegisters ? "; unknown of a guest with encrypted registers" : "";
}

void add_fact(const rules::FactEntry& fact, const Style& style, std::string& out) {
  out += style.strong(fact.name) + ": " + join(fact.values, ", ") + "\n";
  std::string kind(rules::name_of(fact.kind));
  if (fact.fixed) kind += ", does not change";
  out += "    " + style.faint(kind + needs_text(fact.needs)) + "\n";
  for (const std::string& line : wrap(fact.text, kBookWidth - 4)) out += "    " + line + "\n";
  for (const rules::Implication& implied : fact.implies) {
    out += fmt::format("    {} implies {} is {}\n", implied.value, implied.fact,
                       join(implied.values, " or "));
  }
  if (!fact.source.empty()) out += "    " + style.faint(fact.source) + "\n";
}

void add_action(const rules::ActionEntry& action, const Style& style, std::string& out) {
  std::vector<std::string> arguments;
  for (const rules::ArgDef& argument : action.args) {
    arguments.push_back(argument.required ? argument.name : "[" + argument.name + "]");
  }
  out += style.strong(action.name);
  if (!arguments.empty()) out += " (" + join(arguments, ", ") + ")";
  out += "\n";
  for (const std::string& line : wrap(action.text, kBookWidth - 4)) out += "    " + line + "\n";
  if (!action.gives.empty()) out += "    gives " + join(action.gives, ", ") + "\n";
  if (!action.writes.empty()) out += "    " + style.faint("writes " + action.writes) + "\n";
  if (action.needs_registers) {
    out += "    " + style.faint("needs the guest's registers: not for SEV-ES guests") + "\n";
  }
}

}  // namespace

std::string print_rows(const rules::Model& model, const Style& style) {
  std::string out = style.strong(std::string(rules::name_of(model.kind)) + " " + model.name) + "\n";
  if (model.layers.size() > 1) out += "made of " + join(model.layers, ", then ") + "\n";
  if (const std::string settings = settings_text(model); !settings.empty()) {
    out += "\n" + style.strong("Settings") + "\n" + settings;
  }
  RowPrinter printer(style, out);
  for (const rules::Procedure& procedure : model.procedures) {
    out += "\n" + style.strong("procedure " + procedure.name.text) + ": every row in order\n";
    if (!procedure.locals.empty()) {
      out += "  locals " + join(texts_of(procedure.locals), ", ") + "\n";
    }
    for (const Row& row : procedure.rows) printer.print(row, false, 2);
  }
  for (const rules::Stage& stage : model.stages) {
    out += "\n" + style.strong("stage " + stage.name.text) + ": the first row that holds\n";
    for (const Row& row : stage.rows) printer.print(row, true, 2);
  }
  return out;
}

std::string print_facts(const rules::Catalogue& catalogue, const Style& style) {
  std::string out = style.strong("Facts") + "\n\n";
  for (const rules::FactEntry& fact : catalogue.facts) add_fact(fact, style, out);
  out += "\n" + style.strong("Actions") + "\n\n";
  for (const rules::ActionEntry& action : catalogue.actions) add_action(action, style, out);
  return out;
}

}  // namespace nptsim::report
