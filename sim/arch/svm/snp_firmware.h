// The AMD-SP: commands of its firmware that make an SNP guest and change the pages it gets, in the
// order in which the firmware checks (AMD-ASPFW sev_mcmd.c, sev_rmp.c at commit 3ca6650dd35d;
// SEV-SNP firmware ABI). A command is one step on one page: it changes all or nothing.
//
// Not modelled: signatures, keys, the digest itself, migration agents, swapping.
#ifndef NPTSIM_SIM_ARCH_SVM_SNP_FIRMWARE_H_
#define NPTSIM_SIM_ARCH_SVM_SNP_FIRMWARE_H_

#include <array>
#include <optional>

#include "sim/arch/svm/cpu_profile.h"
#include "sim/arch/svm/rmp_states.h"

namespace nptsim::svm {

// Linux include/uapi/linux/psp-sev.h sev_ret_code.
enum class FirmwareStatus : u8 {
  kSuccess = 0,
  kInvalidGuestState = 2,
  kInvalidConfig = 3,
  kPolicyFailure = 7,
  kInactive = 8,
  kInvalidAddress = 9,
  kInvalidGuest = 0x10,
  kHwPlatform = 0x13,
  kInvalidParam = 0x16,
  kResourceLimit = 0x17,
  kInvalidPageSize = 0x19,
  kInvalidPageState = 0x1a,
  kInvalidPageOwner = 0x1c,
};
std::string_view name_of(FirmwareStatus status);

enum class FirmwareCommand : u8 {
  kGctxCreate,
  kLaunchStart,
  kActivate,
  kLaunchUpdate,
  kLaunchFinish,
  kPageReclaim,
  kPageSetState,  // to HV-Fixed
  kPageUnsmash,
  kDecommission,
};
std::string_view name_of(FirmwareCommand command);

// PAGE_TYPE of SNP_LAUNCH_UPDATE.
enum class SnpPageType : u8 {
  kReserved = 0,
  kNormal = 1,
  kVmsa = 2,
  kZero = 3,
  kUnmeasured = 4,
  kSecrets = 5,
  kCpuid = 6,
};
// Whether the launch digest covers the contents; of every type it covers place, type and rights.
constexpr bool measures_contents(SnpPageType type) {
  return type == SnpPageType::kNormal || type == SnpPageType::kVmsa;
}

// The guest policy (SEV-SNP firmware ABI, table 9).
inline constexpr unsigned kPolicySmt = 16, kPolicyReservedOne = 17, kPolicyDebug = 19,
                          kPolicySingleSocket = 20;

enum class SnpGuestState : u8 { kNone, kInit, kLaunch, kRunning };

// What the firmware keeps of a guest, by its context page. The page itself holds what nobody else
// can read.
namespace snp_guest {
inline constexpr Field kState{"gctx.state", 0, 3, 0, "SnpGuestState"};
inline constexpr Field kAsid{"gctx.asid", 0, 31, 16, "0: none yet"};
inline constexpr Field kMeasured{"gctx.measured", 0, 63, 32, "pages in the launch digest"};
inline constexpr Field kContext{"gctx.paddr", 1, 63, 0, "SPA of the context page"};
inline constexpr Field kPolicy{"gctx.policy", 2, 63, 0, ""};
inline constexpr Field kFields[] = {kState, kAsid, kMeasured, kContext, kPolicy};
inline constexpr RecordLayout kLayout{"SNP guest context", 4, kFields};
}  // namespace snp_guest
inline constexpr RecordArray kSnpGuests{&snp_guest::kLayout, Space::kFirmware, 0, 8};

// Commands at which the AMD-SP fails, whatever they ask for.
namespace firmware_faults {
inline constexpr Field kFails{"fails", 0, 15, 0, "a bit a FirmwareCommand"};
inline constexpr Field kFields[] = {kFails};
inline constexpr RecordLayout kLayout{"failing commands", 1, kFields};
}  // namespace firmware_faults
inline constexpr RecordArray kFirmwareFaults{&firmware_faults::kLayout, Space::kFirmware, 0x100, 1};

struct FirmwareRequest {
  FirmwareCommand command = FirmwareCommand::kGctxCreate;
  HostPhysAddr context = {};            // all but the page commands
  HostPhysAddr page = {};               // page commands, SNP_LAUNCH_UPDATE
  RmpPageSize size = RmpPageSize::k4K;  // the same
  SnpPageType type = SnpPageType::kReserved;
  std::array<u8, 3> rights{};  // of VMPL1 to VMPL3
  u64 policy = 0;              // SNP_LAUNCH_START
  u32 asid = 0;                // SNP_ACTIVATE
};

struct FirmwareResult {
  FirmwareStatus status = FirmwareStatus::kSuccess;
  RuleId rule = RuleId::kNone;
  bool good() const { return status == FirmwareStatus::kSuccess; }
};

// The platform state is INIT: the host's kernel has done SNP_INIT.
class SnpFirmware {
 public:
  SnpFirmware(const CpuProfile& profile, arch::PhysicalMemory& memory)
      : rmp_(profile.rmp, memory), memory_(&memory) {}

  FirmwareResult run(const FirmwareRequest& request);

  // From now on the command fails.
  void break_command(FirmwareCommand command);

  // A guest whose launch is over, for a machine that begins there.
  void adopt_running(HostPhysAddr context, u32 asid);

 private:
  using Refusal = std::optional<FirmwareResult>;

  FirmwareResult gctx_create(const FirmwareRequest&);
  FirmwareResult launch_start(const FirmwareRequest&);
  FirmwareResult activate(const FirmwareRequest&);
  FirmwareResult launch_update(const FirmwareRequest&);
  FirmwareResult launch_finish(const FirmwareRequest&);
  FirmwareResult page_reclaim(const FirmwareRequest&);
  FirmwareResult page_set_state(const FirmwareRequest&);
  FirmwareResult page_unsmash(const FirmwareRequest&);
  FirmwareResult decommission(const FirmwareRequest&);

  Store& store() const { return memory_->store(); }
  Refusal context_refusal(HostPhysAddr context) const;
  Refusal launch_page_refusal(const FirmwareRequest&) const;
  RmpPageState state_of(HostPhysAddr page) const { return page_state(rmp_, page); }
  bool in_rmp(HostPhysAddr page) const;
  bool asid_in_rmp(u32 asid) const;
  std::optional<u64> guest_at(HostPhysAddr context) const;
  bool fill_page(const FirmwareRequest&, u32 asid);

  Rmp rmp_;
  arch::PhysicalMemory* memory_;
};

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_SNP_FIRMWARE_H_
