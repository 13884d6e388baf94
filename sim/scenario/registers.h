// The registers that scenarios name: in `.check`, in `expect:` and in `start: { cpu: ... }`.
#ifndef NPTSIM_SIM_SCENARIO_REGISTERS_H_
#define NPTSIM_SIM_SCENARIO_REGISTERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/isa/registers.h"

namespace nptsim::scenario {

// Names that `.check` and `expect` may use: "rax", "eax", "ax", "al", "ah", "r8d", ..., "rip",
// "rflags", "cr2", and the flags "cf", "zf", ...
bool is_register(std::string_view name);
std::vector<std::string> register_names();

// "rax", "eax", "ax", "al", ...: not "ah".
bool is_general_register(std::string_view name);

// Registers that may have a value at the start: whole ones only.
bool is_start_register(std::string_view name);

// The value of a register or a part of one; none if there is no such name.
std::optional<std::uint64_t> register_value(const isa::Registers& registers, std::string_view name);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_REGISTERS_H_
