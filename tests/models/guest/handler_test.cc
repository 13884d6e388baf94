// The pure parts of the guests' #VC handlers: instruction bytes, opcode bytes, requests with their
// valid bits, what comes of an answer.
#include <doctest/doctest.h>

#include "models/guest/common/shared.h"
#include "models/guest/linux/parts.h"
#include "models/guest/ovmf/parts.h"
#include "tests/models/guest/mmio_story.h"

namespace nptsim::guest_test {
namespace {

using guest::GhcbRequest;
using guest::InsnBytes;
using guest::VcContext;
using guest::VmmAnswer;

VcContext context_for(std::uint64_t exit_code, const std::string& bytes) {
  VcContext context;
  context.exit_code = exit_code;
  context.registers = registers_of_story();
  context.registers.gpr[isa::kRax] = 0x1122334455667788;
  context.registers.gpr[isa::kRdx] = 0x3f8;
  for (const std::uint8_t byte : in_memory(bytes)) context.insn.append(byte, 1);
  return context;
}

// "rax rcx xcr0": which registers a request carries.
std::string carried(const GhcbRequest& request) {
  std::string text;
  const auto add = [&](const char* name, bool there) {
    if (there) text += text.empty() ? name : std::string(" ") + name;
  };
  add("rax", request.rax.has_value());
  add("rcx", request.rcx.has_value());
  add("rdx", request.rdx.has_value());
  add("xcr0", request.xcr0.has_value());
  add("cpl", request.cpl.has_value());
  return text;
}

TEST_CASE("instruction bytes survive being words of a frame") {
  InsnBytes bytes;
  bytes.append(0x8877665544332211, 8);
  bytes.append(0xccbbaa99, 4);
  bytes.append(0xddee, 2);
  InsnBytes again(bytes.low(), bytes.high());
  CHECK(again.count() == 14);
  CHECK(again.bytes()[0] == 0x11);
  CHECK(again.bytes()[8] == 0x99);
  CHECK(again.bytes()[12] == 0xee);
  again.append(0xffff, 2);  // one more fits
  CHECK(again.count() == guest::kMaxInsn);
  CHECK(InsnBytes(0, 0).count() == 0);
}

TEST_CASE("the head of an instruction") {
  const auto head = [](const std::string& bytes) { return guest::read_head(from_hex(bytes)); };
  CHECK(head("0f a2").last_opcode_byte() == 0xa2);
  CHECK(head("0f a2").length() == 2);
  CHECK(head("a2 00").last_opcode_byte() == 0xa2);
  CHECK(head("0f 01 d9").length() == 3);
  CHECK(head("41 0f 23 f8").modrm_rm() == 8);
  CHECK(head("41 0f 23 f8").modrm_reg() == 7);
  CHECK(head("66 e5 70").length() == 3);
  CHECK(head("0f").ran_out);
  CHECK(head("66 66").ran_out);
  CHECK(head("0f 01").ran_out);
  CHECK_FALSE(head("ec").ran_out);
}

TEST_CASE("IN and OUT become the words of an IOIO request") {
  const auto io = [](const std::string& bytes) {
    return guest::io_request(guest::read_head(from_hex(bytes)), 0x12340cf8);
  };
  CHECK(io("e4 71").info == 0x00710211);  // in al, 0x71
  CHECK(io("ef").info == 0x0cf80240);     // out dx, eax
  CHECK(io("66 ed").info == 0x0cf80221);  // in ax, dx
  CHECK(io("f3 6e").string);              // rep outsb
  CHECK(io("f3 6e").info == (0x0cf80200 | bit(2) | bit(3) | bit(4) | 3ull << 10));
  CHECK(io("6c").in);
  CHECK_FALSE(io("90").is_io);
  CHECK_FALSE(io("0f ec").is_io);
}

TEST_CASE("valid bits of requests: GHCB offset / 8") {
  const GhcbRequest write = guest::mmio_write_request(GuestPhysAddr(0xffc00000), 1, 0x1140);
  CHECK(write.exit_code == 0x80000002);
  CHECK(write.info_1 == 0xffc00000);
  CHECK(write.info_2 == 1);
  CHECK(write.data == 0x40);
  CHECK(write.valid().low == 0);
  CHECK(write.valid().high == (bit(114 - 64) | bit(115 - 64) | bit(116 - 64) | bit(117 - 64)));

  GhcbRequest cpuid;
  cpuid.rax = 0xd;
  cpuid.rcx = 0;
  cpuid.xcr0 = 7;
  cpuid.cpl = 0;
  CHECK(cpuid.valid().low == (bit(63) | bit(25)));
  CHECK(cpuid.valid().high ==
        (bit(97 - 64) | bit(114 - 64) | bit(115 - 64) | bit(116 - 64) | bit(125 - 64)));
  // Nothing is written where nothing was asked to be.
  CHECK(guest::mmio_write_request(GuestPhysAddr(0), 0, 5).data_size == 0);
}

TEST_CASE("what a hypervisor may answer") {
  const std::uint64_t valid = bit(31) | 3 << 8;
  CHECK(guest::vmm_answer_of(0, 0xffff) == VmmAnswer::kOk);
  CHECK(guest::vmm_answer_of(0x700000000, 0) ==
        VmmAnswer::kOk);  // the upper half is event specific
  CHECK(guest::vmm_answer_of(1, valid | 13) == VmmAnswer::kGp);
  CHECK(guest::vmm_answer_of(1, valid | 6) == VmmAnswer::kUd);
  CHECK(guest::vmm_answer_of(1, valid | 14) == VmmAnswer::kOtherException);
  CHECK(guest::vmm_answer_of(1, 13) == VmmAnswer::kOtherException);
  CHECK(guest::vmm_answer_of(1, bit(31) | 13) == VmmAnswer::kOtherException);  // an interrupt
  CHECK(guest::vmm_answer_of(2, 3) == VmmAnswer::kMalformed);
  CHECK(guest::vmm_answer_of(3, 0) == VmmAnswer::kOther);
}

TEST_CASE("requests of OVMF") {
  struct Row {
    std::uint64_t code;
    std::string bytes, carried;
    ovmf::Plan plan;
    unsigned length;
  };
  using ovmf::Plan;
  const Row rows[] = {
      {0x72, "0f a2", "rax rcx", Plan::kRequest, 2},
      {0x6e, "0f 31", "", Plan::kRequest, 2},
      {0x6f, "0f 33", "rcx", Plan::kRequest, 2},
      {0x76, "0f 08", "", Plan::kRequest, 2},
      {0x7b, "ec", "rax", Plan::kRequest, 1},
      {0x7b, "e6 80", "rax", Plan::kRequest, 2},
      {0x7b, "f3 6c", "", Plan::kStringIo, 2},
      {0x7b, "90", "", Plan::kUnsupported, 1},
      {0x7c, "0f 30", "rax rcx rdx", Plan::kRequest, 2},
      {0x7c, "0f 32", "rcx", Plan::kRequest, 2},
      {0x7c, "32 30", "rax rcx rdx", Plan::kRequest, 1},  // xor dh, [rax] taken for WRMSR
      {0x7c, "32 07", "", Plan::kUnsupported, 1},
      {0x81, "0f 01 d9", "rax cpl", Plan::kRequest, 3},
      {0x87, "0f 01 f9", "", Plan::kRequest, 3},
      {0x89, "0f 09", "", Plan::kRequest, 2},
      {0x8a, "0f 01 c8", "rax rcx rdx", Plan::kRequest, 3},
      {0x8b, "0f 01 c9", "rax rcx", Plan::kRequest, 3},
      {0x27, "0f 21 f8", "", Plan::kNone, 3},
      {0x37, "0f 23 f8", "rax", Plan::kRequest, 3},
      {0x400, "c6 00 70", "", Plan::kMmio, 3},
      {0x400, "a4", "", Plan::kInvalidOpcode, 0},
      {0x400, "88 c1", "", Plan::kUnsupported, 0},
      {0x404, "88 08", "", Plan::kUnsupported, 1},
      // What passes the opcode check, or passed before there was one: the length is the handler's.
      {0x72, "a2 00", "rax rcx", Plan::kRequest, 1},
      {0x72, "48 8b 13", "rax rcx", Plan::kRequest, 2},
      {0x6e, "31 08", "", Plan::kRequest, 1},
      {0x6f, "33 08", "rcx", Plan::kRequest, 1},
      {0x76, "08 08", "", Plan::kRequest, 1},
      {0x89, "09 08", "", Plan::kRequest, 1},
      {0x81, "01 d9", "rax cpl", Plan::kRequest, 2},
      {0x27, "21 38", "", Plan::kNone, 2},
      {0x27, "21 78 10", "", Plan::kNone, 3},
      {0x27, "21 3c 25 00 00 00 00", "", Plan::kNone, 7},
      {0x37, "23 b8 00 01 00 00", "rax", Plan::kRequest, 6},
      {0x27, "0f b7 03", "", Plan::kNone, 3},
  };
  for (const Row& row : rows) {
    CAPTURE(row.code);
    CAPTURE(row.bytes);
    const VcContext context = context_for(row.code, row.bytes);
    const ovmf::NaePlan plan = ovmf::plan_of(context, 1);
    CHECK(plan.plan == row.plan);
    CHECK(carried(plan.nae.request) == row.carried);
    CHECK(ovmf::length_of(context) == row.length);
    CHECK(ovmf::insn_complete(context));
  }
  VcContext extended = context_for(0x72, "0f a2");
  extended.registers.gpr[isa::kRax] = 0x77770000000d;
  CHECK(ovmf::plan_of(extended, 7).nae.request.xcr0 == 7);
  CHECK(ovmf::plan_of(extended, 7).nae.request.rax == 0xd);
}

TEST_CASE("requests of Linux, where they differ") {
  using linux_guest::Plan;
  const auto plan = [](std::uint64_t code, const std::string& bytes, bool user = false) {
    VcContext context = context_for(code, bytes);
    context.registers.cpl = user ? 3 : 0;
    return linux_guest::plan_of(context, 1);
  };
  CHECK(carried(plan(0x72, "0f a2").nae.request) == "rax rcx xcr0");
  CHECK(plan(0x72, "0f a2").nae.request.rax == 0x1122334455667788);
  CHECK(plan(0x8a, "0f 01 c8").plan == Plan::kNone);
  CHECK(plan(0x8b, "0f 01 c9").plan == Plan::kNone);
  CHECK(plan(0x7b, "ec", true).plan == Plan::kGp);
  CHECK(plan(0x7b, "90").plan == Plan::kDecodeFailed);
  CHECK(plan(0x37, "0f 23 f8").plan == Plan::kGp);  // the upper half of RAX is not zero
  CHECK(plan(0x37, "0f 23 fa").nae.request.rax == ((0x3f8 & 0xffff23ff) | 0x400));
  CHECK(plan(0x81, "0f 01 d9", true).nae.request.cpl == 3);
  CHECK(plan(0x400, "f3 a4").plan == Plan::kMovs);
  CHECK(plan(0x400, "8a 08").plan == Plan::kMmio);
  CHECK(plan(0x400, "8a 08", true).plan == Plan::kUnsupported);
  CHECK(plan(0x400, "a0 00").plan == Plan::kDecodeFailed);
  CHECK_FALSE(plan(0x7c, "0f 32").nae.outputs_checked);
  CHECK(linux_guest::length_of(context_for(0x400, "f3 48 a5")) == 3);
}

TEST_CASE("elements of one request of INS and OUTS: what the shared buffer has room for") {
  struct Row {
    std::string bytes;
    std::uint64_t rcx, flags;
    std::uint64_t linux_count, linux_second;  // the address of the second element
    std::uint64_t ovmf_count, ovmf_second;
  };
  const std::uint64_t df = isa::kFlagDf;
  const Row rows[] = {
      {"f3 6e", 5, 0, 5, 0x5001, 5, 0x5001},  // rep outsb
      {"6e", 5, 0, 1, 0x5001, 1, 0x5001},     // without REP
      {"f2 6e", 5, 0, 5, 0x5001, 5, 0x5001},  // REPNE counts too
      {"f3 6e", 2032, 0, 2032, 0x5001, 2032, 0x5001},
      {"f3 6e", 2033, 0, 2032, 0x5001, 2032, 0x5001},
      {"f3 66 6f", 2000, 0, 1016, 0x5002, 1016, 0x5002},
      {"f3 6f", 2000, 0, 508, 0x5004, 508, 0x5004},
      {"f3 6d", 2, df, 2, 0x5ffc, 2, 0x6004},             // rep insd downwards: only Linux looks
      {"f3 6e", 1ull << 32, 0, 0, 0x5001, 2032, 0x5001},  // Linux counts in an unsigned int
      {"f3 6e", 0, 0, 0, 0x5001, 0, 0x5001},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    CAPTURE(row.rcx);
    VcContext context = context_for(0x7b, row.bytes);
    context.registers.gpr[isa::kRcx] = row.rcx;
    context.registers.gpr[isa::kRsi] = 0x5000;
    context.registers.gpr[isa::kRdi] = 0x6000;
    context.registers.rflags |= row.flags;
    const auto io = guest::io_request(context.head(), 0x510);
    const guest::StringIo in_linux = linux_guest::string_of(context, io);
    const guest::StringIo in_ovmf = ovmf::string_of(context, io);
    CHECK(in_linux.count == row.linux_count);
    CHECK(in_linux.address(1) == row.linux_second);
    CHECK(in_ovmf.count == row.ovmf_count);
    CHECK(in_ovmf.address(1) == row.ovmf_second);
    const GhcbRequest request = ovmf::plan_of(context, 1).nae.request;
    CHECK(request.info_2 == row.ovmf_count);
    CHECK(request.scratch);
    CHECK(linux_guest::plan_of(context, 1).nae.request.info_2 == row.linux_count);
  }
}

// A hypervisor may name any event at any instruction. Where nobody compares the two, the handler
// goes on behind the whole instruction.
TEST_CASE("lengths in Linux are those of the instruction, whatever the event") {
  const auto length = [](std::uint64_t code, const std::string& bytes) {
    return linux_guest::length_of(context_for(code, bytes));
  };
  CHECK(length(0x72, "0f a2") == 2);
  CHECK(length(0x72, "48 8b 13") == 3);
  CHECK(length(0x7c, "c7 80 00 01 00 00 78 56 34 12") == 10);
  CHECK(length(0x27, "0f b7 03") == 3);
  CHECK(length(0x7b, "66 e5 70") == 3);
  const VcContext one_byte = context_for(0x7c, "32 30");
  CHECK(linux_guest::plan_of(one_byte, 1).nae.request.info_1 == 0);  // RDMSR
}

TEST_CASE("error codes of #VC have names") {
  const auto name = [](std::uint64_t code) { return guest::vc_words()[guest::vc_index(code)]; };
  CHECK(name(0x400) == "npf");
  CHECK(name(0x404) == "not-validated");
  CHECK(name(0x27) == "read-dr7");
  CHECK(name(0x41) == "db");
  CHECK(name(0x4e) == "other-exception");
  CHECK(name(0x60) == "other");
  CHECK(name(0) == "other");
}

TEST_CASE("pieces of an instruction stay in their page") {
  VcContext context;
  context.registers.rip = 0x1ffb;
  CHECK(guest::piece_in_page(context) == 4);
  context.insn.append(0, 4);
  CHECK(guest::piece_in_page(context) == 1);
  context.insn.append(0, 1);
  CHECK(guest::piece_in_page(context) == 8);
  context.insn.append(0, 8);
  CHECK(guest::piece_in_page(context) == 2);
}

}  // namespace
}  // namespace nptsim::guest_test
