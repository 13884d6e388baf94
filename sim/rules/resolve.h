// The two halves of resolve(): facts first, then the rows that name them.
#ifndef NPTSIM_SIM_RULES_RESOLVE_H_
#define NPTSIM_SIM_RULES_RESOLVE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/rules/resolved.h"

namespace nptsim::rules {

void resolve_facts(Resolved& resolved, Diagnostics& out);
void resolve_rows(Resolved& resolved, Diagnostics& out);

std::optional<std::size_t> index_of(const std::vector<std::string>& list, std::string_view word);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_RESOLVE_H_
