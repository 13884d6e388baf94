// Every recording of the project: beside its scenario it agrees, or the page on evidence says why
// not.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "models/library.h"
#include "sim/cli/evidence_table.h"
#include "sim/cli/trace_check.h"
#include "sim/trace/recording.h"

namespace nptsim::cli {
namespace {

namespace fs = std::filesystem;
using trace::Agreement;

constexpr std::uint64_t kSteps = 1'000'000;

std::vector<std::string> recordings() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator("traces")) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".yaml") && name != "trace-format.yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string page() {
  std::ifstream file("docs/evidence.md");
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// What the page says of a recording: "| T04 | agrees | ...".
std::string said_of(const std::string& text, const std::string& id) {
  const std::string begin = "\n| " + id + " | ";
  const std::size_t at = text.find(begin);
  if (at == std::string::npos) return "";
  const std::size_t from = at + begin.size();
  return text.substr(from, text.find(" |", from) - from);
}

std::string difference(const TraceCheck& check) { return trace::verdict_text(check.trace); }

TEST_CASE("each agrees, parts or is not modelled, as docs/evidence.md says") {
  models::Library library(".");
  const std::string text = page();
  REQUIRE(!recordings().empty());
  for (const std::string& file : recordings()) {
    CAPTURE(file);
    const auto recording = trace::load_recording(file);
    REQUIRE(recording.ok());
    const auto check = check_trace(file, "", library, kSteps);
    REQUIRE_MESSAGE(check.ok(), (check.ok() ? "" : to_string(check.error()[0])));
    const Agreement agreement = trace::agreement_of(check.value().trace);
    CHECK_MESSAGE(said_of(text, recording.value().id) == trace::name_of(agreement),
                  difference(check.value()));
    // Whoever can be modelled has a scenario that somebody wrote for it, or that was run for real.
    if (agreement != Agreement::kNotModelled) {
      const bool was_run = recording.value().scenario.has_value();
      CHECK(was_run != !scenario_beside(file, ".").empty());
    }
  }
}

// The rows of a table of the page, behind its heading.
std::set<std::string> rows_below(const std::string& text, const std::string& heading) {
  std::set<std::string> rows;
  const std::size_t at = text.find(heading);
  REQUIRE(at != std::string::npos);
  std::istringstream lines(text.substr(at));
  std::string line;
  while (std::getline(lines, line) && line.starts_with("|")) rows.insert(line);
  return rows;
}

TEST_CASE("what docs/evidence.md says of rules is what recordings show, no more and no less") {
  models::Library library(".");
  Diagnostics trouble;
  const auto rows = evidence_table(library, kSteps, trouble).rows();
  REQUIRE(trouble.empty());
  const std::string heading = "| rule | of | known by | seen in |";
  const std::set<std::string> said = rows_below(page(), heading);
  const std::set<std::string> shown = rows_below(trace::evidence_page(rows), heading);
  for (const std::string& row : shown) CHECK_MESSAGE(said.contains(row), ("missing: " + row));
  for (const std::string& row : said) CHECK_MESSAGE(shown.contains(row), ("stale: " + row));
}

TEST_CASE("docs/evidence.md speaks of the recordings that there are, each once") {
  std::multiset<std::string> said, there;
  for (const std::string& row : rows_below(page(), "| recording | verdict | remarks |")) {
    if (row.starts_with("| T")) said.insert(row.substr(2, row.find(' ', 2) - 2));
  }
  for (const std::string& file : recordings()) {
    const auto recording = trace::load_recording(file);
    REQUIRE(recording.ok());
    there.insert(recording.value().id);
  }
  CHECK((said == there));
}

