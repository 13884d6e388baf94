// A trace.dat says what its text says.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "sim/trace/dat_file.h"
#include "sim/trace/text_trace.h"
#include "tests/trace/dat_writer.h"
#include "tests/trace/views.h"

namespace nptsim::trace {
namespace {

namespace fs = std::filesystem;

// An event in words, with all that was said about it.
struct Heard {
  std::vector<std::string> events;
  TraceCounts counts;
};

Take into(const View& view, Heard& heard) {
  return [&](const Seen& seen, const SeenAt& at) {
    heard.events.push_back((at.vcpu ? std::to_string(*at.vcpu) : "?") +
                           (at.after_loss ? " after a loss: " : ": ") + view.describe(seen));
    return true;
  };
}

Heard of_text(const View& view, const std::string& text) {
  Heard heard;
  TextTrace trace(view, into(view, heard));
  trace.feed(text);
  trace.finish();
  heard.counts = trace.counts();
  return heard;
}

Heard of_dat(const View& view, const std::string& bytes) {
  const fs::path file = fs::temp_directory_path() / ("nptsim-" + std::to_string(getpid()) + ".dat");
  std::ofstream(file, std::ios::binary) << bytes;
  REQUIRE(is_trace_dat(file));
  Heard heard;
  const auto counts = read_trace_dat(file, view, into(view, heard));
  fs::remove(file);
  REQUIRE_MESSAGE(counts.ok(), (counts.ok() ? "" : counts.error()));
  heard.counts = counts.value();
  return heard;
}

// Linux arch/x86/kvm/trace.h: the order of the fields is the kernel's own, and no part of what is
// read by names.
const std::vector<DatEvent> kEvents = {
    {"kvm", "kvm_entry", {{"unsigned int", "vcpu_id", 4}, {"unsigned long", "rip", 8}}},
    {"kvm",
     "kvm_exit",
     {{"unsigned int", "exit_reason", 4},
      {"unsigned long", "guest_rip", 8},
      {"u32", "isa", 4},
      {"u64", "info1", 8},
      {"u64", "info2", 8},
      {"u32", "intr_info", 4},
      {"u32", "error_code", 4},
      {"unsigned int", "vcpu_id", 4}}},
    {"kvm",
     "kvm_page_fault",
     {{"unsigned int", "vcpu_id", 4},
      {"unsigned long", "guest_rip", 8},
      {"u64", "fault_address", 8},
      {"u64", "error_code", 8}}},
    {"kvm",
     "kvm_mmio",
     {{"u32", "type", 4}, {"u32", "len", 4}, {"u64", "gpa", 8}, {"u64", "val", 8}}},
    {"sched", "sched_switch", {{"int", "prev_pid", 4}}},
};
enum Event : std::size_t { kEntry, kExit, kFault, kMmio, kSwitch };

constexpr std::uint64_t kNpf = 0x400, kHlt = 0x78, kSvm = 2;

DatPage first_page() {
  return {{{kEntry, 1240, 1'000'000'000, {3, 0xfff0}},
           {kExit, 1240, 1'000'001'000, {kNpf, 0xfd11d, kSvm, 0x100000014, 0xfd000, 0, 0, 3}},
           {kFault, 1240, 1'000'002'000, {3, 0xfd11d, 0xfd000, 0x100000014}},
           {kSwitch, 1240, 1'000'002'500, {7}},
           {kMmio, 1240, 1'000'003'000, {2, 4, 0xd0000000, 0x1234}}},
          0};
}
DatPage second_page() {
  return {{{kExit, 1240, 1'000'009'000, {kHlt, 0xfd120, kSvm, 0, 0, 0, 0, 3}}}, 7};
}

constexpr char kText[] =
    "CPU 3/KVM-1240 [000] 1.000000: kvm_entry: vcpu 3, rip 0xfff0\n"
    "CPU 3/KVM-1240 [000] 1.000001: kvm_exit: vcpu 3 reason npf rip 0xfd11d info1 "
    "0x0000000100000014 info2 0x00000000000fd000 intr_info 0x00000000 error_code 0x00000000\n"
    "CPU 3/KVM-1240 [000] 1.000002: kvm_page_fault: vcpu 3 rip 0xfd11d address "
    "0x00000000000fd000 error_code 0x100000014\n"
    "CPU 3/KVM-1240 [000] 1.000003: sched_switch: prev_pid=7\n"
    "CPU 3/KVM-1240 [000] 1.000003: kvm_mmio: mmio write len 4 gpa 0xd0000000 val 0x1234\n"
    "CPU:0 [7 EVENTS DROPPED]\n"
    "CPU 3/KVM-1240 [000] 1.000009: kvm_exit: vcpu 3 reason hlt rip 0xfd120 info1 "
    "0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000\n";

TEST_CASE("a binary trace has the events of its text") {
  for (const char* kernel : {"kvm-5.17", "kvm-6.8", "kvm-7.0"}) {
    CAPTURE(kernel);
    const View view = view_of(kernel);
    const Heard text = of_text(view, kText);
    const Heard dat = of_dat(
        view, make_trace_dat(kEvents, {{1240, "CPU 3/KVM"}}, {{first_page(), second_page()}, {}}));
    REQUIRE(dat.events.size() == 5);
    for (std::size_t i = 0; i < text.events.size(); ++i) CHECK(dat.events[i] == text.events[i]);
    CHECK(dat.counts.seen == text.counts.seen);
    CHECK(dat.counts.foreign == 1);
    CHECK(dat.counts.lost == 7);
    CHECK(dat.counts.misshapen == 0);
    CHECK(dat.events[4].find("after a loss") != std::string::npos);
  }
}

TEST_CASE("records of several processors come in the order of their times") {
  const View view = view_of("kvm-6.8");
  const DatPage other = {{{kEntry, 1241, 1'000'000'500, {5, 0x100}}}, 0};
  const Heard dat = of_dat(view, make_trace_dat(kEvents, {{1240, "CPU 3/KVM"}, {1241, "CPU 5/KVM"}},
                                                {{first_page()}, {other}}));
  REQUIRE(dat.events.size() == 5);
  CHECK(dat.events[0] == "3: kvm_entry vcpu 0x3, rip 0xfff0");
  CHECK(dat.events[1] == "5: kvm_entry vcpu 0x5, rip 0x100");
}

TEST_CASE("a field that this kernel's record does not have is not said") {
  const View view = view_of("kvm-6.8");
  std::vector<DatEvent> events = kEvents;
  events[kExit].fields.resize(5);  // as before intr_info, error_code and vcpu_id
  const DatPage page = {{{kExit, 1240, 1'000'000'000, {kNpf, 0x1, kSvm, 0x100000004, 0x5000}}}, 0};
  const Heard dat = of_dat(view, make_trace_dat(events, {{1240, "CPU 3/KVM"}}, {{page}}));
  REQUIRE(dat.events.size() == 1);
  CHECK(dat.events[0] == "3: kvm_exit reason npf, rip 0x1, info1 0x100000004, info2 0x5000");
}

TEST_CASE("a damaged file is a sentence, not a crash") {
  const View view = view_of("kvm-6.8");
  const std::string good = make_trace_dat(kEvents, {{1240, "CPU 3/KVM"}}, {{first_page()}});
  const fs::path file = fs::temp_directory_path() / ("nptsim-" + std::to_string(getpid()) + ".dat");
  for (const std::size_t size : {std::size_t{11}, std::size_t{40}, good.size() / 4}) {
    std::ofstream(file, std::ios::binary) << good.substr(0, size);
    Heard heard;
    const auto counts = read_trace_dat(file, view, into(view, heard));
    REQUIRE(!counts.ok());
    CHECK(counts.error().find(file.string()) != std::string::npos);
  }
  fs::remove(file);
}

}  // namespace
}  // namespace nptsim::trace
