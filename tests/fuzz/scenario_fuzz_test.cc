// Whatever bytes come in, reading YAML and scenarios ends with values or with diagnostics.
//
// As a test: crafted hostile documents and some thousand mutations of good ones, from a fixed seed.
// With -DNPTSIM_LIBFUZZER: a target for libFuzzer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sim/machine/outcome.h"
#include "sim/scenario/canonical.h"
#include "sim/scenario/judge.h"
#include "sim/scenario/load.h"
#include "sim/scenario/matrix.h"
#include "sim/yaml/load.h"

namespace nptsim {
namespace {

constexpr char kName[] = "fuzz.yaml";

// Stops at once, so that a fuzzer keeps the input.
void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

// A diagnostic is one line, about a place that there is.
void check_diagnostics(const Diagnostics& diagnostics, std::string_view text) {
  must(!diagnostics.empty(), "a failure has a reason");
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  for (const Diagnostic& diagnostic : diagnostics) {
    const std::string line = to_string(diagnostic);
    must(!diagnostic.found.empty(), "a diagnostic says what was found");
    must(std::none_of(line.begin(), line.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
         "a diagnostic is one line of text");
    must(line.size() < 4000, "a diagnostic is short");
    must(diagnostic.pos.line >= 0 && (diagnostic.pos.line <= lines || diagnostic.pos.file != kName),
         "a diagnostic's line is in the file");
  }
}

void check_point(const scenario::Scenario& point) {
  must(scenario::scenario_hash(point) == scenario::scenario_hash(point), "a hash is stable");
  machine::RunResult result;
  result.vcpus.resize(point.vm.machine.vcpus.value);
  const scenario::Verdict verdict = scenario::judge_point(point, result);
  must(verdict.status != scenario::Status::kPass || point.xfail.has_value(),
       "a run that was not decided does not pass");
}

void check_scenario(const scenario::Scenario& scenario, std::string_view text) {
  const auto points = scenario::expand(scenario);
  if (!points) return check_diagnostics(points.error(), text);
  must(!points.value().empty(), "a scenario has a point");
  for (const scenario::Point& point : points.value()) check_point(point.scenario);
}

void check_input(std::string_view text) {
  const auto documents = yaml::load_text(text, kName);
  if (!documents) check_diagnostics(documents.error(), text);
  const auto loaded = scenario::load_text(text, kName);
  if (!loaded) return check_diagnostics(loaded.error(), text);
  for (const scenario::Scenario& scenario : loaded.value()) check_scenario(scenario, text);
}

}  // namespace
}  // namespace nptsim

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nptsim::check_input({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifndef NPTSIM_LIBFUZZER
#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace nptsim {
namespace {

constexpr char kPflash[] = R"(nptsim: 1
name: A write to pflash spins
about: |
  Text with *stars* and `ticks`.
sources: ["a list", another]
machine: { cpu: milan, vm: sev-es-legacy, kernel: kvm-7.0, vmm: qemu, guest: ovmf, vcpus: 2 }
set: { kernel.mmio_caching: [on, off], memory.flash.mode: [romd, mmio] }
memory:
  ram:   { gpa: 0, size: 16M, fill: 0xcc, contents: [ { offset: 0x10, bytes: "c6 04" } ] }
  flash: { gpa: 0xffc00000, size: 4M, device: pflash, launch: plain }
map:
  - { gva: 0xffc00000, gpa: 0xffc00000, size: 4M, c_bit: 0, access: rw }
  - { gva: 2M, gpa: 2M, size: 2M, page: 2M }
program:
  vcpu0: |
    mov rbx, 0xffc00000
    mov al, [rbx]                        # now the page is mapped, read-only
    .label second
    mov byte ptr [rbx], 0x40
  vcpu1: [ ".call flash.write 0xffc00000, 0x70", { bytes: "0f 0b" }, ".check rax == 6" ]
script: [ { vmm: flash.mode romd-on, at: second }, { host: [ reclaim flash ] } ]
expect:
  - when: { kernel.mmio_caching: on }
    vcpu0: { outcome: spins, kind: fault, at: "mov byte ptr [rbx], 0x40" }
    events: [ { npf: { gpa: 0xffc00000, error: [present, write] } }, psmash ]
  - { harm: [rom-modified], count: { npf: 2 }, none: [ { vc: { code: { not: 0x400 } } } ] }
)";

constexpr char kSnp[] = R"(nptsim: 1
name: "every key of start"
machine: &m { cpu: milan, vm: snp, kernel: given, vmpl: 1, apply: [one] }
memory: { ram: { gpa: 0, size: 16M } }
program: { vcpu0: "mov eax, 0x200000\n pvalidate\n .vmpl 2\n .load 0x1000, 4, ecx" }
start:
  begin: launch
  npt: { state: cold, entries: [ { gpa: 2M, to: ram+0x1000, level: 2M, rights: rx-u, set_bits: [51, nx] } ] }
  pages: [ { gpa: 0, state: accepted, vmpl: { 1: rwx, 2: none } } ]
  rmp: [ { spa: ram, page: 2M, assigned: yes, asid: 3, gpa: 0x1000 } ]
  attributes: [ { gpa: 0, size: 1M, attribute: private } ]
  slots: [ { gpa: 0, size: 1M, backing: ram, flags: [readonly] } ]
  host: { ram: [ { offset: 4K, size: 4K, protection: poisoned } ] }
  vectors: { 29: model, "#DF": none }
  cpu: { mode: 32, cpl: 3, registers: { rax: 5 }, cr4: { smap: on }, efer: 0x500 }
  vmsa: { features: [debug-swap], vtom: 1T }
  ghcb: { version: 2 }
  answers: [ { gpa: 0x1000, then: emulate } ]
explore:
  may: [ { attacker: [remap, replay] } ]
  choose: { cpu.stale_tlb: [no, yes] }
  never: { vcpu0: { outcome: spins } }
---
nptsim: 1
name: two
vms: { a: { program: { vcpu0: nop } }, b: { program: { vcpu0: hlt } } }
expect: { a.vcpu0: { outcome: completes } }
xfail: known
)";

// Pieces that mean something to YAML or to a scenario.
constexpr std::string_view kPieces[] = {"\n",
                                        " ",
                                        "  ",
                                        "\t",
                                        ":",
                                        ": ",
                                        "- ",
                                        "? ",
                                        "[",
                                        "]",
                                        "{",
                                        "}",
                                        ",",
                                        "#",
                                        "&a ",
                                        "*a",
                                        "!!x ",
                                        "|",
                                        ">",
                                        "\"",
                                        "'",
                                        "\\",
                                        "\\n",
                                        "\\x00",
                                        "%",
                                        "@",
                                        "`",
                                        "~",
                                        "<<: ",
                                        "---\n",
                                        "...\n",
                                        "0x",
                                        "-1",
                                        "16M",
                                        "99999999999999999999",
                                        "0xffffffffffffffff",
                                        "yes",
                                        "null",
                                        "like: fuzz.yaml\n",
                                        "set: { vcpus: [1, 2, 3] }\n",
                                        "vcpu1",
                                        ".label second",
                                        "\xef\xbb\xbf",
                                        "\xff",
                                        "\xc3\xa9",
                                        "\r\n",
                                        "vms:",
                                        "when:",
                                        "memory.flash.gpa: "};

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string mutate(std::string text, std::string_view other) {
    for (std::size_t left = 1 + pick(6); left > 0; --left) change(text, other);
    return text;
  }

 private:
  // Not a standard distribution: those differ from one library to the next.
  std::size_t pick(std::size_t count) { return count == 0 ? 0 : random_() % count; }

  void change(std::string& text, std::string_view other) {
    const std::size_t at = pick(text.size() + 1);
    const std::size_t length = pick(1 + std::min<std::size_t>(text.size() - at, 40));
    switch (pick(7)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, kPieces[pick(std::size(kPieces))]);
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(random_());
        break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << pick(7)));
        break;
      case 5: {
        const std::size_t from = pick(other.size());
        text.insert(at, other.substr(from, pick(60)));
        break;
      }
      default:
        text.resize(pick(8) == 0 ? at : text.size());
        break;
    }
  }

  std::mt19937_64 random_;
};

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("mutations of good scenarios") {
  constexpr int kMutations = 2000;
  const std::vector<std::string> seeds = {kPflash, kSnp};
  Mutator mutator(20260611);
  std::size_t good = 0;
  for (const std::string& seed : seeds) {
    CHECK(scenario::load_text(seed, kName).ok());
    for (int i = 0; i < kMutations; ++i) {
      const std::string text = mutator.mutate(seed, seeds[i % 2]);
      check_input(text);
      good += scenario::load_text(text, kName).ok() ? 1 : 0;
    }
  }
  CHECK(good > 100);  // else we only test the first check of all
}

