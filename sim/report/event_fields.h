// Typed access to the fields of an event. A field that is absent or of another type reads as empty:
// printers never fail on an event that a newer model sends.
#ifndef NPTSIM_SIM_REPORT_EVENT_FIELDS_H_
#define NPTSIM_SIM_REPORT_EVENT_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/machine/event.h"

namespace nptsim::report {

std::string text_field(const machine::EventFields& fields, std::string_view name);
// Of a Hex or a plain number.
std::optional<std::uint64_t> number_field(const machine::EventFields& fields,
                                          std::string_view name);
bool flag_field(const machine::EventFields& fields, std::string_view name);
const std::vector<std::string>& words_field(const machine::EventFields& fields,
                                            std::string_view name);
const std::vector<machine::EventFields>& records_field(const machine::EventFields& fields,
                                                       std::string_view name);

// "0x40", "12", "yes", "a b c", "{gpa 0x1000, is leaf} {...}".
std::string value_text(const machine::EventValue& value);
// "name value, name value", without the fields named in `skip`.
std::string fields_text(const machine::EventFields& fields,
                        const std::vector<std::string_view>& skip = {});

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_EVENT_FIELDS_H_
