// Every recording of the project: beside its scenario it agrees, or the page on evidence says why
// not.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "models/library.h"
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

TEST_CASE("what docs/evidence.md says of rules is what recordings show") {
  models::Library library(".");
  const std::string text = page();
  std::map<std::string, std::string> seen;  // rule: recordings, as the page has them
  for (const std::string& file : recordings()) {
    const auto recording = trace::load_recording(file);
    const auto check = check_trace(file, "", library, kSteps);
    REQUIRE(check.ok());
    if (trace::agreement_of(check.value().trace) != Agreement::kAgrees) continue;
    for (const std::string& rule : check.value().rules) {
      std::string& ids = seen[rule.substr(rule.find(' ') + 1)];
      const std::string& id = recording.value().id;
      if (!ids.ends_with(id)) ids += (ids.empty() ? "" : " ") + id;
    }
  }
  for (const auto& one : seen) {
    const std::string& rule = one.first;
    const std::string& ids = one.second;
    const std::size_t at = text.find("\n| `" + rule + "` |");
    CHECK_MESSAGE(at != std::string::npos, rule);
    if (at == std::string::npos) continue;
    const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    const bool one_family = text.find("\n| `" + rule + "` |", at + 1) == std::string::npos;
    if (one_family) CHECK_MESSAGE(line.ends_with("| " + ids + " |"), (line + " <> " + ids));
  }
}

// Recordings that nobody wrote a scenario for are tried with a draft.
TEST_CASE("without a scenario there is a draft or a reason, never nothing") {
  models::Library library(".");
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
  }
}

// A recording that is changed in one digit of what the processor says no longer agrees.
TEST_CASE("another error code is noticed") {
  models::Library library(".");
  std::ifstream file("traces/T04-svm-fetch-in-missing-slot.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  std::string changed = text.str();
  const std::string code = "0x100000014";
  REQUIRE(changed.find(code) != std::string::npos);
  changed.replace(changed.find(code), code.size(), "0x100000015");
  const std::string copy = (fs::temp_directory_path() / "T04-changed.yaml").string();
  std::ofstream(copy) << changed;
  const auto check =
      check_trace(copy, "scenarios/recorded/T04-svm-fetch-in-missing-slot.yaml", library, kSteps);
  REQUIRE(check.ok());
  CHECK(trace::agreement_of(check.value().trace) == Agreement::kParts);
}

}  // namespace
}  // namespace nptsim::cli
