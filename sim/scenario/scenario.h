// A scenario as it was written, with types and places: what the machine is, what is in its memory,
// what runs, and what is expected. Knows no model: whether there is a kernel `kvm-6.12`, and what
// `flash.mode romd-on` does, is for those who build a machine from it.
//
// One YAML document is one Scenario. When its `set:` holds lists it stands for several points
// (matrix.h), each of which is a Scenario without lists again.
#ifndef NPTSIM_SIM_SCENARIO_SCENARIO_H_
#define NPTSIM_SIM_SCENARIO_SCENARIO_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/address.h"
#include "sim/base/diagnostic.h"
#include "sim/scenario/expect.h"
#include "sim/scenario/located.h"
#include "sim/scenario/program.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {

// ---- machine:

// Which models make the machine. A name that is empty was not given: the other models decide.
struct Machine {
  Text cpu;
  Text vm{"default", {}};  // KVM's name: default, sev, sev-es, snp, sev-legacy, sev-es-legacy, ...
  Text kernel;
  Text vmm{"bare", {}};
  Text guest{"none", {}};
  Text firmware;
  Text board;
  Number vcpus{1, {}};      // 1 to 64
  Number vmpl{0, {}};       // 0 to 3, where the vCPUs run at the start
  std::vector<Text> apply;  // overlays, in order
};

// ---- set:

// One key of `set:`. One value sets a parameter, several make a matrix.
struct Setting {
  Text key;  // "kernel.mmio_caching"; machine keys are bare: "vcpus"
  std::vector<Text> values;
  bool is_list = false;  // written as a list, even of one
};

// ---- memory:

enum class Device : std::uint8_t { kRam, kRom, kPflash, kIo, kNvm, kNvmc, kIsaBios };
enum class Launch : std::uint8_t { kUnsaid, kPlain, kEncrypted };

// Bytes that lie in a region before anything runs.
struct Contents {
  std::uint64_t offset = 0;
  std::vector<std::uint8_t> bytes;
  SourcePos pos;
};

struct Region {
  Text name;
  GuestPhysAddr gpa;
  std::uint64_t size = 0;  // whole pages
  Device device = Device::kRam;
  Text model;                         // kIo: which device ("vga", "apic"); may be empty
  bool romd = true;                   // kPflash: mode romd (reads are memory) or mmio
  bool read_only_drive = false;       // kPflash: `drive: ro`
  bool secure = false;                // kPflash: only SMM reaches the device
  unsigned width = 1;                 // kPflash: bytes of the bus
  unsigned device_width = 0;          // kPflash: bytes of each chip on it; 0: not said
  std::uint64_t sector = 4096;        // kPflash: what one erase clears
  std::vector<std::uint64_t> idents;  // kPflash: id0 to id3; none: all 0
  Launch launch = Launch::kUnsaid;    // encrypted at launch or not; unsaid: the VMM's rules
  std::uint64_t host_page = 4096;     // 4K, 2M or 1G: what the host maps it with
  std::optional<std::uint8_t> fill;   // every byte, before `contents`
  std::vector<Contents> contents;
};

// ---- map:

// Rights of an entry, guest's or nested. A leaf that is not present has none.
struct Rights {
  bool present = true;
  bool write = true;
  bool execute = true;
  bool user = false;
  bool operator==(const Rights&) const = default;
};

struct MapEntry {
  GuestVirtAddr gva;
  GuestPhysAddr gpa;
  std::uint64_t size = 0;
  std::uint64_t page = 4096;  // 4K, 2M or 1G entries
  std::optional<bool> c_bit;  // unsaid: private where the guest has a key
  Rights rights;
  SourcePos pos;
};

// ---- script: and explore.may

// A place in memory: an absolute address, or bytes into a region's backing ("flash+0x1000").
struct Place {
  std::string region;  // empty: absolute
  std::uint64_t offset = 0;
  SourcePos pos;
};

// The AMD-SP's commands for SNP guests, in the order of svm::FirmwareCommand.
inline constexpr std::string_view kFirmwareCommands[] = {
    "gctx-create",  "launch-start",   "activate",     "launch-update", "launch-finish",
    "page-reclaim", "page-set-state", "page-unsmash", "decommission"};

