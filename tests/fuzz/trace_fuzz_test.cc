// Whatever bytes come in as a trace, a log, a recording or a trace.dat: events or diagnostics, in
// bounded memory.
//
// As a test: mutations of good inputs from a fixed seed. With -DNPTSIM_LIBFUZZER: a target for
// libFuzzer, started in the project's folder.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sim/trace/dat_file.h"
#include "sim/trace/draft.h"
#include "sim/trace/read_view.h"
#include "sim/trace/recording.h"
#include "sim/trace/text_trace.h"

namespace nptsim::trace {
namespace {

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

const View& view() {
  static const View kView = [] {
    auto view = load_view({".", "kvm-6.11"});
    must(view.ok(), "the formats can be read");
    return std::move(view).value();
  }();
  return kView;
}

void check_text(std::string_view text, std::size_t piece) {
  std::uint64_t taken = 0;
  StoryTeller teller(view());
  TextTrace trace(view(), [&](const Seen& seen, const SeenAt& at) {
    ++taken;
    must(seen.event < view().events().size(), "an event is the view's");
    must(at.text.size() <= TextTrace::kLongestLine, "a line is not longer than it may be");
    must(!view().describe(seen).empty(), "an event can be told");
    teller.take(seen, at.vcpu);
    return true;
  });
  for (std::size_t at = 0; at < text.size(); at += piece) trace.feed(text.substr(at, piece));
  trace.finish();
  const TraceCounts& counts = trace.counts();
  must(counts.seen == taken, "every event is counted");
  must(counts.seen + counts.unknown + counts.foreign + counts.misshapen <= counts.lines,
       "every line is one thing");
  const std::vector<std::string> kernels = {"kvm-5.17", "kvm-6.11"};
  const Drafted drafted = draft(teller, kernels);
  must(drafted.text.empty() != drafted.why_not.empty(), "a draft, or a reason");
}

void check_recording(std::string_view text) {
  const auto recording = read_recording(text, "fuzz.yaml");
  if (!recording.ok()) {
    must(!recording.error().empty(), "a failure has a reason");
    return;
  }
  for (const RecordedEvent& event : recording.value().events) {
    const auto seen = see(event, view());
    if (seen) must(!view().describe(*seen).empty(), "an event can be told");
  }
  StoryTeller teller(view());
  teller.take(recording.value());
}

void check_input(std::string_view text) {
  check_text(text, 1 + text.size() % 97);
  check_recording(text);
}

}  // namespace
}  // namespace nptsim::trace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nptsim::trace::check_input({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifndef NPTSIM_LIBFUZZER
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

namespace nptsim::trace {
namespace {

constexpr char kLines[] =
    "# tracer: nop\n"
    "  CPU 0/KVM-1234  [001] d..1 324797.313982: kvm_exit: vcpu 2 reason npf rip 0x0 info1 "
    "0x0000000500000004 info2 0x00000018cbc00000 intr_info 0x00000000 error_code 0x00000000\n"
    "  CPU 0/KVM-1234  [001] 1.5: kvm_page_fault: vcpu 2 rip 0x0 address 0x18cbc00000 error_code "
    "0x500000004\n"
    "  qemu-77 (  70) [003] d..1. 12.5: kvm_emulate_insn: 0:fd11d: (prot32) failed\n"
    "CPU:3 [LOST 42 EVENTS]\n"
    "  a-1 [0] 1.0: kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x0\n"
    "[ 8149.3] SEV-SNP: RMPUPDATE failed for PFN 28357f7c, pg_level: 1, ret: 2\n"
    "SEV: Unsupported exit-code 0x404 in #VC exception (IP: 0x577566600c3b)\n";

constexpr char kRecording[] =
    "id: T99\ntitle: x\nkind: recording\nconfidence: low\nvm_type: snp\n"
    "platform: { cpu: Milan, kernel: '6.11', cbit: 51 }\n"
    "initial: { access: { kind: write, gpa: 0x1000, cbit: 1 } }\n"
    "events:\n- { event: kvm_page_fault, vcpu: [1, 2], gpa: 0x1000, error_code: 0x500000006 }\n"
    "- { event: vc, exit_code: 0x404, repeat: 3 }\noutcome: { class: spin }\n";

// Replaces, cuts, doubles and inserts bytes.
std::string mutated(std::string text, std::mt19937_64& random) {
  constexpr std::string_view kPieces[] = {"\n",        "0x",
                                          ":",         "[",
                                          "]",         "-",
                                          " ",         "99999999999999999999",
                                          "\xff",      std::string_view("\0", 1),
                                          "{",         "}",
                                          "kvm_exit: "};
  const unsigned changes = 1 + random() % 8;
  for (unsigned i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, random() % 16);
        break;
      case 2:
        text.insert(at, text.substr(random() % text.size(), random() % 64));
        break;
      default:
        text.insert(at, kPieces[random() % std::size(kPieces)]);
    }
  }
  return text;
}

TEST_CASE("mutated traces, logs and recordings") {
  std::mt19937_64 random(1);
  for (unsigned i = 0; i < 4000; ++i) {
    check_text(mutated(kLines, random), 1 + i % 200);
    if (i % 4 == 0) check_recording(mutated(kRecording, random));
  }
}

TEST_CASE("a line that never ends costs no memory") {
  std::uint64_t lines = 0;
  TextTrace trace(view(), [&](const Seen&, const SeenAt&) { return ++lines, true; });
  const std::string piece(1 << 16, 'x');
  for (unsigned i = 0; i < 256; ++i) trace.feed(piece);
  trace.finish();
  CHECK(trace.counts().lines == 1);
  CHECK(lines == 0);
}

TEST_CASE("what only begins like a trace.dat is refused, whatever it does to its reader") {
  const char* scratch = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(scratch != nullptr ? scratch : "/tmp") + "/fuzz.dat";
  std::mt19937_64 random(2);
  for (unsigned i = 0; i < 40; ++i) {
    std::string bytes = "\x17\x08\x44tracing6";
    bytes += '\0';
    bytes += '\0';
    bytes += '\x08';
    bytes += std::string("\x00\x10\x00\x00", 4);
    if (i % 2 == 0) bytes += std::string("header_page", 12);
    const unsigned size = static_cast<unsigned>(random() % 4096);
    for (unsigned b = 0; b < size; ++b)
      bytes += static_cast<char>(random() % (i % 3 == 0 ? 4 : 256));
    std::ofstream(path, std::ios::binary) << bytes;
    REQUIRE(is_trace_dat(path));
    const auto counts =
        read_trace_dat(path, view(), [](const Seen&, const SeenAt&) { return true; });
    if (!counts.ok()) CHECK(!counts.error().empty());
  }
}

}  // namespace
}  // namespace nptsim::trace
#endif
