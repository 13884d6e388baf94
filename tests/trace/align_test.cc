#include "sim/trace/align.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/trace/views.h"

namespace nptsim::trace {
namespace {

// Page faults and MMIO lines by address: enough to tell events apart.
class Bench {
 public:
  Bench() : view(view_of("kvm-6.8")) {}
  Seen fault(std::uint64_t gpa) const { return seen("kvm_page_fault", gpa); }
  Seen mmio(std::uint64_t gpa) const { return seen("kvm_fast_mmio", gpa); }
  Seen seen(const char* name, std::uint64_t gpa) const {
    Seen one;
    one.event = *view.find(name);
    one.values[*view.events()[one.event].field("gpa")] = Value::of(gpa);
    return one;
  }
  static Stream stream(const std::vector<Seen>& seen) {
    Stream stream;
    for (const Seen& one : seen) stream.push_back({one, 0, "a.rule", "cpu", {}, true});
    return stream;
  }
  // The number of the event at which they part; 0 if they agree.
  std::uint64_t parts(const std::vector<Seen>& model, const std::vector<Seen>& recorded,
                      bool excerpt = false, std::optional<std::size_t> round = {}) const {
    const Stream expected = stream(model);
    Aligner aligner(view, expected, round, {excerpt, false});
    for (const Seen& one : recorded) aligner.take(one);
    return aligner.parting() ? aligner.parting()->number : 0;
  }
  View view;
};

TEST_CASE("equal streams agree, and a recording may begin late and end early") {
  const Bench b;
  const std::vector<Seen> model = {b.fault(1), b.mmio(1), b.fault(2), b.mmio(2)};
  CHECK(b.parts(model, model) == 0);
  CHECK(b.parts(model, {model[0], model[1]}) == 0);
  CHECK(b.parts(model, {model[2], model[3]}) == 0);
  CHECK(b.parts(model, {}) == 0);
}

TEST_CASE("an event between two of a trace may not be missing; of an excerpt it may") {
  const Bench b;
  const std::vector<Seen> model = {b.fault(1), b.fault(2), b.fault(3)};
  CHECK(b.parts(model, {b.fault(1), b.fault(3)}) == 2);
  CHECK(b.parts(model, {b.fault(1), b.fault(3)}, true) == 0);
}

TEST_CASE("what was not switched on is not missed") {
  const Bench b;
  const std::vector<Seen> model = {b.fault(1), b.mmio(1), b.fault(2), b.mmio(2)};
  CHECK(b.parts(model, {b.fault(1), b.fault(2)}) == 0);
  CHECK(b.parts(model, {b.mmio(1), b.mmio(2)}) == 0);
}

TEST_CASE("after a loss anything may be missing") {
  const Bench b;
  const Stream expected = Bench::stream({b.fault(1), b.fault(2), b.fault(3)});
  Aligner aligner(b.view, expected, {}, {false, false});
  aligner.take(b.fault(1));
  aligner.take(b.fault(3), true);
  CHECK(!aligner.parting());
}

TEST_CASE("what the model has not is where they part, in any kind of recording") {
  const Bench b;
  for (const bool excerpt : {false, true}) {
    CAPTURE(excerpt);
    CHECK(b.parts({b.fault(1)}, {b.fault(2)}, excerpt) == 1);
    CHECK(b.parts({b.fault(1)}, {b.fault(1), b.fault(1)}, excerpt) == 2);
    CHECK(b.parts({b.fault(1), b.fault(2)}, {b.fault(2), b.fault(1)}, excerpt) == 2);
  }
}

// Where it is known what was looked for, what is not there did not happen.
TEST_CASE("of an event that was watched none may be missing, not even the first or the last") {
  const Bench b;
  const std::vector<Seen> model = {b.fault(1), b.mmio(1), b.fault(2)};
  const auto parts = [&](const std::vector<Seen>& recorded, const char* watched) {
    AlignRules rules{false, false, std::vector<bool>(b.view.events().size(), false)};
    rules.watched[*b.view.find(watched)] = true;
    const Stream expected = Bench::stream(model);
    Aligner aligner(b.view, expected, {}, rules);
    for (const Seen& one : recorded) aligner.take(one);
    aligner.finish();
    return aligner.parting() ? aligner.parting()->number : 0;
  };
  CHECK(parts({b.fault(1), b.fault(2)}, "kvm_page_fault") == 0);
  CHECK(parts({b.fault(2)}, "kvm_page_fault") == 1);
  CHECK(parts({b.fault(1)}, "kvm_page_fault") == 2);
  CHECK(parts({}, "kvm_page_fault") == 1);
  CHECK(parts({}, "kvm_fast_mmio") == 1);
  CHECK(parts({b.mmio(1)}, "kvm_fast_mmio") == 0);
}

TEST_CASE("the report names what was expected and in which field it differs") {
  const Bench b;
  const Stream expected = Bench::stream({b.mmio(7), b.fault(1)});
  Aligner aligner(b.view, expected, {}, {true, false});
  aligner.take(b.fault(2));
  REQUIRE(aligner.parting());
  REQUIRE(aligner.parting()->expected);
  CHECK(aligner.parting()->expected->text == "kvm_page_fault gpa 0x1");
  CHECK(aligner.parting()->expected->rule == "a.rule");
  CHECK(aligner.parting()->differs == std::vector<std::string>{"gpa"});
  REQUIRE(aligner.parting()->accepted.size() == 1);
  CHECK(aligner.parting()->accepted[0].text == "kvm_fast_mmio gpa 0x7");
}

TEST_CASE("a spin goes round as often as the recording does") {
  const Bench b;
  const std::vector<Seen> model = {b.fault(9), b.fault(1), b.mmio(1)};
  const std::vector<Seen> recorded = {b.fault(9), b.fault(1), b.mmio(1), b.fault(1),
                                      b.mmio(1),  b.fault(1), b.mmio(1)};
  CHECK(b.parts(model, recorded, false, 1) == 0);
  CHECK(b.parts(model, recorded, true, 1) == 0);
  CHECK(b.parts(model, recorded, false) == 4);
  CHECK(b.parts(model, {b.fault(1), b.mmio(1), b.fault(9)}, false, 1) == 3);
}

TEST_CASE("the round of a stream is the shortest that its end repeats") {
  const Bench b;
  CHECK(round_of(Bench::stream({b.fault(9), b.fault(1), b.fault(1)})) == 2);
  CHECK(round_of(Bench::stream({b.fault(9), b.fault(1), b.mmio(1), b.fault(1), b.mmio(1)})) == 3);
  CHECK(round_of(Bench::stream({b.fault(1), b.fault(2)})) == std::nullopt);
  CHECK(round_of({}) == std::nullopt);
}

TEST_CASE("interrupts of the host, and the entry that follows, are nobody's") {
  const Bench b;
  Seen interrupt;
  interrupt.event = *b.view.find("kvm_exit");
  interrupt.values[*b.view.events()[interrupt.event].field("reason")] =
      Value::of(std::string_view("interrupt"));
  Seen entry;
  entry.event = *b.view.find("kvm_entry");
  const Stream expected = Bench::stream({b.fault(1), entry, b.fault(2)});
  Aligner aligner(b.view, expected, {}, {false, false});
  for (const Seen& one : {b.fault(1), entry, interrupt, entry, b.fault(2)}) aligner.take(one);
  CHECK(!aligner.parting());
  CHECK(aligner.counts().untold == 2);
}

TEST_CASE("old kernels print the lower half of an error code") {
  const View old = view_of("kvm-5.17"), newer = view_of("kvm-6.8");
  const auto agrees = [](const View& view, std::uint64_t recorded) {
    Seen seen;
    seen.event = *view.find("kvm_page_fault");
    const auto field = *view.events()[seen.event].field("error_code");
    seen.values[field] = Value::of(std::uint64_t{0x100000014});
    const Stream expected = Bench::stream({seen});
    seen.values[field] = Value::of(recorded);
    Aligner aligner(view, expected, {}, {true, false});
    aligner.take(seen);
    return !aligner.parting();
  };
  CHECK(agrees(old, 0x14));
  CHECK(!agrees(newer, 0x14));
  CHECK(agrees(newer, 0x100000014));
}

}  // namespace
}  // namespace nptsim::trace
