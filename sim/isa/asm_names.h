// The names that the assembler knows: mnemonics with their aliases, registers.
#ifndef NPTSIM_SIM_ISA_ASM_NAMES_H_
#define NPTSIM_SIM_ISA_ASM_NAMES_H_

#include <Zydis/Zydis.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/isa/registers.h"

namespace nptsim::isa {

// The mnemonic that a name means in a mode ("je" is JZ; "pushf" is PUSHFQ in 64-bit mode).
std::optional<ZydisMnemonic> find_mnemonic(std::string_view name, Mode mode);

// Instructions that Zydis cannot encode: their bytes. Empty for all others.
std::vector<u8> bytes_of_fixed(std::string_view name);

std::optional<ZydisRegister> find_register(std::string_view name);

// Every mnemonic and alias, for the nearest spelling.
const std::vector<std::string>& mnemonic_names();
const std::vector<std::string>& register_names();

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_ASM_NAMES_H_
