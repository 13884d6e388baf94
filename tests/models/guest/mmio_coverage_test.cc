// What OVMF and Linux make of the same bytes: edk2 OvmfPkg/Library/CcExitLib/CcExitVcHandler.c
// MmioExit against Linux arch/x86/lib/insn-eval.c insn_decode_mmio.
#include "tests/models/guest/mmio_story.h"

namespace nptsim::guest_test {

namespace {

struct Row {
  std::string bytes, meaning, ovmf, linux_kernel;
};

constexpr const char* kSame = "the same";

// Code at 0x1000, RAX = fee00000, other registers a7a6a5a4a3a2a1NN with NN their number; memory
// after the instruction is CC.
const Row kRows[] = {
    {"88 08", "mov [rax], cl", "W1 fee00000 = 1, length 2", kSame},
    {"88 20", "mov [rax], ah: SPL's byte", "W1 fee00000 = 4, length 2", kSame},
    {"40 88 20", "mov [rax], spl", "W1 fee00000 = 4, length 3", kSame},
    {"66 89 08", "mov [rax], cx", "W2 fee00000 = a101, length 3", kSame},
    {"89 08", "mov [rax], ecx", "W4 fee00000 = a3a2a101, length 2", kSame},
    {"48 89 08", "mov [rax], rcx", "W8 fee00000 = a7a6a5a4a3a2a101, length 3", kSame},
    {"8a 08", "mov cl, [rax]", "R1 fee00000 -> r1, length 2", kSame},
    {"66 8b 08", "mov cx, [rax]", "R2 fee00000 -> r1, length 3", kSame},
    {"8b 08", "mov ecx, [rax]", "R4 fee00000 -> r1 zero 8, length 2", kSame},
    {"48 8b 08", "mov rcx, [rax]", "R8 fee00000 -> r1, length 3", kSame},
    {"c6 00 70", "mov byte [rax], 70h", "W1 fee00000 = 70, length 3", kSame},
    {"c7 00 78 56 34 12", "mov dword [rax], imm32", "W4 fee00000 = 12345678, length 6", kSame},
    {"66 c7 00 34 12", "mov word [rax], imm16", "W2 fee00000 = 1234, length 5", kSame},
    {"48 c7 00 78 56 34 12", "mov qword [rax], simm32", "W0 fee00000 = 0, length 3",
     "W8 fee00000 = 40112345678, length 7"},
    {"a2 00 00 c0 fe 00 00 00 00", "mov [moffs], al", "W1 fec00000 = 0, length 9", "decode-failed"},
    {"a3 00 00 c0 fe 00 00 00 00", "mov [moffs], eax", "W4 fec00000 = fee00000, length 9",
     "decode-failed"},
    {"a0 00 00 c0 fe 00 00 00 00", "mov al, [moffs]", "R1 fec00000 -> r0, length 9",
     "decode-failed"},
    {"a1 00 00 c0 fe 00 00 00 00", "mov eax, [moffs]", "R4 fec00000 -> r0 zero 8, length 9",
     "decode-failed"},
    {"48 a1 00 00 c0 fe 00 00 00 00", "mov rax, [moffs]", "R8 fec00000 -> r0, length 10",
     "decode-failed"},
    {"0f b6 08", "movzx ecx, byte [rax]", "R1 fee00000 -> r1 zero 4, length 3", kSame},
    {"0f b7 08", "movzx ecx, word [rax]", "R2 fee00000 -> r1 zero 4, length 3", kSame},
    {"48 0f b6 08", "movzx rcx, byte [rax]", "R1 fee00000 -> r1 zero 8, length 4", kSame},
    {"0f be 08", "movsx ecx, byte [rax]", "R1 fee00000 -> r1 sign 4, length 3", kSame},
    {"0f bf 08", "movsx ecx, word [rax]", "R2 fee00000 -> r1 sign 4, length 3", kSame},
    {"66 0f be 08", "movsx cx, byte [rax]", "R1 fee00000 -> r1 sign 2, length 4", kSame},
    {"48 63 08", "movsxd rcx, [rax]", "invalid-opcode", "decode-failed"},
    {"a4", "movsb", "invalid-opcode", "MOVS1 a7a6a5a4a3a2a106 -> a7a6a5a4a3a2a107, length 1"},
    {"f3 a4", "rep movsb", "invalid-opcode",
     "REP MOVS1 a7a6a5a4a3a2a106 -> a7a6a5a4a3a2a107, length 2"},
    {"aa", "stosb", "invalid-opcode", "decode-failed"},
    {"f3 aa", "rep stosb", "invalid-opcode", "decode-failed"},
    {"ac", "lodsb", "invalid-opcode", "decode-failed"},
    {"80 08 01", "or byte [rax], 1", "invalid-opcode", "decode-failed"},
    {"83 08 01", "or dword [rax], 1", "invalid-opcode", "decode-failed"},
    {"09 08", "or [rax], ecx", "invalid-opcode", "decode-failed"},
    {"87 08", "xchg [rax], ecx", "invalid-opcode", "decode-failed"},
    {"f0 0f b1 08", "lock cmpxchg [rax], ecx", "invalid-opcode", "decode-failed"},
    {"f0 0f c7 08", "lock cmpxchg8b [rax]: C7 with an immediate that is not there",
     "W4 fee00000 = cccccccc, length 8", "decode-failed"},
    {"0f a3 08", "bt [rax], ecx: A3 with an offset that is not there",
     "W4 cccccccccccccc08 = fee00000, length 10", "decode-failed"},
    {"0f c6 00 70", "shufps xmm0, [rax], 70h: C6", "W1 fee00000 = 70, length 4", "decode-failed"},
    {"0f c3 08", "movnti [rax], ecx", "invalid-opcode", "decode-failed"},
    {"8b 05 00 01 00 00", "mov eax, [rip+100h]", "R4 1100 -> r0 zero 8, length 6",
     "R4 1106 -> r0 zero 8, length 6"},
    {"0f 6f 08", "movq mm1, [rax]", "invalid-opcode", "decode-failed"},
    {"f3 0f 6f 08", "movdqu xmm1, [rax]", "invalid-opcode", "decode-failed"},
    {"c5 fa 6f 08", "vmovdqu xmm1, [rax]", "invalid-opcode", "decode-failed"},
    {"c5 f8 c6 08 70", "vshufps xmm1, xmm0, [rax], 70h", "invalid-opcode",
     "W1 fee00000 = 70, length 5"},
    {"8e 18", "mov ds, [rax]", "invalid-opcode", "decode-failed"},
    {"8c 18", "mov [rax], ds", "invalid-opcode", "decode-failed"},
    {"ff 20", "jmp [rax]", "invalid-opcode", "decode-failed"},
    {"ff 30", "push [rax]", "invalid-opcode", "decode-failed"},
};

}  // namespace

TEST_CASE("OVMF and Linux decode the same bytes, each in its own way") {
  const isa::Registers registers = registers_of_story();
  for (const Row& row : kRows) {
    CAPTURE(row.bytes);
    CAPTURE(row.meaning);
    const auto bytes = in_memory(row.bytes);
    CHECK(tell_ovmf(bytes, registers) == row.ovmf);
    CHECK(tell_linux(bytes, registers) ==
          (row.linux_kernel == kSame ? row.ovmf : row.linux_kernel));
  }
}

TEST_CASE("a 32-bit extending load leaves the upper half of the register, in both guests") {
  const isa::Registers registers = registers_of_story();
  const auto decoded = ovmf::decode_mmio(in_memory("0f b6 08"), registers);
  REQUIRE(decoded);
  CHECK(guest::apply_read(decoded.value(), 0xa7a6a5a4a3a2a101, 0x5a) == 0xa7a6a5a40000005a);
}

TEST_CASE("an answer lands in its register: first the fill, then the data") {
  using guest::MmioFill;
  const auto landed = [](std::uint8_t size, std::uint8_t filled, MmioFill fill,
                         std::uint64_t data) {
    guest::MmioRequest request;
    request.size = size;
    request.target = {.gpr = 1, .filled_bytes = filled, .fill = fill};
    return guest::apply_read(request, 0x1111111111111111, data);
  };
  CHECK(landed(1, 0, MmioFill::kZero, 0xffffffffffffff80) == 0x1111111111111180);
  CHECK(landed(2, 0, MmioFill::kZero, 0x8765) == 0x1111111111118765);
  CHECK(landed(4, 8, MmioFill::kZero, 0x87654321) == 0x87654321);
  CHECK(landed(8, 0, MmioFill::kZero, 0x8765432187654321) == 0x8765432187654321);
  CHECK(landed(1, 2, MmioFill::kZero, 0x80) == 0x1111111111110080);
  CHECK(landed(1, 2, MmioFill::kSign, 0x80) == 0x111111111111ff80);
  CHECK(landed(1, 4, MmioFill::kSign, 0x7f) == 0x111111110000007f);
  CHECK(landed(2, 4, MmioFill::kSign, 0x8000) == 0x11111111ffff8000);
  CHECK(landed(2, 8, MmioFill::kSign, 0x8000) == 0xffffffffffff8000);
  CHECK(landed(2, 2, MmioFill::kSign, 0x8000) == 0x1111111111118000);
}

}  // namespace nptsim::guest_test
