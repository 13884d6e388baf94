// What the rows of every guest may name; a family adds its own.
#ifndef NPTSIM_MODELS_GUEST_COMMON_SHARED_H_
#define NPTSIM_MODELS_GUEST_COMMON_SHARED_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/guest/common/define.h"
#include "models/guest/common/ghcb_call.h"
#include "models/guest/common/vc_context.h"

namespace nptsim::guest {

void add_shared(rules::Vocabulary& vocabulary);
// CPUID by the MSR protocol; part of add_shared.
void add_msr_protocol(rules::Vocabulary& vocabulary);

// SNP guests; parts of add_shared.
void add_snp_instructions(rules::Vocabulary& vocabulary);  // PVALIDATE, RMPADJUST, a TLB flush
void add_page_state(rules::Vocabulary& vocabulary);        // page-state changes by page and MSR
void add_c_bit(rules::Vocabulary& vocabulary);             // the guest's own tables

// The value of the fact `vc`: which event a #VC error code names.
unsigned vc_index(std::uint64_t exit_code);
// Its words, in order.
const std::vector<std::string>& vc_words();

// The request of an event that both guests ask for alike, and what they take from the answer.
struct NaePlan {
  GhcbRequest request;
  unsigned outputs = 0;         // Output bits
  bool outputs_checked = true;  // missing valid bits are an error
};
// RDTSC, RDTSCP, RDPMC, INVD, WBINVD, VMMCALL, MSR.
NaePlan common_plan(const VcContext& context, bool msr_write);
// Which registers the answer goes to, as they are in the page.
void write_outputs(GuestView& view, unsigned wanted, const GhcbOutputs& outputs);
// XCR0 as CPUID requests carry it: its value, or 1 where XGETBV would fault.
std::uint64_t xcr0_for_cpuid(const GuestView& view);

// A message of a guest: `text` is a format of libfmt, with up to three numbers.
struct Message {
  std::string_view word;
  std::string_view text;
};
std::vector<std::string> words_of(std::span<const Message> messages);
void print(GuestView& view, std::string_view text, std::uint64_t a = 0, std::uint64_t b = 0,
           std::uint64_t c = 0);

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_SHARED_H_
