#include "sim/scenario/registers.h"

#include <array>
#include <utility>

namespace nptsim::scenario {
namespace {

using isa::Registers;

constexpr std::array<unsigned, 4> kSizes = {8, 4, 2, 1};
constexpr std::array<std::string_view, 4> kHighBytes = {"ah", "ch", "dh", "bh"};

struct Special {
  std::string_view name;
  std::uint64_t Registers::*word;
};
constexpr std::array<Special, 10> kSpecials = {{{"rip", &Registers::rip},
                                                {"rflags", &Registers::rflags},
                                                {"cr0", &Registers::cr0},
                                                {"cr2", &Registers::cr2},
                                                {"cr3", &Registers::cr3},
                                                {"cr4", &Registers::cr4},
                                                {"cr8", &Registers::cr8},
                                                {"efer", &Registers::efer},
                                                {"dr6", &Registers::dr6},
                                                {"dr7", &Registers::dr7}}};

struct Flag {
  std::string_view name;
  std::uint64_t mask;
};
constexpr std::array<Flag, 8> kFlags = {{{"cf", isa::kFlagCf},
                                         {"pf", isa::kFlagPf},
                                         {"af", isa::kFlagAf},
                                         {"zf", isa::kFlagZf},
                                         {"sf", isa::kFlagSf},
                                         {"if", isa::kFlagIf},
                                         {"df", isa::kFlagDf},
                                         {"of", isa::kFlagOf}}};

struct Part {
  unsigned index;
  unsigned size;
};

std::optional<Part> general_register(std::string_view name) {
  for (const unsigned size : kSizes) {
    for (unsigned i = 0; i < isa::kGprCount; ++i) {
      if (isa::gpr_name(i, size) == name) return Part{i, size};
    }
  }
  return std::nullopt;
}

}  // namespace

bool is_general_register(std::string_view name) { return general_register(name).has_value(); }

std::optional<std::uint64_t> register_value(const Registers& registers, std::string_view name) {
  if (const auto part = general_register(name)) {
    return registers.gpr[part->index] & isa::mask_of_size(part->size);
  }
  for (unsigned i = 0; i < kHighBytes.size(); ++i) {
    if (kHighBytes[i] == name) return (registers.gpr[i] >> 8) & 0xff;
  }
  for (const Special& special : kSpecials) {
    if (special.name == name) return registers.*special.word;
  }
  for (const Flag& flag : kFlags) {
    if (flag.name == name) return (registers.rflags & flag.mask) != 0 ? 1 : 0;
  }
  return std::nullopt;
}

bool is_register(std::string_view name) { return register_value(Registers{}, name).has_value(); }

std::vector<std::string> register_names() {
  std::vector<std::string> names;
  for (const unsigned size : kSizes) {
    for (unsigned i = 0; i < isa::kGprCount; ++i) names.emplace_back(isa::gpr_name(i, size));
  }
  for (const std::string_view name : kHighBytes) names.emplace_back(name);
  for (const Special& special : kSpecials) names.emplace_back(special.name);
  for (const Flag& flag : kFlags) names.emplace_back(flag.name);
  return names;
}

// CR0, CR4 and EFER have keys of their own, where bits can be named.
bool is_start_register(std::string_view name) {
  const auto part = general_register(name);
  if (part) return part->size == 8;
  return name == "rflags" || name == "rip" || name == "cr2" || name == "cr3" || name == "cr8" ||
         name == "dr6" || name == "dr7";
}

}  // namespace nptsim::scenario
