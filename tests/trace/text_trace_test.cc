#include "sim/trace/text_trace.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/trace/views.h"

namespace nptsim::trace {
namespace {

struct Read {
  std::vector<Seen> seen;
  std::vector<std::optional<unsigned>> vcpus;
  std::vector<bool> after_loss;
  TraceCounts counts;
};

// Texts of the events are gone when this returns; numbers stay.
Read read(const View& view, const std::string& text, std::size_t piece = 7) {
  Read read;
  TextTrace trace(view, [&](const Seen& seen, const SeenAt& at) {
    read.seen.push_back(seen);
    read.vcpus.push_back(at.vcpu);
    read.after_loss.push_back(at.after_loss);
    return true;
  });
  for (std::size_t at = 0; at < text.size(); at += piece) trace.feed(text.substr(at, piece));
  trace.finish();
  read.counts = trace.counts();
  return read;
}

constexpr char kReport[] =
    "cpus=2\n"
    "       CPU 0/KVM-1234  [001] 324797.313982: kvm_exit:             vcpu 219 reason npf rip 0x0 "
    "info1 0x0000000500000004 info2 0x00000018cbc00000 intr_info 0x00000000 error_code 0x00000000\n"
    "       CPU 0/KVM-1234  [001] 324797.313983: kvm_page_fault:       vcpu 219 rip 0x0 address "
    "0x00000018cbc00000 error_code 0x500000004\n"
    "       CPU 0/KVM-1234  [001] 324797.313984: kvm_userspace_exit:   reason KVM_EXIT_MMIO (6)\n";

TEST_CASE("trace-cmd report of a newer kernel") {
  const View view = view_of("kvm-6.8");
  const Read all = read(view, kReport);
  REQUIRE(all.seen.size() == 3);
  CHECK(all.counts.unknown == 1);
  CHECK(value_of(view, all.seen[0], "info1").number == 0x500000004);
  CHECK(value_of(view, all.seen[1], "gpa").number == 0x18cbc00000);
  CHECK(value_of(view, all.seen[2], "number").number == 6);
  // The last line does not say whose it is; its thread does.
  for (const auto& vcpu : all.vcpus) CHECK(vcpu == 219);
}

TEST_CASE("pieces of any size are the same text") {
  const View view = view_of("kvm-6.8");
  for (const std::size_t piece : {1, 2, 63, 100000}) {
    CAPTURE(piece);
    CHECK(read(view, kReport, piece).seen.size() == 3);
  }
}

TEST_CASE("/sys/kernel/tracing/trace of an old kernel, with flags and a thread group") {
  const View view = view_of("kvm-5.17");
  const Read all = read(view,
                        "# tracer: nop\n"
                        " qemu-system-x86-77   (     70) [003] d..1.   12.500000: kvm_page_fault: "
                        "address fd000 error_code 14\n"
                        "           <...>-78   [003] ....   12.5: kvm_entry: vcpu 2, rip 0xfff0\n");
  REQUIRE(all.seen.size() == 2);
  CHECK(value_of(view, all.seen[0], "gpa").number == 0xfd000);
  CHECK(value_of(view, all.seen[0], "error_code").number == 0x14);
  CHECK(all.vcpus[0] == kFirstThread + 77);  // which vCPU that is nobody says
  CHECK(all.vcpus[1] == 2);
}

TEST_CASE("fields that newer kernels add, and lines of another version than was said") {
  const Read all =
      read(view_of("kvm-5.17"),
           "a-1 [0] 1.0: kvm_entry: vcpu 0, rip 0x1 intr_info 0x00000000 error_code "
           "0x00000000[immediate exit]\n"
           "a-1 [0] 1.0: kvm_exit: vcpu 0 reason hlt rip 0x8 info1 0x0 info2 0x0 "
           "intr_info 0x0 error_code 0x0 requests 0x0000000000000000\n"
           "a-1 [0] 1.0: kvm_page_fault: vcpu 0 rip 0x1 address 0x2000 error_code 0x6\n");
  CHECK(all.seen.size() == 3);
  CHECK(all.counts.misshapen == 0);
}

TEST_CASE("losses are counted, and marked at the event behind them") {
  const Read all = read(view_of("kvm-6.8"),
                        "CPU:3 [LOST 42 EVENTS]\n"
                        "a-1 [0] 1.0: kvm_fast_mmio: fast mmio at gpa 0x1000\n"
                        "CPU:0 [17 EVENTS DROPPED]\n"
                        "a-1 [0] 1.0: kvm_fast_mmio: fast mmio at gpa 0x1000\n"
                        "a-1 [0] 1.0: kvm_fast_mmio: fast mmio at gpa 0x1000\n");
  CHECK(all.counts.lost == 59);
  CHECK(all.after_loss == std::vector<bool>{true, true, false});
}

TEST_CASE("a loss holds for every vCPU until it has been heard again") {
  const Read all = read(view_of("kvm-6.8"),
                        "a-1 [0] 1.0: kvm_entry: vcpu 0, rip 0x1\n"
                        "a-2 [1] 1.0: kvm_entry: vcpu 1, rip 0x1\n"
                        "CPU:1 [LOST EVENTS]\n"
                        "a-1 [0] 1.0: kvm_entry: vcpu 0, rip 0x1\n"
                        "a-1 [0] 1.0: kvm_entry: vcpu 0, rip 0x1\n"
                        "a-2 [1] 1.0: kvm_entry: vcpu 1, rip 0x1\n"
                        "CPU:1 [EVENTS DROPPED]\n"
                        "a-2 [1] 1.0: kvm_entry: vcpu 1, rip 0x1\n");
  CHECK(all.counts.lost == 0);
  CHECK(all.counts.gaps == 2);
  CHECK(all.after_loss == std::vector<bool>{false, false, true, false, true, true});
}

TEST_CASE("a ring buffer that was written over") {
  const Read all = read(view_of("kvm-6.8"),
                        "# tracer: nop\n"
                        "#\n"
                        "# entries-in-buffer/entries-written: 3/1003   #P:2\n"
                        "a-1 [000] 1.0: kvm_entry: vcpu 0, rip 0x1\n"
                        "##### CPU 1 buffer started ####\n"
                        "a-2 [001] 1.0: kvm_entry: vcpu 1, rip 0x1\n"
                        "a-1 [001] 1.0: kvm_entry: vcpu 0, rip 0x1\n");
  CHECK(all.counts.overwritten == 1000);
  CHECK(all.counts.gaps == 1);
  CHECK(all.after_loss == std::vector<bool>{false, true, true});
}

// One exit and one fault, as kernels and programs of ten years print them: the same two events.
TEST_CASE("other kernels and other programs") {
  const View view = view_of("kvm-7.0");
  const char* kExits[] = {
      "kvm_exit: vcpu 1 reason npf rip 0xfd11d info1 0x0000000100000014 info2 0x00000000000fd000 "
      "intr_info 0x00000000 error_code 0x00000000 requests 0x0000000000000000",
      "kvm_exit: vcpu 1 reason npf rip 0xfd11d info 100000014 fd000",
      "kvm_exit: reason npf rip 0xfd11d info 100000014 fd000",
      "kvm_exit:             reason EXIT_NPF rip 0xfd11d info 100000014 fd000",
      "kvm_exit:             reason EXIT_NPF rip 0xfd11d info 100000014 fd000 vcpu 1",
      "kvm_exit: exit_reason=1024 guest_rip=0xfd11d isa=2 info1=0x0000000100000014 "
      "info2=0x00000000000fd000 intr_info=0x00000000 error_code=0x00000000 vcpu_id=1",
      "kvm_exit: reason=0x400 info2=0xfd000 info1=0x100000014 rip=0xfd11d",
      "kvm_exit: info2 0xfd000, info1 0x100000014, rip 0xfd11d, vcpu 1, reason NPF",
      "kvm:kvm_exit: vcpu 1 reason npf rip 0xfd11d info1 0x100000014 info2 0xfd000 intr_info 0x0 "
      "error_code 0x0"};
  for (const std::string payload : kExits) {
    CAPTURE(payload);
    const std::string line = "CPU 1/KVM-1 [0] 1.0: " + payload + "\r\n";
    std::string reason;
    Seen one;
    TextTrace trace(view, [&](const Seen& seen, const SeenAt& at) {
      CHECK(at.vcpu == 1);
      one = seen;
      reason = value_of(view, seen, "reason").text;
      return true;
    });
    trace.feed(line);
    REQUIRE(trace.counts().seen == 1);
    CHECK(reason == "npf");
    CHECK(value_of(view, one, "rip").number == 0xfd11d);
    CHECK(value_of(view, one, "info1").number == 0x100000014);
    CHECK(value_of(view, one, "info2").number == 0xfd000);
  }
  const char* kFaults[] = {
      "kvm_page_fault: vcpu 1 rip 0xfd11d address 0xfd000 error_code 0x100000014",
      "kvm_page_fault: address fd000 error_code 14", "kvm_page_fault: error_code 14 address fd000",
      "kvm_page_fault: fault_address=0xfd000 error_code=0x14 vcpu_id=1"};
  for (const std::string payload : kFaults) {
    CAPTURE(payload);
    const Read all = read(view, "CPU 1/KVM-1 [0] 1.0: " + payload);
    REQUIRE(all.seen.size() == 1);
    CHECK(value_of(view, all.seen[0], "gpa").number == 0xfd000);
    CHECK((value_of(view, all.seen[0], "error_code").number & 0xff) == 0x14);
  }
}

TEST_CASE("names without values, and other words, are no event") {
  const View view = view_of("kvm-7.0");
  for (const std::string payload :
       {"vcpu 1", "rip", "reason", "rip x info1 y", "vcpu_id=1", "=", ","}) {
    CAPTURE(payload);
    const Read all = read(view, "a-1 [0] 1.0: kvm_exit: " + payload);
    CHECK(all.seen.empty());
    CHECK(all.counts.misshapen == 1);
  }
}

TEST_CASE("the kernel's log in a trace") {
  const View view = view_of("kvm-6.11");
  const Read all = read(view,
                        "a-1 [0] 1.0: console: [    1.5] SEV-SNP: RMPUPDATE failed for PFN 2835, "
                        "pg_level: 1, ret: 2\n");
  REQUIRE(all.seen.size() == 1);
  CHECK(view.events()[all.seen[0].event].name == "rmpupdate");
}

TEST_CASE("lines of logs") {
  const View view = view_of("kvm-6.11");
  const char* kLines[][2] = {
      {"[ 8149.348948] SEV-SNP: RMPUPDATE failed for PFN 28357f7c, pg_level: 1, ret: 2",
       "rmpupdate"},
      {"[  1.0] SEV-SNP: PFN 0x20cee00, RMP entry: [0x8000000000000ffd - 0x000000000000000f]",
       "rmp_entry"},
      {"#PF: error_code(0x80000003) - RMP violation", "host_pf"},
      {"SEV: Unsupported exit-code 0x404 in #VC exception (IP: 0x577566600c3b)",
       "guest_vc_unsupported"},
      {"kvm_amd: SEV-ES guest requested termination: 0x0:0x2", "guest_termination"},
      {"kvm_amd: SEV-ES guest requested termination: reason 0x31 info 0x0",
       "guest_termination_by_page"},
      {"kvm_amd: SEV-ES enabled (ASIDs 1 - 99)", "sev_es_enabled"},
      {"SEV-SNP: RMP table physical range [0x0000000035500000 - 0x0000000075afffff]", "rmp_table"},
      {"error: kvm run failed Bad address", "kvm_run_failed"},
      {"qemu: kvm_set_user_memory_region: KVM_SET_USER_MEMORY_REGION2 failed, slot=2, "
       "start=0xffc84000, size=0x37c000, flags=0x2, guest_memfd=-1, guest_memfd_offset=0x0: "
       "Invalid "
       "argument",
       "KVM_SET_USER_MEMORY_REGION2"},
      {"ASSERT /edk2/OvmfPkg/Library/VmgExitLib/VmgExitVcHandler.c(1041): ((BOOLEAN)(0==1))",
       "ovmf_assert"},
  };
  for (const auto& known : kLines) {
    const std::string line(known[0]), event(known[1]);
    CAPTURE(line);
    const Read all = read(view, line);
    REQUIRE(all.seen.size() == 1);
    CHECK(view.events()[all.seen[0].event].name == event);
  }
}

TEST_CASE("what is no trace is counted and harmless") {
  const View view = view_of("kvm-6.8");
  const std::string huge(3 * TextTrace::kLongestLine, 'x');
  const Read all = read(
      view, "\n\n[[[[\n]: \n-[1] 1: :\na-99999999999999 [1] 1.0: kvm_entry: vcpu 0, rip 0x0\n" +
                huge + "\na-1 [1] 1.0: kvm_entry: vcpu x\na-1 [1] 1.0: sched_switch: x\n" +
                std::string("\0\xff\x80 [1] \n", 9));
  CHECK(all.seen.empty());
  CHECK(all.counts.misshapen == 1);
  CHECK(all.counts.foreign == 1);
  CHECK(all.counts.lines == 10);
}

TEST_CASE("a nested hypervisor is known by the names of its events") {
  const View view = view_of("kvm-6.8");
  const Read all = read(view, "a-1 [0] 1.0: kvm_nested_vmexit: anything\n");
  REQUIRE(all.seen.size() == 1);
  CHECK(view.events()[all.seen[0].event].nested);
}

}  // namespace
}  // namespace nptsim::trace
