// A value of a scenario that remembers where it was written, for diagnostics that only a later
// layer can give ("there is no kernel 'kvm-9.9'").
#ifndef NPTSIM_SIM_SCENARIO_LOCATED_H_
#define NPTSIM_SIM_SCENARIO_LOCATED_H_

#include <cstdint>
#include <string>

#include "sim/base/diagnostic.h"

namespace nptsim::scenario {

template <class T>
struct Located {
  T value{};
  SourcePos pos;  // line 0: not written, this is the default
};

using Text = Located<std::string>;
using Number = Located<std::uint64_t>;

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_LOCATED_H_