// Recordings that nobody wrote a scenario for are tried with a draft.
TEST_CASE("without a scenario there is a draft or a reason, never nothing" *
          doctest::test_suite("plain")) {
  models::Library library(".");
  std::string enough;
  for (const std::string& file : recordings()) {
    CAPTURE(file);
    const auto drafted = draft_of(file, library);
    REQUIRE(drafted.ok());
    CHECK(drafted.value().text.empty() != drafted.value().why_not.empty());
    if (drafted.value().text.empty()) continue;
    // Under another name no scenario lies beside it.
    const std::string copy = (fs::temp_directory_path() / "nobody-knows.yaml").string();
    fs::copy_file(file, copy, fs::copy_options::overwrite_existing);
    const auto check = check_trace(copy, "", library, kSteps);
    CHECK_MESSAGE(check.ok(),
                  (check.ok() ? "" : to_string(check.error()[0]) + "\n" + drafted.value().text));
    if (!check.ok() || trace::agreement_of(check.value().trace) != Agreement::kAgrees) continue;
    const auto recording = trace::load_recording(file);
    enough += (enough.empty() ? "" : " ") + recording.value().id;
  }
  CHECK(enough == "T01 T15 T20 T23 T24 T26 T31 T36 T38 T40 T42 T52");
}

// What is no guest's access to a page has drafts of its own.
TEST_CASE("a few lines of a host's log are enough for a draft") {
  struct Row {
    const char* what;
    const char* rest;
    Agreement agreement;
  };
  const Row rows[] = {
      {"the VMM writes to a guest's page",
       "vm_type: host\ninitial: { rmp: { assigned: 1, asid: 7, gpa: 0x5000, validated: 1 } }\n"
       "events: [ { event: host_pf, error_code: 0x80000007 } ]\noutcome: { class: host_oops }\n",
       Agreement::kAgrees},
      {"the kernel writes into 2 MByte of a guest's",
       "vm_type: host\ninitial: { rmp: { assigned: 1, asid: 7, gpa: 0x200000, pagesize: 1 } }\n"
       "events: [ { event: host_pf, error_code: 0x80000003 } ]\noutcome: { class: host_oops }\n",
       Agreement::kAgrees},
      {"a page that is the host's own",
       "vm_type: host\ninitial: { rmp: not assigned }\n"
       "events: [ { event: host_pf, error_code: 0x80000003 } ]\noutcome: { class: host_oops }\n",
       Agreement::kNotModelled},
      {"RMPUPDATE of an immutable page",
       "vm_type: host\nevents: [ { event: rmpupdate, level: 1, result: 2 } ]\n",
       Agreement::kAgrees},
      {"RMPUPDATE of 2 MByte with a small page inside",
       "vm_type: host\nevents: [ { event: rmpupdate, level: 2, result: 4 } ]\n",
       Agreement::kAgrees},
      {"an answer that RMPUPDATE does not have",
       "vm_type: host\nevents: [ { event: rmpupdate, level: 1, result: 77 } ]\n",
       Agreement::kNotModelled},
      {"a device's load",
       "vm_type: snp\nevents: [ { event: iommu_rmp_fault, gpa: 0x1238, flags: 0 } ]\n",
       Agreement::kNotModelled},
      {"a guest that asks for its end",
       "vm_type: sev-es\nevents: [ { event: guest_termination, reason_set: 1, reason_code: 4 } ]\n"
       "outcome: { class: guest_terminated }\n",
       Agreement::kAgrees},
      {"VMGEXIT with a page that nobody registered",
       "vm_type: snp\nevents: [ { event: vmgexit, ghcb_gpa: 0x4e14000 }, { event: kvm_run, result: "
       "EINVAL } ]\noutcome: { class: vmm_exit_error }\n",
       Agreement::kAgrees},
  };
  models::Library library(".");
  for (const Row& row : rows) {
    CAPTURE(std::string(row.what));
    const std::string path = (fs::temp_directory_path() / "a-log.yaml").string();
    std::ofstream(path) << "id: R\ntitle: R\nkind: recording\nconfidence: high\n" << row.rest;
    const auto check = check_trace(path, "", library, kSteps);
    REQUIRE_MESSAGE(check.ok(), (check.ok() ? "" : to_string(check.error()[0])));
    CHECK_MESSAGE(trace::agreement_of(check.value().trace) == row.agreement,
                  difference(check.value()));
  }
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// The file with every `from` made `to`, under another name.
std::string changed_copy(const std::string& path, const std::string& from, const std::string& to) {
  std::string text = text_of(path);
  REQUIRE(text.find(from) != std::string::npos);
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  std::string name = path;
  std::replace(name.begin(), name.end(), '/', '-');
  const fs::path copy = fs::temp_directory_path() / ("changed-" + name);
  std::ofstream(copy) << text;
  return copy.string();
}

Agreement agreement(const std::string& trace, const std::string& scenario) {
  models::Library library(".");
  const auto check = check_trace(trace, scenario, library, kSteps);
  REQUIRE_MESSAGE(check.ok(), (check.ok() ? "" : to_string(check.error()[0])));
  return trace::agreement_of(check.value().trace);
}

constexpr char kTrace[] = "traces/T04-svm-fetch-in-missing-slot.yaml";
constexpr char kBeside[] = "scenarios/recorded/T04-svm-fetch-in-missing-slot.yaml";

// A recording that is changed in one digit of what the processor says no longer agrees.
TEST_CASE("another error code is noticed") {
  CHECK(agreement(changed_copy(kTrace, "0x100000014", "0x100000015"), kBeside) ==
        Agreement::kParts);
}

TEST_CASE("another RIP is noticed where the scenario says where its code lies") {
  const std::string trace = changed_copy(kTrace, "rip: 0xfd11d", "rip: 0xfd11e");
  CHECK(agreement(trace, kBeside) == Agreement::kParts);
  CHECK(agreement(trace, changed_copy(kBeside, "place: {", "# place: {")) == Agreement::kAgrees);
}

TEST_CASE("line ends of another system make no difference") {
  CHECK(agreement(changed_copy(kTrace, "\n", "\r\n"), kBeside) == Agreement::kAgrees);
}

// What only a kernel decides is no question where the kernel is given; the processor's part is.
TEST_CASE("a given kernel leaves the processor's part to be compared") {
  const std::string recording = "traces/T28-snp-2m-pvalidate-after-psc.yaml";
  const std::string beside = "scenarios/recorded/T28-snp-2m-pvalidate-after-psc.yaml";
  CHECK(agreement(recording, beside) == Agreement::kAgrees);
  CHECK(agreement(changed_copy(recording, "FAIL_SIZEMISMATCH", "FAIL_INPUT"), beside) ==
        Agreement::kParts);
}

// The trace of T04, as other programs and older kernels would have printed it.
TEST_CASE("one trace in many forms") {
  const std::string old =
      "[004] d..1. 7205.672753: kvm_exit: reason npf rip 0xfd11d info 100000014 fd000\n";
  const std::string fault =
      "[004] ..... 7205.672754: kvm_page_fault: address fd000 error_code 14\n";
  const std::string end =
      "[004] ..... 7205.672758: kvm_userspace_exit: reason KVM_EXIT_INTERNAL_ERROR (17)\n";
  const std::string perf =
      "kvm:kvm_exit: vcpu 1 reason npf rip 0xfd11d info1 0x0000000100000014 info2 "
      "0x00000000000fd000 intr_info 0x00000000 error_code 0x00000000\n";
  const std::vector<std::string> forms = {
      "CPU 1/KVM-8600 " + old + "CPU 1/KVM-8600 " + fault + "CPU 1/KVM-8600 " + end,
      // Nobody says which vCPU: the thread's events are those of the vCPU that has such ones.
      "qemu-system-x86-8600 " + old + "qemu-system-x86-8600 " + fault,
      "##### CPU 4 buffer started ####\nCPU 1/KVM-8600 " + old + "CPU:4 [LOST 12 EVENTS]\n" +
          "CPU 1/KVM-8600 " + end,
      "CPU 1/KVM 8599/8600 [004] 7205.672753: " + perf,
      "CPU 1/KVM-8600 [004] 7205.672753: kvm_exit: reason EXIT_NPF rip 0xfd11d info 100000014 "
      "fd000\n"};
  const fs::path file = fs::temp_directory_path() / "nptsim-forms.txt";
  for (const std::string& form : forms) {
    CAPTURE(form);
    std::ofstream(file) << form;
    CHECK(agreement(file, kBeside) == Agreement::kAgrees);
    std::string other = form;
    other.replace(other.find("rip 0xfd11d"), 11, "rip 0xfd11e");
    std::ofstream(file) << other;
    CHECK(agreement(file, kBeside) == Agreement::kParts);
  }
  fs::remove(file);
}

}  // namespace
}  // namespace nptsim::cli
