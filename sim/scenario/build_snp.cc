// The pages of an SNP guest at the start: which are private, whose the RMP says they are, and what
// the guest has validated by now. Raw RMP entries on top.
#include <algorithm>
#include <iterator>

#include "models/kernel/kvm/gmem.h"
#include "sim/arch/svm/rmp_instructions.h"
#include "sim/arch/svm/snp_firmware.h"
#include "sim/machine/host.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

// Without paging a guest can reach all of its memory; so much of it is accepted at the start.
constexpr std::uint64_t kAcceptedWithoutPaging = 64ull << 20;

bool covers(GuestPhysAddr first, std::uint64_t size, GuestPhysAddr page) {
  return page >= first && page - first < size;
}

std::uint8_t rights_of(const VmplMask& mask) {
  return static_cast<std::uint8_t>((mask.read ? svm::kVmplRead : 0) |
                                   (mask.write ? svm::kVmplWrite : 0) |
                                   (mask.execute_user ? svm::kVmplExecuteUser : 0) |
                                   (mask.execute_supervisor ? svm::kVmplExecuteSupervisor : 0));
}

class PageSetter {
 public:
  PageSetter(Plan& plan, machine::Machine& machine)
      : plan_(plan),
        states_(plan),
        store_(machine.store()),
        memory_(machine.memory()),
        rmp_(plan.setup.cpu.rmp, memory_) {}

  void run() {
    for (const machine::Region& region : plan_.setup.regions) {
      if (region.gmem == machine::kNoBacking) continue;
      for (std::uint64_t offset = 0; offset < region.size && plan_.ok();) {
        offset = set(region, offset);
      }
    }
    note_attributes({});
  }

 private:
  // Pages that follow each other and are one or the other to the kernel.
  struct AttributeRun {
    std::uint64_t first = 0;
    std::uint64_t pages = 0;
    bool is_private = false;
  };
  // Joins `next` to the run before it, or writes that one down.
  void note_attributes(const AttributeRun& next) {
    const bool joins = next.pages != 0 && next.is_private == attributes_.is_private &&
                       next.first == attributes_.first + attributes_.pages;
    if (joins) {
      attributes_.pages += next.pages;
      return;
    }
    if (!has_given_kernel(plan_)) {
      kvm::set_private_gfns(store_, attributes_.first, attributes_.pages, attributes_.is_private);
    }
    attributes_ = next;
  }

  // Sets the pages from `offset` on that begin alike, or one large page; where it stopped.
  std::uint64_t set(const machine::Region& region, std::uint64_t offset) {
    const GuestPhysAddr first = region.gpa + offset;
    const PageRange* said = states_.said(first);
    const PageState state = states_.of(first);
    const bool large = said != nullptr && said->rmp.value_or(kPageSize) == kSize2M;
    const std::uint64_t page = large ? kSize2M : kPageSize;
    const std::uint64_t alike = states_.alike_until(first).value - region.gpa.value;
    const std::uint64_t end = large ? offset + page : std::min(region.size, alike);
    note_attributes(
        {first.page_number(), (end - offset) >> kPageShift, state != PageState::kShared});
    if (state == PageState::kShared || state == PageState::kUntouched) return end;
    if (large && (offset % kSize2M != 0 || region.size - offset < kSize2M)) {
      plan_.report(said->pos, "a 2-MByte entry, but the region does not lie so",
                   "a region with a gpa and a size that are multiples of 2M");
      return end;
    }
    for (; offset < end && plan_.ok(); offset += page) {
      give(region, offset, large, said, state == PageState::kAccepted);
    }
    return end;
  }

  void give(const machine::Region& region, std::uint64_t offset, bool large, const PageRange* said,
            bool validated) {
    const GuestPhysAddr page = region.gpa + offset;
    const std::uint64_t index = offset >> kPageShift;
    const HostPhysAddr frame = large ? machine::populate_2m(store_, region.gmem, index)
                                     : machine::populate(store_, region.gmem, index);
    const auto size = large ? svm::RmpPageSize::k2M : svm::RmpPageSize::k4K;
    const svm::RmpResult result = svm::rmpupdate(
        rmp_, host_, frame,
        svm::rmp_operand({.gpa = page, .assigned = true, .size = size, .asid = plan_.setup.asid}));
    if (!result.ends() || result.code != svm::RmpCode::kSuccess) {
      plan_.report(plan_.pos(), "the RMP cannot hold the page at gpa " + hex(page.value),
                   "memory that the RMP covers");
      return;
    }
    svm::RmpEntry entry = rmp_.own(frame);
    entry.validated = validated;
    for (unsigned vmpl = 0; vmpl <= plan_.vm.machine.vmpl.value; ++vmpl) {
      entry.permissions[vmpl] = svm::all_permissions(plan_.setup.cpu.features.vmpl_sss);
    }
    if (said != nullptr) {
      for (const auto& [vmpl, mask] : said->vmpl) entry.permissions.at(vmpl) = rights_of(mask);
    }
    rmp_.write(frame, entry);
  }

