#include "sim/arch/svm/walk_context.h"

#include "sim/arch/svm/sev.h"

namespace nptsim::svm {
namespace {

CMeaning c_meaning(const VcpuRecord& v) {
  if (!has_sev(guest_type(v))) return CMeaning::kAddress;
  const bool tom = guest_type(v) == GuestType::kSnp && (v.state.sev_features & kVirtualTom);
  return tom ? CMeaning::kReserved : CMeaning::kAttribute;
}

DataC data_c(const VcpuRecord& v, GuestPaging paging) {
  const GuestType type = guest_type(v);
  if (!has_sev(type)) return DataC::kNever;
  if (c_meaning(v) == CMeaning::kReserved) return DataC::kByTom;
  const bool vte = type == GuestType::kSev && (v.control.nested_ctl & kNestedVte);
  const bool has_c_bit = paging == GuestPaging::kLong || paging == GuestPaging::kPae;
  return vte || !has_c_bit ? DataC::kAlways : DataC::kByEntry;
}

void set_guest_tables(WalkContext& c, const EntryRuleSets& rules, const VcpuRecord& v) {
  const isa::Registers& r = v.registers;
  const bool nxe = r.efer & isa::kEferNxe;
  const GuestTables tables = guest_tables(r, c.guest_c_mask);
  c.paging = tables.paging;
  c.guest_root = tables.root;
  c.guest_levels = tables.levels;
  switch (c.paging) {
    case GuestPaging::kOff:
      break;
    case GuestPaging::kLegacy:
      c.guest = &rules.guest(TableFormat::kLegacy, r.cr4 & isa::kCr4Pse, CMeaning::kAddress);
      break;
    case GuestPaging::kPae:
      c.guest = &rules.guest(TableFormat::kPae, nxe, c_meaning(v));
      break;
    case GuestPaging::kLong:
      c.guest = &rules.guest(TableFormat::kLong, nxe, c_meaning(v));
      c.linear_bits = (r.cr4 & isa::kCr4La57) ? 57 : 48;
      break;
  }
}

void set_guest_rights(WalkContext& c, const isa::Registers& r) {
  const GuestRightsState state{.wp = (r.cr0 & isa::kCr0Wp) != 0,
                               .smep = (r.cr4 & isa::kCr4Smep) != 0,
                               .smap = (r.cr4 & isa::kCr4Smap) != 0,
                               .ac = (r.rflags & isa::kFlagAc) != 0};
  for (unsigned p = 0; p < kPrivileges; ++p) {
    for (unsigned k = 0; k < kAccessKinds; ++k) {
      c.guest_rights[p][k] =
          guest_rights_rule(state, {static_cast<AccessKind>(k), static_cast<Privilege>(p)});
    }
  }
  const bool has_nx = c.paging == GuestPaging::kPae || c.paging == GuestPaging::kLong;
  c.guest_error.id_reported = (has_nx && (r.efer & isa::kEferNxe)) || state.smep;
}

// Every guest access is a user access to the nested tables (APM vol. 2 rev. 3.45, 15.25.5). With
// GMET U/S only tells where a supervisor may not fetch (15.25.13).
void set_nested_rights(WalkContext& c) {
  const u64 user = c.gmet ? 0 : kEntryUs;
  const RightsRule read{user | kEntryA, 0};
  const RightsRule write{user | kEntryRw | kEntryA | kEntryD, 0};
  const RightsRule fetch{user | kRightX | kEntryA, 0};
  c.nested_rights[static_cast<unsigned>(NestedUse::kTable)] = write;
  c.nested_rights[static_cast<unsigned>(NestedUse::kTableRead)] = read;
  c.nested_rights[static_cast<unsigned>(NestedUse::kRead)] = read;
  c.nested_rights[static_cast<unsigned>(NestedUse::kWrite)] = write;
  c.nested_rights[static_cast<unsigned>(NestedUse::kFetchUser)] = fetch;
  c.nested_rights[static_cast<unsigned>(NestedUse::kFetchSupervisor)] = {fetch.required,
                                                                         c.gmet ? kEntryUs : 0};
}

void set_nested_tables(WalkContext& c, const CpuProfile& profile, const EntryRuleSets& rules,
                       VcpuRecord& v) {
  const VmcbControl& control = v.control;
  const bool host_nxe = control.host_efer & isa::kEferNxe;
  c.nested = &rules.nested(host_nxe);
  c.nested_c_mask = profile.host_c_mask();
  c.nested_root = control.ncr3 & bit_range(51, 12) & ~c.nested_c_mask;
  c.nested_root_key = (control.ncr3 & c.nested_c_mask) ? arch::kHostKey : arch::kNoKey;
  c.nested_levels = (control.host_cr4 & isa::kCr4La57) ? 5 : 4;
  c.gmet = profile.features.gmet && (control.nested_ctl & kNestedGmet);
  // "SSS check" asks for hEFER.NXE and is silently off without it (APM vol. 2 rev. 3.45, 15.25).
  c.sss_check = profile.features.sss_check && (control.nested_ctl & kNestedSssCheck) && host_nxe;
  c.rogpt = profile.features.rogpt && (control.nested_ctl & kNestedRogpt);
  c.pml = profile.features.pml && (control.nested_ctl & kNestedPml) ? &v.control : nullptr;
  c.nested_error.id_reported = host_nxe || (control.host_cr4 & isa::kCr4Smep);
  c.nested_error.gmet = c.gmet;
  c.nested_error.enc_reported = profile.features.snp && has_sev(guest_type(v));
  set_nested_rights(c);
}

void set_rmp(WalkContext& c, const CpuProfile& profile, const VcpuRecord& v) {
  c.rmp_checked = profile.checks_rmp();
  c.rmp = profile.rmp;
  RmpAgentState& agent = c.rmp_agent;
  agent.agent = guest_type(v) == GuestType::kSnp ? RmpAgent::kSnpGuest : RmpAgent::kGuest;
  agent.asid = static_cast<u32>(v.control.asid);
  agent.vmpl = static_cast<u8>(v.state.vmpl);
  agent.error = c.nested_error;
  agent.hv_in_use_write_allowed = profile.features.hv_in_use_write_allowed;
  agent.choices = profile.rmp_choices;
  for (unsigned use = 0; use < kNestedUses; ++use) {
    c.tlb_rights[use] = c.nested_rights[use];
    if (c.rmp_checked) c.tlb_rights[use].required |= rmp_right(static_cast<NestedUse>(use));
  }
}

}  // namespace

EntryRuleSets::EntryRuleSets(const CpuProfile& profile) {
  const CpuFeatures& f = profile.features;
  for (bool on : {false, true}) {
    nested_[on] =
        make_entry_rules(TableFormat::kLong, {.reserved_address = profile.host_reserved_address(),
                                              .c_mask = profile.host_c_mask(),
                                              .nxe = on,
                                              .pages_1g = f.pages_1g});
    for (CMeaning meaning : {CMeaning::kAddress, CMeaning::kAttribute, CMeaning::kReserved}) {
      const u64 c = profile.guest_c_mask();
      const u64 legal_c = meaning == CMeaning::kAttribute ? c : 0;
      const u64 reserved_c = meaning == CMeaning::kReserved ? c : 0;
      for (TableFormat format : {TableFormat::kLong, TableFormat::kPae, TableFormat::kLegacy}) {
        guest_[static_cast<unsigned>(format)][on][static_cast<unsigned>(meaning)] =
            make_entry_rules(
                format, {.reserved_address = profile.guest_reserved_address(legal_c) | reserved_c,
                         .c_mask = legal_c,
                         .nxe = on,
                         .pages_1g = f.pages_1g,
                         .pse = on});
      }
    }
  }
}

RightsRule guest_rights_rule(const GuestRightsState& state, Access access) {
  const bool user = access.privilege == Privilege::kUser;
  // "The user-mode access to a supervisor page"; and the accessed and dirty bits that must be set.
  RightsRule rule{kEntryA | (user ? kEntryUs : 0), 0};
  switch (access.kind) {
    case AccessKind::kFetch:
      rule.required |= kRightX;
      if (!user && state.smep) rule.forbidden |= kEntryUs;  // 5.6.5
      break;
    case AccessKind::kWrite:
      rule.required |= kEntryD;
      if (user || state.wp) rule.required |= kEntryRw;  // 5.6.2
      [[fallthrough]];
    case AccessKind::kRead: {
      const bool lifted = state.ac && access.privilege == Privilege::kSupervisor;
      if (!user && state.smap && !lifted) rule.forbidden |= kEntryUs;  // 5.6.6
      break;
    }
  }
  return rule;
}

WalkContext make_walk_context(const CpuProfile& profile, const EntryRuleSets& rules,
                              VcpuRecord& vcpu) {
  WalkContext c;
  c.guest_c_mask = c_meaning(vcpu) == CMeaning::kAttribute ? profile.guest_c_mask() : 0;
  set_guest_tables(c, rules, vcpu);
  c.c_rules = {data_c(vcpu, c.paging), vcpu.state.virtual_tom,
               has_sev(guest_type(vcpu)) ? arch::KeyId{vcpu.control.guest_key} : arch::kNoKey};
  set_guest_rights(c, vcpu.registers);
  set_nested_tables(c, profile, rules, vcpu);
  set_rmp(c, profile, vcpu);
  return c;
}

}  // namespace nptsim::svm
