// The commands of an SNP launch (KVM_MEMORY_ENCRYPT_OP), as a VMM hands them to KVM.
#ifndef NPTSIM_MODELS_COMMON_SNP_LAUNCH_H_
#define NPTSIM_MODELS_COMMON_SNP_LAUNCH_H_

#include <cstdint>

#include "models/common/kvm_uapi.h"
#include "sim/machine/host.h"

namespace nptsim::kvm_uapi {

// struct kvm_sev_cmd begins without an error of the firmware's.
inline void begin_sev_command(Store& store) { kSevCommand.at(store, 0).set(sev_cmd::kError, 0); }

inline void ask_snp_launch_start(Store& store, std::uint64_t policy, std::uint64_t flags) {
  begin_sev_command(store);
  const Record request = kSnpLaunchStart.at(store, 0);
  request.set(snp_start::kPolicy, policy);
  request.set(snp_start::kFlags, flags);
}

struct SnpLaunchPart {
  std::uint64_t gpa = 0, size = 0, type = 0;
  std::uint64_t backing = machine::kNoBacking;  // none: uaddr is none of user space's
  std::uint64_t offset = 0, flags = 0;
};
inline void ask_snp_launch_update(Store& store, const SnpLaunchPart& part) {
  begin_sev_command(store);
  const Record request = kSnpLaunchUpdate.at(store, 0);
  request.set(snp_update::kGfn, part.gpa >> kPageShift);
  request.set(snp_update::kLength, part.size);
  request.set(snp_update::kType, part.type);
  request.set(snp_update::kNoUserAddress, part.backing == machine::kNoBacking);
  request.set(snp_update::kBacking, part.backing);
  request.set(snp_update::kOffset, part.offset);
  request.set(snp_update::kFlags, part.flags);
}

inline void ask_snp_launch_finish(Store& store, std::uint64_t flags) {
  begin_sev_command(store);
  kSnpLaunchFinish.at(store, 0).set(snp_finish::kFlags, flags);
}

}  // namespace nptsim::kvm_uapi

#endif  // NPTSIM_MODELS_COMMON_SNP_LAUNCH_H_
