// The promises that scripts rely on, against the real binary: exit status, where what is printed,
// the same bytes every time.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/cli/binary.h"
#include "tests/report/result_shape.h"

namespace nptsim::cli {
namespace {

constexpr char kMachine[] =
    "machine: { cpu: milan, vm: default, kernel: kvm-7.0, vmm: qemu }\n"
    "memory: { ram: { gpa: 0, size: 16M } }\n";

// A program of one line for a plain VM.
std::string scenario(const std::string& name, const std::string& program,
                     const std::string& expect) {
  return "nptsim: 1\nname: " + name + "\n" + kMachine + "program: { vcpu0: \"" + program +
         "\" }\nexpect: { vcpu0: { " + expect + " } }\n";
}

std::string passing(const std::string& name = "It adds") {
  return scenario(name, "mov eax, 5", "outcome: completes, rax: 5");
}

const std::string kSpins = R"(nptsim: 1
name: A write to flash spins
about: The write meets a read-only slot.
machine: { cpu: milan, vm: sev-es-legacy, kernel: kvm-7.0, vmm: qemu, guest: ovmf }
memory:
  ram:   { gpa: 0, size: 16M }
  flash: { gpa: 0xffc00000, size: 4M, device: pflash, mode: romd, launch: plain }
map:
  - { gva: 0xffc00000, gpa: 0xffc00000, size: 4M, c_bit: 0, access: rw }
program:
  vcpu0: |
    mov rbx, 0xffc00000
    mov al, [rbx]
    mov byte ptr [rbx], 0x40
expect: { vcpu0: { outcome: spins, kind: fault } }
)";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

report::AnyJson json_of(const Ran& ran) {
  const auto json = report::AnyJson::parse(ran.out, nullptr, false);
  REQUIRE_MESSAGE(!json.is_discarded(), ran.out << ran.error);
  return json;
}

TEST_CASE("0: all as expected") {
  Binary nptsim;
  nptsim.write("a.yaml", passing());
  const Ran ran = nptsim.run("run a.yaml");
  CHECK(ran.status == 0);
  CHECK(ran.out == "pass   a.yaml: It adds\n1 passed, 0 failed, 0 errors\n");
  CHECK(ran.error == "");
}

TEST_CASE("1: something differs, and the place of the claim is told") {
  Binary nptsim;
  nptsim.write("a.yaml", scenario("It adds", "mov eax, 5", "outcome: completes, rax: 6"));
  const Ran ran = nptsim.run("run a.yaml");
  CHECK(ran.status == 1);
  CHECK(has(ran.out, "FAIL   a.yaml: It adds\n       a.yaml:6:"));
}

TEST_CASE("1: a check in the program that does not hold") {
  Binary nptsim;
  nptsim.write("a.yaml",
               scenario("It checks", "mov eax, 5\\n .check rax == 6", "outcome: completes"));
  CHECK(nptsim.run("run a.yaml").status == 1);
}

TEST_CASE("2: a file that cannot be read, and the others still run") {
  Binary nptsim;
  nptsim.write("a.yaml", "nptsim: 1\nname: x\nmemroy: {}\n");
  nptsim.write("b.yaml", passing());
  const Ran ran = nptsim.run("run a.yaml b.yaml missing.yaml");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "a.yaml:3:1: error: "));
  CHECK(has(ran.error, "did you mean 'memory'?"));
  CHECK(has(ran.error, "missing.yaml"));
  CHECK(has(ran.out, "pass   b.yaml: It adds"));
  CHECK(has(ran.out, "1 passed, 0 failed, 2 errors"));
}

TEST_CASE("2: a kernel that nobody has") {
  Binary nptsim;
  std::string text = passing();
  text.replace(text.find("kvm-7.0"), 7, "kvm-7.9");
  nptsim.write("a.yaml", text);
  const Ran ran = nptsim.run("run a.yaml");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "a.yaml:3:"));
}

TEST_CASE("2 before 1: of several the first of 70, 130, 2, 1, 3 wins") {
  Binary nptsim;
  nptsim.write("bad.yaml", "nptsim: 1\n");
  nptsim.write("differs.yaml", scenario("x", "mov eax, 5", "outcome: completes, rax: 6"));
  nptsim.write("good.yaml", passing());
  CHECK(nptsim.run("run bad.yaml differs.yaml good.yaml").status == 2);
  CHECK(nptsim.run("run differs.yaml good.yaml").status == 1);
  CHECK(nptsim.run("run --max-steps 1 good.yaml").status == 3);
}