// An operation that is told what to do in so many words: `{ vmm: { set_slot: { id: 1, ... } } }`.
struct Operation {
  Text name;
  std::map<std::string, Number> numbers;  // "id", "gpa", "size", "len"
  std::optional<Place> backing;           // none: nothing is mapped there
  std::optional<Place> from;              // of a copy
  bool kernel_address = false;            // `backing: kernel`: no address of user space
  std::optional<Place> guest_memfd;       // of a slot; none: a descriptor that is not open
  bool other_file = false;                // `guest_memfd: other`: some other file's descriptor
  std::vector<Text> flags;
  std::string protection;
  std::string command;  // of the AMD-SP
  std::string type;     // of a page that is launched
  std::vector<std::uint8_t> bytes;
};

// What another actor does: `{ vmm: flash.mode romd-on, at: second }`.
struct Act {
  Text actor;                           // vmm, host, device, irq, attacker
  Text text;                            // "flash.mode romd-on"
  std::vector<std::string> words;       // the same in words: spaces and commas divide
  std::optional<Operation> operation;   // instead of words
  std::optional<std::string> at_label;  // none: before the vCPUs start
  unsigned at_vcpu = 0;                 // whose label that is
};

// ---- start:

enum class Begin : std::uint8_t { kVmmStart, kLaunch, kRunning };

struct NestedEntry {
  GuestPhysAddr gpa;
  std::optional<Place> to;                // where it points; none: not present, or only set_bits
  unsigned level = 1;                     // 1: 4K, 2: 2M, 3: 1G, 4 and 5: tables only
  Rights rights{true, true, true, true};  // nested leaves are user pages
  std::vector<unsigned> set_bits;         // bit numbers set besides
  SourcePos pos;
};

struct NestedTables {
  bool warm = true;                  // else cold
  std::vector<NestedEntry> entries;  // put in after that
};

// What a VMPL may do with a page of an SNP guest.
struct VmplMask {
  bool read = false, write = false, execute_user = false, execute_supervisor = false;
  bool operator==(const VmplMask&) const = default;
};

enum class PageState : std::uint8_t { kAccepted, kAssigned, kUntouched, kShared };

// Pages of an SNP guest; a later range holds over an earlier one.
struct PageRange {
  GuestPhysAddr gpa;
  std::uint64_t size = 0;
  PageState state = PageState::kAccepted;
  std::optional<std::uint64_t> rmp;  // entry size, 4K or 2M; none: the largest that fits
  std::map<unsigned, VmplMask> vmpl;
  SourcePos pos;
};

// A raw RMP entry; what is not said is 0.
struct RmpEntry {
  Place spa;
  std::uint64_t page = 4096;  // 4K or 2M
  bool assigned = false, validated = false, immutable = false, vmsa = false;
  GuestPhysAddr gpa;
  std::uint32_t asid = 0;
  std::map<unsigned, VmplMask> vmpl;
  SourcePos pos;
};

struct AttributeRange {
  GuestPhysAddr gpa;
  std::uint64_t size = 0;
  bool is_private = false;
  SourcePos pos;
};

struct Slot {
  std::uint32_t id = 0;
  GuestPhysAddr gpa;
  std::uint64_t size = 0;
  Place backing;                   // of which region, from which offset
  std::vector<std::string> flags;  // readonly, log_dirty, guest_memfd, gmem_only
  SourcePos pos;
};

// What the host's own tables say of (a part of) a region's backing.
struct HostRange {
  std::string region;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  // 0: all the rest of the region
  std::string protection;  // rw, r, none, unmapped, pfnmap-read, poisoned
  SourcePos pos;
};

// A gate of the guest's IDT: the guest model's own handler, none, or a label of a program.
struct Vector {
  unsigned number = 0;
  std::string handler;      // "model", "none" or a label
  unsigned label_vcpu = 0;  // whose label
  SourcePos pos;
};

// A control register: its whole value, or bits by name on top of the default.
struct ControlRegister {
  std::optional<std::uint64_t> value;
  std::map<std::string, bool> bits;  // "smap": on
  SourcePos pos;
};

