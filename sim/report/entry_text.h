// An entry of a page table in words.
#ifndef NPTSIM_SIM_REPORT_ENTRY_TEXT_H_
#define NPTSIM_SIM_REPORT_ENTRY_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>

namespace nptsim::report {

// "P RW US A D NX, frame 0x1234000". `c_bit`: where the C-bit is, if these tables have one. Of an
// entry that is not present nothing but the word counts, so nothing is decoded.
std::string entry_bits(std::uint64_t word, unsigned level, std::optional<unsigned> c_bit);

// "51:48, 7".
std::string bit_list(std::uint64_t mask);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_ENTRY_TEXT_H_
