#include "sim/isa/asm_names.h"

#include <map>

namespace nptsim::isa {
namespace {

struct Alias {
  std::string_view name;
  ZydisMnemonic mnemonic;
};

constexpr Alias kAliases[] = {
    {"sal", ZYDIS_MNEMONIC_SHL},     {"movabs", ZYDIS_MNEMONIC_MOV},
    {"retn", ZYDIS_MNEMONIC_RET},    {"retf", ZYDIS_MNEMONIC_RET},
    {"loopz", ZYDIS_MNEMONIC_LOOPE}, {"loopnz", ZYDIS_MNEMONIC_LOOPNE},
    {"icebp", ZYDIS_MNEMONIC_INT1},  {"xlatb", ZYDIS_MNEMONIC_XLAT},
};

// Conditions with several names; `canonical` is the one that Zydis uses.
struct ConditionAlias {
  std::string_view name;
  std::string_view canonical;
};

constexpr ConditionAlias kConditions[] = {
    {"e", "z"},   {"ne", "nz"}, {"c", "b"},   {"nae", "b"}, {"nc", "nb"},
    {"ae", "nb"}, {"na", "be"}, {"a", "nbe"}, {"pe", "p"},  {"po", "np"},
    {"nge", "l"}, {"ge", "nl"}, {"ng", "le"}, {"g", "nle"},
};

// Names whose width is the mode's.
struct ModeAlias {
  std::string_view name;
  ZydisMnemonic by_mode[3];  // 16, 32, 64
};

constexpr ModeAlias kModeAliases[] = {
    {"pushf", {ZYDIS_MNEMONIC_PUSHF, ZYDIS_MNEMONIC_PUSHFD, ZYDIS_MNEMONIC_PUSHFQ}},
    {"popf", {ZYDIS_MNEMONIC_POPF, ZYDIS_MNEMONIC_POPFD, ZYDIS_MNEMONIC_POPFQ}},
    {"pusha", {ZYDIS_MNEMONIC_PUSHA, ZYDIS_MNEMONIC_PUSHAD, ZYDIS_MNEMONIC_PUSHAD}},
    {"popa", {ZYDIS_MNEMONIC_POPA, ZYDIS_MNEMONIC_POPAD, ZYDIS_MNEMONIC_POPAD}},
    {"iret", {ZYDIS_MNEMONIC_IRET, ZYDIS_MNEMONIC_IRETD, ZYDIS_MNEMONIC_IRETD}},
};

struct Fixed {
  std::string_view name;
  std::vector<u8> bytes;
};

const std::vector<Fixed>& fixed_instructions() {
  static const std::vector<Fixed> fixed = {
      {"vmgexit", {0xf3, 0x0f, 0x01, 0xd9}},   {"vmmcall", {0x0f, 0x01, 0xd9}},
      {"rmpquery", {0xf3, 0x0f, 0x01, 0xfd}},  {"rmpread", {0xf2, 0x0f, 0x01, 0xfd}},
      {"pvalidate", {0xf2, 0x0f, 0x01, 0xff}}, {"psmash", {0xf3, 0x0f, 0x01, 0xff}},
      {"rmpadjust", {0xf3, 0x0f, 0x01, 0xfe}}, {"rmpupdate", {0xf2, 0x0f, 0x01, 0xfe}},
      {"wbnoinvd", {0xf3, 0x0f, 0x09}},
  };
  return fixed;
}

using Names = std::map<std::string, ZydisMnemonic, std::less<>>;

void add_conditions(Names& names) {
  for (const std::string_view stem : {"j", "set", "cmov"}) {
    for (const ConditionAlias& alias : kConditions) {
      const auto known = names.find(std::string(stem) + std::string(alias.canonical));
      names.emplace(std::string(stem) + std::string(alias.name), known->second);
    }
  }
}

Names build_names() {
  Names names;
  for (int m = ZYDIS_MNEMONIC_INVALID + 1; m <= ZYDIS_MNEMONIC_MAX_VALUE; ++m) {
    const ZydisMnemonic mnemonic = static_cast<ZydisMnemonic>(m);
    if (const char* text = ZydisMnemonicGetString(mnemonic)) names.emplace(text, mnemonic);
  }
  for (const Alias& alias : kAliases) names.emplace(alias.name, alias.mnemonic);
  add_conditions(names);
  return names;
}

const Names& names() {
  static const Names all = build_names();
  return all;
}

using RegisterNames = std::map<std::string, ZydisRegister, std::less<>>;

const RegisterNames& registers() {
  static const RegisterNames all = [] {
    RegisterNames out;
    for (int r = ZYDIS_REGISTER_NONE + 1; r <= ZYDIS_REGISTER_MAX_VALUE; ++r) {
      const ZydisRegister id = static_cast<ZydisRegister>(r);
      if (const char* text = ZydisRegisterGetString(id)) out.emplace(text, id);
    }
    return out;
  }();
  return all;
}

template <class Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> out;
  for (const auto& [name, value] : map) out.push_back(name);
  return out;
}

}  // namespace

std::optional<ZydisMnemonic> find_mnemonic(std::string_view name, Mode mode) {
  for (const ModeAlias& alias : kModeAliases) {
    if (alias.name == name) return alias.by_mode[static_cast<unsigned>(mode)];
  }
  const auto found = names().find(name);
  if (found == names().end()) return std::nullopt;
  return found->second;
}

std::vector<u8> bytes_of_fixed(std::string_view name) {
  for (const Fixed& fixed : fixed_instructions()) {
    if (fixed.name == name) return fixed.bytes;
  }
  return {};
}

std::optional<ZydisRegister> find_register(std::string_view name) {
  const auto found = registers().find(name);
  if (found == registers().end()) return std::nullopt;
  return found->second;
}

const std::vector<std::string>& mnemonic_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out = keys(names());
    for (const Fixed& fixed : fixed_instructions()) out.emplace_back(fixed.name);
    return out;
  }();
  return all;
}

const std::vector<std::string>& register_names() {
  static const std::vector<std::string> all = keys(registers());
  return all;
}

}  // namespace nptsim::isa
