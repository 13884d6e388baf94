// The nested tables at the start: what the kernel has mapped already, and raw entries on top.
#include "models/kernel/kvm/state.h"
#include "models/kernel/kvm/write_tracking.h"
#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/vcpu.h"
#include "sim/machine/host.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

constexpr char kPrefault[] = "prefault";
constexpr std::uint64_t kWriteFault = 1;

// Pages that a guest touches before it can do anything.
std::vector<Area> warm_areas(const Plan& plan) {
  std::vector<Area> areas = areas_without_tables(plan);
  if (plan.tables_size != 0) {
    areas.push_back({"tables", plan.places.tables, plan.tables_size, false, false, false, 0});
  }
  return areas;
}

class EntryWriter {
 public:
  EntryWriter(Plan& plan, machine::Machine& machine)
      : plan_(plan), machine_(machine), store_(machine.store()), memory_(machine.memory()) {
    const svm::VmcbControl& control = svm::vcpu_record(store_, 0).control;
    c_mask_ = plan.setup.cpu.host_c_mask();
    root_ = control.ncr3 & bit_range(51, kPageShift) & ~c_mask_;
    key_ = (control.ncr3 & c_mask_) ? arch::kHostKey : arch::kNoKey;
    levels_ = (control.host_cr4 & isa::kCr4La57) ? 5 : 4;
  }

  void write(const NestedEntry& entry) {
    if (root_ == 0) {
      return plan_.report(entry.pos, "the kernel has no nested tables yet", "start.begin: running");
    }
    if (entry.level > levels_) {
      return plan_.report(entry.pos, "level " + std::to_string(entry.level) + " of nested tables",
                          "1 to " + std::to_string(levels_) + " on this host");
    }
    const auto place = find(entry);
    if (!place) return;
    const auto word = word_of(entry, memory_.read_word(*place, key_));
    if (word) memory_.write_word(*place, *word, key_);
  }

 private:
  static unsigned shift(unsigned level) { return kPageShift + 9 * (level - 1); }

  HostPhysAddr at(std::uint64_t table, GuestPhysAddr gpa, unsigned level) const {
    return HostPhysAddr(table + 8 * ((gpa.value >> shift(level)) & 511));
  }

  // The tables down to the 4K entry, made by the kernel's own rules, which leave an entry in it
  // that nobody asked for.
  void make_tables(GuestPhysAddr gpa) {
    const auto prefault = plan_.setup.kernel->find_procedure(kPrefault);
    if (!prefault) return;
    machine_.run_to_end(0, machine::Layer::kKernel, *prefault, {gpa.value, 0});
    std::uint64_t table = root_;
    for (unsigned level = levels_; level > 1; --level) {
      const std::uint64_t word = memory_.read_word(at(table, gpa, level), key_);
      if (!(word & svm::kEntryP)) return;
      table = word & bit_range(51, kPageShift) & ~c_mask_;
    }
    memory_.write_word(at(table, gpa, 1), 0, key_);
  }

  // Where the entry lies; tables on the way are made.
  std::optional<HostPhysAddr> find(const NestedEntry& entry) {
    std::uint64_t table = root_;
    for (unsigned level = levels_; level > entry.level; --level) {
      const HostPhysAddr place = at(table, entry.gpa, level);
      std::uint64_t word = memory_.read_word(place, key_);
      if (!(word & svm::kEntryP)) {
        make_tables(entry.gpa);
        word = memory_.read_word(place, key_);
      }
      // A kernel that installs nothing here (a hole without MMIO caching) leaves that to us.
      const bool present = word & svm::kEntryP;
      if (present && level <= 3 && (word & svm::kEntryPs)) {
        plan_.report(entry.pos,
                     "gpa " + hex(entry.gpa.value) + " lies in a large nested page already",
                     "an entry of level " + std::to_string(level));
        return std::nullopt;
      }
      if (!present) {
        word = machine::allocate_frame(store_).value | (key_ == arch::kHostKey ? c_mask_ : 0) |
               svm::kEntryP | svm::kEntryRw | svm::kEntryUs | svm::kEntryA;
        memory_.write_word(place, word, key_);
      }
      table = word & bit_range(51, kPageShift) & ~c_mask_;
    }
    return at(table, entry.gpa, entry.level);
  }

  // Without a target: no entry at all, or the entry that is there with bits set besides.
  std::optional<std::uint64_t> word_of(const NestedEntry& entry, std::uint64_t old) {
    std::uint64_t word = 0;
    if (entry.to) {
      const auto target = target_of(entry);
      if (!target) return std::nullopt;
      word = *target | rights_of(entry);
    } else if (!entry.set_bits.empty()) {
      word = old;
    }
    for (const unsigned n : entry.set_bits) word |= bit(n);
    return word;
  }

