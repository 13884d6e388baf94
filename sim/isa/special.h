// Instructions that the CPU model above decides: what they ask for, and how to complete them.
#ifndef NPTSIM_SIM_ISA_SPECIAL_H_
#define NPTSIM_SIM_ISA_SPECIAL_H_

#include "sim/isa/instruction.h"
#include "sim/isa/memory_port.h"
#include "sim/isa/outcome.h"
#include "sim/isa/registers.h"

namespace nptsim::isa {

// What a special instruction asks for. Only the fields that its kind names are meaningful.
struct Special {
  SpecialKind kind = SpecialKind::kNone;
  u8 size = 0;       // In/Out/Ins/Outs: bytes of the access; ReadCr..WriteDr: of the register
  u8 index = 0;      // ReadCr..WriteDr: which one
  u8 gpr = 0;        // ReadCr..WriteDr: the general register; Rdpid, Rdrand, Rdseed: destination
  u8 segment = kDs;  // Ins (ES), Outs: the segment of the memory side
  u8 vector = 0;     // Int, Int3, Into, Icebp
  bool repeated = false;  // Ins, Outs with REP
  bool memory = false;    // operand in memory: Smsw, Lmsw, Lldt, Ltr, Sldt, Str, Invpcid
  u16 port = 0;           // In, Out, Ins, Outs
  u64 value = 0;          // Out: data; WriteCr, WriteDr: new value; Wrmsr: EDX:EAX
  u64 leaf = 0;           // Cpuid: EAX; Rdmsr, Wrmsr, Rdpmc, Rdpru, Xgetbv, Xsetbv: ECX
  u64 subleaf = 0;        // Cpuid: ECX
  u64 count = 0;          // Ins, Outs: iterations left, 1 without REP
  GuestVirtAddr address;  // Invlpg, Ins, Outs, Lgdt..Sidt and operands in memory: linear
  u64 next_rip = 0;
};

// Privilege and mode were checked before execute() said kSpecial.
Special describe_special(const Instruction& instruction, const Registers& registers);

// Moves past the instruction: rIP, interrupt shadow and RF as for any that retires.
void retire_special(const Instruction& instruction, Registers& registers);

// Each of these writes the results and retires.
void complete_cpuid(const Instruction&, Registers&, u32 eax, u32 ebx, u32 ecx, u32 edx);
void complete_in(const Instruction&, Registers&, u64 value);
void complete_read_edx_eax(const Instruction&, Registers&, u64 value);  // Rdmsr, Rdtsc, Rdpmc...
void complete_rdtscp(const Instruction&, Registers&, u64 tsc, u32 aux);
void complete_read_gpr(const Instruction&, Registers&, u64 value);  // ReadCr, ReadDr, Rdpid
void complete_random(const Instruction&, Registers&, u64 value, bool carry);  // Rdrand, Rdseed
void complete_swapgs(const Instruction&, Registers&, u64& kernel_gs_base);
// The results of PVALIDATE and its kind: EAX, and OF ZF AF PF SF after it (APM vol. 3, PVALIDATE).
void complete_rmp_instruction(const Instruction&, Registers&, u32 eax, bool carry);

// Ins, Outs: one iteration, as execute() does for the other strings: kRetired after the last one or
// when the count is 0 already, else kIteration. Ins: `data` is stored to memory by this call. Outs:
// load the data first with load_outs().
Outcome load_outs(const Instruction&, Registers&, MemoryPort&, u64& data);
Outcome complete_outs(const Instruction&, Registers&);
Outcome complete_ins(const Instruction&, Registers&, MemoryPort&, u64 data);

// What the instruction does on a processor that intercepts nothing: descriptor table registers,
// MOV to and from control and debug registers, CLTS/LMSW/SMSW, software interrupts (through the
// IDT), PAUSE, INVD/WBINVD (no effect here). kSpecial is given back for kinds that need more than
// registers and memory (CPUID, MSRs, I/O, HLT, ...). Reserved-bit rules of control registers are
// the caller's: they depend on the CPU profile.
Outcome complete_natively(const Instruction&, Registers&, MemoryPort&);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_SPECIAL_H_
