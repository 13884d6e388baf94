// What does not change while a machine runs: the processor, the rules, the program text, who acts.
#ifndef NPTSIM_SIM_MACHINE_SETUP_H_
#define NPTSIM_SIM_MACHINE_SETUP_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/arch/svm/cpu.h"
#include "sim/arch/svm/cpu_profile.h"
#include "sim/arch/svm/vcpu.h"
#include "sim/base/address.h"
#include "sim/machine/host.h"
#include "sim/rules/program.h"

namespace nptsim::machine {

// A memory region as the VMM is told of it. What slots come of it is for the VMM's rules.
enum class RegionKind : std::uint8_t {
  kRam,
  kRom,
  kPflash,  // a ROM device that leaves romd mode for commands
  kIo,
  kNvm,      // a ROM device that never does: nRF51 non-volatile memory
  kNvmc,     // the registers that erase it
  kIsaBios,  // the end of the firmware once more, below 1 MiB
};

// The guest_memfd of region i, where the VMM makes one: a backing of that size.
inline constexpr BackingId kFirstGmem = 0x1000;

struct Region {
  std::string name;
  RegionKind kind = RegionKind::kRam;
  GuestPhysAddr gpa;
  std::uint64_t size = 0;                 // bytes, whole pages
  BackingId backing = kNoBacking;         // none for kIo
  BackingId gmem = kNoBacking;            // guest_memfd: where an SNP guest's private pages are
  bool romd = true;                       // kPflash: the mode at the start
  bool read_only_drive = false;           // kPflash: the drive behind it cannot be written
  bool secure = false;                    // kPflash: only accesses from SMM reach the device
  unsigned bank_width = 1;                // kPflash: bytes of the bus, 1, 2 or 4
  unsigned device_width = 0;              // kPflash: bytes of each chip on it; 0: not said
  std::uint64_t sector_size = kPageSize;  // kPflash: what one erase command clears
  std::array<std::uint16_t, 4> idents{};  // kPflash: id0 to id3
  std::size_t of = 0;                     // kNvmc: its array; kIsaBios: the firmware; by index
  bool launch_encrypted = false;  // measured and encrypted at launch, so private to the guest
  bool contains(GuestPhysAddr address) const { return address >= gpa && address - gpa < size; }
};

// A line of a vCPU's program that is no instruction: it lies at an address of its own, behind a NOP
// that is fetched and retires like any instruction.
struct Directive {
  enum class Kind : std::uint8_t { kCall, kLoad, kStore, kFetch, kCheck };
  Kind kind = Kind::kCall;
  rules::ProcedureId procedure = 0;      // kCall
  std::vector<std::uint64_t> arguments;  // kCall: the procedure's first locals; else gva, value
  unsigned size = 0;                     // kLoad, kStore, kFetch: bytes
  unsigned gpr = 0;                      // kLoad: the register that gets the value
  std::string check_left;                // kCheck: a register
  std::string check_relation;            // ==, !=, <, <=, >, >=
  std::uint64_t check_right = 0;
};

struct CodeLine {
  std::uint64_t address = 0;
  std::string text;  // as written
  std::optional<Directive> directive;
};

struct VcpuProgram {
  std::uint64_t entry = 0;
  std::uint64_t end = 0;        // reaching it completes the program
  std::vector<CodeLine> lines;  // by rising address
  std::map<std::string, std::uint64_t> labels;

  const CodeLine* line_at(std::uint64_t address) const;
};

// What somebody else does while the vCPUs run: a procedure of the VMM.
struct ScriptAct {
  std::string text;                      // as written
  rules::ProcedureId procedure = 0;      // of the VMM's program
  std::vector<std::uint64_t> arguments;  // its first locals
  std::optional<unsigned> at_vcpu;       // none: before anything runs
  std::uint64_t at_address = 0;
};

// How the programs of a stack find each other.
struct Entries {
  rules::ProcedureId vmexit = 0;                    // kernel
  std::optional<rules::ProcedureId> vmm_start;      // vmm
  std::vector<rules::ProcedureId> vmm_by_exit;      // vmm, by index in kernel.exits()
  std::vector<rules::ProcedureId> kernel_by_ioctl;  // kernel, by index in vmm.ioctls()
};

// A machine type of a PC.
struct Board {
  bool pc = false;       // false: no board was named, and regions lie where they lie
  unsigned version = 0;  // 901 is 9.1; 0: the newest of the VMM
};

struct Setup {
  svm::CpuProfile cpu;
  svm::GuestType guest_type = svm::GuestType::kPlain;
  std::string vm_type;         // "default", "sev-es", "sev-es-legacy", ...
  std::string kernel_vm_type;  // the type that the kernel was asked for: "default", ...
  std::uint64_t seed = 0;      // of the encryption keys
  std::uint32_t asid = 1;
  bool launch_open = false;  // an SNP guest whose pages nobody has measured yet
  unsigned vcpus = 1;

  std::shared_ptr<const rules::Program> kernel;
  std::shared_ptr<const rules::Program> vmm;
  std::shared_ptr<const rules::Program> guest;  // may be null: a guest without modelled code
  Entries entries;

  Board board;
  std::vector<Region> regions;
  std::vector<VcpuProgram> programs;  // by vCPU
  std::map<std::uint64_t, rules::ProcedureId>
      handlers;  // guest procedures by the address of a gate
  std::vector<ScriptAct> script;
  std::vector<GuestPhysAddr> ghcbs;         // by vCPU; empty for a guest that has none
  std::optional<GuestPhysAddr> cpuid_page;  // of an SNP guest that was told where it lies
  // Pages that the guest's kernel has free for new page tables.
  static constexpr unsigned kSparePages = 4;
  std::optional<GuestPhysAddr> spare_pages;

  bool sealed() const { return svm::has_sev_es(guest_type); }
  bool snp() const { return guest_type == svm::GuestType::kSnp; }
  bool keyed() const { return svm::has_sev(guest_type); }
  arch::KeyId guest_key() const { return keyed() ? arch::guest_key(asid, 1) : arch::kNoKey; }
  const Region* region_at(GuestPhysAddr address) const;
};

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_SETUP_H_