TEST_CASE("3: a bound is no answer, even where nothing is expected") {
  Binary nptsim;
  nptsim.write("a.yaml", passing());
  const Ran ran = nptsim.run("run --max-steps 1 --format json a.yaml");
  CHECK(ran.status == 3);
  const auto json = json_of(ran);
  CHECK(json["results"][0]["status"] == "error");
  CHECK(has(json["results"][0]["why"], "bound"));
}

TEST_CASE("usage: what is unknown is told with the nearest spelling") {
  Binary nptsim;
  Ran ran = nptsim.run("rnu a.yaml");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "unknown command 'rnu'; did you mean 'run'?"));
  ran = nptsim.run("run --formt json a.yaml");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "unknown option '--formt'; did you mean '--format'?"));
  ran = nptsim.run("run --format jsno a.yaml");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "unknown format 'jsno'; did you mean 'json'?"));
  CHECK(nptsim.run("run").status == 2);
  CHECK(nptsim.run("run --jobs x a.yaml").status == 2);
  CHECK(nptsim.run("").status == 2);
  CHECK(nptsim.run("").out == "");
}

TEST_CASE("--version and --help need no models") {
  Binary nptsim;
  const Ran version = nptsim.run("--version", "NPTSIM_ROOT=/nowhere");
  CHECK(version.status == 0);
  CHECK(version.out.starts_with("nptsim "));
  const Ran help = nptsim.run("--help", "NPTSIM_ROOT=/nowhere");
  CHECK(help.status == 0);
  CHECK(has(help.out, "Examples:"));
  for (const char* verb :
       {"run", "explain", "diff", "sweep", "merge", "mutate", "models", "lint", "schema"}) {
    CHECK(has(help.out, verb));
    CHECK(nptsim.run(std::string(verb) + " --help").status == 0);
  }
}

TEST_CASE("without models there is a plain sentence") {
  Binary nptsim;
  nptsim.write("a.yaml", passing());
  const Ran ran = nptsim.run("run a.yaml", "NPTSIM_ROOT=/nowhere");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "NPTSIM_ROOT is '/nowhere', and there are no models in it"));
}

TEST_CASE("JSON of good, differing and unreadable files has the documented shape") {
  Binary nptsim;
  nptsim.write("s/a.yaml", passing());
  nptsim.write("s/b.yaml", scenario("x", "mov eax, 5", "outcome: completes, rax: 6"));
  nptsim.write("s/c.yaml", "nptsim: 1\nname: [\n");
  nptsim.write("s/d.yaml", kSpins);
  const Ran ran = nptsim.run("run --format json s");
  CHECK(ran.status == 2);
  CHECK(ran.error == "");
  const auto json = json_of(ran);
  CHECK(report::problem_of_report(json) == "");
  CHECK(json["verb"] == "run");
  REQUIRE(json["results"].size() == 4);
  CHECK(json["results"][0]["file"] == "s/a.yaml");
  CHECK(json["results"][0]["outcomes"]["vcpu0"]["registers"]["rax"] == "0x5");
  CHECK(json["results"][0]["hash"].get<std::string>().size() == 16);
  CHECK(json["results"][3]["outcomes"]["vcpu0"]["kind"] == "fault");
  CHECK(json["errors"].size() >= 1);
}

TEST_CASE("a matrix: a result for each point, in order") {
  Binary nptsim;
  nptsim.write("a.yaml", passing() + "set: { cpu: [milan, rome], vcpus: [1, 2] }\n");
  const auto json = json_of(nptsim.run("run --format json a.yaml"));
  REQUIRE(json["results"].size() == 4);
  CHECK(json["results"][1]["point"].dump() == R"({"cpu":"milan","vcpus":"2"})");
  CHECK(json["results"][2]["point"].dump() == R"({"cpu":"rome","vcpus":"1"})");
}

TEST_CASE("the same bytes whatever the number of threads, the locale and the folder" *
          doctest::test_suite("plain")) {
  Binary nptsim;
  for (unsigned i = 0; i < 6; ++i) {
    const std::string name = "s/" + std::to_string(i) + ".yaml";
    nptsim.write(name, i % 3 == 2 ? kSpins : passing("Number " + std::to_string(i)));
  }
  nptsim.write("elsewhere/keep", "");
  for (const char* format : {"human", "json", "tap", "junit"}) {
    CAPTURE(format);
    const std::string run = std::string("run --coverage --format ") + format;
    const Ran one = nptsim.run(run + " --jobs 1 s", "LC_ALL=C");
    CHECK(one.status == 0);
    CHECK(nptsim.run(run + " --jobs 4 s", "LC_ALL=C").out == one.out);
    CHECK(nptsim.run(run + " --jobs 4 s", "LC_ALL=de_DE.UTF-8").out == one.out);
    CHECK(nptsim.run(run + " s/ s/1.yaml", "LC_ALL=C.UTF-8").out == one.out);
    // From another folder only the paths are others, as they were given.
    std::string moved = nptsim.run(run + " ../s", "cd elsewhere &&").out;
    for (std::size_t at = 0; (at = moved.find("../s/", at)) != std::string::npos;) {
      moved.erase(at, 3);
    }
    CHECK(moved == one.out);
  }
}

