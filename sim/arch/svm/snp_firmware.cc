#include "sim/arch/svm/snp_firmware.h"

#include <algorithm>
#include <cstring>

namespace nptsim::svm {
namespace {

using enum FirmwareStatus;

using Page = std::array<u8, kPageSize>;

constexpr FirmwareResult done(RuleId rule) { return {kSuccess, rule}; }

// --- the CPUID page (sev_mcmd.h snp_launch_update_cpuid_page_t, cpuid_lookup.c) ---

constexpr u32 kMostLeaves = 64;  // SNP_CPUID_COUNT_MAX
constexpr unsigned kFirstLeaf = 16, kLeafBytes = 48;
constexpr unsigned kLeafOutputs = 24, kLeafReserved = 40;  // EAX to EDX; a quadword

template <class T>
T field_at(const Page& page, unsigned offset) {
  T value = 0;
  std::memcpy(&value, page.data() + offset, sizeof value);
  return value;
}

// Leaves from 0x100 on in the standard and the extended range are in nobody's table: all their
// outputs have to be 0. What the table says of the others is not modelled; they pass.
bool sanitize_leaf(Page& page, unsigned at) {
  const u32 number = field_at<u32>(page, at) & 0x7fff'ffffu;
  if (number > 0xffff) return true;
  bool good = field_at<u64>(page, at + kLeafReserved) == 0;
  if (number < 0x100) return good;
  const auto outputs = page.begin() + at + kLeafOutputs;
  if (std::any_of(outputs, outputs + 16, [](u8 byte) { return byte != 0; })) good = false;
  std::fill(outputs, outputs + 16, u8{0});
  return good;
}

enum class CpuidPage { kGood, kMalformed, kCorrected };

CpuidPage sanitize(Page& page) {
  const u32 count = field_at<u32>(page, 0);
  if (field_at<u32>(page, 4) != 0 || field_at<u64>(page, 8) != 0 || count > kMostLeaves) {
    return CpuidPage::kMalformed;
  }
  bool good = true;
  for (u32 i = 0; i < count; ++i) good &= sanitize_leaf(page, kFirstLeaf + i * kLeafBytes);
  return good ? CpuidPage::kGood : CpuidPage::kCorrected;
}

bool is_page_type(SnpPageType type) {
  return type >= SnpPageType::kNormal && type <= SnpPageType::kCpuid;
}
bool is_4k_only(SnpPageType type) {
  return type == SnpPageType::kVmsa || type == SnpPageType::kSecrets || type == SnpPageType::kCpuid;
}

// The host has SMT on, one socket, and ABI 1; which minor version the guest needs (7:0) is not
// looked at. From bit 21 on all are reserved (sev_guest.h SNP_GUEST_POLICY_RESERVED_MASK); later
// firmware knows some.
bool policy_is_met(u64 policy) {
  constexpr u64 kMajor = 1, kReserved = bit_range(63, 21);
  return has_bit(policy, kPolicyReservedOne) && has_bit(policy, kPolicySmt) &&
         get_bits(policy, 15, 8) <= kMajor && !(policy & kReserved);
}

}  // namespace

std::string_view name_of(FirmwareStatus status) {
  switch (status) {
    case kSuccess:
      return "SUCCESS";
    case kInvalidGuestState:
      return "INVALID_GUEST_STATE";
    case kInvalidConfig:
      return "INVALID_CONFIG";
    case kPolicyFailure:
      return "POLICY_FAILURE";
    case kInactive:
      return "INACTIVE";
    case kInvalidAddress:
      return "INVALID_ADDRESS";
    case kInvalidGuest:
      return "INVALID_GUEST";
    case kHwPlatform:
      return "HWSEV_RET_PLATFORM";
    case kInvalidParam:
      return "INVALID_PARAM";
    case kResourceLimit:
      return "RESOURCE_LIMIT";
    case kInvalidPageSize:
      return "INVALID_PAGE_SIZE";
    case kInvalidPageState:
      return "INVALID_PAGE_STATE";
    case kInvalidPageOwner:
      return "INVALID_PAGE_OWNER";
  }
  return "";
}

std::string_view name_of(FirmwareCommand command) {
  constexpr std::string_view kNames[] = {
      "SNP_GCTX_CREATE",    "SNP_LAUNCH_START",  "SNP_ACTIVATE",
      "SNP_LAUNCH_UPDATE",  "SNP_LAUNCH_FINISH", "SNP_PAGE_RECLAIM",
      "SNP_PAGE_SET_STATE", "SNP_PAGE_UNSMASH",  "SNP_DECOMMISSION"};
  return kNames[static_cast<unsigned>(command)];
}

void SnpFirmware::break_command(FirmwareCommand command) {
  const Record faults = kFirmwareFaults.at(store(), 0);
  faults.set(firmware_faults::kFails,
             faults.get(firmware_faults::kFails) | bit(static_cast<unsigned>(command)));
}

FirmwareResult SnpFirmware::run(const FirmwareRequest& request) {
  const u64 fails = kFirmwareFaults.at(store(), 0).get(firmware_faults::kFails);
  if (has_bit(fails, static_cast<unsigned>(request.command))) {
    return {kHwPlatform, RuleId::kFwPlatform};
  }
  switch (request.command) {
    case FirmwareCommand::kGctxCreate:
      return gctx_create(request);
    case FirmwareCommand::kLaunchStart:
      return launch_start(request);
    case FirmwareCommand::kActivate:
      return activate(request);
    case FirmwareCommand::kLaunchUpdate:
      return launch_update(request);
    case FirmwareCommand::kLaunchFinish:
      return launch_finish(request);
    case FirmwareCommand::kPageReclaim:
      return page_reclaim(request);
    case FirmwareCommand::kPageSetState:
      return page_set_state(request);
    case FirmwareCommand::kPageUnsmash:
      return page_unsmash(request);
    case FirmwareCommand::kDecommission:
      return decommission(request);
  }
  return {kInvalidParam, RuleId::kFwParameter};
}

// --- what several commands ask ---

bool SnpFirmware::in_rmp(HostPhysAddr page) const {
  return page.value >= rmp_.table().base && page.value <= rmp_.table().end;
}

// By the page's own entry, also where a 2-MByte entry speaks for it (rmp_get_addr_entry_state).
SnpFirmware::Refusal SnpFirmware::context_refusal(HostPhysAddr context) const {
  if (in_rmp(context)) return FirmwareResult{kInvalidParam, RuleId::kFwRmpItself};
  const bool is_context = rmp_.covers(context) &&
                          page_state(rmp_.own(context)) == RmpPageState::kContext &&
                          guest_at(context);
  if (is_context) return std::nullopt;
  return FirmwareResult{kInvalidGuest, RuleId::kFwNoContext};
}

std::optional<u64> SnpFirmware::guest_at(HostPhysAddr context) const {
  const Store& now = store();
  for (u64 i = 0; i < kSnpGuests.count; ++i) {
    const ConstRecord guest = kSnpGuests.at(now, i);
    const bool used = guest.get(snp_guest::kState) != u64{static_cast<u8>(SnpGuestState::kNone)};
    if (used && guest.get(snp_guest::kContext) == context.value) return i;
  }
  return std::nullopt;
}

bool SnpFirmware::asid_in_rmp(u32 asid) const {
  constexpr u64 kCoveredByPage = kPageSize / kRmpEntryBytes * kPageSize;  // by one of the table
  u64 page = 0;
  while (page < rmp_.table().covered()) {
    const u64 table_page = rmp_.table().entry_address(HostPhysAddr(page)).page_number();
    if (!store().has_page(Space::kDram, table_page)) {
      page = (page / kCoveredByPage + 1) * kCoveredByPage;  // nobody wrote an entry there
      continue;
    }
    const u64 word = rmp_.first_word(HostPhysAddr(page));
    const bool has = get_bits(word, rmp_field::kAsid.high, rmp_field::kAsid.low) == asid;
    if (has && has_bit(word, rmp_field::kAssigned.low)) return true;
    page += kPageSize;
  }
  return false;
}

// --- the guest ---

FirmwareResult SnpFirmware::gctx_create(const FirmwareRequest& request) {
  const HostPhysAddr page = request.context;
  if (in_rmp(page)) return {kInvalidParam, RuleId::kFwRmpItself};
  if (!rmp_.covers(page) || page_state(rmp_.own(page)) != RmpPageState::kFirmware) {
    return {kInvalidPageState, RuleId::kFwPageState};
  }
  RmpEntry entry = rmp_.own(page);
  if (entry.size != RmpPageSize::k4K) return {kInvalidPageSize, RuleId::kFwPageSize};
  for (u64 i = 0; i < kSnpGuests.count; ++i) {
    const Record guest = kSnpGuests.at(store(), i);
    if (guest.get(snp_guest::kState) != 0) continue;
    guest.set(snp_guest::kState, static_cast<u8>(SnpGuestState::kInit));
    guest.set(snp_guest::kContext, page.value);
    entry.vmsa = true;  // Firmware becomes Context
    rmp_.write(page, entry);
    return done(RuleId::kFwContextMade);
  }
  return {kResourceLimit, RuleId::kFwParameter};
}

FirmwareResult SnpFirmware::launch_start(const FirmwareRequest& request) {
  if (const auto refusal = context_refusal(request.context)) return *refusal;
  const Record guest = kSnpGuests.at(store(), *guest_at(request.context));
  if (guest.get(snp_guest::kState) != static_cast<u8>(SnpGuestState::kInit)) {
    return {kInvalidGuestState, RuleId::kFwGuestState};
  }
  if (!policy_is_met(request.policy)) return {kPolicyFailure, RuleId::kFwPolicy};
  guest.set(snp_guest::kPolicy, request.policy);
  guest.set(snp_guest::kState, static_cast<u8>(SnpGuestState::kLaunch));
  return done(RuleId::kFwLaunchStarted);
}

FirmwareResult SnpFirmware::activate(const FirmwareRequest& request) {
  if (const auto refusal = context_refusal(request.context)) return *refusal;
  const Record guest = kSnpGuests.at(store(), *guest_at(request.context));
  if (guest.get(snp_guest::kState) < static_cast<u8>(SnpGuestState::kLaunch)) {
    return {kInvalidGuestState, RuleId::kFwGuestState};
  }
  if (asid_in_rmp(request.asid)) return {kInvalidConfig, RuleId::kFwAsidInRmp};
  guest.set(snp_guest::kAsid, request.asid);
  return done(RuleId::kFwActivated);
}

FirmwareResult SnpFirmware::launch_finish(const FirmwareRequest& request) {
  if (const auto refusal = context_refusal(request.context)) return *refusal;
  const Record guest = kSnpGuests.at(store(), *guest_at(request.context));
  if (guest.get(snp_guest::kState) != static_cast<u8>(SnpGuestState::kLaunch)) {
    return {kInvalidGuestState, RuleId::kFwGuestState};
  }
  if (guest.get(snp_guest::kAsid) == 0) return {kInactive, RuleId::kFwInactive};
  guest.set(snp_guest::kState, static_cast<u8>(SnpGuestState::kRunning));
  return done(RuleId::kFwLaunchFinished);
}

FirmwareResult SnpFirmware::decommission(const FirmwareRequest& request) {
  if (const auto refusal = context_refusal(request.context)) return *refusal;
  const Record guest = kSnpGuests.at(store(), *guest_at(request.context));
  for (const Field& field : snp_guest::kFields) guest.set(field, 0);
  RmpEntry entry = rmp_.own(request.context);
  entry.vmsa = false;
  rmp_.write(request.context, entry);
  return done(RuleId::kFwDecommissioned);
}

void SnpFirmware::adopt_running(HostPhysAddr context, u32 asid) {
  RmpEntry entry;
  entry.assigned = entry.immutable = entry.vmsa = true;
  rmp_.write(context, entry);
  const Record guest = kSnpGuests.at(store(), 0);
  guest.set(snp_guest::kState, static_cast<u8>(SnpGuestState::kRunning));
  guest.set(snp_guest::kContext, context.value);
  guest.set(snp_guest::kAsid, asid);
}

// --- SNP_LAUNCH_UPDATE ---

SnpFirmware::Refusal SnpFirmware::launch_page_refusal(const FirmwareRequest& request) const {
  const HostPhysAddr page = request.page;
  if (in_rmp(page)) return FirmwareResult{kInvalidParam, RuleId::kFwRmpItself};
  if (!rmp_.covers(page) || page_state(rmp_.own(page)) != RmpPageState::kPreGuest) {
    return FirmwareResult{kInvalidPageState, RuleId::kFwPageState};
  }
  const RmpEntry entry = rmp_.own(page);
  if (entry.size != request.size) return FirmwareResult{kInvalidPageSize, RuleId::kFwPageSize};
  if (!page.aligned_to(bytes_of(entry.size))) {
    return FirmwareResult{kInvalidAddress, RuleId::kFwPageAddress};
  }
  if (!is_page_type(request.type)) return FirmwareResult{kInvalidParam, RuleId::kFwParameter};
  if (is_4k_only(request.type) && entry.size != RmpPageSize::k4K) {
    return FirmwareResult{kInvalidPageSize, RuleId::kFwPageSize};
  }
  return std::nullopt;
}

// Reads what the host wrote and writes it with the guest's key. False: the CPUID page is wrong.
bool SnpFirmware::fill_page(const FirmwareRequest& request, u32 asid) {
  Page bytes;
  for (u64 offset = 0; offset < bytes_of(request.size); offset += kPageSize) {
    const HostPhysAddr at = request.page + offset;
    memory_->read_bytes(at, bytes.data(), bytes.size(), arch::kNoKey);
    // Of the secrets page the keys are left out.
    if (request.type == SnpPageType::kZero || request.type == SnpPageType::kSecrets) bytes.fill(0);
    if (request.type == SnpPageType::kCpuid) {
      const CpuidPage found = sanitize(bytes);
      if (found == CpuidPage::kCorrected) {
        memory_->write_bytes(at, bytes.data(), bytes.size(), arch::kNoKey);
      }
      if (found != CpuidPage::kGood) return false;
    }
    memory_->write_bytes(at, bytes.data(), bytes.size(), arch::guest_key(asid, 1));
  }
  return true;
}

FirmwareResult SnpFirmware::launch_update(const FirmwareRequest& request) {
  if (const auto refusal = context_refusal(request.context)) return *refusal;
  if (const auto refusal = launch_page_refusal(request)) return *refusal;
  const Record guest = kSnpGuests.at(store(), *guest_at(request.context));
  if (guest.get(snp_guest::kState) != static_cast<u8>(SnpGuestState::kLaunch)) {
    return {kInvalidGuestState, RuleId::kFwGuestState};
  }
  const auto asid = static_cast<u32>(guest.get(snp_guest::kAsid));
  if (asid == 0) return {kInactive, RuleId::kFwInactive};
  RmpEntry entry = rmp_.own(request.page);
  if (entry.asid != asid) return {kInvalidPageOwner, RuleId::kFwPageOwner};
  if (!fill_page(request, asid)) return {kInvalidParam, RuleId::kFwCpuid};
  guest.set(snp_guest::kMeasured,
            guest.get(snp_guest::kMeasured) + bytes_of(request.size) / kPageSize);
  for (unsigned vmpl = 1; vmpl < kVmpls; ++vmpl) entry.permissions[vmpl] = request.rights[vmpl - 1];
  if (request.type == SnpPageType::kVmsa) entry.vmsa = true;
  entry.validated = true;
  entry.immutable = entry.lock = false;
  rmp_.write(request.page, entry);
  return done(RuleId::kFwPageLaunched);
}

// --- pages ---

FirmwareResult SnpFirmware::page_reclaim(const FirmwareRequest& request) {
  if (in_rmp(request.page)) return {kInvalidParam, RuleId::kFwRmpItself};
  if (!rmp_.covers(request.page)) return {kInvalidPageState, RuleId::kFwPageState};
  RmpEntry entry = rmp_.own(request.page);
  if (entry.size != request.size) return {kInvalidPageSize, RuleId::kFwPageSize};
  if (!request.page.aligned_to(bytes_of(entry.size))) {
    return {kInvalidAddress, RuleId::kFwPageAddress};
  }
  if (!entry.immutable) return done(RuleId::kFwNothingToReclaim);
  switch (page_state(entry)) {
    case RmpPageState::kMetadata:
      entry.gpa = GuestPhysAddr(firmware_gpa_page(entry) << kPageShift);
      break;
    case RmpPageState::kFirmware:
    case RmpPageState::kPreGuest:
    case RmpPageState::kPreSwap:
      break;
    default:
      return {kInvalidPageState, RuleId::kFwPageState};
  }
  entry.immutable = entry.lock = false;
  rmp_.write(request.page, entry);
  return done(RuleId::kFwReclaimed);
}

FirmwareResult SnpFirmware::page_set_state(const FirmwareRequest& request) {
  if (in_rmp(request.page)) return {kInvalidParam, RuleId::kFwRmpItself};
  if (!rmp_.covers(request.page) || page_state(rmp_.own(request.page)) != RmpPageState::kFirmware) {
    return {kInvalidPageState, RuleId::kFwPageState};
  }
  RmpEntry entry;
  entry.immutable = true;
  rmp_.write(request.page, entry);
  return done(RuleId::kFwHvFixed);
}

// Every page 4 KByte, immutable, no VMSA, of the same guest, in the same state, with the same
// rights, at consecutive guest addresses of which the first is aligned: all else is
// INVALID_PAGE_STATE. Of the entries that speak no more the rest stays as it was.
FirmwareResult SnpFirmware::page_unsmash(const FirmwareRequest& request) {
  const HostPhysAddr first = request.page;
  if (!first.aligned_to(kSize2M)) return {kInvalidParam, RuleId::kFwParameter};
  if (in_rmp(first)) return {kInvalidParam, RuleId::kFwRmpItself};
  if (!rmp_.table().covers_2m(first)) return {kInvalidPageState, RuleId::kFwPageState};
  if (in_rmp(first + (kSize2M - kPageSize))) return {kInvalidAddress, RuleId::kFwRmpItself};
  const RmpEntry head = rmp_.own(first);
  const RmpPageState state = page_state(head);
  if (state != RmpPageState::kPreGuest && state != RmpPageState::kPreSwap) {
    return {kInvalidPageState, RuleId::kFwPageState};
  }
  if (!head.gpa.aligned_to(kSize2M)) return {kInvalidPageState, RuleId::kFwPageState};
  for (unsigned i = 0; i < kPagesIn2M; ++i) {
    const RmpEntry entry = rmp_.own(first + i * kPageSize);
    const bool follows = entry.size == RmpPageSize::k4K && page_state(entry) == state &&
                         !entry.vmsa && entry.asid == head.asid &&
                         entry.permissions == head.permissions &&
                         entry.gpa == head.gpa + i * kPageSize;
    if (!follows) return {kInvalidPageState, RuleId::kFwPageState};
  }
  for (unsigned i = 1; i < kPagesIn2M; ++i) {
    RmpEntry other = rmp_.own(first + i * kPageSize);
    other.asid = 0;
    other.immutable = other.lock = false;
    rmp_.write(first + i * kPageSize, other);
  }
  RmpEntry large = head;
  large.size = RmpPageSize::k2M;
  rmp_.write(first, large);
  return done(RuleId::kFwUnsmashed);
}

}  // namespace nptsim::svm
