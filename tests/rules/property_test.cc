// Random tables against a naive reading of them, and random damage to a file.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "sim/rules/graph.h"
#include "tests/rules/toy.h"

namespace nptsim::rules {
namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  unsigned below(unsigned limit) {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<unsigned>((state_ >> 33) % limit);
  }

 private:
  std::uint64_t state_;
};

// --- tables ---

constexpr unsigned kFacts = 5;
constexpr unsigned kSizes[kFacts] = {2, 3, 2, 4, 3};

struct Situation : Context {
  Situation() : Context(false) {}
  unsigned values[kFacts] = {};
};

template <unsigned number>
unsigned value_of(const Situation& situation) {
  return situation.values[number];
}

std::string name(unsigned fact) { return "f" + std::to_string(fact); }
std::string value(unsigned v) { return "v" + std::to_string(v); }

template <unsigned number>
void add_facts(Vocabulary& vocabulary) {
  FactDef def;
  def.name = name(number);
  for (unsigned v = 0; v < kSizes[number]; ++v) def.values.push_back(value(v));
  def.compute = fact_of<Situation, value_of<number>>;
  // One implication, so that some situations cannot be: f1 == v2 means f0 == v1.
  if (number == 1) def.implies = {{"v2", "f0", {"v1"}}};
  vocabulary.add(std::move(def));
  if constexpr (number + 1 < kFacts) add_facts<number + 1>(vocabulary);
}

const Vocabulary& vocabulary() {
  static const Vocabulary instance = [] {
    Vocabulary v;
    add_facts<0>(v);
    return v;
  }();
  return instance;
}

bool possible(const Situation& s) { return s.values[1] != 2 || s.values[0] == 1; }

// Calls visit for every combination of values.
template <class Visit>
void for_each_situation(Visit&& visit) {
  Situation s;
  for (s.values[0] = 0; s.values[0] < kSizes[0]; ++s.values[0])
    for (s.values[1] = 0; s.values[1] < kSizes[1]; ++s.values[1])
      for (s.values[2] = 0; s.values[2] < kSizes[2]; ++s.values[2])
        for (s.values[3] = 0; s.values[3] < kSizes[3]; ++s.values[3])
          for (s.values[4] = 0; s.values[4] < kSizes[4]; ++s.values[4])
            if (possible(s)) visit(s);
}

Model random_model(Random& random) {
  Model model;
  model.name = "random";
  Stage stage;
  stage.name.text = "s";
  const unsigned rows = 1 + random.below(9);
  for (unsigned i = 0; i < rows; ++i) {
    Row row;
    row.id.text = "row" + std::to_string(i);
    row.source.text = "chance";
    row.evidence = Evidence::kInferred;
    row.answer = AnswerUse{{"a" + std::to_string(i % 3), {}}, {}};
    for (unsigned f = 0; f < kFacts; ++f) {
      if (random.below(3) != 0) continue;
      Condition condition;
      condition.fact.text = name(f);
      condition.inverted = random.below(4) == 0;
      for (unsigned v = 0; v < kSizes[f]; ++v) {
        if (random.below(2) == 0) condition.values.push_back({value(v), {}});
      }
      if (!condition.values.empty()) row.when.push_back(condition);
    }
    stage.rows.push_back(row);
  }
  if (random.below(2) == 0) stage.rows.back().when.clear();
  model.stages.push_back(stage);
  Procedure procedure;
  procedure.name.text = "p";
  Row decide;
  decide.id.text = "p.1";
  decide.source.text = "chance";
  decide.evidence = Evidence::kInferred;
  decide.go = Go::kDecide;
  decide.target.text = "s";
  procedure.rows.push_back(decide);
  model.procedures.push_back(procedure);
  return model;
}

// The table as a person reads it: from the top, the first row whose conditions all hold.
bool row_holds(const Row& row, const Situation& s) {
  for (const Condition& condition : row.when) {
    const unsigned fact = static_cast<unsigned>(condition.fact.text[1] - '0');
    bool among = false;
    for (const Spelled& one : condition.values) among |= one.text == value(s.values[fact]);
    if (among == condition.inverted) return false;
  }
  return true;
}

std::optional<std::string> first_row(const Model& model, const Situation& s) {
  for (const Row& row : model.stages[0].rows) {
    if (row_holds(row, s)) return row.id.text;
  }
  return std::nullopt;
}

TEST_CASE("compiled tables agree with a naive reading, and so do the refusals") {
  unsigned accepted = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    Random random(seed);
    const Model model = random_model(random);
    bool total = true;
    std::vector<bool> reached(model.stages[0].rows.size(), false);
    for_each_situation([&](const Situation& s) {
      const auto row = first_row(model, s);
      total &= row.has_value();
      if (row) reached[static_cast<unsigned>((*row)[3] - '0')] = true;
    });
    const bool all_reached = std::find(reached.begin(), reached.end(), false) == reached.end();
    const auto checked = check(model, vocabulary());
    INFO("seed " << seed << ": " << toy::refusal(checked));
    REQUIRE(checked.ok() == (total && all_reached));
    if (!checked.ok()) continue;
    ++accepted;
    WordTable words;
    const auto program = compile(checked.value(), {}, words);
    REQUIRE(program.ok());
    for_each_situation([&](const Situation& s) {
      const Verdict verdict = decide(program.value(), 0, nullptr, s);
      REQUIRE(program.value().rows()[verdict.row].id == *first_row(model, s));
      const std::uint64_t bits = situation_bits(program.value(), 0, nullptr, s);
      REQUIRE(decide_known(program.value(), 0, bits) == verdict.row);
    });
  }
  CHECK(accepted > 100);
}

// --- damage ---

