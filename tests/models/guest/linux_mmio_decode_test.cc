// What Linux's #VC handler gets right and wrong: Linux arch/x86/coco/sev/vc-handle.c
// vc_handle_mmio, arch/x86/lib/insn-eval.c, arch/x86/lib/insn.c.
#include "tests/models/guest/mmio_story.h"

namespace nptsim::guest_test {

namespace {

template <std::size_t N>
void check_linux(const Story (&stories)[N]) {
  for (const Story& story : stories) {
    CAPTURE(story.bytes);
    CAPTURE(story.meaning);
    CHECK(tell_linux(in_memory(story.bytes), registers_of_story()) == story.told);
  }
}

linux_guest::MmioMovs movs_of(std::string_view hex, const isa::Registers& registers) {
  const auto decoded = linux_guest::decode_mmio(from_hex(hex), registers);
  REQUIRE(decoded);
  const auto* movs = std::get_if<linux_guest::MmioMovs>(&decoded.value());
  REQUIRE(movs != nullptr);
  return *movs;
}

}  // namespace

TEST_CASE("addresses are the processor's") {
  check_linux({
      {"89 48 f0", "mov [rax-10h], ecx", "W4 fedffff0 = a3a2a101, length 3"},
      {"89 88 00 10 00 00", "mov [rax+1000h], ecx", "W4 fee01000 = a3a2a101, length 6"},
      {"89 0c 25 00 00 e0 7e", "mov [7ee00000h], ecx", "W4 7ee00000 = a3a2a101, length 7"},
      {"42 89 0c 20", "mov [rax+r12], ecx", "W4 a7a6a5a5a282a10c = a3a2a101, length 4"},
      {"89 0c 20", "mov [rax], ecx by SIB", "W4 fee00000 = a3a2a101, length 3"},
      {"8b 05 00 01 00 00", "mov eax, [rip+100h]", "R4 1106 -> r0 zero 8, length 6"},
      {"41 8b 05 00 01 00 00", "the same with REX.B", "R4 1107 -> r0 zero 8, length 7"},
      {"c7 05 00 01 00 00 05 00 00 00", "mov dword [rip+100h], 5", "W4 110a = 5, length 10"},
      {"41 8b 04 25 00 00 e0 7e", "mov eax, [7ee00000h]", "R4 7ee00000 -> r0 zero 8, length 8"},
      {"41 8b 44 25 00", "mov eax, [r13]", "R4 a7a6a5a4a3a2a10d -> r0 zero 8, length 5"},
      {"67 89 09", "mov [ecx], ecx", "W4 a3a2a101 = a3a2a101, length 3"},
      {"67 89 4c 09 10", "mov [ecx+ecx+10h], ecx", "W4 47454212 = a3a2a101, length 5"},
      {"67 8b 05 00 f0 ff ff", "mov eax, [eip-1000h]", "R4 7 -> r0 zero 8, length 7"},
      {"64 89 08", "mov fs:[rax], ecx", "W4 10ee00000 = a3a2a101, length 3"},
      {"65 89 08", "mov gs:[rax], ecx", "W4 11ee00000 = a3a2a101, length 3"},
      {"3e 89 08", "mov ds:[rax], ecx", "W4 fee00000 = a3a2a101, length 3"},
  });
}

TEST_CASE("a 64-bit store of an immediate sends the decoder's own bookkeeping as its upper half") {
  check_linux({
      {"48 c7 00 78 56 34 12", "mov qword [rax], 12345678h", "W8 fee00000 = 40112345678, length 7"},
      {"48 c7 00 ff ff ff ff", "mov qword [rax], -1", "W8 fee00000 = 401ffffffff, length 7"},
      {"66 48 c7 00 ff ff ff ff", "REX.W wins over 66h", "W8 fee00000 = 401ffffffff, length 8"},
      {"48 c6 00 ff", "mov byte [rax], -1", "W1 fee00000 = ff, length 4"},
  });
}

TEST_CASE("AH, CH, DH and BH are the low bytes of RSP, RBP, RSI and RDI") {
  check_linux({
      {"88 20", "mov [rax], ah", "W1 fee00000 = 4, length 2"},
      {"88 38", "mov [rax], bh", "W1 fee00000 = 7, length 2"},
      {"8a 20", "mov ah, [rax]", "R1 fee00000 -> r4, length 2"},
      {"44 8a 20", "mov r12b, [rax]", "R1 fee00000 -> r12, length 3"},
  });
}

TEST_CASE("a register operand is taken for an address") {
  check_linux({
      {"89 c8", "mov eax, ecx", "W4 fee00000 = a3a2a101, length 2"},
      {"67 8b c1", "mov eax, ecx", "R4 a3a2a101 -> r0 zero 8, length 3"},
  });
}

TEST_CASE("prefixes: repeated ones count once, REX only before the opcode, the fifth ends them") {
  check_linux({
      {"66 66 89 08", "mov [rax], cx", "W2 fee00000 = a101, length 4"},
      {"67 67 89 09", "mov [ecx], ecx", "W4 a3a2a101 = a3a2a101, length 4"},
      {"66 48 89 08", "mov [rax], rcx", "W8 fee00000 = a7a6a5a4a3a2a101, length 4"},
      {"48 66 89 08", "REX before a prefix", "decode-failed"},
      {"f0 f3 66 67 89 08", "four prefixes", "W2 fee00000 = a101, length 6"},
      {"f0 f3 66 67 3e 89 08", "five prefixes", "decode-failed"},
  });
}

TEST_CASE("two segment prefixes are refused, and so is one that is the last of three prefixes") {
  check_linux({
      {"2e 65 89 08", "mov cs:gs:[rax], ecx", "unsupported"},
      {"66 67 65 89 08", "mov gs:[eax], cx", "unsupported"},
      {"65 66 67 89 08", "mov gs:[eax], cx", "W2 11ee00000 = a101, length 5"},
      {"f0 66 67 65 89 08", "four prefixes", "W2 11ee00000 = a101, length 6"},
      {"65 65 89 08", "mov gs:[rax], ecx", "W4 11ee00000 = a3a2a101, length 4"},
  });
}

TEST_CASE("vector instructions whose opcode byte is a MOV's are taken for it") {
  check_linux({
      {"c5 f8 c6 08 70", "vshufps xmm1, xmm0, [rax], 70h", "W1 fee00000 = 70, length 5"},
      {"c5 f9 c6 08 70", "vshufpd xmm1, xmm0, [rax], 70h", "W1 fee00000 = 70, length 5"},
      {"c4 c1 78 c6 08 70", "vshufps xmm1, xmm0, [r8], 70h: VEX.B is lost",
       "W1 fee00000 = 70, length 6"},
      {"c5 fa c6 08 70", "no such instruction", "decode-failed"},
      {"c5 f8 c7 08", "no such instruction", "decode-failed"},
      {"62 f2 7d 48 88 08", "vexpandps zmm1, [rax]", "W1 fee00000 = 1, length 6"},
      {"62 f2 7d 48 8b 08", "vpcompressd [rax], zmm1", "R4 fee00000 -> r1 zero 8, length 6"},
      {"62 f2 7d c9 89 08", "vpexpandd zmm1{k1}{z}, [rax]",
       "W8 fee00000 = a7a6a5a4a3a2a101, length 6"},
      {"c4 e2 79 88 08", "no such instruction", "decode-failed"},
      {"c5 f8 0f b6 08", "no such instruction", "decode-failed"},
  });
}

TEST_CASE("an address of all ones is the decoder's own error value") {
  isa::Registers registers = registers_of_story();
  registers.gpr[isa::kRax] = ~0ull;
  CHECK(tell_linux(from_hex("88 08"), registers) == "unsupported");
}

TEST_CASE("user mode is decoded, then refused") {
  isa::Registers registers = registers_of_story();
  registers.cpl = 3;
  CHECK(tell_linux(from_hex("88 08"), registers) == "unsupported");
  CHECK(tell_linux(from_hex("f3 a4"), registers) == "unsupported");
  CHECK(tell_linux(from_hex("90"), registers) == "decode-failed");
}

TEST_CASE("bytes that could not be fetched fail the decoding") {
  const auto told = [](std::string_view hex) {
    return tell_linux(from_hex(hex), registers_of_story());
  };
  CHECK(told("") == "decode-failed");
  CHECK(told("66") == "decode-failed");
  CHECK(told("89") == "decode-failed");
  CHECK(told("89 48") == "decode-failed");
  CHECK(told("c7 00 01 02 03") == "decode-failed");
  CHECK(told("c7 00 01 02 03 04") == "W4 fee00000 = 4030201, length 6");
  CHECK(told("c5") == "decode-failed");
  CHECK(told("66 66 66 66 66 66 66 66 66 66 66 66 66 89 08") == "W2 fee00000 = a101, length 15");
  CHECK(told("66 66 66 66 66 66 66 66 66 66 66 66 66 66 89 08") == "decode-failed");
}

TEST_CASE("MOVS has one element size, and neither segments nor 67h matter to the handler") {
  check_linux({
      {"a4", "movsb", "MOVS1 a7a6a5a4a3a2a106 -> a7a6a5a4a3a2a107, length 1"},
      {"66 a5", "movsw", "MOVS2 a7a6a5a4a3a2a106 -> a7a6a5a4a3a2a107, length 2"},
      {"a5", "movsd", "MOVS4 a7a6a5a4a3a2a106 -> a7a6a5a4a3a2a107, length 1"},
      {"f3 48 a5", "rep movsq", "REP MOVS8 a7a6a5a4a3a2a106 -> a7a6a5a4a3a2a107, length 3"},
      {"f2 a4", "repne movsb", "REP MOVS1 a7a6a5a4a3a2a106 -> a7a6a5a4a3a2a107, length 2"},
      {"65 a4", "movsb gs:", "MOVS1 a7a6a5a4a3a2a106 -> a7a6a5a4a3a2a107, length 2"},
      {"67 a4", "movsb with esi, edi", "MOVS1 a7a6a5a4a3a2a106 -> a7a6a5a4a3a2a107, length 2"},
  });
}

TEST_CASE("rep movsb of 5 bytes faults five times: four retries, then done") {
  isa::Registers registers = registers_of_story();
  registers.gpr[isa::kRsi] = 0xfee00000;
  registers.gpr[isa::kRdi] = 0x5000;
  registers.gpr[isa::kRcx] = 5;
  for (unsigned pass = 1; pass <= 5; ++pass) {
    CAPTURE(pass);
    const auto movs = movs_of("f3 a4", registers);
    CHECK(movs.source.value == 0xfee00000 + pass - 1);
    CHECK(movs.destination.value == 0x5000 + pass - 1);
    const auto after = linux_guest::apply_movs(movs, registers);
    CHECK(after.retry == (pass < 5));
    registers.gpr[isa::kRsi] = after.rsi;
    registers.gpr[isa::kRdi] = after.rdi;
    registers.gpr[isa::kRcx] = after.rcx;
  }
  CHECK(registers.gpr[isa::kRcx] == 0);
}

TEST_CASE("MOVS goes down with DF, and without REP leaves RCX") {
  isa::Registers registers = registers_of_story();
  registers.gpr[isa::kRsi] = 0x8;
  registers.gpr[isa::kRdi] = 0x4;
  registers.gpr[isa::kRcx] = 0;
  registers.rflags |= isa::kFlagDf;
  const auto after = linux_guest::apply_movs(movs_of("48 a5", registers), registers);
  CHECK(after == linux_guest::MovsRegisters{.rsi = 0, .rdi = 0xfffffffffffffffc, .rcx = 0});
}

TEST_CASE("REP with RCX = 0, which a processor would not run, wraps and retries") {
  isa::Registers registers = registers_of_story();
  registers.gpr[isa::kRcx] = 0;
  const auto after = linux_guest::apply_movs(movs_of("f3 a4", registers), registers);
  CHECK(after.rcx == ~0ull);
  CHECK(after.retry);
}

}  // namespace nptsim::guest_test
