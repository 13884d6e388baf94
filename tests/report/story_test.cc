// A run told as a story.
#include "sim/report/story.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "sim/report/entry_text.h"
#include "sim/report/folding.h"
#include "sim/report/grouping.h"
#include "tests/report/sample_events.h"
#include "tests/report/samples.h"

namespace nptsim::report {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t times = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++times;
  }
  return times;
}

struct Told {
  PointResult result = passed_result();
  std::vector<machine::Event> events;
  RuleBook book;
  StoryInput input;

  std::string text() {
    input.result = &result;
    input.events = events;
    input.telling.book = &book;
    input.programs["vcpu0"][0x100007] = "mov byte ptr [rbx], 0x40";
    input.layer_names[machine::Layer::kKernel] = "kvm-7.0";
    return tell_story(input);
  }
};

TEST_CASE("one round: instruction, entries, exit, verdict, each with its source") {
  Told told;
  add_round(1, told.events);
  const std::string text = told.text();
  CAPTURE(text);
  const std::string steps =
      text.substr(text.find("1. vcpu0"), text.find("Outcome") - text.find("1. vcpu0"));
  CHECK(steps == R"~(1. vcpu0
   mov byte ptr [rbx], 0x40   at 0x100007
     write 0xffc00000 -> gpa 0xffc00000, shared: nested permission, of the final address  [npt.permission]
       table     entry at                  word        is    bits
       guest 1   gpa 0x2000, spa 0x302000  0xffc00063  leaf  P RW A D, frame 0xffc00000
       nested 1  spa 0x204000              0x400025    leaf  P US A, frame 0x400000
       and 1 nested entry on the way to the guest's tables, which allows it
       rule      The rights of all nested levels are judged as one.
       source    APM vol. 2, 15.25.5
     #NPF exit 0x400, error present write user final  [npf.exit]
       INFO1     0x100000007: P (the nested entry was present), RW (the access was a nested write),
                 US (a user access for the nested tables), final (while translating the final
                 address)
       INFO2     0xffc00000: the guest physical address
       rule      A #NPF with RSV=0 exits to the host.
       source    APM vol. 2, 15.25.6
   kernel kvm-7.0
     decides error_pfn: emulate  [error_pfn.ro-fault]
       because   pfn=ro-fault
       not       error_pfn.hwpoison (pfn=ro-fault)
       source    Linux mmu.c kvm_handle_error_pfn (code)

)~");
}

TEST_CASE("a round that comes again is told once") {
  Told told;
  for (std::uint64_t round = 0; round < 6; ++round) add_round(1 + 4 * round, told.events);
  const std::string text = told.text();
  CAPTURE(text);
  CHECK(count(text, "decides error_pfn") == 1);
  CHECK(has(text, "Step 1 happens 5 more times: steps 2 to 6 are the same."));
  CHECK(has(text, "This repeats for ever: proved, because an equal machine came back."));
  told.input.all = true;
  CHECK(count(told.text(), "decides error_pfn") == 6);
}

TEST_CASE("a round that comes again elsewhere is told with its own words, and no rule twice") {
  Told told;
  add_round(1, told.events);
  told.events.push_back(fetch_event(5, 0x100000));
  add_round(6, told.events);
  const std::string text = told.text();
  const std::string steps = text.substr(0, text.find("Rules used"));
  CAPTURE(text);
  CHECK(count(steps, "write 0xffc00000 -> gpa 0xffc00000") == 2);
  CHECK(count(steps, "INFO1     0x100000007") == 2);
  CHECK(count(steps, "the access was a nested write") == 1);
  CHECK(count(steps, "APM vol. 2, 15.25.5") == 1);
  told.input.all = true;
  const std::string all = told.text();
  CHECK(count(all.substr(0, all.find("Rules used")), "APM vol. 2, 15.25.5") == 2);
}

TEST_CASE("the same decisions of the host again: one line, and what is not a decision") {
  Told told;
  for (std::uint64_t round = 0; round < 2; ++round) {
    const std::uint64_t n = 1 + 20 * round;
    add_round(n, told.events);
    for (std::uint64_t i = 4; i < 9; ++i) told.events.push_back(decision_event(n + i, n + i - 1));
    told.events.push_back(make_event(n + 9, n + 8, machine::Layer::kKernel, "memslot", "",
                                     {{"id", std::uint64_t{round}}}));
    told.events.push_back(fetch_event(n + 10, 0x100000));
    told.events.push_back(fetch_event(n + 11, 0x100000 + round));
  }
  const std::string text = told.text();
  CAPTURE(text);
  CHECK(count(text, "the same decisions as in step 1\n     memslot: id 1") == 1);
  CHECK(has(text, "     memslot: id 0"));
}