TEST_CASE("golden files: promoted, compared, and a difference fails") {
  Binary nptsim;
  nptsim.write("s/a.yaml", kSpins);
  Ran ran = nptsim.run("run --promote s");
  CHECK(ran.status == 0);
  CHECK(has(ran.out, "wrote   s/a.golden.json"));
  CHECK_FALSE(nptsim.has("s/a.golden.json.new"));
  const std::string golden = nptsim.read("s/a.golden.json");
  ran = nptsim.run("run s");
  CHECK(ran.status == 0);
  CHECK_FALSE(has(nptsim.run("run --promote s").out, "wrote"));
  CHECK(nptsim.read("s/a.golden.json") == golden);

  std::string other = golden;
  other.replace(other.find("\"seen_by\": \"kernel\""), 19, "\"seen_by\": \"nobody\"");
  nptsim.write("s/a.golden.json", other);
  ran = nptsim.run("run s");
  CHECK(ran.status == 1);
  CHECK(has(ran.out, "- \"seen_by\": \"nobody\""));
  CHECK(has(ran.out, "+ \"seen_by\": \"kernel\""));

  nptsim.write("s/a.golden.json", "{");
  CHECK(nptsim.run("run s").status == 2);
}

TEST_CASE("an interrupt ends with 130 and what there is") {
  Binary nptsim;
  nptsim.write("a.yaml", passing());
  nptsim.write("z.yaml",
               scenario("It counts for long", "again: inc rax\\n jmp again", "outcome: spins"));
  const Ran ran = nptsim.run("run --jobs 1 --max-steps 100000000000 a.yaml z.yaml",
                             "timeout --foreground --preserve-status -s INT 8");
  CHECK(ran.status == 130);
  CHECK(has(ran.out, "pass   a.yaml: It adds"));
  CHECK(has(ran.out, "interrupted"));
}

TEST_CASE("lint finds what is wrong without running") {
  Binary nptsim;
  nptsim.write("a.yaml", passing());
  Ran ran = nptsim.run("lint a.yaml");
  CHECK(ran.status == 0);
  nptsim.write("b.yaml", scenario("x", "mov eax, [", "outcome: completes"));
  ran = nptsim.run("lint a.yaml b.yaml");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "b.yaml:5:"));
  CHECK(report::problem_of_report(json_of(nptsim.run("lint --format json a.yaml b.yaml"))) == "");
}

TEST_CASE("explain tells what happened, why, and by whose rule") {
  Binary nptsim;
  nptsim.write("a.yaml", kSpins);
  const Ran ran = nptsim.run("explain a.yaml");
  CHECK(ran.status == 0);
  for (const char* part :
       {"A write to flash spins", "The write meets a read-only slot.", "mov byte ptr [rbx], 0x40",
        "INFO1     0x100000007", "kvm-7.0", "error_pfn.ro-fault", "because",
        "This repeats for ever: proved", "Seen by: kernel", "Rules used", "npt.permission",
        "Not modelled", "As expected."}) {
    CAPTURE(part);
    CHECK(has(ran.out, part));
  }
  CHECK(nptsim.run("explain a.yaml", "LC_ALL=de_DE.UTF-8").out == ran.out);
}

TEST_CASE("explain: events as JSON lines, numbered, each after its cause") {
  Binary nptsim;
  nptsim.write("a.yaml", kSpins);
  const Ran ran = nptsim.run("explain --format json a.yaml");
  CHECK(ran.status == 0);
  std::istringstream lines(ran.out);
  std::string line;
  REQUIRE(std::getline(lines, line));
  const auto first = report::AnyJson::parse(line);
  CHECK(first["nptsim"] == 1);
  CHECK(first["events"] == 1);
  CHECK(first["scenario"] == json_of(nptsim.run("run --format json a.yaml"))["results"][0]["hash"]);
  std::uint64_t n = 0;
  std::string last_kind;
  while (std::getline(lines, line)) {
    const auto event = report::AnyJson::parse(line);
    CHECK(event["n"] == ++n);
    for (const char* key : {"by", "layer", "kind", "rule"}) CHECK(event[key].is_string());
    REQUIRE(event.contains("cause"));
    if (!event["cause"].is_null()) CHECK(event["cause"].get<std::uint64_t>() < n);
    last_kind = event["kind"];
  }
  CHECK(n > 10);
  CHECK(last_kind == "outcome");
}

