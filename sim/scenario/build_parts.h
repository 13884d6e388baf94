// The parts of the builder and what they hand to each other. Private to build*.cc.
#ifndef NPTSIM_SIM_SCENARIO_BUILD_PARTS_H_
#define NPTSIM_SIM_SCENARIO_BUILD_PARTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/kernel/given/model.h"
#include "models/library.h"
#include "sim/base/address.h"
#include "sim/base/diagnostic.h"
#include "sim/base/hex.h"
#include "sim/isa/registers.h"
#include "sim/machine/event.h"
#include "sim/machine/machine.h"
#include "sim/machine/setup.h"
#include "sim/scenario/build_places.h"
#include "sim/scenario/scenario.h"

namespace nptsim::scenario::building {

// Bytes that go into the guest's memory before it runs.
struct Piece {
  GuestPhysAddr gpa;
  std::vector<std::uint8_t> bytes;
  bool shared = false;  // C=0: written without the guest's key
};

// What the parts know so far. Each part reads what the ones before it have filled in.
struct Plan {
  Plan(const Scenario& point, const Vm& one_vm) : scenario(point), vm(one_vm) {}

  const Scenario& scenario;
  const Vm& vm;
  Diagnostics diagnostics;

  machine::Setup setup;                        // choose_models, then everybody
  std::shared_ptr<const models::Stack> stack;  // choose_models
  isa::Mode mode = isa::Mode::k64;             // choose_registers
  bool la57 = false;                           // choose_registers: the guest's own tables
  bool nxe = true;                             // choose_registers: NX is legal in an entry
  bool host_la57 = false;                      // choose_registers: the nested tables
  bool tlb = false;                            // choose_registers: the TLB is modelled
  std::vector<isa::Registers> registers;       // choose_registers; RIP, RSP, CR3 come later
  std::vector<std::uint64_t> xcr0;             // choose_registers
  Places places;                               // choose_places
  std::uint64_t tables_size = 0;               // write_guest_tables; 0: paging is off
  std::vector<Piece> image;                    // what the guest itself has written by now
  std::vector<given::Answer> answers;          // read_answers

  bool ok() const { return diagnostics.empty(); }
  bool user_code(unsigned vcpu) const { return registers[vcpu].cpl == 3; }
  // An SEV-ES guest whose page tables can say C=0, and that uses it.
  bool has_ghcbs() const {
    return setup.sealed() && mode == isa::Mode::k64 && vm.start.ghcb.registered;
  }
  void report(const SourcePos& pos, std::string found, std::string accepted = "",
              std::string suggestion = "") {
    diagnostics.push_back({pos, std::move(found), std::move(accepted), std::move(suggestion)});
  }
  void add(const Diagnostics& more) {
    diagnostics.insert(diagnostics.end(), more.begin(), more.end());
  }
  // A place of the scenario's for what has none of its own.
  const SourcePos& pos() const {
    return vm.machine.cpu.pos.line != 0 ? vm.machine.cpu.pos : scenario.pos;
  }
};

// --- the parts, in the order of build() ---

// Reports every key that is not modelled.
void refuse_unmodelled(Plan& plan);
// `machine.vm` alone; false if it is not modelled.
bool choose_type(Plan& plan);
// CPU, kernel, VMM, guest, overlays; the VM's type, ASID and keys.
void choose_models(Plan& plan, models::Library& library);
models::StackRequest stack_request(const Plan& plan);
models::Library::CpuOverrides cpu_overrides(const Scenario& scenario);
// Why this CPU cannot run such a guest with this ASID.
std::optional<std::string> asid_problem(const svm::CpuProfile& cpu, svm::GuestType type,
                                        std::uint32_t asid);
// `set: { cpu.NAME: on }` for what is a matter of the run, not of the part.
bool cpu_switch(Plan& plan, const char* name);
// Modes, privilege levels, control registers.
void choose_registers(Plan& plan);
// `start.answers`, for the kernel `given`.
bool has_given_kernel(const Plan& plan);
void read_answers(Plan& plan);
bool has_memory(Device device);  // a mapping of the host is behind it
void describe_regions(Plan& plan);
// Programs to bytes, with labels; needs where code lies.
void assemble_programs(Plan& plan);
// The address of a label of any program; the program of `vcpu` is asked first.
std::optional<std::uint64_t> label_address(const Plan& plan, unsigned vcpu,
                                           const std::string& label);
// GDT, TSS, IDT, the stubs behind its gates; segment registers.
void write_descriptor_tables(Plan& plan);
// The guest's own page tables, and CR3.
void write_guest_tables(Plan& plan);
// Everything lies in RAM, and apart.
void check_places(Plan& plan);
void read_script(Plan& plan);
// Every event that `expect:` names is one that can be.
void check_claims(Plan& plan);
// What the scenario gives a register holds over what the parts before have put there.
void apply_start_registers(Plan& plan);

// --- what needs the machine ---

// The contents of regions: what the VMM loads must be there before the launch.
void add_board_regions(Vm& vm, Diagnostics& diagnostics);
void choose_board(Plan& plan);
void map_large_pages(const Plan& plan, machine::Machine& machine);
void write_vmm_images(const Plan& plan, machine::Machine& machine);
void write_image(const Plan& plan, machine::Machine& machine);
void set_vcpus(const Plan& plan, machine::Machine& machine);
void set_answers(const Plan& plan, machine::Machine& machine);
// The slots of `vmm: bare`.
void set_raw_slots(Plan& plan, machine::Machine& machine);
// By the words of `start: { host: ... }`.
std::optional<machine::HostProtection> host_protection(const std::string& word);
void protect_backings(const Plan& plan, machine::Machine& machine);
// The nested tables: what the kernel would have mapped by now, and the scenario's own entries.
void set_generation(Plan& plan, machine::Machine& machine);
void track_writes(Plan& plan, machine::Machine& machine);
void warm_up(Plan& plan, machine::Machine& machine);

// --- SEV-SNP ---

// What needs an SNP guest, or a host with SNP.
void refuse_without_snp(Plan& plan);
// In which state each page of an SNP guest begins. The plan must not change meanwhile.
class PageStates {
 public:
  explicit PageStates(const Plan& plan);
  PageState of(GuestPhysAddr page) const;
  // What the scenario says of the page itself; null: nothing.
  const PageRange* said(GuestPhysAddr page) const;
  // All pages from `page` to the one before this address begin in the same state.
  GuestPhysAddr alike_until(GuestPhysAddr page) const;

 private:
  PageState unsaid(GuestPhysAddr page) const;

  const Plan& plan_;
  std::vector<Area> areas_;
  std::vector<std::uint64_t> borders_;  // sorted: where something begins or ends
};
// Where the memory of a page is, and how the guest goes to it.
struct BackedPage {
  machine::BackingId backing = machine::kNoBacking;
  bool shared = false;
  bool present = true;  // false: no page of an SNP guest is there yet
};
BackedPage backed_page(const Plan& plan, const machine::Region& region, GuestPhysAddr gpa);
void set_snp_pages(Plan& plan, machine::Machine& machine);
void break_firmware(const Plan& plan, machine::Machine& machine);
void write_rmp_entries(Plan& plan, machine::Machine& machine);
void write_nested_entries(Plan& plan, machine::Machine& machine);

}  // namespace nptsim::scenario::building

#endif  // NPTSIM_SIM_SCENARIO_BUILD_PARTS_H_
