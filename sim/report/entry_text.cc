#include "sim/report/entry_text.h"

#include <fmt/format.h>

#include <vector>

#include "sim/arch/svm/entry.h"
#include "sim/base/address.h"
#include "sim/report/text.h"

namespace nptsim::report {
namespace {

struct NamedBit {
  std::uint64_t mask;
  const char* name;
};
// APM vol. 2 rev. 3.45, 5.3, 5.4. Bit 7 is PS above level 1 and PAT in level 1.
constexpr NamedBit kLowBits[] = {
    {svm::kEntryP, "P"},     {svm::kEntryRw, "RW"}, {svm::kEntryUs, "US"}, {svm::kEntryPwt, "PWT"},
    {svm::kEntryPcd, "PCD"}, {svm::kEntryA, "A"},   {svm::kEntryD, "D"},
};

}  // namespace

std::string bit_list(std::uint64_t mask) {
  std::string text;
  for (int high = 63; high >= 0; --high) {
    if (!has_bit(mask, static_cast<unsigned>(high))) continue;
    int low = high;
    while (low > 0 && has_bit(mask, static_cast<unsigned>(low - 1))) --low;
    if (!text.empty()) text += ", ";
    text += low == high ? fmt::format("{}", high) : fmt::format("{}:{}", high, low);
    high = low;
  }
  return text;
}

std::string entry_bits(std::uint64_t word, unsigned level, std::optional<unsigned> c_bit) {
  if (!(word & svm::kEntryP)) return "P=0";
  std::vector<std::string> names;
  for (const NamedBit& row : kLowBits) {
    if (word & row.mask) names.emplace_back(row.name);
  }
  if (word & svm::kEntryPs) names.emplace_back(level > 1 ? "PS" : "PAT");
  if (word & svm::kEntryG) names.emplace_back("G");
  if (word & svm::kEntryNx) names.emplace_back("NX");
  std::uint64_t frame = word & bit_range(51, kPageShift);
  if (c_bit && has_bit(word, *c_bit)) {
    names.emplace_back("C");
    frame &= ~bit(*c_bit);
  }
  // What the hardware leaves to software, which keeps its own marks there.
  const std::uint64_t software =
      word & (bit_range(11, 9) | bit_range(62, 52)) & ~(c_bit ? bit(*c_bit) : 0);
  std::string text = join(names, " ") + ", frame " + hex(frame);
  if (software != 0) text += ", software bits " + bit_list(software);
  return text;
}

}  // namespace nptsim::report
