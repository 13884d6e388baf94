#include "tests/arch/rmp_twin.h"

namespace nptsim::twin {
namespace {

constexpr std::uint64_t k4K = 0x1000, k2M = 0x200000;

bool any_given(const RmpRegion& region) {
  return region[0].given || region[1].given || region[2].given;
}
bool any_fixed(const RmpRegion& region) {
  return region[0].fixed || region[1].fixed || region[2].fixed;
}

void write(RmpPage& page, const RmpRequest& request, std::uint64_t gpa) {
  RmpPage now = page;
  now.given = request.give;
  now.asid = request.asid;
  now.gpa = request.give ? gpa : 0;
  now.fixed = request.fix;
  now.large = request.give && request.large;
  const bool same = now.given == page.given && now.asid == page.asid && now.gpa == page.gpa &&
                    now.large == page.large;
  if (!same) now.valid = false, now.low_rights = 0;
  page = now;
}

// 0 if the page is the guest's at that GPA.
int owner_fault(const RmpPage& page, const RmpRequest& request) {
  if (!page.given || page.asid != request.asid || page.fixed) return kPageFault;
  const std::uint64_t frame = page.large ? k2M : k4K;
  return page.gpa / frame == request.gpa / frame ? 0 : kPageFault;
}

int size_fault(const RmpPage& page, const RmpRequest& request) {
  if (request.large) return 0;
  if (page.large) return kSizeFault;
  return request.large_leaf ? kPageFault : 0;
}

bool size_mismatch(const RmpPage& page, const RmpRequest& request) {
  return request.large && !(page.large && request.large_leaf);
}

}  // namespace

int update(RmpRegion& region, const RmpRequest& request) {
  if (!request.large) {
    RmpPage& page = region.at(request.page);
    if (page.large && !(request.page == 0 && page.fixed)) return 4;
    if (page.fixed) return 2;
    write(page, request, request.gpa);
    return 0;
  }
  if (any_fixed(region)) return 2;
  if (any_given(region) && !region[0].large) return 4;
  if (!request.give && !region[0].large) return 0;
  for (unsigned i = 0; i < region.size(); ++i) write(region.at(i), request, request.gpa + i * k4K);
  return 0;
}

int smash(RmpRegion& region) {
  if (region[0].fixed) return 2;
  if (!region[0].large) return 7;
  for (RmpPage& page : region) page.large = false;
  return 0;
}

int validate(RmpRegion& region, const RmpRequest& request) {
  RmpPage& page = region.at(request.page);
  if (const int fault = owner_fault(page, request)) return fault;
  if (const int fault = size_fault(page, request)) return fault;
  if (size_mismatch(page, request)) return 6;
  if (page.valid == request.on) return kNothingChanged;
  page.valid = request.on;
  for (RmpPage& other : region) {
    if (page.large) other.valid = request.on;
  }
  return 0;
}

int adjust(RmpRegion& region, const RmpRequest& request) {
  RmpPage& page = region.at(request.page);
  if (const int fault = owner_fault(page, request)) return fault;
  if (const int fault = size_fault(page, request)) return fault;
  if (!page.valid) return kNotValidated;
  if (size_mismatch(page, request)) return 6;
  page.low_rights = 1;
  for (RmpPage& other : region) {
    if (page.large) other.low_rights = 1;
  }
  return 0;
}

int private_write(const RmpRegion& region, const RmpRequest& request) {
  const RmpPage& page = region.at(request.page);
  if (const int fault = owner_fault(page, request)) return fault;
  if (page.large != request.large_leaf) return kPageFault;
  return page.valid ? 0 : kNotValidated;
}

bool host_write(const RmpRegion& region, unsigned page) { return !region.at(page).given; }

}  // namespace nptsim::twin
