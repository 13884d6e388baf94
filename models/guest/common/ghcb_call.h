// One request through the GHCB page: filling it, VMGEXIT, reading the answer.
#ifndef NPTSIM_MODELS_GUEST_COMMON_GHCB_CALL_H_
#define NPTSIM_MODELS_GUEST_COMMON_GHCB_CALL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "models/guest/common/define.h"
#include "models/guest/common/mmio_request.h"
#include "models/guest/common/vc_context.h"
#include "sim/arch/svm/ghcb.h"

namespace nptsim::guest {

struct GhcbRequest {
  std::uint64_t exit_code = 0;
  std::uint64_t info_1 = 0;
  std::uint64_t info_2 = 0;
  std::optional<std::uint64_t> rax, rcx, rdx, xcr0, cpl;
  bool scratch = false;    // SW_SCRATCH: the shared buffer of the page
  unsigned data_size = 0;  // bytes put into that buffer
  std::uint64_t data = 0;

  svm::ghcb::ValidBitmap valid() const;
};

// The page of this vCPU: what the MSR says, or (while the MSR protocol is in use) where it lies. It
// is mapped one to one and shared.
GuestPhysAddr ghcb_page(const GuestView& view);
bool has_ghcb(const GuestView& view);

// Writes the fields, their valid bits, version and usage, and tells of it. False: an access did not
// happen; the next call starts again.
bool fill_ghcb(GuestView& view, const GhcbRequest& request);

GhcbRequest mmio_read_request(GuestPhysAddr address, std::uint64_t size);
GhcbRequest mmio_write_request(GuestPhysAddr address, std::uint64_t size, std::uint64_t value);

// What comes back in registers. A field without its valid bit counts as absent.
enum Output : unsigned { kOutRax = 1, kOutRbx = 2, kOutRcx = 4, kOutRdx = 8 };
struct GhcbOutputs {
  std::uint64_t rax = 0, rbx = 0, rcx = 0, rdx = 0;
  unsigned valid = 0;
};
bool read_outputs(GuestView& view, unsigned wanted, GhcbOutputs& outputs);
bool read_shared_buffer(GuestView& view, unsigned size, std::uint64_t& data);
// One quadword of the buffer.
bool write_shared_word(GuestView& view, unsigned offset, std::uint64_t word);

// "MMIO_WRITE", "CPUID".
std::string request_name(std::uint64_t exit_code);

// SW_EXITINFO1 and 2 after VMGEXIT, as the fact `vmm_answer`.
enum class VmmAnswer : unsigned { kOk, kGp, kUd, kOtherException, kMalformed, kOther };
VmmAnswer vmm_answer_of(std::uint64_t info_1, std::uint64_t info_2);

// Facts `ghcb`, `vmm_answer`, actions vmgexit, read_status, fill_mmio_read, fill_mmio_write,
// take_data, terminate_msr, vmgexit_msr, the copies of nested handlers.
void add_ghcb(rules::Vocabulary& vocabulary);

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_GHCB_CALL_H_
