// The naive twin of the RMP: 2 MByte are pages of 4 KByte that change together, and each page knows
// all about itself. No entry speaks for another, nothing is counted, and nothing of sim/arch/svm is
// used. Of the 512 pages of a region only the first three are kept: nobody touches the others
// alone.
#ifndef NPTSIM_TESTS_ARCH_RMP_TWIN_H_
#define NPTSIM_TESTS_ARCH_RMP_TWIN_H_

#include <array>
#include <cstdint>

namespace nptsim::twin {

struct RmpPage {
  bool given = false;  // to a guest or to firmware
  unsigned asid = 0;
  std::uint64_t gpa = 0;
  bool fixed = false;  // immutable
  bool valid = false;
  bool large = false;       // changes together with its region
  unsigned low_rights = 0;  // of VMPL1

  bool operator==(const RmpPage&) const = default;
};
using RmpRegion = std::array<RmpPage, 3>;

// How an operation ends: a code of EAX, or one of these.
inline constexpr int kPageFault = 100, kSizeFault = 101, kNotValidated = 404, kNothingChanged = 200;

struct RmpRequest {
  unsigned page = 0;  // in the region: 0 to 2
  bool large = false;
  bool give = false, fix = false;  // RMPUPDATE
  unsigned asid = 0;               // RMPUPDATE: the new owner; else the guest that asks
  std::uint64_t gpa = 0;
  bool large_leaf = false;
  bool on = false;  // PVALIDATE
};

int update(RmpRegion& region, const RmpRequest& request);
int smash(RmpRegion& region);
int validate(RmpRegion& region, const RmpRequest& request);
int adjust(RmpRegion& region, const RmpRequest& request);  // gives VMPL1 the right to read
int private_write(const RmpRegion& region, const RmpRequest& request);
bool host_write(const RmpRegion& region, unsigned page);

}  // namespace nptsim::twin

#endif  // NPTSIM_TESTS_ARCH_RMP_TWIN_H_
