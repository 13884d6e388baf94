#include "sim/isa/outcome.h"

namespace nptsim::isa {

std::string_view special_name(SpecialKind kind) {
  static constexpr std::string_view kNames[] = {"none",
#define NPTSIM_ISA_SPECIAL_TEXT(name, text) text,
                                                NPTSIM_ISA_SPECIALS(NPTSIM_ISA_SPECIAL_TEXT)
#undef NPTSIM_ISA_SPECIAL_TEXT
  };
  return kNames[static_cast<unsigned>(kind)];
}

}  // namespace nptsim::isa