TEST_CASE("documents that somebody made to hurt") {
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 50; ++i) {
    const std::string name = "a" + std::to_string(i);
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += name + ": &" + name + " [" + repeat(before + ", ", 8) + before + "]\n";
  }
  const std::string head = "nptsim: 1\nname: x\n";
  std::string labels;
  for (int i = 0; i < 9000; ++i) labels += "  l" + std::to_string(i) + ":\n";
  std::string acts;
  for (int i = 0; i < 30000; ++i) acts += "- { vmm: x, at: l" + std::to_string(i % 9000) + " }\n";
  const std::string hostile[] = {
      "",
      std::string(1, '\0'),
      std::string(1000, '\0'),
      laughs,
      repeat("[", 300'000),
      repeat("{", 300'000),
      repeat("- ", 300'000),
      repeat("? ", 150'000),
      repeat("a: ", 300'000),
      repeat("&a ", 150'000),
      repeat("!!a ", 150'000),
      repeat("*a ", 150'000),
      repeat("'", 300'001),
      repeat("\"", 300'001),
      repeat("%\n", 150'000),
      repeat("---\n", 150'000),
      repeat("\n", 1'000'000),
      repeat("#", 1'000'000),
      repeat(" ", 1'000'000),
      repeat("x", 1'000'000),
      repeat("x", 1'000'000) + ": y",
      repeat("x: y\n", 190'000),
      repeat("\xf0\x9f\x98\x80", 150'000),
      "a: |\n" + repeat("  x\n", 900'000),
      "a: >\n" + repeat("  x\n\n", 150'000),
      "a: \"" + repeat("\\n", 180'000) + "\"",
      head + "program:\n  vcpu0: |\n" + repeat("    nop\n", 150'000),
      head + "program:\n  vcpu0: |\n" + repeat("    .bad\n", 150'000),
      head + "program:\n  vcpu0: |\n" + repeat("    a:\n", 9'000),
      head + "program:\n  vcpu0: |\n  " + labels + "script:\n" + acts,
      head + "program: { vcpu0: nop }\nmap:\n" + repeat("- { gva: 0, gpa: 0 }\n", 30'000),
      head + "program: { vcpu0: nop }\nset:\n  kernel.x: [" + repeat("1, ", 60'000) + "1]\n",
      head + "like: fuzz.yaml\n",
      head + "like: .\n",
      head + "like: /dev/zero\n",
      head + "like: \"a\\0b\"\n",
      head + "like: " + repeat("../", 100'000) + "x\n",
      repeat("k", 100'000) + ": 1\n",
      "\"a\\nb\\tc\": 1\n",
  };
  for (const std::string& text : hostile) {
    CAPTURE(text.substr(0, 60));
    check_input(text);
  }
}

}  // namespace
}  // namespace nptsim
#endif  // NPTSIM_LIBFUZZER
