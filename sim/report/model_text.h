// A model as text: its rows, and what they may ask and do.
#ifndef NPTSIM_SIM_REPORT_MODEL_TEXT_H_
#define NPTSIM_SIM_REPORT_MODEL_TEXT_H_

#include <string>

#include "sim/report/text.h"
#include "sim/rules/catalogue.h"
#include "sim/rules/model.h"

namespace nptsim::report {

// Every stage and procedure, row by row, with sources.
std::string print_rows(const rules::Model& model, const Style& style);

// Every fact and every action, with what is said of it.
std::string print_facts(const rules::Catalogue& catalogue, const Style& style);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_MODEL_TEXT_H_
