// A recorded case of KVM's memory slots: a fresh VM and what was done to it, step by step.
#ifndef NPTSIM_TESTS_ORACLE_KVM_CASE_H_
#define NPTSIM_TESTS_ORACLE_KVM_CASE_H_

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/isa/registers.h"
#include "sim/yaml/node.h"

namespace nptsim::oracle::kvm {

using Bytes = std::vector<std::uint8_t>;

// A step has not what its operation needs. Nothing but the replay of that case ends.
class BadStep : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Decimal, or hexadecimal with 0x; `what` names it if it is none.
std::uint64_t to_number(const std::string& text, std::string_view what);

// The fields of one step, typed as they are asked for.
class Step {
 public:
  explicit Step(yaml::Node node) : node_(std::move(node)) {}

  std::string op() const { return text("op"); }
  int line() const { return static_cast<int>(node_.pos.line); }
  std::vector<std::string> keys() const;
  bool has(std::string_view key) const { return node_.find(key) != nullptr; }
  std::string text(std::string_view key) const;
  std::uint64_t number(std::string_view key) const;
  std::uint64_t number_or(std::string_view key, std::uint64_t otherwise) const;
  std::int64_t signed_number(std::string_view key) const;
  Bytes bytes(std::string_view key) const;  // "0a0b"
  std::vector<std::string> texts(std::string_view key) const;
  std::vector<Step> items(std::string_view key) const;

 private:
  const yaml::Node& at(std::string_view key) const;
  yaml::Node node_;
};

struct Case {
  std::string id, group;
  isa::Mode mode = isa::Mode::k64;
  std::vector<Step> steps;
};

struct CaseFile {
  std::string path;
  std::vector<Case> cases;
};

// Plain or gzip. What is no list of cases is a diagnostic.
Result<CaseFile, Diagnostics> parse_cases(const std::string& path, const std::string& text);
Result<CaseFile, Diagnostics> read_cases(const std::string& path);

}  // namespace nptsim::oracle::kvm

#endif  // NPTSIM_TESTS_ORACLE_KVM_CASE_H_