TEST_CASE("explain: one of several points") {
  Binary nptsim;
  nptsim.write("a.yaml", passing() + "set: { vcpus: [1, 2] }\n");
  CHECK(has(nptsim.run("explain a.yaml").out, "Point 1 of 2"));
  CHECK(has(nptsim.run("explain --point 2 a.yaml").out, "[vcpus=2]"));
  const Ran ran = nptsim.run("explain --point 3 a.yaml");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "there is no point 3 (accepted: 1 to 2)"));
}

TEST_CASE("models: a list, and the inside of each") {
  Binary nptsim;
  const Ran list = nptsim.run("models");
  CHECK(list.status == 0);
  for (const char* name : {"milan", "kvm-7.0", "qemu-10.2"}) CHECK(has(list.out, name));
  CHECK(json_of(nptsim.run("models --format json"))["models"].size() >= 5);
  CHECK(has(nptsim.run("models milan").out, "maxphyaddr"));
  CHECK(has(nptsim.run("models kvm-7.0").out, "error_pfn.ro-fault"));
  CHECK(has(nptsim.run("models kvm-7.0 --rows").out, "stage error_pfn"));
  CHECK(has(nptsim.run("models kvm-7.0 --facts").out, "fault.write"));
  CHECK(has(nptsim.run("models qemu --draw").out, "digraph"));
  const Ran ran = nptsim.run("models kvm-7.1");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "did you mean 'kvm-7.0'?"));
}

// An idea of a user's own: the store is told to user space.
const std::string kIdea = R"(overlay: my-idea
base: { kernel: kvm-7.0, vmm: qemu }
text: A write to a read-only slot is an error
source: an idea
evidence: inferred
params: { kernel.idea: { default: on } }
kernel:
  stages:
    error_pfn:
      - { id: error_pfn.idea, before: error_pfn.ro-fault, when: { pfn: ro-fault, idea: on }, then: error }
)";

TEST_CASE("diff: an overlay of a user's own, from anywhere") {
  Binary nptsim;
  nptsim.write("ideas/mine.yaml", kIdea);
  nptsim.write("s/spins.yaml", kSpins);
  nptsim.write("s/adds.yaml", passing());
  const Ran ran = nptsim.run("diff --to ideas/mine.yaml s");
  CHECK(ran.status == 1);
  CHECK(has(ran.out, "A write to flash spins"));
  CHECK(has(ran.out, "- vcpu0 kernel: decides error_pfn: emulate  [error_pfn.ro-fault]"));
  CHECK(has(ran.out, "+ vcpu0 kernel: decides error_pfn: error  [error_pfn.idea]"));
  CHECK(has(ran.out, "an idea (inferred)"));
  CHECK(has(ran.out, "1 changed, 1 the same"));
  const auto json = json_of(nptsim.run("diff --format json --to ideas/mine.yaml s"));
  REQUIRE(json["results"].size() == 2);
  CHECK(json["results"][1]["models"][1]["outcomes"]["vcpu0"]["outcome"] == "vm-killed");
  CHECK(json["results"][1]["models"][1]["parting"]["after"]["rule"] == "error_pfn.idea");
}

TEST_CASE("diff: the same bytes whatever the number of threads and the locale" *
          doctest::test_suite("plain")) {
  Binary nptsim;
  nptsim.write("ideas/mine.yaml", kIdea);
  nptsim.write("s/spins.yaml", kSpins);
  nptsim.write("s/adds.yaml", passing());
  for (const char* format : {"human", "json", "html", "mail"}) {
    const std::string diff = std::string("diff --to ideas/mine.yaml s --format ") + format;
    CHECK(nptsim.run(diff + " -j 1").out == nptsim.run(diff + " -j 3", "LC_ALL=de_DE.UTF-8").out);
  }
}

TEST_CASE("diff: an overlay that the model's checks refuse is bad input") {
  Binary nptsim;
  std::string shadows = kIdea;
  shadows.erase(shadows.find(", idea: on"), 10);
  nptsim.write("mine.yaml", shadows);
  nptsim.write("s/spins.yaml", kSpins);
  const Ran ran = nptsim.run("diff --to ./mine.yaml s");
  CHECK(ran.status == 2);
  CHECK(has(ran.out, "row 'error_pfn.ro-fault' of stage 'error_pfn' can never be reached"));
}

