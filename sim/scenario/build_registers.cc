// How each vCPU starts: mode, control registers, general registers.
#include <string_view>

#include "sim/arch/svm/sev.h"
#include "sim/arch/svm/vcpu.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

struct NamedBit {
  std::string_view name;
  unsigned bit;
};
// APM vol. 2 rev. 3.45, 3.1.1, 3.1.3, 3.1.7 and 11.5.2.
constexpr NamedBit kCr0Bits[] = {{"pe", 0},  {"mp", 1},  {"em", 2},  {"ts", 3},
                                 {"et", 4},  {"ne", 5},  {"wp", 16}, {"am", 18},
                                 {"nw", 29}, {"cd", 30}, {"pg", 31}};
constexpr NamedBit kCr4Bits[] = {
    {"vme", 0},         {"pvi", 1},   {"tsd", 2},   {"de", 3},        {"pse", 4},
    {"pae", 5},         {"mce", 6},   {"pge", 7},   {"pce", 8},       {"osfxsr", 9},
    {"osxmmexcpt", 10}, {"umip", 11}, {"la57", 12}, {"fsgsbase", 16}, {"pcide", 17},
    {"osxsave", 18},    {"smep", 20}, {"smap", 21}, {"pke", 22},      {"cet", 23}};
constexpr NamedBit kEferBits[] = {{"sce", 0},      {"lme", 8},    {"lma", 10},   {"nxe", 11},
                                  {"svme", 12},    {"lmsle", 13}, {"ffxsr", 14}, {"tce", 15},
                                  {"mcommit", 17}, {"intwb", 18}, {"uaie", 20},  {"aibrse", 21}};
constexpr NamedBit kXcr0Bits[] = {{"x87", 0}, {"sse", 1}, {"avx", 2}, {"pkru", 9}};

struct ControlName {
  std::string_view name;
  const NamedBit* bits;
  std::size_t count;
};
constexpr ControlName kControls[] = {{"cr0", kCr0Bits, std::size(kCr0Bits)},
                                     {"cr4", kCr4Bits, std::size(kCr4Bits)},
                                     {"efer", kEferBits, std::size(kEferBits)},
                                     {"xcr0", kXcr0Bits, std::size(kXcr0Bits)}};

void apply(Plan& plan, const ControlName& name, const ControlRegister& said, std::uint64_t& value) {
  if (said.value) value = *said.value;
  for (const auto& [bit_name, on] : said.bits) {
    bool known = false;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < name.count; ++i) {
      names.emplace_back(name.bits[i].name);
      if (name.bits[i].name != bit_name) continue;
      value = with_bits(value, name.bits[i].bit, name.bits[i].bit, on);
      known = true;
    }
    if (!known) {
      const std::string what = "bit of " + std::string(name.name);
      plan.diagnostics.push_back(unknown_word(said.pos, what, bit_name, names));
    }
  }
}

// The registers that a scenario can give a value; segment and control registers have other ways.
std::uint64_t* start_register(isa::Registers& r, const std::string& name) {
  for (unsigned i = 0; i < isa::kGprCount; ++i) {
    if (isa::gpr_name(i) == name) return &r.gpr[i];
  }
  struct Other {
    std::string_view name;
    std::uint64_t* word;
  };
  const Other others[] = {{"rflags", &r.rflags}, {"rip", &r.rip}, {"cr2", &r.cr2}, {"cr3", &r.cr3},
                          {"cr8", &r.cr8},       {"dr6", &r.dr6}, {"dr7", &r.dr7}};
  for (const Other& other : others) {
    if (other.name == name) return other.word;
  }
  return nullptr;
}

// What was said of all vCPUs and of this one, the latter on top.
template <class Use>
void for_each_start(const Plan& plan, unsigned vcpu, Use&& use) {
  use(plan.vm.start.cpu);
  if (const auto own = plan.vm.start.vcpu.find(vcpu); own != plan.vm.start.vcpu.end()) {
    use(own->second);
  }
}

isa::Mode mode_of_number(unsigned mode) {
  return mode == 16 ? isa::Mode::k16 : mode == 32 ? isa::Mode::k32 : isa::Mode::k64;
}

isa::Mode mode_of(const Plan& plan, unsigned vcpu) {
  isa::Mode mode = isa::Mode::k64;
  for_each_start(plan, vcpu, [&](const CpuStart& cpu) {
    if (cpu.mode) mode = mode_of_number(*cpu.mode);
  });
  return mode;
}

void choose_mode(Plan& plan) {
  plan.mode = mode_of(plan, 0);
  for (unsigned vcpu = 1; vcpu < plan.setup.vcpus; ++vcpu) {
    if (mode_of(plan, vcpu) == plan.mode) continue;
    plan.report(plan.pos(), "vCPUs that start in different modes are not modelled yet",
                "one mode for all of them");
    return;
  }
  if (plan.mode != isa::Mode::k64 && !plan.vm.map.empty()) {
    plan.report(plan.vm.map[0].pos, "map: in a guest that starts without paging",
                "start.cpu.mode: 64");
  }
}

