// Events as JSON lines, and what a golden file keeps of them.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "sim/report/events_json.h"
#include "sim/report/milestones.h"
#include "tests/report/sample_events.h"
#include "tests/report/samples.h"

namespace nptsim::report {
namespace {

using machine::EventFields;
using machine::Hex;

TEST_CASE("the first line says what follows") {
  CHECK(events_header("0123456789abcdef") ==
        "{\"nptsim\":1,\"events\":1,\"scenario\":\"0123456789abcdef\"}\n");
}

TEST_CASE("every event has the same six fields, then its own") {
  CHECK(event_line(npf_event(2)) ==
        R"~({"n":2,"by":"vcpu0","layer":"cpu","kind":"npf","rule":"npf.exit","cause":1,)~"
        R"~("gpa":"0xffc00000","error":["present","write","user","final"],)~"
        R"~("exit_info_1":"0x100000007","exit_info_2":"0xffc00000","registers_visible":false,)~"
        R"~("sentence":"A #NPF with RSV=0 exits to the host.","source":"APM vol. 2, 15.25.6"})~"
        "\n");
}

TEST_CASE("what has no cause says so; words and addresses are strings, counts are numbers") {
  machine::Event event;
  event.n = 7;
  event.by = "script";
  event.layer = machine::Layer::kVmm;
  event.kind = "text";
  event.fields = {{"text", std::string("flash.mode romd-on")},
                  {"word", Hex{0xffffffffffffffff}},
                  {"count", std::uint64_t{18446744073709551615u}},
                  {"records", std::vector<EventFields>{{{"level", std::uint64_t{1}}}}}};
  CHECK(event_line(event) ==
        R"~({"n":7,"by":"script","layer":"vmm","kind":"text","rule":"","cause":null,)~"
        R"~("text":"flash.mode romd-on","word":"0xffffffffffffffff",)~"
        R"~("count":18446744073709551615,"records":[{"level":1}]})~"
        "\n");
}

TEST_CASE("a field of an event never hides one that all events have") {
  machine::Event event;
  event.kind = "odd";
  event.fields = {{"kind", std::string("mine")}};
  const auto json = nlohmann::json::parse(event_line(event));
  CHECK(json["kind"] == "odd");
  CHECK(json["kind_"] == "mine");
}

TEST_CASE("the last events say how it ended") {
  const auto events = closing_events(*passed_result().run, 40);
  REQUIRE(events.size() == 2);
  CHECK(event_line(events[0]) ==
        R"~({"n":40,"by":"vcpu0","layer":"monitor","kind":"outcome","rule":"","cause":null,)~"
        R"~("outcome":"spins","spin":"fault","at":"mov byte ptr [rbx], 0x40"})~"
        "\n");
  CHECK(events[1].by == "vm");
}

TEST_CASE("milestones: decisions and exits, without addresses") {
  CHECK(milestone_of(npf_event(2)) == "vcpu0 cpu npf npf.exit present write user final");
  CHECK(milestone_of(decision_event(3)) == "vcpu0 kernel decide error_pfn.ro-fault -> emulate");
  CHECK(milestone_of(walk_event(1)) == "");
}

TEST_CASE("milestones: each once, so that rounds of a spin do not count") {
  Milestones once, often;
  once.take(npf_event(1));
  once.take(decision_event(2));
  for (unsigned round = 0; round < 5; ++round) {
    often.take(npf_event(2 * round));
    often.take(decision_event(2 * round + 1));
  }
  const auto lines = once.take_lines();
  CHECK(lines.size() == 2);
  CHECK(lines == often.take_lines());
  CHECK(digest_of(lines) == "faa6641f9cbf68f0");
  CHECK(digest_of({}) == "cbf29ce484222325");
}

}  // namespace
}  // namespace nptsim::report
