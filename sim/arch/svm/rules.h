// Every rule of the hardware that the model decides by: an id, one sentence, the source and how far
// it is to be believed. Observers name the rule that decided; `explain` prints the sentence.
#ifndef NPTSIM_SIM_ARCH_SVM_RULES_H_
#define NPTSIM_SIM_ARCH_SVM_RULES_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "sim/arch/svm/firmware_rules.h"
#include "sim/arch/svm/rmp_rules.h"

namespace nptsim::svm {

// How a rule is known.
enum class Evidence : std::uint8_t {
  kManual,    // AMD's manual says so
  kTested,    // a public test asserts it on real hardware
  kRecorded,  // seen in recordings of real hardware
  kStated,    // AMD's or KVM's developers say so in public, or their code depends on it
  kInferred,  // follows from other rules, or a free choice that the sources leave: not a fact
};
constexpr std::string_view name_of(Evidence evidence) {
  constexpr std::string_view kNames[] = {"manual", "tested", "recorded", "stated", "inferred"};
  return kNames[static_cast<unsigned>(evidence)];
}

// clang-format off
#define NPTSIM_SVM_RULES(X)                                                                        \
  X(kNone, "", kManual, "", "")                                                                    \
  X(kAccessDone, "walk.done", kManual, "APM vol. 2 rev. 3.45, 15.25.5",                            \
    "Both walks allow the access.")                                                                \
  X(kGuestNonCanonical, "guest.non-canonical", kManual, "APM vol. 2 rev. 3.45, 5.3.1",             \
    "A non-canonical linear address is a #GP or #SS before any table is read, never a #NPF.")      \
  X(kGuestNotPresent, "guest.not-present", kManual, "APM vol. 2 rev. 3.45, 5.6, 15.25.6",          \
    "A guest entry with P=0 is a #PF of the guest, which beats any #NPF of deeper addresses.")     \
  X(kGuestReservedBit, "guest.reserved-bit", kManual, "APM vol. 2 rev. 3.45, 5.3, 15.25.6",        \
    "A reserved bit in a present guest entry is a #PF with P=1 and RSV=1.")                        \
  X(kGuestPermission, "guest.permission", kManual, "APM vol. 2 rev. 3.45, 5.6, 15.25.6",           \
    "The rights of all guest levels, with the guest's own WP, SMEP, SMAP and NXE, are judged "     \
    "before the final address meets the nested tables.")                                           \
  X(kGuestAccessedDirty, "guest.accessed-dirty", kInferred, "APM vol. 2 rev. 3.45, 5.4.2",         \
    "Free choice: guest A and D bits are set after the guest's permission check passed, before "   \
    "the final address is translated; a walk that faults earlier sets none.")                      \
  X(kNestedNotPresent, "npt.not-present", kManual, "APM vol. 2 rev. 3.45, 15.25.6",                \
    "A nested entry with P=0 ends the walk with #NPF, P=0.")                                       \
  X(kNestedReservedBit, "npt.reserved-bit", kManual, "APM vol. 2 rev. 3.45, 15.25.6",              \
    "A reserved bit in a present nested entry ends the walk with #NPF, P=1 and RSV=1, before any " \
    "right is looked at.")                                                                         \
  X(kNestedPermission, "npt.permission", kManual, "APM vol. 2 rev. 3.45, 15.25.5, 15.25.6",        \
    "The rights of all nested levels are judged as one; the #NPF reports the access, not which "   \
    "right failed.")                                                                               \
  X(kNestedUser, "npt.user", kManual, "APM vol. 2 rev. 3.45, 15.25.5",                             \
    "Every guest access is a user access to the nested tables: U/S=0 at any level denies it.")     \
  X(kNestedTableWrite, "npt.table-write", kManual, "APM vol. 2 rev. 3.45, 15.25.6",                \
    "The read of a guest table entry is a nested write, so a read-only nested page cannot hold "   \
    "guest tables.")                                                                               \
  X(kNestedRogpt, "npt.rogpt", kManual, "APM vol. 2 rev. 3.45, 15.25",                             \
    "With ROGPT a guest table access is a nested write only when a guest A or D bit must be set.") \
  X(kNestedGmet, "npt.gmet", kTested, "APM vol. 2 rev. 3.45, 15.25.13; kvm-unit-tests svm_npt",    \
    "With GMET a supervisor fetch from a user page of the nested tables is a #NPF, and U/S has "   \
    "no other effect.")                                                                            \
  X(kNestedAccessedDirty, "npt.accessed-dirty", kInferred, "APM vol. 2 rev. 3.45, 15.25.5",        \
    "Free choice: a nested walk sets A in all its entries and D in the leaf only after its "       \
    "permission check passed.")                                                                    \
  X(kPml, "npt.pml", kManual, "APM vol. 2 rev. 3.45, 15.25, table 15-33",                          \
    "Setting a nested D bit logs the page of the GPA; no room in the log is exit 0x407.")          \
  X(kNpfFetchPage, "npf.fetch-page", kRecorded, "kernel bugzilla 2021 (VMCB dump, Like Xu); "      \
    "recordings of fetches without a memory slot",                                                 \
    "EXITINFO2 of a final fetch has bits 11:0 clear; data and table faults keep the byte address.")\
  X(kNpfEnc, "npf.enc", kStated, "Christopherson, \"KVM: x86: Define more SEV+ page fault error "  \
    "bits/flags for #NPF\", 2024-02",                                                              \
    "On SNP-capable parts EXITINFO1.ENC is the effective C-bit for any SEV guest.")                \
  X(kNpfExit, "npf.exit", kManual, "APM vol. 2 rev. 3.45, 15.25.6, table 15-33",                   \
    "A #NPF exits to the host; of an SEV-ES guest only with RSV=0 (an automatic exit).")           \
  X(kNpfVc, "npf.vc", kManual, "APM vol. 2 rev. 3.45, 15.35.4, 15.35.5, table 15-33",              \
    "A #NPF with RSV=1 of an SEV-ES or SNP guest is no exit: the guest takes #VC with error code " \
    "0x400.")                                                                                      \
  X(kNpfVcTable, "npf.vc-table", kInferred, "APM vol. 2 rev. 3.45, table 15-33",                   \
    "A #NPF with RSV=1 on a guest table or a fetch is #VC(0x400) as well: the table of automatic " \
    "exits asks for bit 3 alone.")                                                                 \
  X(kIntercept, "exit.intercept", kManual, "APM vol. 2 rev. 3.45, 15.7, 15.9",                     \
    "An intercepted event of a guest without SEV-ES exits.")                                       \
  X(kAutomaticExit, "exit.automatic", kManual, "APM vol. 2 rev. 3.45, 15.35.3, table 15-33",       \
    "An automatic exit of an SEV-ES guest exits after its state is saved in the VMSA.")            \
  X(kNonAutomaticExit, "exit.non-automatic", kManual, "APM vol. 2 rev. 3.45, 15.35.4, 15.35.5",    \
    "An intercepted event that is no automatic exit is #VC in an SEV-ES guest, with the exit "     \
    "code as its error code.")                                                                     \
  X(kReflectedVc, "vc.reflected", kInferred,                                                       \
    "APM vol. 2 rev. 3.45, 15.36.9, appendix C; Linux of Sabanic-P, a fork for COCONUT-SVSM, "     \
    "arch/x86/kvm/svm/svm.c svm_exit_handlers (5098c06d1d82)",                                     \
    "With ReflectVC an event that would be #VC is an automatic exit, VMEXIT_VC. Event, EXITINFO "  \
    "and next rIP are in the VMSA, for a higher VMPL. The number, 0x5d, is the intercept of "      \
    "exception 29; EXITINFO1 and 2 of the VMCB are taken to be 0.")                                \
  X(kSnpAlwaysIntercepted, "exit.snp-always", kManual, "APM vol. 2 rev. 3.45, 15.36",              \
    "IOIO and CPUID of an SNP-active guest are intercepted whatever the VMCB says.")               \
  X(kVmgexit, "exit.vmgexit", kManual, "APM vol. 2 rev. 3.45, 15.35.6",                            \
    "VMGEXIT is a trap-like automatic exit with no intercept bit; without SEV-ES it is VMMCALL.")  \
  X(kExceptionIntercept, "exit.exception", kManual, "APM vol. 2 rev. 3.45, 15.12",                 \
    "An exception intercept is taken before the guest sees the event; of a #PF, CR2 is not "       \
    "written and EXITINFO2 has the address.")                                                      \
  X(kExceptionDelivered, "exception.delivered", kManual, "APM vol. 2 rev. 3.45, 8.2, 8.9",         \
    "An exception that is not intercepted is delivered through the guest's own IDT.")              \
  X(kDoubleFault, "exception.double-fault", kManual, "APM vol. 2 rev. 3.45, 8.2.9",                \
    "Two contributory exceptions, or a page fault and one of these, make #DF.")                    \
  X(kShutdown, "exception.shutdown", kManual, "APM vol. 2 rev. 3.45, 8.2.9, 15.14.3",              \
    "A fault that meets the delivery of #DF shuts the processor down.")                            \
  X(kVcContributory, "exception.vc-contributory", kManual, "APM vol. 2 rev. 3.45, 15.35.5",        \
    "#VC is a contributory exception.")                                                            \
  X(kDoubleFaultIntercept, "exit.df-first", kInferred, "APM vol. 2 rev. 3.45, 15.12",              \
    "The intercept of the second exception is looked at before both combine to #DF.")              \
  X(kExitIntInfo, "exit.int-info", kManual, "APM vol. 2 rev. 3.45, 15.7.2, 15.20",                 \
    "An exit that hits the delivery of an event records it in EXITINTINFO, so that EVENTINJ can "  \
    "repeat it.")                                                                                  \
  X(kEventInjection, "vmrun.event-injection", kManual, "APM vol. 2 rev. 3.45, 15.20",              \
    "EVENTINJ is delivered before the first guest instruction, intercepts of the event itself "    \
    "are not looked at.")                                                                          \
  X(kVmrunInvalid, "vmrun.invalid", kManual, "APM vol. 2 rev. 3.45, 15.5.1, 15.20, 15.35, 15.36",  \
    "VMRUN of an illegal state exits at once with VMEXIT_INVALID.")                                \
  X(kDecodeAssist, "exit.instruction-bytes", kManual, "APM vol. 2 rev. 3.45, 15.8.4",              \
    "With decode assists a data #NPF or #PF leaves the instruction's bytes in the VMCB; never for "\
    "a fetch and never for an SEV-ES guest.")                                                      \
  X(kEffectiveCFetchWalk, "sev.c-fetch-walk", kManual, "APM vol. 2 rev. 3.45, 15.34.5",            \
    "Fetches and guest table accesses of an SEV guest are private whatever the C-bit says.")       \
  X(kEffectiveCData, "sev.c-data", kManual, "APM vol. 2 rev. 3.45, 15.34.5",                       \
    "Data of an SEV guest is private by the C-bit of its leaf; without PAE paging always.")        \
  X(kEffectiveCVtom, "sev.c-vtom", kManual, "APM vol. 2 rev. 3.45, 15.36",                         \
    "With a virtual top of memory data below it is private, above it shared, and a C-bit in a "    \
    "guest entry is reserved.")                                                                    \
  X(kKeySelection, "sev.key", kManual, "APM vol. 2 rev. 3.45, tables 15-30 and 15-31",             \
    "The guest's C-bit picks the guest's key; without it the nested C-bit picks the host's.")      \
  X(kTlbHit, "tlb.hit", kManual, "APM vol. 2 rev. 3.45, 15.16, 15.25.9",                           \
    "A translation cached for this ASID answers; a combined entry has the smaller page size.")     \
  X(kTlbDenied, "tlb.denied", kInferred, "APM vol. 2 rev. 3.45, 5.5",                              \
    "Free choice: a cached translation that denies the access is dropped and the walk is made "    \
    "anew, so a right that was added is seen without a flush.")                                    \
  X(kUnspecified, "unspecified", kInferred, "",                                                    \
    "No source settles what the hardware does here; the gap is named, not guessed.")
// clang-format on

enum class RuleId : std::uint8_t {
#define NPTSIM_SVM_RULE_ENUM(id, name, evidence, source, sentence) id,
  NPTSIM_SVM_RULES(NPTSIM_SVM_RULE_ENUM) NPTSIM_SVM_RMP_RULES(NPTSIM_SVM_RULE_ENUM)
      NPTSIM_SVM_FIRMWARE_RULES(NPTSIM_SVM_RULE_ENUM)
#undef NPTSIM_SVM_RULE_ENUM
};

struct Rule {
  std::string_view id;
  Evidence evidence;
  std::string_view source;
  std::string_view sentence;
};

inline constexpr Rule kRules[] = {
#define NPTSIM_SVM_RULE_ROW(id, name, evidence, source, sentence) \
  {name, Evidence::evidence, source, sentence},
    NPTSIM_SVM_RULES(NPTSIM_SVM_RULE_ROW) NPTSIM_SVM_RMP_RULES(NPTSIM_SVM_RULE_ROW)
        NPTSIM_SVM_FIRMWARE_RULES(NPTSIM_SVM_RULE_ROW)
#undef NPTSIM_SVM_RULE_ROW
};

constexpr const Rule& rule_of(RuleId id) { return kRules[static_cast<unsigned>(id)]; }
constexpr std::span<const Rule> all_rules() { return std::span(kRules).subspan(1); }

// What no source settles. A run that meets one ends there with its name.
#define NPTSIM_SVM_GAPS(X)                                                                    \
  X(kNone, "", "")                                                                            \
  X(kGpaBeyondNestedWidth, "gpa-beyond-nested-width",                                         \
    "a guest physical address of more than 48 bits with 4-level nested tables")               \
  X(kSssOrdinaryAccess, "sss-ordinary-access",                                                \
    "an ordinary read of a supervisor shadow stack page of the nested tables")                \
  X(kPvalidateVmpl, "pvalidate-above-vmpl0", "PVALIDATE at a VMPL other than 0")              \
  X(kReflectDelivering, "reflect-delivering",                                                 \
    "a #VC that is reflected while an event is delivered: what EXITINTINFO of the VMCB says") \
  X(kReflectNotValidated, "reflect-not-validated",                                            \
    "a page that is not validated, with ReflectVC: what GUEST_EXITINFO1 and 2 say")           \
  X(kPageHeld, "vmrun-page-held", "VMRUN with a page that another vCPU holds in use")         \
  X(kHostPaging, "host-paging", "nested tables in another format than the 64-bit one")        \
  X(kPortWithoutIntercept, "io-without-intercept", "an I/O port that is not intercepted")     \
  X(kMsrWithoutModel, "msr-without-model", "a model-specific register that the model lacks")  \
  X(kCpuidWithoutIntercept, "cpuid-without-intercept", "a CPUID that is not intercepted")

enum class Gap : std::uint8_t {
#define NPTSIM_SVM_GAP_ENUM(id, name, text) id,
  NPTSIM_SVM_GAPS(NPTSIM_SVM_GAP_ENUM)
#undef NPTSIM_SVM_GAP_ENUM
};

struct GapText {
  std::string_view id;
  std::string_view text;
};
constexpr GapText text_of(Gap gap) {
  constexpr GapText kTexts[] = {
#define NPTSIM_SVM_GAP_ROW(id, name, text) {name, text},
      NPTSIM_SVM_GAPS(NPTSIM_SVM_GAP_ROW)
#undef NPTSIM_SVM_GAP_ROW
  };
  return kTexts[static_cast<unsigned>(gap)];
}

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_RULES_H_