void choose_cpl(Plan& plan, unsigned vcpu, isa::Registers& r) {
  unsigned cpl = 0;
  for_each_start(plan, vcpu, [&](const CpuStart& cpu) { cpl = cpu.cpl.value_or(cpl); });
  if (cpl == 0) return;
  if (cpl != 3 || plan.mode == isa::Mode::k16) {
    plan.report(plan.pos(), "start.cpu.cpl: " + std::to_string(cpl) + " is not modelled yet",
                plan.mode == isa::Mode::k16 ? "0 in real mode" : "0 or 3");
    return;
  }
  r.cpl = cpl;
}

void choose_controls(Plan& plan, unsigned vcpu, isa::Registers& r, std::uint64_t& xcr0) {
  std::uint64_t* words[] = {&r.cr0, &r.cr4, &r.efer, &xcr0};
  for_each_start(plan, vcpu, [&](const CpuStart& cpu) {
    for (std::size_t i = 0; i < std::size(kControls); ++i) {
      const auto said = cpu.control.find(std::string(kControls[i].name));
      if (said != cpu.control.end()) apply(plan, kControls[i], said->second, *words[i]);
    }
  });
}

isa::Registers default_registers(isa::Mode mode) {
  isa::Registers r = isa::flat_registers(mode, 0);
  if (mode != isa::Mode::k16) r.cr0 |= isa::kCr0Ne;
  if (mode == isa::Mode::k64) {
    r.cr0 |= isa::kCr0Wp;
    r.cr4 |= isa::kCr4Osfxsr | isa::kCr4Osxmmexcpt;
  }
  return r;
}

void choose_paging(Plan& plan) {
  plan.la57 = plan.registers[0].cr4 & isa::kCr4La57;
  plan.nxe = plan.registers[0].efer & isa::kEferNxe;
  plan.host_la57 = cpu_switch(plan, "host_la57") || plan.la57;
  plan.tlb = cpu_switch(plan, "tlb");
  for (const isa::Registers& r : plan.registers) {
    const bool la57 = r.cr4 & isa::kCr4La57;
    if (la57 != plan.la57) {
      plan.report(plan.pos(), "vCPUs whose CR4.LA57 differ are not modelled yet",
                  "one page-table depth for all of them");
    }
  }
  if (plan.host_la57 && !plan.setup.cpu.features.la57) {
    plan.report(plan.pos(), "the CPU '" + plan.setup.cpu.name + "' has no LA57",
                "four levels, or a CPU with the feature la57");
  }
}

}  // namespace

void choose_registers(Plan& plan) {
  choose_mode(plan);
  for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) {
    isa::Registers r = default_registers(plan.mode);
    std::uint64_t xcr0 = svm::GuestState{}.xcr0;
    choose_cpl(plan, vcpu, r);
    choose_controls(plan, vcpu, r, xcr0);
    plan.registers.push_back(r);
    plan.xcr0.push_back(xcr0);
  }
  choose_paging(plan);
}

// After everything that gives a register a value of its own.
void apply_start_registers(Plan& plan) {
  for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) {
    for_each_start(plan, vcpu, [&](const CpuStart& cpu) {
      for (const auto& [name, value] : cpu.registers) {
        std::uint64_t* word = start_register(plan.registers[vcpu], name);
        if (word == nullptr) {
          plan.report(value.pos, "register '" + name + "' has no value of its own at the start");
        } else {
          *word = value.value;
        }
      }
    });
    plan.registers[vcpu].rflags |= isa::kFlagReserved1;
  }
}

void set_vcpus(const Plan& plan, machine::Machine& machine) {
  const machine::Setup& setup = plan.setup;
  for (unsigned vcpu = 0; vcpu < setup.vcpus; ++vcpu) {
    svm::VcpuRecord& v = svm::vcpu_record(machine.store(), vcpu);
    v.registers = plan.registers[vcpu];
    v.state.xcr0 = plan.xcr0[vcpu];
    v.control.asid = setup.asid;
    v.control.guest_type = static_cast<std::uint64_t>(setup.guest_type);
    v.control.guest_key = setup.guest_key().word;
    if (setup.snp()) v.state.sev_features = svm::kSnpActive;
    if (const auto& top = plan.vm.start.vmsa.vtom) {
      v.state.sev_features |= svm::kVirtualTom;
      v.state.virtual_tom = top->value;
    }
    v.state.vmpl = plan.vm.machine.vmpl.value;
    if (plan.host_la57) v.control.host_cr4 |= isa::kCr4La57;
    v.tlb.enabled = plan.tlb;
    if (!plan.has_ghcbs()) continue;
    v.control.ghcb_msr = setup.ghcbs[vcpu].value;
    if (const auto& said = plan.vm.start.ghcb.gpa) {
      v.control.ghcb_msr = said->value + vcpu * kPageSize;
    }
  }
}

}  // namespace nptsim::scenario::building
