// What OVMF's #VC handler gets right and wrong: edk2 OvmfPkg/Library/CcExitLib/CcExitVcHandler.c
// MmioExit, CcInstruction.c.
#include "tests/models/guest/mmio_story.h"

namespace nptsim::guest_test {

namespace {

template <std::size_t N>
void check_ovmf(const Story (&stories)[N]) {
  for (const Story& story : stories) {
    CAPTURE(story.bytes);
    CAPTURE(story.meaning);
    CHECK(tell_ovmf(in_memory(story.bytes), registers_of_story()) == story.told);
  }
}

}  // namespace

TEST_CASE("addresses that OVMF computes as the processor does") {
  check_ovmf({
      {"89 48 10", "mov [rax+10h], ecx", "W4 fee00010 = a3a2a101, length 3"},
      {"89 48 f0", "mov [rax-10h], ecx", "W4 fedffff0 = a3a2a101, length 3"},
      {"89 88 00 10 00 00", "mov [rax+1000h], ecx", "W4 fee01000 = a3a2a101, length 6"},
      {"89 0c 20", "mov [rax], ecx by SIB", "W4 fee00000 = a3a2a101, length 3"},
      {"89 4c 20 10", "mov [rax+10h], ecx by SIB", "W4 fee00010 = a3a2a101, length 4"},
      {"89 0c 88", "mov [rax+rcx*4], ecx", "W4 9e9a96938d6a8404 = a3a2a101, length 3"},
      {"89 0c 25 00 00 e0 7e", "mov [7ee00000h], ecx", "W4 7ee00000 = a3a2a101, length 7"},
      {"41 89 4d 00", "mov [r13+0], ecx", "W4 a7a6a5a4a3a2a10d = a3a2a101, length 4"},
      {"42 89 0c 20", "mov [rax+r12], ecx", "W4 a7a6a5a5a282a10c = a3a2a101, length 4"},
      {"44 89 08", "mov [rax], r9d", "W4 fee00000 = a3a2a109, length 3"},
      {"4c 8b 38", "mov r15, [rax]", "R8 fee00000 -> r15, length 3"},
      {"67 a1 00 00 c0 fe", "mov eax, [moffs32]", "R4 fec00000 -> r0 zero 8, length 6"},
  });
}

TEST_CASE("a two-byte opcode is looked up among the one-byte opcodes") {
  check_ovmf({
      {"0f a3 08", "bt [rax], ecx", "W4 cccccccccccccc08 = fee00000, length 10"},
      {"f0 0f c7 08", "lock cmpxchg8b [rax]", "W4 fee00000 = cccccccc, length 8"},
      {"0f c6 00 01", "shufps xmm0, [rax], 1", "W1 fee00000 = 1, length 4"},
      {"0f a2", "cpuid", "W1 cccccccccccccccc = 0, length 10"},
      {"0f 38 8b 08", "no such instruction; 38 is looked up", "invalid-opcode"},
      {"b6 08", "mov dh, 8 (touches no memory)", "R1 fee00000 -> r1 zero 4, length 2"},
  });
}

TEST_CASE("a RIP-relative address starts at this instruction, not at the next") {
  check_ovmf({
      {"8b 05 00 01 00 00", "mov eax, [rip+100h]", "R4 1100 -> r0 zero 8, length 6"},
      {"c7 05 f0 ff ff ff 01 00 00 00", "mov dword [rip-10h], 1", "W4 ff0 = 1, length 10"},
  });
}

TEST_CASE("with REX.B, rm or base 5 is register 13 and the displacement stays unread") {
  check_ovmf({
      {"41 8b 05 00 01 00 00", "mov eax, [rip+100h]", "R4 a7a6a5a4a3a2a10d -> r0 zero 8, length 3"},
      {"41 8b 04 25 00 00 e0 7e", "mov eax, [7ee00000h]",
       "R4 a7a6a5a4a3a2a10d -> r0 zero 8, length 4"},
  });
}

TEST_CASE("a 64-bit store of an immediate writes nothing, and RIP lands in the immediate") {
  check_ovmf({
      {"48 c7 00 78 56 34 12", "mov qword [rax], 12345678h", "W0 fee00000 = 0, length 3"},
      {"48 c6 00 78", "mov byte [rax], 78h", "W1 fee00000 = 78, length 4"},
  });
}

TEST_CASE("FS and GS add no base") {
  check_ovmf({
      {"64 89 08", "mov fs:[rax], ecx", "W4 fee00000 = a3a2a101, length 3"},
      {"65 89 08", "mov gs:[rax], ecx", "W4 fee00000 = a3a2a101, length 3"},
      {"65 a1 00 00 c0 fe 00 00 00 00", "mov eax, gs:[moffs]",
       "R4 fec00000 -> r0 zero 8, length 10"},
  });
}

TEST_CASE("67h does not truncate an address") {
  check_ovmf({
      {"67 89 09", "mov [ecx], ecx", "W4 a7a6a5a4a3a2a101 = a3a2a101, length 3"},
      {"67 8b 40 f0", "mov eax, [eax-10h]", "R4 fedffff0 -> r0 zero 8, length 4"},
  });
}

TEST_CASE("AH, CH, DH and BH are the low bytes of RSP, RBP, RSI and RDI") {
  check_ovmf({
      {"88 20", "mov [rax], ah", "W1 fee00000 = 4, length 2"},
      {"88 28", "mov [rax], ch", "W1 fee00000 = 5, length 2"},
      {"88 30", "mov [rax], dh", "W1 fee00000 = 6, length 2"},
      {"88 38", "mov [rax], bh", "W1 fee00000 = 7, length 2"},
      {"8a 20", "mov ah, [rax]", "R1 fee00000 -> r4, length 2"},
  });
}

TEST_CASE("an extending load fills the operand size only") {
  check_ovmf({
      {"66 0f b6 08", "movzx cx, byte [rax]", "R1 fee00000 -> r1 zero 2, length 4"},
      {"0f b6 08", "movzx ecx, byte [rax]", "R1 fee00000 -> r1 zero 4, length 3"},
      {"48 0f b7 08", "movzx rcx, word [rax]", "R2 fee00000 -> r1 zero 8, length 4"},
      {"0f be 08", "movsx ecx, byte [rax]", "R1 fee00000 -> r1 sign 4, length 3"},
      {"48 0f bf 08", "movsx rcx, word [rax]", "R2 fee00000 -> r1 sign 8, length 4"},
  });
}

TEST_CASE("REX keeps its effect before another prefix, and 66h after any REX has none") {
  check_ovmf({
      {"48 66 89 08", "mov [rax], cx", "W8 fee00000 = a7a6a5a4a3a2a101, length 4"},
      {"40 66 89 08", "mov [rax], cx", "W4 fee00000 = a3a2a101, length 4"},
      {"41 f3 89 08", "mov [rax], ecx", "W4 a7a6a5a4a3a2a108 = a3a2a101, length 4"},
      {"66 48 89 08", "mov [rax], rcx", "W8 fee00000 = a7a6a5a4a3a2a101, length 4"},
      {"66 40 89 08", "mov [rax], cx", "W2 fee00000 = a101, length 4"},
      {"48 40 89 08", "mov [rax], ecx", "W8 fee00000 = a7a6a5a4a3a2a101, length 4"},
  });
}

TEST_CASE("LOCK and REP are read over") {
  check_ovmf({
      {"f3 89 08", "rep mov [rax], ecx", "W4 fee00000 = a3a2a101, length 3"},
      {"f0 88 08", "lock mov [rax], cl (invalid)", "W1 fee00000 = 1, length 3"},
  });
}

TEST_CASE("a register operand is refused by MOV with a register only") {
  check_ovmf({
      {"89 c8", "mov eax, ecx", "register-operand"},
      {"8a c8", "mov cl, al", "register-operand"},
      {"c6 c1 70", "mov cl, 70h", "W1 a7a6a5a4a3a2a101 = 70, length 3"},
      {"0f b6 c9", "movzx ecx, cl", "R1 a7a6a5a4a3a2a101 -> r1 zero 4, length 3"},
      {"41 0f bf c9", "movsx ecx, r9w", "R2 a7a6a5a4a3a2a109 -> r1 sign 4, length 4"},
  });
}

TEST_CASE("bytes that are not there are asked for") {
  const auto told = [](std::string_view hex) {
    return tell_ovmf(from_hex(hex), registers_of_story());
  };
  CHECK(told("") == "needs-more-bytes");
  CHECK(told("66 66") == "needs-more-bytes");
  CHECK(told("0f") == "needs-more-bytes");
  CHECK(told("89") == "needs-more-bytes");
  CHECK(told("c7 00 01 02 03") == "needs-more-bytes");
  CHECK(told("0f a3 08") == "needs-more-bytes");
  CHECK(told("48 c7 00") == "W0 fee00000 = 0, length 3");
  CHECK(told("90") == "invalid-opcode");
}

}  // namespace nptsim::guest_test
