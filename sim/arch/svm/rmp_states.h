// The states of a page as the SEV-SNP firmware names them, and how it comes from one to another:
// what a state diagram is drawn from (AMD-ASPFW sev_rmp.h snp_page_state_t, sev_rmp.c
// rmp_entry_get_state; SEV-SNP firmware ABI, "Page States").
#ifndef NPTSIM_SIM_ARCH_SVM_RMP_STATES_H_
#define NPTSIM_SIM_ARCH_SVM_RMP_STATES_H_

#include <span>

#include "sim/arch/svm/rmp_entry.h"
#include "sim/arch/svm/rules.h"

namespace nptsim::svm {

enum class RmpPageState : u8 {
  kInvalid,  // no state that the firmware knows: it refuses the page
  kDefault,  // without an entry
  kHypervisor,
  kHvFixed,
  kFirmware,
  kFirmwareIommu,
  kReclaim,
  kContext,
  kMetadata,
  kPreGuest,
  kPreSwap,
  kGuestInvalid,
  kGuestValid,
};
inline constexpr unsigned kRmpPageStates = 13;

struct RmpPageStateText {
  RmpPageState state;
  std::string_view name;  // the firmware ABI's
  std::string_view meaning;
};
inline constexpr RmpPageStateText kRmpPageStateTexts[] = {
    {RmpPageState::kInvalid, "Invalid", "fields that make no state"},
    {RmpPageState::kDefault, "Default", "not covered by the RMP: the hypervisor's for ever"},
    {RmpPageState::kHypervisor, "Hypervisor", "the host may write it"},
    {RmpPageState::kHvFixed, "HV-Fixed", "the hypervisor's, and can never be given to a guest"},
    {RmpPageState::kFirmware, "Firmware", "given to the AMD-SP"},
    {RmpPageState::kFirmwareIommu, "Firmware-IOMMU", "the IOMMU's, kept by the AMD-SP"},
    {RmpPageState::kReclaim, "Reclaim", "the AMD-SP's, and the hypervisor may take it back"},
    {RmpPageState::kContext, "Context", "a guest's context"},
    {RmpPageState::kMetadata, "Metadata", "what the AMD-SP knows of pages that are swapped out"},
    {RmpPageState::kPreGuest, "Pre-Guest", "a guest's, waiting for a command of the AMD-SP"},
    {RmpPageState::kPreSwap, "Pre-Swap", "a guest's valid page, waiting to be swapped out"},
    {RmpPageState::kGuestInvalid, "Guest-Invalid", "a guest's page that it has not validated"},
    {RmpPageState::kGuestValid, "Guest-Valid", "a guest's page that it has validated"},
};
constexpr std::string_view name_of(RmpPageState state) {
  return kRmpPageStateTexts[static_cast<unsigned>(state)].name;
}

// What the GPA's top bits 50:48 tell the firmware of a page of its own (AMD-ASPFW sev_rmp.h
// RMP_GPA_STATE).
constexpr unsigned firmware_tag(const RmpEntry& entry) {
  return static_cast<unsigned>(get_bits(entry.gpa.value, 50, 48));
}
constexpr u64 firmware_gpa_page(const RmpEntry& entry) { return get_bits(entry.gpa.value, 47, 12); }
inline constexpr unsigned kTagMetadata = 1, kTagFirmwareIommu = 2;

// Of a page with an entry: in the firmware's order.
RmpPageState page_state(const RmpEntry& entry);
RmpPageState page_state(const Rmp& rmp, HostPhysAddr spa);

enum class RmpCause : u8 {
  kRmpupdate,
  kPsmash,
  kPvalidate,
  kRmpadjust,
  kSnpInit,
  kLaunchUpdate,
  kGctxCreate,
  kSwapOut,
  kPageReclaim,
  kPageUnsmash,
  kPageSetState,
  kDecommission,
};
inline constexpr std::string_view kRmpCauseNames[] = {"RMPUPDATE",          "PSMASH",
                                                      "PVALIDATE",          "RMPADJUST",
                                                      "SNP_INIT_EX",        "SNP_LAUNCH_UPDATE",
                                                      "SNP_GCTX_CREATE",    "SNP_PAGE_SWAP_OUT",
                                                      "SNP_PAGE_RECLAIM",   "SNP_PAGE_UNSMASH",
                                                      "SNP_PAGE_SET_STATE", "SNP_DECOMMISSION"};
constexpr std::string_view name_of(RmpCause cause) {
  return kRmpCauseNames[static_cast<unsigned>(cause)];
}
constexpr bool is_instruction(RmpCause cause) { return cause <= RmpCause::kRmpadjust; }

struct RmpTransition {
  RmpPageState from;
  RmpPageState to;
  RmpCause cause;
  std::string_view how;  // the operands, or what the command does
  Evidence evidence;
  std::string_view source;
  void (*firmware_writes)(RmpEntry&) = nullptr;  // of a command: what it does to the entry
};
std::span<const RmpTransition> rmp_transitions();

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_RMP_STATES_H_
