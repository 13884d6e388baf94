#include "sim/trace/compare_ending.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/hex.h"
#include "sim/isa/registers.h"
#include "sim/trace/outcome_class.h"

namespace nptsim::trace {
namespace {

constexpr std::size_t kMostTold = 8;

// What a recording names; a register that it leaves out was 0.
std::vector<std::pair<std::string, std::uint64_t>> named_registers(const isa::Registers& r) {
  std::vector<std::pair<std::string, std::uint64_t>> named = {
      {"rip", r.rip}, {"rflags", r.rflags}, {"cr2", r.cr2}};
  for (unsigned i = 0; i < isa::kGprCount; ++i) {
    named.emplace_back(std::string(isa::gpr_name(i)), r.gpr[i]);
  }
  return named;
}

std::string number_text(const std::optional<std::uint64_t>& number) {
  return number ? hex(*number) : "none";
}

class Differing {
 public:
  explicit Differing(std::string whose) : whose_(std::move(whose)) {}
  void compare(const std::string& what, const std::optional<std::uint64_t>& recorded,
               const std::optional<std::uint64_t>& model) {
    if (recorded == model) return;
    sentences_.push_back(fmt::format("{} {}: recorded {}, the model {}", whose_, what,
                                     number_text(recorded), number_text(model)));
  }
  void add(std::string sentence) { sentences_.push_back(whose_ + " " + std::move(sentence)); }
  std::vector<std::string> take() { return std::move(sentences_); }

 private:
  std::string whose_;
  std::vector<std::string> sentences_;
};

std::string change_text(const MemoryChange& change) {
  return fmt::format("{}+{:#x} is {:#x}", change.region, change.offset, change.word);
}

// Those of `list` that `other` has not.
void tell_missing(const std::vector<MemoryChange>& list, const std::vector<MemoryChange>& other,
                  const char* whose, std::vector<std::string>& out) {
  for (const MemoryChange& one : list) {
    if (std::find(other.begin(), other.end(), one) != other.end()) continue;
    if (out.size() < kMostTold)
      out.push_back(fmt::format("memory: {} {}", whose, change_text(one)));
  }
}

}  // namespace

std::vector<std::string> differences(const RecordedEnding& recorded,
                                     const machine::RunResult& run) {
  Differing differing(fmt::format("vcpu{}", recorded.vcpu));
  if (recorded.vcpu >= run.vcpus.size()) {
    differing.add("is none of the scenario's");
    return differing.take();
  }
  const machine::Outcome& model = run.vcpus[recorded.vcpu];
  const OutcomeClass* wanted = find_outcome_class(recorded.outcome_class);
  const bool met = wanted == nullptr || std::find(wanted->kinds.begin(), wanted->kinds.end(),
                                                  model.kind) != wanted->kinds.end();
  if (!met) {
    differing.add(fmt::format("ended: recorded {}, the model {}", recorded.outcome_class,
                              machine::name_of(model.kind)));
    return differing.take();  // then its registers are somewhere else, too
  }
  differing.compare("vector", recorded.vector, model.vector);
  differing.compare("error code", recorded.error_code, model.error_code);
  if (recorded.registers.empty()) return differing.take();
  for (const auto& [name, value] : named_registers(model.registers)) {
    const auto found = recorded.registers.find(name);
    differing.compare(name, found == recorded.registers.end() ? 0 : found->second, value);
  }
  return differing.take();
}

std::vector<std::string> differences(const std::vector<MemoryChange>& recorded,
                                     const std::vector<MemoryChange>& model) {
  std::vector<std::string> out;
  tell_missing(recorded, model, "recorded", out);
  tell_missing(model, recorded, "the model's", out);
  return out;
}

}  // namespace nptsim::trace