  std::uint64_t rights_of(const NestedEntry& entry) const {
    const Rights& r = entry.rights;
    const bool leaf = entry.level <= 3;
    return (r.present ? svm::kEntryP : 0) | (r.write ? svm::kEntryRw : 0) |
           (r.user ? svm::kEntryUs : 0) | (r.execute ? 0 : svm::kEntryNx) | svm::kEntryA |
           (leaf ? svm::kEntryD : 0) | (leaf && entry.level > 1 ? svm::kEntryPs : 0);
  }

  // Private memory that was given to the guest in 2 MByte.
  bool is_contiguous(const Place& to) const {
    for (const machine::Region& region : plan_.setup.regions) {
      if (region.name != to.region || region.gmem == machine::kNoBacking) continue;
      for (const PageRange& range : plan_.vm.start.pages) {
        const GuestPhysAddr gpa = region.gpa + to.offset;
        if (gpa < range.gpa || gpa - range.gpa >= range.size) continue;
        if (range.rmp.value_or(kPageSize) == kSize2M) return to.offset % kSize2M == 0;
      }
    }
    return false;
  }

  std::optional<std::uint64_t> target_of(const NestedEntry& entry) {
    const Place& to = *entry.to;
    if (to.region.empty()) return to.offset;
    if (entry.level > 1 && !is_contiguous(to)) {
      plan_.report(to.pos, "the host has region '" + to.region + "' in 4-KByte frames",
                   "an entry of 4K, or a host address");
      return std::nullopt;
    }
    for (const machine::Region& region : plan_.setup.regions) {
      if (region.name != to.region || region.backing == machine::kNoBacking) continue;
      const BackedPage page = backed_page(plan_, region, region.gpa + to.offset);
      return machine::populate(store_, page.backing, to.offset >> kPageShift).value;
    }
    plan_.report(to.pos, "region '" + to.region + "' has no memory",
                 "a region of RAM, ROM or flash");
    return std::nullopt;
  }

  Plan& plan_;
  machine::Machine& machine_;
  Store& store_;
  arch::PhysicalMemory memory_;
  std::uint64_t root_ = 0;
  std::uint64_t c_mask_ = 0;
  arch::KeyId key_;
  unsigned levels_ = 4;
};

}  // namespace

// The number of memslot updates so far. Address space 0 has the even ones, where there are two.
void set_generation(Plan& plan, machine::Machine& machine) {
  const auto& generation = plan.vm.start.generation;
  if (!generation) return;
  if (plan.stack->kernel.family != "kvm") {
    return plan.report(generation->pos, "start.generation is KVM's", "a kernel like kvm-7.0");
  }
  const std::uint64_t step = plan.setup.snp() ? 1 : 2;
  if (generation->value % step != 0) {
    return plan.report(generation->pos, "start.generation is odd",
                       "an even number: this VM has two address spaces");
  }
  kvm::kVm.at(machine.store(), 0).set(kvm::vm::kGeneration, generation->value);
}

void track_writes(Plan& plan, machine::Machine& machine) {
  const auto& pages = plan.vm.start.write_tracked;
  if (pages.empty()) return;
  if (plan.stack->kernel.family != "kvm") {
    return plan.report(pages.front().pos, "start.write_tracked is KVM's", "a kernel like kvm-7.0");
  }
  if (pages.size() > kvm::kMostWriteTracked) {
    return plan.report(pages.back().pos, std::to_string(pages.size()) + " write-tracked pages",
                       "at most " + std::to_string(kvm::kMostWriteTracked));
  }
  std::vector<std::uint64_t> gfns;
  for (const Number& page : pages) gfns.push_back(page.value >> kPageShift);
  kvm::set_write_tracked(machine.store(), gfns);
}

void warm_up(Plan& plan, machine::Machine& machine) {
  if (!plan.vm.start.npt.warm || plan.setup.launch_open) return;
  const auto prefault = plan.setup.kernel->find_procedure(kPrefault);
  if (!prefault) {
    plan.report(plan.pos(), "the kernel '" + plan.stack->kernel.name + "' cannot map pages ahead",
                "start.npt: cold");
    return;
  }
  const PageStates states(plan);
  for (const Area& area : warm_areas(plan)) {
    for (std::uint64_t at = 0; at < area.size; at += kPageSize) {
      if (plan.setup.snp() && states.of(area.gpa + at) == PageState::kUntouched) continue;
      machine.run_to_end(area.vcpu, machine::Layer::kKernel, *prefault,
                         {(area.gpa + at).value, kWriteFault});
      if (machine.vm_outcome()) return;
    }
  }
}

void write_nested_entries(Plan& plan, machine::Machine& machine) {
  const auto& entries = plan.vm.start.npt.entries;
  if (entries.empty()) return;
  EntryWriter writer(plan, machine);
  for (const NestedEntry& entry : entries) writer.write(entry);
}

}  // namespace nptsim::scenario::building
