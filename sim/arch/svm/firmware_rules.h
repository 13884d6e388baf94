// The rules of the AMD-SP's commands for SNP guests: one for each way a command can end. Read in
// AMD's published firmware (AMD-ASPFW fw/psp_bl_uapps/sev_uapp/src, commit 3ca6650dd35d); other
// releases may check in another order.
#ifndef NPTSIM_SIM_ARCH_SVM_FIRMWARE_RULES_H_
#define NPTSIM_SIM_ARCH_SVM_FIRMWARE_RULES_H_

// clang-format off
#define NPTSIM_SVM_FIRMWARE_RULES(X)                                                               \
  X(kFwPlatform, "firmware.platform", kStated, "SEV-SNP firmware ABI, status codes; Linux "         \
    "include/uapi/linux/psp-sev.h SEV_RET_HWSEV_RET_PLATFORM",                                     \
    "The AMD-SP itself has failed, and nothing has changed: HWSEV_RET_PLATFORM.")                  \
  X(kFwNoContext, "firmware.no-context", kStated, "AMD-ASPFW sev_mcmd.c",                          \
    "A guest is named by its context page: any other state of that page is INVALID_GUEST.")        \
  X(kFwGuestState, "firmware.guest-state", kStated, "AMD-ASPFW sev_mcmd.c",                        \
    "The command is not for this phase of the guest's life: INVALID_GUEST_STATE.")                 \
  X(kFwInactive, "firmware.inactive", kStated, "AMD-ASPFW sev_mcmd.c",                             \
    "The guest has no ASID yet: INACTIVE.")                                                        \
  X(kFwPageState, "firmware.page-state", kStated, "AMD-ASPFW sev_mcmd.c, sev_rmp.c "               \
    "rmp_entry_get_state",                                                                         \
    "The page is not in the state that the command begins with: INVALID_PAGE_STATE.")              \
  X(kFwPageSize, "firmware.page-size", kStated, "AMD-ASPFW sev_mcmd.c",                            \
    "The RMP entry has another page size than the command names or can use: INVALID_PAGE_SIZE.")   \
  X(kFwPageAddress, "firmware.page-address", kStated, "AMD-ASPFW sev_mcmd.c",                      \
    "A 2-MByte page that is not aligned so: INVALID_ADDRESS.")                                     \
  X(kFwPageOwner, "firmware.page-owner", kStated, "AMD-ASPFW sev_mcmd.c",                          \
    "The page's ASID is not the guest's: INVALID_PAGE_OWNER.")                                     \
  X(kFwRmpItself, "firmware.rmp-itself", kStated, "AMD-ASPFW sev_rmp.c get_rmp_paddr",             \
    "A page that holds a part of the RMP: INVALID_PARAM.")                                         \
  X(kFwParameter, "firmware.parameter", kStated, "AMD-ASPFW sev_mcmd.c",                           \
    "A parameter that means nothing: INVALID_PARAM.")                                              \
  X(kFwPolicy, "firmware.policy", kStated, "AMD-ASPFW sev_mcmd.c snp_mcmd_launch_start",           \
    "The guest's policy asks for what the platform does not give: POLICY_FAILURE.")                \
  X(kFwAsidInRmp, "firmware.asid-in-rmp", kStated, "AMD-ASPFW sev_mcmd.c snp_mcmd_activate",       \
    "An RMP entry has the ASID already: INVALID_CONFIG.")                                          \
  X(kFwCpuid, "firmware.cpuid", kStated, "AMD-ASPFW sev_mcmd.c snp_mcmd_launch_update, "           \
    "cpuid_lookup.c sanitize_cpuid_list",                                                          \
    "A CPUID page with values that the platform does not have: the right ones are written into "   \
    "it, in plain text, and the command ends with INVALID_PARAM.")                                 \
  X(kFwContextMade, "firmware.gctx-create", kStated, "AMD-ASPFW sev_mcmd.c snp_mcmd_gctx_create",  \
    "A firmware page becomes the context of a new guest.")                                         \
  X(kFwLaunchStarted, "firmware.launch-start", kStated, "AMD-ASPFW sev_mcmd.c "                    \
    "snp_mcmd_launch_start", "The guest is in its launch: its pages may be measured.")             \
  X(kFwActivated, "firmware.activate", kStated, "AMD-ASPFW sev_mcmd.c snp_mcmd_activate",          \
    "The guest's key is installed for the ASID.")                                                  \
  X(kFwPageLaunched, "firmware.launch-update", kStated, "AMD-ASPFW sev_mcmd.c "                    \
    "snp_mcmd_launch_update",                                                                      \
    "The page is measured, encrypted with the guest's key, validated, and no longer immutable: "   \
    "VMPL1 to VMPL3 get the rights that the command names.")                                       \
  X(kFwLaunchFinished, "firmware.launch-finish", kStated, "AMD-ASPFW sev_mcmd.c "                  \
    "snp_mcmd_launch_finish", "The guest runs: no page can be measured any more.")                 \
  X(kFwNothingToReclaim, "firmware.reclaim-nothing", kStated, "AMD-ASPFW sev_mcmd.c "              \
    "snp_mcmd_page_reclaim", "A page that is not immutable is nothing to reclaim: SUCCESS.")       \
  X(kFwReclaimed, "firmware.reclaim", kStated, "AMD-ASPFW sev_mcmd.c snp_mcmd_page_reclaim",       \
    "The page is no longer immutable: the hypervisor may take it back by RMPUPDATE.")              \
  X(kFwHvFixed, "firmware.page-set-state", kStated, "AMD-ASPFW sev_rmp.c page_set_hv_fixed",       \
    "A firmware page becomes the hypervisor's for ever.")                                          \
  X(kFwUnsmashed, "firmware.unsmash", kStated, "AMD-ASPFW sev_mcmd.c snp_mcmd_page_unsmash",       \
    "512 immutable pages of one guest, one after the other, become one entry of 2 MByte.")         \
  X(kFwDecommissioned, "firmware.decommission", kStated, "AMD-ASPFW sev_mcmd.c "                   \
    "snp_mcmd_decommission", "The guest is gone: its context is a firmware page again.")
// clang-format on

#endif  // NPTSIM_SIM_ARCH_SVM_FIRMWARE_RULES_H_
