// Small notations inside scenario values: "rw-u", "flash+0x1000", "#VC", "c6 04 25".
#ifndef NPTSIM_SIM_SCENARIO_FORMS_H_
#define NPTSIM_SIM_SCENARIO_FORMS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/scenario/scenario.h"

namespace nptsim::scenario {

// Letters r, w, x, u (user) and s (supervisor, the default) in any order, '-' counts for nothing;
// "none" is an entry that is not present. Writing and executing want reading, as in the hardware.
inline constexpr char kRightsForm[] = "letters of r, w, x, u, s like rw or r-xu; or none";
std::optional<Rights> parse_rights(std::string_view text);

// Letters r, w, u (executes as user), s (executes as supervisor), x (both); or "none".
inline constexpr char kVmplForm[] = "letters of r, w, x, u, s like rwx; or none";
std::optional<VmplMask> parse_vmpl_mask(std::string_view text);

// A number, NAME, or NAME+NUMBER.
inline constexpr char kPlaceForm[] =
    "an address, a region, or a region and an offset like flash+0x1000";
std::optional<Place> parse_place(std::string_view text);

// 4K, 2M, 1G.
const std::vector<std::string>& page_words();
std::optional<std::uint64_t> parse_page(std::string_view text);

// A level of nested tables: 4K, 2M, 1G, or 1 to 5.
inline constexpr char kLevelForm[] = "4K, 2M, 1G or a level from 1 to 5";
std::optional<unsigned> parse_level(std::string_view text);

// A number up to 255 or a name like #VC, VC, pf.
inline constexpr char kVectorForm[] = "a vector from 0 to 255 or a name like #VC";
std::optional<unsigned> parse_vector(std::string_view text);

// A bit number, or nx, accessed, dirty, ...
inline constexpr char kBitForm[] = "a bit from 0 to 63, or a name like nx, accessed, dirty";
std::optional<unsigned> parse_bit(std::string_view text);

// "c6 04 25": pairs of hex digits.
inline constexpr char kBytesForm[] = "pairs of hex digits like c6 04";
std::optional<std::vector<std::uint8_t>> parse_bytes(std::string_view text);

// "vcpu0" is 0. With several VMs the name of one and a dot may stand before.
std::optional<unsigned> parse_vcpu(std::string_view text);
inline constexpr unsigned kMaxVcpus = 64;

// A word of letters, digits, '-', '_' that begins with a letter.
bool is_name(std::string_view text);
// Names with dots between: "kernel.mmio_caching".
bool is_dotted_name(std::string_view text);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_FORMS_H_
