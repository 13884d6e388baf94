#include "sim/scenario/build_places.h"

#include <algorithm>
#include <utility>

#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

// What starts at 0 in a 16-bit guest is its interrupt vector table; CS has base 0, so that RIP is
// the address, and code lies in the first 64 KiB.
constexpr GuestPhysAddr kRealModeIdt{0};
constexpr GuestPhysAddr kRealModeCode{0x6000};

std::uint64_t code_size(const Plan& plan, unsigned vcpu) {
  std::uint64_t end = plan.setup.programs[vcpu].end + 1;  // a HLT lies at the end
  const std::uint64_t begin = plan.places.code_of(vcpu).value;
  return ((end - begin) + kPageMask) & ~kPageMask;
}

}  // namespace

Places make_places(isa::Mode mode, const std::map<std::string, Number>& moved) {
  Places places;
  if (mode == isa::Mode::k16) {
    places.idt = kRealModeIdt;
    places.code = kRealModeCode;
    places.code_stride = kRealModeCodeStride;
  }
  const std::pair<const char*, GuestPhysAddr*> names[] = {
      {"gdt", &places.gdt},     {"idt", &places.idt},           {"tss", &places.tss},
      {"ghcb", &places.ghcb},   {"handlers", &places.handlers}, {"code", &places.code},
      {"stack", &places.stack}, {"tables", &places.tables},
  };
  for (const auto& [name, place] : names) {
    if (const auto found = moved.find(name); found != moved.end()) {
      *place = GuestPhysAddr(found->second.value);
    }
  }
  const std::pair<const char*, std::optional<GuestPhysAddr>*> wished[] = {{"cpuid", &places.cpuid},
                                                                          {"spare", &places.spare}};
  for (const auto& [name, place] : wished) {
    if (const auto found = moved.find(name); found != moved.end()) {
      *place = GuestPhysAddr(found->second.value);
    }
  }
  return places;
}

std::vector<Area> areas_without_tables(const Plan& plan) {
  const Places& p = plan.places;
  std::vector<Area> areas = {{"idt", p.idt, kPageSize, false, false, false, 0},
                             {"handlers", p.handlers, p.handlers_size(), false, true, false, 0}};
  if (plan.mode != isa::Mode::k16) {
    areas.push_back({"gdt", p.gdt, kPageSize, false, false, false, 0});
    areas.push_back({"tss", p.tss, kPageSize, false, false, false, 0});
  }
  if (p.cpuid) areas.push_back({"cpuid", *p.cpuid, kPageSize, false, false, false, 0});
  if (p.spare) {
    constexpr std::uint64_t kSize = machine::Setup::kSparePages * kPageSize;
    areas.push_back({"spare", *p.spare, kSize, false, false, false, 0});
  }
  for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) {
    const bool user = plan.user_code(vcpu);
    areas.push_back({"code", p.code_of(vcpu), code_size(plan, vcpu), user, true, false, vcpu});
    // Modelled guest code puts the few instructions that have to be real below its stack pointer.
    areas.push_back({"stack", p.stack_of(vcpu), kKernelStackEnd, false, true, false, vcpu});
    areas.push_back({"stack", p.stack_of(vcpu) + kKernelStackEnd,
                     kProgramStackEnd - kKernelStackEnd, user, true, false, vcpu});
    if (plan.has_ghcbs()) {
      areas.push_back({"ghcb", p.ghcb_of(vcpu), kPageSize, false, false, true, vcpu});
    }
  }
  return areas;
}

namespace {

std::vector<Area> all_areas(const Plan& plan, std::uint64_t tables_size) {
  std::vector<Area> areas = areas_without_tables(plan);
  if (tables_size != 0) {
    areas.push_back({"tables", plan.places.tables, tables_size, false, false, false, 0});
  }
  return areas;
}

std::string range_text(const Area& area) {
  return area.name + " at " + hex(area.gpa.value) + " to " + hex((area.gpa + area.size).value);
}

const SourcePos& pos_of(const Plan& plan, const Area& area) {
  const auto moved = plan.vm.place.find(area.name);
  return moved != plan.vm.place.end() ? moved->second.pos : plan.pos();
}

void check_ram(Plan& plan, const Area& area) {
  const machine::Region* region = plan.setup.region_at(area.gpa);
  const bool inside = region != nullptr && region->kind == machine::RegionKind::kRam &&
                      area.size <= region->size - (area.gpa - region->gpa);
  if (inside) return;
  plan.report(pos_of(plan, area), "there is no RAM for the guest's own " + range_text(area),
              "a region of RAM there, or `place: { " + area.name + ": ... }` elsewhere");
}

}  // namespace

void check_places(Plan& plan) {
  std::vector<Area> areas = all_areas(plan, plan.tables_size);
  for (const Area& area : areas) check_ram(plan, area);
  std::stable_sort(areas.begin(), areas.end(),
                   [](const Area& a, const Area& b) { return a.gpa < b.gpa; });
  for (std::size_t i = 1; i < areas.size(); ++i) {
    if (areas[i].gpa - areas[i - 1].gpa >= areas[i - 1].size) continue;
    plan.report(
        pos_of(plan, areas[i]),
        "the guest's own " + range_text(areas[i]) + " overlaps its " + range_text(areas[i - 1]),
        "places that lie apart");
  }
}

}  // namespace nptsim::scenario::building
