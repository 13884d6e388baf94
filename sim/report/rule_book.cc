#include "sim/report/rule_book.h"

#include "sim/arch/svm/rules.h"
#include "sim/rules/program.h"

namespace nptsim::report {

using machine::Layer;

RuleBook::RuleBook(const machine::Setup& setup) {
  for (const svm::Rule& rule : svm::all_rules()) {
    add(Layer::kCpu, std::string(rule.id),
        {std::string(rule.source), std::string(svm::name_of(rule.evidence)),
         std::string(rule.sentence)});
  }
  const auto add_program = [this](Layer layer, const rules::Program* program) {
    if (program == nullptr) return;
    for (const rules::RowInfo& row : program->rows()) {
      add(layer, row.id, {row.source, std::string(rules::name_of(row.evidence)), row.text});
    }
  };
  add_program(Layer::kKernel, setup.kernel.get());
  add_program(Layer::kVmm, setup.vmm.get());
  add_program(Layer::kGuest, setup.guest.get());
}

void RuleBook::add(Layer layer, const std::string& id, RuleNote note) {
  notes_[{layer, id}] = std::move(note);
}

const RuleNote* RuleBook::find(Layer layer, const std::string& id) const {
  const auto found = notes_.find({layer, id});
  if (found != notes_.end()) return &found->second;
  // The processor's rules are named by whoever makes an access.
  const auto cpu = notes_.find({Layer::kCpu, id});
  return cpu == notes_.end() ? nullptr : &cpu->second;
}

bool is_weak(const std::string& evidence) {
  return evidence == "inferred" || evidence == "recalled";
}

}  // namespace nptsim::report
