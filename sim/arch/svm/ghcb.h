// The GHCB: the page that an SEV-ES guest shares with its hypervisor, and the MSR protocol.
//
// The layout is the GHCB specification's (AMD pub. 56421) as the code that implements it has it:
// edk2 MdePkg/Include/Register/Amd/Ghcb.h, Linux arch/x86/include/asm/svm.h struct ghcb.
#ifndef NPTSIM_SIM_ARCH_SVM_GHCB_H_
#define NPTSIM_SIM_ARCH_SVM_GHCB_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "sim/base/bits.h"

namespace nptsim::svm::ghcb {

// A field that has a bit in the valid bitmap: bit n covers the quadword at offset 8 * n.
struct GhcbField {
  std::string_view name;
  unsigned offset;
  unsigned size;

  constexpr unsigned valid_bit() const { return offset / 8; }
};

inline constexpr GhcbField kCpl{"cpl", 0x0cb, 1}, kXss{"xss", 0x140, 8}, kDr7{"dr7", 0x160, 8},
    kRip{"rip", 0x178, 8}, kRsp{"rsp", 0x1d8, 8}, kRax{"rax", 0x1f8, 8}, kRcx{"rcx", 0x308, 8},
    kRdx{"rdx", 0x310, 8}, kRbx{"rbx", 0x318, 8}, kRbp{"rbp", 0x328, 8}, kRsi{"rsi", 0x330, 8},
    kRdi{"rdi", 0x338, 8}, kR8{"r8", 0x340, 8}, kR9{"r9", 0x348, 8}, kR10{"r10", 0x350, 8},
    kR11{"r11", 0x358, 8}, kR12{"r12", 0x360, 8}, kR13{"r13", 0x368, 8}, kR14{"r14", 0x370, 8},
    kR15{"r15", 0x378, 8}, kExitCode{"sw_exit_code", 0x390, 8},
    kExitInfo1{"sw_exit_info_1", 0x398, 8}, kExitInfo2{"sw_exit_info_2", 0x3a0, 8},
    kScratch{"sw_scratch", 0x3a8, 8}, kXcr0{"xcr0", 0x3e8, 8};
inline constexpr GhcbField kFields[] = {
    kCpl, kXss, kDr7,      kRip,       kRsp,       kRax,     kRcx, kRdx, kRbx,
    kRbp, kRsi, kRdi,      kR8,        kR9,        kR10,     kR11, kR12, kR13,
    kR14, kR15, kExitCode, kExitInfo1, kExitInfo2, kScratch, kXcr0};
static_assert(kRax.valid_bit() == 63 && kExitCode.valid_bit() == 114 && kXcr0.valid_bit() == 125);

// Parts without a valid bit.
inline constexpr unsigned kValidBitmap = 0x3f0, kValidBitmapSize = 16;
inline constexpr unsigned kSharedBuffer = 0x800, kSharedBufferSize = 0x7f0;
inline constexpr unsigned kProtocolVersion = 0xffa, kUsage = 0xffc;

// The bitmap as two words, bits 63:0 and 127:64.
struct ValidBitmap {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  constexpr bool has(const GhcbField& field) const {
    const unsigned n = field.valid_bit();
    return n < 64 ? has_bit(low, n) : has_bit(high, n - 64);
  }
  constexpr void set(const GhcbField& field) {
    const unsigned n = field.valid_bit();
    (n < 64 ? low : high) |= bit(n % 64);
  }
};

// SW_EXITCODE beyond the SVM exit codes (GHCB specification, table of NAE events).
inline constexpr std::uint64_t kMmioRead = 0x80000001, kMmioWrite = 0x80000002,
                               kNmiComplete = 0x80000003, kApResetHold = 0x80000004,
                               kApJumpTable = 0x80000005, kPageStateChange = 0x80000010,
                               kGuestRequest = 0x80000011, kExtGuestRequest = 0x80000012,
                               kApCreation = 0x80000013, kRunVmpl = 0x80000018,
                               kHvFeatures = 0x8000fffd, kTerminate = 0x8000fffe,
                               kUnsupportedEvent = 0x8000ffff;

// The low half of SW_EXITINFO1 as the hypervisor leaves it, and SW_EXITINFO2 with kMalformed.
inline constexpr std::uint64_t kOk = 0, kException = 1, kMalformed = 2;
inline constexpr std::uint64_t kNotRegistered = 1, kInvalidUsage = 2, kInvalidScratch = 3,
                               kMissingInput = 4, kInvalidInput = 5, kInvalidEvent = 6;

// MSR protocol: bits 11:0 of MSR C001_0130.
inline constexpr std::uint64_t kMsrSevInfo = 0x001, kMsrSevInfoRequest = 0x002,
                               kMsrCpuidRequest = 0x004, kMsrCpuid = 0x005,
                               kMsrApResetHoldRequest = 0x006, kMsrApResetHold = 0x007,
                               kMsrPreferredGpaRequest = 0x010, kMsrPreferredGpa = 0x011,
                               kMsrRegisterGpaRequest = 0x012, kMsrRegisterGpa = 0x013,
                               kMsrPageStateRequest = 0x014, kMsrPageState = 0x015,
                               kMsrRunVmplRequest = 0x016, kMsrRunVmpl = 0x017,
                               kMsrHvFeaturesRequest = 0x080, kMsrHvFeatures = 0x081,
                               kMsrTerminate = 0x100;
constexpr std::uint64_t msr_code(std::uint64_t msr) { return get_bits(msr, 11, 0); }

// Termination: reason set in 15:12, reason code in 23:16.
constexpr std::uint64_t msr_terminate(unsigned set, unsigned code) {
  return kMsrTerminate | std::uint64_t{set} << 12 | std::uint64_t{code} << 16;
}
constexpr unsigned terminate_set(std::uint64_t msr) {
  return static_cast<unsigned>(get_bits(msr, 15, 12));
}
constexpr unsigned terminate_code(std::uint64_t msr) {
  return static_cast<unsigned>(get_bits(msr, 23, 16));
}

}  // namespace nptsim::svm::ghcb

#endif  // NPTSIM_SIM_ARCH_SVM_GHCB_H_
