// SEV_FEATURES, SEV_STATUS and the model-specific registers of SVM and SEV.
#ifndef NPTSIM_SIM_ARCH_SVM_SEV_H_
#define NPTSIM_SIM_ARCH_SVM_SEV_H_

#include <string_view>

#include "sim/arch/svm/vcpu.h"

namespace nptsim::svm {

// VMSA 0x3B0 (APM vol. 2 rev. 3.45, 15.34, 15.36).
struct SevFeature {
  unsigned bit;
  std::string_view name;
};
inline constexpr u64 kSnpActive = bit(0), kVirtualTom = bit(1), kReflectVc = bit(2),
                     kRestrictedInjection = bit(3), kAlternateInjection = bit(4),
                     kDebugVirtualization = bit(5), kVmplSss = bit(8), kVmgexitParameter = bit(10),
                     kSecureAvic = bit(16);
inline constexpr SevFeature kSevFeatures[] = {
    {0, "snp_active"},
    {1, "virtual_tom"},
    {2, "reflect_vc"},
    {3, "restricted_injection"},
    {4, "alternate_injection"},
    {5, "debug_virtualization"},
    {6, "prevent_host_ibs"},
    {7, "btb_isolation"},
    {8, "vmpl_sss"},
    {9, "secure_tsc"},
    {10, "vmgexit_parameter"},
    {11, "pmc_virtualization"},
    {12, "ibs_virtualization"},
    {13, "guest_intercept_control"},
    {14, "vmsa_register_protection"},
    {15, "smt_protection"},
    {16, "secure_avic"},
    {21, "ibpb_on_entry"},
};

// MSR C001_0131 as the guest reads it: SEV in bit 0, SEV-ES in bit 1, and each feature two bits
// above its place in SEV_FEATURES (APM vol. 2 rev. 3.45, 15.34.10).
constexpr u64 sev_status(GuestType type, u64 sev_features) {
  if (!has_sev(type)) return 0;
  return bit(0) | (has_sev_es(type) ? bit(1) : 0) | (has_sev_es(type) ? sev_features << 2 : 0);
}

// Numbers of model-specific registers (APM vol. 2 rev. 3.45, appendix A).
namespace msr {
inline constexpr u32 kTsc = 0x10, kApicBase = 0x1b, kSysenterCs = 0x174, kSysenterEsp = 0x175,
                     kSysenterEip = 0x176, kPat = 0x277, kEfer = 0xc0000080, kStar = 0xc0000081,
                     kLstar = 0xc0000082, kCstar = 0xc0000083, kSfmask = 0xc0000084,
                     kFsBase = 0xc0000100, kGsBase = 0xc0000101, kKernelGsBase = 0xc0000102,
                     kTscAux = 0xc0000103, kSyscfg = 0xc0010010, kHwcr = 0xc0010015,
                     kVmHsavePa = 0xc0010117, kVmPageFlush = 0xc001011e, kGhcb = 0xc0010130,
                     kSevStatus = 0xc0010131, kRmpBase = 0xc0010132, kRmpEnd = 0xc0010133,
                     kGuestTscFreq = 0xc0010134, kVirtualTomMsr = 0xc0010135,
                     kRmpSegmentConfig = 0xc0010136;
}  // namespace msr

// The registers that a vCPU here has, in the order of the bits of VmcbControl::msr_direct.
inline constexpr u32 kModelledMsrs[] = {
    msr::kEfer,   msr::kStar,       msr::kLstar,       msr::kCstar,
    msr::kSfmask, msr::kFsBase,     msr::kGsBase,      msr::kKernelGsBase,
    msr::kTscAux, msr::kSysenterCs, msr::kSysenterEsp, msr::kSysenterEip,
    msr::kPat,    msr::kTsc,        msr::kGhcb,        msr::kSevStatus,
};
// The bit of an MSR in msr_direct; 0 for one that is not modelled.
constexpr u64 msr_direct_bit(u32 number) {
  for (unsigned i = 0; i < sizeof kModelledMsrs / sizeof kModelledMsrs[0]; ++i) {
    if (kModelledMsrs[i] == number) return bit(i);
  }
  return 0;
}

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_SEV_H_
