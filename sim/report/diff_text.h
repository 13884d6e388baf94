// A comparison of models in the forms that people read: on a terminal, in a mail, in a browser.
#ifndef NPTSIM_SIM_REPORT_DIFF_TEXT_H_
#define NPTSIM_SIM_REPORT_DIFF_TEXT_H_

#include <string>

#include "sim/report/diff.h"
#include "sim/report/text.h"

namespace nptsim::report {

// What changes, point by point: the outcomes, where the runs part, the deciding row of each side;
// then a matrix of scenarios and models that has only what differs.
std::string print_diff(const DiffReport& report, const Style& style);

// Plain text of at most kMailWidth columns, for a mailing list.
inline constexpr std::size_t kMailWidth = 75;
std::string print_diff_mail(const DiffReport& report);

// One file without anything from elsewhere.
std::string print_diff_html(const DiffReport& report);

std::string print_diff_json(const DiffReport& report);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_DIFF_TEXT_H_
