// How every rule is known, and which recordings show it at work.
#ifndef NPTSIM_SIM_TRACE_EVIDENCE_H_
#define NPTSIM_SIM_TRACE_EVIDENCE_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/report/json.h"
#include "sim/rules/model.h"

namespace nptsim::trace {

// A rule, once for all versions of its family; of two that differ the newest holds.
struct EvidenceRow {
  std::string layer;   // "cpu", "kernel", "vmm", "guest"
  std::string family;  // "cpu", "kvm", "qemu", ...
  std::string id;
  std::string evidence;  // recorded, spec, code, mailing-list, inferred, recalled, given
  std::string source;
  std::set<std::string> recordings;  // ids of those in which it was seen
};

class EvidenceTable {
 public:
  // The hardware's rules, in the words of rows: AMD's manual is a specification, a test that
  // asserts on real parts a recording, what developers state in public the mailing list.
  void add_hardware();
  // Versions from the oldest to the newest.
  void add_model(const std::string& layer, const std::string& family, const rules::Model& model);
  // A recording showed this rule: "kernel pfn.ok". A rule of nobody's in that layer is the
  // hardware's, whoever made the access.
  void exercised(const std::string& rule, const std::string& recording);

  std::vector<EvidenceRow> rows() const;  // by family, then by id

 private:
  void add_rows(const std::string& layer, const std::string& family,
                const std::vector<rules::Row>& rows);

  std::map<std::pair<std::string, std::string>, EvidenceRow> rows_;
};

// The whole table for people, with a summary by family.
std::string evidence_text(const std::vector<EvidenceRow>& rows);
// Only what recordings show, as a page has it.
std::string evidence_page(const std::vector<EvidenceRow>& rows);
report::Json evidence_json(const std::vector<EvidenceRow>& rows);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_EVIDENCE_H_
