#include "sim/arch/svm/vmrun_pages.h"

namespace nptsim::svm {
namespace {

struct HandedPage {
  HardwarePage page;
  HostPhysAddr spa;
};
constexpr unsigned kMostPages = 2;

HardwarePage vmsa_kind(const VcpuRecord& v) {
  return guest_type(v) == GuestType::kSnp ? HardwarePage::kSnpVmsa : HardwarePage::kVmsa;
}

// Calls use(page) for those that lie somewhere, until one gives false.
template <class Use>
bool for_pages(const VcpuRecord& v, Use&& use) {
  const HandedPage pages[kMostPages] = {
      {HardwarePage::kVmcb, HostPhysAddr(v.control.vmcb)},
      {vmsa_kind(v), HostPhysAddr(has_sev_es(guest_type(v)) ? v.control.vmsa : 0)}};
  for (const HandedPage& page : pages) {
    if (page.spa.value != 0 && !use(page)) return false;
  }
  return true;
}

RmpVerdict check_handed_page(const Rmp& rmp, const VcpuRecord& v, const HandedPage& page) {
  RmpAgentState agent;
  agent.agent = guest_type(v) == GuestType::kSnp ? RmpAgent::kSnpGuest : RmpAgent::kGuest;
  agent.asid = static_cast<u32>(v.control.asid);
  RmpAccess access;
  access.spa = page.spa;
  return check_hardware_page(rmp, agent, page.page, access);
}

}  // namespace

RmpVerdict check_vmrun_pages(const CpuProfile& profile, arch::PhysicalMemory& memory,
                             const VcpuRecord& v) {
  RmpVerdict verdict;
  if (!profile.checks_rmp()) return verdict;
  const Rmp rmp(profile.rmp, memory);
  for_pages(v, [&](const HandedPage& page) {
    verdict = check_handed_page(rmp, v, page);
    return verdict.allowed();
  });
  return verdict;
}

bool still_owns_vmsa(const CpuProfile& profile, arch::PhysicalMemory& memory, const VcpuRecord& v) {
  if (!profile.checks_rmp() || guest_type(v) != GuestType::kSnp) return false;
  const HandedPage page{HardwarePage::kSnpVmsa, HostPhysAddr(v.pending.vmsa)};
  return check_handed_page(Rmp(profile.rmp, memory), v, page).allowed();
}

bool hold_vmrun_pages(const CpuProfile& profile, arch::PhysicalMemory& memory,
                      const VcpuRecord& v) {
  if (!profile.checks_rmp()) return true;
  const Rmp rmp(profile.rmp, memory);
  HostPhysAddr held[kMostPages];
  unsigned count = 0;
  const bool good = for_pages(v, [&](const HandedPage& page) {
    if (!hold_page(rmp, page.spa)) return false;
    held[count++] = page.spa;
    return true;
  });
  while (!good && count > 0) release_page(rmp, held[--count]);
  return good;
}

void release_vmrun_pages(const CpuProfile& profile, arch::PhysicalMemory& memory,
                         const VcpuRecord& v) {
  if (!profile.checks_rmp()) return;
  const Rmp rmp(profile.rmp, memory);
  for_pages(v, [&](const HandedPage& page) {
    release_page(rmp, page.spa);
    return true;
  });
}

}  // namespace nptsim::svm
