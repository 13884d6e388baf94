// Instructions that are about single flags.
#include "sim/isa/flag_images.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

template <u64 kFlag, bool kValue>
Outcome put_flag(Execution& x) {
  x.set_flags(kFlag, kValue ? kFlag : 0);
  return x.retire();
}

Outcome cmc(Execution& x) {
  x.set_flags(kFlagCf, ~x.regs.rflags);
  return x.retire();
}

// IF below IOPL goes through VIF with CR4.VME or CR4.PVI, which is not modelled.
bool through_virtual_interrupt_flag(const Execution& x) {
  const u64 enable = virtual_8086(x.regs) ? bit(0) : bit(1);  // CR4.VME, CR4.PVI
  return x.regs.cpl == 3 && (x.regs.cr4 & enable);
}

bool may_change_interrupt_flag(const Execution& x) {
  return !protected_mode(x.regs) || x.regs.cpl <= iopl_of(x.regs.rflags);
}

Outcome refuse_interrupt_flag(const Execution& x) {
  return through_virtual_interrupt_flag(x) ? Outcome::unsupported() : x.raise_zero(kGp);
}

Outcome cli(Execution& x) {
  if (!may_change_interrupt_flag(x)) return refuse_interrupt_flag(x);
  x.set_flags(kFlagIf, 0);
  return x.retire();
}

// The shadow only exists if interrupts were off before (APM vol. 3, STI).
Outcome sti(Execution& x) {
  if (!may_change_interrupt_flag(x)) return refuse_interrupt_flag(x);
  const bool was_off = !x.flag(kFlagIf);
  x.set_flags(kFlagIf, kFlagIf);
  return was_off ? x.retire_with_shadow() : x.retire();
}

constexpr u64 kLowFlags = kFlagSf | kFlagZf | kFlagAf | kFlagPf | kFlagCf;

Outcome lahf(Execution& x) {
  const u64 image = (x.regs.rflags & kLowFlags) | kFlagReserved1;
  x.regs.gpr[kRax] = with_bits(x.regs.gpr[kRax], 15, 8, image);
  return x.retire();
}

Outcome sahf(Execution& x) {
  x.set_flags(kLowFlags, get_bits(x.regs.gpr[kRax], 15, 8));
  return x.retire();
}

constexpr Row kFlagsRows[] = {
    {ZYDIS_MNEMONIC_CLC, put_flag<kFlagCf, false>},
    {ZYDIS_MNEMONIC_STC, put_flag<kFlagCf, true>},
    {ZYDIS_MNEMONIC_CMC, cmc},
    {ZYDIS_MNEMONIC_CLD, put_flag<kFlagDf, false>},
    {ZYDIS_MNEMONIC_STD, put_flag<kFlagDf, true>},
    {ZYDIS_MNEMONIC_CLI, cli},
    {ZYDIS_MNEMONIC_STI, sti},
    {ZYDIS_MNEMONIC_LAHF, lahf},
    {ZYDIS_MNEMONIC_SAHF, sahf},
};

}  // namespace

std::span<const Row> flag_rows() { return kFlagsRows; }

}  // namespace nptsim::isa