TEST_CASE("the rules that were used are listed once, and weak ones are marked") {
  Told told;
  add_round(1, told.events);
  add_round(5, told.events);
  told.book.add(machine::Layer::kCpu, "npf.exit", {"a guess", "inferred", ""});
  const std::string text = told.text();
  CAPTURE(text);
  const std::string rules = text.substr(text.find("Rules used"));
  CHECK(count(rules, "npf.exit") == 1);
  CHECK(has(rules, "  !  cpu     npf.exit            inferred  a guess\n"));
  CHECK(has(rules, "     kernel  error_pfn.ro-fault  code      Linux mmu.c"));
  CHECK(has(rules, "! is inferred from other rules or recalled, not read in a source."));
  CHECK(has(text, "Not modelled\n  - Store buffers"));
}

TEST_CASE("configuration, text and verdict stand around it") {
  Told told;
  told.input.about = "A write to flash.\n\nIt spins.";
  told.input.sources = {"KVM mailing list"};
  told.input.configuration = {{"Machine", {{"cpu", "milan", "flash.yaml:4:3"}}}, {"Empty", {}}};
  const std::string text = told.text();
  CAPTURE(text);
  CHECK(
      text.starts_with("A write spins\nflash.yaml [kernel=kvm-6.8 vcpus=1]\n\n"
                       "  A write to flash.\n\n  It spins.\n\n  Source: KVM mailing list\n\n"
                       "Machine\n  cpu  milan  (flash.yaml:4:3)\n\nWhat happens\n"));
  CHECK(has(text, "Nothing: the machine does not take a step."));
  CHECK(has(text, "  vcpu0 spins (fault) at `mov byte ptr [rbx], 0x40`\n"));
  CHECK(has(text, "  Seen by: kernel\n  Harm: none\n  As expected.\n"));
  told.result = failed_result();
  CHECK(has(told.text(), "expected completes, but it is spins (fault)"));
  CHECK(has(told.text(), "Harm: rom-modified"));
}

TEST_CASE("an event of a kind that nobody knows is still told") {
  Told told;
  told.events = {
      make_event(1, {}, machine::Layer::kVmm, "flash_rom", "",
                 {{"offset", machine::Hex{0x10}}, {"state", std::string("read-array")}})};
  CHECK(has(told.text(), "flash_rom: offset 0x10, state read-array"));
}

TEST_CASE("calls indent what happens in them, and results on their way out are machinery") {
  Told told;
  told.events = {
      make_event(1, {}, machine::Layer::kKernel, "call", "a.call",
                 {{"how", std::string("call")}, {"target", std::string("faultin")}}),
      decision_event(2, 1),
      make_event(3, 2, machine::Layer::kKernel, "return", "a.return",
                 {{"procedure", std::string("faultin")}, {"result", std::string("go-on")}})};
  const std::string text = told.text();
  CAPTURE(text);
  CHECK(has(text, "     calls faultin  [a.call]\n       decides error_pfn: emulate"));
  CHECK_FALSE(has(text, "returns go-on"));
  told.input.all = true;
  CHECK(has(told.text(), "\n     returns go-on from faultin  [a.return]\n"));
}

TEST_CASE("steps: what the guest does without leaving; an exit, and what the host makes of it") {
  std::vector<machine::Event> events;
  events.push_back(fetch_event(1, 0x100000));  // retires
  add_round(2, events);
  add_round(6, events);
  events.push_back(decision_event(10));
  events.back().by = "vmm";
  const auto steps = group_events(events);
  REQUIRE(steps.size() == 4);
  CHECK(steps[0].sections.size() == 1);
  CHECK(steps[1].sections.size() == 2);
  CHECK(signature_of(events, steps[1]) == signature_of(events, steps[2]));
  CHECK(steps[3].by == "vmm");
}

TEST_CASE("repeats: the shortest period, the rest as it is") {
  CHECK(fold_repeats({"a", "b", "b", "b", "c"}) ==
        std::vector<Fold>{{0, 1, 1}, {1, 1, 3}, {4, 1, 1}});
  CHECK(fold_repeats({"x", "a", "b", "a", "b", "a"}) ==
        std::vector<Fold>{{0, 1, 1}, {1, 2, 2}, {5, 1, 1}});
  CHECK(fold_repeats({}).empty());
}

TEST_CASE("entries in words") {
  CHECK(entry_bits(0, 1, {}) == "P=0");
  CHECK(entry_bits(0xfff8000000000004, 1, {}) == "P=0");
  CHECK(entry_bits(0x8000000123456067, 1, {}) == "P RW US A D NX, frame 0x123456000");
  CHECK(entry_bits(0x80000000000e3, 2, 51) == "P RW A D PS C, frame 0x0");
  CHECK(entry_bits(0x80000000000e3, 2, {}) == "P RW A D PS, frame 0x8000000000000");
  CHECK(entry_bits(0x0400000000000e01, 1, {}) == "P, frame 0x0, software bits 58, 11:9");
  CHECK(bit_list(0xf000000000080) == "51:48, 7");
}

}  // namespace
}  // namespace nptsim::report