TEST_CASE("diff: a matrix, stacks, what does not apply, and what nobody knows") {
  Binary nptsim;
  nptsim.write("s/spins.yaml", kSpins);
  Ran ran = nptsim.run("diff --from kvm-7.0 --to kvm-6.8 s");
  CHECK(ran.status == 0);
  CHECK(ran.out == "0 changed, 1 the same\n");
  ran = nptsim.run("diff --from kvm-7.0 --to readonly-no-mmio --to kvm-7.0+pflash-rw-slots s");
  CHECK(ran.status == 1);
  CHECK(has(ran.out, "spins (fault)  vm-killed by qemu  completes +rom-modified"));
  std::string bare = kSpins;
  bare.replace(bare.find("vmm: qemu"), 9, "vmm: bare");
  nptsim.write("s/spins.yaml", bare);
  ran = nptsim.run("diff --to pflash-rw-slots s");
  CHECK(ran.status == 0);
  CHECK(has(ran.out, "1 not applicable"));
  ran = nptsim.run("diff --from kvm-7.1 --to kvm-7.0 s");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "unknown model or overlay 'kvm-7.1'"));
  ran = nptsim.run("diff --to kvm-7.0 s");
  CHECK(ran.status == 2);
  CHECK(has(ran.error, "is to be compared with what?"));
}

TEST_CASE("sweep: axes of the command line; parts merge to the same bytes") {
  Binary nptsim;
  nptsim.write("a.yaml", passing() + "set: { cpu: [milan, rome] }\n");
  const std::string sweep = "sweep --set cpu.maxphyaddr=30..40 --set cpu.tlb=off,on a.yaml ";
  const Ran whole = nptsim.run(sweep + "--format csv -j 1");
  CHECK(whole.status == 0);
  CHECK(whole.out.starts_with(
      "cpu,cpu.maxphyaddr,cpu.tlb,outcome,seen_by,why\nmilan,30,off,invalid,,"));
  CHECK(has(whole.out, "\nmilan,40,on,"));
  CHECK(nptsim.run(sweep + "--format csv -j 4").out == whole.out);
  for (const char* part : {"1", "2", "3", "4", "5"}) {
    const Ran ran = nptsim.run(sweep + "--shard " + part + "/5");
    CHECK(ran.status == 0);
    nptsim.write(std::string("part") + part, ran.out);
  }
  for (const char* format : {"csv", "json", "svg", "human"}) {
    CHECK(nptsim.run(std::string("merge part3 part5 part1 part4 part2 --format ") + format).out ==
          nptsim.run(sweep + "--format " + format).out);
  }
  const Ran missing = nptsim.run("merge part1 part3");
  CHECK(missing.status == 2);
  CHECK(has(missing.error, "on are missing"));
  CHECK(nptsim.run("sweep --shard 3/2 a.yaml").status == 2);
  CHECK(nptsim.run("sweep --set cpu.c_bit=9..1 a.yaml").status == 2);
  CHECK(has(nptsim.run("sweep --set nobody=1,2 a.yaml").error, "unknown key of set:"));
}

TEST_CASE("mutate: a claim about a row notices its changes, a scenario elsewhere does not") {
  Binary nptsim;
  nptsim.write("s/spins.yaml", kSpins);
  nptsim.write("t/adds.yaml", passing());
  const std::string only = "mutate --only pfn.ro-slot-write --format json ";
  const auto noticed = json_of(nptsim.run(only + "s"));
  CHECK(noticed["summary"]["passed"] >= 1);
  const auto elsewhere = json_of(nptsim.run(only + "t"));
  CHECK(elsewhere["summary"]["passed"] == 0);
  CHECK(elsewhere["summary"]["unreached"] >= 1);
  CHECK(json_of(nptsim.run(only + "--in kvm-5.17 s"))["results"].empty());
  CHECK(nptsim.run("mutate --in kvm-1.0 s").status == 2);
  CHECK(nptsim.run(only + "s -j 1").out == nptsim.run(only + "s -j 3").out);
  CHECK(nptsim.run("mutate --kind nonsense s").status == 2);
}

TEST_CASE("lint --models: all of them, and a sentence for each finding") {
  Binary nptsim;
  const Ran ran = nptsim.run("lint --models");
  CHECK(ran.status == 0);
  CHECK(has(ran.out, "kernel kvm-7.0"));
  CHECK(has(ran.out, "proposal readonly-no-mmio"));
}

TEST_CASE("schema is JSON") {
  Binary nptsim;
  CHECK(json_of(nptsim.run("schema")).contains("$schema"));
}

}  // namespace
}  // namespace nptsim::cli