struct CpuStart {
  std::optional<unsigned> mode;  // 16, 32 or 64
  std::optional<unsigned> cpl;
  std::map<std::string, Number> registers;         // "rax", "rflags", "cr2", ...
  std::map<std::string, ControlRegister> control;  // "cr0", "cr4", "efer", "xcr0"
  std::vector<MapEntry> tlb;  // translations that are cached already, right or not
  SourcePos pos;
};

struct VmsaStart {
  std::vector<Text> features;  // "debug-swap", ...
  std::optional<Number> vtom;
  std::optional<Number> asid;
};

struct FirmwareStart {
  std::vector<Text> fails;  // of kFirmwareCommands
};

struct GhcbStart {
  bool registered = true;
  std::optional<unsigned> version;
  std::optional<Number> gpa;
};

// With `kernel: given`: what it does at a #VMEXIT, or answers to a call of the VMM. Of those that
// fit the first one holds.
struct Answer {
  Text exit;                         // by its name: "CPUID"; empty, without `ioctl` too: NPF
  Text ioctl;                        // or which call
  std::optional<GuestPhysAddr> gpa;  // where the fault is, or what the call is about
  std::uint64_t size = 4096;
  std::string access;       // "r", "w", "x", "rwx": the accesses that this is for
  std::vector<Text> error;  // words of EXITINFO1 that have to be there
  Number times{0, {}};      // how often it is given; 0: always
  Text then;
  SourcePos pos;
};

struct Start {
  Begin begin = Begin::kRunning;
  NestedTables npt;
  std::vector<PageRange> pages;
  std::vector<RmpEntry> rmp;
  std::optional<std::vector<AttributeRange>> attributes;  // none: from the VMM's rules
  std::optional<std::vector<Slot>> slots;                 // none: from the VMM's rules
  std::optional<Number> generation;                       // of the memslots
  std::vector<Number> write_tracked;  // pages that KVM shadows for a nested guest
  std::vector<HostRange> host;
  std::vector<Vector> vectors;
  CpuStart cpu;                       // all vCPUs
  std::map<unsigned, CpuStart> vcpu;  // on top of it, by vCPU
  VmsaStart vmsa;
  FirmwareStart firmware;
  GhcbStart ghcb;
  std::vector<Answer> answers;
};

// ---- a virtual machine

struct Vm {
  std::string name;  // empty when there is only one
  SourcePos pos;
  Machine machine;
  std::vector<Region> memory;            // by rising address
  std::vector<MapEntry> map;             // in the order of the file; no two overlap in gva
  std::map<unsigned, Program> programs;  // by vCPU; a vCPU without one does not run
  Start start;
  std::map<std::string, Number> place;  // "code", "tables", "stack", "idt", "ghcb", ...

  const Region* region(const std::string& region_name) const;
};

// ---- explore:

// One value of these, picked at the start or when a vCPU is at a label.
struct Choice {
  Text key;
  std::vector<Text> values;
  std::optional<std::string> at_label;
  unsigned at_vcpu = 0;
};

struct Explore {
  std::vector<Act> may;
  std::vector<Choice> choose;
  std::vector<Expectation> possible;
  std::vector<Expectation> always;
  std::vector<Expectation> never;
  std::vector<Text> eventually;  // "vcpu0 progresses"
  SourcePos pos;
};

// ---- the whole

struct Scenario {
  SourcePos pos;  // of the document
  std::string name;
  std::string about;
  std::vector<std::string> sources;

  Vm vm;                // the only one, unless `vms:` is used
  std::vector<Vm> vms;  // `vms:`; each with what the top level says merged in
  // As written. At a point of a matrix: only parameters of models, each with its one value (machine
  // keys and paths have been put where they belong).
  std::vector<Setting> set;
  // At a point of a matrix: what was picked from the lists of `set:`, in its order.
  std::vector<std::pair<std::string, std::string>> picks;
  std::vector<Act> script;
  std::vector<ExpectCase> expect;  // without `when:`, just one; may be empty
  std::optional<Explore> explore;
  std::optional<Text> xfail;  // why the expectation is known not to be met

  std::shared_ptr<const yaml::Node> tree;  // the document with `like:` applied; null at a point

  // The value of a key of `set:`, of one with a list only at a point, or of a machine key; none if
  // the scenario does not say.
  std::optional<std::string> setting(const std::string& key) const;
};

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_SCENARIO_H_
