// Words of a file as diagnostics show them.
#ifndef NPTSIM_SIM_RULES_SPELLING_H_
#define NPTSIM_SIM_RULES_SPELLING_H_

#include <span>
#include <string>
#include <string_view>

#include "sim/base/diagnostic.h"

namespace nptsim::rules {

// Cut when long.
std::string shown(std::string_view text);

// As unknown_word, but a long list of candidates (all facts of a kernel) is cut down to those of
// the same group: for `fault.presnt` those that begin with `fault.`.
Diagnostic unknown_name(SourcePos pos, const std::string& what, std::string_view word,
                        std::span<const std::string> candidates);

// "'guest' cannot be 'ess'; did you mean 'es'? (accepted: plain, es or snp)".
Diagnostic unknown_value(SourcePos pos, const std::string& fact, std::string_view value,
                         std::span<const std::string> values);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_SPELLING_H_
