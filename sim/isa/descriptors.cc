#include "sim/isa/descriptors.h"

#include <algorithm>

namespace nptsim::isa {
namespace {

constexpr unsigned kTableIndicator = 2;   // selector bit: LDT
constexpr unsigned kAccessedBit = 40;     // of a descriptor
constexpr unsigned kGranularityBit = 55;  // of a descriptor

bool is_code(u64 a) { return has_bit(a, kAttrNotSystem) && has_bit(a, kAttrCode); }
bool is_data(u64 a) { return has_bit(a, kAttrNotSystem) && !has_bit(a, kAttrCode); }
bool is_writable_data(u64 a) { return is_data(a) && has_bit(a, kAttrReadable); }
bool is_conforming(u64 a) { return is_code(a) && has_bit(a, kAttrConforming); }

// Zen 3 and later clear base and limit too (CPUID Fn8000_0021 EAX[6], NullSelectClearsBase); the
// older ones keep them, which no access can see outside 64-bit FS and GS.
Segment null_segment(u16 selector) { return {selector, 0, 0, 0}; }

// APM vol. 3, MOV: SS may be null only in 64-bit mode below CPL 3, with RPL = CPL.
bool null_allowed(Execution& x, unsigned segment, u16 selector) {
  if (segment != kSs) return true;
  return x.long_mode() && x.regs.cpl != 3 && rpl_of(selector) == x.regs.cpl;
}

// Data and non-conforming code need the privilege; conforming code does not.
bool data_load_allowed(u64 attributes, u16 selector, u64 cpl) {
  if (!is_data(attributes) && !(is_code(attributes) && has_bit(attributes, kAttrReadable))) {
    return false;
  }
  return is_conforming(attributes) || std::max<u64>(cpl, rpl_of(selector)) <= dpl_of(attributes);
}

bool fetch_data_segment(Execution& x, u16 selector, Segment& out) {
  DescriptorAt at;
  if (!fetch_descriptor(x, selector, kGp, 0, at)) return false;
  out = segment_of_descriptor(selector, at.word);
  if (!data_load_allowed(out.attributes, selector, x.regs.cpl)) {
    return x.fault(kGp, selector_error(selector, 0));
  }
  if (!has_bit(out.attributes, kAttrPresent)) return x.fault(kNp, selector_error(selector, 0));
  if (!mark_accessed(x, at)) return false;
  out = segment_of_descriptor(selector, at.word);
  return true;
}

// APM vol. 2, 4.11: the privilege rules of far transfers to code segments.
bool transfer_allowed(Transfer transfer, u64 attributes, u16 selector, unsigned cpl) {
  const unsigned dpl = dpl_of(attributes), rpl = rpl_of(selector);
  const bool conforming = is_conforming(attributes);
  switch (transfer) {
    case Transfer::kJump:
      return conforming ? dpl <= cpl : rpl <= cpl && dpl == cpl;
    case Transfer::kReturn:
      return rpl >= cpl && (conforming ? dpl <= rpl : dpl == rpl);
    case Transfer::kGate:
      return dpl <= cpl;
  }
  return false;
}

unsigned cpl_after(Transfer transfer, u64 attributes, u16 selector, unsigned cpl) {
  if (transfer == Transfer::kReturn) return rpl_of(selector);
  if (transfer == Transfer::kGate && !is_conforming(attributes)) return dpl_of(attributes);
  return cpl;
}

// In long mode L and D must not both be set (APM vol. 2, 4.8.1).
bool sane_width(const Registers& r, u64 attributes) {
  return !long_mode_active(r) || !has_bit(attributes, kAttrLong) || !has_bit(attributes, kAttrBig);
}

}  // namespace

Segment segment_of_descriptor(u16 selector, u64 d) {
  Segment s;
  s.selector = selector;
  s.attributes = get_bits(d, 47, 40) | get_bits(d, 55, 52) << 8;
  s.limit = get_bits(d, 15, 0) | get_bits(d, 51, 48) << 16;
  if (has_bit(d, kGranularityBit)) s.limit = s.limit << 12 | 0xfff;
  s.base = get_bits(d, 39, 16) | get_bits(d, 63, 56) << 24;
  return s;
}

Segment real_mode_segment(const Segment& old, u16 selector) {
  Segment s = old;
  s.selector = selector;
  s.base = u64{selector} << 4;
  return s;
}

bool fetch_descriptor(Execution& x, u16 selector, u8 vector, u32 ext, DescriptorAt& out) {
  const bool local = has_bit(selector, kTableIndicator);
  const Segment& table = local ? x.regs.ldtr : x.regs.gdtr;
  const u64 offset = selector & 0xfff8;
  const bool usable = !local || has_bit(table.attributes, kAttrPresent);
  if (!usable || offset + 7 > table.limit) return x.fault(vector, selector_error(selector, ext));
  out.linear = table.base + offset;
  return x.load_system(out.linear, 8, &out.word);
}

bool mark_accessed(Execution& x, DescriptorAt& d) {
  if (has_bit(d.word, kAccessedBit)) return true;
  const u64 word = d.word | bit(kAccessedBit);
  const u8 type_byte = static_cast<u8>(get_bits(word, 47, 40));
  if (!x.store_system(d.linear + 5, 1, &type_byte)) return false;
  d.word = word;
  return true;
}

bool fetch_segment(Execution& x, unsigned segment, u16 selector, Segment& out) {
  if (!loads_descriptors(x.regs)) {
    out = real_mode_segment(x.regs.segments[segment], selector);
    return true;
  }
  if (null_selector(selector)) {
    if (!null_allowed(x, segment, selector)) return x.fault(kGp, 0);
    out = null_segment(selector);
    return true;
  }
  if (segment == kSs) {
    return fetch_stack_segment(x, selector, static_cast<unsigned>(x.regs.cpl), kGp, 0, out);
  }
  return fetch_data_segment(x, selector, out);
}

bool fetch_stack_segment(Execution& x, u16 selector, unsigned cpl, u8 vector, u32 ext,
                         Segment& out) {
  const u32 error = selector_error(selector, ext);
  DescriptorAt at;
  if (!fetch_descriptor(x, selector, vector, ext, at)) return false;
  out = segment_of_descriptor(selector, at.word);
  const bool good =
      is_writable_data(out.attributes) && rpl_of(selector) == cpl && dpl_of(out.attributes) == cpl;
  if (!good) return x.fault(vector, error);
  if (!has_bit(out.attributes, kAttrPresent)) return x.fault(kSsv, error);
  if (!mark_accessed(x, at)) return false;
  out = segment_of_descriptor(selector, at.word);
  return true;
}

bool fetch_code_segment(Execution& x, u16 selector, Transfer transfer, u32 ext, CodeTarget& out) {
  if (null_selector(selector)) return x.fault(kGp, ext);
  const u32 error = selector_error(selector, ext);
  const unsigned cpl = static_cast<unsigned>(x.regs.cpl);
  DescriptorAt at;
  if (!fetch_descriptor(x, selector, kGp, ext, at)) return false;
  const u64 attributes = segment_of_descriptor(selector, at.word).attributes;
  if (!has_bit(attributes, kAttrNotSystem) && transfer == Transfer::kJump) {
    return x.fail(Outcome::unsupported());  // a call gate, a task gate or a TSS
  }
  const bool good = is_code(attributes) && sane_width(x.regs, attributes) &&
                    transfer_allowed(transfer, attributes, selector, cpl);
  if (!good) return x.fault(kGp, error);
  if (!has_bit(attributes, kAttrPresent)) return x.fault(kNp, error);
  if (!mark_accessed(x, at)) return false;
  out.cs = segment_of_descriptor(selector, at.word);
  out.cpl = cpl_after(transfer, attributes, selector, cpl);
  out.cs.selector = (selector & ~3u) | out.cpl;
  return true;
}

}  // namespace nptsim::isa
