#include "sim/trace/evidence.h"

#include <fmt/format.h>

#include <array>

#include "sim/arch/svm/rules.h"
#include "sim/report/text.h"

namespace nptsim::trace {
namespace {

// Best first: what was recorded outranks what was read, and that what was thought.
constexpr std::array<const char*, 7> kRanks = {"recorded", "spec",     "code", "mailing-list",
                                               "inferred", "recalled", "given"};

const char* in_words_of_rows(svm::Evidence evidence) {
  switch (evidence) {
    case svm::Evidence::kManual:
      return "spec";
    case svm::Evidence::kTested:
    case svm::Evidence::kRecorded:
      return "recorded";
    case svm::Evidence::kStated:
      return "mailing-list";
    case svm::Evidence::kInferred:
      return "inferred";
  }
  return "inferred";
}

std::string joined(const std::set<std::string>& words) {
  return report::join({words.begin(), words.end()}, " ");
}

}  // namespace

void EvidenceTable::add_hardware() {
  for (const svm::Rule& rule : svm::all_rules()) {
    const std::string id(rule.id);
    rows_[{"cpu", id}] = {
        "cpu", "cpu", id, in_words_of_rows(rule.evidence), std::string(rule.source), {}};
  }
}

void EvidenceTable::add_rows(const std::string& layer, const std::string& family,
                             const std::vector<rules::Row>& rows) {
  for (const rules::Row& row : rows) {
    EvidenceRow& known = rows_[{family, row.id.text}];
    known.layer = layer;
    known.family = family;
    known.id = row.id.text;
    known.evidence = rules::name_of(row.evidence);
    known.source = row.source.text;
    add_rows(layer, family, row.rows);
  }
}

void EvidenceTable::add_model(const std::string& layer, const std::string& family,
                              const rules::Model& model) {
  for (const rules::Stage& stage : model.stages) add_rows(layer, family, stage.rows);
  for (const rules::Procedure& procedure : model.procedures)
    add_rows(layer, family, procedure.rows);
}

void EvidenceTable::exercised(const std::string& rule, const std::string& recording) {
  const std::size_t blank = rule.find(' ');
  const std::string layer = rule.substr(0, blank), id = rule.substr(blank + 1);
  bool found = false;
  for (auto& [key, row] : rows_) {
    if (key.second != id || row.layer != layer) continue;
    // What a scenario gives was taken from the recording: it shows nothing.
    if (row.evidence == rules::name_of(rules::Evidence::kGiven)) return;
    row.recordings.insert(recording);
    found = true;
  }
  const auto hardware = rows_.find({"cpu", id});
  if (!found && hardware != rows_.end()) hardware->second.recordings.insert(recording);
}

std::vector<EvidenceRow> EvidenceTable::rows() const {
  std::vector<EvidenceRow> rows;
  for (const auto& [key, row] : rows_) rows.push_back(row);
  return rows;
}

std::string evidence_text(const std::vector<EvidenceRow>& rows) {
  std::map<std::string, std::map<std::string, std::size_t>> counts;
  std::vector<std::vector<std::string>> lines = {{"rule", "of", "known by", "seen in", "source"}};
  for (const EvidenceRow& row : rows) {
    ++counts[row.family][row.evidence];
    if (!row.recordings.empty()) ++counts[row.family]["seen"];
    lines.push_back({row.id, row.family, row.evidence, joined(row.recordings), row.source});
  }
  std::vector<std::vector<std::string>> summary = {{"rules of"}};
  for (const char* rank : kRanks) summary[0].emplace_back(rank);
  summary[0].emplace_back("seen in recordings");
  for (auto& [family, count] : counts) {
    summary.push_back({family});
    for (const char* rank : kRanks) summary.back().push_back(fmt::format("{}", count[rank]));
    summary.back().push_back(fmt::format("{}", count["seen"]));
  }
  std::string out;
  for (const std::string& line : report::table(lines)) out += line + "\n";
  out += "\n";
  for (const std::string& line : report::table(summary)) out += line + "\n";
  return out;
}

std::string evidence_page(const std::vector<EvidenceRow>& rows) {
  std::string out = "| rule | of | known by | seen in |\n|---|---|---|---|\n";
  for (const EvidenceRow& row : rows) {
    if (row.recordings.empty()) continue;
    out += fmt::format("| `{}` | {} | {} | {} |\n", row.id, row.family, row.evidence,
                       joined(row.recordings));
  }
  return out;
}

report::Json evidence_json(const std::vector<EvidenceRow>& rows) {
  report::Json list = report::Json::array();
  for (const EvidenceRow& row : rows) {
    report::Json one;
    one["rule"] = row.id;
    one["of"] = row.family;
    one["evidence"] = row.evidence;
    one["source"] = row.source;
    one["recordings"] = row.recordings;
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace nptsim::trace
