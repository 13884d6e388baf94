// What became of one instruction. Every machine fault is a value here.
#ifndef NPTSIM_SIM_ISA_OUTCOME_H_
#define NPTSIM_SIM_ISA_OUTCOME_H_

#include <string_view>

#include "sim/isa/registers.h"

namespace nptsim::isa {

enum class OutcomeKind : u8 {
  kRetired,      // done, rIP is at the next instruction
  kIteration,    // one iteration of a rep instruction is done, rIP still points at it
  kStopped,      // the memory port stopped it; registers are as before
  kException,    // vector and error code; registers are as before
  kSpecial,      // the CPU model above decides (intercepts, devices); registers are as before
  kUnsupported,  // outside the executed set; registers are as before, never a wrong result
};

// Exception vectors (APM vol. 2, table 8-1).
enum Vector : u8 {
  kDe = 0,
  kDb = 1,
  kNmi = 2,
  kBp = 3,
  kOfv = 4,
  kBr = 5,
  kUd = 6,
  kNm = 7,
  kDf = 8,
  kTs = 10,
  kNp = 11,
  kSsv = 12,
  kGp = 13,
  kPf = 14,
  kMf = 16,
  kAc = 17,
  kMc = 18,
  kXf = 19,
  kCp = 21,
  kHv = 28,
  kVc = 29,
  kSx = 30
};

// What the CPU model above must decide. Named like the mnemonics. Iret, Pushf and Popf are
// executed, their kind is only a mark in Instruction::special for a CPU model that intercepts them.
// clang-format off
#define NPTSIM_ISA_SPECIALS(X)                                                                   \
  X(Cpuid, "cpuid") X(In, "in") X(Out, "out") X(Ins, "ins") X(Outs, "outs")                      \
  X(Rdmsr, "rdmsr") X(Wrmsr, "wrmsr") X(Rdtsc, "rdtsc") X(Rdtscp, "rdtscp") X(Rdpmc, "rdpmc")    \
  X(Rdpru, "rdpru") X(Rdpid, "rdpid") X(Rdrand, "rdrand") X(Rdseed, "rdseed")                    \
  X(Hlt, "hlt") X(Pause, "pause") X(Monitor, "monitor") X(Mwait, "mwait")                        \
  X(Monitorx, "monitorx") X(Mwaitx, "mwaitx")                                                    \
  X(Invlpg, "invlpg") X(Invlpga, "invlpga") X(Invlpgb, "invlpgb") X(Tlbsync, "tlbsync")          \
  X(Invpcid, "invpcid") X(Invd, "invd") X(Wbinvd, "wbinvd") X(Wbnoinvd, "wbnoinvd")              \
  X(ReadCr, "mov from cr") X(WriteCr, "mov to cr") X(ReadDr, "mov from dr")                      \
  X(WriteDr, "mov to dr") X(Clts, "clts") X(Smsw, "smsw") X(Lmsw, "lmsw")                        \
  X(Xgetbv, "xgetbv") X(Xsetbv, "xsetbv")                                                        \
  X(Lgdt, "lgdt") X(Lidt, "lidt") X(Lldt, "lldt") X(Ltr, "ltr")                                  \
  X(Sgdt, "sgdt") X(Sidt, "sidt") X(Sldt, "sldt") X(Str, "str") X(Swapgs, "swapgs")              \
  X(Int, "int") X(Int3, "int3") X(Into, "into") X(Icebp, "int1")                                 \
  X(Syscall, "syscall") X(Sysret, "sysret") X(Sysenter, "sysenter") X(Sysexit, "sysexit")        \
  X(Vmmcall, "vmmcall") X(Vmgexit, "vmgexit") X(Vmrun, "vmrun") X(Vmload, "vmload")              \
  X(Vmsave, "vmsave") X(Stgi, "stgi") X(Clgi, "clgi") X(Skinit, "skinit") X(Rsm, "rsm")          \
  X(Pvalidate, "pvalidate") X(Rmpadjust, "rmpadjust") X(Rmpquery, "rmpquery")                    \
  X(Rmpupdate, "rmpupdate") X(Rmpread, "rmpread") X(Psmash, "psmash")                         \
  X(Iret, "iret") X(Pushf, "pushf") X(Popf, "popf")
// clang-format on

enum class SpecialKind : u8 {
  kNone,
#define NPTSIM_ISA_SPECIAL_ENUM(name, text) k##name,
  NPTSIM_ISA_SPECIALS(NPTSIM_ISA_SPECIAL_ENUM)
#undef NPTSIM_ISA_SPECIAL_ENUM
};

std::string_view special_name(SpecialKind kind);

// Eight bytes: it is returned for every instruction. The operands of a special instruction come
// from describe_special() in special.h, the text of an unsupported one from disassemble().
struct Outcome {
  OutcomeKind kind = OutcomeKind::kRetired;
  SpecialKind special = SpecialKind::kNone;
  u8 vector = 0;
  bool has_error_code = false;
  u32 error_code = 0;

  bool operator==(const Outcome&) const = default;

  static Outcome retired() { return {OutcomeKind::kRetired}; }
  static Outcome iteration() { return {OutcomeKind::kIteration}; }
  static Outcome stopped() { return {OutcomeKind::kStopped}; }
  static Outcome unsupported() { return {OutcomeKind::kUnsupported}; }
  static Outcome special_instruction(SpecialKind k) { return {OutcomeKind::kSpecial, k}; }
  static Outcome exception(u8 vector) {
    return {OutcomeKind::kException, SpecialKind::kNone, vector};
  }
  static Outcome exception(u8 vector, u32 error_code) {
    return {OutcomeKind::kException, SpecialKind::kNone, vector, true, error_code};
  }
};

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_OUTCOME_H_
