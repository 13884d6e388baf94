// The rules of SEV-SNP's Reverse Map Table: a part of the list of rules.h, which includes this.
#ifndef NPTSIM_SIM_ARCH_SVM_RMP_RULES_H_
#define NPTSIM_SIM_ARCH_SVM_RMP_RULES_H_

// clang-format off
#define NPTSIM_SVM_RMP_RULES(X)                                                                    \
  /* The access checks. */                                                                         \
  X(kRmpAllowed, "rmp.allowed", kManual, "APM vol. 2 rev. 3.45, 15.36.10, table 15-38",            \
    "Every RMP check of this kind of access passed, or it has none.")                              \
  X(kRmpCovered, "rmp.covered", kManual, "APM vol. 2 rev. 3.45, 15.36.10, table 15-38",            \
    "A page without an RMP entry is the hypervisor's for ever: a private access to it is a #NPF "  \
    "with RMP=1.")                                                                                 \
  X(kRmpHvOwned, "rmp.hv-owned", kManual, "APM vol. 2 rev. 3.45, 15.36.10, table 15-38",           \
    "What is not private may write only where Assigned=0; through a 2-MByte translation for all "  \
    "512 entries.")                                                                                \
  X(kRmpGuestOwned, "rmp.guest-owned", kManual, "APM vol. 2 rev. 3.45, 15.36.10, table 15-38",     \
    "A private access needs an entry with the guest's ASID, else #NPF with RMP=1.")                \
  X(kRmpReverseMap, "rmp.reverse-map", kManual, "APM vol. 2 rev. 3.45, 15.36.10, table 15-38",     \
    "A private access needs the GPA that the entry has, else #NPF with RMP=1.")                    \
  X(kRmpMutable, "rmp.mutable", kManual, "APM vol. 2 rev. 3.45, 15.36.10, table 15-38",            \
    "A private access to an immutable page is a #NPF with RMP=1.")                                 \
  X(kRmpPageSize, "rmp.page-size", kManual, "APM vol. 2 rev. 3.45, 15.36.10, 15.36.11, table 15-39", \
    "The nested leaf and the entry must both be 4 KByte, or both larger, else #NPF with RMP=1.")   \
  X(kRmpValidated, "rmp.validated", kManual, "APM vol. 2 rev. 3.45, 15.36.10, table 15-38",        \
    "A private access to a page that the guest did not validate is no exit: the guest takes #VC "  \
    "with error code 0x404, CR2 has the address.")                                                 \
  X(kRmpVmpl, "rmp.vmpl", kManual, "APM vol. 2 rev. 3.45, 15.36.7, 15.36.10",                      \
    "The last check: the VMPL's mask must allow the access, else #NPF with RMP=1 and VMPL=1.")     \
  X(kRmpVmsa, "rmp.vmsa", kManual, "APM vol. 2 rev. 3.45, 15.36.12, table 15-40",                  \
    "VMRUN of an SNP guest takes only a page whose entry has the VMSA bit.")                       \
  X(kRmpInUse, "rmp.in-use", kRecorded, "APM vol. 2 rev. 3.45, 15.36.12; Suthikulpanit, kernel "   \
    "mailing list, 2024-09-30 (oops)",                                                             \
    "A host write to a page that a running vCPU holds is a #PF with RMP=1, although the page is "  \
    "the hypervisor's; not with HvInUseWrAllowed.")                                                \
  X(kRmpInUse2M, "rmp.in-use-2m", kStated, "Linux 75253db41a46 \"KVM: SEV: Make AVIC backing, VMSA " \
    "and VMCB memory allocation SNP safe\" (erratum)",                                             \
    "Erratum: with a 2-MByte-aligned page in use, a host write through a large mapping finds the " \
    "whole 2 MByte in use.")                                                                       \
  X(kRmpHostWrite, "rmp.host-write", kRecorded, "APM vol. 2 rev. 3.45, 15.36.10; Singh, \"Add AMD " \
    "Secure Nested Paging (SEV-SNP) Hypervisor Support\", 2021-07 (oops)",                         \
    "A host write where Assigned=1, through a large mapping anywhere in its 2 MByte, is a #PF "    \
    "with bit 31 of the error code; reads are not checked.")                                       \
  X(kRmpHostTable, "rmp.host-table", kInferred, "APM vol. 2 rev. 3.45, table 15-38",               \
    "The host's page-table accesses are checked as 4-KByte writes; that their error code has RW "  \
    "is a free choice.")                                                                           \
  X(kRmpDevice, "rmp.device", kStated, "AMDESE/AMDSEV issue 109, comment of an AMD developer",     \
    "The IOMMU checks a device as the hypervisor: a large mapping with one assigned page fails "   \
    "as a whole. No processor takes an exception.")                                                \
  X(kRmpHardwarePage, "rmp.hardware-page", kManual, "APM vol. 2 rev. 3.45, 15.36.12, table 15-40", \
    "Pages that VMRUN, VMSAVE or an MSR hand to the hardware are checked when they are handed "    \
    "over.")                                                                                       \
  X(kRmpNestedUpdate, "rmp.nested-update", kInferred, "APM vol. 2 rev. 3.45, table 15-38",         \
    "Free choice: a nested A or D bit that cannot be set, as the table is not the hypervisor's, "  \
    "is a #NPF with RMP=1.")                                                                       \
  /* What all instructions share. */                                                               \
  X(kRmpUndefined, "rmp-instruction.undefined", kInferred, "APM vol. 3, instruction pages",        \
    "#UD where SNP is off, for a guest's instruction outside an SNP-active guest and for all but " \
    "PVALIDATE outside 64-bit mode.")                                                              \
  X(kRmpPrivilege, "rmp-instruction.privilege", kInferred, "APM vol. 3, instruction pages",        \
    "#GP(0) unless CPL is 0.")                                                                     \
  X(kRmpMisaligned, "rmp-instruction.misaligned", kStated, "Microsoft C++ intrinsics, __pvalidate, " \
    "__rmpadjust, __rmpupdate, __psmash; VeriSMo model of SNP",                                    \
    "An address that is not aligned to the page size asked for is FAIL_INPUT.")                    \
  X(kRmpNoEntry, "rmp-instruction.no-entry", kStated, "Microsoft C++ intrinsics, __rmpupdate, "    \
    "__psmash, __rmpread", "A page without an RMP entry is FAIL_INPUT.")                           \
  X(kRmpFromGuest, "rmp-instruction.from-guest", kStated, "Microsoft C++ intrinsics, __rmpupdate, " \
    "__psmash", "A hypervisor's instruction in a guest is FAIL_PERMISSION: the ASID is not 0.")    \
  X(kRmpImmutable, "rmp-instruction.immutable", kRecorded, "Microsoft C++ intrinsics, __rmpupdate; " \
    "Kalra, kernel mailing list, 2024-08-15 (RMPUPDATE gives 2)",                                  \
    "The entry of an immutable page is firmware's alone: FAIL_PERMISSION.")                        \
  X(kRmpHeld, "rmp-instruction.held", kManual, "APM vol. 2 rev. 3.45, 15.36.12",                   \
    "An entry that is in use or being updated is FAIL_INUSE until its holder lets go.")            \
  X(kRmpGuestPage, "rmp-instruction.guest-page", kManual, "APM vol. 2 rev. 3.45, 15.36.6, 15.36.10", \
    "A guest's instruction on a page that is not its own at that GPA, or is immutable, is a #NPF " \
    "with RMP=1.")                                                                                 \
  X(kRmpSizem, "rmp-instruction.sizem", kManual, "APM vol. 2 rev. 3.45, 15.36.11, table 15-39",    \
    "4 KByte asked for where the entry is 2 MByte: #NPF with RMP=1 and SIZEM=1, for which the "    \
    "hypervisor splits the entry.")                                                                \
  X(kRmpSizemNested, "rmp-instruction.sizem-nested", kManual, "APM vol. 2 rev. 3.45, 15.36.6",     \
    "4 KByte asked for through a larger nested page is a #NPF with RMP=1; whether SIZEM is set "   \
    "is open.")                                                                                    \
  X(kRmpSizeMismatch, "rmp-instruction.size-mismatch", kRecorded, "APM vol. 2 rev. 3.45, 15.36.6, " \
    "15.36.11; project-oak/oak pull request 4972 (firmware log)",                                  \
    "2 MByte asked for where the entry is 4 KByte: FAIL_SIZEMISMATCH.")                            \
  X(kRmpSizeMismatchNested, "rmp-instruction.size-mismatch-nested", kInferred,                     \
    "APM vol. 2 rev. 3.45, 15.36.6",                                                               \
    "2 MByte asked for through a nested page of 4 KByte on a 2-MByte entry: FAIL_SIZEMISMATCH by " \
    "the wording of 15.36.6, where table 15-39 says nothing.")                                     \
  X(kRmpNotValidated, "rmp-instruction.not-validated", kStated, "VeriSMo model of SNP, rmpadjust", \
    "RMPADJUST and RMPQUERY of a page that is not validated are #VC with error code 0x404.")       \
  /* PVALIDATE. */                                                                                 \
  X(kRmpPvalidateVmpl, "pvalidate.vmpl", kInferred, "VeriSMo model of SNP, pvalidate",             \
    "PVALIDATE is VMPL0's; what it does at another VMPL no source says.")                          \
  X(kRmpPvalidateSame, "pvalidate.same", kStated, "Microsoft C++ intrinsics, __pvalidate; Linux "  \
    "arch/x86/include/asm/sev.h pvalidate",                                                        \
    "Validated already has the value asked for: EAX=0 with CF=1, and nothing changes.")            \
  X(kRmpPvalidateDone, "pvalidate.done", kManual, "APM vol. 2 rev. 3.45, 15.36.6",                 \
    "Validated changes, EAX=0 and CF=0; contents, rights and the VMSA bit stay.")                  \
  /* RMPADJUST, RMPQUERY. */                                                                       \
  X(kRmpTargetVmpl, "rmpadjust.target-vmpl", kStated, "VeriSMo model of SNP, rmpadjust; Linux and " \
    "EDK2, which find out by it whether they run at VMPL0",                                        \
    "RMPADJUST changes the rights of a less privileged VMPL only: else FAIL_PERMISSION.")          \
  X(kRmpQueryTargetVmpl, "rmpquery.target-vmpl", kInferred, "Microsoft C++ intrinsics, __rmpquery", \
    "RMPQUERY of a more privileged VMPL is FAIL_PERMISSION; its own it may ask for.")              \
  X(kRmpMissingVmpl, "rmpadjust.missing-vmpl", kInferred, "APM vol. 3, RMPADJUST",                 \
    "A target VMPL that the processor does not have fails; with which code no source says.")       \
  X(kRmpNotSubset, "rmpadjust.not-subset", kManual, "APM vol. 2 rev. 3.45, 15.36.7",               \
    "A VMPL can grant no right that it lacks: FAIL_PERMISSION.")                                   \
  X(kRmpIllegalMask, "rmpadjust.illegal-mask", kInferred, "APM vol. 2 rev. 3.45, table 15-37",     \
    "RMPADJUST refuses an illegal combination of rights; with which code no source says.")         \
  X(kRmpAdjusted, "rmpadjust.done", kManual, "APM vol. 2 rev. 3.45, 15.36.7; VeriSMo model of SNP", \
    "The target's rights are stored; the VMSA bit only by VMPL0.")                                 \
  X(kRmpQueried, "rmpquery.done", kInferred, "APM vol. 3, RMPQUERY; openvmm snp.rs",               \
    "The target's rights are in RDX bits 15:8, VMSA in bit 16; the page size probably in RCX.")    \
  /* RMPUPDATE, PSMASH, RMPREAD. */                                                                \
  X(kRmpReservedInput, "rmpupdate.reserved", kStated, "Microsoft C++ intrinsics, __rmpupdate",     \
    "Reserved bytes of the operand must be 0, else FAIL_INPUT.")                                   \
  X(kRmpOperandInput, "rmpupdate.operand", kInferred, "APM vol. 2 rev. 3.45, table 15-35",         \
    "Free choice: an operand that names no owner, or a GPA or ASID that the entry cannot hold, "   \
    "is FAIL_INPUT.")                                                                              \
  X(kRmpOverlap, "rmpupdate.overlap", kStated, "Microsoft C++ intrinsics, __rmpupdate; "           \
    "AMDESE/AMDSEV issue 143",                                                                     \
    "2 MByte over an assigned 4-KByte page, or 4 KByte inside a 2-MByte page: FAIL_OVERLAP.")      \
  X(kRmpContention, "rmpupdate.contention", kInferred, "Linux arch/x86/virt/svm/sev.c rmpupdate, " \
    "which retries on 4",                                                                          \
    "While the 2-MByte-aligned entry of its region is held, RMPUPDATE of another page there is "   \
    "FAIL_OVERLAP, as that entry counts the region's pages.")                                      \
  X(kRmpUpdated, "rmpupdate.done", kManual, "APM vol. 2 rev. 3.45, 15.36; VeriSMo model of SNP",   \
    "The entry is written. With another owner, GPA or size it is no longer validated, no VMSA, "   \
    "and only VMPL0 has rights.")                                                                  \
  X(kRmpUpdatedImmutable, "rmpupdate.immutable-only", kInferred, "AMD-ASPFW sev_rmp.h "            \
    "snp_page_state_t: Pre-Swap would be unreachable otherwise",                                   \
    "RMPUPDATE that changes nothing but Immutable leaves the page validated.")                     \
  X(kRmpUnassigned, "rmpupdate.unassigned", kInferred, "Linux arch/x86/virt/svm/sev.c "            \
    "rmp_make_shared; VeriSMo model of SNP",                                                       \
    "An entry that is given back keeps no page size.")                                             \
  X(kRmpNothingToSplit, "psmash.nothing-to-split", kStated, "Microsoft C++ intrinsics, __psmash; " \
    "Linux arch/x86/kvm/svm/sev.c sev_handle_rmp_fault",                                           \
    "PSMASH of what is no assigned 2-MByte page is FAIL_BADADDR.")                                 \
  X(kRmpSmashed, "psmash.done", kManual, "APM vol. 2 rev. 3.45, 15.36.11; VeriSMo model of SNP",   \
    "One 2-MByte entry becomes 512 of 4 KByte with the same owner, rights and validation.")        \
  X(kRmpRead, "rmpread.done", kStated, "Microsoft C++ intrinsics, __rmpread; Linux "               \
    "arch/x86/virt/svm/sev.c __snp_lookup_rmpentry",                                               \
    "RMPREAD shows the page's own entry without its validation and rights.")
// clang-format on

#endif  // NPTSIM_SIM_ARCH_SVM_RMP_RULES_H_