  Plan& plan_;
  PageStates states_;
  Store& store_;
  arch::PhysicalMemory memory_;
  svm::Rmp rmp_;
  svm::RmpExecutor host_;
  AttributeRun attributes_;
};

std::optional<HostPhysAddr> page_of(Plan& plan, machine::Machine& machine, const Place& place) {
  if (place.region.empty()) return HostPhysAddr(place.offset);
  for (const machine::Region& region : plan.setup.regions) {
    if (region.name != place.region || region.backing == machine::kNoBacking) continue;
    const BackedPage page = backed_page(plan, region, region.gpa + place.offset);
    return machine::populate(machine.store(), page.backing, place.offset >> kPageShift);
  }
  plan.report(place.pos, "region '" + place.region + "' has no memory",
              "a region of RAM, ROM or flash, or a host address");
  return std::nullopt;
}

}  // namespace

// Everything that unsaid() and said() compare an address with.
PageStates::PageStates(const Plan& plan) : plan_(plan), areas_(areas_without_tables(plan)) {
  const auto add = [this](GuestPhysAddr first, std::uint64_t size) {
    for (const std::uint64_t border : {first.value, first.value + size}) {
      borders_.push_back((border + kPageSize - 1) & ~(kPageSize - 1));
    }
  };
  for (const PageRange& range : plan.vm.start.pages) add(range.gpa, range.size);
  for (const machine::Region& region : plan.setup.regions) add(region.gpa, region.size);
  for (const Area& area : areas_) add(area.gpa, area.size);
  for (const MapEntry& entry : plan.vm.map) add(entry.gpa, entry.size);
  add(plan.places.tables, plan.tables_size);
  add(GuestPhysAddr(0), kAcceptedWithoutPaging);
  if (const auto& top = plan.vm.start.vmsa.vtom) add(GuestPhysAddr(0), top->value);
  std::sort(borders_.begin(), borders_.end());
}

const PageRange* PageStates::said(GuestPhysAddr page) const {
  const PageRange* found = nullptr;
  for (const PageRange& range : plan_.vm.start.pages) {
    if (covers(range.gpa, range.size, page)) found = &range;
  }
  return found;
}

GuestPhysAddr PageStates::alike_until(GuestPhysAddr page) const {
  const auto next = std::upper_bound(borders_.begin(), borders_.end(), page.value);
  return GuestPhysAddr(next == borders_.end() ? ~kPageMask : *next);
}

// What the guest's start needs is accepted, or shared; nobody has touched the rest.
PageState PageStates::unsaid(GuestPhysAddr page) const {
  // Before the launch all is plain text in the VMM's own memory.
  if (plan_.setup.launch_open) return PageState::kShared;
  // What lies above a virtual top of memory is shared, whatever the guest's tables say.
  if (const auto& top = plan_.vm.start.vmsa.vtom; top && page.value >= top->value) {
    return PageState::kShared;
  }
  // Validated by the AMD-SP when it was measured.
  const machine::Region* region = plan_.setup.region_at(page);
  if (region != nullptr && region->launch_encrypted) return PageState::kAccepted;
  if (plan_.mode != isa::Mode::k64) {
    return page.value < kAcceptedWithoutPaging ? PageState::kAccepted : PageState::kUntouched;
  }
  bool shared = false;
  for (const Area& area : areas_) {
    if (!covers(area.gpa, area.size, page)) continue;
    if (!area.shared) return PageState::kAccepted;
    shared = true;
  }
  if (covers(plan_.places.tables, plan_.tables_size, page)) return PageState::kAccepted;
  for (const MapEntry& entry : plan_.vm.map) {
    if (!covers(entry.gpa, entry.size, page)) continue;
    if (entry.c_bit.value_or(!shared)) return PageState::kAccepted;
    shared = true;
  }
  return shared ? PageState::kShared : PageState::kUntouched;
}

PageState PageStates::of(GuestPhysAddr page) const {
  const PageRange* range = said(page);
  return range != nullptr ? range->state : unsaid(page);
}

BackedPage backed_page(const Plan& plan, const machine::Region& region, GuestPhysAddr gpa) {
  if (region.gmem == machine::kNoBacking) return {region.backing, false, true};
  const PageState state = PageStates(plan).of(gpa.page_base());
  if (state == PageState::kShared) return {region.backing, true, true};
  return {region.gmem, false, state != PageState::kUntouched};
}

