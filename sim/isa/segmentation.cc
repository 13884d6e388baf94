#include "sim/isa/segmentation.h"

namespace nptsim::isa {
namespace {

bool type_allows(u64 attributes, SegmentUse use) {
  const bool code = has_bit(attributes, kAttrCode);
  const bool readable = has_bit(attributes, kAttrReadable);
  if (use == SegmentUse::kWrite) return !code && readable;
  return !code || readable;
}

bool limit_allows(const Segment& s, u64 first, u64 last) {
  const bool data = !has_bit(s.attributes, kAttrCode);
  if (data && has_bit(s.attributes, kAttrConforming)) {  // expand-down: what lies above the limit
    const u64 top = has_bit(s.attributes, kAttrBig) ? 0xffffffff : 0xffff;
    return first > s.limit && last <= top;
  }
  return last <= s.limit;
}

}  // namespace

bool legacy_access_allowed(const Registers& r, unsigned segment, u64 offset, unsigned size,
                           SegmentUse use) {
  const Segment& s = r.segments[segment];
  const u64 last = offset + size - 1;
  if (!protected_mode(r) || virtual_8086(r)) return last <= s.limit;
  // A null selector leaves the hidden part not present.
  if (!has_bit(s.attributes, kAttrPresent)) return false;
  return type_allows(s.attributes, use) && limit_allows(s, offset, last);
}

Outcome fault_with_code_zero(const Registers& r, u8 vector) {
  return protected_mode(r) ? Outcome::exception(vector, 0) : Outcome::exception(vector);
}

Outcome segment_fault(const Registers& r, unsigned segment) {
  return fault_with_code_zero(r, segment == kSs ? kSsv : kGp);
}

}  // namespace nptsim::isa
