// Models side by side: where two runs part, what a table says, and how wide a mail is.
#include "sim/report/diff.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sim/report/diff_text.h"
#include "sim/report/parting.h"
#include "sim/report/text.h"
#include "tests/report/result_shape.h"
#include "tests/report/sample_events.h"
#include "tests/report/samples.h"

namespace nptsim::report {
namespace {

using machine::Event;
using machine::Layer;

Event decision(std::uint64_t n, const std::string& row, const std::string& then,
               const std::string& facts = "") {
  return make_event(
      n, std::nullopt, Layer::kKernel, "decide", row,
      {{"stage", std::string("error_pfn")}, {"row", row}, {"then", then}, {"facts", facts}});
}

RuleBook book() {
  RuleBook rules;
  rules.add(Layer::kKernel, "error_pfn.ro-fault", {"mmu.c kvm_handle_error_pfn", "code", "Old."});
  rules.add(Layer::kKernel, "error_pfn.ro-no-mmio", {"a mail", "mailing-list", "New."});
  return rules;
}

TEST_CASE("runs part at the first event that differs, with the row of each side") {
  const std::vector<Event> before = {fetch_event(1), decision(2, "fast.slow", "go-on"),
                                     decision(3, "error_pfn.ro-fault", "emulate")};
  const std::vector<Event> after = {fetch_event(1, 0x555), decision(9, "fast.slow", "go-on", "x=y"),
                                    decision(10, "error_pfn.ro-no-mmio", "error")};
  const auto parting = part(before, book(), after, book());
  REQUIRE(parting.has_value());
  CHECK(parting->before.event == "vcpu0 kernel: decides error_pfn: emulate");
  CHECK(parting->before.rule == "error_pfn.ro-fault");
  CHECK(parting->before.source == "mmu.c kvm_handle_error_pfn");
  CHECK(parting->after.rule == "error_pfn.ro-no-mmio");
  CHECK(parting->after.evidence == "mailing-list");
}

TEST_CASE("numbers, consulted facts and a kernel's trace are no difference") {
  const std::vector<Event> before = {decision(1, "fast.slow", "go-on", "a"),
                                     make_event(2, {}, Layer::kKernel, "trace", "", {})};
  const std::vector<Event> after = {decision(5, "fast.slow", "go-on", "b")};
  CHECK_FALSE(part(before, book(), after, book()).has_value());
}

TEST_CASE("a run that ends sooner parts where it ends") {
  const std::vector<Event> before = {decision(1, "fast.slow", "go-on"),
                                     decision(2, "error_pfn.ro-fault", "emulate")};
  const std::vector<Event> after = {decision(1, "fast.slow", "go-on")};
  const auto parting = part(before, book(), after, book());
  REQUIRE(parting.has_value());
  CHECK(parting->after.event == "");
  CHECK(parting->after.rule == "fast.slow");  // the last thing that was decided
}

DiffCell cell_of(PointResult result) {
  DiffCell cell;
  cell.result = std::move(result);
  return cell;
}

PointResult killed() {
  PointResult result = passed_result();
  machine::Outcome outcome(machine::OutcomeKind::kVmKilled, "error: kvm run failed Bad address");
  outcome.who = "qemu";
  result.run->vm = outcome;
  result.run->vcpus = {outcome};
  return result;
}

DiffReport sample() {
  DiffReport report;
  report.models = {{"kvm-7.0+qemu-10.2", {}},
                   {"readonly-no-mmio", {{"readonly-no-mmio", "Slots that error out.", "a mail"}}}};
  DiffRow changed{"scenarios/pflash/a-scenario-with-a-rather-long-name.yaml",
                  "A write in romd mode that has a name which does not fit into one line of a mail",
                  {{"vm", "sev-es"}, {"kernel.some_parameter_with_a_long_name", "value"}},
                  {cell_of(passed_result()), cell_of(killed())}};
  changed.cells[1].parting =
      Parting{{"vcpu0 kernel: decides error_pfn: emulate", "error_pfn.ro-fault", "kernel", "",
               "Linux arch/x86/kvm/mmu/mmu.c", "code"},
              {"vcpu0 kernel: decides error_pfn: error", "error_pfn.ro-no-mmio", "kernel", "",
               "a mail", "mailing-list"}};
  DiffRow same{"b.yaml", "Another", {}, {cell_of(passed_result()), cell_of(passed_result())}};
  DiffRow invalid{"c.yaml", "A third", {}, {cell_of(passed_result()), {}}};
  invalid.cells[1].invalid = "unknown param 'x'";
  report.rows = {changed, same, invalid};
  report.not_applicable = {{"d.yaml", "A fourth", {}, "it has another VMM"}};
  return report;
}

TEST_CASE("what changed, what did not, and what was not run are counted apart") {
  const DiffSummary sum = summarize(sample());
  CHECK(sum.changed == 1);
  CHECK(sum.same == 1);
  CHECK(sum.invalid == 1);
  CHECK(sum.errors == 0);
}

TEST_CASE("a harm, a value or a text alone is a change") {
  DiffReport report = sample();
  DiffRow& same = report.rows[1];
  CHECK_FALSE(same.changed());
  same.cells[1].result->run->harm = {"rom-modified"};
  CHECK(same.changed());
  same.cells[1] = same.cells[0];
  same.cells[1].result->run->vcpus[0].registers.gpr[isa::kRax] = 5;
  CHECK(same.changed());
  // The table tells them apart although both spin.
  const auto groups = changed_groups(report);
  REQUIRE(groups.size() == 2);
  CHECK(groups[1].cells[0] != groups[1].cells[1]);
  CHECK(groups[1].cells[1].find("rax=0x5") != std::string::npos);
}

TEST_CASE("points that change alike are one line") {
  DiffReport report = sample();
  report.rows.push_back(report.rows[0]);
  const auto groups = changed_groups(report);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].points().starts_with("2 points, the first vm=sev-es"));
}

TEST_CASE("a mail has less than 76 columns, whatever the names are") {
  DiffReport report = sample();
  for (int models = 2; models < 6; ++models) {
    const std::string mail = print_diff_mail(report);
    for (const std::string& line : split_lines(mail)) {
      CAPTURE(line);
      CHECK(width_of(line) < 76);
    }
    CHECK(mail.find("error_pfn.ro-no-mmio") != std::string::npos);
    report.models.push_back({"another-model-with-a-long-name-" + std::to_string(models), {}});
    for (DiffRow& row : report.rows) row.cells.push_back(row.cells.back());
  }
}

TEST_CASE("JSON has every point; HTML escapes what it is given") {
  DiffReport report = sample();
  const AnyJson json = AnyJson::parse(print_diff_json(report));
  CHECK(json["verb"] == "diff");
  CHECK(json["results"].size() == 3);
  CHECK(json["results"][0]["status"] == "changed");
  CHECK(json["results"][0]["models"][1]["parting"]["after"]["rule"] == "error_pfn.ro-no-mmio");
  CHECK(json["results"][2]["models"][1]["invalid"] == "unknown param 'x'");
  CHECK(json["summary"]["failed"] == 1);
  report.rows[0].name = "<script>";
  const std::string html = print_diff_html(report);
  CHECK(html.find("<script>") == std::string::npos);
  CHECK(html.find("&lt;script&gt;") != std::string::npos);
}

}  // namespace
}  // namespace nptsim::report