const char* const kVictim = R"(
title: A victim
exports: [npf]
params: { caching: { default: on }, order: { default: 2, range: 0..9 } }
capabilities: { readonly_mem: { default: yes, es: no, snp: no } }
stages:
  fault:
    - { id: fault.rw, when: { slot: rw }, do: map_page, then: fixed, E }
    - { id: fault.ro, when: { slot: { not: none }, readonly_mem: yes }, then: emulate, E }
    - { id: fault.ro-error, when: { slot: readonly }, then: { error: EFAULT, info: none }, E }
    - { id: fault.none, do: [ { paint: { colour: red } }, { say: 4 } ], then: emulate, E }
  gate:
    - { id: gate.plain, when: { guest: plain }, then: go, E }
    - { id: gate.sealed, then: retry, E }
procedures:
  npf:
    locals: [a, b]
    rows:
      - { id: npf.fault, decide: fault, E }
      - { id: npf.emulate, when: { fault: emulate }, call: emulate_it, with: { x: a }, E }
      - { id: npf.error, when: { result: error }, return: result, E }
      - { id: npf.each, each: { between: { from: 1, to: b } }, step: new, source: toy, evidence: code, rows: [ { id: npf.say, do: { say: cursor }, E } ] }
      - { id: npf.wait, wait: { lock: free }, do: take_lock, step: new, E }
  emulate_it:
    locals: [x]
    takes: [fault]
    rows:
      - { id: emulate.gate, decide: gate, E }
      - { id: emulate.retry, when: { gate: retry }, return: retry, E }
      - { id: emulate.do, do: emulate, E }
      - { id: emulate.again, repeat: { while: { emulation: mmio } }, step: new, source: toy, evidence: code, rows: [ { id: emulate.more, do: emulate, E } ] }
      - { id: emulate.done, return: emulated, E }
)";

// Words to put in the place of others: each is right somewhere.
const char* const kWords[] = {
    "fault",  "gate",   "result",  "error", "npf",    "emulate_it", "emulate", "slot",  "rw",
    "guest",  "cursor", "a",       "x",     "retry",  "mmio",       "not",     "yes",   "new",
    "{",      "}",      "[",       "]",     "id",     "when",       "then",    "do",    "call",
    "return", "decide", "each",    "rows",  "step",   "wait",       "repeat",  "while", "with",
    "takes",  "locals", "replace", "stage", "remove", "0..9"};

std::string damaged(std::string text, Random& random) {
  const unsigned wounds = 1 + random.below(3);
  for (unsigned i = 0; i < wounds && text.size() > 10; ++i) {
    const std::size_t at = random.below(static_cast<unsigned>(text.size()));
    const auto word_end = [&](std::size_t from) {
      while (from < text.size() && (std::isalnum(static_cast<unsigned char>(text[from])) ||
                                    text[from] == '_' || text[from] == '.')) {
        ++from;
      }
      return from;
    };
    switch (random.below(5)) {
      case 0:  // a character
        text[at] = static_cast<char>(' ' + random.below(95));
        break;
      case 1:  // a piece is lost
        text.erase(at, random.below(20));
        break;
      case 2: {  // a word instead of another
        const std::size_t end = word_end(at);
        text.replace(at, end - at, kWords[random.below(std::size(kWords))]);
        break;
      }
      case 3: {  // a line twice
        const std::size_t from = text.rfind('\n', at);
        const std::size_t to = text.find('\n', at);
        if (from != std::string::npos && to != std::string::npos) {
          text.insert(to, text.substr(from, to - from));
        }
        break;
      }
      default: {  // a line less
        const std::size_t from = text.rfind('\n', at);
        const std::size_t to = text.find('\n', at);
        if (from != std::string::npos && to != std::string::npos) text.erase(from, to - from);
      }
    }
  }
  return text;
}

// Runs every procedure for a while in some worlds; calls and answers as they come.
void exercise(const Program& program) {
  for (unsigned guest = 0; guest < 3; ++guest) {
    for (unsigned slot = 0; slot < 3; ++slot) {
      toy::World world;
      world.guest = guest;
      world.slot = slot;
      world.pages = 2;
      toy::View view(world);
      for (ProcedureId p = 0; p < program.procedure_count(); ++p) {
        // Only what may be entered from outside has all that it takes.
        if (program.procedure_name(p) != "npf") continue;
        std::vector<FrameWords> frames = {begin(program, p)};
        for (unsigned steps = 0; steps < 100 && !frames.empty() && frames.size() < 20; ++steps) {
          const RunResult stop = run(program, frames.back(), view);
          if (stop.stop == Stop::kCall) {
            frames.push_back(begin_call(program, frames.back(), program, stop.target));
          } else if (stop.stop == Stop::kReturn) {
            frames.pop_back();
            if (!frames.empty()) take_answer(program, frames.back(), stop.answer);
          } else if (stop.stop != Stop::kStepEnd) {
            break;
          }
        }
      }
    }
  }
}

TEST_CASE("no damage to a file brings the loader down, and what still loads still runs") {
  REQUIRE(toy::refusal(toy::checked_of(kVictim)) == "accepted");
  unsigned accepted = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    const std::string text = damaged(kVictim, random);
    const auto checked = toy::checked_of(text);
    if (!checked.ok()) {
      REQUIRE_FALSE(checked.error().empty());
      continue;
    }
    ++accepted;
    INFO("seed " << seed);
    WordTable words;
    const auto program = compile(checked.value(), {}, words);
    REQUIRE(program.ok());
    exercise(program.value());
    CHECK_FALSE(draw(checked.value()).empty());
  }
  CHECK(accepted > 25);
}

}  // namespace
}  // namespace nptsim::rules
