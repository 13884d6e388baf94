#include "sim/trace/trace_header.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace nptsim::trace {
namespace {

struct Form {
  const char* line;
  std::uint32_t pid;
  int vcpu;  // -1: the thread's name does not say
  const char* event;
  const char* payload;
};

TEST_CASE("who, where and when, as programs print them") {
  const std::vector<Form> kForms = {
      {"       CPU 0/KVM-1234  [001] 324797.313982: kvm_exit:             vcpu 0", 1234, 0,
       "kvm_exit", "vcpu 0"},
      {"CPU 12/KVM-1234 [101] d..1. 12.5: kvm_exit: reason npf", 1234, 12, "kvm_exit",
       "reason npf"},
      {" qemu-system-x86-77   (     70) [003] d..1.   12.500000: kvm_page_fault: address 1", 77, -1,
       "kvm_page_fault", "address 1"},
      {"CPU 3/KVM-78  (-------) [003] ....   12.5: kvm_entry: vcpu 2", 78, 3, "kvm_entry",
       "vcpu 2"},
      // Clocks that count: trace_clock x86-tsc, counter.
      {"CPU 1/KVM-9 [000] d..1. 123456789012345: kvm_entry: vcpu 1", 9, 1, "kvm_entry", "vcpu 1"},
      {"CPU 1/KVM-9 [000] 42: kvm_entry: vcpu 1", 9, 1, "kvm_entry", "vcpu 1"},
      // trace-cmd report -t --ts-diff, and -l.
      {"CPU 1/KVM-9 [000] 1.000001000: (+1000)  kvm_exit:  reason EXIT_NPF", 9, 1, "kvm_exit",
       "reason EXIT_NPF"},
      {"CPU 0/KV-1234    0.....     1.000000: kvm_entry:             vcpu 0 rip 0xfff0", 1234, 0,
       "kvm_entry", "vcpu 0 rip 0xfff0"},
      {"CPU 0/KV-1234    3d..1   12us+: kvm_entry: vcpu 0", 1234, 0, "kvm_entry", "vcpu 0"},
      {"CPU 0/KV-1234    3d.h2   12us : kvm_entry: vcpu 0", 1234, 0, "kvm_entry", "vcpu 0"},
      // perf script.
      {"CPU 0/KVM  1234 [001] 12.345678:   kvm:kvm_exit: vcpu 0 reason npf", 1234, 0, "kvm_exit",
       "vcpu 0 reason npf"},
      {"qemu-system-x86  1234/1240  [001] 12.345678: kvm:kvm_exit: vcpu 0", 1240, -1, "kvm_exit",
       "vcpu 0"},
      // Threads may be called anything.
      {"a [7] b: c-d-55 [002] 1.0: kvm_entry: vcpu 0", 55, -1, "kvm_entry", "vcpu 0"},
      {"(sd-pam)-56 [002] 1.0: kvm_entry: vcpu 0", 56, -1, "kvm_entry", "vcpu 0"},
      {"<...>-57 [002] 1.0: kvm_entry: vcpu 0", 57, -1, "kvm_entry", "vcpu 0"},
      {"-58 [002] 1.0: kvm_entry: vcpu 0", 58, -1, "kvm_entry", "vcpu 0"},
      {"x 5.0: y-59 [002] 1.0: kvm_entry: vcpu 0", 59, -1, "kvm_entry", "vcpu 0"},
      {"a-1 [0] 1.0: sched_switch:", 1, -1, "sched_switch", ""},
  };
  for (const Form& form : kForms) {
    const std::string line = form.line;
    CAPTURE(line);
    const auto header = read_trace_header(line);
    REQUIRE(header.has_value());
    CHECK(header->pid == form.pid);
    CHECK(header->vcpu.has_value() == (form.vcpu >= 0));
    if (header->vcpu) CHECK(*header->vcpu == static_cast<unsigned>(form.vcpu));
    CHECK(header->event == form.event);
    CHECK(header->payload == form.payload);
  }
}

TEST_CASE("what is no line of a trace") {
  for (const char* line :
       {"", ":", " : ", "-[1] 1: :", "]: ", "a-99999999999999 [1] 1.0: kvm_entry: vcpu 0",
        "[ 8149.348948] SEV-SNP: RMPUPDATE failed for PFN 1, pg_level: 1, ret: 2",
        "Nov 22 03:05:23 host-1 kernel[12]: kvm: error", "a [0] 1.0: kvm_entry: vcpu 0",
        "a-1 [x] 1.0: kvm_entry: vcpu 0", "a-1 [0] 1.0 kvm_entry: vcpu 0",
        "a-1 [0] 1.0.0: kvm_entry: vcpu 0", "a-1 [0] now: kvm_entry: vcpu 0",
        "a-1 [0] d..1. . 1.0: two words: kvm_entry: vcpu 0", "a-1 1.0: kvm_entry: vcpu 0"}) {
    const std::string text = line;
    CAPTURE(text);
    CHECK(!read_trace_header(text));
  }
}

}  // namespace
}  // namespace nptsim::trace
