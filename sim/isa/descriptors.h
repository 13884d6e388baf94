// Segment registers loaded from descriptor tables, with the checks of APM vol. 2, chapter 4.
//
// The fetch_ functions read the descriptor through the port as supervisor, check it and give the
// hidden part that would be loaded; the caller assigns it when nothing can fail any more. The one
// thing they write is the descriptor's accessed bit, as hardware does, even if the instruction
// fails later.
#ifndef NPTSIM_SIM_ISA_DESCRIPTORS_H_
#define NPTSIM_SIM_ISA_DESCRIPTORS_H_

#include "sim/isa/execution.h"

namespace nptsim::isa {

constexpr u16 rpl_of(u64 selector) { return selector & 3; }
constexpr bool null_selector(u64 selector) { return (selector & 0xfffc) == 0; }

// The hidden part of an 8-byte descriptor (APM vol. 2, 4.7 and 4.8).
Segment segment_of_descriptor(u16 selector, u64 descriptor);

// The error code of a fault about a selector; `ext` is 1 while an external event or an exception is
// delivered (APM vol. 2, 8.4.1).
constexpr u32 selector_error(u64 selector, u32 ext) {
  return static_cast<u32>((selector & 0xfffc) | ext);
}

struct DescriptorAt {
  u64 linear = 0;
  u64 word = 0;
};

// Reads the descriptor of a selector that is not null; `vector` is the fault beyond the table.
[[nodiscard]] bool fetch_descriptor(Execution& x, u16 selector, u8 vector, u32 ext,
                                    DescriptorAt& out);
[[nodiscard]] bool mark_accessed(Execution& x, DescriptorAt& descriptor);

// For MOV, POP, LxS and IRET to ES, SS, DS, FS and GS.
[[nodiscard]] bool fetch_segment(Execution& x, unsigned segment, u16 selector, Segment& out);

// SS for the privilege level `cpl` after a far return or for the stack of a gate; `vector` is the
// fault for a bad selector: #GP, or #TS for one that comes from the TSS.
[[nodiscard]] bool fetch_stack_segment(Execution& x, u16 selector, unsigned cpl, u8 vector, u32 ext,
                                       Segment& out);

enum class Transfer : u8 { kJump, kReturn, kGate };

// CS after a far transfer, and the CPL there.
struct CodeTarget {
  Segment cs;
  unsigned cpl = 0;
};
// Call gates and task gates: kUnsupported.
[[nodiscard]] bool fetch_code_segment(Execution& x, u16 selector, Transfer transfer, u32 ext,
                                      CodeTarget& out);

// Real and virtual-8086 mode: selector and base change, limit and attributes stay.
Segment real_mode_segment(const Segment& old, u16 selector);

inline bool loads_descriptors(const Registers& r) { return protected_mode(r) && !virtual_8086(r); }

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_DESCRIPTORS_H_
