#include "sim/arch/svm/rmp_states.h"

namespace nptsim::svm {
namespace {

RmpPageState hypervisor_state(const RmpEntry& e) {
  if (e.validated || e.asid != 0) return RmpPageState::kInvalid;
  return e.immutable ? RmpPageState::kHvFixed : RmpPageState::kHypervisor;
}

RmpPageState guest_state(const RmpEntry& e) {
  if (e.immutable) return e.validated ? RmpPageState::kPreSwap : RmpPageState::kPreGuest;
  return e.validated ? RmpPageState::kGuestValid : RmpPageState::kGuestInvalid;
}

RmpPageState firmware_state(const RmpEntry& e) {
  if (e.validated) return RmpPageState::kInvalid;
  if (!e.immutable) return e.lock ? RmpPageState::kInvalid : RmpPageState::kReclaim;
  if (e.gpa.value == 0) return e.vmsa ? RmpPageState::kContext : RmpPageState::kFirmware;
  const u64 page = firmware_gpa_page(e);
  if (page > 0 && firmware_tag(e) == kTagMetadata) return RmpPageState::kMetadata;
  const bool iommu = page == 1 && firmware_tag(e) == kTagFirmwareIommu && !e.vmsa;
  return iommu ? RmpPageState::kFirmwareIommu : RmpPageState::kInvalid;
}

void launch(RmpEntry& e) { e.validated = true, e.immutable = false; }
void make_immutable(RmpEntry& e) { e.immutable = true; }
void make_context(RmpEntry& e) { e.vmsa = true; }
void make_metadata(RmpEntry& e) { e.gpa = GuestPhysAddr(u64{kTagMetadata} << 48 | kPageSize); }
void reclaim(RmpEntry& e) { e.immutable = e.lock = false; }
void drop_context(RmpEntry& e) { e.vmsa = false; }
void make_fixed(RmpEntry& e) {
  e = {};
  e.immutable = true;
}
void unsmash(RmpEntry& e) { e.size = RmpPageSize::k2M; }

using enum RmpPageState;
using enum RmpCause;
using enum Evidence;

constexpr char kManualOwner[] = "APM vol. 2 rev. 3.45, 15.36, table 15-35";
constexpr char kFw[] = "AMD-ASPFW sev_mcmd.c";
constexpr char kFwRmp[] = "AMD-ASPFW sev_rmp.c";
constexpr char kBack[] = "assigned=0";
constexpr char kToGuest[] = "assigned=1, asid>0";
constexpr char kToCommand[] = "assigned=1, asid>0, immutable=1";
constexpr char kToFirmware[] = "assigned=1, asid=0, immutable=1, gpa=0";
constexpr char kFixed[] = "assigned=0, immutable=1";

// clang-format off
constexpr RmpTransition kTransitions[] = {
    // The hypervisor.
    {kHypervisor,   kHvFixed,      kRmpupdate, kFixed,      kInferred, kManualOwner},
    {kHypervisor,   kFirmware,     kRmpupdate, kToFirmware, kManual,   kManualOwner},
    {kHypervisor,   kPreGuest,     kRmpupdate, kToCommand,  kManual,   kManualOwner},
    {kHypervisor,   kGuestInvalid, kRmpupdate, kToGuest,    kManual,   kManualOwner},
    {kReclaim,      kHypervisor,   kRmpupdate, kBack,       kManual,   kManualOwner},
    {kReclaim,      kHvFixed,      kRmpupdate, kFixed,      kInferred, kManualOwner},
    {kReclaim,      kFirmware,     kRmpupdate, kToFirmware, kInferred, kManualOwner},
    {kReclaim,      kPreGuest,     kRmpupdate, kToCommand,  kInferred, kManualOwner},
    {kReclaim,      kGuestInvalid, kRmpupdate, kToGuest,    kInferred, kManualOwner},
    {kGuestInvalid, kHypervisor,   kRmpupdate, kBack,       kManual,   kManualOwner},
    {kGuestInvalid, kHvFixed,      kRmpupdate, kFixed,      kInferred, kManualOwner},
    {kGuestInvalid, kFirmware,     kRmpupdate, kToFirmware, kInferred, kManualOwner},
    {kGuestInvalid, kPreGuest,     kRmpupdate, kToCommand,  kManual,   kManualOwner},
    {kGuestInvalid, kGuestInvalid, kRmpupdate, "another GPA or ASID", kManual, kManualOwner},
    {kGuestValid,   kHypervisor,   kRmpupdate, kBack,       kManual,   kManualOwner},
    {kGuestValid,   kHvFixed,      kRmpupdate, kFixed,      kInferred, kManualOwner},
    {kGuestValid,   kFirmware,     kRmpupdate, kToFirmware, kInferred, kManualOwner},
    {kGuestValid,   kPreGuest,     kRmpupdate, "another GPA or ASID, immutable=1", kManual, kManualOwner},
    {kGuestValid,   kPreSwap,      kRmpupdate, "only immutable=1", kInferred, "AMD-ASPFW sev_rmp.h snp_page_state_t: unreachable otherwise"},
    {kGuestValid,   kGuestInvalid, kRmpupdate, "another GPA or ASID", kManual, kManualOwner},
    {kReclaim,      kReclaim,      kPsmash,    "2 MByte becomes 512 pages", kManual, "APM vol. 2 rev. 3.45, 15.36.11"},
    {kGuestInvalid, kGuestInvalid, kPsmash,    "2 MByte becomes 512 pages", kManual, "APM vol. 2 rev. 3.45, 15.36.11"},
    {kGuestValid,   kGuestValid,   kPsmash,    "2 MByte becomes 512 pages", kManual, "APM vol. 2 rev. 3.45, 15.36.11"},
    // The guest.
    {kGuestInvalid, kGuestValid,   kPvalidate, "validate",  kManual, "APM vol. 2 rev. 3.45, 15.36.6"},
    {kGuestValid,   kGuestInvalid, kPvalidate, "rescind",   kManual, "APM vol. 2 rev. 3.45, 15.36.6"},
    {kGuestValid,   kGuestValid,   kRmpadjust, "rights of a lower VMPL, VMSA", kManual, "APM vol. 2 rev. 3.45, 15.36.7"},
    // The AMD-SP.
    {kHypervisor,   kHvFixed,      kSnpInit,      "pages in its list", kRecorded, "Kalra, kernel mailing list, 2024-08-15", make_immutable},
    {kFirmware,     kContext,      kGctxCreate,   "a new guest",       kStated, kFw, make_context},
    {kContext,      kFirmware,     kDecommission, "the guest is gone", kStated, kFw, drop_context},
    {kFirmware,     kHvFixed,      kPageSetState, "pages in its list", kStated, kFwRmp, make_fixed},
    {kFirmware,     kMetadata,     kSwapOut,      "a page for metadata", kStated, kFw, make_metadata},
    {kFirmware,     kReclaim,      kPageReclaim,  "",                  kStated, kFw, reclaim},
    {kMetadata,     kReclaim,      kPageReclaim,  "",                  kStated, kFw, reclaim},
    {kPreGuest,     kGuestInvalid, kPageReclaim,  "",                  kStated, kFw, reclaim},
    {kPreSwap,      kGuestValid,   kPageReclaim,  "",                  kStated, kFw, reclaim},
    {kPreGuest,     kGuestValid,   kLaunchUpdate, "measured and encrypted", kStated, kFw, launch},
    {kPreGuest,     kPreGuest,     kPageUnsmash,  "512 pages become 2 MByte", kStated, kFwRmp, unsmash},
    {kPreSwap,      kPreSwap,      kPageUnsmash,  "512 pages become 2 MByte", kStated, kFwRmp, unsmash},
};
// clang-format on

}  // namespace

RmpPageState page_state(const RmpEntry& entry) {
  if (!entry.assigned) return hypervisor_state(entry);
  return entry.asid != 0 ? guest_state(entry) : firmware_state(entry);
}

RmpPageState page_state(const Rmp& rmp, HostPhysAddr spa) {
  return rmp.covers(spa) ? page_state(rmp.authoritative(spa)) : RmpPageState::kDefault;
}

std::span<const RmpTransition> rmp_transitions() { return kTransitions; }

}  // namespace nptsim::svm
