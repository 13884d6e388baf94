#include "sim/scenario/build.h"

#include <array>
#include <utility>

#include "sim/machine/narrator.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario {
namespace building {

namespace {

// All that needs no machine. Later parts rely on what earlier ones have found good.
// A kernel's free pages are zeros when they are taken for tables.
void clear_spare_pages(Plan& plan) {
  plan.setup.spare_pages = plan.places.spare;
  for (unsigned n = 0; plan.places.spare && n < machine::Setup::kSparePages; ++n) {
    const GuestPhysAddr page = *plan.places.spare + n * kPageSize;
    plan.image.push_back({page, std::vector<std::uint8_t>(kPageSize), false});
  }
}

bool fill_in(Plan& plan, models::Library& library) {
  refuse_unmodelled(plan);
  choose_models(plan, library);
  if (!plan.ok()) return false;
  choose_board(plan);
  refuse_without_snp(plan);
  describe_regions(plan);
  read_answers(plan);
  choose_registers(plan);
  plan.places = make_places(plan.mode, plan.vm.place);
  if (!plan.ok()) return false;
  assemble_programs(plan);
  if (!plan.ok()) return false;
  if (plan.has_ghcbs()) {
    for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) {
      plan.setup.ghcbs.push_back(plan.places.ghcb_of(vcpu));
    }
  }
  plan.setup.cpuid_page = plan.places.cpuid;
  clear_spare_pages(plan);
  write_descriptor_tables(plan);
  write_guest_tables(plan);
  apply_start_registers(plan);
  check_places(plan);
  read_script(plan);
  check_claims(plan);
  return plan.ok();
}

// The VMM's own start-up. False if there is no VM to go on with.
bool start_vmm(Plan& plan, machine::Machine& machine, machine::EventSink* events) {
  const auto& procedure = plan.setup.entries.vmm_start;
  if (!procedure) return true;
  machine::Narrator narrator(events);
  if (events != nullptr && plan.vm.start.begin == Begin::kVmmStart) machine.listen(&narrator);
  const bool ended = machine.run_to_end(machine::kVmmActor, machine::Layer::kVmm, *procedure);
  machine.listen(nullptr);
  if (!ended && !machine.vm_outcome()) {
    plan.report(plan.pos(), "the start-up of the VMM '" + plan.stack->vmm.name + "' does not end");
  }
  return ended && !machine.vm_outcome();
}

void start(Plan& plan, machine::Machine& machine, machine::EventSink* events) {
  const models::Stack& stack = *plan.stack;
  set_vcpus(plan, machine);
  map_large_pages(plan, machine);
  write_vmm_images(plan, machine);
  for (const models::LoadedModel* model : {&stack.kernel, &stack.vmm, &stack.guest}) {
    if (model->prepare != nullptr) model->prepare(machine.store(), plan.setup);
  }
  break_firmware(plan, machine);
  set_answers(plan, machine);
  set_raw_slots(plan, machine);
  if (!plan.ok() || !start_vmm(plan, machine, events)) return;
  set_snp_pages(plan, machine);
  if (!plan.ok()) return;
  write_image(plan, machine);
  protect_backings(plan, machine);
  set_generation(plan, machine);
  track_writes(plan, machine);
  warm_up(plan, machine);
  if (!plan.ok() || machine.vm_outcome()) return;
  write_nested_entries(plan, machine);
  write_rmp_entries(plan, machine);
}

}  // namespace
}  // namespace building

Result<Built, Diagnostics> build(const Scenario& point, models::Library& library,
                                 machine::EventSink* start_events) {
  if (!point.vms.empty()) {
    return Diagnostics{
        {point.pos, "vms: several machines are not modelled yet", "one machine", ""}};
  }
  Vm vm = point.vm;
  Diagnostics missing_room;
  building::add_board_regions(vm, missing_room);
  if (!missing_room.empty()) return missing_room;
  building::Plan plan(point, vm);
  if (!building::fill_in(plan, library)) return plan.diagnostics;
  Built built;
  built.setup = std::make_shared<const machine::Setup>(plan.setup);
  built.machine = std::make_unique<machine::Machine>(built.setup);
  building::start(plan, *built.machine, start_events);
  if (!plan.ok()) return plan.diagnostics;
  return built;
}

std::optional<std::string> contradiction(const Scenario& point, models::Library& library) {
  const Vm& vm = point.vm;
  const auto cpu =
      library.any_cpu({vm.machine.cpu.value, vm.machine.cpu.pos}, building::cpu_overrides(point));
  if (!cpu.ok()) return std::nullopt;  // build() says what is wrong
  const auto reasons = svm::contradictions(cpu.value());
  if (!reasons.empty()) return reasons.front();
  building::Plan plan(point, vm);
  const auto& asid = vm.start.vmsa.asid;
  if (!asid || !building::choose_type(plan)) return std::nullopt;
  return building::asid_problem(cpu.value(), plan.setup.guest_type,
                                static_cast<std::uint32_t>(asid->value));
}

}  // namespace nptsim::scenario