void set_snp_pages(Plan& plan, machine::Machine& machine) {
  if (!plan.setup.snp()) return;
  PageSetter(plan, machine).run();
  if (has_given_kernel(plan)) return;
  if (const auto& ranges = plan.vm.start.attributes) {
    for (const AttributeRange& range : *ranges) {
      kvm::set_private_gfns(machine.store(), range.gpa.page_number(), range.size >> kPageShift,
                            range.is_private);
    }
  }
  if (plan.setup.launch_open) return;
  for (unsigned vcpu = 0; vcpu < plan.setup.ghcbs.size(); ++vcpu) {
    kvm::set_registered_ghcb(machine.store(), vcpu, plan.setup.ghcbs[vcpu].value);
  }
}

void write_rmp_entries(Plan& plan, machine::Machine& machine) {
  arch::PhysicalMemory memory = machine.memory();
  const svm::Rmp rmp(plan.setup.cpu.rmp, memory);
  for (const RmpEntry& said : plan.vm.start.rmp) {
    const auto spa = page_of(plan, machine, said.spa);
    if (!spa) continue;
    if (!rmp.covers(*spa)) {
      plan.report(said.pos, "host address " + hex(spa->value) + " has no RMP entry",
                  "addresses below " + hex(rmp.table().covered()));
      continue;
    }
    svm::RmpEntry entry;
    entry.assigned = said.assigned, entry.validated = said.validated;
    entry.immutable = said.immutable, entry.vmsa = said.vmsa;
    entry.size = said.page == kSize2M ? svm::RmpPageSize::k2M : svm::RmpPageSize::k4K;
    entry.gpa = said.gpa, entry.asid = said.asid;
    for (const auto& [vmpl, mask] : said.vmpl) entry.permissions.at(vmpl) = rights_of(mask);
    rmp.write(*spa, entry);
  }
}

// The schema lets no other word through.
void break_firmware(const Plan& plan, machine::Machine& machine) {
  arch::PhysicalMemory memory = machine.memory();
  svm::SnpFirmware firmware(plan.setup.cpu, memory);
  for (const Text& command : plan.vm.start.firmware.fails) {
    const auto found =
        std::find(std::begin(kFirmwareCommands), std::end(kFirmwareCommands), command.value);
    NPTSIM_CHECK(found != std::end(kFirmwareCommands));
    firmware.break_command(
        static_cast<svm::FirmwareCommand>(found - std::begin(kFirmwareCommands)));
  }
}

void refuse_without_snp(Plan& plan) {
  const Start& s = plan.vm.start;
  if (!s.firmware.fails.empty() && !plan.setup.snp()) {
    plan.report(s.firmware.fails[0].pos, "the AMD-SP's commands are those for an SNP guest",
                "machine.vm: snp");
  }
  const bool snp = plan.setup.snp(), rmp = plan.setup.cpu.checks_rmp();
  if (!s.pages.empty() && !snp) {
    plan.report(s.pages[0].pos, "start.pages are those of an SNP guest", "machine.vm: snp");
  }
  if (const auto cpuid = plan.vm.place.find("cpuid"); cpuid != plan.vm.place.end() && !snp) {
    plan.report(cpuid->second.pos, "a CPUID page is an SNP guest's", "machine.vm: snp");
  }
  if (!s.rmp.empty() && !rmp) {
    plan.report(s.rmp[0].pos, "start.rmp, but the host has SNP off",
                "machine.vm: snp, or set: { cpu.secure_nested_paging: on }");
  }
  if (s.attributes && !snp) {
    plan.report(s.attributes->empty() ? plan.pos() : (*s.attributes)[0].pos,
                "start.attributes are for VMs with private memory", "machine.vm: snp");
  }
  const Number& vmpl = plan.vm.machine.vmpl;
  if (vmpl.value >= plan.setup.cpu.vmpls && vmpl.value != 0) {
    plan.report(vmpl.pos, "this CPU has " + std::to_string(plan.setup.cpu.vmpls) + " VMPLs",
                "machine.vmpl: 0");
  } else if (vmpl.value != 0 && !snp) {
    plan.report(vmpl.pos, "VMPLs are an SNP guest's", "machine.vm: snp");
  }
  if (!snp) return;
  const Machine& m = plan.vm.machine;
  if (s.attributes && has_given_kernel(plan)) {
    plan.report(
        s.attributes->empty() ? plan.pos() : (*s.attributes)[0].pos,
        "start.attributes, but what a page is to the kernel 'given' follows from its answers",
        "start.answers");
  }
  if (plan.stack->kernel.family != "kvm" && !has_given_kernel(plan)) {
    plan.report(m.kernel.pos, "SNP guests are not modelled in this kernel",
                "a kernel like kvm-7.0");
  }
  for (const Region& region : plan.vm.memory) {
    if (region.device != Device::kIsaBios) continue;
    // QEMU hw/i386/x86-common.c x86_bios_rom_init: not where the machine needs guest_memfd.
    plan.report(region.name.pos, "there is no window below 1 MiB for an SNP guest's firmware",
                "machine.vm other than snp, or no region of device isa-bios");
  }
}

}  // namespace nptsim::scenario::building
