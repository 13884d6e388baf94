// The difference of two texts, by lines.
#ifndef NPTSIM_SIM_REPORT_TEXT_DIFF_H_
#define NPTSIM_SIM_REPORT_TEXT_DIFF_H_

#include <cstddef>
#include <string>
#include <vector>

namespace nptsim::report {

// "-" lines were, "+" lines are, " " lines are the same on both sides and stand around changes, up
// to `context` of them; "..." stands for what is left out. Empty when nothing differs.
std::vector<std::string> diff_lines(const std::vector<std::string>& before,
                                    const std::vector<std::string>& after, std::size_t context = 2);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_TEXT_DIFF_H_
